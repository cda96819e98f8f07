//! Forgetting what ended long ago, so that the store stays within bounds.

use std::{sync::Arc, time::Duration};

use super::{Engine, Stopping};
use crate::{
    limits,
    ports::store::{PruneStep, Pruned},
};

impl Engine {
    /// Has events forgotten with their deliveries and attempts once all of that ended longer than `retention` ago. What
    /// has not ended is kept for as long as it takes. To be called once; it goes on until the engine stops.
    pub fn forget_after(self: &Arc<Self>, retention: Duration) {
        tokio::spawn(run(Arc::clone(self), retention));
    }

    /// One pass over the old events. `false` where it was cut short.
    async fn forget(&self, retention: Duration) -> bool {
        let before = self.clock.now().saturating_sub(retention);
        let mut after = 0;
        let mut forgotten = 0;
        while *self.stopping.borrow() == Stopping::No {
            let step = PruneStep {
                before,
                after,
                examined_max: limits::PRUNE_EXAMINED_MAX,
                deliveries_max: limits::PRUNE_DELIVERIES_MAX,
            };
            match self.store.prune(step).await {
                Ok(Pruned { events, place }) => {
                    forgotten += events;
                    match place {
                        Some(place) => after = place,
                        None => {
                            if forgotten > 0 {
                                tracing::debug!(
                                    events = forgotten,
                                    "events were forgotten, as `retention` asks"
                                );
                            }
                            return true;
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "forgetting old events is put off"
                    );
                    return false;
                }
            }
        }
        false
    }
}

async fn run(engine: Arc<Engine>, retention: Duration) {
    let mut stopping = engine.stopping.subscribe();
    let pause = (retention / limits::PRUNE_PASSES).clamp(limits::PRUNE_PAUSE_MIN, limits::PRUNE_PAUSE_MAX);
    loop {
        engine.forget(retention).await;
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
            () = engine.clock.sleep(pause) => {}
        }
    }
}
