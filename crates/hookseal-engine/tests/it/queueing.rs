//! Order, breakers, rates over a restart, and what many dead endpoints cost a healthy one.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, DisableReason, EventType, OnGiveUp, Published, SettingsChange, Subscription,
    SubscriptionSettings, SubscriptionStatus, Trigger, breaker::BreakerState, limits, ports::Outbound,
};
use hookseal_testkit::{ManualClock, MemoryStore};

use crate::world::{Answer, NOW, SCOPE, World, bounded, header, settings};

fn dead() -> SubscriptionSettings {
    of_type("dead", "https://dead.example.test/in")
}

fn of_type(event_type: &str, url: &str) -> SubscriptionSettings {
    let event_types = Some(vec![EventType::new(event_type).unwrap()]);
    SubscriptionSettings { endpoint_url: url.into(), event_types, ..settings("harmon") }
}

fn ordered(choice: OnGiveUp, schedule: &[u32]) -> SubscriptionSettings {
    let retry_schedule_s = Some(schedule.to_vec());
    SubscriptionSettings { ordered: Some(choice), retry_schedule_s, ..settings("harmon") }
}

fn id(outbound: &Outbound) -> String {
    header(outbound, "x-harmon-delivery").to_owned()
}

/// Lets everything happen that can happen without time passing. There is one thread.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn pass(world: &World, millis: u64) {
    world.clock.advance(Duration::from_millis(millis));
    settle().await;
}

/// Lets time pass until a condition holds.
async fn pass_until(world: &World, condition: impl Fn(&World) -> bool) {
    for _ in 0..4_000 {
        settle().await;
        if condition(world) {
            return;
        }
        world.clock.advance(Duration::from_millis(250));
    }
    panic!("not within a thousand seconds");
}

async fn enable(world: &World, subscription: &Subscription) {
    let status = Some(SubscriptionStatus::Active);
    let change = SettingsChange { status, ..SettingsChange::default() };
    world.engine.change_subscription(SCOPE, subscription.id, change).await.unwrap();
}

async fn stored(world: &World, subscription: &Subscription) -> Subscription {
    world.engine.store().subscription(SCOPE, subscription.id).await.unwrap().unwrap()
}

fn breaker(world: &World, subscription: &Subscription) -> BreakerState {
    world.engine.queue_state(SCOPE, subscription.id).unwrap().breaker
}

/// The ids of deliveries in the order in which they were published.
async fn ids(world: &World, events: &[Published]) -> Vec<String> {
    let mut ids = Vec::new();
    for event in events {
        let found = world.engine.store().event_deliveries(SCOPE, event.id).await.unwrap().unwrap();
        ids.push(found[0].key.id.as_uuid().to_string());
    }
    ids
}

