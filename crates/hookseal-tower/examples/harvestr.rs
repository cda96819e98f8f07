//! A receiver of Harvestr's webhooks.
//!
//! ```text
//! HARVESTR_SECRET_TOKEN=... cargo run -p hookseal-tower --example harvestr
//! ```
//!
//! Harvestr signs the body alone: whoever has seen a request can send it again at any time, and nothing that is signed
//! tells two events with the same body apart. There is no guard here, so the handler has to be one that may run twice
//! (`replay_by_content` is for those whose events never say the same twice). The header `X-Harvestr-Webhook-Id` names
//! the subscription, and is the same for every event. The layer answers the challenge by which Harvestr checks the
//! endpoint; the handler never sees it.

mod serving;

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use hookseal::Profile;
use hookseal_tower::{Receiver, Verified};
use serving::{secret, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = Profile::builtin("harvestr").ok_or("no such profile")?;
    let receiver = Receiver::builder(profile).secret(secret("HARVESTR_SECRET_TOKEN")?).build()?;
    serve(Router::new().route("/harvestr", post(feedback).layer(receiver.layer()))).await
}

/// Harvestr waits 5 seconds for an answer from 200 to 208: long work belongs into a queue.
async fn feedback(verified: Verified) -> StatusCode {
    tracing::info!(bytes = verified.body().len(), "an event of Harvestr");
    StatusCode::OK
}
