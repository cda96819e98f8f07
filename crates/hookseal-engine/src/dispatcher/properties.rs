//! What holds over any course of events: caps are kept, so is order, nothing is forgotten, and nobody waits for ever.

use std::collections::{BTreeMap, BTreeSet};

use hookseal::Timestamp;
use proptest::{collection::vec, prelude::*};

use super::{
    Begun, ClaimWish, Dispatcher, Job, Origin, QueueRules, Waiting,
    tests::{NOW, RULES, after, ended, job, put, with},
};
use crate::{SubscriptionKey, Trigger, breaker::Reaction, limits, ports::store::ClaimOrder};

/// Subscriptions of a course: those with an odd key are ordered, and the last has a rate.
const KEYS: i64 = 5;
const RATE: u32 = 5;

fn rules(key: i64, active: bool) -> QueueRules {
    let rate_limit_per_s = (key == KEYS - 1).then_some(RATE);
    QueueRules { active, max_in_flight: 3, rate_limit_per_s, ordered: key % 2 == 1 }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(i64),
    /// A place is promised to an event whose commit begins.
    Promise(i64),
    /// The commits that are under way fail.
    Withdraw,
    /// An endpoint fails for so many attempts, each of which is made again, so many milliseconds apart.
    Fail(i64, u32, u64),
    /// An attempt ends: it succeeds, or its delivery is due again after so many milliseconds.
    End(usize, Option<u64>),
    Record,
    Claim,
    ClaimFails,
    /// A claim is made, and answered only later.
    ClaimSlowly,
    Return,
    Pause(i64),
    Resume(i64),
    /// Somebody asks for a delivery that was made, or that waits.
    Ask(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..KEYS).prop_map(Step::Publish),
        1 => (0..KEYS).prop_map(Step::Promise),
        1 => Just(Step::Withdraw),
        1 => (0..KEYS, 1..14u32, 0..400u64).prop_map(|(key, times, apart)| Step::Fail(key, times, apart)),
        8 => (any::<usize>(), proptest::option::weighted(0.3, 0..20_000u64)).prop_map(|(i, due)| Step::End(i, due)),
        6 => Just(Step::Record),
        6 => Just(Step::Claim),
        1 => Just(Step::ClaimFails),
        1 => Just(Step::ClaimSlowly),
        3 => Just(Step::Return),
        1 => (0..KEYS).prop_map(Step::Pause),
        2 => (0..KEYS).prop_map(Step::Resume),
        4 => any::<usize>().prop_map(Step::Ask),
        4 => (0..3_000u64).prop_map(Step::Pass),
    ];
    vec(step, 0..250)
}

/// Where a delivery is that has not succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Store {
        due: Timestamp,
    },
    /// In memory, on its way there, or on its way back.
    Leased,
    UnderWay,
}

/// A driver and a store of the plainest kind.
struct Course {
    dispatcher: Dispatcher,
    now: Timestamp,
    order: u64,
    open: BTreeMap<(i64, u64), Place>,
    done: BTreeSet<(i64, u64)>,
    asked: BTreeSet<(i64, u64)>,
    under_way: Vec<Begun>,
    /// Attempts that are over and not recorded: when the delivery is due again, if it is.
    over: Vec<(i64, u64, Option<Timestamp>)>,
    returns: Vec<Job>,
    slow_claims: Vec<(SubscriptionKey, Vec<Job>, Option<Waiting>)>,
    promised: Vec<i64>,
    begun_at: Vec<Timestamp>,
}

