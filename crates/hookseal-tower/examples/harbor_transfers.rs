//! A receiver of Harbor's transfers, with two secrets while one is replaced by the next.
//!
//! ```text
//! HARBOR_SIGNING_SECRET=whs_... cargo run -p hookseal-tower --example harbor_transfers
//! ```
//!
//! `HARBOR_PREVIOUS_SECRET` is the one before, for as long as Harbor may still sign with it.

mod serving;

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use hookseal::{Profile, Secret};
use hookseal_tower::{MemoryGuard, Receiver, Verified};
use serde_json::Value;
use serving::{secret, serve, setting};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = Profile::builtin("harbor-transfers").ok_or("no such profile")?;
    let receiver = Receiver::builder(profile)
        .secret(secret("HARBOR_SIGNING_SECRET")?)
        .secrets(setting("HARBOR_PREVIOUS_SECRET").map(Secret::new))
        .replay(MemoryGuard::new())
        .build()?;
    serve(Router::new().route("/harbor/transfers", post(transfer).layer(receiver.layer()))).await
}

async fn transfer(verified: Verified) -> Result<String, StatusCode> {
    // The body that Harbor's document prints is no JSON. It is verified as bytes, and read only then.
    let transfer: Value = serde_json::from_slice(verified.body()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let uuid = transfer["application_transfer_uuid"].as_str().unwrap_or("?");
    Ok(format!("transfer {uuid}: {}, by secret {}", transfer["status"], verified.matched_secret()))
}
