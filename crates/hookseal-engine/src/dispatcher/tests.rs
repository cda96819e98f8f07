//! One rule each. What holds over any course of events is in [`super::properties`].

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hookseal::Timestamp;

use super::{Begun, Dispatcher, Ended, Job, Origin, QueueRules, Waiting};
use crate::{
    DeliveryId, DeliveryRef, EventId, EventType, Payload, Scope, SubscriptionKey, Terms, Trigger,
    breaker::{BreakerState, Reaction},
    concurrency::Load,
    limits,
    ports::store::ClaimOrder,
};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
pub(super) const RULES: QueueRules =
    QueueRules { active: true, max_in_flight: 2, rate_limit_per_s: None, ordered: false };
const ORDERED: QueueRules = QueueRules { ordered: true, ..RULES };

pub(super) fn after(millis: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_millis(millis))
}

pub(super) fn job(key: i64, order: u64) -> Job {
    let event = EventId::from_parts(order, 1);
    let delivery = DeliveryRef {
        id: DeliveryId::derive(event, order),
        event,
        subscription: SubscriptionKey(key),
        scope: Scope::DEFAULT_LIVE,
    };
    let event_type = EventType::new("t").unwrap();
    let payload = Payload { event_type, content_type: None, body: Bytes::from_static(b"{}") };
    let (trigger, terms) = (Trigger::Schedule, Terms::default());
    Job { delivery, payload: Arc::new(payload), attempts: 0, trigger, terms }
}

fn asked(key: i64, order: u64) -> Job {
    Job { trigger: Trigger::Manual, ..job(key, order) }
}

pub(super) fn with(keys: impl IntoIterator<Item = i64>, rules: QueueRules) -> Dispatcher {
    let mut dispatcher = Dispatcher::new();
    for key in keys {
        dispatcher.configure(SubscriptionKey(key), rules, Origin::default(), NOW);
    }
    dispatcher
}

fn configure(dispatcher: &mut Dispatcher, key: i64, rules: QueueRules) {
    dispatcher.configure(SubscriptionKey(key), rules, Origin::default(), NOW);
}

pub(super) fn put(dispatcher: &mut Dispatcher, job: Job) {
    assert!(dispatcher.promise(job.delivery.subscription, job.bytes()));
    dispatcher.admit(job, NOW);
}

/// An end after so many milliseconds.
pub(super) fn ended(reaction: Reaction, millis: u64) -> Ended {
    let load = Load { took: Duration::from_millis(millis), refused: false };
    Ended { reaction, load, jitter: 0 }
}

/// An attempt ends and its outcome is recorded.
fn end(dispatcher: &mut Dispatcher, begun: &Begun, reaction: Reaction, now: Timestamp) {
    let key = begun.job.delivery.subscription;
    dispatcher.finished(key, begun.epoch, ended(reaction, 5), now);
    dispatcher.recorded(key, 1, now);
}

fn all(dispatcher: &mut Dispatcher, now: Timestamp) -> Vec<Begun> {
    std::iter::from_fn(|| dispatcher.next_attempt(now)).collect()
}

fn orders(begun: &[Begun]) -> Vec<u64> {
    begun.iter().map(|begun| begun.job.order()).collect()
}

/// Gives back everything that is to go back to the store.
fn give_back(dispatcher: &mut Dispatcher, now: Timestamp) -> Vec<u64> {
    let returns = dispatcher.take_returns();
    returns.iter().for_each(|job| dispatcher.returned(&job.delivery, now));
    returns.iter().map(Job::order).collect()
}

/// Opens the breaker of subscription 1 by ten failures, at `NOW`.
fn open_breaker(dispatcher: &mut Dispatcher) {
    for order in 1..=10 {
        put(dispatcher, job(1, order));
        let begun = dispatcher.next_attempt(NOW).unwrap();
        end(dispatcher, &begun, Reaction::Failed, NOW);
    }
    assert!(matches!(state(dispatcher), BreakerState::Open { .. }));
}

fn state(dispatcher: &Dispatcher) -> BreakerState {
    dispatcher.state(SubscriptionKey(1)).unwrap().breaker
}

/// When the first probe after [`open_breaker`] may begin: five seconds less the fifth that no jitter is.
const PROBE: u64 = 4_000;

#[test]
fn subscriptions_take_turns_and_keep_their_own_concurrency() {
    let mut dispatcher = with([1, 2], RULES);
    for order in 0..5 {
        put(&mut dispatcher, job(1, order));
    }
    put(&mut dispatcher, job(2, 9));
    let begun = all(&mut dispatcher, NOW);
    assert_eq!(orders(&begun), [0, 9, 1], "two of the first, with the second's turn in between");
    end(&mut dispatcher, &begun[0], Reaction::Answered, NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [2]);
}

