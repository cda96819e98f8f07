//! The HTTP API against a real engine on a store in memory.

#![expect(clippy::unwrap_used, reason = "what a test's helper unwraps is what the test asserts")]

mod batches;
mod client;
mod deliveries;
mod errors;
mod events;
mod keys;
mod listening;
mod logs;
mod profiles;
mod publishing;
mod reference;
mod replays;
mod robust;
mod transport;
mod webhooks;
mod world;
