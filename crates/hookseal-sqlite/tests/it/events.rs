//! Events, subscriptions and outcomes to test with.

use std::time::Duration;

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryRef, EventId, EventType, NewEvent, Payload, Phases, Scope,
    SubscriptionId, SubscriptionKey, SubscriptionSettings, SubscriptionStatus, Target, Terms, Trigger,
    Window,
    ports::store::{NewSubscription, NextStep, Outcome},
};

/// When all takes place, in unix milliseconds.
pub(crate) const START_MS: u64 = 1_800_000_000_000;

/// The event of this second, with targets and whether each is leased.
pub(crate) fn event(second: u64, targets: &[(SubscriptionKey, bool)]) -> NewEvent {
    event_at((START_MS + second * 1000) << 12, targets)
}

/// The event at this place.
pub(crate) fn event_at(order: u64, targets: &[(SubscriptionKey, bool)]) -> NewEvent {
    let event_type = EventType::new("order.confirmed").expect("a type");
    let body = Bytes::from(format!("{{\"order\": {order}}}"));
    NewEvent {
        id: EventId::from_parts(order, order.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        scope: Scope(1),
        payload: Payload { event_type, content_type: None, body },
        external_id: None,
        accepted_at: Timestamp::from_unix_millis((order >> 12) as i64),
        window: Window::default(),
        targets: targets
            .iter()
            .map(|(subscription, leased)| Target { subscription: *subscription, leased: *leased })
            .collect(),
    }
}

/// A delivery of an event.
pub(crate) fn reference(event: &NewEvent, index: usize) -> DeliveryRef {
    let subscription = event.targets[index].subscription;
    DeliveryRef { id: event.delivery_id(index), event: event.id, subscription, scope: event.scope }
}

/// What comes of an attempt that an endpoint took.
pub(crate) fn success(delivery: DeliveryRef, number: u32) -> Outcome {
    let phases = Phases { total: Duration::from_millis(3), ..Phases::default() };
    let result = AttemptResult { status: Some(200), phases, ..AttemptResult::default() };
    let started_at = delivery.event.timestamp();
    let attempt = AttemptRecord { number, trigger: Trigger::Schedule, started_at, result };
    Outcome { delivery, attempt, next: NextStep::Succeeded, terms: Terms::default() }
}

/// A subscription in scope 1.
pub(crate) fn new_subscription(number: u64) -> NewSubscription {
    NewSubscription {
        id: SubscriptionId::from_parts(number, number),
        scope: Scope(1),
        settings: SubscriptionSettings::new("https://example.com/hook", "standard-webhooks"),
        secrets: Vec::new(),
        status: SubscriptionStatus::Active,
        created_at: Timestamp::from_unix_millis(START_MS as i64),
    }
}
