//! Judging what the store is told, and how all has ended.

use std::collections::BTreeMap;

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, NewEvent, SubscriptionKey, Verdict, limits,
    ports::store::{Claim, HealthChange, NextStep, Outcome, StoreError},
};

use super::{Ledger, Moment};
use crate::{
    memory::{MemoryStore, OnDisk},
    simulation::{Invariant, plan::Millis},
};

/// Bytes of bodies of one subscription that may wait in memory without anybody having asked for them. A place is promised,
/// and a claim made, while its queue holds less than `QUEUE_BYTES_MAX`: the last event comes on top of that, and the
/// claim that was under way meanwhile.
const WAITING_BYTES_MAX: usize = limits::QUEUE_BYTES_MAX + limits::BODY_BYTES_MAX + limits::CLAIM_BYTES_MAX;
/// Bytes of all that may wait, asked for or not: what somebody asks for one by one is taken in besides, while less than
/// `ASKED_BYTES_MAX` of it is there.
const WAITING_WITH_ASKED_BYTES_MAX: usize =
    WAITING_BYTES_MAX + limits::ASKED_BYTES_MAX + limits::BODY_BYTES_MAX;
/// Bytes of the head of an ordered queue: it is read back by itself however much waits in memory, since nothing of that
/// may begin before it.
const HEAD_BYTES_MAX: usize = limits::BODY_BYTES_MAX;
/// How long a delivery may be held in memory without an attempt when nothing fails any more: a queue of the simulation
/// goes out within a minute at the lowest rate.
const LYING_MOST: Millis = 10 * 60 * 1000;
/// How long a breaker that opens again and again may hold back what is due.
const HELD_MOST: Millis = 10 * 60 * 1000;
/// Deliveries of one subscription that may wait in memory, by the same reckoning.
const WAITING_MAX: usize =
    limits::QUEUE_DELIVERIES_MAX + limits::CLAIM_DELIVERIES_MAX + limits::ASKED_DELIVERIES_MAX;

impl Ledger {
    /// Which of these deliveries the process holds, and how many attempts of them are recorded: before a commit.
    pub(crate) fn before_commit(outcomes: &[Outcome], disk: &MemoryStore) -> Vec<Option<OnDisk>> {
        let held = outcomes.iter().map(|outcome| disk.look_at(outcome.delivery.id));
        held.map(|found| found.filter(|found| found.leased)).collect()
    }

    /// A commit was made durable.
    pub(crate) fn committed(
        &mut self,
        events: &[(NewEvent, Verdict)],
        outcomes: &[(Outcome, Option<OnDisk>)],
        health: &[HealthChange],
        disk: &MemoryStore,
        now: Moment,
    ) {
        for (event, verdict) in events {
            if *verdict == Verdict::Accepted {
                self.stored(event, disk, now);
            }
        }
        for (outcome, held) in outcomes {
            self.begun.remove(&outcome.delivery.id);
            if let Some(held) = held {
                self.recorded(outcome, held, disk, now);
            }
        }
        for change in health.iter().filter(|change| change.disable.is_some()) {
            let key = Some(change.subscription);
            let of_it = self.subscriptions.iter_mut().filter(|subscribed| subscribed.key == key);
            of_it.for_each(|subscribed| subscribed.is_disabled(now.passed));
        }
    }

    /// The engine was told that these were recorded.
    pub(crate) fn told(&mut self, outcomes: &[(DeliveryId, u32)]) {
        for outcome in outcomes {
            self.unanswered.remove(outcome);
        }
    }

    fn stored(&mut self, event: &NewEvent, disk: &MemoryStore, now: Moment) {
        let floor = self.floor;
        self.demand(event.id.order() > floor, Invariant::OrdersAscend, now, || {
            format!("{} is not above what was there before the start", event.id)
        });
        let Some(number) = Self::number_in(&event.payload.body) else { return };
        let Some(publication) = self.publications.get_mut(&number) else { return };
        let before = publication.stored.replace(event.id);
        self.demand(before.is_none_or(|before| before == event.id), Invariant::OneEventForOneId, now, || {
            format!("event {number} is stored as {before:?} and as {}", event.id)
        });
        for (index, target) in event.targets.iter().enumerate() {
            let id = event.delivery_id(index);
            if disk.look_at(id).is_some() {
                self.carried.insert((number, target.subscription), id);
            }
        }
    }

