//! Which attempt begins next. A state machine without clock, tasks or I/O.
//!
//! Every subscription has a queue of its own, with its own bounds, concurrency, rate, order and breaker; queues that
//! can go on take turns at a shared budget. What does not fit into memory waits in the store and is claimed back when
//! there is room. The driver tells the dispatcher what happened, then drains it: **after every call, take
//! [`Dispatcher::next_attempt`] until it returns `None`, then [`Dispatcher::take_returns`], then
//! [`Dispatcher::next_claim`] until it returns `None`, and come back at [`Dispatcher::next_wakeup`].** No call looks at
//! all subscriptions.
//!
//! - `queue`: one subscription's queue, and when it can begin an attempt.
//! - `budget`: what all of them share, and how much of it each may hold.
//! - `turns`: whose turn it is.
//! - `claims`: what waits in the store.

mod budget;
mod claims;
mod job;
mod keys;
#[cfg(test)]
mod properties;
mod queue;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod tests;
mod turns;

use std::{collections::BTreeSet, time::Duration};

use hookseal::Timestamp;

pub use self::job::{Begun, ClaimWish, Ended, Job, Origin, QueueRules, QueueState, Waiting};
use self::{
    budget::{Budget, Pace, Use},
    keys::ByKey,
    queue::{Queue, Ready},
    turns::Lines,
};
use crate::{SubscriptionKey, breaker::Epoch, limits};

/// A clock that is this much earlier than it was has been set back.
const STEP_BACK: Duration = Duration::from_secs(1);

const SLOT: Use = Use { slots: 1, deliveries: 0, bytes: 0 };

/// A place in memory for one delivery with so many bytes.
const fn place(bytes: usize) -> Use {
    Use { slots: 0, deliveries: 1, bytes }
}

/// The queues of all subscriptions.
#[derive(Debug, Default)]
pub struct Dispatcher {
    queues: ByKey<Queue>,
    budget: Budget,
    /// Subscriptions that can begin an attempt.
    turns: Lines,
    /// Subscriptions with deliveries in the store that are due, and a use for them.
    claims: Lines,
    /// When to look again at a subscription: its rate or breaker allows the next attempt, or its attempts may hang.
    wakeups: BTreeSet<(Timestamp, SubscriptionKey)>,
    /// When the first delivery of a subscription comes due in the store.
    due: BTreeSet<(Timestamp, SubscriptionKey)>,
    /// Jobs whose leases are to be given back.
    returns: Vec<Job>,
    /// Attempts under way, and outcomes and ends not recorded yet.
    unrecorded: usize,
    /// Breakers that are not closed.
    open: usize,
    /// The wakeup that the driver was last told of.
    announced: Option<Timestamp>,
    /// The time of the latest call that had one.
    latest: Option<Timestamp>,
    stopping: bool,
}

impl Dispatcher {
    /// A dispatcher without subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscription, or changes its rules. `origin` counts only for one that is new.
    pub fn configure(&mut self, key: SubscriptionKey, rules: QueueRules, origin: Origin, now: Timestamp) {
        let queue = self
            .queues
            .entry(key)
            .or_insert_with(|| Queue::new(QueueRules { active: false, ..rules }, origin, now));
        let was = std::mem::replace(&mut queue.rules.active, rules.active);
        // What was in memory without an order may not be all that comes first: it is read back in order.
        let other_order = rules.ordered != queue.rules.ordered;
        queue.follow(rules, now);
        if !rules.active || (other_order && rules.ordered) {
            self.empty(key, now);
        }
        if other_order {
            self.store_changed(key, now);
        }
        if rules.active && !was {
            self.go_on(key);
        }
        self.look_at(key, now);
    }

