//! Which attempt begins next. A state machine without clock, tasks or I/O.
//!
//! Every subscription has a queue of its own, with its own bound, concurrency and rate; queues that can go on take
//! turns. What does not fit into a queue waits in the store and is claimed back when there is room. The driver
//! tells the dispatcher what happened, then drains it: **after every call, take [`Dispatcher::next_attempt`] until it
//! returns `None`, then [`Dispatcher::next_claim`] until it returns `None`, and come back at
//! [`Dispatcher::next_wakeup`].**

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use hookseal::Timestamp;

use crate::{DeliveryRef, OnGiveUp, Payload, SubscriptionKey, Terms, Trigger, limits, rate::Bucket};

/// A delivery in memory, ready to be attempted.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which delivery.
    pub delivery: DeliveryRef,
    /// What it carries, shared with the event's other deliveries.
    pub payload: Arc<Payload>,
    /// Attempts made before.
    pub attempts: u32,
    /// Why it is attempted.
    pub trigger: Trigger,
    /// What holds for it.
    pub terms: Terms,
}

impl Job {
    fn bytes(&self) -> usize {
        self.payload.body.len()
    }
}

/// How a subscription's queue may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRules {
    /// Whether attempts may begin at all.
    pub active: bool,
    /// Attempts under way at once at most.
    pub max_in_flight: u32,
    /// Attempts begun per second at most.
    pub rate_limit_per_s: Option<u32>,
    /// Whether deliveries go out one after the other, and what follows where the first is given up.
    pub ordered: Option<OnGiveUp>,
}

/// A wish to read deliveries back from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimWish {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// How many at most.
    pub limit: usize,
}

#[derive(Debug)]
struct Queue {
    rules: QueueRules,
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Places promised to events whose commit is under way, and their bytes.
    promised: usize,
    promised_bytes: usize,
    in_flight: u32,
    bucket: Option<Bucket>,
    /// When the first of what waits in the store is due.
    stored_due: Option<Timestamp>,
    /// Whether deliveries that could have gone straight to memory wait in the store: later ones must not overtake them.
    overflowed: bool,
    claiming: bool,
    in_turn: bool,
    in_claimable: bool,
}

impl Queue {
    fn new(rules: QueueRules, now: Timestamp) -> Self {
        Self {
            rules,
            jobs: VecDeque::new(),
            bytes: 0,
            promised: 0,
            promised_bytes: 0,
            in_flight: 0,
            bucket: rules.rate_limit_per_s.map(|rate| Bucket::full(rate, now)),
            stored_due: None,
            overflowed: false,
            claiming: false,
            in_turn: false,
            in_claimable: false,
        }
    }

    fn waiting(&self) -> usize {
        self.jobs.len() + self.promised
    }

    fn can_begin(&self) -> bool {
        self.rules.active && !self.jobs.is_empty() && self.in_flight < self.rules.max_in_flight
    }

    fn has_room(&self) -> bool {
        self.waiting() < limits::QUEUE_DELIVERIES_MAX
            && self.bytes + self.promised_bytes < limits::QUEUE_BYTES_MAX
    }
}

/// The queues of all subscriptions.
#[derive(Debug, Default)]
pub struct Dispatcher {
    queues: HashMap<SubscriptionKey, Queue>,
    /// Whose turn it is: subscriptions that can begin an attempt.
    turns: VecDeque<SubscriptionKey>,
    /// When to look again at a subscription: deliveries in the store come due, or its rate allows the next attempt.
    wakeups: BTreeSet<(Timestamp, SubscriptionKey)>,
    /// Subscriptions with deliveries in the store that are due, and room for them.
    claimable: VecDeque<SubscriptionKey>,
    waiting: usize,
    waiting_bytes: usize,
    /// Attempts under way, and outcomes not recorded yet.
    unrecorded: usize,
    in_flight: usize,
    /// The wakeup that the driver was last told of.
    announced: Option<Timestamp>,
    stopping: bool,
}