#[tokio::test]
async fn a_breaker_opens_holds_everything_without_an_attempt_and_lets_one_probe_through() {
    let well = Arc::new(AtomicUsize::new(0));
    let world = World::answering({
        let well = Arc::clone(&well);
        move |_, _| Answer::Status(if well.load(Ordering::SeqCst) == 0 { 503 } else { 200 })
    })
    .await;
    let subscription = world.subscribe("standard-webhooks").await;
    let mut events = Vec::new();
    for number in 1..=10 {
        events.push(world.publish("t").await);
        world.sent(number).await;
    }
    settle().await;
    let BreakerState::Open { next_probe_at } = breaker(&world, &subscription) else { panic!("it is open") };
    assert!((4..=6).contains(&next_probe_at.since(NOW).as_secs()));
    assert_eq!(world.engine.stats().open_breakers, 1);
    for _ in 0..20 {
        events.push(world.publish("t").await);
    }
    settle().await;
    assert_eq!(world.sent_so_far(), 10);
    let waiting = world.until_state(&events[20], DeliveryState::Pending).await;
    assert_eq!(waiting.attempts, 0, "waiting is no attempt");

    pass(&world, next_probe_at.since(NOW).as_millis() as u64).await;
    assert_eq!(world.sent_so_far(), 11, "one probe");
    assert!(matches!(breaker(&world, &subscription), BreakerState::Open { .. }), "it failed");
    pass(&world, 7_000).await;
    assert_eq!(world.sent_so_far(), 11, "the wait has doubled");
    well.store(1, Ordering::SeqCst);
    pass_until(&world, |world| world.engine.stats().succeeded == 30).await;
    assert_eq!(breaker(&world, &subscription), BreakerState::Closed);
    assert_eq!(world.engine.stats().open_breakers, 0);
    for event in &events {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
}

#[tokio::test]
async fn refusals_of_single_deliveries_open_no_breaker() {
    let world = World::answering(|_, _| Answer::Status(404)).await;
    let subscription = world.subscribe("standard-webhooks").await;
    for number in 1..=40 {
        world.publish("t").await;
        world.sent(number).await;
    }
    assert_eq!(breaker(&world, &subscription), BreakerState::Closed);
}

#[tokio::test]
async fn a_ping_and_what_is_asked_for_go_out_although_the_breaker_is_open() {
    let world = World::answering(|_, number| Answer::Status(if number <= 11 { 500 } else { 200 })).await;
    let subscription = world.subscribe("standard-webhooks").await;
    let mut events = Vec::new();
    for number in 1..=10 {
        events.push(world.publish("t").await);
        world.sent(number).await;
    }
    settle().await;
    assert!(!bounded(world.engine.ping(SCOPE, subscription.id)).await.unwrap().success);
    assert!(matches!(breaker(&world, &subscription), BreakerState::Open { .. }));
    let delivery = world.until(&events[7], |record| record.attempts == 1).await;
    world.engine.retry_delivery(SCOPE, delivery.key.id).await.unwrap();
    let record = world.until_state(&events[7], DeliveryState::Succeeded).await;
    let attempts = world.engine.store().attempts(SCOPE, record.key.id).await.unwrap().unwrap();
    assert_eq!(attempts.last().unwrap().trigger, Trigger::Manual);
    assert_eq!(breaker(&world, &subscription), BreakerState::Closed);
}

#[tokio::test]
async fn an_ordered_subscription_delivers_in_order_whatever_fails() {
    let succeeded = Arc::new(Mutex::new(Vec::new()));
    let world = World::answering({
        let succeeded = Arc::clone(&succeeded);
        // Two in five fail, in no pattern that the deliveries could follow.
        move |outbound, number| {
            if number * 2_654_435_761 % 5 < 2 {
                return Answer::Status(500);
            }
            succeeded.lock().unwrap().push(id(outbound));
            Answer::Status(200)
        }
    })
    .await;
    world.subscribe_with(ordered(OnGiveUp::Stop, &[1; 30])).await;
    let mut events = Vec::new();
    for number in 0..120 {
        events.push(world.publish("t").await);
        if number % 7 == 0 {
            pass(&world, 400).await;
        }
    }
    pass_until(&world, |world| world.engine.stats().succeeded == 120).await;
    let expected = ids(&world, &events).await;
    assert_eq!(*succeeded.lock().unwrap(), expected);
    assert!(world.sent_so_far() > 150, "{} attempts: many failed", world.sent_so_far());
}

#[tokio::test]
async fn order_is_kept_over_crashes_and_for_what_did_not_fit_into_memory() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let script = |world: usize| {
        let sent = Arc::clone(&sent);
        move |outbound: &Outbound, number: usize| {
            sent.lock().unwrap().push(id(outbound));
            // The first world comes to a standstill with one delivery under way, the second with one to be retried.
            match (world, number) {
                (0, 50) => Answer::AtTheGate(200),
                (1, 70) => Answer::Status(503),
                _ => Answer::Status(200),
            }
        }
    };
    let clock = ManualClock::at(NOW);
    let first = World::on(Arc::new(MemoryStore::new()), clock.clone(), script(0)).await;
    first.subscribe_with(ordered(OnGiveUp::Skip, &[60])).await;
    let mut events = Vec::new();
    for _ in 0..limits::QUEUE_DELIVERIES_MAX + 300 {
        events.push(first.publish("t").await);
    }
    first.sent(50).await;
    let second = World::on(Arc::new(first.store.after_crash()), clock.clone(), script(1)).await;
    second.sent(70).await;
    settle().await;
    assert_eq!(second.sent_so_far(), 70, "the head waits for its retry");
    let third = World::on(Arc::new(second.store.after_crash()), clock, script(2)).await;
    settle().await;
    assert_eq!(third.sent_so_far(), 0, "also after a crash");
    third.clock.advance(Duration::from_secs(90));
    let last = events.last().unwrap();
    third.until_state(last, DeliveryState::Succeeded).await;
    let mut sent = sent.lock().unwrap().clone();
    // What was under way at a crash, and what was retried, came twice in a row.
    assert_eq!(sent.len(), events.len() + 2);
    sent.dedup();
    assert_eq!(sent, ids(&third, &events).await);
}