#[test]
fn a_paused_subscription_gives_its_jobs_back_and_takes_no_more() {
    let mut dispatcher = with([1], RULES);
    put(&mut dispatcher, job(1, 1));
    assert!(dispatcher.promise(SubscriptionKey(1), 2));
    configure(&mut dispatcher, 1, QueueRules { active: false, ..RULES });
    assert_eq!(give_back(&mut dispatcher, NOW), [1]);
    dispatcher.admit(job(1, 2), NOW);
    assert_eq!(give_back(&mut dispatcher, NOW), [2], "the promise cannot be kept");
    assert!(!dispatcher.promise(SubscriptionKey(1), 2));
    assert!(dispatcher.next_claim(NOW).is_none());
    configure(&mut dispatcher, 1, RULES);
    assert!(dispatcher.next_claim(NOW).is_some(), "what was given back waits in the store");
    assert_eq!(dispatcher.in_memory(), 0);
}

#[test]
fn what_overflows_is_not_overtaken_and_is_claimed_when_there_is_room() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    for order in 0..limits::QUEUE_DELIVERIES_MAX as u64 {
        put(&mut dispatcher, job(1, order));
    }
    assert!(!dispatcher.promise(key, 2), "the queue is full");
    dispatcher.stored(key, Waiting { due: NOW, order: 99_999 }, true, NOW);
    assert!(dispatcher.next_claim(NOW).is_none(), "no room");
    while let Some(begun) = dispatcher.next_attempt(NOW) {
        assert!(!dispatcher.promise(key, 2), "must not overtake what waits in the store");
        end(&mut dispatcher, &begun, Reaction::Answered, NOW);
    }
    let wish = dispatcher.next_claim(NOW).unwrap();
    assert_eq!((wish.subscription, wish.limit), (key, limits::CLAIM_DELIVERIES_MAX));
    assert!(dispatcher.next_claim(NOW).is_none(), "one claim at a time");
    dispatcher.claimed(key, vec![job(1, 99_999)], None, NOW);
    assert!(dispatcher.promise(key, 2), "the store is empty: straight to memory again");
}

#[test]
fn a_retry_stored_while_a_claim_is_under_way_is_not_forgotten() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    dispatcher.stored(key, Waiting { due: NOW, order: 1 }, false, NOW);
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.stored(key, Waiting { due: after(5_000), order: 2 }, false, NOW);
    dispatcher.claimed(key, vec![], None, NOW);
    assert_eq!(dispatcher.next_wakeup(), Some(after(5_000)));
    assert!(dispatcher.next_claim(after(5_000)).is_some());
}

#[test]
fn a_claim_that_failed_is_made_again_later() {
    for rules in [RULES, ORDERED] {
        let mut dispatcher = with([1], rules);
        let key = SubscriptionKey(1);
        dispatcher.stored(key, Waiting { due: NOW, order: 1 }, false, NOW);
        assert!(dispatcher.next_claim(NOW).is_some());
        dispatcher.claim_failed(key, after(2_000));
        assert!(dispatcher.next_claim(NOW).is_none());
        assert_eq!(dispatcher.next_wakeup(), Some(after(2_000)));
        assert!(dispatcher.next_claim(after(2_000)).is_some());
    }
}

#[test]
fn a_retry_is_claimed_when_it_is_due_and_not_before() {
    let mut dispatcher = with([1], RULES);
    dispatcher.stored(SubscriptionKey(1), Waiting { due: after(5_000), order: 1 }, false, NOW);
    assert!(dispatcher.next_claim(NOW).is_none());
    assert_eq!(dispatcher.next_wakeup(), Some(after(5_000)));
    assert!(dispatcher.promise(SubscriptionKey(1), 2), "what is due later holds nothing up");
    assert!(dispatcher.next_claim(after(5_000)).is_some());
}

#[test]
fn what_is_put_off_in_any_order_takes_one_wakeup() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    for order in 1..=1_000u64 {
        let due = after(10_000 - order);
        dispatcher.stored(key, Waiting { due, order }, false, NOW);
        assert_eq!(dispatcher.next_wakeup(), Some(due));
    }
    assert_eq!(dispatcher.wakeups.len() + dispatcher.due.len(), 1);
    assert!(dispatcher.next_claim(after(9_000)).is_some());
    dispatcher.claimed(key, vec![], Some(Waiting { due: after(9_001), order: 2 }), after(9_000));
    assert_eq!(dispatcher.next_wakeup(), Some(after(9_001)));
    dispatcher.remove(key);
    assert_eq!(dispatcher.next_wakeup(), None);
}

#[test]
fn the_rate_holds_attempts_back_and_wakes_for_them() {
    let rules = QueueRules { rate_limit_per_s: Some(10), max_in_flight: 100, ..RULES };
    let mut dispatcher = with([1], rules);
    (0..3).for_each(|order| put(&mut dispatcher, job(1, order)));
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [0]);
    assert_eq!(dispatcher.next_wakeup(), Some(after(80)));
    assert_eq!(orders(&all(&mut dispatcher, after(80))), [1]);
}

