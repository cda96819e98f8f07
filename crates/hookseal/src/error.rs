//! Why something was not signed or not verified.

use std::fmt;

use crate::time::TimestampError;

/// Why a request was not verified. Over the network all kinds look alike; this is for the log of the receiver.
///
/// `Display` never shows a secret, an expected digest, or text from the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyError {
    /// Behind a pointer, as every step of a verification returns one or none, and a wide one would be moved through all
    /// of them.
    problem: Box<Problem>,
}

/// What is wrong, where, and what would be right. Names come from the profile, so they are safe to log.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Problem {
    kind: ErrorKind,
    place: Option<String>,
    text: &'static str,
}

impl VerifyError {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, text: &'static str) -> Self {
        Self { problem: Box::new(Problem { kind, place: None, text }) }
    }

    #[cold]
    pub(crate) fn at(kind: ErrorKind, place: impl fmt::Display, text: &'static str) -> Self {
        Self { problem: Box::new(Problem { kind, place: Some(place.to_string()), text }) }
    }

    /// The same without the place, where that would be a name from the request.
    pub(crate) fn unplaced(mut self) -> Self {
        self.problem.place = None;
        self
    }

    /// What sort of problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind
    }

    /// The header or field concerned, by its name in the profile.
    #[cfg(feature = "explain")]
    pub(crate) fn place(&self) -> Option<&str> {
        self.problem.place.as_deref()
    }

    /// What would be right.
    #[cfg(feature = "explain")]
    pub(crate) fn problem(&self) -> &'static str {
        self.problem.text
    }

    /// The header or field concerned, and what would be right, as one clause.
    pub fn detail(&self) -> String {
        match &self.problem.place {
            Some(place) => format!("{place}: {}", self.problem.text),
            None => self.problem.text.to_owned(),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind().as_str(), self.detail())
    }
}

impl std::error::Error for VerifyError {}

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// The kinds of failure. The names are stable and the same as in known-answer vector files (`webhook-kat/1`).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The stable name, in lower case with underscores.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

error_kinds! {
    /// The header or field of the signature or token is absent or empty.
    MissingSignature = "missing_signature",
    /// The signature does not follow its grammar: wrong prefix, bad encoding, wrong digest length, too many.
    MalformedSignature = "malformed_signature",
    /// The header parses and holds no signature of an accepted version.
    UnsupportedVersion = "unsupported_version",
    /// The algorithm that the message names is not allowed.
    UnsupportedAlgorithm = "unsupported_algorithm",
    /// Well formed, and no secret makes it.
    SignatureMismatch = "signature_mismatch",
    /// The shared token or the credentials differ.
    TokenMismatch = "token_mismatch",
    /// There is no timestamp.
    MissingTimestamp = "missing_timestamp",
    /// The timestamp does not have the format of the profile.
    MalformedTimestamp = "malformed_timestamp",
    /// The timestamp is further in the past than the tolerance.
    TimestampTooOld = "timestamp_too_old",
    /// The timestamp is further in the future than the tolerance.
    TimestampTooNew = "timestamp_too_new",
    /// There is no delivery id, and the signature covers one.
    MissingId = "missing_id",
    /// The delivery id holds what would make the signed bytes ambiguous.
    MalformedId = "malformed_id",
    /// Another header or field that is needed is absent.
    MissingField = "missing_field",
    /// Several lines of a header that stands once.
    DuplicateHeader = "duplicate_header",
    /// The same key twice within one header or form.
    DuplicateField = "duplicate_field",
    /// A mistake of configuration: a secret that is empty, cannot be decoded, or is of the wrong kind.
    InvalidSecret = "invalid_secret",
    /// The signature lives in the body, and the body cannot be parsed.
    MalformedBody = "malformed_body",
    /// The digest of the body that is signed is not the body's.
    BodyHashMismatch = "body_hash_mismatch",
    /// A claim is not as configured.
    ClaimMismatch = "claim_mismatch",
    /// The URL of the key is not on the list of allowed ones.
    UntrustedKeyUrl = "untrusted_key_url",
    /// There is no signature for our key's id.
    UnknownKey = "unknown_key",
    /// A component that has to be covered is not.
    InsufficientCoverage = "insufficient_coverage",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a signer or verifier cannot be made: the secrets, or the configuration around them. Never a verdict on a
/// request, and never to be treated as one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// No secret was given, and the scheme needs one.
    #[error("no secret is configured")]
    Missing,
    /// The secret, or the key that it decodes to, is empty.
    #[error("secret {} is empty", .index + 1)]
    Empty {
        /// Which of the given secrets, from 0.
        index: usize,
    },
    /// The secret cannot be decoded.
    #[error("secret {} is not {expected}", .index + 1)]
    Undecodable {
        /// Which of the given secrets, from 0.
        index: usize,
        /// What it has to be.
        expected: &'static str,
    },
    /// The secret begins with a prefix of another kind of key. A public key as a shared secret lets anybody sign.
    #[error("secret {} begins with `{prefix}`, which marks another kind of key", .index + 1)]
    WrongKind {
        /// Which of the given secrets, from 0.
        index: usize,
        /// The prefix, which is from the profile.
        prefix: String,
    },
    /// More secrets than the bound allows.
    #[error("there are more than {limit} secrets")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// The profile does not allow unsigned deliveries.
    #[error("the profile does not allow unsigned deliveries")]
    UnsignedRefused,
    /// The profile has no scheme for this part.
    #[error("the profile has no challenge scheme")]
    NoSuchPart,
    /// The library verifies this scheme and does not sign it.
    #[error("the scheme can be verified and not signed: {reason}")]
    VerifyOnly {
        /// What stands in the way.
        reason: &'static str,
    },
    /// Receivers verify with a certificate, and the library makes none.
    #[error("receivers verify with a certificate of the key, which its authority makes")]
    Certificate,
    /// A parameter that the scheme needs is not set, or not of the kind that it needs.
    #[error("the parameter `{name}` is needed")]
    MissingParam {
        /// Its name.
        name: String,
    },
}

