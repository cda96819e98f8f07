//! Authorities made for a test, and endpoints that speak TLS with their certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookseal::Secret;
use hookseal_engine::ClientIdentity;
use hookseal_transport::{HttpTransport, TransportConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::{Names, Server, config, read_request};

/// The name that certificates are for.
pub(crate) const HOST: &str = "hooks.test";

pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("An authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let (certificate, key) = self.signed(names, change);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap()
    }

    /// An endpoint's settings for `HOST`, which picks HTTP/2 where it is offered.
    pub(crate) fn issue_http2(&self) -> ServerConfig {
        let mut config = self.issue(&[HOST], |_| {});
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// A certificate and its key in DER, for what `change` makes of it.
    fn signed(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }

    /// An endpoint's settings for `HOST`, which demands a client certificate from `clients` and picks `protocol`.
    pub(crate) fn issue_demanding(&self, clients: &Self, protocol: &[u8]) -> ServerConfig {
        let (certificate, key) = self.signed(&[HOST], |_| {});
        let mut roots = RootCertStore::empty();
        roots.add(clients.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    /// A client's certificate and key.
    pub(crate) fn client(&self) -> ClientIdentity {
        let (certificate, key) = self.signed(&["client.test"], |_| {});
        let key = Secret::new(pem("PRIVATE KEY", &key.serialize_der()));
        ClientIdentity { certificate: pem("CERTIFICATE", &certificate), key }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub(crate) fn transport(&self, change: impl FnOnce(&mut TransportConfig)) -> HttpTransport {
        let mut config = config();
        config.extra_roots = vec![self.certificate.clone()];
        config.resolver = Some(Names::new(HOST, &[&["127.0.0.1"]]));
        change(&mut config);
        HttpTransport::new(config).unwrap()
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// How many handshakes of each kind a server has made.
#[derive(Default)]
pub(crate) struct Handshakes {
    pub(crate) full: AtomicUsize,
    pub(crate) resumed: AtomicUsize,
}

impl Handshakes {
    /// Of both kinds.
    pub(crate) fn all(&self) -> usize {
        self.full.load(Ordering::SeqCst) + self.resumed.load(Ordering::SeqCst)
    }
}

/// Answers every request on every connection with the same bytes.
pub(crate) async fn serve(config: ServerConfig, answer: &'static str) -> (Server, Arc<Handshakes>) {
    serve_with(config, move |mut stream, _| async move {
        while read_request(&mut stream).await.is_some() && stream.write_all(answer.as_bytes()).await.is_ok() {
        }
    })
    .await
}

/// Runs `serve` for every connection whose handshake succeeds, with its number from 0.
pub(crate) async fn serve_with<F>(
    config: ServerConfig,
    serve: impl Fn(TlsStream<TcpStream>, usize) -> F + Clone + Send + Sync + 'static,
) -> (Server, Arc<Handshakes>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let handshakes = Arc::new(Handshakes::default());
    let counts = Arc::clone(&handshakes);
    let server = Server::start(move |stream, number| {
        let (acceptor, counts, serve) = (acceptor.clone(), Arc::clone(&counts), serve.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            match stream.get_ref().1.handshake_kind() {
                Some(HandshakeKind::Resumed) => counts.resumed.fetch_add(1, Ordering::SeqCst),
                _ => counts.full.fetch_add(1, Ordering::SeqCst),
            };
            serve(stream, number).await;
        }
    })
    .await;
    (server, handshakes)
}

pub(crate) fn url(server: &Server) -> String {
    format!("https://{HOST}:{}/", server.address.port())
}
