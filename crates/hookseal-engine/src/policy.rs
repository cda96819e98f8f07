//! What governs the deliveries of one subscription: its own choices over its profile's over the defaults.

use std::time::Duration;

use hookseal::{DeliveryPolicy, StatusSet};

use crate::{SubscriptionSettings, limits};

/// The rules of one subscription, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Status codes that count as a success.
    pub success: StatusSet,
    /// Within which an attempt must be over.
    pub timeout: Duration,
    /// The wait after attempt 1, 2, ...; when it runs out the delivery is given up.
    pub schedule: Vec<Duration>,
    /// Deliveries that fail in a row before the subscription is disabled; `None` means the rule by time.
    pub disable_after_failures: Option<u32>,
    /// Attempts under way at once at most, at least 1.
    pub max_in_flight: u32,
    /// Attempts begun per second at most.
    pub rate_limit_per_s: Option<u32>,
}

impl Policy {
    /// Resolves a subscription's rules.
    pub fn resolve(profile: &DeliveryPolicy, settings: &SubscriptionSettings) -> Self {
        let schedule = match (&settings.retry_schedule_s, profile.retry_schedule()) {
            (Some(own), _) => own.iter().map(|s| Duration::from_secs(u64::from(*s))).collect(),
            (None, Some(profile)) => profile.to_vec(),
            (None, None) => limits::RETRY_SCHEDULE_DEFAULT.to_vec(),
        };
        let own_timeout = settings.timeout_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        Self {
            success: profile.success().clone(),
            timeout: own_timeout.or(profile.timeout()).unwrap_or(limits::ATTEMPT_TIMEOUT_DEFAULT),
            schedule,
            disable_after_failures: profile.disable_after_failures(),
            max_in_flight: settings.max_in_flight.unwrap_or(limits::MAX_IN_FLIGHT_DEFAULT).max(1),
            rate_limit_per_s: settings.rate_limit_per_s,
        }
    }
}
