//! Whether the server lives, and whether it can take events.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use bytes::Bytes;
use hookseal::Timestamp;
use http::StatusCode;

use super::Answer;
use crate::{
    api::Api,
    limits,
    problem::{Code, Problem},
    wire::json_text,
};

const OK: &[u8] = br#"{"status":"ok"}"#;

/// `GET /healthz`: 200 while the process answers.
pub(crate) async fn alive() -> Response {
    json_text(StatusCode::OK, Bytes::from_static(OK))
}

/// `GET /readyz`: 200 where the store can be written to, 503 where not. What was found holds for a second.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Answer {
    let mut checked = api.checked.lock().await;
    let now = api.engine.now();
    let ready = match *checked {
        Some((at, ready)) if apart(at, now) < limits::READY_HOLDS => ready,
        _ => {
            let outcome = api.engine.store().check().await;
            if let Err(error) = &outcome {
                tracing::warn!(error = error as &dyn std::error::Error, "the store is not ready");
            }
            *checked = Some((now, outcome.is_ok()));
            outcome.is_ok()
        }
    };
    match ready {
        true => Ok(json_text(StatusCode::OK, Bytes::from_static(OK))),
        false => Err(Problem::new(Code::StoreUnavailable, "the store cannot be written to")),
    }
}

/// How far two times are apart, whichever way the clock has stepped.
fn apart(one: Timestamp, other: Timestamp) -> std::time::Duration {
    one.since(other).max(other.since(one))
}
