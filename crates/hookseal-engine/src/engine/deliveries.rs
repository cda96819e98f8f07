//! What people ask of one delivery: another attempt, or none.

use std::sync::Arc;

use hookseal::Timestamp;
use tokio::sync::oneshot;

use super::{Engine, EngineError};
use crate::{
    DeliveryId, DeliveryRef, DeliveryState, Scope,
    dispatcher::{Job, Waiting},
    limits,
    ports::store::{Cancelled, Claim, ClaimOrder, End, Retried, StoreError},
};

const UNDER_WAY: EngineError = EngineError::Conflict("the delivery is being attempted just now");
const GOES_OUT: EngineError =
    EngineError::Conflict("the delivery is being attempted just now, or is queued and goes out in its turn");

impl Engine {
    /// Has a delivery attempted again, at once, whatever became of it and also where its time is over; its schedule
    /// begins anew. Where its subscription takes no deliveries it waits until that does.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`]; [`EngineError::Conflict`] while it is under way, or queued for it, and when its subscription is gone.
    pub async fn retry_delivery(self: &Arc<Self>, scope: Scope, id: DeliveryId) -> Result<(), EngineError> {
        let now = self.clock.now();
        let retried = self.store.retry(scope, id, now).await.map_err(|error| {
            self.unsure_of_delivery(scope, id, &error);
            EngineError::Store(error)
        })?;
        match retried {
            Retried::Due(delivery) => {
                self.begin_asked(delivery, now).await;
                Ok(())
            }
            Retried::Leased => Err(GOES_OUT),
            Retried::SubscriptionGone => {
                Err(EngineError::Conflict("the delivery's subscription was deleted"))
            }
            Retried::NotFound => Err(EngineError::NotFound),
        }
    }

    /// Calls a delivery off. Returns once that is durable: no attempt of it begins any more, unless someone asks for
    /// one.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`]; [`EngineError::Conflict`] while it is being attempted, and when it has ended.
    pub async fn cancel_delivery(self: &Arc<Self>, scope: Scope, id: DeliveryId) -> Result<(), EngineError> {
        let now = self.clock.now();
        let cancelled = self.store.cancel(scope, id, now).await.map_err(|error| {
            self.unsure_of_delivery(scope, id, &error);
            EngineError::Store(error)
        })?;
        match cancelled {
            Cancelled::Done => {
                self.let_order_go_on(scope, id, now).await;
                Ok(())
            }
            Cancelled::Leased(delivery) => self.cancel_queued(delivery, now).await,
            Cancelled::Final(state) => Err(EngineError::Conflict(ended_before(state))),
            Cancelled::NotFound => Err(EngineError::NotFound),
        }
    }

    /// Has a delivery that somebody made due go before what waits, also while its subscription's breaker is open, as far
    /// as there is room in memory: what does not fit waits in the store, and goes in its turn.
    async fn begin_asked(self: &Arc<Self>, delivery: DeliveryRef, now: Timestamp) {
        let DeliveryRef { id, subscription, .. } = delivery;
        let has_room = self.dispatcher.lock().has_room_for_asked(subscription);
        let claimed = if has_room { self.claim_only(delivery, now).await } else { None };
        let mut dispatcher = self.dispatcher.lock();
        match claimed {
            Some(job) => dispatcher.admit_asked(job, now),
            // It waits in the store until its subscription goes on, or was claimed in its turn just now.
            None => dispatcher.stored(subscription, Waiting { due: now, order: id.order() }, false, now),
        }
        drop(dispatcher);
        self.pump();
    }

    async fn claim_only(&self, delivery: DeliveryRef, now: Timestamp) -> Option<Job> {
        let DeliveryRef { id, subscription, .. } = delivery;
        let order = ClaimOrder::Only(id);
        let claim =
            Claim { subscription, order, due_before: now, limit: 1, bytes_max: limits::CLAIM_BYTES_MAX };
        let _leasing = self.leasing.lock().await;
        let claimed = self.store.claim(claim).await.ok()?;
        claimed.deliveries.into_iter().next().map(Job::from)
    }

    /// What was called off in the store may have held an ordered subscription up.
    async fn let_order_go_on(self: &Arc<Self>, scope: Scope, id: DeliveryId, now: Timestamp) {
        match self.store.delivery(scope, id).await {
            Ok(Some(record)) => {
                self.dispatcher.lock().store_changed(record.key.subscription, now);
                self.pump();
            }
            Ok(None) => {}
            Err(error) => self.unsure_of_delivery(scope, id, &error),
        }
    }

    /// Calls off what waits in memory. What is not there is being attempted, or on its way there or back.
    async fn cancel_queued(
        self: &Arc<Self>,
        delivery: DeliveryRef,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let queued =
            self.dispatcher.lock().take_out_of(delivery.subscription, |job| job.delivery == delivery, now);
        if queued.is_empty() {
            return Err(UNDER_WAY);
        }
        let (recorded, done) = oneshot::channel();
        self.end_without_attempt(delivery, End::Cancelled, now, Some(recorded));
        self.pump();
        tokio::select! {
            biased;
            done = done => done.map_err(|_| EngineError::Stopping),
            () = self.clock.sleep(limits::ACCEPT_TIMEOUT) => Err(EngineError::Store(StoreError::Unavailable {
                what: "cancelling a delivery was not stored in time",
                source: None,
            })),
        }
    }
}

const fn ended_before(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Succeeded => "the delivery has succeeded before",
        DeliveryState::Failed => "the delivery was given up before",
        DeliveryState::Expired => "the delivery has expired before",
        DeliveryState::Cancelled => "the delivery was cancelled before",
        // A store names final states alone.
        DeliveryState::Pending | DeliveryState::Leased => "the delivery cannot be cancelled as it stands",
    }
}
