//! Whatever comes in, the answer is one that the client is to blame for.

use axum::body::Body;
use http::Method;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::world::{LIVE, World};

/// Bodies that get further than random bytes do: JSON with the right names and wrong values, cut off or changed.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let names = proptest::sample::select(vec![
        "type",
        "payload",
        "payload_base64",
        "content_type",
        "id",
        "endpoint_url",
        "event_types",
        "profile",
        "secret",
        "headers",
        "timeout_ms",
        "retry_schedule_s",
        "metadata",
        "x",
    ]);
    let values = proptest::sample::select(vec![
        "null",
        "1",
        "-1e400",
        "\"a\"",
        "\"\"",
        "\"YQ==\"",
        "\"https://a.example/\"",
        "\"harvestr\"",
        "[]",
        "[\"a\",null]",
        "{}",
        "{\"a\":{\"b\":\"c\"}}",
        "[1,2,3]",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "true",
        "99999999999999999999",
        "{\"x-a\":\"b\"}",
    ]);
    let object = proptest::collection::vec((names, values), 0..8).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    });
    let broken =
        (object.clone(), any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(mut text, at, byte)| {
            let at = at.index(text.len());
            text[at] = byte;
            text
        });
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..300), object, broken]
}

#[test]
fn no_body_is_the_servers_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let webhook = runtime.block_on(world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#));
    let paths = [
        (Method::POST, "/v1/events".to_owned()),
        (Method::POST, "/v1/webhooks".to_owned()),
        (Method::PATCH, format!("/v1/webhooks/{webhook}")),
        (Method::POST, format!("/v1/webhooks/{webhook}/enable")),
    ];
    let mut runner = TestRunner::new(ProptestConfig { cases: 2000, ..ProptestConfig::default() });
    runner
        .run(&(bodies(), 0..paths.len()), |(body, path)| {
            let (method, path) = paths[path].clone();
            let reply = runtime.block_on(world.call(LIVE, method, &path, Body::from(body)));
            prop_assert!(reply.status.is_success() || reply.status.is_client_error(), "{path}: {reply:?}");
            if reply.status.is_client_error() {
                reply.problem();
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_path_or_header_is_the_servers_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(ProptestConfig { cases: 1000, ..ProptestConfig::default() });
    let input = (
        "(/v1)?(/(webhooks|events|deliveries|profiles|[!-~]{0,9})){0,3}([?&](limit|cursor|since|[!-~]{0,5})=[!-~]{0,9}){0,3}",
        "[ -~]{0,40}",
    );
    runner
        .run(&input, |(path, header)| {
            let request =
                http::Request::builder().uri(path.as_str()).header("authorization", header.as_str());
            // What is no URI or header never gets through a server's parser.
            let Ok(request) = request.header("x-request-id", header.as_str()).body(Body::empty()) else {
                return Ok(());
            };
            let reply = runtime.block_on(world.send(request));
            prop_assert!(reply.status.is_client_error() || reply.status.is_success(), "{path}: {reply:?}");
            prop_assert!(reply.headers.contains_key("x-request-id"));
            Ok(())
        })
        .unwrap();
}
