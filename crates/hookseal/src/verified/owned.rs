//! The proof for where a request does not live long enough to be borrowed from.

use bytes::Bytes;

use super::{Identities, Unauthenticated, Verified};
use crate::body::BodyReading;
use crate::scheme::Flags;
use crate::time::Timestamp;

/// A request that was verified, with its body: [`Verified`] for a handler that outlives the request's buffers.
///
/// There is no other way to make one than [`Verified::into_owned`], so it proves the same.
#[derive(Clone, Debug)]
#[must_use = "a verified request is there to be used"]
pub struct VerifiedOwned {
    body: Bytes,
    timestamp: Option<Timestamp>,
    identities: Identities<'static>,
    matched_secret: usize,
    matched_reading: BodyReading,
    flags: Flags,
}

impl Verified<'_> {
    /// The same proof with a body of its own: `body` is shared where it is the very memory that was verified, and what
    /// was verified is copied where it is not.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use hookseal::{Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
    ///
    /// let profile = Profile::builtin("harvestr").expect("built in");
    /// let secrets = [Secret::new("harvestr-secret-token-fake")];
    /// let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default())?;
    ///
    /// let body = Bytes::new();
    /// let signature = "154790b4c527ca72f4bf349f2fb7a7babdd32b282a42291538283b8ad18b4a20";
    /// let headers = [("X-Harvestr-Webhook-Signature", signature)];
    /// let request = Request { method: "POST", url: "https://app.example/hooks", headers: &headers, body: &body };
    /// let verified = verifier.verify(&request, Timestamp::from_unix_seconds(1_750_000_000))?.into_owned(&body);
    /// assert_eq!(verified.body(), &body);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_owned(self, body: &Bytes) -> VerifiedOwned {
        let body =
            if std::ptr::eq(self.body, &**body) { body.clone() } else { Bytes::copy_from_slice(self.body) };
        VerifiedOwned {
            body,
            timestamp: self.timestamp,
            identities: self.identities.into_owned(),
            matched_secret: self.matched_secret,
            matched_reading: self.matched_reading,
            flags: self.flags,
        }
    }
}

impl VerifiedOwned {
    /// The bytes of the body as they were received.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The time that was signed and checked; absent where the scheme signs none.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The delivery id, where the signature covers it.
    ///
    /// Where it stands in the body, the first call for it or for the event type parses the body.
    pub fn id(&self) -> Option<&str> {
        self.identities.id(true, &self.body)
    }

    /// The event type, where the signature covers it.
    ///
    /// Where it stands in the body, the first call for it or for the delivery id parses the body.
    pub fn event_type(&self) -> Option<&str> {
        self.identities.event_type(true, &self.body)
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
        Unauthenticated { identities: &self.identities, body: &self.body }
    }
}
