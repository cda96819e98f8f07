//! Events that are put off, expire, are called off, or are asked for again.

use std::{sync::Arc, time::Duration};

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, EngineError, Publish, PublishError, Published, SettingsChange, Subscription,
    SubscriptionSettings, SubscriptionStatus, Trigger, Window, limits,
};
use hookseal_testkit::ManualClock;

use crate::world::{Answer, NOW, SCOPE, World, bounded, publish, settings};

fn after(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn windowed(deliver_at: Option<Timestamp>, expires_at: Option<Timestamp>) -> Publish {
    Publish { window: Window { deliver_at, expires_at }, ..publish("t", "{}") }
}

fn expiring(seconds: u64) -> Publish {
    windowed(None, Some(after(seconds)))
}

async fn set_status(world: &World, subscription: &Subscription, status: SubscriptionStatus) {
    let change = SettingsChange { status: Some(status), ..SettingsChange::default() };
    world.engine.change_subscription(SCOPE, subscription.id, change).await.unwrap();
}

/// Lets time pass step by step until a delivery of the event is in this state.
async fn until_state_as_time_passes(world: &World, event: &Published, state: DeliveryState) -> Timestamp {
    bounded(async {
        loop {
            let found = world.store_deliveries(event).await;
            if found.iter().all(|record| record.state == state) {
                return found[0].finished_at.unwrap();
            }
            if world.clock.next_wake().is_some() {
                world.clock.advance(Duration::from_millis(100));
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn what_is_put_off_goes_out_at_its_time() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harmon").await;
    let event = world.try_publish(windowed(Some(after(600)), None)).await.unwrap();
    assert_eq!(event.deliveries, 1);
    let record = world.until_state(&event, DeliveryState::Pending).await;
    assert_eq!(record.due_at, Some(after(600)));
    let at_once = world.publish("t").await;
    world.until_state(&at_once, DeliveryState::Succeeded).await;
    assert_eq!(world.sent_so_far(), 1, "what is put off holds nothing up");
    for _ in 0..30 {
        world.pass(Duration::from_secs(19)).await;
    }
    assert_eq!(world.sent_so_far(), 1, "570 s have passed");
    for _ in 0..3 {
        world.pass(Duration::from_secs(10)).await;
    }
    world.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn what_is_put_off_goes_out_at_its_time_after_a_crash() {
    let before = World::answering(|_, _| Answer::Status(200)).await;
    before.subscribe("harmon").await;
    let event = before.try_publish(windowed(Some(after(10)), Some(after(20)))).await.unwrap();
    let store = Arc::new(before.store.after_crash());
    let world = World::on(store, ManualClock::at(after(9)), |_, _| Answer::Status(200)).await;
    world.pass(Duration::from_millis(999)).await;
    assert_eq!(world.sent_so_far(), 0);
    world.pass(Duration::from_millis(1)).await;
    world.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn a_time_in_the_past_means_now() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harmon").await;
    let past = NOW.saturating_sub(Duration::from_secs(5));
    let event = world.try_publish(windowed(Some(past), None)).await.unwrap();
    let record = world.until_state(&event, DeliveryState::Succeeded).await;
    assert_eq!(record.window, Window::default());
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let month = limits::DELIVER_AT_AHEAD_MAX.as_secs();
    world.try_publish(windowed(Some(after(month)), None)).await.unwrap();
    let refused = world.try_publish(windowed(Some(after(month + 1)), None)).await;
    assert!(matches!(refused, Err(PublishError::DeliverAt)), "{refused:?}");
    for (deliver_at, expires_at) in [(None, 0), (Some(60), 60), (Some(60), 30)] {
        let publish = windowed(deliver_at.map(after), Some(after(expires_at)));
        let refused = world.try_publish(publish).await;
        assert!(
            matches!(refused, Err(PublishError::ExpiresAt(_))),
            "{deliver_at:?} {expires_at}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_waits_for_a_paused_subscription_expires_and_is_never_sent() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let subscription = world.subscribe("harmon").await;
    set_status(&world, &subscription, SubscriptionStatus::Paused).await;
    let event = world.try_publish(expiring(30)).await.unwrap();
    let kept = world.publish("t").await;
    let finished_at = until_state_as_time_passes(&world, &event, DeliveryState::Expired).await;
    assert!(finished_at >= after(30) && finished_at <= after(31), "{finished_at}");
    set_status(&world, &subscription, SubscriptionStatus::Active).await;
    world.until_state(&kept, DeliveryState::Succeeded).await;
    assert_eq!(world.sent_so_far(), 1);
}

#[tokio::test]
async fn what_expired_while_nothing_ran_is_not_sent() {
    let before = World::answering(|_, _| Answer::AtTheGate(200)).await;
    before.subscribe("harmon").await;
    let event = before.try_publish(expiring(30)).await.unwrap();
    before.sent(1).await;
    let store = Arc::new(before.store.after_crash());
    let world = World::on(store, ManualClock::at(after(31)), |_, _| Answer::Status(200)).await;
    world.until_state(&event, DeliveryState::Expired).await;
    assert_eq!(world.sent_so_far(), 0);
}

#[tokio::test]
async fn what_queues_in_memory_expires_there() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let one = SubscriptionSettings { max_in_flight: Some(1), ..settings("harmon") };
    world.subscribe_with(one).await;
    let first = world.publish("t").await;
    world.sent(1).await;
    let queued = world.try_publish(expiring(30)).await.unwrap();
    let later = world.try_publish(expiring(60)).await.unwrap();
    until_state_as_time_passes(&world, &queued, DeliveryState::Expired).await;
    world.open_gate();
    world.until_state(&first, DeliveryState::Succeeded).await;
    world.until_state(&later, DeliveryState::Succeeded).await;
    assert_eq!(world.sent_so_far(), 2, "the one that expired was not sent");
}

#[tokio::test]
async fn an_attempt_does_not_begin_once_its_time_is_over() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let one = SubscriptionSettings { max_in_flight: Some(1), ..settings("harmon") };
    world.subscribe_with(one).await;
    world.publish("t").await;
    world.sent(1).await;
    let queued = world.try_publish(expiring(30)).await.unwrap();
    // The wall clock steps over its time: nothing that sleeps wakes, and its turn comes first.
    world.clock.step_to(after(30));
    world.open_gate();
    world.until_state(&queued, DeliveryState::Expired).await;
    assert_eq!(world.sent_so_far(), 1);
}

#[tokio::test]
async fn a_retry_that_would_come_too_late_expires_at_once() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    world.subscribe("standard-webhooks").await;
    let event = world.try_publish(expiring(3)).await.unwrap();
    let record = world.until_state(&event, DeliveryState::Expired).await;
    assert_eq!(
        (record.attempts, record.last_status),
        (1, Some(500)),
        "the first retry is after 4 s at least"
    );
    assert!(record.finished_at.unwrap() < after(3));
}

#[tokio::test]
async fn a_retry_in_time_is_made() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 500 } else { 200 })).await;
    world.subscribe("standard-webhooks").await;
    let event = world.try_publish(expiring(30)).await.unwrap();
    world.until(&event, |record| record.attempts == 1).await;
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.until_state(&event, DeliveryState::Succeeded).await.attempts, 2);
}

