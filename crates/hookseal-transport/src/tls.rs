//! TLS to endpoints: rustls with ring, the system's roots, and words for what goes wrong.

use std::io;
use std::sync::Arc;

use hookseal_engine::{Failure, FailureKind};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::{TransportBuildError, TransportConfig};

const HTTP2: &[u8] = b"h2"; // RFC 9113 section 3.2
const HTTP1: &[u8] = b"http/1.1"; // RFC 7301 section 6

/// Which protocols are offered to an endpoint, which picks one (ALPN, RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/2, and HTTP/1.1.
    Both,
    /// HTTP/1.1 alone.
    Http1,
}

/// What is shown to an endpoint that asks for a client certificate.
pub(crate) struct Client {
    /// The certificate, and those between it and its authority.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Makes TLS handshakes.
pub(crate) struct Tls {
    both: TlsConnector,
    http1: TlsConnector,
    /// Without any root no certificate can be trusted, which is said in these words rather than as an unknown issuer.
    has_roots: bool,
}

impl Tls {
    /// Trusts the certificates that lead to one of `roots`, and shows the client certificate to who asks for one. Keeps
    /// so many `sessions` for short handshakes; the room for them is taken at once.
    pub(crate) fn new(
        roots: Arc<RootCertStore>,
        client: Option<Client>,
        sessions: usize,
    ) -> Result<Self, rustls::Error> {
        let has_roots = !roots.is_empty();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut client = match client {
            // That the key is the certificate's is checked by this.
            Some(Client { certificates, key }) => builder.with_client_auth_cert(certificates, key)?,
            None => builder.with_no_client_auth(),
        };
        client.alpn_protocols = vec![HTTP1.to_vec()];
        client.resumption = Resumption::in_memory_sessions(sessions);
        let mut both = client.clone();
        both.alpn_protocols.insert(0, HTTP2.to_vec());
        let connector = |client| TlsConnector::from(Arc::new(client));
        Ok(Self { both: connector(both), http1: connector(client), has_roots })
    }

    /// Makes a handshake, in which the endpoint's certificate is verified for `host`.
    pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
        offer: Offer,
    ) -> Result<TlsStream<S>, Failure> {
        if !self.has_roots {
            let detail =
                "no root certificates were found on this system, so that no certificate can be trusted";
            return Err(Failure::new(FailureKind::Tls, detail));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::new(
                FailureKind::Unsendable,
                format!("`{host}` is no name that a certificate can be for"),
            )
        })?;
        let connector = match offer {
            Offer::Both => &self.both,
            Offer::Http1 => &self.http1,
        };
        connector.connect(name, stream).await.map_err(|error| handshake_failure(&error))
    }
}

/// Whether the endpoint picked HTTP/2.
pub(crate) fn picked_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// The certificates of authorities that are trusted: the system's, where the configuration wants them, and its own.
pub(crate) fn roots(config: &TransportConfig) -> Result<RootCertStore, TransportBuildError> {
    let mut roots = RootCertStore::empty();
    if config.system_roots {
        let loaded = rustls_native_certs::load_native_certs();
        let found = loaded.certs.len();
        // A system's store may hold certificates that cannot be read; the others still count.
        let (usable, _) = roots.add_parsable_certificates(loaded.certs);
        tracing::debug!(found, usable, errors = loaded.errors.len(), "system root certificates loaded");
    }
    for root in &config.extra_roots {
        roots.add(CertificateDer::clone(root)).map_err(TransportBuildError::ExtraRoot)?;
    }
    Ok(roots)
}

fn handshake_failure(error: &io::Error) -> Failure {
    if let Some(failure) = tls_failure(error) {
        return failure;
    }
    let detail = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the endpoint closed the connection during the TLS handshake".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the endpoint reset the connection during the TLS handshake".to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    };
    Failure::new(FailureKind::Tls, detail)
}

/// The failure that an I/O error stands for, if TLS is at the bottom of it.
pub(crate) fn tls_failure(error: &io::Error) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(reason) => {
            Failure::new(FailureKind::TlsCertificate, certificate_words(reason))
        }
        rustls::Error::NoCertificatesPresented => {
            Failure::new(FailureKind::TlsCertificate, "the endpoint presented no certificate")
        }
        rustls::Error::InvalidMessage(_) => Failure::new(
            FailureKind::Tls,
            "what the endpoint sent is not TLS; is `http` spoken on this port?",
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            Failure::new(FailureKind::Tls, "the endpoint asks for a client certificate, and there is none")
        }
        rustls::Error::AlertReceived(alert) => {
            Failure::new(FailureKind::Tls, format!("the endpoint refused the TLS handshake: {alert:?}"))
        }
        other => Failure::new(FailureKind::Tls, format!("the TLS handshake failed: {other}")),
    })
}

fn certificate_words(reason: &CertificateError) -> String {
    use CertificateError as E;
    let words = match reason {
        E::Expired | E::ExpiredContext { .. } => "the endpoint's certificate has expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "the endpoint's certificate is not valid yet",
        E::Revoked => "the endpoint's certificate has been revoked",
        E::UnknownIssuer => {
            "the endpoint's certificate is from no authority that is trusted here, or lacks its intermediate certificate"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            return format!("the endpoint's certificate is for another name: {reason}");
        }
        _ => return format!("the endpoint's certificate is not valid: {reason}"),
    };
    words.to_owned()
}
