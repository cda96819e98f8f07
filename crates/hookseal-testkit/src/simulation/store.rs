//! The store that the engine is given: the one in memory, behind everything that can go wrong between the two.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, DeliveryId, DeliveryRecord, DeliveryRef, EventId, EventRecord, NewEvent, ReplayId,
    ReplayRecord, ReplayState, Scope, Subscription, SubscriptionId, Verdict,
    ports::store::{
        Advanced, ApiKey, Batch, Cancelled, Claim, Claimed, Committed, DeliveryFilter, EventFilter, Expired,
        Found, NewReplay, NewSubscription, Page, PruneStep, Pruned, Recovered, ReplayStep, Retried, Store,
        StoreError, SubscriptionChange,
    },
};

use super::{Sabotage, broken, ledger::Ledger, plan::StorePlan, world::Life};

/// A store that is slow, fails, is full, and at whose calls the process may end.
pub(super) struct SimulatedStore(pub(super) Arc<Life>);

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It fails and has done nothing.
    Fails,
    /// It fails, and has done what was asked.
    LosesAnswer,
}

/// What a call does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// It makes it larger.
    Grows,
    /// It changes it.
    Writes,
    /// It takes leases, which live and end with the process: a call that fails has taken none.
    Leases,
    /// It reads.
    Reads,
}

impl SimulatedStore {
    async fn call<T>(
        &self,
        name: &'static str,
        call: Call,
        effect: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let life = &self.0;
        life.alive().await;
        let end = life.count_call();
        if end == Some(false) {
            self.ends(name).await;
        }
        let (fate, before, after) = self.draw(call);
        life.sleep(before).await;
        let fate = if self.is_out(call) { Fate::Fails } else { fate };
        life.note(format_args!("store {name}: {fate:?}"));
        life.world.seen.lock().store(fate == Fate::Fails, fate == Fate::LosesAnswer);
        if fate == Fate::Fails {
            return Err(unavailable());
        }
        let done = effect.await;
        if let Err(error) = &done {
            life.world.ledger.lock().refused(error, life.now());
        }
        life.end_if_violated();
        life.alive().await;
        if end == Some(true) {
            self.ends(name).await;
        }
        life.sleep(after).await;
        if fate == Fate::LosesAnswer { Err(unavailable()) } else { done }
    }

    /// The process ends here.
    async fn ends(&self, name: &'static str) {
        self.0.note(format_args!("store {name}: the process ends"));
        self.0.die();
        self.0.alive().await;
    }

    /// What becomes of a call, and how long it takes before and after it has an effect.
    fn draw(&self, call: Call) -> (Fate, Duration, Duration) {
        let mut dice = self.0.world.store_dice.lock();
        if !self.0.is_stormy() {
            return (Fate::Done, dice.millis(0, 1), Duration::ZERO);
        }
        let StorePlan { fails, loses_answer, slow, .. } = self.0.world.plan.store;
        let before = dice.millis(0, slow);
        let after = dice.millis(0, slow);
        let fate = match (dice.chance(fails), dice.chance(loses_answer)) {
            (true, _) => Fate::Fails,
            (false, true) if call != Call::Leases => Fate::LosesAnswer,
            (false, _) => Fate::Done,
        };
        (fate, before, after)
    }

    /// Whether the store cannot be reached, or is full.
    fn is_out(&self, call: Call) -> bool {
        let (plan, at) = (&self.0.world.plan.store, self.0.passed());
        let full = StorePlan::within(&plan.full, at) && call == Call::Grows;
        self.0.is_stormy() && (full || StorePlan::within(&plan.down, at))
    }

