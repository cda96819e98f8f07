//! Operational events: what an operator wants to be told of, as events of their own kinds.
//!
//! They go to the subscriptions that name these types, and are committed with the outcome that they tell of; a challenge that
//! failed is told of right after that is stored. Nothing
//! that becomes of their own deliveries leads to another one.

use bytes::Bytes;
use hookseal::Timestamp;

use super::{Engine, publish};
use crate::{
    AttemptRecord, ChallengeRecord, DeliveryRef, DisableReason, EventId, EventType, FailureKind, Health,
    IdSource, NewEvent, OperationalType, Payload, Scope, Subscription, SubscriptionKey, Window,
    dispatcher::Dispatcher,
};

/// What happened.
pub(super) enum Happening<'h> {
    /// A subscription was disabled.
    Disabled { reason: DisableReason, health: Health },
    /// A subscription that had been disabled and is enabled again took a delivery.
    Recovered,
    /// A delivery was given up.
    GaveUp { delivery: DeliveryRef, event_type: &'h EventType, attempt: &'h AttemptRecord },
    /// An endpoint has not proved itself.
    ChallengeFailed { record: &'h ChallengeRecord },
}

impl Happening<'_> {
    fn kind(&self) -> OperationalType {
        match self {
            Self::Disabled { .. } => OperationalType::SubscriptionDisabled,
            Self::Recovered => OperationalType::SubscriptionRecovered,
            Self::GaveUp { .. } => OperationalType::DeliveryFailed,
            Self::ChallengeFailed { .. } => OperationalType::ChallengeFailed,
        }
    }

    /// What it says, without secrets: ids, states and times.
    fn data(&self, subscription: &Subscription) -> serde_json::Value {
        let webhook = subscription.id.to_string();
        match self {
            Self::Disabled { reason, health } => serde_json::json!({
                "webhook_id": webhook,
                "reason": reason.as_str(),
                "failures_in_a_row": health.failures_in_a_row,
                "failing_since": health.failing_since.map(|at| at.to_string()),
            }),
            Self::Recovered => serde_json::json!({ "webhook_id": webhook }),
            Self::GaveUp { delivery, event_type, attempt } => serde_json::json!({
                "webhook_id": webhook,
                "delivery_id": delivery.id.to_string(),
                "event_id": delivery.event.to_string(),
                "event_type": event_type.as_str(),
                "attempts": attempt.number,
                "last_status_code": attempt.result.status,
                "last_error": attempt.result.failure.as_ref().map(|failure| failure.kind.as_str()),
            }),
            Self::ChallengeFailed { record } => serde_json::json!({
                "webhook_id": webhook,
                "tries": record.tries,
                "last_status_code": record.status,
                "last_error": record.failure.map(FailureKind::as_str),
                "problem": record.problem,
            }),
        }
    }
}

impl Engine {
    /// What tells of what happened; `None` where nobody wants it.
    pub(super) fn notice(
        &self,
        subscription: &Subscription,
        happening: &Happening<'_>,
        now: Timestamp,
    ) -> Option<Notice> {
        let kind = happening.kind();
        let event_type = kind.event_type();
        let scope = subscription.scope.operators();
        let keys = self.registry.read().naming(scope, &event_type);
        if keys.is_empty() {
            return None;
        }
        let data = happening.data(subscription);
        let body = serde_json::json!({ "type": kind.as_str(), "timestamp": now.to_string(), "data": data });
        let payload = Payload { event_type, content_type: None, body: Bytes::from(body.to_string()) };
        Some(Notice { scope, payload, keys, nonce: self.entropy.next_u64(), at: now })
    }
}

/// An operational event that has no place yet.
#[derive(Clone)]
pub(super) struct Notice {
    scope: Scope,
    payload: Payload,
    keys: Vec<SubscriptionKey>,
    nonce: u64,
    at: Timestamp,
}

impl Notice {
    /// Bytes of its body.
    pub(super) fn body_bytes(&self) -> usize {
        self.payload.body.len()
    }

    /// Gives it its place, and as many of its deliveries as fit theirs in memory. To be handed to the committer before
    /// the dispatcher is let go of, as every event is.
    pub(super) fn placed(self, ids: &IdSource, dispatcher: &mut Dispatcher) -> NewEvent {
        let Self { scope, payload, keys, nonce, at } = self;
        let order = ids.reserve(at, keys.len() as u64 + 1);
        let targets = publish::targets(&keys, |key| dispatcher.promise(key, payload.body.len()));
        NewEvent {
            id: EventId::from_parts(order, nonce),
            scope,
            payload,
            external_id: None,
            accepted_at: at,
            window: Window::default(),
            targets,
        }
    }
}