impl Course {
    fn new() -> Self {
        let mut dispatcher = Dispatcher::new();
        for key in 0..KEYS {
            dispatcher.configure(SubscriptionKey(key), rules(key, true), Origin::default(), NOW);
        }
        Self {
            dispatcher,
            now: NOW,
            order: 0,
            open: BTreeMap::new(),
            done: BTreeSet::new(),
            asked: BTreeSet::new(),
            under_way: Vec::new(),
            over: Vec::new(),
            returns: Vec::new(),
            slow_claims: Vec::new(),
            promised: Vec::new(),
            begun_at: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Publish(key) => self.publish(key),
            Step::Promise(key) => {
                if self.dispatcher.promise(SubscriptionKey(key), 2) {
                    self.promised.push(key);
                }
            }
            Step::Withdraw => self.withdraw(),
            Step::Fail(key, times, apart) => self.fail(key, times, apart)?,
            Step::End(index, again) => self.end(index, again),
            Step::Record => self.record(),
            Step::Claim => self.claim()?,
            Step::ClaimFails => {
                if let Some(wish) = self.dispatcher.next_claim(self.now) {
                    let again = self.now.saturating_add(limits::STORE_RETRY_LONGEST);
                    self.dispatcher.claim_failed(wish.subscription, again);
                }
            }
            Step::ClaimSlowly => {
                if let Some(wish) = self.dispatcher.next_claim(self.now) {
                    let (jobs, next) = self.lease(wish);
                    self.slow_claims.push((wish.subscription, jobs, next));
                }
            }
            Step::Return => self.give_back(),
            Step::Pause(key) | Step::Resume(key) => {
                let rules = rules(key, matches!(step, Step::Resume(_)));
                self.dispatcher.configure(SubscriptionKey(key), rules, Origin::default(), self.now);
            }
            Step::Ask(index) => self.ask(index),
            Step::Pass(millis) => {
                self.now = self.now.saturating_add(std::time::Duration::from_millis(millis));
            }
        }
        self.begin()
    }

    fn publish(&mut self, key: i64) {
        self.order += 1;
        let job = job(key, self.order);
        if self.dispatcher.promise(SubscriptionKey(key), job.bytes()) {
            self.open.insert((key, self.order), Place::Leased);
            self.dispatcher.admit(job, self.now);
        } else {
            self.open.insert((key, self.order), Place::Store { due: self.now });
            let waiting = Waiting { due: self.now, order: self.order };
            self.dispatcher.stored(SubscriptionKey(key), waiting, true, self.now);
        }
    }

    fn withdraw(&mut self) {
        for key in std::mem::take(&mut self.promised) {
            self.dispatcher.withdraw(SubscriptionKey(key), 2, self.now);
        }
    }

    fn fail(&mut self, key: i64, times: u32, apart: u64) -> Result<(), TestCaseError> {
        for _ in 0..times {
            self.claim()?;
            self.begin()?;
            let of_it = |begun: &Begun| begun.job.delivery.subscription.0 == key;
            while let Some(index) = self.under_way.iter().position(of_it) {
                self.end(index, Some(apart));
            }
            self.record();
            self.take(Step::Pass(apart))?;
        }
        Ok(())
    }

    fn end(&mut self, index: usize, again: Option<u64>) {
        if self.under_way.is_empty() {
            return;
        }
        let begun = self.under_way.remove(index % self.under_way.len());
        let (key, order) = (begun.job.delivery.subscription, begun.job.order());
        let reaction = if again.is_some() { Reaction::Failed } else { Reaction::Answered };
        self.dispatcher.finished(key, begun.epoch, ended(reaction, 5), self.now);
        let due = again.map(|millis| self.now.saturating_add(std::time::Duration::from_millis(millis)));
        self.over.push((key.0, order, due));
    }

    fn record(&mut self) {
        for (key, order, due) in std::mem::take(&mut self.over) {
            self.asked.remove(&(key, order));
            match due {
                Some(due) => {
                    self.open.insert((key, order), Place::Store { due });
                    self.dispatcher.stored(SubscriptionKey(key), Waiting { due, order }, false, self.now);
                }
                None => {
                    self.open.remove(&(key, order));
                    self.done.insert((key, order));
                }
            }
            self.dispatcher.recorded(SubscriptionKey(key), 1, self.now);
        }
    }

