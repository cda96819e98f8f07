//! Replays: what a stretch of time holds for a subscription is sent again, paced, and over restarts.

use std::{sync::Arc, time::Duration};

use hookseal_engine::{
    DeliveryState, EngineError, EventType, Published, ReplayRecord, ReplayRequest, ReplayState, Replayable,
    SettingsChange, Subscription, SubscriptionSettings, SubscriptionStatus, Trigger, Wanted, limits,
    ports::store::Page,
};
use hookseal_testkit::{Fault, ManualClock};

use crate::world::{Answer, NOW, SCOPE, World, bounded, settings};

const WAIT: Duration = Duration::from_secs(60);

/// All that happened so far, in these states.
fn wish(wanted: Wanted) -> ReplayRequest {
    ReplayRequest { since: NOW, until: Some(NOW.saturating_add(WAIT)), wanted, event_types: None }
}

async fn replay(world: &World, subscription: &Subscription, wanted: Wanted) -> ReplayRecord {
    world.clock.advance(WAIT);
    world.engine.start_replay(SCOPE, subscription.id, wish(wanted)).await.unwrap()
}

/// Waits until a replay is in this state.
async fn until_state(world: &World, replay: &ReplayRecord, state: ReplayState) -> ReplayRecord {
    bounded(async {
        loop {
            let found = world.engine.store().replay(SCOPE, replay.id).await.unwrap().unwrap();
            if found.state == state {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Waits until no delivery of a replay is under way any more.
async fn until_succeeded(world: &World, events: &[Published]) {
    for event in events {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
}

async fn set_status(world: &World, subscription: &Subscription, status: SubscriptionStatus) {
    let change = SettingsChange { status: Some(status), ..SettingsChange::default() };
    world.engine.change_subscription(SCOPE, subscription.id, change).await.unwrap();
}

fn single_attempt() -> SubscriptionSettings {
    SubscriptionSettings { retry_schedule_s: Some(vec![]), ..settings("standard-webhooks") }
}

#[tokio::test]
async fn what_failed_is_sent_again_under_its_id() {
    let world = World::answering(|_, number| Answer::Status(if number <= 3 { 500 } else { 200 })).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    let mut events = Vec::new();
    for _ in 0..5 {
        events.push(world.publish("t").await);
    }
    for event in &events {
        world.until(event, |record| record.finished_at.is_some()).await;
    }
    let failed = world.sent(5).await;
    let replay = replay(&world, &subscription, Wanted::DEFAULT).await;
    until_succeeded(&world, &events).await;
    let done = until_state(&world, &replay, ReplayState::Done).await;
    assert_eq!((done.examined, done.replayed, done.created), (5, 3, 0));
    let again = world.sent(8).await;
    let id = |sent: &hookseal_engine::ports::Outbound| crate::world::header(sent, "webhook-id").to_owned();
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        (failed[..3].iter().map(id).collect(), again[5..].iter().map(id).collect());
    first.sort();
    second.sort();
    assert_eq!(first, second);
    for event in &events {
        let record = world.store_deliveries(event).await.remove(0);
        let attempts = world.engine.store().attempts(SCOPE, record.key.id).await.unwrap().unwrap();
        let replayed = attempts.iter().any(|attempt| attempt.trigger == Trigger::Replay);
        assert_eq!(replayed, record.attempts == 2);
    }
}

#[tokio::test]
async fn a_new_subscription_gets_what_it_missed() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let mut events = Vec::new();
    for event_type in ["a", "b", "a"] {
        events.push(world.publish(event_type).await);
    }
    let only_a = Some(vec![EventType::new("a").unwrap()]);
    let subscription =
        world.subscribe_with(SubscriptionSettings { event_types: only_a, ..settings("harmon") }).await;
    let replay = replay(&world, &subscription, Wanted::DEFAULT).await;
    until_succeeded(&world, &[events[0], events[2]]).await;
    assert_eq!(until_state(&world, &replay, ReplayState::Done).await.created, 2);
    assert!(world.store_deliveries(&events[1]).await.is_empty());
    world.sent(2).await;

    // A second one finds nothing that is missing.
    world.clock.advance(WAIT);
    let again = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await.unwrap();
    assert_eq!(until_state(&world, &again, ReplayState::Done).await.replayed, 0);
    assert_eq!(world.sent_so_far(), 2);
}

/// Publishes so many events, and waits until all have been given up.
async fn many_failed(world: &World, count: usize) -> Vec<Published> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(world.publish("t").await);
    }
    for event in &events {
        world.until(event, |record| record.finished_at.is_some()).await;
    }
    events
}

/// More than may wait at once, so that a replay has to wait for its deliveries.
const MANY: usize = limits::REPLAY_OUTSTANDING_MAX + limits::REPLAY_STEP;

#[tokio::test]
async fn a_replay_goes_no_faster_than_its_deliveries_and_ends() {
    let world = World::answering(
        |_, number| {
            if number <= MANY { Answer::Status(400) } else { Answer::AtTheGate(200) }
        },
    )
    .await;
    let subscription = world.subscribe_with(single_attempt()).await;
    let events = many_failed(&world, MANY).await;
    let replay = replay(&world, &subscription, Wanted::DEFAULT).await;
    // None of its deliveries ends while the gate is closed: it comes to a stop.
    let stopped = bounded(async {
        loop {
            let found = world.engine.store().replay(SCOPE, replay.id).await.unwrap().unwrap();
            if found.replayed >= limits::REPLAY_OUTSTANDING_MAX as u64 {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        (stopped.state, stopped.replayed),
        (ReplayState::Running, limits::REPLAY_OUTSTANDING_MAX as u64)
    );
    assert!(stopped.position().is_some());
    world.open_gate();
    until_succeeded(&world, &events).await;
    let done = until_state(&world, &replay, ReplayState::Done).await;
    assert_eq!(done.replayed, MANY as u64);
    assert_eq!(world.sent_so_far(), 2 * MANY, "none is left out, none goes twice");
}

#[tokio::test]
async fn a_replay_goes_on_after_a_crash() {
    let before = World::answering(
        |_, number| {
            if number <= MANY { Answer::Status(400) } else { Answer::AtTheGate(200) }
        },
    )
    .await;
    let subscription = before.subscribe_with(single_attempt()).await;
    let events = many_failed(&before, MANY).await;
    let replay = replay(&before, &subscription, Wanted::DEFAULT).await;
    before.sent(MANY + 1).await;

    let store = Arc::new(before.store.after_crash());
    let world = World::on(store, ManualClock::at(before.engine.now()), |_, _| Answer::Status(200)).await;
    until_succeeded(&world, &events).await;
    assert_eq!(until_state(&world, &replay, ReplayState::Done).await.replayed, MANY as u64);
    assert_eq!(
        world.sent_so_far(),
        MANY,
        "each once more, whether it was made due before the crash or after"
    );
}

#[tokio::test]
async fn a_replay_waits_while_its_subscription_is_paused() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 500 } else { 200 })).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    let event = world.publish("t").await;
    world.until_state(&event, DeliveryState::Failed).await;
    set_status(&world, &subscription, SubscriptionStatus::Paused).await;
    let replay = replay(&world, &subscription, Wanted::DEFAULT).await;
    for _ in 0..5 {
        world.pass(Duration::from_secs(20)).await;
    }
    assert_eq!(until_state(&world, &replay, ReplayState::Running).await.examined, 0);
    set_status(&world, &subscription, SubscriptionStatus::Active).await;
    until_succeeded(&world, &[event]).await;
    until_state(&world, &replay, ReplayState::Done).await;
}

#[tokio::test]
async fn a_replay_is_called_off() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    set_status(&world, &subscription, SubscriptionStatus::Paused).await;
    let replay = replay(&world, &subscription, Wanted::DEFAULT).await;
    let second = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await;
    assert!(matches!(second, Err(EngineError::Conflict(_))), "{second:?}");
    let cancelled = world.engine.cancel_replay(SCOPE, replay.id).await.unwrap();
    assert_eq!(cancelled.state, ReplayState::Cancelled);
    let again = world.engine.cancel_replay(SCOPE, replay.id).await;
    assert!(matches!(again, Err(EngineError::Conflict(_))), "{again:?}");
    set_status(&world, &subscription, SubscriptionStatus::Active).await;
    let next = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await.unwrap();
    until_state(&world, &next, ReplayState::Done).await;
    let page = Page { limit: 10, after: None };
    let all = world.engine.store().replays(SCOPE, subscription.id, page).await.unwrap();
    assert_eq!(all.iter().map(|replay| replay.state.as_str()).collect::<Vec<_>>(), ["done", "cancelled"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let subscription = world.subscribe("harmon").await;
    let backwards = ReplayRequest { until: Some(NOW), ..wish(Wanted::DEFAULT) };
    let refused = world.engine.start_replay(SCOPE, subscription.id, backwards).await;
    assert!(
        matches!(&refused, Err(EngineError::Invalid(problem)) if problem.field == "since"),
        "{refused:?}"
    );
    world.engine.delete_subscription(SCOPE, subscription.id).await.unwrap();
    let gone = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await;
    assert!(matches!(gone, Err(EngineError::NotFound)), "{gone:?}");
    let unknown = hookseal_engine::ReplayId::from_parts(3, 4);
    let gone = world.engine.cancel_replay(SCOPE, unknown).await;
    assert!(matches!(gone, Err(EngineError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn a_test_delivery_is_not_replayed() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    world.engine.ping(SCOPE, subscription.id).await.unwrap();
    let other = world.subscribe_with(single_attempt()).await;
    for subscription in [&subscription, &other] {
        let wanted = Wanted::of(Replayable::ALL).unwrap();
        let replay = replay(&world, subscription, wanted).await;
        let done = until_state(&world, &replay, ReplayState::Done).await;
        assert_eq!((done.replayed, world.sent_so_far()), (0, 1));
    }
}

#[tokio::test]
async fn a_replay_that_cannot_go_on_is_ended_once_the_store_takes_it() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    world.store.set_fault("advance_replay", Some(Fault::Corrupt));
    world.store.set_fault("end_replay", Some(Fault::Unavailable));
    let broken = replay(&world, &subscription, Wanted::DEFAULT).await;
    // It is tried again, in vain at first.
    for _ in 0..3 {
        world.pass(Duration::from_secs(20)).await;
    }
    assert_eq!(until_state(&world, &broken, ReplayState::Running).await.finished_at, None);
    let refused = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await;
    assert!(matches!(refused, Err(EngineError::Conflict(_))), "{refused:?}");

    world.store.set_fault("end_replay", None);
    world.pass(Duration::from_secs(20)).await;
    until_state(&world, &broken, ReplayState::Failed).await;
    world.store.set_fault("advance_replay", None);
    let next = world.engine.start_replay(SCOPE, subscription.id, wish(Wanted::DEFAULT)).await.unwrap();
    until_state(&world, &next, ReplayState::Done).await;
}

#[tokio::test]
async fn without_an_end_what_was_accepted_just_before_is_replayed() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    let subscription = world.subscribe_with(single_attempt()).await;
    world.clock.advance(WAIT);
    let event = world.publish("t").await;
    world.until_state(&event, DeliveryState::Failed).await;
    let request = ReplayRequest { until: None, ..wish(Wanted::DEFAULT) };
    let replay = world.engine.start_replay(SCOPE, subscription.id, request).await.unwrap();
    let done = until_state(&world, &replay, ReplayState::Done).await;
    assert_eq!((done.examined, done.replayed), (1, 1), "of the same millisecond");
    assert_eq!(done.wish.until, replay.id.timestamp());
}