#[test]
fn a_start_begins_with_nothing_of_the_rate_and_a_ping_counts() {
    let rules = QueueRules { rate_limit_per_s: Some(10), ..RULES };
    let key = SubscriptionKey(1);
    let mut dispatcher = Dispatcher::new();
    dispatcher.configure(key, rules, Origin { from_before: true, failing: false }, NOW);
    put(&mut dispatcher, job(1, 1));
    assert!(dispatcher.next_attempt(after(99)).is_none());
    dispatcher.begin_outside(key, after(99));
    assert!(dispatcher.next_attempt(after(199)).is_none());
    assert!(dispatcher.next_attempt(after(200)).is_some());
}

#[test]
fn outcomes_that_are_not_recorded_hold_new_attempts_back() {
    let queues = limits::IN_FLIGHT_TOTAL_MAX as i64 / 16 + 5;
    let mut dispatcher = with(0..queues, QueueRules { max_in_flight: 16, ..RULES });
    for order in 0..40 {
        (0..queues).for_each(|key| put(&mut dispatcher, job(key, order)));
    }
    let mut begun = 0;
    while let Some(attempt) = dispatcher.next_attempt(NOW) {
        let key = attempt.job.delivery.subscription;
        dispatcher.finished(key, attempt.epoch, ended(Reaction::Answered, 5), NOW);
        begun += 1;
    }
    assert_eq!((begun, dispatcher.unrecorded()), (limits::IN_FLIGHT_TOTAL_MAX, limits::IN_FLIGHT_TOTAL_MAX));
    dispatcher.recorded(SubscriptionKey(0), 3, NOW);
    assert_eq!(all(&mut dispatcher, NOW).len(), 3);
}

#[test]
fn thousands_that_hang_leave_a_quick_one_its_place() {
    let dead = 5_000;
    let mut dispatcher = with(0..=dead, QueueRules { max_in_flight: 16, ..RULES });
    let (quick, mut order) = (SubscriptionKey(dead), 0);
    put(&mut dispatcher, job(dead, 0));
    let first = dispatcher.next_attempt(NOW).unwrap();
    end(&mut dispatcher, &first, Reaction::Answered, NOW);
    for key in 0..dead {
        for _ in 0..4 {
            order += 1;
            let job = job(key, order);
            if dispatcher.promise(job.delivery.subscription, job.bytes()) {
                dispatcher.admit(job, NOW);
            }
        }
    }
    let hanging = all(&mut dispatcher, NOW).len();
    assert_eq!(hanging, limits::IN_FLIGHT_TOTAL_MAX * limits::UNKNOWN_PER_CENT / 100);
    // None of them ends, and the quick one goes on as if it were alone.
    for millis in (0..30_000).step_by(5) {
        order += 1;
        assert!(dispatcher.promise(quick, 2), "there is memory for it");
        dispatcher.admit(job(dead, order), after(millis));
        let begun = all(&mut dispatcher, after(millis));
        assert_eq!(orders(&begun), [order], "at {millis} ms");
        end(&mut dispatcher, &begun[0], Reaction::Answered, after(millis));
        give_back(&mut dispatcher, after(millis));
    }
}

#[test]
fn one_that_hangs_gives_the_memory_back_that_it_has_no_use_for() {
    let mut dispatcher = with([1], RULES);
    (0..1_000).for_each(|order| put(&mut dispatcher, job(1, order)));
    assert_eq!(all(&mut dispatcher, NOW).len(), 2);
    assert_eq!(dispatcher.next_wakeup(), Some(after(1_000)), "it is seen whether they hang");
    assert!(dispatcher.next_attempt(after(1_000)).is_none());
    let back = give_back(&mut dispatcher, after(1_000));
    assert_eq!(back.len(), 998 - limits::QUEUE_DELIVERIES_SLOW_MAX);
    assert_eq!(back[0], 2 + limits::QUEUE_DELIVERIES_SLOW_MAX as u64, "the first stay");
    assert_eq!(dispatcher.in_memory(), limits::QUEUE_DELIVERIES_SLOW_MAX);
    assert!(!dispatcher.promise(SubscriptionKey(1), 2));
}

#[test]
fn an_open_breaker_lets_one_probe_through_and_closes_on_its_answer() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    (20..23).for_each(|order| put(&mut dispatcher, job(1, order)));
    let early = all(&mut dispatcher, NOW);
    early.iter().for_each(|begun| end(&mut dispatcher, begun, Reaction::Failed, NOW));
    open_breaker_from(&mut dispatcher, 2);
    assert_eq!(dispatcher.open_breakers(), 1);
    assert!(!dispatcher.promise(key, 2), "what comes now waits in the store");
    dispatcher.stored(key, Waiting { due: NOW, order: 30 }, true, NOW);
    assert!(dispatcher.next_claim(NOW).is_none() && dispatcher.next_attempt(NOW).is_none());
    assert!(dispatcher.wakeups.contains(&(after(PROBE), key)));
    let wish = dispatcher.next_claim(after(PROBE)).unwrap();
    assert_eq!(wish.limit, 1);
    dispatcher.claimed(key, vec![job(1, 30)], Some(Waiting { due: NOW, order: 31 }), after(PROBE));
    let probe = dispatcher.next_attempt(after(PROBE)).unwrap();
    assert_eq!(state(&dispatcher), BreakerState::HalfOpen);
    assert!(dispatcher.next_claim(after(PROBE)).is_none(), "one at a time");
    end(&mut dispatcher, &probe, Reaction::Answered, after(PROBE));
    assert_eq!((state(&dispatcher), dispatcher.open_breakers()), (BreakerState::Closed, 0));
    assert!(dispatcher.next_claim(after(PROBE)).is_some(), "the rest follows");
}

