//! Tests for Hookseal's ports: the store conformance suite, an in-memory store, a simulated clock.
//!
//! A store is held to the rules of its port by one line in a test:
//!
//! ```text
//! hookseal_testkit::store_conformance!(MyHarness);
//! ```

mod clock;
pub mod conformance;
mod entropy;
mod memory;
pub mod outside;
pub mod simulation;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use memory::{Fault, MemoryStore};
