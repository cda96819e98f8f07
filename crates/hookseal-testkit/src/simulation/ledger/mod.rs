//! What the outside knows: what was published and answered, sent and received. The invariants are judged by this and by
//! what lies on the disk, never by what the engine says of itself.

mod judge;
mod sending;
mod subscribed;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, EventId, Payload, PublishError, Published, Scope, Subscription, SubscriptionKey, Window,
};

pub(super) use self::{
    sending::Ticket,
    subscribed::{Subscribed, Version},
};
use super::{Invariant, Violation, plan::Millis};
use crate::memory::MemoryStore;

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Time since the run began, which never steps.
    pub(super) passed: Millis,
    /// The wall clock.
    pub(super) wall: Timestamp,
    /// The latest that the wall clock has shown so far.
    pub(super) latest: Timestamp,
}

/// An event that somebody wants published.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    pub(super) scope: Scope,
    pub(super) payload: Payload,
    pub(super) external_id: Option<String>,
    pub(super) window: Window,
    /// As which event it was accepted.
    accepted: Option<EventId>,
    /// Whether it may be stored without its publisher knowing.
    maybe: bool,
    /// As which event it lies in the store, seen as that happened.
    stored: Option<EventId>,
}

/// A delivery that was stored.
#[derive(Debug, Default)]
struct Delivered {
    /// Whether an endpoint answered it with a success.
    answered_well: bool,
    /// Outcomes that the store took.
    recorded: u32,
    /// Whether someone asked for another attempt: then the event's time does not count.
    asked: bool,
    /// Whether someone asked for it, or to be rid of it, whatever came of that: its place in an order does not count.
    disturbed: bool,
    /// When it was called off, for all to know.
    called_off: Option<Millis>,
}

/// What the outside knows.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) subscriptions: Vec<Subscribed>,
    pub(super) publications: BTreeMap<u64, Publication>,
    deliveries: BTreeMap<DeliveryId, Delivered>,
    /// Which delivery carries which publication to which subscription.
    carried: BTreeMap<(u64, SubscriptionKey), DeliveryId>,
    /// Deliveries whose attempt began in this life and is not recorded.
    begun: BTreeSet<DeliveryId>,
    /// Outcomes that were recorded and whose answer was lost: the engine offers them again.
    unanswered: BTreeSet<(DeliveryId, u32)>,
    /// Deliveries that are leased and of which the engine keeps no more than the name: they are on their way back.
    let_go: BTreeSet<DeliveryId>,
    /// Deliveries of events whose acceptance failed in this life, as far as was known: they stand outside the order.
    outside: BTreeSet<DeliveryId>,
    /// The highest order on the disk when this life began.
    floor: u64,
    /// Deliveries that are held in memory in the calm, after so many attempts, and since when.
    lying: BTreeMap<(DeliveryId, u32), Millis>,
    /// How far the wall clock was ahead of the time passed when it was last looked at.
    offset: i64,
    pub(super) violations: Vec<Violation>,
}

impl Ledger {
    /// Nothing has happened.
    pub(super) fn new() -> Self {
        Self {
            subscriptions: Vec::new(),
            publications: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            carried: BTreeMap::new(),
            begun: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            let_go: BTreeSet::new(),
            outside: BTreeSet::new(),
            lying: BTreeMap::new(),
            floor: 0,
            offset: 0,
            violations: Vec::new(),
        }
    }

    /// Notes that an invariant does not hold.
    pub(super) fn violated(&mut self, invariant: Invariant, now: Moment, detail: String) {
        self.violations.push(Violation { invariant, at_ms: now.passed, detail });
    }

    /// Notes that an invariant does not hold, unless it does.
    pub(super) fn demand(
        &mut self,
        holds: bool,
        invariant: Invariant,
        now: Moment,
        detail: impl FnOnce() -> String,
    ) {
        if !holds {
            self.violated(invariant, now, detail());
        }
    }

    /// Looks at the clock: where it has stepped, rates may begin anew.
    fn looks_at_the_clock(&mut self, now: Moment) {
        let offset = now.wall.as_unix_millis() - now.passed as i64;
        if std::mem::replace(&mut self.offset, offset) != offset {
            self.subscriptions.iter_mut().for_each(|subscribed| subscribed.paced_anew(now.passed));
        }
    }

