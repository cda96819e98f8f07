//! The embedded store of Hookseal, on SQLite: one file, one process, one thread that writes.
//!
//! An event is one row that names its subscriptions; a delivery gets a row of its own when there is something to
//! say of it. A delivery that was leased as it was accepted and has no row yet is *fresh*: it is found through its
//! event, and after a crash it is attempted again.

mod accept;
mod checkpoint;
mod claim;
mod ending;
mod errors;
mod keys;
mod leases;
pub mod limits;
mod mark;
mod open;
mod outcome;
mod prune;
mod read;
mod recover;
#[cfg(feature = "replay")]
mod replay;
mod replays;
mod retry;
mod rows;
mod schema;
mod start;
mod store;
mod subscriptions;
mod targets;
mod writer;

pub use open::{OpenError, OpenOptions};
#[cfg(feature = "replay")]
pub use replay::SqliteGuard;
pub use store::SqliteStore;
