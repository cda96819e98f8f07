//! Looking at what is on the disk, past the port: for the simulation, which must not ask the store that it tests.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, EventId, Payload, Scope, Subscription, SubscriptionKey,
};

use super::{MemoryStore, state::Delivery};

/// A delivery as it lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnDisk {
    /// Which.
    pub(crate) key: DeliveryRef,
    /// Its state; `Pending` while it is leased.
    pub(crate) state: DeliveryState,
    /// When it is or was due, also while it is leased.
    pub(crate) due: Option<Timestamp>,
    /// Attempts that are recorded.
    pub(crate) attempts: u32,
    /// Attempts that can be read back.
    pub(crate) kept: usize,
    /// Whether the process that this store belongs to holds it.
    pub(crate) leased: bool,
    /// Bytes of its event's body.
    pub(crate) bytes: usize,
}

impl MemoryStore {
    /// One delivery.
    pub(crate) fn look_at(&self, id: DeliveryId) -> Option<OnDisk> {
        let (state, leases) = (self.disk.lock(), self.leases.lock());
        let delivery = state.deliveries.get(&id.order())?;
        let bytes = state.events[&delivery.key.event.order()].record.payload.body.len();
        Some(on_disk(delivery, leases.contains(&id.order()), bytes))
    }

    /// All deliveries.
    pub(crate) fn look_at_all(&self) -> Vec<OnDisk> {
        let (state, leases) = (self.disk.lock(), self.leases.lock());
        let bytes = |delivery: &Delivery| state.events[&delivery.key.event.order()].record.payload.body.len();
        let all = state.deliveries.iter();
        all.map(|(order, delivery)| on_disk(delivery, leases.contains(order), bytes(delivery))).collect()
    }

    /// The deliveries that the process of this store holds.
    pub(crate) fn look_at_leased(&self) -> Vec<OnDisk> {
        let (state, leases) = (self.disk.lock(), self.leases.lock());
        let held = leases.iter().filter_map(|order| state.deliveries.get(order));
        let bytes = |delivery: &Delivery| state.events[&delivery.key.event.order()].record.payload.body.len();
        held.map(|delivery| on_disk(delivery, true, bytes(delivery))).collect()
    }

    /// The deliveries of a subscription before a place that have not ended, in their order.
    pub(crate) fn look_at_open_before(&self, key: SubscriptionKey, order: u64) -> Vec<DeliveryId> {
        let state = self.disk.lock();
        let earlier = state.deliveries.range(..order).map(|(_, delivery)| delivery);
        let open = earlier.filter(|delivery| delivery.key.subscription == key && !delivery.state.is_final());
        open.map(|delivery| delivery.key.id).collect()
    }

    /// Whether an event lies there with these bytes, and how many deliveries it led to.
    pub(crate) fn look_at_event(&self, scope: Scope, id: EventId, payload: &Payload) -> Option<usize> {
        let state = self.disk.lock();
        let event = state.event(scope, id).filter(|event| event.record.payload == *payload)?;
        Some(event.record.deliveries)
    }

    /// A subscription that is not deleted.
    pub(crate) fn look_at_subscription(&self, key: SubscriptionKey) -> Option<Subscription> {
        let state = self.disk.lock();
        let owned = state.subscriptions.get(&key).filter(|owned| owned.deleted_at.is_none())?;
        Some(owned.subscription.clone())
    }

    /// The subscription that sends to this host, also if it is deleted: its number, and whether it is there.
    pub(crate) fn look_for_host(&self, host: &str) -> Option<(SubscriptionKey, bool)> {
        let state = self.disk.lock();
        let found = state.subscriptions.iter();
        let mut found = found.filter(|(_, owned)| owned.subscription.settings.endpoint_url.contains(host));
        found.next().map(|(key, owned)| (*key, owned.deleted_at.is_none()))
    }

    /// The highest order of any id.
    pub(crate) fn look_at_highest_order(&self) -> u64 {
        self.disk.lock().highest_order()
    }
}

fn on_disk(delivery: &Delivery, leased: bool, bytes: usize) -> OnDisk {
    let Delivery { key, state, due, attempts, ref made, .. } = *delivery;
    OnDisk { key, state, due, attempts, kept: made.len(), leased, bytes }
}
