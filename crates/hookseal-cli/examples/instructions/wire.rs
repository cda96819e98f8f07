//! The two ends that speak HTTP: the API with the embedded store behind it, and the transport.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hookseal::Secret;
use hookseal_engine::{
    EndpointTls,
    ports::{Outbound, Transport},
};
use hookseal_server::{Keyring, ServerConfig, router};
use hookseal_sqlite::{OpenOptions, SqliteStore};
use hookseal_testkit::SeededEntropy;
use hookseal_transport::{HttpTransport, TransportConfig};
use http::{HeaderName, HeaderValue, Method, Request};
use tower::ServiceExt;

use crate::{Failure, NOW, pipeline};

const KEY: &str = "hs_live_0123456789abcdefghijklmnop";
const EVENT: &str = r#"{"type":"order.confirmed","payload":{"order":17,"pad":""}}"#;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("user-agent", "hookseal/0.1"),
    ("webhook-id", "dlv_01h455vb4pex5vsknk084sn02q"),
    ("webhook-timestamp", "1750000000"),
    ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
];

/// Publishes events through the router, one after the other, each with a commit of its own in the embedded store.
pub(crate) async fn accept(times: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let engine = pipeline::engine(SqliteStore::open(&OpenOptions::new(directory.path()))?).await?;
    let mut keys = Keyring::load(engine.store()).await?;
    keys.ensure_operator(engine.store(), Some(&Secret::new(KEY)), NOW, &SeededEntropy::new(1)).await?;
    let api = router(Arc::clone(&engine), keys, ServerConfig::default());
    for _ in 0..times {
        let request = Request::builder().method(Method::POST).uri("/v1/events");
        let request = request.header("authorization", format!("Bearer {KEY}")).body(Body::from(EVENT))?;
        let answer = api.clone().oneshot(request).await?;
        if answer.status() != 202 {
            return Err(format!("an event was answered with {}", answer.status()).into());
        }
    }
    engine.stop(Duration::ZERO).await;
    Ok(())
}

/// Sends requests over one kept connection, one after the other.
pub(crate) async fn send(times: usize) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    std::thread::spawn(move || endpoint(&listener));
    let config =
        TransportConfig { allow_networks: vec!["127.0.0.0/8".parse()?], ..TransportConfig::default() };
    let transport = HttpTransport::new(config)?;
    let endpoint = transport.endpoint(&url, &EndpointTls::default())?;
    let headers =
        HEADERS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    for _ in 0..times {
        let outbound = Outbound {
            endpoint: Arc::clone(&endpoint),
            method: Method::POST,
            headers: headers.clone().into(),
            body: Bytes::from_static(&[b'x'; 500]),
            timeout: Duration::from_secs(15),
        };
        let result = transport.send(outbound).await;
        if result.status != Some(200) {
            return Err(format!("an attempt came to {result:?}").into());
        }
    }
    Ok(())
}

/// Answers every request with the same bytes. Each comes whole, so that one read is one request.
fn endpoint(listener: &TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut request = [0; 4096];
    while stream.read(&mut request)? > 0 {
        stream.write_all(ANSWER)?;
    }
    Ok(())
}
