//! The part of a profile that signs and verifies, as data.

mod algorithm;
mod content;
mod encoding;
mod facts;
mod flags;
mod signature;

use std::time::Duration;

pub(crate) use algorithm::AlgorithmRule;
pub use algorithm::{Algorithm, DigestKind, JwtAlgorithm};
pub(crate) use content::{Canonical, Piece, Value};
pub(crate) use encoding::Encoding;
pub use facts::Tolerance;
pub use flags::Flags;
pub(crate) use signature::{
    Carrier, Coverage, Grammar, InputParameter, KeyPattern, Pairs, Rotation, SignatureRule,
};

use crate::body::BodyReading;
use crate::key::KeyStep;
use crate::key_source::{KeySet, KeyUrl};
use crate::profile::HeaderValue;
use crate::time::{self, Timestamp, TimestampError};
use crate::verifier::Mode;

/// How one kind of request is signed and verified: algorithm, key, signed content, and where each part stands.
#[derive(Clone, Debug)]
pub struct Scheme {
    pub(crate) algorithm: AlgorithmRule,
    /// From a secret to the key that verifies.
    pub(crate) key: Vec<KeyStep>,
    /// From a secret to the key that signs: the same, or another one where the key that verifies is public.
    pub(crate) signing_key: Vec<KeyStep>,
    pub(crate) content: Vec<Piece>,
    /// Absent for the algorithm `none` alone.
    pub(crate) signature: Option<SignatureRule>,
    pub(crate) timestamp: Option<TimestampRule>,
    pub(crate) id: Option<IdentityRule>,
    pub(crate) event_type: Option<IdentityRule>,
    pub(crate) readings: Readings,
    /// Whether compat mode also takes a signature over the URL with or without its port.
    pub(crate) compat_ports: bool,
    pub(crate) required: Vec<RequiredHeader>,
    /// Headers that signing writes, as the signature covers them or receivers need them.
    pub(crate) headers: Vec<(String, HeaderValue)>,
    pub(crate) body_digest: Option<BodyDigest>,
    pub(crate) claims: Vec<ClaimRule>,
    pub(crate) key_url: Option<KeyUrl>,
    pub(crate) key_set: Option<KeySet>,
    pub(crate) flags: Flags,
}