    /// A queue that stood still goes on: as if nothing were known against the endpoint, but not all at once.
    fn go_on(&mut self, key: SubscriptionKey) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if !queue.breaker.is_closed() {
            self.open -= 1;
        }
        queue.breaker.reset();
        if queue.stored.is_some() {
            queue.concurrency.ramp();
        }
    }

    /// Forgets a subscription and its jobs.
    pub fn remove(&mut self, key: SubscriptionKey) {
        if let Some(queue) = self.queues.remove(&key) {
            if let Some(at) = queue.comes_due {
                self.due.remove(&(at, key));
            }
            self.budget.give_back(queue.tempo.pace, queue.held());
            // Attempts under way are still there until they end.
            self.budget.take(Pace::Slow, Use { slots: queue.in_flight as usize, ..Use::default() });
            self.open -= usize::from(!queue.breaker.is_closed());
        }
    }

    /// Promises a place in memory to a delivery whose commit is about to begin. `false` where there is none: then
    /// the delivery is to wait in the store.
    #[must_use]
    pub fn promise(&mut self, key: SubscriptionKey, bytes: usize) -> bool {
        let Some(queue) = self.queues.get_mut(&key) else { return false };
        let pace = queue.tempo.pace;
        let room = self.budget.allows_delivery(pace, queue.waiting(), queue.all_bytes());
        if self.stopping || !room || !queue.takes() {
            return false;
        }
        queue.promised += 1;
        queue.promised_bytes += bytes;
        self.budget.take(pace, place(bytes));
        true
    }

    /// How long whoever publishes to these subscriptions does well to wait: the longer, the fuller a queue is that is
    /// about to have room. A delivery that finds no room is written to the store and read back, which costs more than
    /// sending it does. Nobody waits for a queue that is slow, limited, closed, or has spilled over already.
    pub fn crowded_for(&self, keys: &[SubscriptionKey]) -> Duration {
        let queues = keys.iter().filter_map(|key| self.queues.get(key));
        let Some(fullest) = queues.filter_map(Queue::crowding).max() else { return Duration::ZERO };
        let all = self.in_memory() * 1000 / limits::QUEUE_DELIVERIES_TOTAL_MAX;
        limits::CROWDED_WAIT_MAX * fullest.max(all).min(1000) as u32 / 1000
    }

    /// Takes a promise back, because the commit failed or the event was not new.
    pub fn withdraw(&mut self, key: SubscriptionKey, bytes: usize, now: Timestamp) {
        self.end_promise(key, bytes);
        // The place may be what something in the store waits for.
        self.watch_store(key, now);
    }

    fn end_promise(&mut self, key: SubscriptionKey, bytes: usize) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.promised -= 1;
            queue.promised_bytes -= bytes;
            self.budget.give_back(queue.tempo.pace, place(bytes));
        }
    }

    /// Keeps a promise: the delivery is committed and leased.
    pub fn admit(&mut self, job: Job, now: Timestamp) {
        self.end_promise(job.delivery.subscription, job.bytes());
        self.enqueue(job, now);
    }

    /// Whether there is room in memory for one more delivery that somebody asks for; otherwise it is to wait in the store.
    #[must_use]
    pub fn has_room_for_asked(&self, key: SubscriptionKey) -> bool {
        self.queues.get(&key).is_some_and(|queue| {
            let (pace, waiting, bytes) = (queue.tempo.pace, queue.waiting(), queue.all_bytes());
            queue.takes_asked() && self.budget.allows_delivery(pace, waiting, bytes)
        })
    }

    /// Takes in a delivery that is leased because somebody asked for it. It goes before what nobody asked for, also
    /// while the breaker is open; in an ordered queue it goes by its place. Where there is no room for it any more, it
    /// goes back to the store.
    pub fn admit_asked(&mut self, job: Job, now: Timestamp) {
        let (key, order) = (job.delivery.subscription, job.order());
        if let Some(first) = self.queues.get_mut(&key).and_then(|queue| queue.stored.as_mut())
            && first.order == order
        {
            // It was what goes first in the store; what does now is asked for.
            first.due = now;
        }
        if self.has_room_for_asked(key) {
            self.enqueue(job, now);
        } else {
            self.send_back(job);
        }
        self.watch_store(key, now);
    }

    /// Takes jobs out of all queues. They stay leased, and are the caller's to end: [`Dispatcher::recorded`] is due for
    /// each once that is durable. Until then an ordered queue waits, so that no crash brings one back behind its successor.
    pub fn take_out(&mut self, mut wanted: impl FnMut(&Job) -> bool, now: Timestamp) -> Vec<Job> {
        let full = self.queues.iter().filter(|(_, queue)| queue.waiting() > queue.promised);
        let keys: Vec<_> = full.map(|(key, _)| *key).collect();
        keys.into_iter().flat_map(|key| self.take_out_of(key, &mut wanted, now)).collect()
    }

    /// Takes jobs out of one queue, as [`Dispatcher::take_out`] does.
    pub fn take_out_of(
        &mut self,
        key: SubscriptionKey,
        wanted: impl FnMut(&Job) -> bool,
        now: Timestamp,
    ) -> Vec<Job> {
        let Some(queue) = self.queues.get_mut(&key) else { return Vec::new() };
        let (pace, held) = (queue.tempo.pace, queue.held());
        let out = queue.take_out(wanted);
        if !out.is_empty() {
            queue.unrecorded += u32::try_from(out.len()).unwrap_or(u32::MAX);
            self.unrecorded += out.len();
            self.budget.give_back(pace, held);
            self.budget.take(pace, queue.held());
            self.look_at(key, now);
        }
        out
    }

    /// The next attempt to begin, if any may.
    pub fn next_attempt(&mut self, now: Timestamp) -> Option<Begun> {
        self.wake(now);
        if self.stopping || self.unrecorded >= limits::IN_FLIGHT_TOTAL_MAX {
            return None;
        }
        // One that has changed its pace since it joined its line may now stand in one that was asked before: such a line
        // is asked again. Nobody changes it twice at one time.
        for _ in 0..2 {
            for pace in self.turns.paces() {
                if let Some(begun) = self.next_of(pace, now) {
                    self.turns.served(pace);
                    return Some(begun);
                }
            }
        }
        None
    }

    fn next_of(&mut self, pace: Pace, now: Timestamp) -> Option<Begun> {
        while !self.turns.is_empty(pace) && self.budget.has_slot(pace) {
            let key = self.turns.next(pace)?;
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            queue.in_turns.left(pace);
            self.repace(key, now);
            let Some(queue) = self.queues.get_mut(&key).filter(|queue| queue.tempo.pace == pace) else {
                self.take_turn(key, now);
                continue;
            };
            match queue.ready(now) {
                Ready::Yes => {}
                Ready::NotBefore(at) => {
                    self.wakeups.insert((at, key));
                    continue;
                }
                Ready::No => continue,
            }
            // One that has all it may have comes back when one of its attempts is over.
            if !self.budget.allows_slot(pace, queue.in_flight) {
                continue;
            }
            if let Some(Err(at)) = queue.bucket.as_mut().map(|bucket| bucket.take(now)) {
                self.wakeups.insert((at, key));
                continue;
            }
            if let Some(begun) = self.begin(key, now) {
                return Some(begun);
            }
        }
        None
    }

    fn begin(&mut self, key: SubscriptionKey, now: Timestamp) -> Option<Begun> {
        let queue = self.queues.get_mut(&key)?;
        let job = queue.pop()?;
        let was_closed = queue.breaker.is_closed();
        let asked = job.trigger == crate::Trigger::Manual && !was_closed;
        let epoch = if asked { queue.breaker.epoch() } else { queue.breaker.begin(now) };
        self.budget.give_back(queue.tempo.pace, place(job.bytes()));
        self.start(key, now);
        self.take_turn(key, now);
        self.watch_store(key, now);
        Some(Begun { job, epoch })
    }

    /// An attempt begins that did not wait in the queue, whatever the queue's rules say. Its rate has to make up for it.
    pub fn begin_outside(&mut self, key: SubscriptionKey, now: Timestamp) -> Epoch {
        let Some(queue) = self.queues.get_mut(&key) else {
            self.unrecorded += 1;
            self.budget.take(Pace::Slow, SLOT);
            return crate::breaker::Breaker::default().epoch();
        };
        if let Some(bucket) = &mut queue.bucket {
            bucket.charge(now);
        }
        let epoch = queue.breaker.epoch();
        self.start(key, now);
        epoch
    }

    fn start(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if let Some(check_at) = queue.tempo.begun(queue.in_flight == 0, now) {
            self.wakeups.insert((check_at, key));
        }
        queue.in_flight += 1;
        queue.unrecorded += 1;
        self.unrecorded += 1;
        self.budget.take(queue.tempo.pace, SLOT);
    }

    /// An attempt is over; its outcome is not recorded yet.
    pub fn finished(&mut self, key: SubscriptionKey, epoch: Epoch, ended: Ended, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key).filter(|queue| queue.in_flight > 0) else {
            self.budget.give_back(Pace::Slow, SLOT);
            return;
        };
        queue.in_flight -= 1;
        self.budget.give_back(queue.tempo.pace, SLOT);
        let was_closed = queue.breaker.is_closed();
        if queue.ended(epoch, ended, now) {
            match (was_closed, queue.breaker.is_closed()) {
                (true, false) => self.open += 1,
                (false, true) => self.open -= 1,
                _ => {}
            }
            if !queue.breaker.is_closed() {
                let out = queue.trim_unasked();
                self.give_back(key, out);
            }
        }
        self.repace(key, now);
        self.look_at(key, now);
    }

    /// So many outcomes of finished attempts, or ends of what was taken out, were recorded, or will never be.
    pub fn recorded(&mut self, key: SubscriptionKey, outcomes: u32, now: Timestamp) {
        self.unrecorded -= outcomes as usize;
        let Some(queue) = self.queues.get_mut(&key) else { return };
        queue.unrecorded = queue.unrecorded.saturating_sub(outcomes);
        if queue.rules.ordered {
            self.take_turn(key, now);
        }
    }

    /// When to come back, if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        [&self.wakeups, &self.due].into_iter().filter_map(|times| times.first()).map(|(at, _)| *at).min()
    }

    /// Whether there is a claim to make, or a wakeup earlier than the one that was last announced: then the driver
    /// has to look again at what waits in the store. Saying so announces the wakeup.
    pub fn needs_looking_after(&mut self) -> bool {
        let next = self.next_wakeup();
        let earlier = next.is_some_and(|next| self.announced.is_none_or(|announced| next < announced));
        if earlier {
            self.announced = next;
        }
        earlier || self.has_claims()
    }

    /// The wakeup that the driver now sleeps until; earlier ones are announced by [`Dispatcher::needs_looking_after`].
    pub fn sleep_until(&mut self) -> Option<Timestamp> {
        self.announced = self.next_wakeup();
        self.announced
    }

    /// Begins no attempt any more.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> usize {
        self.budget.held().slots
    }

    /// Attempts under way, and outcomes not recorded yet.
    pub fn unrecorded(&self) -> usize {
        self.unrecorded
    }

    /// Deliveries that wait in memory, or were promised a place there.
    pub fn in_memory(&self) -> usize {
        self.budget.held().deliveries
    }

    /// Subscriptions whose breaker is not closed.
    pub fn open_breakers(&self) -> usize {
        self.open
    }

    /// How a subscription's queue stands.
    pub fn state(&self, key: SubscriptionKey) -> Option<QueueState> {
        self.queues.get(&key).map(|queue| QueueState {
            in_flight: queue.in_flight,
            concurrency: queue.limit(),
            in_memory: queue.waiting(),
            breaker: queue.breaker.state(),
        })
    }

    fn enqueue(&mut self, job: Job, now: Timestamp) {
        let key = job.delivery.subscription;
        let Some(queue) = self.queues.get_mut(&key).filter(|queue| queue.keeps(&job, now)) else {
            return self.send_back(job);
        };
        self.budget.take(queue.tempo.pace, place(job.bytes()));
        queue.put(job);
        if queue.rules.ordered {
            self.watch_store(key, now);
        }
        self.take_turn(key, now);
    }

    /// Has a job returned to the store that was not taken in.
    fn send_back(&mut self, job: Job) {
        if let Some(queue) = self.queues.get_mut(&job.delivery.subscription) {
            queue.returning += 1;
        }
        self.returns.push(job);
    }

    /// Takes all jobs out of a queue; they are due at once, in the store.
    fn empty(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let out = queue.empty();
        if let Some(first) = out.iter().map(Job::order).min() {
            queue.note(Waiting { due: now, order: first });
        }
        self.give_back(key, out);
    }

    /// Has jobs that were taken out of a queue returned to the store.
    fn give_back(&mut self, key: SubscriptionKey, out: Vec<Job>) {
        let Some(queue) = self.queues.get(&key).filter(|_| !out.is_empty()) else { return };
        let bytes = out.iter().map(Job::bytes).sum();
        self.budget.give_back(queue.tempo.pace, Use { slots: 0, deliveries: out.len(), bytes });
        self.returns.extend(out);
    }

    /// Counts a queue under its pace as it is now.
    fn repace(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let pace = queue.tempo.pace_at(now);
        if pace == queue.tempo.pace {
            return;
        }
        self.budget.give_back(queue.tempo.pace, queue.held());
        self.budget.take(pace, queue.held());
        queue.tempo.pace = pace;
        let out = queue.trim_excess();
        self.give_back(key, out);
    }

    fn take_turn(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        match queue.ready(now) {
            Ready::Yes => self.turns.join(queue.tempo.pace, key, &mut queue.in_turns),
            Ready::NotBefore(at) => drop(self.wakeups.insert((at, key))),
            Ready::No => {}
        }
    }

    /// Moves a subscription to where it is looked at, if it can go on.
    fn look_at(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if queue.tempo.check_at.is_some() {
            if let Some(again) = queue.tempo.check(queue.in_flight, now) {
                self.wakeups.insert((again, key));
            }
            self.repace(key, now);
        }
        self.take_turn(key, now);
        self.watch_store(key, now);
    }

    /// Moves every subscription whose time has come to where it is looked at.
    fn wake(&mut self, now: Timestamp) {
        if self.latest.is_some_and(|latest| latest.since(now) > STEP_BACK) {
            // The clock was set back: what was to be looked at by its old time is looked at now, and the times that were
            // noted of what waits in the store are its old time, too. The store is asked anew.
            self.wakeups = self.queues.keys().map(|key| (now, *key)).collect();
            self.latest = Some(now);
            let waiting = self.queues.iter().filter(|(_, queue)| queue.stored.is_some());
            let waiting: Vec<_> = waiting.map(|(key, _)| *key).collect();
            waiting.into_iter().for_each(|key| self.store_changed(key, now));
        }
        self.latest = Some(now);
        while let Some((at, key)) = self.wakeups.first().copied()
            && at <= now
        {
            self.wakeups.pop_first();
            self.look_at(key, now);
        }
        while let Some((at, key)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.comes_due = None;
            }
            self.look_at(key, now);
        }
    }
}
