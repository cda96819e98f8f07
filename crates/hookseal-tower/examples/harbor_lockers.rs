//! A receiver of the webhooks of Harbor's lockers.
//!
//! ```text
//! HARBOR_SHARED_SECRET=... cargo run -p hookseal-tower --example harbor_lockers
//! ```
//!
//! Harbor signs the body without its spaces, so a body that was changed in its spaces verifies as well: the proof's
//! flag `body_malleable` says so. The guard knows the delivery whatever its spaces are.

mod serving;

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use hookseal::Profile;
use hookseal_tower::{MemoryGuard, Receiver, Verified};
use serde_json::Value;
use serving::{secret, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = Profile::builtin("harbor-lockers").ok_or("no such profile")?;
    let receiver = Receiver::builder(profile)
        .secret(secret("HARBOR_SHARED_SECRET")?)
        .replay(MemoryGuard::new())
        .build()?;
    serve(Router::new().route("/harbor/lockers", post(operation).layer(receiver.layer()))).await
}

async fn operation(verified: Verified) -> Result<String, StatusCode> {
    let event: Value = serde_json::from_slice(verified.body()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let data = &event["data"];
    Ok(format!("locker {}: {}", data["locker_id"], data["source"]))
}
