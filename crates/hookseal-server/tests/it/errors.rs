//! Errors, as clients see them.

use axum::body::Body;
use http::{Method, Request};

use crate::world::{LIVE, World};

#[tokio::test]
async fn a_problem_carries_the_request_id() {
    let world = World::new().await;
    let request =
        Request::get("/nowhere").header("x-request-id", "from-the-client-7").body(Body::empty()).unwrap();
    let reply = world.send(request).await;
    insta::assert_snapshot!("not_found", reply.pretty());
    assert_eq!(reply.headers["x-request-id"], "from-the-client-7");
    let first = world.get("/v1/events").await.headers["x-request-id"].clone();
    let second = world.get("/v1/events").await.headers["x-request-id"].clone();
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let world = World::new().await;
    let webhook = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    for path in [
        "/v1/webhooks/x".to_owned(),
        "/v1/webhooks/sub_".to_owned(),
        "/v1/webhooks/%FF".to_owned(),
        "/v1/webhooks/%2e%2e".to_owned(),
        format!("/v1/events/{webhook}"),
        format!("/v1/deliveries/{webhook}/attempts"),
        "/v1/events/evt_01jxyz0000000000000000000a".to_owned(),
        "/v1/webhooks/sub_01jxyz0000000000000000000a/ping".to_owned(),
        "/v1".to_owned(),
        "/v1/webhooks/".to_owned(),
        "/".to_owned(),
    ] {
        let method = if path.ends_with("ping") { Method::POST } else { Method::GET };
        let reply = world.call(LIVE, method, &path, "").await;
        assert_eq!((reply.status.as_u16(), reply.problem()), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_built_is_not_found() {
    let world = World::new().await;
    for path in ["/v1/event-types", "/v1/keys", "/v1/sign", "/metrics", "/docs"] {
        assert_eq!(world.post(path, "{}").await.problem(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let world = World::new().await;
    for (method, path, allow) in [
        (Method::DELETE, "/v1/events", "GET,HEAD,POST"),
        (Method::PUT, "/v1/webhooks", "GET,HEAD,POST"),
        (Method::POST, "/v1/webhooks/sub_x", "DELETE,GET,HEAD,PATCH"),
        (Method::GET, "/v1/webhooks/sub_x/ping", "POST"),
        (Method::POST, "/healthz", "GET,HEAD"),
    ] {
        let reply = world.call(LIVE, method.clone(), path, "").await;
        assert_eq!(
            (reply.status.as_u16(), reply.problem()),
            (405, "method_not_allowed".to_owned()),
            "{method} {path}"
        );
        let mut allowed: Vec<_> =
            reply.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{path}");
    }
    let head = world.call(LIVE, Method::HEAD, "/v1/events", "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn parameters_are_checked_and_named() {
    let world = World::new().await;
    let mut lines = String::new();
    for query in [
        "events?limit=0",
        "events?limit=251",
        "events?limit=x&cursor=y&since=yesterday&type=%20",
        "events?limit=1&limit=2",
        "events?Limit=1&page=2",
        "events?%ff=1",
        "webhooks?status=active",
        "webhooks?cursor=evt_01jxyz0000000000000000000a",
        "deliveries?webhook=evt_x&status=lost",
        "profiles/harmon?x",
    ] {
        let reply = world.get(&format!("/v1/{query}")).await;
        let problem = reply.json();
        lines += &format!("{query}\n  {} {}\n", reply.status, reply.problem());
        for field in problem["problems"].as_array().into_iter().flatten() {
            lines +=
                &format!("    {}: {}\n", field["field"].as_str().unwrap(), field["detail"].as_str().unwrap());
        }
    }
    insta::assert_snapshot!("parameters_refused", lines);
    let long = format!("/v1/events?type={}", "x".repeat(5000));
    assert_eq!(world.get(&long).await.problem(), "invalid_parameter");
}

#[tokio::test]
async fn a_closed_store_is_unavailable_everywhere() {
    let world = World::new().await;
    assert_eq!(world.get("/readyz").await.status, 200);
    world.engine.store().close().await;
    let id = "01jxyz0000000000000000000a";
    for (method, path) in [
        (Method::GET, "/v1/events".to_owned()),
        (Method::GET, format!("/v1/events/evt_{id}")),
        (Method::GET, "/v1/webhooks".to_owned()),
        (Method::GET, format!("/v1/deliveries/dlv_{id}/attempts")),
        (Method::POST, format!("/v1/deliveries/dlv_{id}/retry")),
        (Method::DELETE, format!("/v1/webhooks/sub_{id}")),
    ] {
        let reply = world.call(LIVE, method, &path, "").await;
        assert_eq!((reply.status.as_u16(), reply.problem()), (503, "store_unavailable".to_owned()), "{path}");
        assert_eq!(reply.headers["retry-after"], "1");
    }
    assert_eq!(world.get("/readyz").await.status, 200, "what was found holds for a second");
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(world.get("/readyz").await.problem(), "store_unavailable");
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn other_calls_have_a_bound_too() {
    let world = World::new().await;
    let body = format!(
        r#"{{"endpoint_url":"https://shop.example/","metadata":{{"m":"{}"}}}}"#,
        "x".repeat(256 * 1024)
    );
    let reply = world.post("/v1/webhooks", body).await;
    assert_eq!((reply.status.as_u16(), reply.problem()), (413, "body_too_large".to_owned()));
}