/// Lets failures follow on others until the breaker opens.
fn open_breaker_from(dispatcher: &mut Dispatcher, failed: u64) {
    for order in failed..10 {
        if dispatcher.state(SubscriptionKey(1)).unwrap().in_memory == 0 {
            put(dispatcher, job(1, order));
        }
        let begun = dispatcher.next_attempt(NOW).unwrap();
        end(dispatcher, &begun, Reaction::Failed, NOW);
    }
}

#[test]
fn what_was_asked_for_goes_out_although_the_breaker_is_open_and_before_the_rest() {
    let mut dispatcher = with([1], RULES);
    put(&mut dispatcher, job(1, 50));
    dispatcher.admit_asked(asked(1, 60), NOW);
    dispatcher.admit_asked(asked(1, 61), NOW);
    let begun = all(&mut dispatcher, NOW);
    assert_eq!(orders(&begun), [60, 61]);
    begun.iter().for_each(|begun| end(&mut dispatcher, begun, Reaction::Failed, NOW));
    let begun = all(&mut dispatcher, NOW);
    assert_eq!(orders(&begun), [50]);
    end(&mut dispatcher, &begun[0], Reaction::Failed, NOW);
    open_breaker_from(&mut dispatcher, 3);
    dispatcher.admit_asked(asked(1, 70), NOW);
    let begun = dispatcher.next_attempt(NOW).unwrap();
    assert_eq!(begun.job.order(), 70);
    end(&mut dispatcher, &begun, Reaction::Answered, NOW);
    assert_eq!(state(&dispatcher), BreakerState::Closed, "it has shown that the endpoint is there again");
}

#[test]
fn what_is_asked_for_takes_no_more_memory_than_its_share() {
    for (bytes, most) in [(2, limits::ASKED_DELIVERIES_MAX), (256 * 1024, 4)] {
        let mut dispatcher = with([1, 2], RULES);
        let key = SubscriptionKey(1);
        let mut large = asked(1, 0);
        Arc::make_mut(&mut large.payload).body = Bytes::from(vec![0; bytes]);
        (0..2).for_each(|order| dispatcher.admit_asked(asked(1, order), NOW));
        assert_eq!(all(&mut dispatcher, NOW).len(), 2, "they hang");
        for order in 10..200 {
            let delivery = asked(1, order).delivery;
            let admits = dispatcher.has_room_for_asked(key);
            assert_eq!(admits, order < 10 + most as u64, "{order}");
            dispatcher.admit_asked(Job { delivery, ..large.clone() }, NOW);
        }
        assert_eq!(dispatcher.in_memory(), most);
        assert!(dispatcher.promise(SubscriptionKey(2), 2), "there is memory for others");
        let back = give_back(&mut dispatcher, NOW);
        assert_eq!(back, (10 + most as u64..200).collect::<Vec<_>>(), "the rest waits in the store");
        assert!(dispatcher.next_claim(NOW).is_some(), "from where it comes in its turn");
    }
}

/// A delivery with a body of a mebibyte, but for one byte.
fn large(key: i64, order: u64) -> Job {
    let mut job = job(key, order);
    Arc::make_mut(&mut job.payload).body = Bytes::from(vec![0; limits::BODY_BYTES_MAX - 1]);
    job
}

/// Bytes that wait in the queue of subscription 1.
fn waiting_bytes(dispatcher: &Dispatcher) -> usize {
    dispatcher.queues.get(&SubscriptionKey(1)).unwrap().all_bytes()
}

#[test]
fn claims_that_follow_each_other_after_a_start_stay_within_the_bound() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    dispatcher.stored(key, Waiting { due: NOW, order: 1 }, true, NOW);
    let (mut claims, mut leased, mut begun) = (0, 0, 0);
    while dispatcher.next_claim(NOW).is_some() {
        claims += 1;
        let jobs = (1..=2).map(|place| large(1, claims * 2 + place)).collect();
        let next = Waiting { due: NOW, order: claims * 2 + 3 };
        dispatcher.claimed(key, jobs, Some(next), NOW);
        begun += all(&mut dispatcher, NOW).len();
        leased += 2;
        assert!(waiting_bytes(&dispatcher) <= limits::QUEUE_BYTES_MAX + limits::CLAIM_BYTES_MAX);
    }
    assert!(claims > 2, "they follow each other");
    assert_eq!((begun, leased - begun), (2, dispatcher.in_memory()), "what has begun waits no more");
}