    fn recorded(&mut self, outcome: &Outcome, held: &OnDisk, disk: &MemoryStore, now: Moment) {
        let (id, number) = (outcome.delivery.id, outcome.attempt.number);
        if !self.unanswered.insert((id, number)) {
            return;
        }
        self.demand(number == held.attempts + 1, Invariant::NumbersCountUp, now, || {
            format!("attempt {number} of {id} comes after attempt {}", held.attempts)
        });
        let after = disk.look_at(id);
        self.demand(
            after.is_some_and(|after| after.attempts == number),
            Invariant::OutcomesKept,
            now,
            || format!("attempt {number} of {id} was taken, and {after:?} is there"),
        );
        self.deliveries.entry(id).or_default().recorded = number;
        let well = self.deliveries.get(&id).is_some_and(|delivered| delivered.answered_well);
        self.demand(
            outcome.next != NextStep::Succeeded || well || self.is_test(outcome.delivery),
            Invariant::SuccessWasAnswered,
            now,
            || format!("{id} is recorded as a success"),
        );
    }

    /// Whether a delivery carries no publication: it is a test.
    fn is_test(&self, delivery: DeliveryRef) -> bool {
        !self.carried.values().any(|carried| *carried == delivery.id)
    }

    /// Deliveries were read back.
    pub(crate) fn claimed(&mut self, claim: &Claim, taken: &[DeliveryRef], disk: &MemoryStore, now: Moment) {
        let latest = now.latest;
        for delivery in taken {
            let due = disk.look_at(delivery.id).and_then(|found| found.due);
            self.demand(due.is_none_or(|due| due <= latest), Invariant::NotBeforeDue, now, || {
                format!("{} is due at {due:?}, and is read back at {}", delivery.id, now.wall)
            });
        }
        self.demand(claim.due_before <= latest, Invariant::NotBeforeDue, now, || {
            format!("what is due at {} is asked for at {}", claim.due_before, now.wall)
        });
        for delivery in taken {
            self.let_go.remove(&delivery.id);
        }
    }

    /// The engine gives leases back, and keeps no bodies for that: what the store does not take of it is asked again.
    pub(crate) fn gives_back(&mut self, deliveries: &[DeliveryRef]) {
        self.let_go.extend(deliveries.iter().map(|delivery| delivery.id));
    }

    /// A commit failed, as far as its engine knows: of its events only the names are kept, to find out.
    pub(crate) fn lets_go(&mut self, events: &[NewEvent]) {
        let all = events.iter().flat_map(|event| {
            let indices = 0..event.targets.len();
            indices.map(|index| event.delivery_id(index))
        });
        let all: Vec<DeliveryId> = all.collect();
        self.outside.extend(&all);
        self.let_go.extend(all);
    }

    /// The store refused something as a defect of its caller.
    pub(crate) fn refused(&mut self, error: &StoreError, now: Moment) {
        let sound = !matches!(error, StoreError::Bug { .. } | StoreError::Corrupt { .. });
        self.demand(sound, Invariant::StoreUsedRightly, now, || error.to_string());
    }

    /// What waits in memory beyond the bound, as far as leases tell: deliveries and bytes of each such subscription. An
    /// attempt that has just been given its turn counts until it is seen on the network, in the same millisecond.
    pub(crate) fn beyond_memory(&self, disk: &MemoryStore) -> Vec<(SubscriptionKey, usize, usize)> {
        let mut waiting: BTreeMap<SubscriptionKey, (usize, usize, usize)> = BTreeMap::new();
        for delivery in disk.look_at_leased() {
            let id = delivery.key.id;
            if !self.begun.contains(&id) && !self.let_go.contains(&id) {
                let asked = self.deliveries.get(&id).is_some_and(|delivered| delivered.asked);
                let (deliveries, bytes, unasked) = waiting.entry(delivery.key.subscription).or_default();
                *deliveries += 1;
                *bytes += delivery.bytes;
                *unasked += if asked { 0 } else { delivery.bytes };
            }
        }
        let head = |key: &SubscriptionKey| {
            let ordered =
                disk.look_at_subscription(*key).is_some_and(|found| found.settings.ordered.is_some());
            if ordered { HEAD_BYTES_MAX } else { 0 }
        };
        let beyond = |(key, (deliveries, bytes, unasked)): &(SubscriptionKey, (usize, usize, usize))| {
            *deliveries > WAITING_MAX
                || *unasked > WAITING_BYTES_MAX + head(key)
                || *bytes > WAITING_WITH_ASKED_BYTES_MAX + head(key)
        };
        let all = waiting.into_iter().filter(beyond);
        all.map(|(key, (deliveries, bytes, _))| (key, deliveries, bytes)).collect()
    }

