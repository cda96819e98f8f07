//! Reading deliveries and their attempts, and asking for another.

use std::time::Duration;

use hookseal_engine::RetryAfter;
use hookseal_server::ServerConfig;

use crate::{
    transport::{answered, refused},
    world::World,
};

const HOOK: &str = r#"{"endpoint_url":"https://shop.example/hook","headers":{"x-token":"open sesame"}}"#;

async fn delivery(world: &World, event: &str) -> String {
    let list = world.get(&format!("/v1/events/{event}/deliveries")).await.json();
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn shows_every_attempt() {
    let world = World::new().await;
    world.webhook(HOOK).await;
    let mut busy = answered(503, b"come again \xff");
    busy.retry_after = Some(RetryAfter::Delay(Duration::from_secs(120)));
    busy.response_truncated = true;
    world.transport.answer(busy);
    world.transport.answer(refused());
    let event = world.event(r#"{"type":"order.paid","payload":{}}"#).await;
    let delivery = delivery(&world, &event).await;
    let path = format!("/v1/deliveries/{delivery}");
    world.until(&path, |delivery| delivery["attempts"] == 1 && delivery["status"] == "pending").await;
    insta::assert_snapshot!("delivery_waiting", world.get(&path).await.pretty());

    world.clock.advance(Duration::from_secs(121));
    world.until(&path, |delivery| delivery["attempts"] == 2 && delivery["status"] == "pending").await;
    let retried = world.post(&format!("{path}/retry"), "{}").await;
    assert_eq!((retried.status.as_u16(), &retried.json()["id"]), (202, &delivery.as_str().into()));
    world.until(&path, |delivery| delivery["status"] == "succeeded").await;
    insta::assert_snapshot!("delivery_succeeded", world.get(&path).await.pretty());

    let attempts = world.get(&format!("{path}/attempts")).await;
    assert!(!attempts.text().contains("sesame"), "{}", attempts.text());
    insta::assert_snapshot!("attempts", attempts.pretty());
    let first = world.get(&format!("{path}/attempts?limit=2")).await.json();
    let rest = world.get(&format!("{path}/attempts?cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((&rest["data"][0]["number"], &rest["next"]), (&3.into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn a_delivery_can_be_sent_again_after_it_succeeded() {
    let world = World::new().await;
    world.webhook(HOOK).await;
    let event = world.event(r#"{"type":"order.paid","payload":{}}"#).await;
    let path = format!("/v1/deliveries/{}", delivery(&world, &event).await);
    world.until(&path, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(world.post(&format!("{path}/retry"), "").await.status, 202);
    world.until(&path, |delivery| delivery["attempts"] == 2).await;
    assert_eq!(world.transport.sent().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_retried_says_why() {
    let world = World::new().await;
    let webhook = world.webhook(HOOK).await;
    world.transport.hold(true);
    let event = world.event(r#"{"type":"order.paid","payload":{}}"#).await;
    let path = format!("/v1/deliveries/{}", delivery(&world, &event).await);
    world.until(&path, |delivery| delivery["status"] == "leased").await;
    let early = world.post(&format!("{path}/retry"), "").await;
    assert_eq!((early.status.as_u16(), early.problem()), (409, "conflict".to_owned()));

    world.transport.hold(false);
    world.until(&path, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(
        world
            .call(crate::world::LIVE, http::Method::DELETE, &format!("/v1/webhooks/{webhook}"), "")
            .await
            .status,
        204
    );
    let late = world.post(&format!("{path}/retry"), "").await;
    assert_eq!((late.status.as_u16(), late.problem()), (409, "conflict".to_owned()));
    assert!(late.text().contains("deleted"));
}

#[tokio::test]
async fn a_delivery_that_waits_is_called_off() {
    let world = World::new().await;
    world.webhook(HOOK).await;
    let event = world
        .event(
            r#"{"type":"order.paid","payload":{},"deliver_at":"2025-06-16T00:00:00+02:00",
                "expires_at":"2025-06-17T00:00:00Z"}"#,
        )
        .await;
    let path = format!("/v1/deliveries/{}", delivery(&world, &event).await);
    insta::assert_snapshot!("delivery_put_off", world.get(&path).await.pretty());
    let cancelled = world.post(&format!("{path}/cancel"), "{}").await;
    let shown = cancelled.json();
    assert_eq!((cancelled.status.as_u16(), &shown["status"]), (200, &"cancelled".into()));
    assert_eq!(
        (&shown["next_attempt_at"], &shown["finished_at"]),
        (&serde_json::Value::Null, &"2025-06-15T15:06:40.000Z".into())
    );
    let again = world.post(&format!("{path}/cancel"), "").await;
    assert_eq!((again.status.as_u16(), again.problem()), (409, "conflict".to_owned()));
    assert!(again.text().contains("was cancelled before"), "{}", again.text());

    assert_eq!(world.post(&format!("{path}/retry"), "").await.status, 202);
    world.until(&path, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(world.transport.sent().len(), 1);
}

#[tokio::test]
async fn a_delivery_under_way_is_not_called_off() {
    let world = World::new().await;
    world.webhook(HOOK).await;
    world.transport.hold(true);
    let event = world.event(r#"{"type":"order.paid","payload":{}}"#).await;
    let path = format!("/v1/deliveries/{}", delivery(&world, &event).await);
    world.until("/v1/deliveries", |_| !world.transport.sent().is_empty()).await;
    let early = world.post(&format!("{path}/cancel"), "").await;
    assert_eq!((early.status.as_u16(), early.problem()), (409, "conflict".to_owned()));
    assert!(early.text().contains("being attempted"), "{}", early.text());
    world.transport.hold(false);
    world.until(&path, |delivery| delivery["status"] == "succeeded").await;
    let unknown = world.post("/v1/deliveries/dlv_01jxt21q00e0290kqray7w1ttc/cancel", "").await;
    assert_eq!((unknown.status.as_u16(), unknown.problem()), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn lists_are_filtered() {
    let world = World::with(ServerConfig::default()).await;
    let one = world.webhook(r#"{"endpoint_url":"https://one.example/","event_types":["paid"]}"#).await;
    let two = world.webhook(r#"{"endpoint_url":"https://two.example/"}"#).await;
    world.transport.answer(answered(410, b""));
    let paid = world.event(r#"{"type":"paid","payload":{}}"#).await;
    world
        .until(&format!("/v1/events/{paid}/deliveries"), |list| {
            list["data"].as_array().unwrap().iter().all(|delivery| delivery["attempts"] == 1)
        })
        .await;
    world.clock.advance(Duration::from_secs(3600));
    let lost = world.event(r#"{"type":"lost","payload":{}}"#).await;
    world.until(&format!("/v1/events/{lost}/deliveries"), |list| list["data"][0]["status"] != "leased").await;
    let count = async |query: &str| {
        world.get(&format!("/v1/deliveries?{query}")).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count(&format!("webhook={one}")).await, 1);
    assert_eq!(count(&format!("webhook={two}")).await, 2);
    assert_eq!(count("event_type=paid").await, 2);
    assert_eq!(count("since=2025-06-15T15:30:00Z").await, 1);
    let by_status: usize =
        count("status=succeeded").await + count("status=failed").await + count("status=pending").await;
    assert_eq!(by_status, 3);
    assert_eq!(count("status=cancelled").await, 0);
}
