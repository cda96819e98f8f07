//! What the engine's own tests share.

use crate::SubscriptionSettings;

/// Settings with nothing chosen but the profile.
pub(crate) fn settings(profile: &str) -> SubscriptionSettings {
    SubscriptionSettings {
        endpoint_url: "https://hooks.example.test/in".into(),
        event_types: None,
        profile: profile.into(),
        description: None,
        headers: vec![],
        timeout_ms: None,
        rate_limit_per_s: None,
        max_in_flight: None,
        retry_schedule_s: None,
        metadata: None,
    }
}