    /// Memory is as large as it stays: everything that was to begin has begun.
    pub(crate) fn memory_is_bounded(&mut self, disk: &MemoryStore, now: Moment) {
        for (key, deliveries, bytes) in self.beyond_memory(disk) {
            let detail =
                format!("{deliveries} deliveries of {bytes} bytes wait in memory for subscription {}", key.0);
            self.violated(Invariant::MemoryBounded, now, detail);
        }
    }

    /// What is in memory is attempted before long, once nothing fails any more.
    pub(crate) fn nothing_lies_in_memory(&mut self, disk: &MemoryStore, now: Moment) {
        let leased = disk.look_at_leased();
        let mut lying = BTreeMap::new();
        for delivery in leased {
            let key = (delivery.key.id, delivery.attempts);
            lying.insert(key, self.lying.get(&key).copied().unwrap_or(now.passed));
        }
        self.lying = lying;
        let longest = self.lying.iter().min_by_key(|(_, since)| **since).map(|(key, since)| (*key, *since));
        if let Some(((id, attempts), since)) = longest
            && now.passed - since > LYING_MOST
        {
            self.violated(
                Invariant::NothingForgotten,
                now,
                format!("{id} is held after {attempts} attempts"),
            );
        }
    }

    /// Every outcome that was recorded is there.
    pub(crate) fn outcomes_are_kept(&mut self, disk: &MemoryStore, now: Moment) {
        let mut lost = Vec::new();
        for (id, delivered) in &self.deliveries {
            let found = disk.look_at(*id);
            let attempts = found.map_or(0, |found| found.attempts);
            if attempts < delivered.recorded || found.is_some_and(|found| found.kept != attempts as usize) {
                lost.push(format!("{id} had {} attempts, and {found:?} is there", delivered.recorded));
            }
        }
        for detail in lost {
            self.violated(Invariant::OutcomesKept, now, detail);
        }
    }

    /// How all has ended.
    pub(crate) fn ended(&mut self, disk: &MemoryStore, now: Moment) {
        self.outcomes_are_kept(disk, now);
        for delivery in disk.look_at_all() {
            let id = delivery.key.id;
            let answered = self.deliveries.get(&id).is_some_and(|delivered| delivered.answered_well);
            let success = delivery.state == DeliveryState::Succeeded && !self.is_test(delivery.key);
            self.demand(!success || answered, Invariant::SuccessWasAnswered, now, || {
                format!("{id} is recorded as a success")
            });
            self.demand(!is_stuck(&delivery, disk, now), Invariant::NothingForgotten, now, || {
                format!("{delivery:?} waits, and nobody looks after it")
            });
        }
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_settled(disk: &MemoryStore) -> bool {
        let open = |delivery: &OnDisk| !delivery.state.is_final() && is_active(delivery, disk);
        !disk.look_at_all().iter().any(open)
    }
}

fn is_active(delivery: &OnDisk, disk: &MemoryStore) -> bool {
    let subscription = disk.look_at_subscription(delivery.key.subscription);
    subscription.is_some_and(|found| found.status == hookseal_engine::SubscriptionStatus::Active)
}

/// Whether a delivery should have been looked after: due for a while, since a breaker may hold back what has only come
/// due, to an active subscription, not ended, and where those go out in order, behind nothing that is due later.
fn is_stuck(delivery: &OnDisk, disk: &MemoryStore, now: Moment) -> bool {
    let lately = Timestamp::from_unix_millis(now.wall.as_unix_millis() - HELD_MOST.cast_signed());
    let is_later = |delivery: &OnDisk| !delivery.leased && delivery.due.is_some_and(|due| due > lately);
    let key = delivery.key.subscription;
    let Some(subscription) = disk.look_at_subscription(key) else { return !delivery.state.is_final() };
    if delivery.state.is_final() || is_later(delivery) || !is_active(delivery, disk) {
        return false;
    }
    let earlier = || disk.look_at_open_before(key, delivery.key.id.order()).into_iter();
    let held = subscription.settings.ordered.is_some()
        && earlier().any(|earlier| disk.look_at(earlier).is_some_and(|earlier| is_later(&earlier)));
    !held
}
