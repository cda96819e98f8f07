//! What one attempt came to: the facts, before anything is decided from them.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;

/// What was sent and what came back.
///
/// A store keeps a failed attempt in full and a successful one compactly: status and duration, from which the rest
/// is rebuilt on reading with the fields below left empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptResult {
    /// Status code of the answer, 100 to 999, where there was one.
    pub status: Option<u16>,
    /// Why it failed before or instead of a whole answer.
    pub failure: Option<Failure>,
    /// Headers that were sent, with what is secret in them masked.
    pub request_headers: Vec<(String, String)>,
    /// Headers that came back, bounded by `RESPONSE_HEADERS_KEPT_BYTES`.
    pub response_headers: Vec<(String, String)>,
    /// The first bytes of the answer's body, at most `RESPONSE_KEPT_BYTES`.
    pub response_body: Bytes,
    /// Whether more came back than was kept.
    pub response_truncated: bool,
    /// The wait that the answer asks for in `Retry-After`, where it has one.
    pub retry_after: Option<RetryAfter>,
    /// How long each part took.
    pub phases: Phases,
    /// The address that was connected to, by a proxy where there is one; `None` where only a proxy knows it.
    pub address: Option<SocketAddr>,
    /// The version of HTTP that the answer came in.
    pub http_version: Option<HttpVersion>,
    /// The egress proxy that the connection was asked of, without its credentials.
    pub proxy: Option<String>,
}

/// Versions of HTTP that are spoken. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HttpVersion {
    /// HTTP/1.0, as an answer to HTTP/1.1.
    Http10 = 10,
    /// HTTP/1.1.
    Http11 = 11,
    /// HTTP/2.
    Http2 = 20,
}

impl HttpVersion {
    /// All versions.
    pub const ALL: [Self; 3] = [Self::Http10, Self::Http11, Self::Http2];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }

    /// The version with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|version| *version as i64 == code)
    }
}

/// `Retry-After` of an answer (RFC 9110 section 10.2.3), as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds to wait.
    Delay(Duration),
    /// The moment to wait for.
    At(hookseal::Timestamp),
}

/// How long the parts of an attempt took. A part that did not happen, such as connecting on a kept connection, is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Resolving the host name.
    pub dns: Option<Duration>,
    /// Opening the connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the request to the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// All of it.
    pub total: Duration,
}

/// Why an attempt has no usable answer, with words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// One clause that names what happened, without secrets.
    pub detail: String,
}

impl Failure {
    /// A failure of this kind, in these words.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What kinds of failure there are. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FailureKind {
    /// The answer's status code does not count as a success.
    Status = 1,
    /// The deadline passed before the answer was whole.
    Timeout = 2,
    /// The connection was refused, reset or closed.
    Connection = 3,
    /// The host name could not be resolved, for now.
    Dns = 4,
    /// The host name does not exist.
    DnsNoSuchName = 5,
    /// The address, or one that the name resolves to, is not allowed.
    AddressNotAllowed = 6,
    /// The TLS handshake failed, for now.
    Tls = 7,
    /// The endpoint's certificate is not valid for its name, or not trusted.
    TlsCertificate = 8,
    /// What came back is not HTTP.
    Protocol = 9,
    /// The endpoint answered with a redirect, which is not followed.
    Redirect = 10,
    /// The request could not be made or signed: a defect of the subscription's settings.
    Unsendable = 11,
    /// The attempt was cut off because the server stopped.
    Interrupted = 12,
    /// The answer is longer than is read.
    ResponseTooLarge = 13,
    /// The operator's egress proxy could not be reached, or gave no connection.
    Proxy = 14,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Status,
        Self::Timeout,
        Self::Connection,
        Self::Dns,
        Self::DnsNoSuchName,
        Self::AddressNotAllowed,
        Self::Tls,
        Self::TlsCertificate,
        Self::Protocol,
        Self::Redirect,
        Self::Unsendable,
        Self::Interrupted,
        Self::ResponseTooLarge,
        Self::Proxy,
    ];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::DnsNoSuchName => "dns_no_such_name",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::Tls => "tls",
            Self::TlsCertificate => "tls_certificate",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
            Self::Unsendable => "unsendable",
            Self::Interrupted => "interrupted",
            Self::ResponseTooLarge => "response_too_large",
            Self::Proxy => "proxy",
        }
    }

    /// Whether it does not pass by itself: somebody has to change something first. Whether a delivery is tried again
    /// does not depend on it, since names and certificates do come back.
    pub const fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::DnsNoSuchName | Self::AddressNotAllowed | Self::TlsCertificate | Self::Unsendable
        )
    }

    /// The kind with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_code_of_its_own() {
        for (i, kind) in FailureKind::ALL.into_iter().enumerate() {
            assert_eq!(FailureKind::from_code(kind as i64), Some(kind));
            assert!(FailureKind::ALL[i + 1..].iter().all(|other| other.as_str() != kind.as_str()));
        }
        for version in HttpVersion::ALL {
            assert_eq!(HttpVersion::from_code(version as i64), Some(version));
        }
    }
}