impl Dispatcher {
    /// A dispatcher without subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscription, or changes its rules. Returns the jobs that must go back to the store because the
    /// subscription is not active any more.
    pub fn configure(&mut self, key: SubscriptionKey, rules: QueueRules, now: Timestamp) -> Vec<Job> {
        let queue = self.queues.entry(key).or_insert_with(|| Queue::new(rules, now));
        if queue.rules.rate_limit_per_s != rules.rate_limit_per_s {
            queue.bucket = rules.rate_limit_per_s.map(|rate| Bucket::full(rate, now));
        }
        queue.rules = rules;
        if !rules.active {
            return self.empty(key, now);
        }
        self.take_turn(key);
        self.watch_store(key, now);
        Vec::new()
    }

    /// Forgets a subscription and its jobs.
    pub fn remove(&mut self, key: SubscriptionKey) {
        if let Some(queue) = self.queues.remove(&key) {
            self.waiting -= queue.waiting();
            self.waiting_bytes -= queue.bytes + queue.promised_bytes;
        }
    }

    /// Promises a place in memory to a delivery whose commit is about to begin. `false` where there is none: then
    /// the delivery is to wait in the store.
    #[must_use]
    pub fn promise(&mut self, key: SubscriptionKey, bytes: usize) -> bool {
        if self.stopping {
            return false;
        }
        let shared_room = self.waiting < limits::QUEUE_DELIVERIES_TOTAL_MAX
            && self.waiting_bytes < limits::QUEUE_BYTES_TOTAL_MAX;
        let Some(queue) = self.queues.get_mut(&key) else { return false };
        // An empty queue always has room for one, so that no subscription waits for the memory of others.
        let room = queue.waiting() == 0 || (shared_room && queue.has_room());
        if !queue.rules.active || queue.overflowed || !room {
            return false;
        }
        queue.promised += 1;
        queue.promised_bytes += bytes;
        self.waiting += 1;
        self.waiting_bytes += bytes;
        true
    }

