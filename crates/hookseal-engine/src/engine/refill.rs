//! What waits in the store: it is claimed when it is due and there is room for it.

use std::{sync::Arc, time::Duration};

use super::{Engine, Stopping};
use crate::{
    dispatcher::{ClaimWish, Job, Waiting},
    limits,
    ports::store::{Claim, Claimed},
};

/// The longest sleep. Due times are wall-clock times: a clock that steps forward is noticed after so long at most.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Claims what comes due, until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut stopping = engine.stopping.subscribe();
    loop {
        let woken = engine.refill.notified();
        while engine.refill_one().await {}
        let sleep = engine.until_next_wakeup();
        // What is due goes before being woken: who is woken all the time must not oversleep.
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
            () = engine.clock.sleep(sleep) => engine.pump(),
            () = woken => {}
        }
    }
}

impl Engine {
    fn until_next_wakeup(&self) -> Duration {
        let now = self.clock.now();
        let next = self.dispatcher.lock().sleep_until();
        next.map_or(LOOK_AGAIN, |at| at.since(now)).min(LOOK_AGAIN)
    }

    /// Answers one wish of the dispatcher. Returns whether there was one.
    async fn refill_one(self: &Arc<Self>) -> bool {
        let now = self.clock.now();
        let Some(wish) = self.dispatcher.lock().next_claim(now) else { return false };
        let ClaimWish { subscription, order, limit } = wish;
        let claim = Claim { subscription, order, due_before: now, limit, bytes_max: limits::CLAIM_BYTES_MAX };
        let leasing = self.leasing.lock().await;
        let claimed = self.store.claim(claim).await;
        drop(leasing);
        match claimed {
            Ok(Claimed { deliveries, next_due, next_order }) => {
                let jobs = deliveries.into_iter().map(Job::from).collect();
                let next = next_due.zip(next_order).map(|(due, order)| Waiting { due, order });
                self.dispatcher.lock().claimed(subscription, jobs, next, self.clock.now());
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "deliveries could not be read back"
                );
                let again = now.saturating_add(limits::STORE_RETRY_LONGEST);
                self.dispatcher.lock().claim_failed(subscription, again);
            }
        }
        self.pump();
        true
    }
}

impl From<crate::ports::store::ClaimedDelivery> for Job {
    fn from(claimed: crate::ports::store::ClaimedDelivery) -> Self {
        let crate::ports::store::ClaimedDelivery { delivery, payload, attempts, trigger, terms } = claimed;
        Self { delivery, payload: Arc::new(payload), attempts, trigger, terms }
    }
}
