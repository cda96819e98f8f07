use hookseal::Timestamp;
use hookseal_engine::{DeliveryRecord, FailureKind};
use serde::Serialize;

/// A delivery.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveryView<'a> {
    id: String,
    event_id: String,
    webhook_id: String,
    event_type: &'a str,
    status: &'static str,
    attempts: u32,
    #[serde(serialize_with = "super::time_or_null")]
    next_attempt_at: Option<Timestamp>,
    #[serde(serialize_with = "super::time")]
    created_at: Timestamp,
    #[serde(serialize_with = "super::time_or_null")]
    finished_at: Option<Timestamp>,
    #[serde(serialize_with = "super::time_or_null")]
    deliver_at: Option<Timestamp>,
    #[serde(serialize_with = "super::time_or_null")]
    expires_at: Option<Timestamp>,
    last_status_code: Option<u16>,
    last_error: Option<&'static str>,
    last_duration_ms: Option<u32>,
}

impl<'a> DeliveryView<'a> {
    pub(crate) fn of(delivery: &'a DeliveryRecord) -> Self {
        Self {
            id: delivery.key.id.to_string(),
            event_id: delivery.key.event.to_string(),
            webhook_id: delivery.subscription_id.to_string(),
            event_type: delivery.event_type.as_str(),
            status: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.due_at,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            deliver_at: delivery.window.deliver_at,
            expires_at: delivery.window.expires_at,
            last_status_code: delivery.last_status,
            last_error: delivery.last_failure.map(FailureKind::as_str),
            last_duration_ms: delivery.last_duration_ms,
        }
    }
}