    /// Takes a promise back, because the commit failed or the event was not new.
    pub fn withdraw(&mut self, key: SubscriptionKey, bytes: usize) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.promised -= 1;
            queue.promised_bytes -= bytes;
            self.waiting -= 1;
            self.waiting_bytes -= bytes;
        }
    }

    /// Keeps a promise: the delivery is committed and leased. Gives the job back where the subscription does not
    /// take it any more; its lease is then to be released.
    pub fn admit(&mut self, job: Job) -> Option<Job> {
        self.withdraw(job.delivery.subscription, job.bytes());
        self.enqueue(job)
    }

    /// Notes that a delivery waits in the store until `due`. `overflowed` says that it waits there for want of room.
    pub fn stored(&mut self, key: SubscriptionKey, due: Timestamp, overflowed: bool, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.overflowed |= overflowed && queue.rules.active;
            queue.stored_due = earlier(queue.stored_due, Some(due));
            self.watch_store(key, now);
        }
    }

    /// Takes jobs out of all queues. They stay leased, and are the caller's to end.
    pub fn take_out(&mut self, mut wanted: impl FnMut(&Job) -> bool, now: Timestamp) -> Vec<Job> {
        let keys: Vec<_> =
            self.queues.iter().filter(|(_, queue)| !queue.jobs.is_empty()).map(|(key, _)| *key).collect();
        keys.into_iter().flat_map(|key| self.take_out_of(key, &mut wanted, now)).collect()
    }

    /// Takes jobs out of one queue, as [`Dispatcher::take_out`] does.
    pub fn take_out_of(
        &mut self,
        key: SubscriptionKey,
        mut wanted: impl FnMut(&Job) -> bool,
        now: Timestamp,
    ) -> Vec<Job> {
        let Some(queue) = self.queues.get_mut(&key) else { return Vec::new() };
        let jobs = std::mem::take(&mut queue.jobs);
        let (taken, kept): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| wanted(job));
        queue.jobs = kept.into();
        if !taken.is_empty() {
            let bytes: usize = taken.iter().map(Job::bytes).sum();
            queue.bytes -= bytes;
            self.waiting -= taken.len();
            self.waiting_bytes -= bytes;
            self.watch_store(key, now);
        }
        taken
    }

    /// The next attempt to begin, if any may.
    pub fn next_attempt(&mut self, now: Timestamp) -> Option<Job> {
        self.wake(now);
        while !self.stopping && self.unrecorded < limits::IN_FLIGHT_TOTAL_MAX {
            let key = self.turns.pop_front()?;
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            queue.in_turn = false;
            if !queue.can_begin() {
                continue;
            }
            if let Some(Err(at)) = queue.bucket.as_mut().map(|bucket| bucket.take(now)) {
                self.wakeups.insert((at, key));
                continue;
            }
            let Some(job) = queue.jobs.pop_front() else { continue };
            queue.in_flight += 1;
            queue.bytes -= job.bytes();
            self.waiting -= 1;
            self.waiting_bytes -= job.bytes();
            self.in_flight += 1;
            self.unrecorded += 1;
            self.take_turn(key);
            self.watch_store(key, now);
            return Some(job);
        }
        None
    }

    /// An attempt begins that did not wait in the queue, whatever the queue's rules say.
    pub fn begin_outside(&mut self, key: SubscriptionKey) {
        self.in_flight += 1;
        self.unrecorded += 1;
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.in_flight += 1;
        }
    }

    /// An attempt is over; its outcome is not recorded yet.
    pub fn finished(&mut self, key: SubscriptionKey) {
        self.in_flight -= 1;
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.in_flight = queue.in_flight.saturating_sub(1);
            self.take_turn(key);
        }
    }

    /// So many outcomes of finished attempts were recorded, or will never be.
    pub fn recorded(&mut self, outcomes: usize) {
        self.unrecorded -= outcomes;
    }

    /// The next wish to read deliveries back, if any. The answer goes to [`Dispatcher::claimed`].
    pub fn next_claim(&mut self, now: Timestamp) -> Option<ClaimWish> {
        self.wake(now);
        while !self.stopping {
            let key = self.claimable.pop_front()?;
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            queue.in_claimable = false;
            let due = queue.stored_due.is_some_and(|due| due <= now);
            if !due || queue.claiming || !queue.rules.active || !wants_refill(queue) {
                continue;
            }
            queue.claiming = true;
            // What is stored from here on may not be seen by the claim: it is noted anew, and merged with the answer.
            queue.stored_due = None;
            return Some(ClaimWish { subscription: key, limit: limits::CLAIM_DELIVERIES_MAX });
        }
        None
    }

    /// The answer to a wish: what was leased, and when the first of what is left is due. Returns the jobs that the
    /// subscription does not take any more; their leases are to be released.
    pub fn claimed(
        &mut self,
        key: SubscriptionKey,
        jobs: Vec<Job>,
        next_due: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<Job> {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.claiming = false;
            queue.stored_due = earlier(queue.stored_due, next_due);
            queue.overflowed &= queue.stored_due.is_some_and(|due| due <= now);
        }
        let refused = jobs.into_iter().filter_map(|job| self.enqueue(job)).collect();
        self.watch_store(key, now);
        refused
    }

    /// A wish could not be answered: it is to be made again at `again`.
    pub fn claim_failed(&mut self, key: SubscriptionKey, again: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.claiming = false;
            queue.stored_due = earlier(queue.stored_due, Some(again));
            self.wakeups.insert((again, key));
        }
    }

    /// When to come back, if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.wakeups.first().map(|(at, _)| *at)
    }

    /// Whether there is a claim to make, or a wakeup earlier than the one that was last announced: then the driver
    /// has to look again at what waits in the store. Saying so announces the wakeup.
    pub fn needs_looking_after(&mut self) -> bool {
        let next = self.next_wakeup();
        let earlier = next.is_some_and(|next| self.announced.is_none_or(|announced| next < announced));
        if earlier {
            self.announced = next;
        }
        earlier || !self.claimable.is_empty()
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
        self.in_flight
    }

    /// Attempts under way, and outcomes not recorded yet.
    pub fn unrecorded(&self) -> usize {
        self.unrecorded
    }

    fn enqueue(&mut self, job: Job) -> Option<Job> {
        let key = job.delivery.subscription;
        let Some(queue) = self.queues.get_mut(&key).filter(|queue| queue.rules.active) else {
            return Some(job);
        };
        queue.bytes += job.bytes();
        self.waiting += 1;
        self.waiting_bytes += job.bytes();
        queue.jobs.push_back(job);
        self.take_turn(key);
        None
    }

    /// Takes all jobs out of a queue that is not active any more; they are due at once, in the store.
    fn empty(&mut self, key: SubscriptionKey, now: Timestamp) -> Vec<Job> {
        let Some(queue) = self.queues.get_mut(&key) else { return Vec::new() };
        let jobs: Vec<Job> = std::mem::take(&mut queue.jobs).into();
        self.waiting -= jobs.len();
        self.waiting_bytes -= queue.bytes;
        queue.bytes = 0;
        if !jobs.is_empty() {
            queue.stored_due = earlier(queue.stored_due, Some(now));
        }
        jobs
    }

    fn take_turn(&mut self, key: SubscriptionKey) {
        if let Some(queue) = self.queues.get_mut(&key)
            && queue.can_begin()
            && !queue.in_turn
        {
            queue.in_turn = true;
            self.turns.push_back(key);
        }
    }

    /// Makes sure that what waits in the store for a subscription is claimed when it is due and there is room.
    fn watch_store(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let Some(due) = queue.stored_due.filter(|_| queue.rules.active && !queue.claiming) else { return };
        if due > now {
            self.wakeups.insert((due, key));
        } else if wants_refill(queue) && !queue.in_claimable {
            queue.in_claimable = true;
            self.claimable.push_back(key);
        }
    }

    /// Moves every subscription whose time has come to where it is looked at.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.wakeups.first().copied()
            && at <= now
        {
            self.wakeups.pop_first();
            self.take_turn(key);
            self.watch_store(key, now);
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether a queue has run low enough to be filled up from the store: claims are made in large pieces.
fn wants_refill(queue: &Queue) -> bool {
    queue.waiting() <= limits::CLAIM_DELIVERIES_MAX
        && queue.bytes + queue.promised_bytes < limits::QUEUE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{DeliveryId, EventId, EventType, Scope};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
    const RULES: QueueRules =
        QueueRules { active: true, max_in_flight: 2, rate_limit_per_s: None, ordered: None };

    fn job(key: i64, order: u64) -> Job {
        let event = EventId::from_parts(order, 1);
        let delivery = DeliveryRef {
            id: DeliveryId::derive(event, order + 1),
            event,
            subscription: SubscriptionKey(key),
            scope: Scope::DEFAULT_LIVE,
        };
        let payload = Payload {
            event_type: EventType::new("t").unwrap(),
            content_type: None,
            body: Bytes::from_static(b"{}"),
        };
        Job {
            delivery,
            payload: Arc::new(payload),
            attempts: 0,
            trigger: Trigger::Schedule,
            terms: Terms::default(),
        }
    }

    fn with(keys: &[i64], rules: QueueRules) -> Dispatcher {
        let mut dispatcher = Dispatcher::new();
        for key in keys {
            assert!(dispatcher.configure(SubscriptionKey(*key), rules, NOW).is_empty());
        }
        dispatcher
    }

    fn put(dispatcher: &mut Dispatcher, job: Job) {
        assert!(dispatcher.promise(job.delivery.subscription, job.bytes()));
        assert!(dispatcher.admit(job).is_none());
    }

    #[test]
    fn subscriptions_take_turns_and_keep_their_own_concurrency() {
        let mut dispatcher = with(&[1, 2], RULES);
        for order in 0..5 {
            put(&mut dispatcher, job(1, order));
        }
        put(&mut dispatcher, job(2, 9));
        let begun: Vec<i64> = std::iter::from_fn(|| dispatcher.next_attempt(NOW))
            .map(|job| job.delivery.subscription.0)
            .collect();
        assert_eq!(begun, [1, 2, 1], "two of the first, with the second's turn in between");
        dispatcher.finished(SubscriptionKey(1));
        assert_eq!(dispatcher.next_attempt(NOW).map(|job| job.delivery.event.order()), Some(2));
    }

    #[test]
    fn a_paused_subscription_gives_its_jobs_back_and_takes_no_more() {
        let mut dispatcher = with(&[1], RULES);
        put(&mut dispatcher, job(1, 1));
        assert!(dispatcher.promise(SubscriptionKey(1), 2));
        let out = dispatcher.configure(SubscriptionKey(1), QueueRules { active: false, ..RULES }, NOW);
        assert_eq!(out.len(), 1);
        assert!(dispatcher.admit(job(1, 2)).is_some(), "the promise cannot be kept");
        assert!(!dispatcher.promise(SubscriptionKey(1), 2));
        assert!(dispatcher.next_claim(NOW).is_none());
        dispatcher.configure(SubscriptionKey(1), RULES, NOW);
        assert!(dispatcher.next_claim(NOW).is_some(), "what was given back waits in the store");
    }

    #[test]
    fn what_overflows_is_not_overtaken_and_is_claimed_when_there_is_room() {
        let mut dispatcher = with(&[1], RULES);
        let key = SubscriptionKey(1);
        for order in 0..limits::QUEUE_DELIVERIES_MAX as u64 {
            put(&mut dispatcher, job(1, order));
        }
        assert!(!dispatcher.promise(key, 2), "the queue is full");
        dispatcher.stored(key, NOW, true, NOW);
        assert!(dispatcher.next_claim(NOW).is_none(), "no room");
        while let Some(job) = dispatcher.next_attempt(NOW) {
            assert!(!dispatcher.promise(key, 2), "must not overtake what waits in the store");
            dispatcher.finished(job.delivery.subscription);
            dispatcher.recorded(1);
        }
        assert_eq!(dispatcher.next_claim(NOW).map(|wish| wish.subscription), Some(key));
        assert!(dispatcher.next_claim(NOW).is_none(), "one claim at a time");
        assert!(dispatcher.claimed(key, vec![job(1, 99_999)], None, NOW).is_empty());
        assert!(dispatcher.promise(key, 2), "the store is empty: straight to memory again");
    }

    #[test]
    fn a_retry_stored_while_a_claim_is_under_way_is_not_forgotten() {
        let mut dispatcher = with(&[1], RULES);
        let key = SubscriptionKey(1);
        dispatcher.stored(key, NOW, false, NOW);
        assert!(dispatcher.next_claim(NOW).is_some());
        let later = NOW.saturating_add(Duration::from_secs(5));
        dispatcher.stored(key, later, false, NOW);
        dispatcher.claimed(key, vec![], None, NOW);
        assert_eq!(dispatcher.next_wakeup(), Some(later));
        assert!(dispatcher.next_claim(later).is_some());
    }

    #[test]
    fn a_retry_is_claimed_when_it_is_due_and_not_before() {
        let mut dispatcher = with(&[1], RULES);
        let due = NOW.saturating_add(Duration::from_secs(5));
        dispatcher.stored(SubscriptionKey(1), due, false, NOW);
        assert!(dispatcher.next_claim(NOW).is_none());
        assert_eq!(dispatcher.next_wakeup(), Some(due));
        assert!(dispatcher.promise(SubscriptionKey(1), 2), "what is due later holds nothing up");
        assert!(dispatcher.next_claim(due).is_some());
    }

    #[test]
    fn the_rate_holds_attempts_back_and_wakes_for_them() {
        let rules = QueueRules { rate_limit_per_s: Some(10), max_in_flight: 100, ..RULES };
        let mut dispatcher = with(&[1], rules);
        for order in 0..3 {
            put(&mut dispatcher, job(1, order));
        }
        assert!(dispatcher.next_attempt(NOW).is_some());
        assert!(dispatcher.next_attempt(NOW).is_none());
        let at = dispatcher.next_wakeup().unwrap();
        assert_eq!(at.since(NOW), Duration::from_millis(100));
        assert!(dispatcher.next_attempt(at).is_some());
    }

    #[test]
    fn outcomes_that_are_not_recorded_hold_new_attempts_back() {
        let rules = QueueRules { max_in_flight: u32::MAX, ..RULES };
        let mut dispatcher = with(&[1], rules);
        for order in 0..limits::IN_FLIGHT_TOTAL_MAX as u64 + 5 {
            put(&mut dispatcher, job(1, order));
        }
        let begun = std::iter::from_fn(|| dispatcher.next_attempt(NOW)).count();
        assert_eq!(begun, limits::IN_FLIGHT_TOTAL_MAX);
        for _ in 0..begun {
            dispatcher.finished(SubscriptionKey(1));
        }
        assert!(dispatcher.next_attempt(NOW).is_none(), "nothing is recorded yet");
        dispatcher.recorded(3);
        assert_eq!(std::iter::from_fn(|| dispatcher.next_attempt(NOW)).count(), 3);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Publish(i64),
        Withdraw(i64),
        Finish,
        Record,
        Pause(i64),
        Resume(i64),
        Remove(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = 0i64..4;
        let step = prop_oneof![
            6 => key.clone().prop_map(Step::Publish),
            1 => key.clone().prop_map(Step::Withdraw),
            4 => Just(Step::Finish),
            3 => Just(Step::Record),
            1 => key.clone().prop_map(Step::Pause),
            1 => key.clone().prop_map(Step::Resume),
            1 => key.prop_map(Step::Remove),
        ];
        proptest::collection::vec(step, 0..300)
    }

    proptest! {
        /// Nothing is lost and nothing begins twice: every job that was taken in begins once, is given back, or
        /// still waits; and the counts come out at zero when all is over.
        #[test]
        fn every_job_is_accounted_for(steps in steps()) {
            let mut dispatcher = with(&[0, 1, 2, 3], RULES);
            let mut taken: BTreeMap<u64, i64> = BTreeMap::new();
            let (mut under_way, mut unrecorded, mut order) = (Vec::new(), 0, 0);
            for step in steps {
                match step {
                    Step::Publish(key) => {
                        order += 2;
                        let job = job(key, order);
                        if dispatcher.promise(SubscriptionKey(key), job.bytes()) && dispatcher.admit(job).is_none() {
                            taken.insert(order, key);
                        }
                    }
                    Step::Withdraw(key) => {
                        if dispatcher.promise(SubscriptionKey(key), 2) {
                            dispatcher.withdraw(SubscriptionKey(key), 2);
                        }
                    }
                    Step::Finish => if let Some(key) = under_way.pop() {
                        dispatcher.finished(key);
                        unrecorded += 1;
                    },
                    Step::Record => {
                        dispatcher.recorded(unrecorded);
                        unrecorded = 0;
                    }
                    Step::Pause(key) => {
                        let rules = QueueRules { active: false, ..RULES };
                        for job in dispatcher.configure(SubscriptionKey(key), rules, NOW) {
                            prop_assert!(taken.remove(&job.delivery.event.order()).is_some());
                        }
                    }
                    Step::Resume(key) => drop(dispatcher.configure(SubscriptionKey(key), RULES, NOW)),
                    Step::Remove(key) => {
                        dispatcher.remove(SubscriptionKey(key));
                        taken.retain(|_, of| *of != key);
                    }
                }
                while let Some(job) = dispatcher.next_attempt(NOW) {
                    prop_assert!(taken.remove(&job.delivery.event.order()).is_some(), "begun twice");
                    under_way.push(job.delivery.subscription);
                }
                prop_assert_eq!(dispatcher.waiting, taken.len());
                prop_assert_eq!(dispatcher.in_flight(), under_way.len());
            }
            for key in under_way.drain(..) {
                dispatcher.finished(key);
                unrecorded += 1;
            }
            dispatcher.recorded(unrecorded);
            prop_assert_eq!((dispatcher.in_flight(), dispatcher.unrecorded()), (0, 0));
        }
    }
}