    /// What the store does of a claim.
    fn lease(&mut self, wish: ClaimWish) -> (Vec<Job>, Option<Waiting>) {
        let key = wish.subscription.0;
        let mut waiting: Vec<_> = self
            .open
            .iter()
            .filter_map(|(&(of, order), place)| match place {
                Place::Store { due } if of == key => Some(Waiting { due: *due, order }),
                _ => None,
            })
            .collect();
        if wish.order == ClaimOrder::Due {
            waiting.sort_by_key(|waiting| (waiting.due, waiting.order));
        }
        let due = waiting.iter().take_while(|waiting| waiting.due <= self.now).take(wish.limit).count();
        let next = waiting.get(due).copied();
        let jobs = waiting[..due].iter().map(|waiting| self.leased(key, waiting.order)).collect();
        (jobs, next)
    }

    fn leased(&mut self, key: i64, order: u64) -> Job {
        self.open.insert((key, order), Place::Leased);
        let trigger = if self.asked.contains(&(key, order)) { Trigger::Manual } else { Trigger::Schedule };
        Job { trigger, ..job(key, order) }
    }

    fn claim(&mut self) -> Result<(), TestCaseError> {
        for (key, jobs, next) in std::mem::take(&mut self.slow_claims) {
            self.dispatcher.claimed(key, jobs, next, self.now);
        }
        let mut claims = 0;
        while let Some(wish) = self.dispatcher.next_claim(self.now) {
            prop_assert!(wish.limit > 0 && wish.limit <= limits::CLAIM_DELIVERIES_MAX);
            let (jobs, next) = self.lease(wish);
            self.dispatcher.claimed(wish.subscription, jobs, next, self.now);
            self.give_back();
            claims += 1;
            prop_assert!(claims < 1_000, "it claims without end");
        }
        Ok(())
    }

    fn give_back(&mut self) {
        self.returns.extend(self.dispatcher.take_returns());
        for job in std::mem::take(&mut self.returns) {
            self.open.insert((job.delivery.subscription.0, job.order()), Place::Store { due: self.now });
            self.dispatcher.returned(&job.delivery, self.now);
        }
    }

    fn ask(&mut self, index: usize) {
        let in_store = self.open.iter().filter(|(_, place)| matches!(place, Place::Store { .. }));
        let candidates: Vec<_> = in_store.map(|(which, _)| *which).chain(self.done.iter().copied()).collect();
        if candidates.is_empty() {
            return;
        }
        let (key, order) = candidates[index % candidates.len()];
        self.done.remove(&(key, order));
        self.asked.insert((key, order));
        let job = self.leased(key, order);
        self.dispatcher.admit_asked(job, self.now);
    }

    /// Begins what may begin, and sees whether that is right.
    fn begin(&mut self) -> Result<(), TestCaseError> {
        while let Some(begun) = self.dispatcher.next_attempt(self.now) {
            let (key, order) = (begun.job.delivery.subscription.0, begun.job.order());
            let place = self.open.insert((key, order), Place::UnderWay);
            prop_assert_eq!(place, Some(Place::Leased), "{} of {} begins", order, key);
            let rules = rules(key, true);
            let under_way = self.under_way.iter().filter(|other| other.job.delivery.subscription.0 == key);
            if rules.ordered {
                prop_assert_eq!(under_way.count() + self.over.iter().filter(|over| over.0 == key).count(), 0);
                let head = self.open.range((key, 0)..=(key, u64::MAX)).next().map(|(which, _)| which.1);
                prop_assert_eq!(head, Some(order), "the head of {}", key);
            } else {
                prop_assert!(under_way.count() < rules.max_in_flight as usize);
            }
            if rules.rate_limit_per_s.is_some() {
                self.begun_at.push(self.now);
            }
            self.under_way.push(begun);
        }
        self.returns.extend(self.dispatcher.take_returns());
        let leased = self.open.values().filter(|place| **place == Place::Leased).count();
        let elsewhere =
            self.returns.len() + self.slow_claims.iter().map(|claim| claim.1.len()).sum::<usize>();
        prop_assert_eq!(self.dispatcher.in_memory(), leased - elsewhere + self.promised.len());
        prop_assert_eq!(self.dispatcher.in_flight(), self.under_way.len());
        prop_assert_eq!(self.dispatcher.unrecorded(), self.under_way.len() + self.over.len());
        Ok(())
    }

