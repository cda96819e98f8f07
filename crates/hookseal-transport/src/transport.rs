//! The transport itself: one attempt, from request to answer, within one deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookseal_engine::ports::{Endpoint, EndpointError, Outbound, TlsPart, Transport};
use hookseal_engine::{AttemptResult, EndpointTls, Failure, FailureKind};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;

use crate::course::{Course, Stage};
use crate::dial::Dialer;
use crate::limits::{IDLE_PER_ENDPOINT_DEFAULT, IDLE_TIMEOUT_DEFAULT, IDLE_TOTAL_DEFAULT};
use crate::link::Link;
use crate::pool::{Pool, PoolLimits};
use crate::resolve::Resolve;
use crate::{endpoint, failure, tls};

/// What a transport may do, and what it keeps.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// Networks that deliveries may go to although they are not of the public internet, and without TLS.
    pub allow_networks: Vec<IpNet>,
    /// Networks that no delivery may go to, whatever else says so.
    pub deny_networks: Vec<IpNet>,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Idle connections kept for one endpoint (scheme, host and port).
    pub idle_per_endpoint: usize,
    /// Idle connections kept over all endpoints.
    pub idle_total: usize,
    /// Whether certificates are trusted that the system trusts.
    pub system_roots: bool,
    /// Certificates of authorities that are trusted besides.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What resolves names: the system's hosts file and name servers if `None`.
    pub resolver: Option<Arc<dyn Resolve>>,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            deny_networks: Vec::new(),
            idle_timeout: IDLE_TIMEOUT_DEFAULT,
            idle_per_endpoint: IDLE_PER_ENDPOINT_DEFAULT,
            idle_total: IDLE_TOTAL_DEFAULT,
            system_roots: true,
            extra_roots: Vec::new(),
            resolver: None,
        }
    }
}

/// Why a transport could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportBuildError {
    /// One of the extra roots is not a certificate that can stand for an authority.
    #[error("an extra root certificate cannot be used")]
    ExtraRoot(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}

/// Sends attempts over HTTP/1.1, with and without TLS, on connections that it keeps.
///
/// Has to be used within a Tokio runtime with I/O and time.
pub struct HttpTransport {
    dialer: Dialer,
    pool: Arc<Pool>,
}

impl HttpTransport {
    /// Makes a transport. Reads the system's root certificates, hosts file and name servers, once; if there are none,
    /// attempts that need them fail and say so.
    ///
    /// # Errors
    ///
    /// [`TransportBuildError`], which is about the extra roots of the configuration in practice.
    pub fn new(config: TransportConfig) -> Result<Self, TransportBuildError> {
        let roots = Arc::new(tls::roots(&config)?);
        let limits = PoolLimits {
            idle_timeout: config.idle_timeout,
            per_endpoint: config.idle_per_endpoint,
            total: config.idle_total,
        };
        Ok(Self { dialer: Dialer::new(config, roots)?, pool: Arc::new(Pool::new(limits)) })
    }

    async fn attempt(&self, outbound: &Outbound, course: &mut Course) -> Result<(), Failure> {
        let request = request(outbound)?;
        let Some(kept) = self.pool.take(&outbound.endpoint) else {
            return self.attempt_afresh(outbound, request, course).await;
        };
        match self.exchange(kept, outbound, request, course).await {
            Ok(()) => Ok(()),
            Err(broken) if broken.has_answered => Err(broken.failure),
            Err(_) => {
                // A kept connection may have been closed from the other side at any time before. Nothing came back on
                // it, so that this is no answer of the endpoint's, and a new connection gets one.
                tracing::debug!(host = %outbound.endpoint.host, "kept connection was closed, opening another");
                course.disconnected();
                self.attempt_afresh(outbound, self::request(outbound)?, course).await
            }
        }
    }

    async fn attempt_afresh(
        &self,
        outbound: &Outbound,
        request: Request<Full<Bytes>>,
        course: &mut Course,
    ) -> Result<(), Failure> {
        let link = self.dialer.dial(&outbound.endpoint, course).await?;
        self.exchange(Box::new(link), outbound, request, course).await.map_err(|broken| broken.failure)
    }

