//! The engine alone: a store in memory, and a transport that answers at once.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::Profile;
use hookseal_engine::{
    AttemptResult, EndpointTls, Engine, EventType, Parts, Payload, Publish, Scope, SecretChoice,
    SubscriptionSettings,
    ports::{Endpoint, EndpointError, Outbound, Store, Transport},
};
use hookseal_testkit::{ManualClock, MemoryStore, SeededEntropy};
use hookseal_transport::{HttpTransport, TransportConfig};

use crate::{BODY, Failure, NOW};

/// Reads URLs as the real one does, and answers every attempt with a 204, at once.
struct Willing(HttpTransport);

#[async_trait]
impl Transport for Willing {
    fn endpoint(&self, url: &str, tls: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        self.0.endpoint(url, tls)
    }

    async fn send(&self, _: Outbound) -> AttemptResult {
        AttemptResult { status: Some(204), ..AttemptResult::default() }
    }
}

/// An engine over a store, with a clock that stands still.
pub(crate) async fn engine(store: impl Store) -> Result<Arc<Engine>, Failure> {
    let engine = Engine::start(Parts {
        store: Arc::new(store),
        transport: Arc::new(Willing(HttpTransport::new(TransportConfig::default())?)),
        clock: Arc::new(ManualClock::at(NOW)),
        entropy: Arc::new(SeededEntropy::new(7)),
        profiles: Profile::builtins().cloned().collect(),
        body_bytes_max: 256 * 1024,
        user_agent: None,
    });
    Ok(engine.await?)
}

/// Publishes events one after the other and waits for the delivery of each: matching, committing, queueing, signing and
/// judging, without a disk and without sockets.
pub(crate) async fn deliver(times: usize) -> Result<(), Failure> {
    let engine = engine(MemoryStore::new()).await?;
    let settings = SubscriptionSettings::new("https://shop.example/hook", "standard-webhooks");
    engine.create_subscription(Scope::DEFAULT_LIVE, settings, SecretChoice::Generate).await?;
    let event_type = EventType::new("order.confirmed")?;
    let payload = Payload { event_type, content_type: None, body: Bytes::from_static(BODY) };
    for number in 1..=times as u64 {
        engine.publish(Scope::DEFAULT_LIVE, Publish::of(payload.clone())).await?;
        while engine.stats().succeeded < number || engine.stats().unrecorded > 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