/// Where the timestamp stands, what it looks like, and how far it may be from now.
#[derive(Clone, Debug)]
pub(crate) struct TimestampRule {
    pub(crate) source: TimestampSource,
    pub(crate) format: TimestampFormat,
    /// Whether the compat mode also reads dates as HTTP writes them.
    pub(crate) compat_http_date: bool,
    /// How far back it may lie, inclusive; `None` is any distance.
    pub(crate) past: Option<Duration>,
    /// How far ahead it may lie, inclusive; `None` is any distance.
    pub(crate) future: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) enum TimestampSource {
    /// A header of its own.
    Header(String),
    /// A key of the pairs in the signature header.
    Field(String),
    /// A value of the body.
    Json(JsonPath),
    /// A claim of the token.
    Claim(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimestampFormat {
    UnixSeconds,
    UnixMillis,
    Rfc3339,
}

/// Where a delivery id or an event type stands.
#[derive(Clone, Debug)]
pub(crate) struct IdentityRule {
    pub(crate) source: IdentitySource,
    /// A character that it must not hold, as it separates the signed parts.
    pub(crate) forbidden: Option<u8>,
    /// Whether the signature covers it.
    pub(crate) covered: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum IdentitySource {
    Header(String),
    Json(JsonPath),
}

/// The readings of the body that count, by mode, in the order in which they are tried. Neither list is empty.
#[derive(Clone, Debug)]
pub(crate) struct Readings {
    pub(crate) strict: Vec<BodyReading>,
    pub(crate) compat: Vec<BodyReading>,
}

/// A header that has to have one value.
#[derive(Clone, Debug)]
pub(crate) struct RequiredHeader {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A digest of the body that something signed carries, which binds a body that the signature does not cover.
#[derive(Clone, Debug)]
pub(crate) struct BodyDigest {
    pub(crate) source: BodyDigestSource,
    pub(crate) digest: DigestKind,
    pub(crate) encoding: Encoding,
}

#[derive(Clone, Debug)]
pub(crate) enum BodyDigestSource {
    /// A parameter of the URL's query.
    Query(String),
    /// A claim of the token.
    Claim(String),
}

/// What a claim of a token has to be.
#[derive(Clone, Debug)]
pub(crate) struct ClaimRule {
    pub(crate) name: String,
    pub(crate) value: ClaimValue,
}

#[derive(Clone, Debug)]
pub(crate) enum ClaimValue {
    /// Anything, as long as it is there.
    Present,
    /// One of these texts.
    Texts(Vec<String>),
    Flag(bool),
    /// The text of this parameter, or a list that holds it.
    Param(String),
}

/// The way to a value in a JSON document: names, positions in lists, and `*` for every item of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct JsonPath(pub(crate) String);

impl Scheme {
    /// The algorithm, where it is not chosen by the message from an allow-list.
    #[inline]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.algorithm {
            AlgorithmRule::Fixed(algorithm) => Some(*algorithm),
            AlgorithmRule::Named(_) | AlgorithmRule::Json { .. } => None,
        }
    }

    /// What a verification by this scheme does not prove, in strict mode.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The header of the signature, in lower case, where it stands in one of that name.
    pub fn signature_header(&self) -> Option<&str> {
        match &self.signature.as_ref()?.carrier {
            Carrier::Headers(names) => names.first().map(String::as_str),
            Carrier::Numbered(_) | Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_) => None,
        }
    }

    /// The header of the timestamp, in lower case, where it has one of its own.
    pub fn timestamp_header(&self) -> Option<&str> {
        match &self.timestamp.as_ref()?.source {
            TimestampSource::Header(name) => Some(name),
            TimestampSource::Field(_) | TimestampSource::Json(_) | TimestampSource::Claim(_) => None,
        }
    }

    /// The header of the delivery id, in lower case, where it has one.
    pub fn id_header(&self) -> Option<&str> {
        match &self.id.as_ref()?.source {
            IdentitySource::Header(name) => Some(name),
            IdentitySource::Json(_) => None,
        }
    }

    /// Whether the signature covers a delivery id.
    pub fn signs_id(&self) -> bool {
        self.id.as_ref().is_some_and(|rule| rule.covered)
    }

    /// Whether the signature covers a time.
    pub fn signs_time(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Whether the signature covers the URL, or a part of it that is no header: a receiver has to know its public one.
    pub fn signs_url(&self) -> bool {
        let canonical = |form| self.covers(&Value::Canonical(form));
        self.covers(&Value::Url) || canonical(Canonical::Contentful) || canonical(Canonical::Rfc9421)
    }

    /// How many of the signing secrets a signature is made with while several are active: all of them, up to
    /// [`MAX_SIGNING_SECRETS`](crate::limits::MAX_SIGNING_SECRETS), or the newest alone.
    pub fn signs_with_several(&self) -> bool {
        self.signature.as_ref().is_some_and(|rule| rule.rotation != Rotation::Newest)
    }

    /// Whether the vendor publishes the keys, so that they can be fetched and need not be given. What a request needs
    /// is then told by [`Verifier::needed_key`](crate::Verifier::needed_key).
    pub fn fetches_key(&self) -> bool {
        self.key_url.is_some() || self.key_set.is_some()
    }

    /// The headers that signing writes, in lower case.
    pub(crate) fn written_headers(&self) -> impl Iterator<Item = &str> {
        let signature: &[String] = match self.signature.as_ref().map(|rule| &rule.carrier) {
            Some(Carrier::Headers(names)) => names,
            _ => &[],
        };
        let id = self.id_header().filter(|_| self.covers(&Value::Id));
        let required = self.required.iter().map(|header| header.name.as_str());
        signature.iter().map(String::as_str).chain(self.timestamp_header()).chain(id).chain(required)
    }

    /// The parameter whose value is the key of our signature among pairs.
    pub(crate) fn key_param(&self) -> Option<&String> {
        match &self.signature.as_ref()?.grammar {
            Grammar::Pairs(Pairs { keys: KeyPattern::Param(name), .. }) => Some(name),
            _ => None,
        }
    }

    /// Whether the delivery id is a part of what is signed.
    #[inline]
    pub(crate) fn covers_id(&self) -> bool {
        self.content.iter().any(|piece| matches!(piece, Piece::Value(Value::Id)))
    }

    /// Whether the body is a list of items that are each signed.
    #[inline]
    pub(crate) fn covers_items(&self) -> bool {
        let items = |piece: &Piece| matches!(piece, Piece::Value(Value::Canonical(Canonical::AdyenPayment)));
        self.content.iter().any(items)
    }

    pub(crate) fn covers(&self, value: &Value) -> bool {
        self.content.iter().any(|piece| matches!(piece, Piece::Value(covered) if covered == value))
    }
}

impl IdentitySource {
    /// The header or field, for messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Header(name) => name,
            Self::Json(path) => &path.0,
        }
    }
}

impl Readings {
    pub(crate) fn for_mode(&self, mode: Mode) -> &[BodyReading] {
        match mode {
            Mode::Strict => &self.strict,
            Mode::Compat => &self.compat,
        }
    }
}

impl TimestampRule {
    /// Reads a timestamp as the mode allows it.
    pub(crate) fn parse(&self, text: &[u8], mode: Mode) -> Result<Timestamp, TimestampError> {
        let read = self.format.parse(text);
        match read {
            Err(_) if self.compat_http_date && mode == Mode::Compat => time::parse_http_date(text).or(read),
            read => read,
        }
    }
}

impl TimestampSource {
    /// The header or field, for messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Header(name) | Self::Field(name) | Self::Claim(name) => name,
            Self::Json(path) => &path.0,
        }
    }
}

impl TimestampFormat {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("unix-seconds", Self::UnixSeconds), ("unix-millis", Self::UnixMillis), ("rfc3339", Self::Rfc3339)];

    /// Reads the text that was signed. A number has digits and nothing else, and its unit is never guessed.
    pub(crate) fn parse(self, text: &[u8]) -> Result<Timestamp, TimestampError> {
        match self {
            Self::UnixSeconds => time::parse_digits(text).map(Timestamp::from_unix_seconds),
            Self::UnixMillis => time::parse_digits(text).map(Timestamp::from_unix_millis),
            Self::Rfc3339 => std::str::from_utf8(text)
                .map_err(|_| TimestampError::Shape)
                .and_then(Timestamp::parse_rfc3339),
        }
    }

    /// What the format looks like, for messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::UnixSeconds => "whole seconds since the Unix epoch in ASCII digits are needed",
            Self::UnixMillis => "milliseconds since the Unix epoch in ASCII digits are needed",
            Self::Rfc3339 => "an RFC 3339 date and time with a zone is needed",
        }
    }
}