    async fn commit_now(&self, batch: Batch) -> Result<Committed, StoreError> {
        let (life, disk) = (&self.0, &self.0.disk);
        let held = Ledger::before_commit(&batch.outcomes, disk);
        let outcomes: Vec<_> = batch.outcomes.iter().cloned().zip(held).collect();
        let (events, health) = (batch.events.clone(), batch.health.clone());
        let committed = broken::commit(life, batch).await?;
        let events: Vec<(NewEvent, Verdict)> = events.into_iter().zip(committed.verdicts.clone()).collect();
        life.world.ledger.lock().committed(&events, &outcomes, &health, disk, life.now());
        self.look_at_memory();
        Ok(committed)
    }

    /// Memory has grown. Where it looks too large it is looked at again when all that may begin has begun.
    fn look_at_memory(&self) {
        let life = Arc::clone(&self.0);
        if !life.world.ledger.lock().beyond_memory(&life.disk).is_empty() {
            tokio::spawn(async move {
                // Time passes when nobody has anything to do.
                life.sleep(Duration::from_millis(1)).await;
                life.world.ledger.lock().memory_is_bounded(&life.disk, life.now());
                life.end_if_violated();
            });
        }
    }

    async fn claim_now(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let life = &self.0;
        let claimed = life.disk.claim(broken::claim(life, claim)).await?;
        let taken: Vec<DeliveryRef> = claimed.deliveries.iter().map(|claimed| claimed.delivery).collect();
        life.world.ledger.lock().claimed(&claim, &taken, &life.disk, life.now());
        self.look_at_memory();
        Ok(broken::claimed(life, claimed))
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { what: "the simulated store fails", source: None }
}

#[async_trait]
impl Store for SimulatedStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let call = if batch.events.is_empty() { Call::Writes } else { Call::Grows };
        let outcomes: Vec<_> =
            batch.outcomes.iter().map(|outcome| (outcome.delivery.id, outcome.attempt.number)).collect();
        self.0.note(format_args!("commit {} events and {outcomes:?}", batch.events.len()));
        // What tells of an outcome stays with it until that is stored.
        let lost = |event: &&NewEvent| !event.payload.event_type.is_operational();
        let events: Vec<NewEvent> = batch.events.iter().filter(lost).cloned().collect();
        let committed = self.call("commit", call, self.commit_now(batch)).await;
        let committed = committed.inspect_err(|_| self.0.world.ledger.lock().lets_go(&events))?;
        self.0.world.ledger.lock().told(&outcomes);
        Ok(committed)
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.call("claim", Call::Leases, self.claim_now(claim)).await
    }

    async fn release(&self, deliveries: Vec<DeliveryRef>) -> Result<(), StoreError> {
        self.0.world.ledger.lock().gives_back(&deliveries);
        self.call("release", Call::Writes, self.0.disk.release(deliveries)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Recovered, StoreError> {
        let recovered = self.call("recover", Call::Writes, self.0.disk.recover(now)).await?;
        Ok(broken::recovered(&self.0, recovered))
    }

    async fn create_subscription(&self, new: NewSubscription) -> Result<Subscription, StoreError> {
        let created = self.call("create", Call::Grows, self.0.disk.create_subscription(new)).await?;
        Ok(broken::subscription(&self.0, created))
    }

    async fn change_subscription(
        &self,
        change: SubscriptionChange,
    ) -> Result<Option<Subscription>, StoreError> {
        let before = broken::before_change(&self.0, &change);
        let change = async {
            let changed = self.0.disk.change_subscription(change).await?;
            changed.iter().for_each(|changed| self.0.world.ledger.lock().stored_as(changed));
            Ok(changed)
        };
        let changed = self.call("change", Call::Writes, change).await?;
        Ok(changed.map(|changed| broken::changed(&self.0, before, changed)))
    }

    async fn delete_subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.call("delete", Call::Writes, self.0.disk.delete_subscription(scope, id, now)).await
    }

    async fn subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        self.call("subscription", Call::Reads, self.0.disk.subscription(scope, id)).await
    }

    async fn subscriptions(
        &self,
        scope: Scope,
        page: Page<SubscriptionId>,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.call("subscriptions", Call::Reads, self.0.disk.subscriptions(scope, page)).await
    }

    async fn all_subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let all = self.call("all_subscriptions", Call::Reads, self.0.disk.all_subscriptions()).await?;
        Ok(all.into_iter().map(|subscription| broken::subscription(&self.0, subscription)).collect())
    }

    async fn event(&self, scope: Scope, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        self.call("event", Call::Reads, self.0.disk.event(scope, id)).await
    }

    async fn events(
        &self,
        scope: Scope,
        filter: EventFilter,
        page: Page<EventId>,
    ) -> Result<Found<EventRecord, EventId>, StoreError> {
        self.call("events", Call::Reads, self.0.disk.events(scope, filter, page)).await
    }

    async fn event_deliveries(
        &self,
        scope: Scope,
        id: EventId,
    ) -> Result<Option<Vec<DeliveryRecord>>, StoreError> {
        self.call("event_deliveries", Call::Reads, self.0.disk.event_deliveries(scope, id)).await
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        self.call("delivery", Call::Reads, self.0.disk.delivery(scope, id)).await
    }

    async fn deliveries(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Found<DeliveryRecord, DeliveryId>, StoreError> {
        self.call("deliveries", Call::Reads, self.0.disk.deliveries(scope, filter, page)).await
    }

    async fn attempts(&self, scope: Scope, id: DeliveryId) -> Result<Option<Vec<AttemptRecord>>, StoreError> {
        self.call("attempts", Call::Reads, self.0.disk.attempts(scope, id)).await
    }

    async fn retry(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Retried, StoreError> {
        self.call("retry", Call::Writes, self.0.disk.retry(scope, id, now)).await
    }

    async fn cancel(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Cancelled, StoreError> {
        self.call("cancel", Call::Writes, self.0.disk.cancel(scope, id, now)).await
    }

    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreError> {
        if self.0.world.is_broken(Sabotage::ForgetsExpiry) {
            return Ok(Expired::default());
        }
        self.call("expire", Call::Writes, self.0.disk.expire(now, limit)).await
    }

    async fn create_replay(&self, new: NewReplay) -> Result<Option<ReplayRecord>, StoreError> {
        self.call("create_replay", Call::Grows, self.0.disk.create_replay(new)).await
    }

    async fn advance_replay(&self, step: ReplayStep) -> Result<Option<Advanced>, StoreError> {
        self.call("advance_replay", Call::Writes, self.0.disk.advance_replay(step)).await
    }

    async fn end_replay(
        &self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: Timestamp,
    ) -> Result<Option<(ReplayRecord, bool)>, StoreError> {
        self.call("end_replay", Call::Writes, self.0.disk.end_replay(scope, id, state, now)).await
    }

    async fn replay(&self, scope: Scope, id: ReplayId) -> Result<Option<ReplayRecord>, StoreError> {
        self.call("replay", Call::Reads, self.0.disk.replay(scope, id)).await
    }

    async fn replays(
        &self,
        scope: Scope,
        subscription: SubscriptionId,
        page: Page<ReplayId>,
    ) -> Result<Vec<ReplayRecord>, StoreError> {
        self.call("replays", Call::Reads, self.0.disk.replays(scope, subscription, page)).await
    }

    async fn running_replays(&self) -> Result<Vec<ReplayRecord>, StoreError> {
        self.call("running_replays", Call::Reads, self.0.disk.running_replays()).await
    }

    async fn prune(&self, step: PruneStep) -> Result<Pruned, StoreError> {
        self.call("prune", Call::Writes, self.0.disk.prune(step)).await
    }

    async fn add_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.call("add_key", Call::Grows, self.0.disk.add_key(key)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.call("keys", Call::Reads, self.0.disk.keys()).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.call("check", Call::Writes, self.0.disk.check()).await
    }

    async fn close(&self) {
        if self.0.world.is_broken(Sabotage::StopsForEver) {
            std::future::pending::<()>().await;
        }
        self.0.note(format_args!("store close"));
        self.0.disk.close().await;
    }
}
