//! A receiver of Harmon's storefront events.
//!
//! ```text
//! HARMON_SIGNING_SECRET=... cargo run -p hookseal-tower --example harmon
//! ```
//!
//! Harmon signs the body alone. The event type and the delivery id come in headers that anybody can write: a body that
//! was captured can come again under another type and a fresh id. So the type that counts is the one in the body, and
//! deliveries are known by their bodies, which each have an order, an invoice or a product of their own.

mod serving;

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use hookseal::Profile;
use hookseal_tower::{MemoryGuard, Receiver, Verified};
use serde_json::Value;
use serving::{secret, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = Profile::builtin("harmon").ok_or("no such profile")?;
    let receiver = Receiver::builder(profile)
        .secret(secret("HARMON_SIGNING_SECRET")?)
        .replay_by_content(MemoryGuard::new())
        .build()?;
    serve(Router::new().route("/harmon/webhook", post(event).layer(receiver.layer()))).await
}

async fn event(verified: Verified) -> Result<String, StatusCode> {
    let event: Value = serde_json::from_slice(verified.body()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let signed = event["type"].as_str().ok_or(StatusCode::BAD_REQUEST)?;
    if verified.unauthenticated().event_type().is_some_and(|claimed| claimed != signed) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(format!("handled {signed}"))
}
