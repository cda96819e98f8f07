//! What a verification proves, as JSON.

use hookseal::{Part, Verified};
use serde::Serialize;

use crate::inputs::Chosen;

/// What was verified. The fields are those of [`Verified`].
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proof {
    profile: String,
    part: &'static str,
    /// Which of the secrets matched, from 0.
    pub(crate) secret: usize,
    reading: &'static str,
    timestamp: Option<String>,
    /// The id that the signature covers.
    pub(crate) id: Option<String>,
    /// The event type that the signature covers.
    pub(crate) event_type: Option<String>,
    body_bytes: usize,
    /// What the request says without the signature covering it.
    pub(crate) unauthenticated: Claimed,
    flags: Vec<&'static str>,
}

/// What anybody can have written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Claimed {
    /// The id of a header that is not signed.
    pub(crate) id: Option<String>,
    /// The event type of a header that is not signed.
    pub(crate) event_type: Option<String>,
}

impl Proof {
    /// What `verified` proves under the chosen scheme.
    pub(crate) fn new(chosen: &Chosen, verified: &Verified<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let unauthenticated = verified.unauthenticated();
        Self {
            profile: chosen.profile.name().to_owned(),
            part: match chosen.part {
                Part::Delivery => "delivery",
                Part::Challenge => "challenge",
            },
            secret: verified.matched_secret(),
            reading: verified.matched_reading().as_str(),
            timestamp: verified.timestamp().map(|timestamp| timestamp.to_string()),
            id: owned(verified.id()),
            event_type: owned(verified.event_type()),
            body_bytes: verified.body().len(),
            unauthenticated: Claimed {
                id: owned(unauthenticated.id()),
                event_type: owned(unauthenticated.event_type()),
            },
            flags: verified.flags().names().collect(),
        }
    }
}
