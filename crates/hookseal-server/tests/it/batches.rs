//! `POST /v1/events/batch`.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hookseal_server::{ServerConfig, limits};
use http::Request;
use hyper::body::{Frame, SizeHint};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::world::{LIVE, PATIENCE, World};

async fn verdicts(world: &World, events: &[&str]) -> Vec<Value> {
    let reply = world.post("/v1/events/batch", format!("{{\"events\":[{}]}}", events.join(",\n "))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_event_has_its_verdict() {
    let world = World::new().await;
    world.webhook(r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    let data = verdicts(
        &world,
        &[
            r#"{"id":"one","type":"a","payload":{ "n" : 1.0 }}"#,
            r#"{"type":"a b","payload":1,"id":""}"#,
            r#"{"id":"one","type":"a","payload":{ "n" : 1.0 }}"#,
            r#"{"id":"one","type":"a","payload":{"n":1.0}}"#,
            r#"17"#,
            r#"{"type":"a","payload":1,"type":"b"}"#,
            r#"{"type":"a","payload":1,"channels":[]}"#,
            r#"{"type":"a","payload_base64":"YQ==","content_type":"text/plain"}"#,
            r#"{"type":"a","payload":1,"id":"a b"}"#,
        ],
    )
    .await;
    let shown: Vec<_> = data.iter().map(|verdict| (&verdict["status"], &verdict["code"])).collect();
    let code = |code: &str| json!(code);
    assert_eq!(
        shown,
        [
            (&json!(202), &Value::Null),
            (&json!(422), &code("invalid_fields")),
            (&json!(200), &Value::Null),
            (&json!(409), &code("event_conflict")),
            (&json!(400), &code("malformed_json")),
            (&json!(400), &code("malformed_json")),
            (&json!(400), &code("unknown_field")),
            (&json!(202), &Value::Null),
            (&json!(422), &code("invalid_fields")),
        ]
    );
    assert_eq!((&data[0]["deliveries"], &data[2]["id"]), (&json!(1), &data[0]["id"]));
    assert_eq!(data[1]["problems"][0]["field"], "type");
    assert_eq!(data[1].get("request_id"), None);
    assert_eq!(data[8]["problems"][0]["field"], "id", "what the engine refuses has its field as well");
    for id in [&data[0]["id"], &data[7]["id"]] {
        let path = format!("/v1/events/{}/deliveries", id.as_str().unwrap());
        world.until(&path, |list| list["data"][0]["status"] == "succeeded").await;
    }
    let mut sent: Vec<_> = world.transport.sent().into_iter().map(|sent| sent.body).collect();
    sent.sort();
    assert_eq!(sent, ["a", "{ \"n\" : 1.0 }"], "as it was written");
    assert_eq!(world.get("/v1/events").await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_batch_keeps_its_order() {
    let world = World::new().await;
    let events: Vec<_> = (0..limits::BATCH_EVENTS_MAX)
        .map(|n| format!(r#"{{"type":"counted","payload":{n},"id":"n{n}"}}"#))
        .collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let data = verdicts(&world, &events).await;
    assert_eq!(data.len(), limits::BATCH_EVENTS_MAX);
    let ids: Vec<_> = data.iter().map(|verdict| verdict["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted(), "accepted in the order in which they stand");
    let last = world.get(&format!("/v1/events/{}", ids[limits::BATCH_EVENTS_MAX - 1])).await.json();
    assert_eq!((&last["external_id"], &last["payload"]), (&json!("n999"), &json!(999)));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let world = World::with(ServerConfig { body_bytes_max: 1000, ..ServerConfig::default() }).await;
    let one = r#"{"type":"a","payload":1}"#;
    let many = format!("{{\"events\":[{}]}}", vec![one; limits::BATCH_EVENTS_MAX + 1].join(","));
    for (body, status, code) in [
        ("", 400, "malformed_json"),
        ("[]", 400, "malformed_json"),
        (r#"{"events":[{"type":"a","payload":01}]}"#, 400, "malformed_json"),
        (r#"{"events":[],"x":1}"#, 400, "unknown_field"),
        ("{}", 422, "invalid_fields"),
        (r#"{"events":null}"#, 422, "invalid_fields"),
        (r#"{"events":[]}"#, 422, "invalid_fields"),
        (r#"{"events":{"type":"a"}}"#, 422, "invalid_fields"),
        (&many, 422, "invalid_fields"),
    ] {
        let reply = world.post("/v1/events/batch", body.to_owned()).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!((reply.status.as_u16(), reply.problem()), (status, code.to_owned()), "{shown}");
    }
    let long = vec![b' '; limits::BATCH_BYTES_MAX + 1];
    assert_eq!(world.post("/v1/events/batch", long).await.problem(), "body_too_large");
    assert_eq!(world.get("/v1/events").await.json()["data"].as_array().unwrap().len(), 0);

    let payload = format!(r#"{{"type":"a","payload":"{}"}}"#, "x".repeat(999));
    let data = verdicts(&world, &[&payload, one]).await;
    let statuses: Vec<_> = data.iter().map(|verdict| &verdict["status"]).collect();
    assert_eq!(statuses, [413, 202], "the bound of one payload holds for each");
}

#[tokio::test]
async fn a_batch_needs_a_key_and_a_store() {
    let world = World::new().await;
    let body = r#"{"events":[{"type":"a","payload":1}]}"#;
    assert_eq!(
        world.call("hs_live_of_nobody", http::Method::POST, "/v1/events/batch", body).await.problem(),
        "unauthorized"
    );
    world.engine.store().close().await;
    let reply = world.post("/v1/events/batch", body).await.json();
    assert_eq!(
        (&reply["data"][0]["status"], &reply["data"][0]["code"]),
        (&json!(503), &json!("store_unavailable"))
    );
}

/// A batch of which nothing comes, with this length announced.
async fn stuck(world: &World, length: Option<usize>) -> tokio::task::JoinHandle<()> {
    let mut request = Request::post("/v1/events/batch").header("authorization", format!("Bearer {LIVE}"));
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    let reading = Arc::new(Notify::new());
    let body = Silent { length, asked: Arc::clone(&reading) };
    let call = world.app.clone().oneshot(request.body(Body::new(body)).unwrap());
    let call = tokio::spawn(async move { drop(call.await) });
    tokio::time::timeout(PATIENCE, reading.notified()).await.unwrap();
    call
}

/// A body that never comes, and tells when it is first asked for.
struct Silent {
    length: Option<usize>,
    asked: Arc<Notify>,
}

impl HttpBody for Silent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.asked.notify_one();
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, |length| SizeHint::with_exact(length as u64))
    }
}

/// Publishes while these leave no room: nothing comes of it until one of them ends.
async fn waits_for_one_of(world: &World, mut calls: Vec<tokio::task::JoinHandle<()>>) {
    let events = [EVENT];
    let waiting = verdicts(world, &events);
    tokio::pin!(waiting);
    assert!(now_or_not(waiting.as_mut()).await.is_none());
    calls.pop().unwrap().abort();
    assert_eq!(waiting.await[0]["status"], 202);
    calls.into_iter().for_each(|call| call.abort());
}

const EVENT: &str = r#"{"type":"a","payload":1}"#;

#[tokio::test]
async fn slow_batches_hold_up_others_by_their_length_alone() {
    let world = World::new().await;
    let room = limits::BATCHES_BYTES_AT_ONCE / limits::BATCH_BYTES_COUNTED_MIN;
    let mut calls = Vec::new();
    for _ in 0..room - 1 {
        calls.push(stuck(&world, Some(2000)).await);
    }
    assert_eq!(verdicts(&world, &[EVENT]).await[0]["status"], 202);
    calls.push(stuck(&world, Some(2000)).await);
    waits_for_one_of(&world, calls).await;
}

#[tokio::test]
async fn a_batch_without_a_length_counts_for_the_longest() {
    let world = World::new().await;
    let mut calls = Vec::new();
    for _ in 0..limits::BATCHES_BYTES_AT_ONCE / limits::BATCH_BYTES_MAX {
        calls.push(stuck(&world, None).await);
    }
    waits_for_one_of(&world, calls).await;
}

/// What a future gives when everything that is ready has had many turns, or nothing.
async fn now_or_not<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    for _ in 0..100 {
        if let Poll::Ready(output) = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
