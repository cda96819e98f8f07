//! A store in memory: the port's rules in the plainest form, to be compared with and to be tested against.

mod commit;
mod look;
mod prune;
mod read;
mod replays;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, DeliveryId, DeliveryRecord, DeliveryRef, DeliveryState, EventId, EventRecord, Health,
    ReplayId, ReplayRecord, ReplayState, Scope, Subscription, SubscriptionId, SubscriptionKey,
    SubscriptionStatus, Trigger,
    ports::store::{
        Advanced, ApiKey, Batch, Cancelled, Claim, ClaimOrder, Claimed, ClaimedDelivery, Committed,
        DeliveryFilter, EventFilter, Expired, Found, NewReplay, NewSubscription, Page, PruneStep, Pruned,
        Recovered, ReplayStep, Retried, Store, StoreError, SubscriptionChange,
    },
};
pub(crate) use look::OnDisk;
use parking_lot::{Mutex, MutexGuard};
use state::{Owned, State};

/// A store in memory. What is stored outlives it, as on a disk: [`MemoryStore::after_crash`] opens it again.
#[derive(Debug, Default)]
pub struct MemoryStore {
    disk: Arc<Mutex<State>>,
    leases: Mutex<BTreeSet<u64>>,
    closed: AtomicBool,
    /// Calls that are not answered as they should be, by name.
    faults: Mutex<BTreeMap<&'static str, Fault>>,
}