#[tokio::test]
async fn an_expired_delivery_is_sent_once_more_when_somebody_asks() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    world.subscribe("standard-webhooks").await;
    let event = world.try_publish(expiring(3)).await.unwrap();
    let id = world.until_state(&event, DeliveryState::Expired).await.key.id;
    world.clock.advance(Duration::from_secs(60));
    world.engine.retry_delivery(SCOPE, id).await.unwrap();
    let record = world.until(&event, |record| record.attempts == 2).await;
    assert_eq!(record.state, DeliveryState::Expired, "its time holds again after that");
    let attempts = world.engine.store().attempts(SCOPE, id).await.unwrap().unwrap();
    assert_eq!(attempts[1].trigger, Trigger::Manual);
}

#[tokio::test]
async fn a_delivery_that_was_given_up_is_retried_on_its_whole_schedule() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    let short = SubscriptionSettings { retry_schedule_s: Some(vec![5]), ..settings("standard-webhooks") };
    world.subscribe_with(short).await;
    let event = world.publish("t").await;
    world.until(&event, |record| record.attempts == 1).await;
    world.pass(Duration::from_secs(6)).await;
    let id = world.until_state(&event, DeliveryState::Failed).await.key.id;

    world.engine.retry_delivery(SCOPE, id).await.unwrap();
    let record = world.until(&event, |record| record.attempts == 3).await;
    assert_eq!(record.state, DeliveryState::Pending, "the schedule's first wait comes again");
    world.pass(Duration::from_secs(6)).await;
    let record = world.until_state(&event, DeliveryState::Failed).await;
    assert_eq!(record.attempts, 4);
}

