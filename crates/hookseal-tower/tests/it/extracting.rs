//! The extractor of axum.

use axum::{Router, body::Body, extract::State, routing::post};
use bytes::Bytes;
use hookseal_tower::Verified;
use http::Request;
use tower::ServiceExt;

use crate::support::{Answer, Log, good, receiver};

async fn handle(State(prefix): State<&'static str>, verified: Verified, body: Bytes) -> String {
    assert_eq!(verified.body(), &body);
    let claimed = verified.unauthenticated().event_type().map(str::to_owned);
    format!("{prefix} {} {claimed:?} {:?}", body.len(), verified.flags().replayable)
}

fn request() -> Request<Body> {
    let mut request = good("harmon", b"{}").map(Body::new);
    request.headers_mut().insert("x-harmon-event", "order.confirmed".parse().unwrap());
    request
}

#[tokio::test]
async fn a_handler_takes_the_proof_and_the_rest_of_the_request() {
    let layer = receiver("harmon").build().unwrap().layer();
    let app = Router::new().route("/hooks", post(handle).layer(layer)).with_state("got");
    let answer = Answer::of(app.oneshot(request()).await.unwrap()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"got 2 Some("order.confirmed") true"#));
}

#[tokio::test]
async fn the_layer_goes_around_a_router_too() {
    let layer = receiver("harmon").build().unwrap().layer();
    let app = Router::new().route("/hooks", post(handle)).layer(layer).with_state("got");
    let mut forged = request();
    *forged.body_mut() = Body::from("{ }");
    assert_eq!(app.clone().oneshot(forged).await.unwrap().status(), 401);
    assert_eq!(app.oneshot(request()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn without_the_layer_the_handler_does_not_run() {
    let (log, _logging) = Log::start();
    let app = Router::new().route("/hooks", post(handle)).with_state("got");
    let answer = Answer::of(app.oneshot(request()).await.unwrap()).await;
    assert_eq!((answer.status, answer.header("content-type")), (500, Some("application/problem+json")));
    assert!(answer.body.contains("layer_missing") && !answer.body.contains("got"), "{answer:?}");
    let text = log.text();
    assert!(text.contains("ERROR") && text.contains("put `Receiver::layer` around its route"), "{text}");
}
