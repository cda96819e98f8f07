//! After a call of the store that failed without saying whether it was done. What was asked may have happened: an event
//! may lie in the store, leased to nobody who knows of it; a subscription may be another than the one in memory. Here
//! the store is asked until it answers, so that none of that waits for a restart.

use std::{future::Future, sync::Arc, time::Duration};

use hookseal::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::{Engine, Stopping};
use crate::{
    DeliveryId, DeliveryRef, NewEvent, Scope, SubscriptionId, SubscriptionKey, limits,
    ports::store::StoreError,
};

/// What may have been stored of an event, and what bounds how many of these there are: while nobody knows what became of
/// them, events keep their share of what may wait for a commit.
struct Unsure {
    leased: Vec<DeliveryRef>,
    subscriptions: Vec<SubscriptionKey>,
    expires_at: Option<Timestamp>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Unsure {
    fn of(event: &NewEvent, permit: Option<OwnedSemaphorePermit>) -> Self {
        let targets = event.targets.iter().enumerate();
        let leased = targets.filter(|(_, target)| target.leased);
        Self {
            leased: leased.map(|(index, _)| event.delivery(index)).collect(),
            subscriptions: event.targets.iter().map(|target| target.subscription).collect(),
            expires_at: event.window.expires_at,
            _permit: permit,
        }
    }
}

/// Whether an error leaves open whether the call was done.
fn leaves_open(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

impl Engine {
    /// Events could not be committed, as far as is known. Those that were all the same are delivered.
    pub(super) fn unsure_of_events(
        self: &Arc<Self>,
        events: Vec<(NewEvent, OwnedSemaphorePermit)>,
        error: &StoreError,
    ) {
        if leaves_open(error) {
            let unsure = events.into_iter().map(|(event, permit)| Unsure::of(&event, Some(permit)));
            self.find_out(unsure.collect());
        }
    }

    /// The same of an event that nobody queued for.
    pub(super) fn unsure_of_event(self: &Arc<Self>, event: &NewEvent, error: &StoreError) {
        if leaves_open(error) {
            self.find_out(vec![Unsure::of(event, None)]);
        }
    }

    /// A subscription could not be made, changed or deleted, as far as is known: memory follows the store.
    pub(super) fn unsure_of_subscription(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
        error: &StoreError,
    ) {
        if leaves_open(error) {
            self.follow_subscription(scope, id);
        }
    }

    /// Has memory follow what the store says of a subscription, once it says something and everything is recorded.
    pub(super) fn follow_subscription(self: &Arc<Self>, scope: Scope, id: SubscriptionId) {
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let found = engine
                .until_answered(async || {
                    let _changing = engine.changing.lock().await;
                    engine.read_back(scope, id).await
                })
                .await;
            if found.is_some() {
                engine.pump();
            }
        });
    }

    /// A delivery was changed, or may have been: what its subscription has waiting is looked at anew.
    pub(super) fn unsure_of_delivery(self: &Arc<Self>, scope: Scope, id: DeliveryId, error: &StoreError) {
        if !leaves_open(error) {
            return;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let found = engine.until_answered(async || engine.store.delivery(scope, id).await).await;
            if let Some(found) = found.flatten() {
                engine.wait_in_store([found.key.subscription]);
            }
        });
    }

    fn find_out(self: &Arc<Self>, unsure: Vec<Unsure>) {
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let leased: Vec<_> = unsure.iter().flat_map(|unsure| unsure.leased.iter().copied()).collect();
            // Giving back what was never leased does nothing.
            if engine.give_back(&leased).await.is_some() {
                unsure.iter().filter_map(|unsure| unsure.expires_at).for_each(|at| engine.note_expiry(at));
                engine.wait_in_store(unsure.iter().flat_map(|unsure| unsure.subscriptions.iter().copied()));
            }
        });
    }

    /// Gives leases back. `None` where the engine stops before that is done.
    pub(super) async fn give_back(&self, deliveries: &[DeliveryRef]) -> Option<()> {
        let _leasing = self.leasing.lock().await;
        self.until_answered(|| self.store.release(deliveries.to_vec())).await
    }

    /// Deliveries of these subscriptions may wait in the store, due now.
    pub(super) fn wait_in_store(self: &Arc<Self>, subscriptions: impl IntoIterator<Item = SubscriptionKey>) {
        let now = self.clock.now();
        {
            let mut dispatcher = self.dispatcher.lock();
            for subscription in subscriptions {
                dispatcher.store_changed(subscription, now);
            }
        }
        self.pump();
    }

    /// Asks the store until it answers. `None` where it never will: it is misused or damaged, or the engine stops, after
    /// which the next start looks after everything.
    pub(super) async fn until_answered<T, Asking>(&self, ask: impl Fn() -> Asking) -> Option<T>
    where
        Asking: Future<Output = Result<T, StoreError>>,
    {
        let mut pause: Duration = limits::STORE_RETRY_FIRST;
        loop {
            match ask().await {
                Ok(answer) => return Some(answer),
                Err(error) if leaves_open(&error) && *self.stopping.borrow() == Stopping::No => {
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(limits::STORE_RETRY_LONGEST);
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "it stays unknown whether the store did what it was asked; a restart finds out"
                    );
                    return None;
                }
            }
        }
    }
}
