use hookseal::Secret;
use hookseal_engine::{
    ChangeError, DeliveryState, EngineError, SecretChoice, SettingsChange, SubscriptionSettings,
    SubscriptionStatus,
};

use crate::world::{Answer, SCOPE, World, bounded, settings};

#[tokio::test]
async fn a_ping_is_signed_sent_at_once_and_recorded() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 200 } else { 500 })).await;
    let subscription = world.subscribe("harmon").await;
    let pinged = world.engine.ping(SCOPE, subscription.id).await.unwrap();
    assert!(pinged.success);
    let sent = world.sent(1).await.remove(0);
    assert_eq!(crate::world::header(&sent, "x-harmon-event"), "ping");
    assert_eq!(world.delivery(pinged.delivery).await.state, DeliveryState::Succeeded);

    let failed = world.engine.ping(SCOPE, subscription.id).await.unwrap();
    assert!(!failed.success);
    assert_eq!(world.delivery(failed.delivery).await.state, DeliveryState::Failed, "not tried again");
}

#[tokio::test]
async fn a_paused_subscription_waits_and_goes_on() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let subscription = world.subscribe("harmon").await;
    let status = |status| SettingsChange { status: Some(status), ..SettingsChange::default() };
    world
        .engine
        .change_subscription(SCOPE, subscription.id, status(SubscriptionStatus::Paused))
        .await
        .unwrap();
    let event = world.publish("t").await;
    assert_eq!(event.deliveries, 1);
    world.until_state(&event, DeliveryState::Pending).await;
    assert_eq!(world.sent_so_far(), 0);
    world
        .engine
        .change_subscription(SCOPE, subscription.id, status(SubscriptionStatus::Active))
        .await
        .unwrap();
    world.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn pausing_gives_back_what_waits_in_memory() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    let subscription =
        world.subscribe_with(SubscriptionSettings { max_in_flight: Some(1), ..settings("harmon") }).await;
    let mut events = Vec::new();
    for _ in 0..5 {
        events.push(world.publish("t").await);
    }
    world.sent(1).await;
    let status = |status| SettingsChange { status: Some(status), ..SettingsChange::default() };
    world
        .engine
        .change_subscription(SCOPE, subscription.id, status(SubscriptionStatus::Paused))
        .await
        .unwrap();
    world.open_gate();
    world.until_state(&events[0], DeliveryState::Succeeded).await;
    for event in &events[1..] {
        world.until_state(event, DeliveryState::Pending).await;
    }
    world
        .engine
        .change_subscription(SCOPE, subscription.id, status(SubscriptionStatus::Active))
        .await
        .unwrap();
    for event in &events {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
    assert_eq!(world.sent_so_far(), 5);
}

#[tokio::test]
async fn a_deleted_subscription_gets_nothing_more() {
    let world = World::answering(|_, _| Answer::AtTheGate(500)).await;
    let subscription = world.subscribe("harmon").await;
    let event = world.publish("t").await;
    world.sent(1).await;
    world.engine.delete_subscription(SCOPE, subscription.id).await.unwrap();
    world.open_gate();
    world.until_state(&event, DeliveryState::Cancelled).await;
    assert_eq!(world.publish("t").await.deliveries, 0);
    let again = world.engine.delete_subscription(SCOPE, subscription.id).await;
    assert!(matches!(again, Err(EngineError::NotFound)));
    assert!(matches!(world.engine.ping(SCOPE, subscription.id).await, Err(EngineError::NotFound)));
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_named() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let given = |text: &str| SecretChoice::Given(Secret::new(text));
    let cases = [
        (SubscriptionSettings { profile: "nobody".into(), ..settings("harmon") }, given("s"), "profile"),
        (
            SubscriptionSettings { endpoint_url: "/in".into(), ..settings("harmon") },
            given("s"),
            "endpoint_url",
        ),
        (settings("harmon"), given(""), "secret"),
        (settings("standard-webhooks"), given("whpk_MCowBQYDK2VwAyEA"), "secret"),
        (settings("harmon"), SecretChoice::Unsigned, "secret"),
        (
            SubscriptionSettings { headers: vec![("host".into(), "x".into())], ..settings("harmon") },
            given("s"),
            "headers",
        ),
    ];
    for (settings, secret, field) in cases {
        match world.engine.create_subscription(SCOPE, settings, secret).await {
            Err(ChangeError::Invalid(problems)) => assert_eq!(problems[0].field, field, "{problems:?}"),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn unsigned_goes_out_unsigned_where_the_profile_allows_it() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.engine.create_subscription(SCOPE, settings("harvestr"), SecretChoice::Unsigned).await.unwrap();
    world.publish("t").await;
    let sent = bounded(world.sent(1)).await.remove(0);
    assert!(sent.headers.iter().all(|(name, _)| name != "x-harvestr-webhook-signature"));
    assert_eq!(crate::world::header(&sent, "user-agent"), "harvestr-webhook/1.0.0");
}
