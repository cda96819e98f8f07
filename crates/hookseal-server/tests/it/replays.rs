//! Replays over the API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    transport::answered,
    world::{TEST, World},
};

const HOOK: &str = r#"{"endpoint_url":"https://shop.example/hook","retry_schedule_s":[]}"#;

#[tokio::test]
async fn a_replay_is_started_and_reports_how_far_it_came() {
    let world = World::new().await;
    let webhook = world.webhook(HOOK).await;
    world.transport.answer(answered(500, b"no"));
    let event = world.event(r#"{"type":"order.paid","payload":{}}"#).await;
    let deliveries = format!("/v1/events/{event}/deliveries");
    world.until(&deliveries, |list| list["data"][0]["status"] == "failed").await;
    world.clock.advance(Duration::from_secs(60));

    let body =
        r#"{"since":"2025-06-15T17:06:00+02:00","status":["failed","missing"],"event_types":["order.paid"]}"#;
    let started = world.post(&format!("/v1/webhooks/{webhook}/replay"), body).await;
    assert_eq!(started.status, 202, "{started:?}");
    let path = format!("/v1/replays/{}", started.json()["id"].as_str().unwrap());
    world.until(&path, |replay| replay["state"] == "done").await;
    insta::assert_snapshot!("replay_done", world.get(&path).await.pretty());
    world.until(&deliveries, |list| list["data"][0]["status"] == "succeeded").await;

    let list = world.get(&format!("/v1/webhooks/{webhook}/replays")).await.json();
    assert_eq!(list, json!({"data": [world.get(&path).await.json()], "next": null}));
    let ended = world.post(&format!("{path}/cancel"), "").await;
    assert_eq!((ended.status.as_u16(), ended.problem()), (409, "conflict".to_owned()));
    for path in [&path, &format!("/v1/webhooks/{webhook}/replays")] {
        assert_eq!(world.call(TEST, http::Method::GET, path, "").await.status, 404, "{path}: another mode");
    }
}

#[tokio::test]
async fn a_webhook_has_one_replay_at_a_time() {
    let world = World::new().await;
    let webhook = world.webhook(HOOK).await;
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.post(&format!("/v1/webhooks/{webhook}/pause"), "").await.status, 200);
    let path = format!("/v1/webhooks/{webhook}/replay");
    let first = world.post(&path, r#"{"since":"2025-06-15T15:06:00Z"}"#).await.json();
    assert_eq!(
        (&first["state"], &first["status"]),
        (&json!("running"), &json!(["failed", "expired", "missing"]))
    );
    let second = world.post(&path, r#"{"since":"2025-06-15T15:06:00Z"}"#).await;
    assert_eq!((second.status.as_u16(), second.problem()), (409, "conflict".to_owned()));
    let id = first["id"].as_str().unwrap();
    let cancelled = world.post(&format!("/v1/replays/{id}/cancel"), "{}").await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["state"]), (200, &json!("cancelled")));
    let third = world.post(&path, r#"{"since":"2025-06-15T15:06:00Z","status":"succeeded"}"#).await.json();
    assert_eq!(third["status"], json!(["succeeded"]));
    let list = format!("/v1/webhooks/{webhook}/replays?limit=1");
    let page = world.get(&list).await.json();
    assert_eq!(page["data"][0]["id"], third["id"]);
    let rest = world.get(&format!("{list}&cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!((&rest["data"][0]["id"], &rest["next"]), (&first["id"], &Value::Null));
}

#[tokio::test]
async fn says_what_is_not_right() {
    let world = World::new().await;
    let webhook = world.webhook(HOOK).await;
    let path = format!("/v1/webhooks/{webhook}/replay");
    for (body, fields) in [
        ("{}", vec!["since"]),
        (
            r#"{"since":"yesterday","until":5,"status":"lost","event_types":[]}"#,
            vec!["since", "until", "status", "event_types"],
        ),
        (r#"{"since":"2025-06-15T15:00:00Z","status":[]}"#, vec!["status"]),
        (r#"{"since":"2025-06-15T15:00:00Z","event_types":["a b"]}"#, vec!["event_types"]),
        (r#"{"since":"2025-06-15T15:00:00Z","until":"2025-06-15T15:00:00Z"}"#, vec!["since"]),
        (r#"{"since":"2025-06-15T15:06:40Z"}"#, vec!["since"]),
    ] {
        let reply = world.post(&path, body).await;
        assert_eq!((reply.status.as_u16(), reply.problem()), (422, "invalid_fields".to_owned()), "{body}");
        let problems = reply.json()["problems"].as_array().unwrap().clone();
        let named: Vec<_> = problems.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{body}");
    }
    assert_eq!(
        world.post(&path, r#"{"since":"2025-06-15T15:00:00Z","x":1}"#).await.problem(),
        "unknown_field"
    );
    let unknown = "/v1/webhooks/sub_01jxt21q00e00a7jz1whck43er";
    let reply = world.post(&format!("{unknown}/replay"), r#"{"since":"2025-06-15T15:00:00Z"}"#).await;
    assert_eq!(reply.problem(), "not_found");
    assert_eq!(world.get(&format!("{unknown}/replays")).await.problem(), "not_found");
    assert_eq!(world.get("/v1/replays/rpl_01jxt21q00e00a7jz1whck43eq").await.problem(), "not_found");
}
