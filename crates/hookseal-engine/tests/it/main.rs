//! The driver over an in-memory store, a scripted transport and a clock that stands still until it is moved.
#![expect(clippy::unwrap_used, reason = "what a test's helper unwraps is what the test asserts")]

mod challenging;
mod delivering;
mod life;
mod operational;
mod publishing;
mod queueing;
mod recovering;
mod replaying;
mod retention;
mod rotating;
mod secrecy;
mod subscriptions;
mod world;
