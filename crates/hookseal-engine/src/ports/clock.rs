use std::time::Duration;

use async_trait::async_trait;
use hookseal::Timestamp;

/// The time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The wall clock. It may step, forwards and back.
    fn now(&self) -> Timestamp;

    /// Returns after `duration`, measured on a clock that does not step.
    async fn sleep(&self, duration: Duration);
}
