//! The time, as receivers ask for it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hookseal::Timestamp;

/// The wall clock of a receiver, which timestamps are compared with.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It may step, forwards and back.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        C::now(self)
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A clock before 1970 or beyond the range of the type reads as the nearest time within it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter through which receivers have the time"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
