//! `POST /v1/events`.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookseal_server::ServerConfig;
use http::{Method, Request};

use crate::world::{LIVE, World};

/// What is published goes out and comes back with the bytes that it came in with.
async fn check_kept(world: &World, payload: &str) {
    let before = world.transport.sent().len();
    let body = format!("{{\"type\" : \"kept\",\n\t\"payload\"  :  {payload} \r\n}}");
    let reply = world.post("/v1/events", body).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["deliveries"]),
        (202, &1.into()),
        "{payload}: {reply:?}"
    );
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    world
        .until(&format!("/v1/events/{id}/deliveries"), |list| list["data"][0]["status"] == "succeeded")
        .await;
    let sent = &world.transport.sent()[before];
    assert_eq!(sent.body, payload.as_bytes());

    let shown = world.get(&format!("/v1/events/{id}")).await;
    let expected = format!(r#""size":{},"payload":{payload}}}"#, payload.len());
    assert!(shown.text().ends_with(&expected), "{payload}: {}", shown.text());
}

#[tokio::test]
async fn a_payload_keeps_its_bytes() {
    let world = World::new().await;
    world.webhook(r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    for payload in [
        r#"{ "b" : 1.0, "a":1e0,"b":[ ],  "z" : -0 }"#,
        r#"{"text":"é\u00e9\/\ud83d\ude00😀\u2028","":""}"#,
        "{\r\n\t\"a\":\n[1,\n2]}",
        "12345678901234567890.000000000000000000001",
        "null",
        "\"\"",
        "[]",
        "true",
        r#""\ud800 alone""#,
    ] {
        check_kept(&world, payload).await;
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    check_kept(&world, &deep).await;
    check_kept(&world, &format!("\"{}\"", "x".repeat(256 * 1024 - 2))).await;
}

#[tokio::test]
async fn other_bytes_come_as_base64() {
    let world = World::new().await;
    world.webhook(r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let body = format!(
        r#"{{"type":"raw","payload_base64":"{}","content_type":"application/octet-stream"}}"#,
        STANDARD.encode(&bytes)
    );
    let reply = world.post("/v1/events", body).await;
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    world
        .until(&format!("/v1/events/{id}/deliveries"), |list| list["data"][0]["status"] == "succeeded")
        .await;
    let sent = &world.transport.sent()[0];
    assert_eq!(sent.body, bytes);
    let content_types: Vec<_> = sent.headers.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(content_types.len(), 1);
    assert_eq!(content_types[0].1, "application/octet-stream");

    let shown = world.get(&format!("/v1/events/{id}")).await.json();
    assert_eq!(shown["payload_base64"], STANDARD.encode(&bytes));
    assert_eq!((&shown["content_type"], &shown["size"]), (&"application/octet-stream".into(), &256.into()));
    assert_eq!(shown.get("payload"), None);

    let empty =
        world.post("/v1/events", r#"{"type":"raw","payload_base64":"","content_type":"text/plain"}"#).await;
    assert_eq!(empty.status, 202);
}

#[tokio::test]
async fn the_same_id_again_is_the_same_event() {
    let world = World::new().await;
    world.webhook(r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    let first =
        world.post("/v1/events", r#"{"id":"order-17:paid","type":"order.paid","payload":{"n":1}}"#).await;
    assert_eq!(first.status, 202);
    let again =
        world.post("/v1/events", r#"{"payload":{"n":1},"type":"order.paid","id":"order-17:paid"}"#).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first.body));
    for other in [
        r#"{"id":"order-17:paid","type":"order.paid","payload":{"n": 1}}"#,
        r#"{"id":"order-17:paid","type":"order.lost","payload":{"n":1}}"#,
    ] {
        let reply = world.post("/v1/events", other).await;
        assert_eq!((reply.status.as_u16(), reply.problem()), (409, "event_conflict".to_owned()));
        assert!(reply.text().contains(first.json()["id"].as_str().unwrap()));
    }
    let list = world.get("/v1/events?external_id=order-17:paid").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], first.json()["id"]);
}

async fn refused(world: &World, body: impl Into<Body>) -> (u16, String) {
    let reply = world.post("/v1/events", body).await;
    let problem = reply.json();
    let problems = problem["problems"].as_array().into_iter().flatten();
    let fields: Vec<_> = problems
        .map(|p| format!("{}: {}", p["field"].as_str().unwrap(), p["detail"].as_str().unwrap()))
        .collect();
    let detail =
        if fields.is_empty() { problem["detail"].as_str().unwrap().to_owned() } else { fields.join("; ") };
    (reply.status.as_u16(), format!("{}: {detail}", reply.problem()))
}

#[tokio::test]
async fn says_what_is_not_right() {
    let world = World::new().await;
    let long = format!(r#"{{"type":"{}","payload":1}}"#, "t".repeat(129));
    let cases = [
        "",
        "{",
        "null",
        "[1]",
        "{\"type\":\"a\",\n \"payload\":{\"x\":01}}",
        r#"{"type":"a","payload":1,"type":"b"}"#,
        r#"{"type":"a","payload":1} x"#,
        r#"{"type":"a","payload":1,"deliver_at":"2030-01-01T00:00:00Z","channels":[]}"#,
        "{}",
        r#"{"type":null,"payload":1}"#,
        r#"{"type":5,"payload":1,"id":6}"#,
        r#"{"type":"a b","payload":1}"#,
        &long,
        r#"{"type":"a"}"#,
        r#"{"type":"a","payload_base64":null}"#,
        r#"{"type":"a","payload_base64":7,"content_type":"text/plain"}"#,
        r#"{"type":"a","payload":1,"payload_base64":"YQ==","content_type":"text/plain"}"#,
        r#"{"type":"a","payload_base64":"YQ=="}"#,
        r#"{"type":"a","payload_base64":"YQ","content_type":"text/plain"}"#,
        r#"{"type":"a","payload_base64":"YQ==","content_type":"text/plain\nx: y"}"#,
        r#"{"type":"a","payload":1,"content_type":"text/plain"}"#,
        r#"{"type":"a","payload":1,"id":""}"#,
        r#"{"type":"a","payload":1,"id":"a b"}"#,
        r#"{"type":"a","payload":1,"deliver_at":"tomorrow","expires_at":1750000000}"#,
        r#"{"type":"a","payload":1,"deliver_at":"2025-07-15T15:06:41Z"}"#,
        r#"{"type":"a","payload":1,"expires_at":"2025-06-15T15:06:40Z"}"#,
        r#"{"type":"a","payload":1,"deliver_at":"2025-06-16T00:00:00Z","expires_at":"2025-06-16T00:00:00Z"}"#,
    ];
    let mut lines = String::new();
    for body in cases {
        let shown = if body.len() > 100 { "(a type of 129 characters)" } else { body };
        let (status, said) = refused(&world, body.to_owned()).await;
        lines += &format!("{}\n  {status} {said}\n", shown.escape_debug());
    }
    insta::assert_snapshot!("events_refused", lines);
    assert_eq!(refused(&world, &b"{\"type\":\"\xff\",\"payload\":1}"[..]).await.0, 400);
    assert_eq!(world.get("/v1/events").await.json()["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn bodies_have_a_bound_that_is_named() {
    let world = World::with(ServerConfig { body_bytes_max: 1000, ..ServerConfig::default() }).await;
    let json = |bytes: usize| format!(r#"{{"type":"a","payload":"{}"}}"#, "x".repeat(bytes - 2));
    assert_eq!(world.post("/v1/events", json(1000)).await.status, 202);
    assert_eq!(
        refused(&world, json(1001)).await,
        (413, "body_too_large: the body has 1001 bytes, 1000 are allowed".to_owned())
    );

    let encoded = |bytes: usize| {
        format!(
            r#"{{"type":"a","content_type":"text/plain","payload_base64":"{}"}}"#,
            STANDARD.encode(vec![7; bytes])
        )
    };
    assert_eq!(world.post("/v1/events", encoded(1000)).await.status, 202);
    assert_eq!(refused(&world, encoded(1001)).await.0, 413);

    let whole = 1336 + 64 * 1024;
    let padded = |bytes: usize| json(1000) + &" ".repeat(bytes - json(1000).len());
    assert_eq!(world.post("/v1/events", padded(whole)).await.status, 202);
    let (status, said) = refused(&world, padded(whole + 1)).await;
    assert_eq!((status, said.contains(&whole.to_string())), (413, true), "{said}");
}

#[tokio::test]
async fn nothing_is_lost_silently_when_the_store_is_gone() {
    let world = World::new().await;
    world.engine.store().close().await;
    let reply = world.post("/v1/events", r#"{"type":"a","payload":1}"#).await;
    assert_eq!((reply.status.as_u16(), reply.problem()), (503, "store_unavailable".to_owned()));
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn any_content_type_is_read_as_json() {
    let world = World::new().await;
    for content_type in
        ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=latin1"]
    {
        let request = Request::post("/v1/events").header("authorization", format!("Bearer {LIVE}"));
        let request = request.header("content-type", content_type).body(r#"{"type":"a","payload":1}"#.into());
        assert_eq!(world.send(request.unwrap()).await.status, 202, "{content_type}");
    }
    assert_eq!(
        world.call(LIVE, Method::POST, "/v1/events?x=1", r#"{"type":"a","payload":1}"#).await.problem(),
        "unknown_parameter"
    );
}
