//! What the log says, and what it never says.

use std::{io, sync::Arc};

use hookseal_server::ServerConfig;
use http::Method;
use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    client::Client,
    listening::Listening,
    world::{LIVE, World},
};

/// A log in memory.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_body_or_key_reaches_the_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let serving = Listening::start(&world, ServerConfig::default()).await;

    let mut client = Client::connect(serving.address).await;
    let body = r#"{"endpoint_url":"https://shop.example/","secret":"whsec_c2VjcmV0LW9mLW91cnM=","headers":{"x-token":"token-of-theirs"}}"#;
    let created = client.call("POST", "/v1/webhooks", Some(LIVE), body).await;
    assert_eq!(created.status, 201, "{created:?}");
    for body in [
        r#"{"type":"a","payload":{"card":"payload-of-theirs"}}"#,
        r#"{"type":"a","payload":"payload-of-theirs""#,
        "payload-of-theirs",
    ] {
        client.call("POST", "/v1/events", Some(LIVE), body).await;
    }
    client.call("POST", "/v1/events", Some("hs_live_a-key-that-was-mistyped-slightly"), "{}").await;
    world.transport.answer(crate::transport::answered(500, b"answer-of-theirs"));
    world.event(r#"{"type":"b","payload":{"card":"payload-of-theirs"}}"#).await;
    world.until("/v1/deliveries?event_type=b", |list| list["data"][0]["attempts"] == 1).await;
    world.engine.store().close().await;
    let failed = client.call("GET", "/v1/events", Some(LIVE), "").await;
    serving.stop().await;

    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    for never in [
        LIVE,
        "0123456789abcdef",
        "mistyped",
        "c2VjcmV0",
        "secret-of-ours",
        "token-of-theirs",
        "payload-of-theirs",
        "answer-of-theirs",
    ] {
        assert!(!text.contains(never), "{never} is in the log: {text}");
    }
    let id = failed.header("x-request-id");
    let lines: Vec<_> = text.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!((failed.status, lines.len()), (503, 1), "{text}");
    assert!(lines[0].contains("the store is closed") && !failed.body.contains("closed"), "{lines:?}");
}

#[tokio::test]
async fn what_goes_well_is_not_logged() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    let event = world.event(r#"{"type":"a","payload":{}}"#).await;
    world
        .until(&format!("/v1/events/{event}/deliveries"), |list| list["data"][0]["status"] == "succeeded")
        .await;
    world.call("hs_live_no-such-key-and-nothing-to-say", Method::GET, "/v1/events", "").await;
    assert_eq!(String::from_utf8(log.0.lock().clone()).unwrap(), "");
}
