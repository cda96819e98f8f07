//! The HTTP API against a real engine on a store in memory.

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
mod robust;
mod transport;
mod webhooks;
mod world;
