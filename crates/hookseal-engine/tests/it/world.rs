//! What the tests share: an engine whose world they hold in their hands.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::{Profile, Secret, Timestamp};
use hookseal_engine::{
    AttemptResult, DeliveryId, DeliveryRecord, DeliveryState, EndpointTls, Engine, EventType, Failure,
    FailureKind, Parts, Payload, Publish, PublishError, Published, Scope, SecretChoice, Subscription,
    SubscriptionSettings, SubscriptionStatus, limits,
    ports::{Endpoint, EndpointError, Outbound, Transport},
};
use hookseal_testkit::{ManualClock, MemoryStore, SeededEntropy};
use tokio::sync::watch;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
pub(crate) const SCOPE: Scope = Scope::DEFAULT_LIVE;

/// What the transport makes of a request.
pub(crate) type Script = Box<dyn Fn(&Outbound, usize) -> Answer + Send + Sync>;

pub(crate) enum Answer {
    Status(u16),
    Fail(FailureKind),
    /// No answer until the test opens the gate.
    AtTheGate(u16),
}

pub(crate) struct ScriptedTransport {
    script: Script,
    sent: Mutex<Vec<Outbound>>,
    count: watch::Sender<usize>,
    under_way: watch::Sender<usize>,
    gate: watch::Sender<bool>,
    /// Whether challenges are for the script, too. Where they are not they are answered well, and do not count.
    scripts_challenges: bool,
}

#[async_trait]
impl Transport for ScriptedTransport {
    fn endpoint(&self, url: &str, _: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        let uri: http::Uri = url.parse().map_err(|_| EndpointError::Malformed("not a URL"))?;
        let host = uri.host().ok_or(EndpointError::Malformed("no host"))?.to_owned();
        let authority = http::HeaderValue::from_str(&host).map_err(|_| EndpointError::Malformed("host"))?;
        let path_and_query = uri.path_and_query().cloned().ok_or(EndpointError::Malformed("no path"))?;
        Ok(Arc::new(Endpoint { tls: true, host, port: 443, authority, path_and_query, own_tls: None }))
    }

    async fn send(&self, outbound: Outbound) -> AttemptResult {
        if !self.scripts_challenges && is_challenge(&outbound) {
            return right_answer(&outbound);
        }
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(outbound.clone());
            sent.len()
        };
        self.under_way.send_modify(|count| *count += 1);
        self.count.send_replace(number);
        let mut result = AttemptResult::default();
        match (self.script)(&outbound, number) {
            Answer::Status(status) => result.status = Some(status),
            Answer::Fail(kind) => result.failure = Some(Failure::new(kind, "as the test says")),
            Answer::AtTheGate(status) => {
                self.gate.subscribe().wait_for(|open| *open).await.unwrap();
                result.status = Some(status);
            }
        }
        self.under_way.send_modify(|count| *count -= 1);
        result
    }
}

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: ManualClock,
    pub(crate) transport: Arc<ScriptedTransport>,
}

impl World {
    pub(crate) async fn answering(
        script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::on(Arc::new(MemoryStore::new()), ManualClock::at(NOW), script).await
    }

    pub(crate) async fn on(
        store: Arc<MemoryStore>,
        clock: ManualClock,
        script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::with(store, clock, Profile::builtins().cloned().collect(), script).await
    }

    pub(crate) async fn with(
        store: Arc<MemoryStore>,
        clock: ManualClock,
        profiles: Vec<Arc<Profile>>,
        script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::started(store, clock, profiles, false, script).await
    }

    /// One whose script answers challenges, too.
    pub(crate) async fn challenging(
        store: Arc<MemoryStore>,
        clock: ManualClock,
        script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::started(store, clock, Profile::builtins().cloned().collect(), true, script).await
    }