/// How a [`MemoryStore`] answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Never.
    Hangs,
    /// It cannot, for now.
    Unavailable,
    /// What is stored cannot be read.
    Corrupt,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another process on the same disk, after this one has stopped at once: everything but the leases is there.
    pub fn after_crash(&self) -> Self {
        self.closed.store(true, Ordering::SeqCst);
        Self { disk: Arc::clone(&self.disk), ..Self::default() }
    }

    /// How it answers one of the calls `commit`, `advance_replay` and `end_replay` from now on; `None` as it should.
    pub fn set_fault(&self, call: &'static str, fault: Option<Fault>) {
        let mut faults = self.faults.lock();
        match fault {
            Some(fault) => faults.insert(call, fault),
            None => faults.remove(call),
        };
    }

    async fn meet_fault(&self, call: &'static str) -> Result<(), StoreError> {
        let fault = self.faults.lock().get(call).copied();
        match fault {
            None => Ok(()),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Unavailable) => {
                Err(StoreError::Unavailable { what: "as the test says", source: None })
            }
            Some(Fault::Corrupt) => {
                Err(StoreError::Corrupt { table: "any", column: "any", row: "as the test says".to_owned() })
            }
        }
    }

    /// The disk, then the leases, always in this order.
    fn open(&self) -> Result<(MutexGuard<'_, State>, MutexGuard<'_, BTreeSet<u64>>), StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { what: "the store is closed", source: None });
        }
        Ok((self.disk.lock(), self.leases.lock()))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.meet_fault("commit").await?;
        let (mut state, mut leases) = self.open()?;
        state.commit(batch, &mut leases)
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let (state, mut leases) = self.open()?;
        let mut claimed = Claimed { deliveries: Vec::new(), next_due: None, next_order: None };
        let mut bytes = 0;
        let mut waiting = state.waiting(claim.subscription, &leases);
        match claim.order {
            ClaimOrder::Due => {}
            ClaimOrder::Place => waiting.sort_by_key(|(_, order)| *order),
            ClaimOrder::Only(id) => waiting.retain(|(_, order)| state.deliveries[order].key.id == id),
        }
        for (due, order) in waiting {
            (claimed.next_due, claimed.next_order) = (Some(due), Some(order));
            if due > claim.due_before || claimed.deliveries.len() == claim.limit {
                break;
            }
            let delivery = &state.deliveries[&order];
            let payload = state.events[&delivery.key.event.order()].record.payload.clone();
            bytes += payload.body.len();
            if bytes > claim.bytes_max && !claimed.deliveries.is_empty() {
                break;
            }
            let (attempts, trigger) = (delivery.attempts, delivery.trigger);
            let (key, terms) = (delivery.key, state.terms(delivery));
            claimed.deliveries.push(ClaimedDelivery { delivery: key, payload, attempts, trigger, terms });
            (claimed.next_due, claimed.next_order) = (None, None);
        }
        leases.extend(claimed.deliveries.iter().map(|claimed| claimed.delivery.id.order()));
        Ok(claimed)
    }

    async fn release(&self, deliveries: Vec<DeliveryRef>) -> Result<(), StoreError> {
        let (mut state, mut leases) = self.open()?;
        for key in deliveries {
            if state.deliveries.get(&key.id.order()).is_some_and(|delivery| delivery.key == key)
                && leases.remove(&key.id.order())
                && let Some(delivery) = state.deliveries.get_mut(&key.id.order())
            {
                delivery.unrecorded = false;
            }
        }
        Ok(())
    }

    async fn recover(&self, now: Timestamp) -> Result<Recovered, StoreError> {
        let (mut state, leases) = self.open()?;
        let mut resumed = 0;
        for (order, delivery) in &mut state.deliveries {
            if delivery.unrecorded && delivery.state == DeliveryState::Pending && !leases.contains(order) {
                delivery.unrecorded = false;
                delivery.due = Some(now);
                resumed += 1;
            }
        }
        let keys: Vec<SubscriptionKey> = state.subscriptions.keys().copied().collect();
        let first = |key| state.waiting(key, &leases).first().map(|(due, _)| (key, *due));
        let waiting = keys.into_iter().filter_map(first).collect();
        let next_expiry = state.expiring(&leases).first().map(|(at, _)| *at);
        Ok(Recovered { waiting, next_expiry, highest_order: state.highest_order(), resumed })
    }

    async fn create_subscription(&self, new: NewSubscription) -> Result<Subscription, StoreError> {
        let (mut state, _) = self.open()?;
        let subscription = Subscription {
            id: new.id,
            key: SubscriptionKey(state.subscriptions.len() as i64 + 1),
            scope: new.scope,
            settings: new.settings,
            secrets: new.secrets,
            status: new.status,
            disabled_because: None,
            health: Health::GOOD,
            challenge: None,
            created_at: new.created_at,
            updated_at: new.created_at,
        };
        if let Some(owned) = state.subscriptions.values().find(|owned| owned.subscription.id == new.id) {
            let again = Subscription { key: owned.subscription.key, ..subscription };
            return if owned.deleted_at.is_none() && owned.subscription == again {
                Ok(again)
            } else {
                Err(StoreError::Conflict { what: "the subscription's id is taken" })
            };
        }
        state
            .subscriptions
            .insert(subscription.key, Owned { subscription: subscription.clone(), deleted_at: None });
        Ok(subscription)
    }

    async fn change_subscription(
        &self,
        change: SubscriptionChange,
    ) -> Result<Option<Subscription>, StoreError> {
        self.meet_fault("change_subscription").await?;
        let (mut state, _) = self.open()?;
        let Some(subscription) = state.subscription_mut(change.scope, change.id) else { return Ok(None) };
        if let Some(settings) = change.settings {
            subscription.settings = settings;
        }
        if let Some(secrets) = change.secrets {
            subscription.secrets = secrets;
        }
        if let Some(status) = change.status {
            if subscription.status == SubscriptionStatus::TooManyErrors && status != subscription.status {
                subscription.disabled_because = None;
                subscription.health = Health::RECOVERING;
            }
            subscription.status = status;
        }
        if let Some(challenge) = change.challenge {
            subscription.challenge = challenge;
        }
        subscription.updated_at = change.now;
        Ok(Some(subscription.clone()))
    }

    async fn delete_subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (mut state, mut leases) = self.open()?;
        let Some(subscription) = state.subscription_mut(scope, id) else { return Ok(false) };
        subscription.secrets.clear();
        subscription.settings.tls.client = None;
        let key = subscription.key;
        if let Some(owned) = state.subscriptions.get_mut(&key) {
            owned.deleted_at = Some(now);
        }
        let replays = state.replays.values_mut().filter(|replay| replay.subscription == key);
        for replay in replays.filter(|replay| replay.state == ReplayState::Running) {
            (replay.state, replay.finished_at) = (ReplayState::Cancelled, Some(now));
        }
        for (order, delivery) in &mut state.deliveries {
            if delivery.key.subscription == key && delivery.state == DeliveryState::Pending {
                delivery.state = DeliveryState::Cancelled;
                delivery.due = None;
                delivery.finished_at = Some(now);
                leases.remove(order);
            }
        }
        Ok(true)
    }

    async fn subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        let (mut state, _) = self.open()?;
        Ok(state.subscription_mut(scope, id).cloned())
    }

    async fn subscriptions(
        &self,
        scope: Scope,
        page: Page<SubscriptionId>,
    ) -> Result<Vec<Subscription>, StoreError> {
        let mut all = self.all_subscriptions().await?;
        all.retain(|subscription| {
            subscription.scope == scope && page.after.is_none_or(|after| subscription.id > after)
        });
        all.truncate(page.limit);
        Ok(all)
    }

    async fn all_subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let (state, _) = self.open()?;
        let alive = state.subscriptions.values().filter(|owned| owned.deleted_at.is_none());
        let mut all: Vec<_> = alive.map(|owned| owned.subscription.clone()).collect();
        all.sort_by_key(|subscription| subscription.id);
        Ok(all)
    }

    async fn event(&self, scope: Scope, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        let (state, _) = self.open()?;
        Ok(state.event(scope, id).map(|event| event.record.clone()))
    }

    async fn events(
        &self,
        scope: Scope,
        filter: EventFilter,
        page: Page<EventId>,
    ) -> Result<Found<EventRecord, EventId>, StoreError> {
        let (state, _) = self.open()?;
        Ok(state.search_events(scope, &filter, page))
    }

    async fn event_deliveries(
        &self,
        scope: Scope,
        id: EventId,
    ) -> Result<Option<Vec<DeliveryRecord>>, StoreError> {
        let (state, leases) = self.open()?;
        Ok(state.event(scope, id).map(|event| {
            let orders = event.orders();
            orders.map(|order| state.record(&state.deliveries[&order], &leases)).collect()
        }))
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        let (state, leases) = self.open()?;
        Ok(state.delivery(scope, id).map(|delivery| state.record(delivery, &leases)))
    }

    async fn deliveries(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Found<DeliveryRecord, DeliveryId>, StoreError> {
        let (state, leases) = self.open()?;
        Ok(state.search_deliveries(scope, &filter, page, &leases))
    }

    async fn attempts(&self, scope: Scope, id: DeliveryId) -> Result<Option<Vec<AttemptRecord>>, StoreError> {
        let (state, _) = self.open()?;
        Ok(state.delivery(scope, id).map(|delivery| delivery.made.clone()))
    }

    async fn retry(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Retried, StoreError> {
        let (mut state, leases) = self.open()?;
        let Some(key) = state.delivery(scope, id).map(|delivery| delivery.key) else {
            return Ok(Retried::NotFound);
        };
        if state.subscriptions.get(&key.subscription).is_none_or(|owned| owned.deleted_at.is_some()) {
            return Ok(Retried::SubscriptionGone);
        }
        if leases.contains(&id.order()) {
            return Ok(Retried::Leased);
        }
        state.make_due(id.order(), now, Trigger::Manual);
        Ok(Retried::Due(key))
    }

    async fn cancel(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Cancelled, StoreError> {
        let (mut state, leases) = self.open()?;
        let delivery = state.deliveries.get_mut(&id.order());
        let Some(delivery) = delivery.filter(|found| found.key.id == id && found.key.scope == scope) else {
            return Ok(Cancelled::NotFound);
        };
        if leases.contains(&id.order()) {
            return Ok(Cancelled::Leased(delivery.key));
        }
        if delivery.state.is_final() {
            return Ok(Cancelled::Final(delivery.state));
        }
        delivery.end(DeliveryState::Cancelled, now);
        Ok(Cancelled::Done)
    }

    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreError> {
        let (mut state, leases) = self.open()?;
        let expiring = state.expiring(&leases);
        let over = expiring.iter().take_while(|(at, _)| *at <= now).take(limit);
        let orders: Vec<u64> = over.map(|(_, order)| *order).collect();
        for order in &orders {
            if let Some(delivery) = state.deliveries.get_mut(order) {
                delivery.end(DeliveryState::Expired, now);
            }
        }
        Ok(Expired { ended: orders.len(), next: expiring.get(orders.len()).map(|(at, _)| *at) })
    }

    async fn create_replay(&self, new: NewReplay) -> Result<Option<ReplayRecord>, StoreError> {
        self.open()?.0.create_replay(&new)
    }

    async fn advance_replay(&self, step: ReplayStep) -> Result<Option<Advanced>, StoreError> {
        self.meet_fault("advance_replay").await?;
        Ok(self.open()?.0.advance_replay(&step))
    }

    async fn end_replay(
        &self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: Timestamp,
    ) -> Result<Option<(ReplayRecord, bool)>, StoreError> {
        self.meet_fault("end_replay").await?;
        Ok(self.open()?.0.end_replay(scope, id, state, now))
    }

    async fn replay(&self, scope: Scope, id: ReplayId) -> Result<Option<ReplayRecord>, StoreError> {
        Ok(self.open()?.0.replays.get(&id).filter(|replay| replay.scope == scope).cloned())
    }

    async fn replays(
        &self,
        scope: Scope,
        subscription: SubscriptionId,
        page: Page<ReplayId>,
    ) -> Result<Vec<ReplayRecord>, StoreError> {
        let (state, _) = self.open()?;
        let newest_first = state.replays.values().rev().filter(|replay| {
            replay.scope == scope
                && replay.subscription_id == subscription
                && page.after.is_none_or(|after| replay.id < after)
        });
        Ok(newest_first.take(page.limit).cloned().collect())
    }

    async fn running_replays(&self) -> Result<Vec<ReplayRecord>, StoreError> {
        let (state, _) = self.open()?;
        let running = state.replays.values().filter(|replay| replay.state == ReplayState::Running);
        Ok(running.cloned().collect())
    }

    async fn prune(&self, step: PruneStep) -> Result<Pruned, StoreError> {
        let (mut state, leases) = self.open()?;
        Ok(state.prune(&step, &leases))
    }

    async fn add_key(&self, key: ApiKey) -> Result<(), StoreError> {
        let (mut state, _) = self.open()?;
        if state.keys.contains(&key) {
            return Ok(());
        }
        if state.keys.iter().any(|other| other.id == key.id || other.hash == key.hash) {
            return Err(StoreError::Conflict { what: "the key, or its id, is there already" });
        }
        state.keys.push(key);
        state.keys.sort_by_key(|key| key.id);
        Ok(())
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.open()?.0.keys.clone())
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.open().map(drop)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}
