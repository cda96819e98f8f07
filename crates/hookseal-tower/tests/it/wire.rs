//! What a sender sees: one refusal for all, and reasons only in development.

use std::time::Duration;

use bytes::Bytes;
use hookseal::ToleranceOverride;
use http::Request;
use http_body_util::Full;

use crate::support::{NOW, SECRET, builtin, count, good, post, receiver, signed};

const REFUSED: &str = r#"{"title":"the request did not verify","status":401,"code":"not_verified"}"#;

/// A request that Harbor Node signed, with the lines of its headers changed.
fn changed(change: impl Fn(&mut Vec<(String, String)>)) -> Request<Full<Bytes>> {
    let mut headers = signed(builtin("harbor-node"), SECRET, NOW, b"{}");
    change(&mut headers);
    post(&headers, "{}")
}

fn set(headers: &mut [(String, String)], name: &str, value: &str) {
    headers.iter_mut().filter(|(header, _)| header == name).for_each(|(_, old)| *old = value.to_owned());
}

/// Requests that are wrong in different ways, with the reason that Harbor Node's document has, and the kind.
fn wrong() -> Vec<(Request<Full<Bytes>>, &'static str, &'static str)> {
    let at = |seconds: i64| {
        let time = hookseal::Timestamp::from_unix_seconds(NOW.as_unix_seconds() + seconds);
        post(&signed(builtin("harbor-node"), SECRET, time, b"{}"), "{}")
    };
    let signature = "x-harbor-signature";
    let (missing, window, mismatch) =
        ("missing_signature_headers", "timestamp_out_of_window", "signature_mismatch");
    vec![
        (changed(Vec::clear), missing, "missing_signature"),
        (changed(|lines| lines.retain(|(name, _)| name == signature)), missing, "missing_timestamp"),
        (changed(|lines| lines.retain(|(name, _)| name != signature)), missing, "missing_signature"),
        (at(-301), window, "timestamp_too_old"),
        (at(301), window, "timestamp_too_new"),
        (changed(|lines| set(lines, "x-harbor-timestamp", "yesterday")), window, "malformed_timestamp"),
        (changed(|lines| set(lines, signature, "sha256=00")), mismatch, "malformed_signature"),
        (
            changed(|lines| set(lines, signature, &format!("sha256={}", "0".repeat(64)))),
            mismatch,
            "signature_mismatch",
        ),
        (changed(|lines| lines.extend(lines.clone())), mismatch, "duplicate_header"),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let receiver = receiver("harbor-node").build().unwrap();
    for (request, _, kind) in wrong() {
        let answer = count(&receiver, request).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, REFUSED), "{kind}");
        let headers = [("content-type".to_owned(), "application/problem+json".to_owned())];
        assert_eq!(answer.headers, headers, "{kind}");
    }
}

#[tokio::test]
async fn in_development_the_answer_has_the_documents_reason_and_the_kind() {
    let receiver = receiver("harbor-node").development(true).build().unwrap();
    for (request, reason, kind) in wrong() {
        let answer = count(&receiver, request).await;
        let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(
            (&said["ok"], &said["reason"], &said["kind"]),
            (&false.into(), &reason.into(), &kind.into())
        );
        assert!(said["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{said}");
        assert!(!answer.body.contains(SECRET));
    }
}

#[tokio::test]
async fn the_tolerance_is_what_is_configured() {
    let old = || {
        let time = NOW.saturating_sub(Duration::from_secs(600));
        post(&signed(builtin("harbor-node"), SECRET, time, b"{}"), "{}")
    };
    for (tolerance, status) in [
        (ToleranceOverride::Profile, 401),
        (ToleranceOverride::Off, 200),
        (ToleranceOverride::Both(Duration::from_secs(600)), 200),
        (ToleranceOverride::Both(Duration::from_secs(599)), 401),
    ] {
        let receiver = receiver("harbor-node").tolerance(tolerance).build().unwrap();
        assert_eq!(count(&receiver, old()).await.status, status, "{tolerance:?}");
    }
}

#[tokio::test]
async fn any_of_several_secrets_may_match() {
    let receiver = receiver("harmon").secret(hookseal::Secret::new("the-next")).build().unwrap();
    assert_eq!(count(&receiver, good("harmon", b"{}")).await.status, 200);
    let next = signed(builtin("harmon"), "the-next", NOW, b"{}");
    assert_eq!(count(&receiver, post(&next, "{}")).await.status, 200);
}

#[tokio::test]
async fn neither_host_nor_a_proxys_headers_have_a_say_in_the_url() {
    let profile = builtin("twilio-json");
    let (url, body) = (
        "https://shop.example/hooks?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "{}",
    );
    let signer = hookseal::Signer::new(
        profile,
        hookseal::Part::Delivery,
        &[hookseal::Secret::new(SECRET)],
        &hookseal::Params::new(),
    )
    .unwrap();
    let mut headers = hookseal::SignedHeaders::new();
    signer.sign(&hookseal::Message::new(NOW, "dlv_1", body.as_bytes()).with_url(url), &mut headers).unwrap();
    let request = || {
        let request = Request::post(
            "/hooks?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        );
        let signature = headers.value("x-twilio-signature").unwrap();
        request
            .header("x-twilio-signature", signature)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .body(Full::<Bytes>::from(body))
            .unwrap()
    };
    let at = |url: &str| receiver("twilio-json").public_url(url).build().unwrap();
    assert_eq!(count(&at("https://shop.example/hooks"), request()).await.status, 200);
    assert_eq!(count(&at("https://evil.example/hooks"), request()).await.status, 401);
}
