//! What the tests share: a store, ids, and short ways to say what is done with them.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use hookseal::{Secret, Timestamp};
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryId, DeliveryRecord, DeliveryRef, DeliveryState, EventId, EventType,
    Failure, FailureKind, HttpVersion, IdSource, KeyId, NewEvent, Payload, Phases, RetryAfter, Scope,
    Subscription, SubscriptionId, SubscriptionKey, SubscriptionSecret, SubscriptionSettings,
    SubscriptionStatus, Target, Terms, Trigger, Verdict, Window,
    ports::{
        Store,
        store::{
            Batch, Claim, ClaimOrder, Claimed, Committed, DeliveryFilter, NewSubscription, NextStep, Outcome,
            Page, Recovered, StoreError,
        },
    },
};

use super::Harness;

/// Tenant `default`, mode `live`.
pub(super) const LIVE: Scope = Scope(1);
/// Tenant `default`, mode `test`.
pub(super) const TEST: Scope = Scope(2);
/// When the tests take place, in unix milliseconds.
const START_MS: i64 = 1_800_000_000_000;

/// A store under test and the ids that are given out for it.
pub struct World<H> {
    /// Where the store comes from.
    pub harness: H,
    /// The store that is open.
    pub store: Arc<dyn Store>,
    ids: IdSource,
}

/// A moment of the tests: so many seconds after their start.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(START_MS + seconds * 1000)
}

/// A target whose lease is taken with the commit.
pub(super) fn leased(subscription: &Subscription) -> Target {
    Target { subscription: subscription.key, leased: true }
}

/// A target that waits in the store.
pub(super) fn parked(subscription: &Subscription) -> Target {
    Target { subscription: subscription.key, leased: false }
}

/// The type of an event.
pub(super) fn kind(name: &str) -> EventType {
    EventType::new(name).expect("a type that the tests write out is one")
}

/// All of a list.
pub(super) fn everything<Id>() -> Page<Id> {
    Page { limit: usize::MAX, after: None }
}

/// What a delivery of an event is called.
pub(super) fn delivery(event: &NewEvent, index: usize) -> DeliveryRef {
    DeliveryRef {
        id: event.delivery_id(index),
        event: event.id,
        subscription: event.targets[index].subscription,
        scope: event.scope,
    }
}

/// An outcome of an attempt that an endpoint took, `number`th of its delivery.
pub(super) fn success(delivery: DeliveryRef, number: u32, started_at: Timestamp) -> Outcome {
    let phases = Phases { total: Duration::from_millis(12), ..Phases::default() };
    let result = AttemptResult { status: Some(204), phases, ..AttemptResult::default() };
    let attempt = AttemptRecord { number, trigger: Trigger::Schedule, started_at, result };
    Outcome { delivery, attempt, next: NextStep::Succeeded, terms: Terms::default() }
}

/// An outcome of an attempt that failed, in all its detail.
pub(super) fn failure(delivery: DeliveryRef, number: u32, started_at: Timestamp, next: NextStep) -> Outcome {
    let result = AttemptResult {
        status: Some(503),
        failure: Some(Failure::new(FailureKind::Status, "the endpoint answered 503 \u{201c}busy\u{201d}")),
        request_headers: vec![("webhook-id".into(), "x".into()), ("authorization".into(), "***".into())],
        response_headers: vec![("retry-after".into(), "7".into()), ("retry-after".into(), "\u{fc}".into())],
        response_body: Bytes::from_static(b"\0\xffbusy"),
        response_truncated: true,
        retry_after: Some(RetryAfter::Delay(Duration::from_secs(7))),
        phases: Phases {
            dns: Some(Duration::from_nanos(1_234_567)),
            connect: Some(Duration::from_micros(300)),
            tls: None,
            first_byte: Some(Duration::from_millis(90)),
            total: Duration::from_nanos(120_000_001),
        },
        address: Some(SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 8443))),
        http_version: Some(HttpVersion::Http2),
        proxy: Some("socks5://proxy.example:1080".into()),
    };
    let attempt = AttemptRecord { number, trigger: Trigger::Schedule, started_at, result };
    Outcome { delivery, attempt, next, terms: Terms::default() }
}

