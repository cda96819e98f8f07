use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookseal::Timestamp;
use hookseal_engine::{EventRecord, Payload};
use serde::Serialize;
use serde_json::value::RawValue;

/// An event.
#[derive(Debug, Serialize)]
pub(crate) struct EventView<'a> {
    id: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    external_id: Option<&'a str>,
    #[serde(serialize_with = "super::time")]
    created_at: Timestamp,
    #[serde(serialize_with = "super::time_or_null")]
    deliver_at: Option<Timestamp>,
    #[serde(serialize_with = "super::time_or_null")]
    expires_at: Option<Timestamp>,
    deliveries: usize,
    content_type: Option<&'a str>,
    /// Bytes of the payload.
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

/// A payload, in the form in which it was published.
#[derive(Debug)]
enum PayloadView<'a> {
    /// JSON, its bytes as they were written.
    Json(&'a RawValue),
    /// Anything else.
    Base64(String),
}

impl<'a> PayloadView<'a> {
    /// What was published with a media type of its own came as base64, and goes back so, byte for byte.
    fn of(payload: &'a Payload) -> Self {
        let json = match payload.content_type {
            None => serde_json::from_slice(&payload.body).ok(),
            Some(_) => None,
        };
        match json {
            Some(json) => Self::Json(json),
            None => Self::Base64(STANDARD.encode(&payload.body)),
        }
    }
}

impl<'a> EventView<'a> {
    /// An event without its payload.
    pub(crate) fn listed(event: &'a EventRecord) -> Self {
        Self {
            id: event.id.to_string(),
            event_type: event.payload.event_type.as_str(),
            external_id: event.external_id.as_deref(),
            created_at: event.accepted_at,
            deliver_at: event.window.deliver_at,
            expires_at: event.window.expires_at,
            deliveries: event.deliveries,
            content_type: event.payload.content_type.as_deref(),
            size: event.body_bytes,
            payload: None,
            payload_base64: None,
        }
    }

    /// An event with its payload.
    pub(crate) fn whole(event: &'a EventRecord) -> Self {
        let (payload, payload_base64) = match PayloadView::of(&event.payload) {
            PayloadView::Json(json) => (Some(json), None),
            PayloadView::Base64(text) => (None, Some(text)),
        };
        Self { payload, payload_base64, ..Self::listed(event) }
    }
}
