//! What the engine's own tests share.

use crate::SubscriptionSettings;

/// Settings with nothing chosen but the profile.
pub(crate) fn settings(profile: &str) -> SubscriptionSettings {
    SubscriptionSettings::new("https://hooks.example.test/in", profile)
}
