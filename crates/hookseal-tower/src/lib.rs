//! Receive webhooks of any format in Rust: a [tower](https://docs.rs/tower) layer and an
//! [axum](https://docs.rs/axum) extractor that verify first.
//!
//! A [`Receiver`] is made of a profile of [`hookseal`] and the secrets. Its layer reads the body within a bound of bytes
//! and time, verifies the bytes as they came, and only then calls the handler, which takes [`Verified`]: unchecked bytes
//! cannot reach it, since there is no other way to have one.
//!
//! ```no_run
//! use axum::{Router, routing::post};
//! use hookseal::{Profile, Secret};
//! use hookseal_tower::{Receiver, Verified};
//!
//! async fn handle(verified: Verified) -> &'static str {
//!     println!("{} bytes, signed at {:?}", verified.body().len(), verified.timestamp());
//!     "thank you"
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Profile::builtin("harbor-transfers").expect("built in");
//! let receiver = Receiver::builder(profile).secret(Secret::new("whs_xxxxxxx")).build()?;
//! let app: Router = Router::new().route("/hooks", post(handle).layer(receiver.layer()));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it takes care of
//!
//! * **Bytes.** The body is verified as it came over the wire, whatever its `content-type` and `content-encoding`; put
//!   layers that decompress or parse inside of this one. The handler's request has all of it again.
//! * **Silence.** Whatever is wrong with a signature, the answer is the same 401. The kind goes to the log (`tracing`),
//!   which never has a secret, a body or a header's value. [`development`](ReceiverBuilder::development) shows reasons.
//! * **Bounds.** Bytes, header lines and the time that a body may take: [`limits`].
//! * **Replays**, where asked for: [`ReceiverBuilder::replay`] and [`ReplayGuard`].
//! * **Handshakes** of the profile are answered before any handler, those that are signed only after they verified.
//! * **What is not proved** stays visible: [`flags`](hookseal::VerifiedOwned::flags) and
//!   [`unauthenticated`](hookseal::VerifiedOwned::unauthenticated).
//!
//! # Duplicates
//!
//! Senders deliver at least once: they send again when an answer is lost. With a guard, a delivery whose handler
//! succeeded is answered 200 without running it again; one whose handler is still running is answered 503 with
//! `retry-after`, as 4xx makes some senders give up; one whose handler failed, panicked or was cut off runs again.
//! Success is what the profile says the sender takes for it. It is still not exactly once: a process that stops
//! between the handler's work and the guard's entry does that work twice, so let handlers be idempotent.

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../../docs/receiving.md")]
struct Receiving;

mod body;
mod builder;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "axum")]
mod extract;
mod handshake;
mod headers;
mod keys;
mod layer;
pub mod limits;
mod receiver;
mod refusal;
mod replay;
mod verified;

pub use builder::{ReceiverBuilder, ReceiverError};
pub use clock::{Clock, SystemClock};
#[cfg(feature = "axum")]
pub use extract::LayerMissing;
pub use handshake::{ActionError, HandshakeActions};
pub use keys::{KeySource, KeySourceError};
pub use layer::{Verify, VerifyLayer};
pub use receiver::Receiver;
pub use replay::{Claim, ClaimId, GuardError, MemoryGuard, ReplayGuard, ReplayKey};
pub use verified::Verified;
