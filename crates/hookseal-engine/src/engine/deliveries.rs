//! What people ask of one delivery: another attempt, or none.

use std::sync::Arc;

use hookseal::Timestamp;
use tokio::sync::oneshot;

use super::{Engine, EngineError};
use crate::{
    DeliveryId, DeliveryRef, DeliveryState, Scope, limits,
    ports::store::{Cancelled, End, Retried, StoreError},
};

const UNDER_WAY: EngineError = EngineError::Conflict("the delivery is being attempted just now");

impl Engine {
    /// Has a delivery attempted again, at once, whatever became of it and also where its time is over; its schedule
    /// begins anew. Where its subscription takes no deliveries it waits until that does.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`]; [`EngineError::Conflict`] while it is under way or when its subscription is gone.
    pub async fn retry_delivery(self: &Arc<Self>, scope: Scope, id: DeliveryId) -> Result<(), EngineError> {
        let now = self.clock.now();
        match self.store.retry(scope, id, now).await.map_err(EngineError::Store)? {
            Retried::Due(delivery) => {
                self.dispatcher.lock().stored(delivery.subscription, now, false, now);
                self.pump();
                Ok(())
            }
            Retried::Leased => Err(UNDER_WAY),
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
        match self.store.cancel(scope, id, now).await.map_err(EngineError::Store)? {
            Cancelled::Done => Ok(()),
            Cancelled::Leased(delivery) => self.cancel_queued(delivery, now).await,
            Cancelled::Final(state) => Err(EngineError::Conflict(ended_before(state))),
            Cancelled::NotFound => Err(EngineError::NotFound),
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