    /// A process begins on this disk.
    pub(super) fn life_begins(&mut self, disk: &MemoryStore, now: Moment) {
        self.begun.clear();
        self.unanswered.clear();
        self.let_go.clear();
        self.outside.clear();
        self.floor = disk.look_at_highest_order();
        for subscribed in &mut self.subscriptions {
            subscribed.life_begins(disk, now.passed);
        }
        self.outcomes_are_kept(disk, now);
    }

    /// Somebody publishes. Returns the number that stands in the body.
    pub(super) fn publishes(
        &mut self,
        scope: Scope,
        external_id: Option<String>,
        payload: Payload,
        window: Window,
    ) -> u64 {
        let number = self.publications.len() as u64;
        let publication =
            Publication { scope, payload, external_id, window, accepted: None, maybe: false, stored: None };
        self.publications.insert(number, publication);
        number
    }

    /// A call of `publish` begins, which may end without an answer.
    pub(super) fn offers(&mut self, number: u64) {
        if let Some(publication) = self.publications.get_mut(&number) {
            publication.maybe = true;
        }
    }

    /// The answer to a call of `publish` that began at `since`. Returns whether it is to be published again.
    pub(super) fn answered(
        &mut self,
        number: u64,
        since: Millis,
        answer: &Result<Published, PublishError>,
        disk: &MemoryStore,
        now: Moment,
    ) -> bool {
        match answer {
            Ok(published) => {
                self.accepted(number, since, *published, disk, now);
                false
            }
            Err(PublishError::Store(_) | PublishError::Timeout | PublishError::Stopping) => true,
            Err(_) => {
                if let Some(publication) = self.publications.get_mut(&number) {
                    publication.maybe = publication.stored.is_some();
                }
                false
            }
        }
    }

    fn accepted(
        &mut self,
        number: u64,
        since: Millis,
        published: Published,
        disk: &MemoryStore,
        now: Moment,
    ) {
        let Some(publication) = self.publications.get_mut(&number) else { return };
        let before = publication.accepted.replace(published.id);
        let publication = publication.clone();
        let there = disk.look_at_event(publication.scope, published.id, &publication.payload);
        self.demand(there.is_some(), Invariant::DurableBefore202, now, || {
            format!("event {number} was accepted, and its store holds {there:?} of {published:?}")
        });
        self.demand(
            before.is_none_or(|before| before == published.id),
            Invariant::OneEventForOneId,
            now,
            || format!("event {number} is {before:?} and {}", published.id),
        );
        if published.duplicate || there.is_none() {
            return;
        }
        let wanting =
            self.subscriptions.iter().filter(|subscribed| subscribed.surely_wants(&publication, since));
        let missed: Vec<_> = wanting
            .filter(|subscribed| subscribed.key.is_none_or(|key| !self.carried.contains_key(&(number, key))))
            .map(|subscribed| subscribed.host.clone())
            .collect();
        self.demand(missed.is_empty(), Invariant::Routed, now, || {
            format!("event {number} makes no delivery to {missed:?}")
        });
    }

    /// Somebody asks for another attempt of a delivery.
    pub(super) fn asks_for(&mut self, id: DeliveryId) {
        let delivered = self.deliveries.entry(id).or_default();
        (delivered.asked, delivered.called_off, delivered.disturbed) = (true, None, true);
    }

    /// Somebody wants a delivery called off.
    pub(super) fn calls_off(&mut self, id: DeliveryId) {
        self.deliveries.entry(id).or_default().disturbed = true;
    }

    /// The store holds a subscription as this.
    pub(super) fn stored_as(&mut self, subscription: &Subscription) {
        let id = Some(subscription.id);
        let of_it = self.subscriptions.iter_mut().filter(|subscribed| subscribed.id == id);
        of_it.for_each(|subscribed| subscribed.is_stored_as(subscription));
    }

    /// A delivery was called off.
    pub(super) fn is_called_off(&mut self, id: DeliveryId, at: Millis) {
        self.deliveries.entry(id).or_default().called_off = Some(at);
    }

    /// The number of the publication that has these bytes, as its body says.
    pub(super) fn number_in(body: &[u8]) -> Option<u64> {
        let rest = body.strip_prefix(br#"{"n":"#)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
    }

    /// The body of a publication: its number, and so many bytes more.
    pub(super) fn body_of(number: u64, more: usize) -> Bytes {
        let mut body = Vec::with_capacity(more + 32);
        body.extend_from_slice(format!(r#"{{"n":{number}, "x":1.50,"pad":""#).as_bytes());
        body.resize(body.len() + more, b'x');
        body.extend_from_slice(b"\"}");
        Bytes::from(body)
    }
}
