use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::{AttemptResult, EndpointTls};

/// Sends attempts.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Reads and checks an endpoint's URL, as far as that goes without the network: scheme, host, port, an address
    /// that is written out, and whether `http` may go there; and the certificates and the key that TLS to it is made
    /// with.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], whose text says what would be right.
    fn endpoint(&self, url: &str, tls: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError>;

    /// Sends one request and reads its answer, all within `outbound.timeout`. Never fails: whatever happens is in
    /// the result. The result's `request_headers` are left empty; the caller knows them.
    async fn send(&self, outbound: Outbound) -> AttemptResult;
}

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// How: `POST` for every delivery.
    pub method: Method,
    /// All headers but `host` and `content-length`, which the transport writes.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// Within which the answer must be whole: resolving, connecting, TLS, headers and body together.
    pub timeout: Duration,
}

/// An endpoint's URL, read and checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Whether to speak TLS.
    pub tls: bool,
    /// The host as it goes into `host` and TLS: a lower-case name without a trailing dot, or an address (IPv6 without brackets).
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of the `host` header: with brackets around IPv6, and the port where it is not the scheme's own.
    pub authority: HeaderValue,
    /// Path and query as they are sent, beginning with `/`.
    pub path_and_query: http::uri::PathAndQuery,
}

/// A URL that cannot be an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not an absolute URL with a host.
    #[error("not an absolute URL such as `https://example.com/hook`: {0}")]
    Malformed(&'static str),
    /// Its scheme is neither `https` nor `http`.
    #[error("the scheme must be `https`")]
    Scheme,
    /// It is `http`, and goes to no network that the operator allows.
    #[error("`http` goes only to networks that the operator allows (`--allow-network`); use `https`")]
    PlainHttp,
    /// It holds a user name or password.
    #[error("a user name or password in the URL is not supported; use a header")]
    UserInfo,
    /// Its host is an address that no delivery may go to.
    #[error("the address {0} is not allowed; an operator may allow its network (`--allow-network`)")]
    AddressNotAllowed(std::net::IpAddr),
    /// What TLS to it is to be made with is of no use.
    #[error("{detail}")]
    Tls {
        /// Which part of it.
        part: TlsPart,
        /// What is wrong and what would be right. Nothing of a key is in it.
        detail: String,
    },
}

/// The parts of what TLS to an endpoint is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsPart {
    /// The certificates of authorities.
    CaCertificates,
    /// The client certificate.
    ClientCertificate,
    /// Its key.
    ClientKey,
}

impl TlsPart {
    /// The field of the API that has it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::CaCertificates => "ca_certificates",
            Self::ClientCertificate => "client_certificate",
            Self::ClientKey => "client_key",
        }
    }
}