#[tokio::test]
async fn retries_of_many_large_deliveries_wait_in_the_store_and_are_all_made() {
    const MANY: usize = 60;
    let world = World::answering(|_, number| match number {
        ..=MANY => Answer::Status(404),
        _ => Answer::AtTheGate(200),
    })
    .await;
    let schedule = Some(vec![]);
    let once = SubscriptionSettings { retry_schedule_s: schedule, ..settings("standard-webhooks") };
    world.subscribe_with(once).await;
    let body: &str = "x".repeat(limits::BODY_BYTES_DEFAULT).leak();
    let (mut events, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        events.push(world.try_publish(publish("t", body)).await.unwrap());
    }
    for event in &events {
        ids.push(world.until_state(event, DeliveryState::Failed).await.key.id);
    }
    for id in ids {
        world.engine.retry_delivery(SCOPE, id).await.unwrap();
    }
    world.sent(MANY + 1).await;
    let in_memory = world.engine.stats().in_memory * body.len();
    assert!(in_memory <= limits::QUEUE_BYTES_MAX + limits::CLAIM_BYTES_MAX, "{in_memory} bytes");
    world.open_gate();
    for event in &events {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
    assert_eq!(world.sent_so_far(), 2 * MANY, "each of them once");
}

#[tokio::test]
async fn a_retry_for_a_paused_subscription_waits_until_it_is_enabled() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 410 } else { 200 })).await;
    let once = SubscriptionSettings { retry_schedule_s: Some(vec![]), ..settings("standard-webhooks") };
    let subscription = world.subscribe_with(once).await;
    let event = world.publish("t").await;
    let id = world.until_state(&event, DeliveryState::Failed).await.key.id;
    world.engine.retry_delivery(SCOPE, id).await.unwrap();
    assert_eq!(world.delivery(id).await.state, DeliveryState::Pending);
    assert_eq!(world.sent_so_far(), 1, "410 has disabled it");
    set_status(&world, &subscription, SubscriptionStatus::Active).await;
    world.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn what_waits_in_the_store_is_called_off() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    world.subscribe("standard-webhooks").await;
    let event = world.publish("t").await;
    let waits = |record: &hookseal_engine::DeliveryRecord| record.due_at.is_some();
    let id = world.until(&event, waits).await.key.id;
    world.engine.cancel_delivery(SCOPE, id).await.unwrap();
    assert_eq!(world.delivery(id).await.state, DeliveryState::Cancelled);
    let again = world.engine.cancel_delivery(SCOPE, id).await;
    assert!(matches!(again, Err(EngineError::Conflict(why)) if why.contains("cancelled")), "{again:?}");
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.delivery(id).await.attempts, 1);
    assert_eq!(world.sent_so_far(), 1);
}

#[tokio::test]
async fn what_queues_in_memory_is_called_off_and_what_is_under_way_is_not() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let one = SubscriptionSettings { max_in_flight: Some(1), ..settings("harmon") };
    world.subscribe_with(one).await;
    let under_way = world.publish("t").await;
    world.sent(1).await;
    let queued = world.publish("t").await;
    let behind = world.publish("t").await;
    let id = async |event: &Published| world.store_deliveries(event).await[0].key.id;

    let refused = world.engine.cancel_delivery(SCOPE, id(&under_way).await).await;
    assert!(matches!(refused, Err(EngineError::Conflict(_))), "{refused:?}");
    world.engine.cancel_delivery(SCOPE, id(&queued).await).await.unwrap();
    assert_eq!(world.delivery(id(&queued).await).await.state, DeliveryState::Cancelled);

    world.open_gate();
    world.until_state(&under_way, DeliveryState::Succeeded).await;
    world.until_state(&behind, DeliveryState::Succeeded).await;
    assert_eq!(world.sent_so_far(), 2);
    assert_eq!(world.engine.stats().unrecorded, 0);
    let late = world.engine.cancel_delivery(SCOPE, id(&under_way).await).await;
    assert!(matches!(late, Err(EngineError::Conflict(why)) if why.contains("succeeded")), "{late:?}");
}

#[tokio::test]
async fn what_does_not_exist_is_not_called_off() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let unknown = hookseal_engine::DeliveryId::from_parts(17, 4);
    let refused = world.engine.cancel_delivery(SCOPE, unknown).await;
    assert!(matches!(refused, Err(EngineError::NotFound)), "{refused:?}");
}
