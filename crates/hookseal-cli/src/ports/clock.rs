use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::ports::Clock;

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    /// A clock before 1970 or beyond the range of the type reads as the nearest time within it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter through which all others have the time"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
