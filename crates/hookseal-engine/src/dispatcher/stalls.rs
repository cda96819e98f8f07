//! Nobody stands still because of what others hold: many ordered queues with large bodies, endpoints that fail for long, and
//! a shared memory that a few of them could fill.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use hookseal::Timestamp;
use proptest::{collection::vec, prelude::*};

use super::{
    ClaimWish, Dispatcher, Job, QueueRules, Waiting,
    budget::{Budget, Use},
    tests::{NOW, RULES, after, ended, job, with},
};
use crate::{SubscriptionKey, breaker::Reaction, ports::store::ClaimOrder};

/// What all queues share in this world: little enough that a few of them can fill it.
const SHARED: Use = Use { slots: 16, deliveries: 64, bytes: 4_000 };
/// One that is not ordered, whose endpoint is well; the others are ordered.
const WELL: i64 = 0;
/// How long the endpoints of the others fail, and how long after a failure the next attempt is due.
const FAIL_UNTIL: u64 = 600_000;
const RETRY: u64 = 3_000;
/// The longest that a delivery to the one that is well may wait: for nothing but its turn.
const LATE: u64 = 1_000;

struct World {
    dispatcher: Dispatcher,
    millis: u64,
    order: u64,
    bytes: Vec<usize>,
    /// What waits in the store, by place: since when, and when it is due.
    stored: BTreeMap<(i64, u64), (u64, u64)>,
    /// What is in memory or under way.
    leased: BTreeMap<(i64, u64), u64>,
}

impl World {
    fn new(queues: i64, bytes: Vec<usize>) -> Self {
        let mut dispatcher = with(0..=queues, QueueRules { ordered: true, ..RULES });
        dispatcher.configure(SubscriptionKey(WELL), RULES, Default::default(), NOW);
        // What becomes unordered is looked for in the store once.
        while let Some(wish) = dispatcher.next_claim(NOW) {
            dispatcher.claimed(wish.subscription, Vec::new(), None, NOW);
        }
        dispatcher.budget = Budget::of(SHARED);
        let (stored, leased) = (BTreeMap::new(), BTreeMap::new());
        Self { dispatcher, millis: 0, order: 0, bytes, stored, leased }
    }

    fn now(&self) -> Timestamp {
        after(self.millis)
    }

    fn job(&self, key: i64, order: u64) -> Job {
        let mut job = job(key, order);
        let bytes = self.bytes[key as usize % self.bytes.len()];
        Arc::make_mut(&mut job.payload).body = Bytes::from(vec![0; bytes]);
        job
    }

    fn publish(&mut self, key: i64) {
        self.order += 1;
        let (order, now, job) = (self.order, self.now(), self.job(key, self.order));
        if self.dispatcher.promise(SubscriptionKey(key), job.bytes()) {
            self.leased.insert((key, order), self.millis);
            self.dispatcher.admit(job, now);
        } else {
            self.stored.insert((key, order), (self.millis, self.millis));
            self.dispatcher.stored(SubscriptionKey(key), Waiting { due: now, order }, true, now);
        }
    }

    fn claim(&mut self, wish: ClaimWish) {
        let ClaimWish { subscription: SubscriptionKey(key), order, limit } = wish;
        let all = self.stored.range((key, 0)..=(key, u64::MAX));
        let mut all: Vec<_> = all.map(|(&(_, order), &(_, due))| (due, order)).collect();
        if order == ClaimOrder::Due {
            all.sort_unstable();
        }
        let count = all.iter().take_while(|(due, _)| *due <= self.millis).take(limit).count();
        let next = all.get(count).map(|&(due, order)| Waiting { due: after(due), order });
        let mut jobs = Vec::new();
        for &(_, order) in &all[..count] {
            if let Some((since, _)) = self.stored.remove(&(key, order)) {
                self.leased.insert((key, order), since);
                jobs.push(self.job(key, order));
            }
        }
        self.dispatcher.claimed(SubscriptionKey(key), jobs, next, self.now());
    }

    /// Begins and ends attempts, each at once, until nothing goes on at this time.
    fn go_on(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..10_000 {
            let now = self.now();
            let mut any = false;
            while let Some(begun) = self.dispatcher.next_attempt(now) {
                any = true;
                let (key, order) = (begun.job.delivery.subscription, begun.job.order());
                let since = self.leased.remove(&(key.0, order)).unwrap_or(self.millis);
                let fails = key.0 != WELL && self.millis < FAIL_UNTIL;
                let reaction = if fails { Reaction::Failed } else { Reaction::Answered };
                self.dispatcher.finished(key, begun.epoch, ended(reaction, 300), now);
                if fails {
                    let due = self.millis + RETRY;
                    self.stored.insert((key.0, order), (since, due));
                    self.dispatcher.stored(key, Waiting { due: after(due), order }, false, now);
                } else if key.0 == WELL {
                    prop_assert!(self.millis - since <= LATE, "began {} ms late", self.millis - since);
                }
                self.dispatcher.recorded(key, 1, now);
            }
            for job in self.dispatcher.take_returns() {
                any = true;
                let which = (job.delivery.subscription.0, job.order());
                let since = self.leased.remove(&which).unwrap_or(self.millis);
                self.stored.insert(which, (since, self.millis));
                self.dispatcher.returned(&job.delivery, now);
            }
            if let Some(wish) = self.dispatcher.next_claim(now) {
                any = true;
                self.claim(wish);
            }
            if !any {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("it goes on without end at one time"))
    }

    /// Lets time pass up to `until`, driven by nothing but the wakeups.
    fn pass(&mut self, until: u64) -> Result<(), TestCaseError> {
        self.go_on()?;
        while let Some(at) = self.dispatcher.next_wakeup().filter(|at| *at <= after(until)) {
            self.millis = self.millis.max((at.as_unix_millis() - NOW.as_unix_millis()).unsigned_abs());
            self.go_on()?;
        }
        self.millis = until;
        self.go_on()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However many ordered queues fail for however long: one that is well waits for none of them, and all of them come to
    /// their end once they work again.
    #[test]
    fn queues_that_stand_still_hold_up_nobody_else(
        queues in 1i64..40,
        bytes in vec(1usize..1_500, 1..8),
        published in vec((0i64..40, 1u64..30, 0u64..2_000), 1..120),
    ) {
        let mut world = World::new(queues, bytes);
        for (key, count, pause) in published {
            (0..count).for_each(|_| world.publish(1 + key % queues));
            world.publish(WELL);
            world.pass(world.millis + pause)?;
        }
        while world.millis < FAIL_UNTIL {
            world.publish(WELL);
            world.pass(world.millis + 20_000)?;
        }
        world.pass(world.millis + 1_000_000)?;
        prop_assert!(world.stored.is_empty() && world.leased.is_empty(), "{:?}", world.stored);
        prop_assert_eq!(world.dispatcher.in_memory(), 0);
    }
}