#[test]
fn all_that_can_wait_of_one_subscription_stays_within_the_sum_of_its_bounds() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    (0..2).for_each(|order| put(&mut dispatcher, job(1, order)));
    assert_eq!(all(&mut dispatcher, NOW).len(), 2, "they hang");
    dispatcher.stored(key, Waiting { due: NOW, order: 3 }, false, NOW);
    assert!(dispatcher.next_claim(NOW).is_some());
    // While the claim is under way, as much is promised as fits.
    let mut order = 10;
    while dispatcher.promise(key, limits::BODY_BYTES_MAX - 1) {
        dispatcher.admit(large(1, order), NOW);
        order += 1;
    }
    let queue = limits::QUEUE_BYTES_MAX + limits::BODY_BYTES_MAX;
    assert!((limits::QUEUE_BYTES_MAX..queue).contains(&waiting_bytes(&dispatcher)));
    dispatcher.claimed(key, vec![large(1, 3), large(1, 4)], None, NOW);
    // And what somebody asks for comes on top.
    (100..110).for_each(|order| {
        let large = large(1, order);
        dispatcher.admit_asked(Job { trigger: Trigger::Manual, ..large }, NOW);
    });
    let most = queue + limits::CLAIM_BYTES_MAX + limits::ASKED_BYTES_MAX + limits::BODY_BYTES_MAX;
    let waits = waiting_bytes(&dispatcher);
    assert!(waits > queue + limits::CLAIM_BYTES_MAX - 2, "asked for or not, it is there: {waits}");
    assert!(waits <= most, "{waits} of {most}");
    assert!(dispatcher.next_claim(NOW).is_none() && !dispatcher.promise(key, 1), "nothing more comes");
}

#[test]
fn an_ordered_queue_goes_on_after_its_breaker_opened_while_a_later_one_was_asked_for() {
    for asked_at_failure in [1, 10] {
        let mut dispatcher = with([1], ORDERED);
        let key = SubscriptionKey(1);
        put(&mut dispatcher, job(1, 5));
        for failure in 1..=10 {
            let begun = dispatcher.next_attempt(NOW).unwrap();
            if failure == asked_at_failure {
                dispatcher.admit_asked(asked(1, 8), NOW);
            }
            dispatcher.finished(key, begun.epoch, ended(Reaction::Failed, 5), NOW);
            dispatcher.stored(key, Waiting { due: NOW, order: 5 }, false, NOW);
            dispatcher.recorded(key, 1, NOW);
            if failure < 10 {
                assert_eq!(dispatcher.next_claim(NOW).unwrap().subscription, key);
                dispatcher.claimed(key, vec![job(1, 5)], None, NOW);
            }
        }
        assert!(matches!(state(&dispatcher), BreakerState::Open { .. }));
        assert!(dispatcher.next_attempt(NOW).is_none() && dispatcher.next_claim(NOW).is_none());
        assert_eq!(dispatcher.next_wakeup(), Some(after(1_000)), "whether attempts hang");
        assert!(dispatcher.next_attempt(after(PROBE)).is_none());
        assert_eq!(dispatcher.next_claim(after(PROBE)).unwrap().limit, 1);
        dispatcher.claimed(key, vec![job(1, 5)], None, after(PROBE));
        for expected in [5, 8] {
            let begun = dispatcher.next_attempt(after(PROBE)).unwrap();
            assert_eq!(begun.job.order(), expected);
            end(&mut dispatcher, &begun, Reaction::Answered, after(PROBE));
        }
    }
}

#[test]
fn a_promise_that_is_taken_back_lets_what_waits_in_the_store_go_on() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    put(&mut dispatcher, job(1, 1));
    for failure in 1..=10 {
        let begun = dispatcher.next_attempt(NOW).unwrap();
        // The breaker opens while an event is committed.
        if failure == 10 {
            assert!(dispatcher.promise(key, 2));
        } else {
            put(&mut dispatcher, job(1, 1 + failure));
        }
        end(&mut dispatcher, &begun, Reaction::Failed, NOW);
    }
    dispatcher.stored(key, Waiting { due: NOW, order: 1 }, false, NOW);
    assert!(dispatcher.next_claim(after(PROBE)).is_none(), "the event may yet be the probe");
    dispatcher.withdraw(key, 2, after(PROBE));
    assert!(dispatcher.next_claim(after(PROBE)).is_some());
}

#[test]
fn a_breaker_that_opens_gives_everything_back() {
    let mut dispatcher = with([1], RULES);
    (100..150).for_each(|order| put(&mut dispatcher, job(1, order)));
    open_breaker_from(&mut dispatcher, 0);
    assert_eq!(give_back(&mut dispatcher, NOW), (110..150).collect::<Vec<_>>());
    assert_eq!(dispatcher.in_memory(), 0);
    assert!(dispatcher.next_claim(NOW).is_none());
}

