//! One deadline over everything.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookseal_engine::ports::Transport;
use hookseal_engine::{AttemptResult, EndpointTls, FailureKind};
use hookseal_transport::{HttpTransport, Resolve, ResolveError, TransportConfig};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::support::{
    Server, assert_failed, assert_ok, closed, config, eventually, outbound, post, read_request, transport,
};

const DEADLINE: Duration = Duration::from_millis(200);
/// How late an attempt may end on a machine that is busy with other tests.
const LATENESS: Duration = Duration::from_secs(5);

async fn post_within(transport: &HttpTransport, url: &str, timeout: Duration) -> AttemptResult {
    let mut outbound = outbound(transport.endpoint(url, &EndpointTls::default()).unwrap());
    outbound.timeout = timeout;
    let result = transport.send(outbound).await;
    assert!(result.phases.total >= timeout, "{result:?}");
    assert!(result.phases.total < timeout + LATENESS, "{result:?}");
    result
}

/// Sends a head, and then a byte of the body from time to time for as long as anybody listens.
async fn dripping() -> Server {
    Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await.ok();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while stream.write_all(b"d").await.is_ok() {
            tick.tick().await;
        }
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_never_answers() {
    let server = Server::start(|mut stream, _| async move { closed(&mut stream).await }).await;
    let result = post_within(&transport(), &server.url(), DEADLINE).await;
    assert_failed(
        &result,
        FailureKind::Timeout,
        "no whole answer within 200 ms: the endpoint had not begun to answer",
    );
    assert_eq!(result.status, None);
    assert!(result.phases.connect.is_some() && result.phases.first_byte.is_none());
}

#[tokio::test]
async fn an_endpoint_that_does_not_even_read() {
    let (release, released) = tokio::sync::watch::channel(false);
    let server = Server::start(move |stream, _| {
        let mut released = released.clone();
        async move {
            released.wait_for(|released| *released).await.ok();
            drop(stream);
        }
    })
    .await;
    let transport = transport();
    let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
    outbound.timeout = DEADLINE;
    outbound.body = vec![b'x'; 16 * 1024 * 1024].into();
    assert_failed(&transport.send(outbound).await, FailureKind::Timeout, "had not begun");
    release.send_replace(true);
}

#[tokio::test]
async fn an_endpoint_that_drips() {
    let server = dripping().await;
    let result = post_within(&transport(), &server.url(), DEADLINE).await;
    assert_failed(&result, FailureKind::Timeout, "of the body had come");
    assert_eq!(result.status, Some(200));
    assert!(!result.response_body.is_empty() && result.response_body.iter().all(|byte| *byte == b'd'));
    assert!(result.phases.first_byte.is_some() && !result.response_truncated);
}

#[tokio::test]
async fn an_endpoint_that_drips_its_head() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.ok();
        while stream.write_all(b"d").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    let result = post_within(&transport(), &server.url(), DEADLINE).await;
    assert_failed(&result, FailureKind::Timeout, "had not begun");
}

#[tokio::test]
async fn the_deadline_closes_the_connection() {
    let (ended, has_ended) = tokio::sync::watch::channel(false);
    let server = Server::start(move |mut stream, _| {
        let ended = ended.clone();
        async move {
            closed(&mut stream).await;
            ended.send_replace(true);
        }
    })
    .await;
    post_within(&transport(), &server.url(), DEADLINE).await;
    eventually("the connection is closed", || *has_ended.borrow()).await;
}

#[tokio::test]
async fn slow_endpoints_hold_up_nobody_else() {
    let slow = dripping().await;
    let healthy = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let transport = Arc::new(transport());
    let mut attempts = JoinSet::new();
    for _ in 0..100 {
        let (transport, url) = (Arc::clone(&transport), slow.url());
        attempts.spawn(async move { post_within(&transport, &url, Duration::from_secs(2)).await });
    }
    eventually("all slow attempts are under way", || slow.accepted() == 100).await;
    for _ in 0..20 {
        assert_ok(&post(&transport, &healthy.url()).await);
    }
    assert_eq!(healthy.accepted(), 1);
    while let Some(result) = attempts.join_next().await {
        assert_failed(&result.unwrap(), FailureKind::Timeout, "of the body had come");
    }
}

/// A resolver that never answers.
#[derive(Debug)]
struct Silence;

#[async_trait]
impl Resolve for Silence {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_name_server_that_never_answers() {
    let transport =
        HttpTransport::new(TransportConfig { resolver: Some(Arc::new(Silence)), ..config() }).unwrap();
    let result = post_within(&transport, "http://hooks.test/", DEADLINE).await;
    assert_failed(&result, FailureKind::Timeout, "the name was still being resolved");
    assert!(result.phases.dns.is_some_and(|dns| dns >= DEADLINE / 2));
}
