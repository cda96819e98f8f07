//! The proof that a request was verified, and what it is proof of.

#[cfg(feature = "bytes")]
mod owned;

use std::borrow::Cow;

#[cfg(feature = "bytes")]
pub use owned::VerifiedOwned;

use crate::body::BodyReading;
use crate::scheme::Flags;
use crate::time::Timestamp;

/// A request that was verified. There is no other way to make one than [`Verifier::verify`](crate::Verifier::verify),
/// so a handler that takes it cannot be reached by unchecked bytes.
///
/// What the signature covers is here directly; what came along unsigned is behind
/// [`unauthenticated`](Self::unauthenticated). Look at [`flags`](Self::flags) before trusting the body: a scheme
/// that only sends a token does not cover it.
#[derive(Clone, Debug)]
#[must_use = "a verified request is there to be used"]
pub struct Verified<'r> {
    pub(crate) body: &'r [u8],
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) id: Option<Cow<'r, str>>,
    pub(crate) event_type: Option<Cow<'r, str>>,
    pub(crate) matched_secret: usize,
    pub(crate) matched_reading: BodyReading,
    /// Which group of the signature header matched, where it has several.
    pub(crate) matched_group: usize,
    pub(crate) flags: Flags,
    pub(crate) unauthenticated: Unauthenticated<'r>,
}

impl<'r> Verified<'r> {
    /// The bytes of the body as they were received.
    pub fn body(&self) -> &'r [u8] {
        self.body
    }

    /// The time that was signed and checked; absent where the scheme signs none.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The delivery id, where the signature covers it.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The event type, where the signature covers it.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// Which of the secrets matched, from 0 in the order in which they were given.
    pub fn matched_secret(&self) -> usize {
        self.matched_secret
    }

    /// Which reading of the body matched.
    pub fn matched_reading(&self) -> BodyReading {
        self.matched_reading
    }

    /// What this verification does not prove.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// What the request says without the signature covering it: anybody can have written it.
    pub fn unauthenticated(&self) -> &Unauthenticated<'r> {
        &self.unauthenticated
    }
}

/// What a verified request says outside of its signature. Good for a log line, never for a decision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unauthenticated<'r> {
    pub(crate) id: Option<Cow<'r, str>>,
    pub(crate) event_type: Option<Cow<'r, str>>,
}

impl Unauthenticated<'_> {
    /// The delivery id of a header that is not signed.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The event type of a header that is not signed.
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }
}