    /// Sends the request on a link and reads the answer. The link is kept if that was read to its end, and closed in
    /// any other case by being dropped.
    async fn exchange(
        &self,
        mut link: Box<Link>,
        outbound: &Outbound,
        request: Request<Full<Bytes>>,
        course: &mut Course,
    ) -> Result<(), Broken> {
        course.connected_to(link.address());
        course.enter(Stage::Waiting);
        let answer = link.send(request).await.map_err(|error| Broken::of(&error, &link))?;
        let (head, mut body) = answer.into_parts();
        course.answered(head.status, &head.headers);
        course.enter(Stage::Reading);
        read_body(&mut link, &mut body, course).await?;
        // What follows a 101 is another protocol, which nobody asked for.
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            // Head and body share the connection's read buffer, which is used again once they are gone.
            drop((head, body));
            self.pool.park(&outbound.endpoint, link);
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for HttpTransport {
    fn endpoint(&self, url: &str, tls: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        let refused = |part| Err(EndpointError::Tls { part, detail: "is not supported yet".to_owned() });
        if tls.ca_certificates.is_some() {
            return refused(TlsPart::CaCertificates);
        }
        if tls.client.is_some() {
            return refused(TlsPart::ClientCertificate);
        }
        endpoint::parse(url, &self.dialer.policy).map(Arc::new)
    }

    async fn send(&self, outbound: Outbound) -> AttemptResult {
        let mut course = Course::start(outbound.timeout);
        match tokio::time::timeout(outbound.timeout, self.attempt(&outbound, &mut course)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => course.fail(failure),
            Err(_) => course.time_out(),
        }
        course.finish()
    }
}

/// An exchange that came to no whole answer.
struct Broken {
    failure: Failure,
    /// Whether anything had come back.
    has_answered: bool,
}

impl Broken {
    fn of(error: &hyper::Error, link: &Link) -> Self {
        let has_answered = link.has_answered();
        Self { failure: failure::of_exchange(error, has_answered), has_answered }
    }
}

/// Reads the answer's body to its end, and keeps the beginning.
///
/// What does not fit is read and dropped, so that a long answer is still an answer and its connection is used again. How
/// much is read at all is bounded by the socket: beyond that the answer is a failure, whatever its status says.
async fn read_body(link: &mut Link, body: &mut Incoming, course: &mut Course) -> Result<(), Broken> {
    course.expect_body(body.size_hint().lower());
    while !body.is_end_stream() {
        match link.frame(body).await {
            None => return Ok(()),
            Some(Err(error)) => return Err(Broken::of(&error, link)),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    course.read(data);
                }
            }
        }
    }
    Ok(())
}

fn request(outbound: &Outbound) -> Result<Request<Full<Bytes>>, Failure> {
    let mut headers = HeaderMap::with_capacity(outbound.headers.len() + 2);
    headers.insert(header::HOST, outbound.endpoint.authority.clone());
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(outbound.body.len()));
    for (name, value) in &outbound.headers {
        if is_of_the_connection(name) {
            let detail = format!("the header `{name}` is the transport's own and cannot be set");
            return Err(Failure::new(FailureKind::Unsendable, detail));
        }
        headers
            .try_append(name, value.clone())
            .map_err(|_| Failure::new(FailureKind::Unsendable, "there are too many headers"))?;
    }
    let mut request = Request::new(Full::new(outbound.body.clone()));
    *request.method_mut() = outbound.method.clone();
    *request.uri_mut() = Uri::from(outbound.endpoint.path_and_query.clone());
    *request.headers_mut() = headers;
    Ok(request)
}

/// Whether a header frames the message or steers the connection (RFC 9110 section 7.6.1, RFC 9112 section 6).
fn is_of_the_connection(name: &HeaderName) -> bool {
    use header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    matches!(*name, CONNECTION | CONTENT_LENGTH | EXPECT | HOST | TE | TRAILER | TRANSFER_ENCODING | UPGRADE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}
