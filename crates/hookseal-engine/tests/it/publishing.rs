use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hookseal_engine::{DeliveryState, EventType, Publish, PublishError, SubscriptionSettings, limits};
use hookseal_testkit::Fault;

use crate::world::{Answer, SCOPE, World, bounded, publish, settings};

fn named(id: &str, body: &'static str) -> Publish {
    Publish { external_id: Some(id.into()), ..publish("t", body) }
}

#[tokio::test]
async fn a_publishers_id_makes_one_event() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harmon").await;
    let first = world.try_publish(named("order-1", "{}")).await.unwrap();
    let again = world.try_publish(named("order-1", "{}")).await.unwrap();
    assert_eq!((again.id, again.deliveries, again.duplicate), (first.id, 1, true));
    let other = world.try_publish(named("order-1", "{ }")).await;
    assert!(matches!(other, Err(PublishError::Conflict { with }) if with == first.id), "{other:?}");
    world.try_publish(named("order-2", "{}")).await.unwrap();
    world.sent(2).await;
    assert_eq!(world.sent_so_far(), 2);
}

#[tokio::test]
async fn an_event_that_matches_nothing_is_stored() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let event = world.publish("nobody.cares").await;
    assert_eq!(event.deliveries, 0);
    assert!(world.engine.store().event(SCOPE, event.id).await.unwrap().is_some());
}

#[tokio::test]
async fn types_choose_subscriptions() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let types = |names: &[&str]| Some(names.iter().map(|name| EventType::new(*name).unwrap()).collect());
    world
        .subscribe_with(SubscriptionSettings { event_types: types(&["a", "b"]), ..settings("harmon") })
        .await;
    world.subscribe_with(SubscriptionSettings { event_types: types(&["b"]), ..settings("harmon") }).await;
    world.subscribe("harmon").await;
    for (event_type, deliveries) in [("a", 2), ("b", 3), ("c", 1)] {
        assert_eq!(world.publish(event_type).await.deliveries, deliveries, "{event_type}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_event_is_refused_by_name() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let mut large = publish("t", "");
    large.payload.body = Bytes::from(vec![b'x'; limits::BODY_BYTES_DEFAULT + 1]);
    assert!(matches!(world.try_publish(large).await, Err(PublishError::BodyTooLarge { .. })));
    assert!(matches!(world.try_publish(named("a b", "{}")).await, Err(PublishError::ExternalId)));
    let mut broken = publish("t", "{}");
    broken.payload.content_type = Some("text/plain\r\nx: y".into());
    assert!(matches!(world.try_publish(broken).await, Err(PublishError::ContentType)));
}

#[tokio::test]
async fn bytes_are_kept_and_a_media_type_given_goes_out() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harmon").await;
    let mut event = publish("t", "");
    event.payload.body = Bytes::from_static(&[0xff, 0x00, b'\n']);
    event.payload.content_type = Some("application/octet-stream".into());
    let published = world.try_publish(event).await.unwrap();
    let sent = world.sent(1).await.remove(0);
    assert_eq!(&sent.body[..], [0xff, 0x00, b'\n']);
    assert_eq!(crate::world::header(&sent, "content-type"), "application/octet-stream");
    assert_eq!(sent.headers.iter().filter(|(name, _)| name == "content-type").count(), 1);
    world.until_state(&published, DeliveryState::Succeeded).await;
}

/// More bytes than may wait for their commit, so that the batch waits many times over.
#[tokio::test]
async fn a_store_that_hangs_holds_a_batch_up_only_so_long() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.store.set_fault("commit", Some(Fault::Hangs));
    let body = vec![b'x'; limits::BODY_BYTES_DEFAULT];
    let count = 3 * limits::ACCEPTING_BYTES_MAX / limits::BODY_BYTES_DEFAULT;
    let event = |_| {
        let mut event = publish("t", "");
        event.payload.body = Bytes::copy_from_slice(&body);
        event
    };
    let events: Vec<_> = (0..count).map(event).collect();
    let engine = Arc::clone(&world.engine);
    let started = engine.now();
    let batch = tokio::spawn(async move { engine.publish_all(SCOPE, events).await });
    let verdicts = bounded(async {
        while !batch.is_finished() {
            world.clock.advance(Duration::from_secs(1));
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        batch.await.unwrap()
    })
    .await;
    assert_eq!(verdicts.len(), count);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Err(PublishError::Timeout))), "{verdicts:?}");
    let took = world.engine.now().since(started);
    assert!(took <= limits::BATCH_TIMEOUT + Duration::from_secs(2), "{took:?}");
}