impl<H: Harness> World<H> {
    /// An empty store, recovered as a server does it first.
    pub async fn start() -> Self {
        let harness = H::start().await;
        let store = harness.store();
        let world = Self { harness, store, ids: IdSource::new(0) };
        world.recover(0).await;
        world
    }

    /// The process stops at once; another opens the store.
    pub(super) async fn crash(&mut self) {
        self.harness.crash().await;
        self.store = self.harness.store();
    }

    /// The process ends in good order; another opens the store.
    pub(super) async fn restart(&mut self) {
        self.harness.restart().await;
        self.store = self.harness.store();
    }

    pub(super) async fn recover(&self, seconds: i64) -> Recovered {
        self.store.recover(at(seconds)).await.expect("the store recovers")
    }

    /// A place that no id has yet.
    pub(super) fn order(&self, seconds: i64, places: u64) -> u64 {
        self.ids.reserve(at(seconds), places)
    }

    pub(super) fn key_id(&self, seconds: i64) -> KeyId {
        KeyId::from_parts(self.order(seconds, 1), 3)
    }

    /// What it takes to create a subscription.
    pub(super) fn new_subscription(&self, scope: Scope, seconds: i64) -> NewSubscription {
        let order = self.order(seconds, 1);
        NewSubscription {
            id: SubscriptionId::from_parts(order, order ^ 0x5555),
            scope,
            settings: SubscriptionSettings::new("https://example.com/hook?a=1", "standard-webhooks"),
            secrets: vec![secret("whsec_first", seconds)],
            status: SubscriptionStatus::Active,
            created_at: at(seconds),
        }
    }

    /// Creates a subscription.
    pub(super) async fn subscription(&self, scope: Scope) -> Subscription {
        let new = self.new_subscription(scope, 0);
        self.store.create_subscription(new).await.expect("a subscription is created")
    }

    /// An event of scope live, of type `order.confirmed`.
    pub(super) fn event(&self, seconds: i64, targets: Vec<Target>) -> NewEvent {
        let order = self.order(seconds, 1 + targets.len() as u64);
        NewEvent {
            id: EventId::from_parts(order, order.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            scope: LIVE,
            payload: Payload {
                event_type: kind("order.confirmed"),
                content_type: None,
                body: Bytes::from(format!("{{\"order\": {order}}}")),
            },
            external_id: None,
            accepted_at: at(seconds),
            window: Window::default(),
            targets,
        }
    }

    pub(super) async fn try_commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.store.commit(batch).await
    }

    /// Commits events.
    pub(super) async fn commit(&self, events: &[&NewEvent]) -> Vec<Verdict> {
        let events = events.iter().map(|event| (*event).clone()).collect();
        let batch = Batch { events, ..Batch::default() };
        self.try_commit(batch).await.expect("events are committed").verdicts
    }

    /// Makes an event at this second and commits it.
    pub(super) async fn publish(&self, seconds: i64, targets: Vec<Target>) -> NewEvent {
        let event = self.event(seconds, targets);
        assert_eq!(self.commit(&[&event]).await, [Verdict::Accepted]);
        event
    }

    /// Records outcomes.
    pub(super) async fn record(&self, outcomes: Vec<Outcome>) {
        let batch = Batch { outcomes, ..Batch::default() };
        let committed = self.try_commit(batch).await.expect("outcomes are committed");
        assert_eq!(committed, Committed::default(), "there is a verdict for each event, and there was none");
    }

    /// Claims up to ten deliveries that are due at this second.
    pub(super) async fn claim(&self, subscription: SubscriptionKey, seconds: i64) -> Claimed {
        self.claim_some(subscription, seconds, 10, usize::MAX).await
    }

