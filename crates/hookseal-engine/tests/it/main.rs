//! The driver over an in-memory store, a scripted transport and a clock that stands still until it is moved.

mod delivering;
mod publishing;
mod recovering;
mod secrecy;
mod subscriptions;
mod world;