impl SecretError {
    /// The kind in known-answer vector files: always [`ErrorKind::InvalidSecret`].
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidSecret
    }
}

/// Why a message was not signed. What would break or split a header is refused, never escaped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A value holds something else than visible ASCII, such as a line break.
    #[error("the {what} holds characters that a header cannot carry")]
    NotVisibleAscii {
        /// Which value.
        what: &'static str,
    },
    /// A value that the headers need is empty or not given.
    #[error("the {what} is missing")]
    Missing {
        /// Which value.
        what: &'static str,
    },
    /// The id holds a character that separates the signed parts.
    #[error("the id holds `{character}`, which separates the signed parts")]
    Separator {
        /// The character.
        character: char,
    },
    /// The given timestamp does not have the format of the profile.
    #[error("the timestamp does not have the profile's format")]
    Timestamp(#[source] TimestampError),
    /// The id is to be written as a UUID, and is neither one nor a type and 26 characters that stand for one.
    #[error("the id stands for no UUID")]
    NotUuid,
    /// A value of the message that is signed is not there, or the body cannot be read.
    #[error("the signed content cannot be put together")]
    Content(#[source] VerifyError),
    /// A timestamp was given to a scheme that writes none.
    #[error("the scheme writes no timestamp, so that none can be chosen")]
    NoTimestamp,
    /// The body has no place for the signature where the scheme has it.
    #[error("the body has no `{place}` to put the signature in")]
    Place {
        /// The path or the field, from the profile.
        place: String,
    },
    /// The signature stands in the body or the URL, and headers alone were asked for.
    #[error("the signature stands in the body or the URL and not in a header")]
    NotInHeaders,
    /// The digest of the body in the URL is absent, or that of another body.
    #[error("the digest of the body in the URL is not that of the body")]
    BodyDigest,
    /// The message names an algorithm that nothing is signed with any more.
    #[error("the message names an algorithm that the library does not sign with")]
    Algorithm,
    /// The operating system gave no randomness, which an ECDSA signature needs.
    #[error("the operating system gave no randomness")]
    Randomness,
    /// A value is longer than the bound.
    #[error("the {what} is longer than {limit} bytes")]
    TooLong {
        /// Which value.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }
}
