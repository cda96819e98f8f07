//! Leases: which deliveries this process has the right to attempt. They live in memory and end with it.
//!
//! Only the writer changes them, and only after the transaction they belong to is durable. Readers copy what they
//! need *before* they take their snapshot of the database: what the snapshot says of a delivery then always goes
//! before the older lease.

use std::{
    collections::{BTreeMap, HashSet},
    ops::RangeInclusive,
};

use hookseal_engine::{DeliveryRef, EventId, SubscriptionKey};

/// A lease of a delivery, kept under the delivery's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The event it carries.
    pub(crate) event: EventId,
    /// The subscription it goes to.
    pub(crate) subscription: SubscriptionKey,
    /// Attempts that its row counted when it was leased. A row that counts more has been written since.
    pub(crate) attempts: u32,
}

/// All leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// Of deliveries without a row: leased as they were accepted.
    fresh: BTreeMap<u64, Lease>,
    /// Of deliveries with a row.
    claimed: BTreeMap<u64, Lease>,
}

/// What a transaction does to leases once it is durable.
#[derive(Debug, Default)]
pub(crate) struct LeaseChanges {
    /// New leases of deliveries without a row.
    pub(crate) taken: Vec<(u64, Lease)>,
    /// Leases that end.
    pub(crate) ended: HashSet<u64>,
    /// Leases whose delivery gets a row.
    pub(crate) settled: HashSet<u64>,
}

impl Leases {
    /// The lease of a delivery, where it is one of exactly this delivery.
    pub(crate) fn of(&self, delivery: &DeliveryRef) -> Option<&Lease> {
        let order = delivery.id.order();
        let lease = self.fresh.get(&order).or_else(|| self.claimed.get(&order))?;
        (lease.event == delivery.event && lease.subscription == delivery.subscription).then_some(lease)
    }

    /// Whether the delivery at this place is leased.
    pub(crate) fn contains(&self, order: u64) -> bool {
        self.fresh.contains_key(&order) || self.claimed.contains_key(&order)
    }

    /// Whether the delivery at this place is leased and has no row.
    pub(crate) fn is_fresh(&self, order: u64) -> bool {
        self.fresh.contains_key(&order)
    }

    /// Leases deliveries that have a row.
    pub(crate) fn claim(&mut self, leases: impl IntoIterator<Item = (u64, Lease)>) {
        self.claimed.extend(leases);
    }

    /// Does what a durable transaction did.
    pub(crate) fn apply(&mut self, changes: LeaseChanges) {
        for order in changes.settled {
            if let Some(lease) = self.fresh.remove(&order) {
                self.claimed.insert(order, lease);
            }
        }
        for order in changes.ended {
            if self.fresh.remove(&order).is_none() {
                self.claimed.remove(&order);
            }
        }
        self.fresh.extend(changes.taken);
    }

    /// The lowest order of an event that has a delivery without a row, once `changes` are applied.
    pub(crate) fn lowest_event(&self, changes: &LeaseChanges) -> Option<u64> {
        let gone = |order| changes.ended.contains(order) || changes.settled.contains(order);
        let kept = self.fresh.iter().find(|(order, _)| !gone(order));
        let taken = changes.taken.iter().map(|(_, lease)| lease.event.order()).min();
        [kept.map(|(_, lease)| lease.event.order()), taken].into_iter().flatten().min()
    }

    /// Leases of deliveries without a row, of events before the place `before`: the oldest, at most `limit`.
    pub(crate) fn stragglers(&self, before: u64, limit: usize) -> Vec<(u64, Lease)> {
        let old = self.fresh.iter().take_while(|(_, lease)| lease.event.order() < before);
        old.take(limit).map(|(order, lease)| (*order, *lease)).collect()
    }

    /// A copy of the leases at these places.
    pub(crate) fn view(&self, orders: RangeInclusive<u64>) -> LeaseView {
        let copy = |leases: &BTreeMap<u64, Lease>| {
            leases.range(orders.clone()).map(|(order, lease)| (*order, *lease)).collect()
        };
        LeaseView { fresh: copy(&self.fresh), claimed: copy(&self.claimed) }
    }

    /// A copy of the leases of one event's deliveries.
    pub(crate) fn view_of_event(&self, event: EventId) -> LeaseView {
        let copy = |leases: &BTreeMap<u64, Lease>| {
            // None of its deliveries has a place before its own.
            let later = leases.range(event.order()..).filter(|(_, lease)| lease.event == event);
            later.map(|(order, lease)| (*order, *lease)).collect()
        };
        LeaseView { fresh: copy(&self.fresh), claimed: copy(&self.claimed) }
    }

    /// A copy of the leases of one subscription's deliveries.
    pub(crate) fn view_of(&self, key: SubscriptionKey) -> LeaseView {
        let mut view = self.view(0..=u64::MAX);
        view.retain(key);
        view
    }
}

/// Leases as they were at one moment, by ascending place.
#[derive(Debug, Default)]
pub(crate) struct LeaseView {
    /// Of deliveries that had no row.
    pub(crate) fresh: Vec<(u64, Lease)>,
    /// Of deliveries that had one.
    pub(crate) claimed: Vec<(u64, Lease)>,
}

impl LeaseView {
    /// Forgets those of other subscriptions.
    pub(crate) fn retain(&mut self, key: SubscriptionKey) {
        for leases in [&mut self.fresh, &mut self.claimed] {
            leases.retain(|(_, lease)| lease.subscription == key);
        }
    }

    /// Whether the delivery at this place was leased while its row counted so many attempts.
    pub(crate) fn holds(&self, order: u64, attempts: u32) -> bool {
        [&self.claimed, &self.fresh].into_iter().any(|leases| {
            let found = leases.binary_search_by_key(&order, |(order, _)| *order);
            found.is_ok_and(|index| leases[index].1.attempts == attempts)
        })
    }
}