#[test]
fn a_subscription_that_is_enabled_begins_low_with_its_breaker_closed() {
    let rules = QueueRules { max_in_flight: 16, ..RULES };
    let mut dispatcher = with([1], rules);
    open_breaker(&mut dispatcher);
    configure(&mut dispatcher, 1, QueueRules { active: false, ..rules });
    dispatcher.stored(SubscriptionKey(1), Waiting { due: NOW, order: 20 }, true, NOW);
    configure(&mut dispatcher, 1, rules);
    assert_eq!((state(&dispatcher), dispatcher.open_breakers()), (BreakerState::Closed, 0));
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.claimed(SubscriptionKey(1), (20..60).map(|order| job(1, order)).collect(), None, NOW);
    let mut begun = all(&mut dispatcher, NOW);
    assert_eq!(begun.len(), 2);
    for attempt in std::mem::take(&mut begun) {
        end(&mut dispatcher, &attempt, Reaction::Answered, NOW);
        begun.extend(all(&mut dispatcher, NOW));
    }
    assert_eq!(begun.len(), 4, "each answer allows one more");
}

#[test]
fn what_went_back_to_the_store_is_asked_for_anew_when_the_clock_steps_back() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    dispatcher.stored(key, Waiting { due: after(5_000), order: 1 }, false, NOW);
    assert!(dispatcher.next_claim(NOW).is_none());
    let hours_ago = Timestamp::from_unix_millis(NOW.as_unix_millis() - 4 * 3_600_000);
    let wish = dispatcher.next_claim(hours_ago).unwrap();
    assert_eq!(wish.subscription, key);
    dispatcher.claimed(key, Vec::new(), Some(Waiting { due: after(5_000), order: 1 }), hours_ago);
    assert!(dispatcher.next_claim(hours_ago).is_none(), "the store has said when");
}

#[test]
fn an_ordered_queue_has_one_under_way_until_its_outcome_is_recorded() {
    let mut dispatcher = with([1], ORDERED);
    (1..4).for_each(|order| put(&mut dispatcher, job(1, order)));
    let first = dispatcher.next_attempt(NOW).unwrap();
    assert_eq!(first.job.order(), 1);
    assert!(dispatcher.next_attempt(NOW).is_none());
    dispatcher.finished(SubscriptionKey(1), first.epoch, ended(Reaction::Answered, 5), NOW);
    assert!(dispatcher.next_attempt(NOW).is_none(), "a crash now would send the first again");
    dispatcher.recorded(SubscriptionKey(1), 1, NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [2]);
}

#[test]
fn an_ordered_queue_waits_until_the_end_of_what_was_taken_out_is_recorded() {
    let mut dispatcher = with([1], ORDERED);
    (1..4).for_each(|order| put(&mut dispatcher, job(1, order)));
    let out = dispatcher.take_out_of(SubscriptionKey(1), |job| job.order() < 3, NOW);
    assert_eq!((out.len(), dispatcher.unrecorded()), (2, 2));
    assert!(dispatcher.next_attempt(NOW).is_none(), "a crash now would bring them back");
    dispatcher.recorded(SubscriptionKey(1), 1, NOW);
    assert!(dispatcher.next_attempt(NOW).is_none());
    dispatcher.recorded(SubscriptionKey(1), 1, NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [3]);
}

#[test]
fn a_head_that_waits_for_its_retry_holds_an_ordered_queue() {
    let mut dispatcher = with([1], ORDERED);
    let key = SubscriptionKey(1);
    (1..4).for_each(|order| put(&mut dispatcher, job(1, order)));
    let head = dispatcher.next_attempt(NOW).unwrap();
    dispatcher.finished(key, head.epoch, ended(Reaction::Failed, 5), NOW);
    dispatcher.stored(key, Waiting { due: after(5_000), order: 1 }, false, NOW);
    dispatcher.recorded(key, 1, NOW);
    assert_eq!(give_back(&mut dispatcher, NOW), [2, 3], "in memory they are of no use before the head");
    assert!(!dispatcher.promise(key, 2), "nor is what comes meanwhile");
    dispatcher.stored(key, Waiting { due: NOW, order: 9 }, true, NOW);
    assert!(dispatcher.next_attempt(after(4_999)).is_none());
    let wish = dispatcher.next_claim(after(5_000)).unwrap();
    assert_eq!((wish.subscription, wish.order), (key, ClaimOrder::Place));
    assert!(dispatcher.next_attempt(after(5_000)).is_none(), "not while the claim is under way");
    let jobs = [1, 2, 3, 9].map(|order| job(1, order)).to_vec();
    dispatcher.claimed(key, jobs, Some(Waiting { due: NOW, order: 20 }), after(5_000));
    for expected in [1, 2, 3, 9] {
        let begun = dispatcher.next_attempt(after(5_000)).unwrap();
        assert_eq!(begun.job.order(), expected);
        end(&mut dispatcher, &begun, Reaction::Answered, after(5_000));
    }
}

