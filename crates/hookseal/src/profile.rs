//! Profiles: a wire format and policy as data.
#![doc = include_str!("../docs/profile.md")]

mod builtin;
mod challenge;
mod delivery;
mod problems;
mod read;
mod read_challenge;
mod read_handshake;
mod read_scheme;
mod reader;

use std::fmt;
use std::sync::Arc;

pub use challenge::{Challenge, ChallengeRefusal, ChallengeReply};
pub use delivery::{DeliveryPolicy, StatusSet, StatusSetError};
pub(crate) use delivery::{HeaderValue, check_header_value};
pub use problems::{ProfileErrors, ProfileProblem};

use crate::error::SecretError;
use crate::handshake::{Answer, HandshakeRule};
use crate::scheme::Scheme;
use crate::secret::Secret;
use crate::signer;

/// A wire format and policy: how to sign and verify, which headers are sent, and what counts as delivered.
///
/// Immutable once it is read, and valid: what can be wrong with a document is found by [`Profile::parse`].
///
/// ```
/// use hookseal::Profile;
///
/// let harmon = Profile::builtin("harmon").expect("built in");
/// assert_eq!(harmon.scheme().signature_header(), Some("x-harmon-signature"));
///
/// let renamed = Profile::parse(r#"
///     name = "mine"
///     extends = "harmon"
///     [scheme.signature]
///     header = "x-mine-signature"
/// "#)?;
/// assert_eq!(renamed.scheme().signature_header(), Some("x-mine-signature"));
/// # Ok::<(), hookseal::ProfileErrors>(())
/// ```
pub struct Profile {
    name: String,
    title: String,
    document: Option<String>,
    unconfirmed: Vec<String>,
    source: String,
    scheme: Arc<Scheme>,
    challenge: Option<Challenge>,
    delivery: DeliveryPolicy,
    handshakes: Arc<[HandshakeRule]>,
    acknowledgement: Option<Answer>,
}

/// Which scheme of a profile is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// The one for events.
    Delivery,
    /// The one for the challenge that checks an endpoint.
    Challenge,
}

impl Profile {
    /// Reads and checks a profile document.
    ///
    /// # Errors
    /// Every problem of the document at once, each with its place. Keys that are not known are problems.
    pub fn parse(toml: &str) -> Result<Profile, ProfileErrors> {
        read::profile(toml)
    }

    /// The built-in profile of this name.
    pub fn builtin(name: &str) -> Option<&'static Arc<Profile>> {
        builtin::by_name(name)
    }

    /// Every built-in profile, by name.
    pub fn builtins() -> impl ExactSizeIterator<Item = &'static Arc<Profile>> + Clone {
        builtin::all()
    }

    /// The name by which it is chosen: 1 to 64 lower-case letters, digits and hyphens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The title for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The vendor's document that it follows.
    pub fn document(&self) -> Option<&str> {
        self.document.as_deref()
    }

    /// What the profile takes to be so although no document of the vendor was found that says it, a sentence each. A
    /// profile that extends another one has what that says, unless it says its own.
    ///
    /// ```
    /// use hookseal::Profile;
    ///
    /// let linear = Profile::builtin("linear").expect("built in");
    /// assert!(linear.unconfirmed().iter().any(|fact| fact.contains("Linear-Event")));
    /// ```
    pub fn unconfirmed(&self) -> &[String] {
        &self.unconfirmed
    }

    /// The TOML that it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The scheme for events.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The challenge that checks an endpoint before events are sent to it.
    pub fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    /// What a sender does beyond the signature.
    pub fn delivery(&self) -> &DeliveryPolicy {
        &self.delivery
    }

    /// Whether the vendor checks an endpoint with requests that a receiver answers, see
    /// [`Handshakes`](crate::Handshakes).
    pub fn has_handshakes(&self) -> bool {
        !self.handshakes.is_empty()
    }

    /// What the vendor wants an event to be answered with, where that is more than a success code.
    pub fn acknowledgement(&self) -> Option<&Answer> {
        self.acknowledgement.as_ref()
    }

    pub(crate) fn handshake_rules(&self) -> &Arc<[HandshakeRule]> {
        &self.handshakes
    }

    /// The scheme of a part.
    pub fn part(&self, part: Part) -> Option<&Arc<Scheme>> {
        match part {
            Part::Delivery => Some(&self.scheme),
            Part::Challenge => self.challenge.as_ref().and_then(|challenge| challenge.scheme.as_ref()),
        }
    }

    /// Whether a [`Signer`](crate::Signer) can sign this part, given the secret and the parameters that it needs. There
    /// is nothing to sign where the vendor sends no proof, and where there is no such part.
    pub fn signs(&self, part: Part) -> bool {
        let scheme = self.part(part).filter(|scheme| scheme.signature.is_some());
        scheme.is_some_and(|scheme| signer::verify_only(scheme).is_none())
    }

    /// What receivers verify with when a sender holds `secret`, in the notation that a [`Verifier`](crate::Verifier) of
    /// this profile takes: the secret itself where it is shared, and otherwise the public key of the private one.
    ///
    /// ```
    /// use hookseal::{Part, Profile};
    ///
    /// let profile = Profile::builtin("standard-webhooks-v1a").expect("built in");
    /// let private = profile.delivery().new_secret(&[7; 32]);
    /// assert!(private.expose().starts_with(b"whsk_"));
    /// assert!(profile.verifying_secret(Part::Delivery, &private)?.expose().starts_with(b"whpk_"));
    /// # Ok::<(), hookseal::SecretError>(())
    /// ```
    ///
    /// # Errors
    /// The secret is none that signs this part, there is no such part, or receivers verify with a certificate, which
    /// only its authority can make.
    pub fn verifying_secret(&self, part: Part, secret: &Secret) -> Result<Secret, SecretError> {
        let scheme = self.part(part).ok_or(SecretError::NoSuchPart)?;
        signer::verifying_secret(scheme, secret)
    }

    /// The part that a scheme id of a known-answer vector file names: the profile's own name, or for a profile whose
    /// challenge has a scheme of its own its name with `-event` or `-challenge`.
    pub fn scheme_for(&self, scheme_id: &str) -> Option<Part> {
        let suffix = scheme_id.strip_prefix(self.name.as_str())?;
        match (suffix, self.part(Part::Challenge)) {
            ("", _) | ("-event", Some(_)) => Some(Part::Delivery),
            ("-challenge", Some(_)) => Some(Part::Challenge),
            _ => None,
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("name", &self.name).finish_non_exhaustive()
    }
}
