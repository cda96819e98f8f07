//! The clock that the engine is given.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::ports::{Clock, Entropy};

use super::{Sabotage, world::Life};
use crate::SeededEntropy;

/// Simulated time. It passes when nothing else is to be done, and its wall clock steps as the plan says.
pub(super) struct SimulatedClock(pub(super) Arc<Life>);

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now().wall
    }

    async fn sleep(&self, duration: Duration) {
        self.0.note(format_args!("sleep {} us", duration.as_micros()));
        if self.0.world.is_broken(Sabotage::NeverLooksAgain) && duration > Duration::from_secs(3) {
            std::future::pending::<()>().await;
        }
        self.0.sleep(duration).await;
    }
}

/// The bits that the engine of one life is given: another stream in each, all from the seed.
pub(super) fn entropy(life: &Life) -> impl Entropy {
    SeededEntropy::new(life.world.plan.seed ^ (life.number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