#[test]
fn a_place_promised_before_the_head_failed_holds_no_memory_behind_it() {
    let mut dispatcher = with([1], ORDERED);
    let key = SubscriptionKey(1);
    put(&mut dispatcher, job(1, 1));
    let head = dispatcher.next_attempt(NOW).unwrap();
    assert!(dispatcher.promise(key, 2));
    dispatcher.finished(key, head.epoch, ended(Reaction::Failed, 5), NOW);
    dispatcher.stored(key, Waiting { due: after(5_000), order: 1 }, false, NOW);
    dispatcher.recorded(key, 1, NOW);
    dispatcher.admit(job(1, 2), NOW);
    assert_eq!(give_back(&mut dispatcher, NOW), [2]);
    assert_eq!(dispatcher.in_memory(), 0);
}

#[test]
fn a_claim_that_is_looked_for_by_an_earlier_clock_reading_is_made_when_it_is_due() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    dispatcher.stored(key, Waiting { due: after(50), order: 1 }, false, NOW);
    assert!(dispatcher.next_attempt(after(50)).is_none(), "another task wakes it");
    assert!(dispatcher.next_claim(after(49)).is_none());
    assert_eq!(dispatcher.next_wakeup(), Some(after(50)));
    assert!(dispatcher.next_claim(after(50)).is_some());
}

#[test]
fn an_ordered_queue_asks_the_store_before_it_begins_after_a_start() {
    let mut dispatcher = with([1], ORDERED);
    let key = SubscriptionKey(1);
    assert!(dispatcher.promise(key, 2));
    dispatcher.stored(key, Waiting { due: NOW, order: 0 }, false, NOW);
    dispatcher.admit(job(1, 50), NOW);
    assert!(dispatcher.next_attempt(NOW).is_none());
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.claimed(key, vec![], Some(Waiting { due: after(9_000), order: 60 }), NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [50], "what waits comes after it");
}

#[test]
fn in_an_ordered_queue_an_old_delivery_that_is_asked_for_becomes_the_head() {
    let mut dispatcher = with([1], ORDERED);
    let key = SubscriptionKey(1);
    put(&mut dispatcher, job(1, 10));
    put(&mut dispatcher, job(1, 11));
    let head = dispatcher.next_attempt(NOW).unwrap();
    dispatcher.admit_asked(asked(1, 3), NOW);
    assert!(dispatcher.next_attempt(NOW).is_none(), "still one at a time");
    dispatcher.finished(key, head.epoch, ended(Reaction::Failed, 5), NOW);
    dispatcher.stored(key, Waiting { due: after(5_000), order: 10 }, false, NOW);
    dispatcher.recorded(key, 1, NOW);
    let old = dispatcher.next_attempt(NOW).unwrap();
    assert_eq!(old.job.order(), 3);
    assert_eq!(give_back(&mut dispatcher, NOW), [11]);
    end(&mut dispatcher, &old, Reaction::Answered, NOW);
    assert!(dispatcher.next_attempt(NOW).is_none(), "the head waits for its retry");
    // Now the head itself is asked for.
    dispatcher.admit_asked(asked(1, 10), NOW);
    let head = dispatcher.next_attempt(NOW).unwrap();
    assert_eq!(head.job.order(), 10);
    end(&mut dispatcher, &head, Reaction::Answered, NOW);
    assert!(dispatcher.next_attempt(NOW).is_none(), "what waits in the store is looked at first");
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.claimed(key, vec![job(1, 11)], None, NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [11]);
}

#[test]
fn an_ordered_queue_waits_for_what_is_on_its_way_back_to_the_store() {
    let mut dispatcher = with([1], ORDERED);
    let key = SubscriptionKey(1);
    put(&mut dispatcher, job(1, 1));
    put(&mut dispatcher, job(1, 2));
    configure(&mut dispatcher, 1, QueueRules { active: false, ..ORDERED });
    let returns = dispatcher.take_returns();
    configure(&mut dispatcher, 1, ORDERED);
    assert!(dispatcher.next_claim(NOW).is_none(), "a claim now would not see them");
    dispatcher.returned(&returns[0].delivery, NOW);
    assert!(dispatcher.next_claim(NOW).is_none());
    dispatcher.returned(&returns[1].delivery, NOW);
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.claimed(key, vec![job(1, 1), job(1, 2)], None, NOW);
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [1]);
}

#[test]
fn a_queue_that_becomes_ordered_reads_everything_back_in_order() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    (1..6).for_each(|order| put(&mut dispatcher, job(1, order)));
    let under_way = all(&mut dispatcher, NOW);
    configure(&mut dispatcher, 1, ORDERED);
    assert_eq!(give_back(&mut dispatcher, NOW), [3, 4, 5]);
    assert!(dispatcher.next_claim(NOW).is_some());
    dispatcher.claimed(key, vec![job(1, 3), job(1, 4), job(1, 5)], None, NOW);
    assert!(dispatcher.next_attempt(NOW).is_none(), "two are under way");
    under_way.iter().for_each(|begun| end(&mut dispatcher, begun, Reaction::Answered, NOW));
    assert_eq!(orders(&all(&mut dispatcher, NOW)), [3]);
}