    /// Everything works again: whatever is open comes to its end.
    fn come_to_an_end(&mut self) -> Result<(), TestCaseError> {
        for key in 0..KEYS {
            self.take(Step::Resume(key))?;
        }
        self.withdraw();
        for _ in 0..3_000 {
            if self.open.is_empty() {
                return Ok(());
            }
            self.give_back();
            self.claim()?;
            self.begin()?;
            while !self.under_way.is_empty() {
                self.end(0, None);
            }
            self.record();
            self.begin()?;
            if let Some(at) = self.dispatcher.next_wakeup() {
                self.now = self.now.max(at);
            }
        }
        Err(TestCaseError::fail(format!("forgotten: {:?}", self.open)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Every delivery is begun only where its queue's rules allow it, and all of them come to their end, whatever
    /// happened before; driven by nothing but what the dispatcher says of when to come back.
    #[test]
    fn caps_and_order_are_kept_and_nothing_is_forgotten(steps in steps()) {
        let mut course = Course::new();
        for step in steps {
            course.take(step)?;
        }
        course.come_to_an_end()?;
        let ahead = limits::RATE_AHEAD.as_millis() as i64;
        for (index, from) in course.begun_at.iter().enumerate() {
            let until = from.as_unix_millis() + 1_000 - ahead;
            let within = course.begun_at[index..].iter().take_while(|at| at.as_unix_millis() < until).count();
            prop_assert!(within <= RATE as usize, "{} within a second", within);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// More queues than there are slots, all of them with work, attempts ending in any order: a queue that has
    /// nothing under way waits for no more attempts of others than there are queues in three lines.
    #[test]
    fn a_queue_with_nothing_under_way_waits_a_bounded_number_of_turns(
        ends in vec((any::<usize>(), 0u64..1_600), 4_000..6_000),
        more in 1i64..400,
    ) {
        let queues = limits::IN_FLIGHT_TOTAL_MAX as i64 + more;
        let mut dispatcher = with(0..queues, QueueRules { max_in_flight: 4, ..RULES });
        (0..queues).for_each(|key| (0..6).for_each(|order| put(&mut dispatcher, job(key, order))));
        let (mut under_way, mut waited) = (Vec::<Begun>::new(), BTreeMap::<i64, i64>::new());
        waited.extend((0..queues).map(|key| (key, 0)));
        for (index, took) in ends {
            while let Some(begun) = dispatcher.next_attempt(NOW) {
                waited.remove(&begun.job.delivery.subscription.0);
                waited.values_mut().for_each(|turns| *turns += 1);
                under_way.push(begun);
            }
            prop_assert!(under_way.len() <= limits::IN_FLIGHT_TOTAL_MAX);
            let longest = waited.values().max().copied().unwrap_or(0);
            prop_assert!(longest <= 3 * queues, "waited {} turns", longest);
            let begun = under_way.swap_remove(index % under_way.len());
            let key = begun.job.delivery.subscription;
            dispatcher.finished(key, begun.epoch, ended(Reaction::Answered, took), after(took));
            dispatcher.recorded(key, 1, NOW);
            // It never runs dry.
            if dispatcher.promise(key, 2) {
                dispatcher.admit(job(key.0, begun.job.order() + 10), NOW);
            }
            if dispatcher.state(key).is_some_and(|state| state.in_flight == 0 && state.in_memory > 0) {
                waited.entry(key.0).or_insert(0);
            }
        }
    }
}
