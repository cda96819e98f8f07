//! What operators are told of.

use std::sync::Arc;

use hookseal_engine::{
    DeliveryState, EventType, OperationalType, PublishError, Subscription, SubscriptionSettings,
    SubscriptionStatus, ports::Outbound,
};

use crate::world::{Answer, SCOPE, World, publish, settings};

/// Who is told, by the host that requests go to.
const OPERATOR: &str = "operator.example.test";

async fn told(world: &World, kinds: &[OperationalType]) -> Subscription {
    let own = SubscriptionSettings {
        endpoint_url: format!("https://{OPERATOR}/in"),
        event_types: Some(kinds.iter().map(|kind| kind.event_type()).collect()),
        ..settings("harmon")
    };
    world.subscribe_with(own).await
}

/// Requests to the operator, of so many in all.
async fn tidings(world: &World, sent: usize) -> Vec<serde_json::Value> {
    let all = world.sent(sent).await;
    let to_operator = all.iter().filter(|outbound| outbound.endpoint.host == OPERATOR);
    to_operator.map(|outbound| serde_json::from_slice(&outbound.body).unwrap()).collect()
}

fn is_operator(outbound: &Outbound) -> bool {
    outbound.endpoint.host == OPERATOR
}

/// One attempt, so that the first failure gives up.
fn once() -> SubscriptionSettings {
    SubscriptionSettings { retry_schedule_s: Some(Vec::new()), ..settings("harmon") }
}

#[tokio::test]
async fn an_operator_is_told_of_what_gave_up_and_why_it_was_disabled() {
    let world =
        World::answering(|outbound, _| Answer::Status(if is_operator(outbound) { 204 } else { 410 })).await;
    told(&world, &OperationalType::ALL).await;
    let failing = world.subscribe_with(once()).await;
    let event = world.publish("order.paid").await;
    let record = world.until(&event, |record| record.state == DeliveryState::Failed).await;
    let tidings = tidings(&world, 3).await;
    let of = |kind: OperationalType| {
        let found = tidings.iter().find(|told| told["type"] == kind.as_str());
        &found.unwrap_or_else(|| panic!("no {kind:?} in {tidings:?}"))["data"]
    };
    let gave_up = of(OperationalType::DeliveryFailed);
    assert_eq!(gave_up["webhook_id"], failing.id.to_string());
    assert_eq!(gave_up["delivery_id"], record.key.id.to_string());
    assert_eq!(gave_up["event_id"], event.id.to_string());
    assert_eq!((&gave_up["event_type"], &gave_up["last_status_code"]), (&"order.paid".into(), &410.into()));
    assert_eq!((&gave_up["last_error"], &gave_up["attempts"]), (&"status".into(), &1.into()));
    let disabled = of(OperationalType::SubscriptionDisabled);
    assert_eq!(
        (&disabled["webhook_id"], &disabled["reason"]),
        (&failing.id.to_string().into(), &"gone".into())
    );
}

#[tokio::test]
async fn recovering_is_the_first_success_after_being_enabled_again() {
    let answers = |outbound: &Outbound, number| {
        Answer::Status(if is_operator(outbound) || number > 1 { 204 } else { 410 })
    };
    let world = World::answering(answers).await;
    told(&world, &[OperationalType::SubscriptionRecovered]).await;
    let failing = world.subscribe_with(settings("harmon")).await;
    let event = world.publish("order.paid").await;
    world.until(&event, |record| record.attempts == 1).await;
    let change = hookseal_engine::SettingsChange {
        status: Some(SubscriptionStatus::Active),
        ..hookseal_engine::SettingsChange::default()
    };
    world.engine.change_subscription(SCOPE, failing.id, change).await.unwrap();
    for _ in 0..2 {
        let good = world.publish("order.paid").await;
        world.until_state(&good, DeliveryState::Succeeded).await;
    }
    let tidings = tidings(&world, 4).await;
    assert_eq!(tidings.len(), 1, "{tidings:?}");
    assert_eq!(tidings[0]["data"]["webhook_id"], failing.id.to_string());
}

/// What tells of something never leads to something to be told.
#[tokio::test]
async fn an_operator_that_fails_is_not_told_of_itself() {
    let world = World::answering(|_, _| Answer::Status(410)).await;
    let own = SubscriptionSettings { event_types: None, ..once() };
    let failing = world.subscribe_with(own).await;
    let operator = told(&world, &OperationalType::ALL).await;
    let event = world.publish("order.paid").await;
    world.until(&event, |record| record.key.subscription == failing.key && record.attempts == 1).await;
    world.sent(2).await;
    world.engine.stop(std::time::Duration::from_secs(5)).await;
    let store = Arc::new(world.store.after_crash());
    let next = World::on(store, world.clock.clone(), |_, _| Answer::Status(204)).await;
    let all = next.engine.store();
    let page = hookseal_engine::ports::store::Page { limit: 100, after: None };
    let events =
        all.events(SCOPE, hookseal_engine::ports::store::EventFilter::default(), page).await.unwrap();
    let mut types: Vec<_> = events.rows.iter().map(|event| event.payload.event_type.to_string()).collect();
    types.sort();
    assert_eq!(types, ["delivery.failed", "order.paid", "subscription.disabled"]);
    let disabled = all.subscription(SCOPE, operator.id).await.unwrap().unwrap();
    assert_eq!(disabled.status, SubscriptionStatus::TooManyErrors, "it counts for its health all the same");
}

/// Those who want all types did not ask for these.
#[tokio::test]
async fn all_types_are_those_of_publishers() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 410 } else { 204 })).await;
    world.subscribe_with(once()).await;
    let event = world.publish("order.paid").await;
    world.until_state(&event, DeliveryState::Failed).await;
    let page = hookseal_engine::ports::store::Page { limit: 100, after: None };
    let filter = hookseal_engine::ports::store::EventFilter::default();
    let events = world.engine.store().events(SCOPE, filter, page).await.unwrap();
    assert_eq!(events.rows.len(), 1, "nobody wants it, and it is not stored: {:?}", events.rows);
}

#[tokio::test]
async fn nobody_else_publishes_these_types() {
    let world = World::answering(|_, _| Answer::Status(204)).await;
    for kind in OperationalType::ALL {
        let refused = world.try_publish(publish(kind.as_str(), "{}")).await.unwrap_err();
        assert!(matches!(refused, PublishError::Reserved), "{refused:?}");
        assert!(EventType::new(kind.as_str()).unwrap().is_operational());
    }
    assert!(!EventType::new("subscription").unwrap().is_operational());
}
