use std::{
    io,
    sync::{Arc, Mutex},
};

use hookseal_engine::{DeliveryState, FailureKind, SubscriptionSettings};

use crate::world::{Answer, World, publish, settings};

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_secrets_nor_bodies_nor_own_headers_are_logged_or_shown() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::answering(|_, _| Answer::Fail(FailureKind::Connection)).await;
    let own = vec![("x-token".to_owned(), "own-header-token".to_owned())];
    let subscription =
        world.subscribe_with(SubscriptionSettings { headers: own, ..settings("harmon") }).await;
    let event = world.try_publish(publish("t", "{\"body\":\"very private\"}")).await.unwrap();
    let record =
        world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("attempt failed"), "the test sees the log: {logged}");
    let attempts = world.engine.store().attempts(record.key.scope, record.key.id).await.unwrap().unwrap();
    let shown = format!("{subscription:?} {:?} {:?}", world.engine, attempts[0].result.request_headers);
    for private in ["a secret of the test", "very private"] {
        assert!(!logged.contains(private), "logged: {private}");
        assert!(!shown.contains(private), "shown: {private}");
    }
    let headers = &attempts[0].result.request_headers;
    assert!(headers.contains(&("x-token".to_owned(), "***".to_owned())), "{headers:?}");
}

/// Where the secret is sent along in the place of a signature, the header that holds it is as private as the secret.
#[tokio::test]
async fn a_secret_that_is_sent_along_is_not_shown() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    world.subscribe("gitlab-token").await;
    let event = world.publish("t").await;
    let record =
        world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    let attempts = world.engine.store().attempts(record.key.scope, record.key.id).await.unwrap().unwrap();
    let headers = &attempts[0].result.request_headers;
    assert!(headers.contains(&("x-gitlab-token".to_owned(), "***".to_owned())), "{headers:?}");
    let sent = world.sent(1).await;
    let value = sent[0].headers.iter().find(|(name, _)| name == "x-gitlab-token").unwrap().1.as_bytes();
    assert!(value.len() > 16, "what is sent is the secret itself");
}