    pub(crate) async fn started(
        store: Arc<MemoryStore>,
        clock: ManualClock,
        profiles: Vec<Arc<Profile>>,
        scripts_challenges: bool,
        script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let transport = Arc::new(ScriptedTransport {
            script: Box::new(script),
            sent: Mutex::default(),
            count: watch::Sender::new(0),
            under_way: watch::Sender::new(0),
            gate: watch::Sender::new(false),
            scripts_challenges,
        });
        let engine = Engine::start(Parts {
            store: Arc::clone(&store) as _,
            transport: Arc::clone(&transport) as _,
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(7)),
            profiles,
            body_bytes_max: limits::BODY_BYTES_DEFAULT,
            user_agent: Some("Example-Webhooks/2".to_owned()),
        })
        .await
        .unwrap();
        Self { engine, store, clock, transport }
    }

    pub(crate) async fn subscribe(&self, profile: &str) -> Subscription {
        self.subscribe_with(settings(profile)).await
    }

    pub(crate) async fn subscribe_with(&self, settings: SubscriptionSettings) -> Subscription {
        let secret = match settings.profile.as_str() {
            "harmon" => SecretChoice::Given(Secret::new("a secret of the test")),
            _ => SecretChoice::Generate,
        };
        let made = self.engine.create_subscription(SCOPE, settings, secret).await.unwrap();
        if made.status == SubscriptionStatus::Pending && !self.transport.scripts_challenges {
            return self.until_status(&made, SubscriptionStatus::Active).await;
        }
        made
    }

    /// A subscription as it is stored.
    pub(crate) async fn stored(&self, of: &Subscription) -> Subscription {
        self.engine.store().subscription(SCOPE, of.id).await.unwrap().unwrap()
    }

    /// Waits until a condition of a subscription holds as it is stored.
    pub(crate) async fn until_stored(
        &self,
        of: &Subscription,
        condition: impl Fn(&Subscription) -> bool,
    ) -> Subscription {
        bounded(async {
            loop {
                let stored = self.stored(of).await;
                if condition(&stored) {
                    return stored;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub(crate) async fn until_status(&self, of: &Subscription, status: SubscriptionStatus) -> Subscription {
        self.until_stored(of, |stored| stored.status == status).await
    }

    pub(crate) async fn publish(&self, event_type: &str) -> Published {
        self.try_publish(publish(event_type, "{\"n\": 1.0}")).await.unwrap()
    }

    pub(crate) async fn try_publish(&self, publish: Publish) -> Result<Published, PublishError> {
        self.engine.publish(SCOPE, publish).await
    }

    /// Waits until so many requests were sent, and returns them.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Outbound> {
        bounded(self.transport.count.subscribe().wait_for(|sent| *sent >= count)).await.unwrap();
        self.transport.sent.lock().unwrap().clone()
    }

    /// How many requests were sent so far.
    pub(crate) fn sent_so_far(&self) -> usize {
        *self.transport.count.borrow()
    }

    /// How many requests wait for their answer.
    pub(crate) fn under_way(&self) -> usize {
        *self.transport.under_way.borrow()
    }

    pub(crate) fn open_gate(&self) {
        self.transport.gate.send_replace(true);
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> DeliveryRecord {
        self.engine.store().delivery(SCOPE, id).await.unwrap().unwrap()
    }

    /// The deliveries of an event, as they are stored.
    pub(crate) async fn store_deliveries(&self, event: &Published) -> Vec<DeliveryRecord> {
        self.engine.store().event_deliveries(SCOPE, event.id).await.unwrap().unwrap()
    }

    /// Waits until a condition of the stored deliveries of an event holds.
    pub(crate) async fn until(
        &self,
        event: &Published,
        condition: impl Fn(&DeliveryRecord) -> bool,
    ) -> DeliveryRecord {
        bounded(async {
            loop {
                let found = self.store_deliveries(event).await;
                if let Some(record) = found.iter().find(|record| condition(record)) {
                    return record.clone();
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub(crate) async fn until_state(&self, event: &Published, state: DeliveryState) -> DeliveryRecord {
        self.until(event, |record| record.state == state).await
    }

    /// Lets time pass, once somebody waits for it to.
    pub(crate) async fn pass(&self, by: Duration) {
        bounded(self.clock.sleepers(1)).await;
        self.clock.advance(by);
    }
}

/// Whether a request asks an endpoint to prove itself.
pub(crate) fn is_challenge(outbound: &Outbound) -> bool {
    let asks = [&b"{\"challenge\":\""[..], b"{\"type\":\"url_verification\""];
    outbound.method != http::Method::POST
        || outbound.endpoint.path_and_query.query().is_some()
        || asks.iter().any(|start| outbound.body.starts_with(start))
}

/// What a receiver answers that knows its vendor: what it was asked with comes back.
fn right_answer(challenge: &Outbound) -> AttemptResult {
    let query = challenge.endpoint.path_and_query.query().and_then(|query| query.split_once('='));
    AttemptResult {
        status: Some(200),
        response_headers: vec![("webhook-allowed-origin".to_owned(), "*".to_owned())],
        response_body: query
            .map_or_else(|| challenge.body.clone(), |(_, token)| Bytes::copy_from_slice(token.as_bytes())),
        ..AttemptResult::default()
    }
}

/// Nothing here takes longer than this, whatever the machine.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("within 20 s")
}

pub(crate) fn settings(profile: &str) -> SubscriptionSettings {
    SubscriptionSettings::new("https://hooks.example.test/in", profile)
}

pub(crate) fn publish(event_type: &str, body: &'static str) -> Publish {
    let event_type = EventType::new(event_type).unwrap();
    let payload = Payload { event_type, content_type: None, body: Bytes::from_static(body.as_bytes()) };
    Publish::of(payload)
}

pub(crate) fn header<'a>(outbound: &'a Outbound, name: &str) -> &'a str {
    let found = outbound.headers.iter().find(|(n, _)| n.as_str() == name);
    found.unwrap_or_else(|| panic!("no header {name}")).1.to_str().unwrap()
}
