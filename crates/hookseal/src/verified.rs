//! The proof that a request was verified, and what it is proof of.

mod identities;
#[cfg(feature = "bytes")]
mod owned;

use std::fmt;

pub(crate) use identities::{Identities, Identity};
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
    pub(crate) identities: Identities<'r>,
    pub(crate) matched_secret: usize,
    pub(crate) matched_reading: BodyReading,
    /// Which group of the signature header matched, where it has several.
    pub(crate) matched_group: usize,
    pub(crate) flags: Flags,
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
    ///
    /// Where it stands in the body, the first call for it or for the event type parses the body.
    pub fn id(&self) -> Option<&str> {
        self.identities.id(true, self.body)
    }

    /// The event type, where the signature covers it.
    ///
    /// Where it stands in the body, the first call for it or for the delivery id parses the body.
    pub fn event_type(&self) -> Option<&str> {
        self.identities.event_type(true, self.body)
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
    pub fn unauthenticated(&self) -> Unauthenticated<'_> {
        Unauthenticated { identities: &self.identities, body: self.body }
    }
}

/// What a verified request says outside of its signature. Good for a log line, never for a decision.
#[derive(Clone, Copy)]
pub struct Unauthenticated<'v> {
    identities: &'v Identities<'v>,
    body: &'v [u8],
}

impl<'v> Unauthenticated<'v> {
    /// The delivery id, where it is not signed.
    pub fn id(&self) -> Option<&'v str> {
        self.identities.id(false, self.body)
    }

    /// The event type, where it is not signed.
    pub fn event_type(&self) -> Option<&'v str> {
        self.identities.event_type(false, self.body)
    }
}

impl fmt::Debug for Unauthenticated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unauthenticated")
            .field("id", &self.id())
            .field("event_type", &self.event_type())
            .finish()
    }
}
