//! What is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, DeliveryId, DeliveryRef, DeliveryState, EventId, EventRecord, FailureKind, ReplayId,
    ReplayRecord, Scope, Subscription, SubscriptionId, SubscriptionKey, Terms, Trigger, ports::store::ApiKey,
};

/// All that is stored.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By order.
    pub(super) events: BTreeMap<u64, Event>,
    /// The orders of events that have a publisher's id.
    pub(super) external_ids: HashMap<(Scope, String), u64>,
    /// By order.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    pub(super) subscriptions: BTreeMap<SubscriptionKey, Owned>,
    /// By id, whose order is that of creation.
    pub(super) replays: BTreeMap<ReplayId, ReplayRecord>,
    /// By id.
    pub(super) keys: Vec<ApiKey>,
}

/// An event, with its body.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) record: EventRecord,
    /// The orders of deliveries that were created after it was accepted, ascending.
    pub(super) late: Vec<u64>,
}

/// A subscription that there is, or was.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) subscription: Subscription,
    pub(super) deleted_at: Option<Timestamp>,
}

/// A delivery. While it is leased its state is `Pending`.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) key: DeliveryRef,
    pub(super) state: DeliveryState,
    /// Whether it was leased as it was accepted and nothing was recorded of it since.
    pub(super) unrecorded: bool,
    pub(super) attempts: u32,
    /// Why the next attempt is made.
    pub(super) trigger: Trigger,
    pub(super) due: Option<Timestamp>,
    /// Attempts that had been made when its schedule began anew.
    pub(super) schedule_from: u32,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) status: Option<u16>,
    pub(super) failure: Option<FailureKind>,
    pub(super) duration_ms: Option<u32>,
    pub(super) made: Vec<AttemptRecord>,
}

impl Delivery {
    /// One that is about to be made due.
    pub(super) fn waiting(key: DeliveryRef) -> Self {
        Self {
            key,
            state: DeliveryState::Pending,
            unrecorded: false,
            attempts: 0,
            trigger: Trigger::Schedule,
            due: None,
            schedule_from: 0,
            finished_at: None,
            status: None,
            failure: None,
            duration_ms: None,
            made: Vec::new(),
        }
    }

    /// Ends it without an attempt.
    pub(super) fn end(&mut self, state: DeliveryState, at: Timestamp) {
        self.unrecorded = false;
        self.state = state;
        self.due = None;
        self.finished_at = Some(at);
    }
}

impl Event {
    /// The orders of its deliveries.
    pub(super) fn orders(&self) -> impl Iterator<Item = u64> {
        let first = self.record.id.order() + 1;
        (first..first + self.record.deliveries as u64).chain(self.late.iter().copied())
    }
}

impl State {
    /// An event of this scope.
    pub(super) fn event(&self, scope: Scope, id: EventId) -> Option<&Event> {
        self.events.get(&id.order()).filter(|event| event.record.id == id && event.record.scope == scope)
    }

    /// A delivery of this scope.
    pub(super) fn delivery(&self, scope: Scope, id: DeliveryId) -> Option<&Delivery> {
        let delivery = self.deliveries.get(&id.order());
        delivery.filter(|delivery| delivery.key.id == id && delivery.key.scope == scope)
    }

    /// A subscription of this scope that is not deleted.
    pub(super) fn subscription_mut(&mut self, scope: Scope, id: SubscriptionId) -> Option<&mut Subscription> {
        let alive = self.subscriptions.values_mut().filter(|owned| owned.deleted_at.is_none());
        alive.map(|owned| &mut owned.subscription).find(|found| found.scope == scope && found.id == id)
    }

    /// When and which deliveries of a subscription wait and are not leased: the longest due first.
    pub(super) fn waiting(&self, key: SubscriptionKey, leases: &BTreeSet<u64>) -> Vec<(Timestamp, u64)> {
        let of_it = self.deliveries.iter().filter(|(_, delivery)| delivery.key.subscription == key);
        let free = of_it.filter(|(order, _)| !leases.contains(order));
        let mut waiting: Vec<_> =
            free.filter_map(|(order, delivery)| Some((delivery.due?, *order))).collect();
        waiting.sort_unstable();
        waiting
    }

    /// When and which deliveries expire that wait and are not leased: the first to expire first.
    pub(super) fn expiring(&self, leases: &BTreeSet<u64>) -> Vec<(Timestamp, u64)> {
        let free = self.deliveries.iter().filter(|(order, delivery)| {
            let waits = delivery.state == DeliveryState::Pending && !leases.contains(order);
            waits && delivery.trigger == Trigger::Schedule
        });
        let mut expiring: Vec<_> =
            free.filter_map(|(order, delivery)| Some((self.terms(delivery).expires_at?, *order))).collect();
        expiring.sort_unstable();
        expiring
    }

    /// What holds for a delivery between its attempts.
    pub(super) fn terms(&self, delivery: &Delivery) -> Terms {
        let event = &self.events[&delivery.key.event.order()].record;
        Terms { expires_at: event.window.expires_at, schedule_from: delivery.schedule_from }
    }

    /// The highest order of any id.
    pub(super) fn highest_order(&self) -> u64 {
        let events = self.events.keys().chain(self.deliveries.keys()).copied();
        let subscriptions = self.subscriptions.values().map(|owned| owned.subscription.id.order());
        let keys = self.keys.iter().map(|key| key.id.order());
        let replays = self.replays.keys().map(|id| id.order());
        events.chain(subscriptions).chain(keys).chain(replays).max().unwrap_or(0)
    }
}
