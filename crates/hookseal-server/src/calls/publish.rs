//! Publishing: the call that everything else waits on.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hookseal_engine::{EventType, Payload, Publish, Published, Window};
use http::StatusCode;
use serde_json::value::RawValue;

use super::Answer;
use crate::{
    api::Api,
    caller::Caller,
    object::{Given, Object, Problems},
    problem::Problem,
    query::NoQuery,
    receive::receive,
    wire,
};

/// Where events are published.
pub(crate) const PATH: &str = "/v1/events";

const FIELDS: &[&str; 7] =
    &["type", "payload", "payload_base64", "content_type", "id", "deliver_at", "expires_at"];

/// `POST /v1/events`: 202 once the event is durable with its deliveries; 200 where the same event was before.
pub(crate) async fn publish(State(api): State<Arc<Api>>, caller: Caller, _: NoQuery, body: Body) -> Answer {
    let received = receive(body, api.config.publish_bytes_max(), api.config.request_timeout).await?;
    let publish = read(received.bytes(), &|part| received.keep(part))?;
    drop(received);
    let Published { id, deliveries, duplicate } = api.engine.publish(caller.scope, publish).await?;
    let status = if duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    // An id needs no escaping, and this is written for every event.
    Ok(wire::json_text(status, format!(r#"{{"id":"{id}","deliveries":{deliveries}}}"#).into()))
}

/// The same for a request that the router has not seen.
pub(crate) async fn request(api: Arc<Api>, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &api).await?;
    let query = NoQuery::from_request_parts(&mut parts, &api).await?;
    publish(State(api), caller, query, body).await
}

/// Reads an event. The bytes of its payload are those of the request, as `keep` keeps them.
pub(super) fn read(text: &[u8], keep: &dyn Fn(&[u8]) -> Bytes) -> Result<Publish, Problem> {
    let object = Object::parse(text, FIELDS)?;
    let [event_type, payload, payload_base64, content_type, id, deliver_at, expires_at] = object.known()?;
    let mut problems = Problems::default();
    let event_type = read_type(&mut problems, event_type);
    let external_id = problems.read_or_null::<String>("id", id, "a string");
    let window = Window {
        deliver_at: problems.time("deliver_at", deliver_at),
        expires_at: problems.time("expires_at", expires_at),
    };
    let content_type = problems.read_or_null::<String>("content_type", content_type, "a string");
    let encoded = problems.read_or_null::<String>("payload_base64", payload_base64, "a string of base64");
    let body = match (payload, encoded) {
        (Some(payload), None) => json_body(&mut problems, keep, payload, content_type.as_deref()),
        (None, Some(encoded)) => decoded_body(&mut problems, &encoded, content_type.as_deref()),
        (Some(_), Some(_)) => {
            problems.add("payload_base64", "stands beside `payload`; give one of the two");
            None
        }
        (None, None) => {
            // What stands there and is not a string was found above.
            if payload_base64.is_none_or(|text| text.get() == "null") {
                problems.add(
                    "payload",
                    "is required: any JSON, or `payload_base64` with `content_type` in its place",
                );
            }
            None
        }
    };
    match (event_type, body, problems.none()) {
        (Some(event_type), Some(body), true) => {
            Ok(Publish { payload: Payload { event_type, content_type, body }, external_id, window })
        }
        _ => Err(problems.problem()),
    }
}

fn read_type(problems: &mut Problems, text: Option<&RawValue>) -> Option<EventType> {
    match problems.read::<String>("type", text, "a string") {
        Given::Value(text) => match EventType::new(text) {
            Ok(event_type) => return Some(event_type),
            Err(error) => problems.add("type", error.to_string()),
        },
        Given::Null => problems.add("type", "must be a string"),
        Given::Absent if text.is_none() => problems.add("type", "is required, for example `order.confirmed`"),
        Given::Absent => {}
    }
    None
}

fn json_body(
    problems: &mut Problems,
    keep: &dyn Fn(&[u8]) -> Bytes,
    payload: &RawValue,
    content_type: Option<&str>,
) -> Option<Bytes> {
    if content_type.is_some() {
        problems.add("content_type", "goes with `payload_base64`; `payload` is JSON, and is sent as such");
        return None;
    }
    Some(keep(payload.get().as_bytes()))
}

fn decoded_body(problems: &mut Problems, encoded: &str, content_type: Option<&str>) -> Option<Bytes> {
    if content_type.is_none() {
        problems.add("content_type", "is required with `payload_base64`, for example `text/plain`");
    }
    match STANDARD.decode(encoded) {
        Ok(body) => Some(body.into()),
        Err(_) => {
            problems.add("payload_base64", "must be base64 as in RFC 4648 section 4, with padding");
            None
        }
    }
}
