use std::{sync::Arc, time::Duration};

use hookseal_engine::{
    DeliveryState, FailureKind,
    ports::store::{DeliveryFilter, Page},
};
use hookseal_testkit::ManualClock;

use crate::world::{Answer, NOW, SCOPE, World, header};

#[tokio::test]
async fn what_was_under_way_at_a_crash_is_attempted_again_under_the_same_id() {
    let before = World::answering(|_, _| Answer::AtTheGate(200)).await;
    before.subscribe("harmon").await;
    let event = before.publish("t").await;
    let first = header(&before.sent(1).await[0], "x-harmon-delivery").to_owned();

    let store = Arc::new(before.store.after_crash());
    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    let again = after.sent(1).await.remove(0);
    assert_eq!(header(&again, "x-harmon-delivery"), first);
    after.until_state(&event, DeliveryState::Succeeded).await;
}

/// Whoever asked for it is gone: it is neither sent again nor held against the endpoint.
#[tokio::test]
async fn a_ping_that_was_cut_off_by_a_crash_is_over() {
    let before = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let subscription = before.subscribe("standard-webhooks").await;
    let (engine, id) = (Arc::clone(&before.engine), subscription.id);
    let asking = tokio::spawn(async move { engine.ping(SCOPE, id).await.map(drop) });
    before.sent(1).await;
    let store = Arc::new(before.store.after_crash());
    asking.abort();

    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(500)).await;
    let event = after.publish("t").await;
    after.until(&event, |record| record.attempts == 1).await;
    let page = Page { limit: 9, after: None };
    let listed = after.engine.store().deliveries(SCOPE, DeliveryFilter::default(), page).await.unwrap();
    let ping = listed.rows.iter().find(|record| record.key.event != event.id).unwrap();
    assert_eq!((ping.state, ping.attempts), (DeliveryState::Expired, 0));
    assert_eq!(after.sent_so_far(), 1, "the event alone");
}

#[tokio::test]
async fn what_succeeded_before_a_crash_is_not_attempted_again() {
    let before = World::answering(|_, _| Answer::Status(200)).await;
    before.subscribe("harmon").await;
    let event = before.publish("t").await;
    before.until_state(&event, DeliveryState::Succeeded).await;

    let store = Arc::new(before.store.after_crash());
    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    let next = after.publish("t").await;
    after.until_state(&next, DeliveryState::Succeeded).await;
    assert_eq!(after.sent_so_far(), 1, "the new one alone");
}

#[tokio::test]
async fn a_retry_keeps_its_time_over_a_crash() {
    let before = World::answering(|_, _| Answer::Status(500)).await;
    before.subscribe("standard-webhooks").await;
    let event = before.publish("t").await;
    let waiting =
        before.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;

    let store = Arc::new(before.store.after_crash());
    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    assert_eq!(after.delivery(waiting.key.id).await.due_at, waiting.due_at);
    after.pass(Duration::from_secs(6)).await;
    assert_eq!(after.until_state(&event, DeliveryState::Succeeded).await.attempts, 2);
}

#[tokio::test]
async fn stopping_lets_attempts_end_and_leaves_the_rest_for_the_next_run() {
    let before = World::answering(|_, _| Answer::AtTheGate(200)).await;
    before.subscribe("harmon").await;
    let mut events = Vec::new();
    for _ in 0..20 {
        events.push(before.publish("t").await);
    }
    before.sent(16).await;
    let stopping = tokio::spawn({
        let engine = Arc::clone(&before.engine);
        async move { engine.stop(Duration::from_secs(10)).await }
    });
    before.open_gate();
    crate::world::bounded(stopping).await.unwrap();
    assert_eq!(before.sent_so_far(), 16, "nothing begins while it stops");

    let store = Arc::new(before.store.after_crash());
    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    for event in &events {
        after.until_state(event, DeliveryState::Succeeded).await;
    }
    assert_eq!(after.sent_so_far(), 4, "what had ended was recorded");
}

#[tokio::test]
async fn stopping_cuts_off_what_does_not_end() {
    let before = World::answering(|_, _| Answer::AtTheGate(200)).await;
    before.subscribe("harmon").await;
    let event = before.publish("t").await;
    before.sent(1).await;
    let stopping = tokio::spawn({
        let engine = Arc::clone(&before.engine);
        async move { engine.stop(Duration::from_secs(10)).await }
    });
    // The drain's own sleep, besides that of what waits for the store.
    crate::world::bounded(before.clock.sleepers(1)).await;
    while !stopping.is_finished() {
        before.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let store = Arc::new(before.store.after_crash());
    let after = World::on(store, ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    after.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn a_subscription_that_cannot_be_sent_to_any_more_loses_nothing() {
    let before = World::answering(|_, _| Answer::Status(200)).await;
    before.subscribe("harmon").await;

    let store = Arc::new(before.store.after_crash());
    let after =
        World::with(Arc::clone(&store), ManualClock::at(NOW), vec![], |_, _| Answer::Status(200)).await;
    let event = after.publish("t").await;
    assert_eq!(event.deliveries, 1, "its profile is gone, and it is matched all the same");
    let record = after.until(&event, |record| record.attempts == 1 && record.due_at.is_some()).await;
    assert_eq!(record.last_failure, Some(FailureKind::Unsendable));

    let again =
        World::on(Arc::new(store.after_crash()), ManualClock::at(NOW), |_, _| Answer::Status(200)).await;
    again.pass(Duration::from_secs(6)).await;
    again.until_state(&event, DeliveryState::Succeeded).await;
}