#[tokio::test]
async fn an_ordered_subscription_stops_where_its_head_is_given_up_and_goes_on_when_it_is_skipped() {
    let world = World::answering(|_, number| Answer::Status(if number <= 2 { 500 } else { 200 })).await;
    let subscription = world.subscribe_with(ordered(OnGiveUp::Stop, &[1])).await;
    let mut events = Vec::new();
    for _ in 0..4 {
        events.push(world.publish("t").await);
    }
    pass_until(&world, |world| world.engine.stats().failed == 2).await;
    settle().await;
    let stopped = stored(&world, &subscription).await;
    assert_eq!(stopped.status, SubscriptionStatus::TooManyErrors);
    assert_eq!(stopped.disabled_because, Some(DisableReason::GaveUp));
    world.until_state(&events[0], DeliveryState::Failed).await;
    pass(&world, 60_000).await;
    assert_eq!(world.sent_so_far(), 2, "nothing overtakes it");
    enable(&world, &subscription).await;
    world.until_state(&events[3], DeliveryState::Succeeded).await;
    world.until_state(&events[0], DeliveryState::Failed).await;
    let sent: Vec<_> = world.sent(5).await[2..].iter().map(id).collect();
    assert_eq!(sent, ids(&world, &events[1..]).await);
}

#[tokio::test]
async fn a_head_that_was_given_up_and_is_asked_for_goes_first_when_the_subscription_goes_on() {
    let world = World::answering(|_, number| Answer::Status(if number <= 2 { 500 } else { 200 })).await;
    let subscription = world.subscribe_with(ordered(OnGiveUp::Stop, &[1])).await;
    let mut events = Vec::new();
    for _ in 0..4 {
        events.push(world.publish("t").await);
    }
    pass_until(&world, |world| world.engine.stats().failed == 2).await;
    let head = world.until_state(&events[0], DeliveryState::Failed).await;
    world.engine.retry_delivery(SCOPE, head.key.id).await.unwrap();
    settle().await;
    assert_eq!(world.sent_so_far(), 2);
    enable(&world, &subscription).await;
    world.until_state(&events[3], DeliveryState::Succeeded).await;
    let sent: Vec<_> = world.sent(6).await[2..].iter().map(id).collect();
    assert_eq!(sent, ids(&world, &events).await);
}

#[tokio::test]
async fn an_ordered_subscription_that_skips_goes_on_by_itself() {
    let world = World::answering(|_, number| Answer::Status(if number <= 2 { 500 } else { 200 })).await;
    let subscription = world.subscribe_with(ordered(OnGiveUp::Skip, &[1])).await;
    let (head, next) = (world.publish("t").await, world.publish("t").await);
    pass_until(&world, |world| world.engine.stats().succeeded == 1).await;
    world.until_state(&head, DeliveryState::Failed).await;
    world.until_state(&next, DeliveryState::Succeeded).await;
    assert_eq!(stored(&world, &subscription).await.status, SubscriptionStatus::Active);
}

#[tokio::test]
async fn a_head_that_is_called_off_or_expires_lets_the_next_go() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 500 } else { 200 })).await;
    world.subscribe_with(ordered(OnGiveUp::Stop, &[3_600])).await;
    let (head, next) = (world.publish("t").await, world.publish("t").await);
    let waiting = world.until(&head, |record| record.attempts == 1 && record.due_at.is_some()).await;
    settle().await;
    assert_eq!(world.sent_so_far(), 1);
    world.engine.cancel_delivery(SCOPE, waiting.key.id).await.unwrap();
    world.until_state(&next, DeliveryState::Succeeded).await;

    let world = World::answering(|_, number| Answer::Status(if number == 1 { 500 } else { 200 })).await;
    world.subscribe_with(ordered(OnGiveUp::Stop, &[3_600])).await;
    let mut expiring = crate::world::publish("t", "{}");
    expiring.window.expires_at = Some(NOW.saturating_add(Duration::from_secs(60)));
    let head = world.try_publish(expiring).await.unwrap();
    let next = world.publish("t").await;
    world.until_state(&next, DeliveryState::Succeeded).await;
    world.until_state(&head, DeliveryState::Expired).await;
}

