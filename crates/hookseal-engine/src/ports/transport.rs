use std::{
    any::Any,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

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
    /// What TLS to it is made with, where its subscription has certificates of its own.
    pub own_tls: Option<OwnTls>,
}

/// A subscription's [`EndpointTls`], and what its transport made of it, which is the transport's business alone.
///
/// Two are equal if they were made of the same: connections are shared by endpoints that are equal, and by no others.
#[derive(Clone)]
pub struct OwnTls(Arc<Own>);

struct Own {
    settings: EndpointTls,
    hash: u64,
    made: Box<dyn Any + Send + Sync>,
}

impl OwnTls {
    /// What a transport `made` of `settings`.
    pub fn new(settings: EndpointTls, made: impl Any + Send + Sync) -> Self {
        let mut hasher = DefaultHasher::new();
        // The key is left out: what is equal has an equal hash all the same.
        settings.ca_certificates.hash(&mut hasher);
        settings.client.as_ref().map(|client| &client.certificate).hash(&mut hasher);
        Self(Arc::new(Own { settings, hash: hasher.finish(), made: Box::new(made) }))
    }

    /// What was made, if it is of this type.
    pub fn made<T: Any>(&self) -> Option<&T> {
        self.0.made.downcast_ref()
    }
}

impl PartialEq for OwnTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.settings == other.0.settings)
    }
}

impl Eq for OwnTls {}

impl Hash for OwnTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

impl fmt::Debug for OwnTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnTls(..)")
    }
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
