//! The HTTP API of Hookseal, version 1: requests in, the engine's answers out.
//!
//! - [`router()`] is the API as an [`axum::Router`] over a running [`Engine`](hookseal_engine::Engine). It names no
//!   store and no transport.
//! - [`Keyring`] holds the API keys.
//! - [`serve()`] listens, within the bounds of [`ServerConfig`].
//!
//! A request goes through the envelope, which names it and writes problems out; the caller, who has a key; the call
//! itself, which reads the body field by field; and the engine. Wire types live here: the engine's types know
//! nothing of JSON.

mod api;
mod caller;
mod calls;
mod config;
mod envelope;
mod keyring;
pub mod limits;
mod object;
mod problem;
mod query;
mod receive;
mod router;
mod serve;
mod wire;

pub use config::ServerConfig;
pub use keyring::{KeyError, Keyring};
pub use router::router;
pub use serve::serve;