#[test]
fn a_clock_that_steps_back_holds_nothing_up() {
    let rules = QueueRules { rate_limit_per_s: Some(1), ..RULES };
    let mut dispatcher = with([1], rules);
    put(&mut dispatcher, job(1, 1));
    put(&mut dispatcher, job(1, 2));
    assert_eq!(all(&mut dispatcher, NOW).len(), 1);
    let hour_ago = Timestamp::from_unix_seconds(1_750_000_000 - 3_600);
    assert!(dispatcher.next_attempt(hour_ago).is_none());
    let wakeup = dispatcher.next_wakeup().unwrap();
    assert!(wakeup.since(hour_ago) <= Duration::from_secs(2), "{wakeup:?}");
    assert!(dispatcher.next_attempt(wakeup).is_some());
}

#[test]
fn one_that_was_quick_and_idle_for_long_begins_at_once() {
    let mut dispatcher = with([1], RULES);
    let key = SubscriptionKey(1);
    for order in 1..=9 {
        let now = after(order * 70_000);
        // Between, others are served in every line, so that each is asked first at some time.
        for again in 0..order % 3 {
            assert!(dispatcher.promise(key, 2));
            dispatcher.admit(job(1, order * 10 + again), now);
            let begun = dispatcher.next_attempt(now).unwrap();
            end(&mut dispatcher, &begun, Reaction::Answered, now);
        }
        let later = now.saturating_add(Duration::from_secs(65));
        assert!(dispatcher.promise(key, 2));
        dispatcher.admit(job(1, order * 10 + 5), later);
        let begun = dispatcher.next_attempt(later).expect("it begins at once");
        end(&mut dispatcher, &begun, Reaction::Answered, later);
    }
}

#[test]
fn attempts_of_a_subscription_that_is_gone_are_counted_to_their_end() {
    let mut dispatcher = with([1], RULES);
    put(&mut dispatcher, job(1, 1));
    put(&mut dispatcher, job(1, 2));
    put(&mut dispatcher, job(1, 3));
    let begun = all(&mut dispatcher, NOW);
    dispatcher.remove(SubscriptionKey(1));
    assert_eq!((dispatcher.in_flight(), dispatcher.unrecorded(), dispatcher.in_memory()), (2, 2, 0));
    begun.iter().for_each(|begun| end(&mut dispatcher, begun, Reaction::Nothing, NOW));
    assert_eq!((dispatcher.in_flight(), dispatcher.unrecorded()), (0, 0));
}

/// Fills queue 1 to a half, after one attempt that ended like this.
fn half_full(rules: QueueRules, reaction: Reaction, millis: u64) -> Dispatcher {
    let mut dispatcher = with([1, 2], rules);
    put(&mut dispatcher, job(1, 1));
    let begun = dispatcher.next_attempt(NOW).unwrap();
    dispatcher.finished(SubscriptionKey(1), begun.epoch, ended(reaction, millis), NOW);
    for order in 2..2 + limits::QUEUE_DELIVERIES_MAX as u64 / 2 {
        if dispatcher.promise(SubscriptionKey(1), 2) {
            dispatcher.admit(job(1, order), NOW);
        }
    }
    dispatcher
}

#[test]
fn publishers_wait_for_a_queue_that_is_about_to_have_room() {
    let wait = |dispatcher: &Dispatcher, key| dispatcher.crowded_for(&[SubscriptionKey(key)]);
    let moving = half_full(RULES, Reaction::Answered, 5);
    assert_eq!(wait(&moving, 1), limits::CROWDED_WAIT_MAX / 2);
    assert_eq!(wait(&moving, 2), Duration::ZERO, "another's queue is none of its publishers' business");
    for (rules, reaction, millis) in [
        (RULES, Reaction::Answered, 100),
        (RULES, Reaction::Failed, 5),
        (QueueRules { rate_limit_per_s: Some(10), ..RULES }, Reaction::Answered, 5),
        (ORDERED, Reaction::Answered, 5),
    ] {
        let dispatcher = half_full(rules, reaction, millis);
        assert_eq!(wait(&dispatcher, 1), Duration::ZERO, "{rules:?} {reaction:?} {millis} ms");
    }
}

#[test]
fn nobody_waits_for_a_queue_that_has_spilled_over() {
    let mut dispatcher = half_full(RULES, Reaction::Answered, 5);
    dispatcher.stored(SubscriptionKey(1), Waiting { due: NOW, order: 99_999 }, true, NOW);
    assert_eq!(dispatcher.crowded_for(&[SubscriptionKey(1)]), Duration::ZERO);
}
