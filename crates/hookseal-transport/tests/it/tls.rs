//! TLS, with an authority made for the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookseal_engine::ports::Transport;
use hookseal_engine::{AttemptResult, EndpointTls, FailureKind};
use hookseal_transport::{HttpTransport, TransportConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::{Names, Server, assert_failed, assert_ok, closed, config, outbound, post, read_request};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const HOST: &str = "hooks.test";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        Self::named("An authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap()
    }

    fn transport(&self, change: impl FnOnce(&mut TransportConfig)) -> HttpTransport {
        let mut config = config();
        config.extra_roots = vec![self.certificate.clone()];
        config.resolver = Some(Names::new(HOST, &[&["127.0.0.1"]]));
        change(&mut config);
        HttpTransport::new(config).unwrap()
    }
}

/// How many handshakes of each kind a server has made.
#[derive(Default)]
struct Handshakes {
    full: AtomicUsize,
    resumed: AtomicUsize,
}

async fn serve(config: ServerConfig, answer: &'static str) -> (Server, Arc<Handshakes>) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let handshakes = Arc::new(Handshakes::default());
    let counts = Arc::clone(&handshakes);
    let server = Server::start(move |stream, _| {
        let (acceptor, counts) = (acceptor.clone(), Arc::clone(&counts));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            match stream.get_ref().1.handshake_kind() {
                Some(HandshakeKind::Resumed) => counts.resumed.fetch_add(1, Ordering::SeqCst),
                _ => counts.full.fetch_add(1, Ordering::SeqCst),
            };
            while read_request(&mut stream).await.is_some()
                && stream.write_all(answer.as_bytes()).await.is_ok()
            {}
        }
    })
    .await;
    (server, handshakes)
}

fn url(server: &Server) -> String {
    format!("https://{HOST}:{}/", server.address.port())
}

async fn post_to(authority: &Authority, server: ServerConfig) -> AttemptResult {
    let (server, _) = serve(server, OK).await;
    post(&authority.transport(|_| {}), &url(&server)).await
}

#[tokio::test]
async fn a_trusted_endpoint_is_delivered_to() {
    let authority = Authority::new();
    let result = post_to(&authority, authority.issue(&[HOST], |_| {})).await;
    assert_ok(&result);
    assert_eq!(result.response_body, "ok");
    assert!(result.phases.dns.is_some() && result.phases.connect.is_some() && result.phases.tls.is_some());
}

#[tokio::test]
async fn an_address_may_have_a_certificate_too() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&["127.0.0.1"], |_| {}), OK).await;
    let transport = authority.transport(|_| {});
    assert_ok(&post(&transport, &format!("https://{}/", server.address)).await);
}

#[tokio::test]
async fn only_http_1_is_offered() {
    let authority = Authority::new();
    let mut both = authority.issue(&[HOST], |_| {});
    both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    assert_ok(&post_to(&authority, both).await);
    let mut h2_only = authority.issue(&[HOST], |_| {});
    h2_only.alpn_protocols = vec![b"h2".to_vec()];
    assert_failed(&post_to(&authority, h2_only).await, FailureKind::Tls, "TLS handshake failed");
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_is_refused_with_the_reason() {
    let authority = Authority::new();
    let kind = FailureKind::TlsCertificate;
    let result = post_to(&authority, authority.issue(&["other.test"], |_| {})).await;
    assert_failed(&result, kind, "for another name");
    assert_failed(&result, kind, "other.test");
    assert_eq!(result.status, None);

    let expired = authority.issue(&[HOST], |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    assert_failed(&post_to(&authority, expired).await, kind, "has expired");
    let future = authority.issue(&[HOST], |params| params.not_before = rcgen::date_time_ymd(3001, 1, 1));
    assert_failed(&post_to(&authority, future).await, kind, "not valid yet");
    let stranger = Authority::named("Another").issue(&[HOST], |_| {});
    assert_failed(&post_to(&authority, stranger).await, kind, "no authority that is trusted here");
}

#[tokio::test]
async fn without_any_root_nothing_is_trusted() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let transport = authority.transport(|config| config.extra_roots.clear());
    assert_failed(&post(&transport, &url(&server)).await, FailureKind::Tls, "no root certificates");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_refused() {
    let authority = Authority::new();
    let transport = authority.transport(|_| {});
    let plain = Server::start(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
        closed(&mut stream).await;
    })
    .await;
    assert_failed(&post(&transport, &url(&plain)).await, FailureKind::Tls, "not TLS");
    let closing = Server::start(|_, _| async {}).await;
    let result = post(&transport, &url(&closing)).await;
    assert_failed(&result, FailureKind::Tls, "during the TLS handshake");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut_off() {
    let authority = Authority::new();
    let transport = authority.transport(|_| {});
    let silent = Server::start(|mut stream, _| async move { closed(&mut stream).await }).await;
    let mut outbound = outbound(transport.endpoint(&url(&silent), &EndpointTls::default()).unwrap());
    outbound.timeout = Duration::from_millis(200);
    let result = transport.send(outbound).await;
    assert_failed(&result, FailureKind::Timeout, "the TLS handshake was still under way");
    assert!(result.phases.tls.is_some());
}

#[tokio::test]
async fn a_thousand_requests_make_few_handshakes() {
    let authority = Authority::new();
    let (server, handshakes) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let transport = Arc::new(authority.transport(|_| {}));
    let mut senders = JoinSet::new();
    for _ in 0..10 {
        let (transport, url) = (Arc::clone(&transport), url(&server));
        senders.spawn(async move {
            for _ in 0..100 {
                assert_ok(&post(&transport, &url).await);
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    let all = handshakes.full.load(Ordering::SeqCst) + handshakes.resumed.load(Ordering::SeqCst);
    assert!((1..=10).contains(&all), "{all}");
}

#[tokio::test]
async fn sessions_are_resumed_on_new_connections() {
    let authority = Authority::new();
    let close = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (server, handshakes) = serve(authority.issue(&[HOST], |_| {}), close).await;
    let transport = authority.transport(|_| {});
    for _ in 0..10 {
        assert_ok(&post(&transport, &url(&server)).await);
    }
    assert_eq!(handshakes.full.load(Ordering::SeqCst), 1);
    assert_eq!(handshakes.resumed.load(Ordering::SeqCst), 9);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue(&[HOST], |_| {})));
    let server = Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    for _ in 0..10 {
        assert_ok(&post(&transport, &url(&server)).await);
    }
    assert_eq!(server.accepted(), 10);
}
