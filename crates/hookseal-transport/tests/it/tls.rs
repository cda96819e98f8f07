//! TLS, with an authority made for the test.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hookseal_engine::ports::Transport;
use hookseal_engine::{AttemptResult, EndpointTls, FailureKind};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, HOST, serve, url};
use crate::support::{
    Server, assert_failed, assert_ok, closed, outbound, post, post_a_thousand_times, read_request,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

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
async fn an_endpoint_without_a_protocol_in_common_is_refused() {
    let authority = Authority::new();
    let mut other = authority.issue(&[HOST], |_| {});
    other.alpn_protocols = vec![b"h3".to_vec()];
    assert_failed(
        &post_to(&authority, other).await,
        FailureKind::Tls,
        "refused the TLS handshake: NoApplicationProtocol",
    );
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
async fn case_10_a_thousand_requests_make_few_handshakes() {
    let authority = Authority::new();
    let (server, handshakes) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    post_a_thousand_times(authority.transport(|_| {}), url(&server)).await;
    assert!((1..=16).contains(&handshakes.all()), "{}", handshakes.all());
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