#[tokio::test]
async fn an_ordered_head_blocks_its_own_subscription_alone() {
    let world = World::answering(|outbound, _| match outbound.endpoint.host.as_str() {
        "dead.example.test" => Answer::AtTheGate(200),
        _ => Answer::Status(200),
    })
    .await;
    world.subscribe_with(SubscriptionSettings { ordered: Some(OnGiveUp::Stop), ..dead() }).await;
    world.subscribe_with(of_type("alive", "https://alive.example.test/in")).await;
    for _ in 0..20 {
        world.publish("dead").await;
    }
    for _ in 0..20 {
        let event = world.publish("alive").await;
        world.until_state(&event, DeliveryState::Succeeded).await;
    }
    assert_eq!(world.under_way(), 1);
    world.open_gate();
    world.sent(40).await;
}

#[tokio::test]
async fn two_thousand_endpoints_that_hang_cost_a_healthy_one_nothing() {
    let world = World::answering(|outbound, _| match outbound.endpoint.host.as_str() {
        "dead.example.test" => Answer::AtTheGate(200),
        _ => Answer::Status(200),
    })
    .await;
    for _ in 0..2_000 {
        world.subscribe_with(dead()).await;
    }
    world.subscribe_with(of_type("alive", "https://alive.example.test/in")).await;
    let first = world.publish("alive").await;
    world.until_state(&first, DeliveryState::Succeeded).await;
    for _ in 0..20 {
        world.publish("dead").await;
    }
    settle().await;
    assert_eq!(world.under_way(), limits::IN_FLIGHT_TOTAL_MAX * limits::UNKNOWN_PER_CENT / 100);
    for round in 0..30 {
        let event = world.publish("alive").await;
        // No time passes: whatever it had to wait for would never come.
        world.until_state(&event, DeliveryState::Succeeded).await;
        pass(&world, 500 * (round % 2)).await;
    }
    assert!(world.engine.stats().in_memory <= limits::QUEUE_DELIVERIES_TOTAL_MAX);
    world.open_gate();
}

#[tokio::test]
async fn what_waited_for_a_disabled_subscription_goes_out_paced() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let subscription = world.subscribe("standard-webhooks").await;
    let pause = SettingsChange { status: Some(SubscriptionStatus::Paused), ..SettingsChange::default() };
    world.engine.change_subscription(SCOPE, subscription.id, pause).await.unwrap();
    for _ in 0..50 {
        world.publish("t").await;
    }
    enable(&world, &subscription).await;
    settle().await;
    assert_eq!(world.under_way(), limits::RAMP_FIRST as usize);
    world.open_gate();
    world.sent(50).await;
}

/// Publishes 120 events at 10 a second, with a restart after so many milliseconds, and gives back when each was sent.
async fn sent_over_a_restart(restart_after: u64) -> Vec<Timestamp> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let clock = ManualClock::at(NOW);
    let script = || {
        let (sent, clock) = (Arc::clone(&sent), clock.clone());
        // One in ten fails, and its retries count as well.
        move |_: &Outbound, number: usize| {
            sent.lock().unwrap().push(hookseal_engine::ports::Clock::now(&clock));
            Answer::Status(if number % 10 == 3 { 400 } else { 200 })
        }
    };
    let before = World::on(Arc::new(MemoryStore::new()), clock.clone(), script()).await;
    let limited = SubscriptionSettings {
        rate_limit_per_s: Some(10),
        retry_schedule_s: Some(vec![1; 9]),
        ..settings("harmon")
    };
    before.subscribe_with(limited).await;
    for _ in 0..120 {
        before.publish("t").await;
    }
    for _ in 0..restart_after / 10 {
        pass(&before, 10).await;
    }
    before.engine.stop(Duration::ZERO).await;
    let after = World::on(Arc::new(before.store.after_crash()), clock.clone(), script()).await;
    for _ in 0..(10_000 - restart_after) / 10 {
        pass(&after, 10).await;
    }
    let sent = sent.lock().unwrap();
    sent.clone()
}

#[tokio::test]
async fn ten_a_second_are_a_hundred_in_ten_seconds_also_across_a_restart() {
    for restart_after in [0, 3_330, 5_050, 9_990] {
        let sent = sent_over_a_restart(restart_after).await;
        let count = sent.len();
        assert!((98..=102).contains(&count), "{count} with a restart after {restart_after} ms");
        for (from, next) in sent.iter().zip(sent.iter().skip(10)) {
            let apart = next.since(*from);
            assert!(apart >= Duration::from_millis(980), "eleven within {apart:?}");
        }
    }
}
