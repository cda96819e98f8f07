//! What governs the deliveries of one subscription: its own choices over its profile's over the defaults.

use std::time::Duration;

use hookseal::{DeliveryPolicy, StatusSet};

use crate::{DisableAfter, OnGiveUp, SubscriptionSettings, limits};

/// The rules of one subscription, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Status codes that count as a success.
    pub success: StatusSet,
    /// Within which an attempt must be over.
    pub timeout: Duration,
    /// The wait after attempt 1, 2, ...; when it runs out the delivery is given up.
    pub schedule: Vec<Duration>,
    /// When the subscription is disabled.
    pub disable_after: DisableAfter,
    /// Attempts under way at once at most, at least 1.
    pub max_in_flight: u32,
    /// Attempts begun per second at most.
    pub rate_limit_per_s: Option<u32>,
    /// Whether deliveries go out one after the other, and what follows where the first is given up.
    pub ordered: Option<OnGiveUp>,
}

impl Policy {
    /// Resolves a subscription's rules.
    pub fn resolve(profile: &DeliveryPolicy, settings: &SubscriptionSettings) -> Self {
        let schedule = match (&settings.retry_schedule_s, profile.retry_schedule()) {
            (Some(own), _) => own.iter().map(|s| Duration::from_secs(u64::from(*s))).collect(),
            (None, Some(profile)) => profile.to_vec(),
            (None, None) => limits::RETRY_SCHEDULE_DEFAULT.to_vec(),
        };
        let of_profile = profile.disable_after_failures().map(DisableAfter::Failures);
        let own_timeout = settings.timeout_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        Self {
            success: settings.success.as_ref().unwrap_or(profile.success()).clone(),
            timeout: own_timeout.or(profile.timeout()).unwrap_or(limits::ATTEMPT_TIMEOUT_DEFAULT),
            schedule,
            disable_after: settings
                .disable_after
                .or(of_profile)
                .unwrap_or(DisableAfter::Time(limits::DISABLE_AFTER)),
            max_in_flight: settings.max_in_flight.unwrap_or(limits::MAX_IN_FLIGHT_DEFAULT).max(1),
            rate_limit_per_s: settings.rate_limit_per_s,
            ordered: settings.ordered,
        }
    }
}