    pub(super) async fn claim_some(
        &self,
        subscription: SubscriptionKey,
        seconds: i64,
        limit: usize,
        bytes_max: usize,
    ) -> Claimed {
        self.claim_in(ClaimOrder::Due, subscription, seconds, limit, bytes_max).await
    }

    /// Claims by places.
    pub(super) async fn claim_by_place(
        &self,
        subscription: SubscriptionKey,
        seconds: i64,
        limit: usize,
    ) -> Claimed {
        self.claim_in(ClaimOrder::Place, subscription, seconds, limit, usize::MAX).await
    }

    pub(super) async fn claim_in(
        &self,
        order: ClaimOrder,
        subscription: SubscriptionKey,
        seconds: i64,
        limit: usize,
        bytes_max: usize,
    ) -> Claimed {
        let claim = Claim { subscription, order, due_before: at(seconds), limit, bytes_max };
        self.store.claim(claim).await.expect("deliveries are claimed")
    }

    /// The ids of what a claim gives.
    pub(super) async fn claimed(&self, subscription: SubscriptionKey, seconds: i64) -> Vec<DeliveryId> {
        let claimed = self.claim(subscription, seconds).await;
        claimed.deliveries.iter().map(|claimed| claimed.delivery.id).collect()
    }

    /// One delivery, which is the same however it is read.
    pub(super) async fn read(&self, key: DeliveryRef) -> DeliveryRecord {
        let one = self.store.delivery(key.scope, key.id).await.expect("a delivery is read");
        let one = one.expect("the delivery is there");
        let of_event = self.store.event_deliveries(key.scope, key.event).await.expect("deliveries are read");
        let of_event = of_event.expect("the event is there");
        assert_eq!(of_event.iter().filter(|other| other.key.id == key.id).collect::<Vec<_>>(), [&one]);
        for subscription in [None, Some(one.subscription_id)] {
            let filter = DeliveryFilter { subscription, ..DeliveryFilter::default() };
            let all = self.deliveries(key.scope, filter).await;
            assert_eq!(all.iter().filter(|other| other.key.id == key.id).collect::<Vec<_>>(), [&one]);
        }
        one
    }

    pub(super) async fn state(&self, key: DeliveryRef) -> DeliveryState {
        self.read(key).await.state
    }

    /// All deliveries that a filter lets through, read in one page or, where a search's bound ends it, in several.
    pub(super) async fn deliveries(&self, scope: Scope, filter: DeliveryFilter) -> Vec<DeliveryRecord> {
        let (mut all, mut page) = (Vec::new(), everything());
        loop {
            let found =
                self.store.deliveries(scope, filter.clone(), page).await.expect("deliveries are listed");
            all.extend(found.rows);
            match found.next {
                Some(next) => page.after = Some(next),
                None => return all,
            }
        }
    }

    pub(super) async fn attempts(&self, key: DeliveryRef) -> Vec<AttemptRecord> {
        let attempts = self.store.attempts(key.scope, key.id).await.expect("attempts are read");
        attempts.expect("the delivery is there")
    }
}

/// A secret, made at this second.
pub(super) fn secret(text: &str, seconds: i64) -> SubscriptionSecret {
    SubscriptionSecret::new(Secret::new(text), at(seconds))
}

/// Runs futures at once, and gives back what they come to, in their order.
pub(super) async fn all_at_once<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut under_way: Vec<_> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    poll_fn(move |context| {
        for (future, done) in &mut under_way {
            if let Some(Poll::Ready(value)) = future.as_mut().map(|future| future.as_mut().poll(context)) {
                *future = None;
                *done = Some(value);
            }
        }
        if under_way.iter().any(|(future, _)| future.is_some()) {
            return Poll::Pending;
        }
        Poll::Ready(under_way.drain(..).filter_map(|(_, done)| done).collect())
    })
    .await
}
