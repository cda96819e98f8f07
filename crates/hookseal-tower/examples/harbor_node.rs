//! A receiver of Harbor Node's execution callbacks, which answers as Harbor's own sample does.
//!
//! ```text
//! HARBOR_CALLBACK_SIGNING_SECRET=... cargo run -p hookseal-tower --example harbor_node
//! ```
//!
//! The names of both headers can be changed in the node's settings, and then here: `HARBOR_SIGNATURE_HEADER` and
//! `HARBOR_TIMESTAMP_HEADER`. With `HARBOR_DEVELOPMENT=1` a refusal has the reason that the sample gives.

mod serving;

use std::error::Error;

use axum::{Json, Router, http::StatusCode, routing::post};
use hookseal::Profile;
use hookseal_tower::{MemoryGuard, Receiver, Verified};
use serde_json::{Value, json};
use serving::{secret, serve, setting};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = Profile::builtin("harbor-node").ok_or("no such profile")?;
    let mut receiver = Receiver::builder(profile)
        .secret(secret("HARBOR_CALLBACK_SIGNING_SECRET")?)
        .replay(MemoryGuard::new())
        .development(setting("HARBOR_DEVELOPMENT").is_some());
    if let Some(name) = setting("HARBOR_SIGNATURE_HEADER") {
        receiver = receiver.signature_header(name);
    }
    if let Some(name) = setting("HARBOR_TIMESTAMP_HEADER") {
        receiver = receiver.timestamp_header(name);
    }
    let layer = receiver.build()?.layer();
    serve(Router::new().route("/harbor/executions", post(execution).layer(layer))).await
}

/// Only reached by what verified. A body that is no JSON is Harbor's all the same, and sending it again would not help.
async fn execution(verified: Verified) -> (StatusCode, Json<Value>) {
    let payload: Value = serde_json::from_slice(verified.body()).unwrap_or_default();
    let answer = json!({
        "ok": true,
        "executionId": payload["execution"]["executionId"],
        "event": payload["event"],
    });
    (StatusCode::ACCEPTED, Json(answer))
}
