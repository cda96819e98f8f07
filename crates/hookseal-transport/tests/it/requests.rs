//! What goes out.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hookseal_engine::ports::Transport;
use hookseal_engine::{EndpointTls, FailureKind};
use http::{HeaderName, HeaderValue};
use tokio::io::AsyncWriteExt;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::support::{Server, assert_failed, assert_ok, outbound, read_request, transport};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// An endpoint that keeps the requests it gets.
async fn recorder() -> (Server, Arc<Mutex<Vec<Vec<u8>>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let server = Server::start(move |mut stream, _| {
        let kept = Arc::clone(&kept);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                kept.lock().unwrap().push(request);
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (server, requests)
}

#[tokio::test]
async fn the_request_is_written_as_given() {
    let (server, requests) = recorder().await;
    let transport = transport();
    let endpoint = transport
        .endpoint(&format!("http://{}/a/../b%20?q=1&r", server.address), &EndpointTls::default())
        .unwrap();
    let mut outbound = outbound(endpoint);
    outbound.headers = vec![
        header("content-type", "application/json"),
        header("webhook-id", "msg_1"),
        header("x-twice", "a"),
        header("x-twice", "b"),
    ];
    // Bytes that a JSON library would change: spaces, a float, the order of keys, a body that is not UTF-8.
    outbound.body = Bytes::from_static(b"{ \"b\":1.50,\"a\" : \xff\r\n}");
    assert_ok(&transport.send(outbound).await);
    let expected = format!(
        "POST /a/../b%20?q=1&r HTTP/1.1\r\nhost: {}\r\ncontent-length: 21\r\ncontent-type: application/json\r\n\
         webhook-id: msg_1\r\nx-twice: a\r\nx-twice: b\r\n\r\n",
        server.address
    );
    let mut expected = expected.into_bytes();
    expected.extend_from_slice(b"{ \"b\":1.50,\"a\" : \xff\r\n}");
    let requests = requests.lock().unwrap();
    assert_eq!(String::from_utf8_lossy(&requests[0]), String::from_utf8_lossy(&expected));
    assert_eq!(requests[0], expected);
}

#[tokio::test]
async fn an_empty_body_has_a_length_too() {
    let (server, requests) = recorder().await;
    let transport = transport();
    let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
    outbound.body = Bytes::new();
    assert_ok(&transport.send(outbound).await);
    let request = String::from_utf8(requests.lock().unwrap()[0].clone()).unwrap();
    assert!(request.contains("content-length: 0\r\n"), "{request}");
}

#[tokio::test]
async fn a_large_body_goes_out_whole() {
    let (server, requests) = recorder().await;
    let transport = transport();
    let body: Vec<u8> = (0..1024 * 1024).map(|i| (i % 251) as u8).collect();
    for _ in 0..3 {
        let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
        outbound.body = body.clone().into();
        assert_ok(&transport.send(outbound).await);
    }
    assert!(requests.lock().unwrap().iter().all(|request| request.ends_with(&body)));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn headers_of_the_connection_cannot_be_set() {
    let (server, requests) = recorder().await;
    let transport = transport();
    for name in
        ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "keep-alive"]
    {
        let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
        outbound.headers = vec![header(name, "1")];
        let result = transport.send(outbound).await;
        assert_failed(&result, FailureKind::Unsendable, name);
        assert_eq!(result.status, None);
    }
    assert!(requests.lock().unwrap().is_empty());
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let log = Arc::new(Mutex::new(String::new()));
    let guard = tracing::subscriber::set_default(Recorder(Arc::clone(&log)));
    let (server, _) = recorder().await;
    let transport = transport();
    for url in [server.url(), "http://127.0.0.1:1/hook?key=s3cret".to_owned()] {
        let mut outbound = outbound(transport.endpoint(&url, &EndpointTls::default()).unwrap());
        outbound.headers =
            vec![header("authorization", "Bearer s3cret"), header("webhook-signature", "v1,s3cret")];
        outbound.body = Bytes::from_static(b"body s3cret");
        transport.send(outbound).await;
    }
    drop(guard);
    let log = log.lock().unwrap();
    assert!(log.contains("connected") && log.contains("could not connect"), "the log was listened to: {log}");
    assert!(!log.contains("s3cret"), "{log}");
}

/// Writes down every event and span at every level.
struct Recorder(Arc<Mutex<String>>);

impl Visit for Recorder {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?} "));
    }
}

impl tracing::Subscriber for Recorder {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Recorder(Arc::clone(&self.0)));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Recorder(Arc::clone(&self.0)));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Recorder(Arc::clone(&self.0)));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
