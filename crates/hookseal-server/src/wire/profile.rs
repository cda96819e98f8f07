use hookseal::{Algorithm, Profile};
use serde::Serialize;

/// A profile in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileSummary<'a> {
    name: &'a str,
    title: &'a str,
    document: Option<&'a str>,
}

/// A profile: what it sends, and the document that it was read from.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileView<'a> {
    name: &'a str,
    title: &'a str,
    document: Option<&'a str>,
    /// Null where the message names it, from a list in the source.
    algorithm: Option<&'static str>,
    signature_header: Option<&'a str>,
    timestamp_header: Option<&'a str>,
    id_header: Option<&'a str>,
    /// What the signature does not prove.
    weaknesses: Vec<&'static str>,
    unsigned_allowed: bool,
    /// Whether an endpoint is asked to prove itself before events go to it.
    challenge: bool,
    /// Status codes that count as delivered.
    success: String,
    timeout_ms: Option<u64>,
    retry_schedule_s: Option<Vec<u64>>,
    disable_after_failures: Option<u32>,
    user_agent: Option<&'a str>,
    /// The whole profile, as TOML.
    source: &'a str,
}

impl<'a> ProfileSummary<'a> {
    pub(crate) fn of(profile: &'a Profile) -> Self {
        Self { name: profile.name(), title: profile.title(), document: profile.document() }
    }
}

impl<'a> ProfileView<'a> {
    pub(crate) fn of(profile: &'a Profile) -> Self {
        let (scheme, delivery) = (profile.scheme(), profile.delivery());
        let schedule = delivery.retry_schedule();
        Self {
            name: profile.name(),
            title: profile.title(),
            document: profile.document(),
            algorithm: scheme.algorithm().map(Algorithm::as_str),
            signature_header: scheme.signature_header(),
            timestamp_header: scheme.timestamp_header(),
            id_header: scheme.id_header(),
            weaknesses: scheme.flags().names().collect(),
            unsigned_allowed: delivery.unsigned_allowed(),
            challenge: profile.challenge().is_some(),
            success: delivery.success().to_string(),
            timeout_ms: delivery
                .timeout()
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            retry_schedule_s: schedule.map(|waits| waits.iter().map(std::time::Duration::as_secs).collect()),
            disable_after_failures: delivery.disable_after_failures(),
            user_agent: delivery.user_agent(),
            source: profile.source(),
        }
    }
}
