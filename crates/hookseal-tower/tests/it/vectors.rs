//! Every known answer of every profile, through the layer.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use hookseal::{
    Handshakes, Mode, Part, Profile, Secret, Timestamp, ToleranceOverride,
    vectors::{Vector, VectorFile},
};
use hookseal_tower::Receiver;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;

use crate::support::{Answer, SetClock, builtin, call, count};

/// The vendors whose documents came first.
const VENDORS: [&str; 5] = ["harbor-lockers", "harbor-node", "harbor-transfers", "harmon", "harvestr-event"];

fn file() -> VectorFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/vectors.json");
    VectorFile::parse(&std::fs::read(path).unwrap()).unwrap()
}

/// A receiver as a vector has it; nothing where its secret is refused.
fn receiver(vector: &Vector, profile: &std::sync::Arc<Profile>, mode: Mode) -> Option<Receiver> {
    let tolerance = match vector.tolerance_s {
        None => ToleranceOverride::Profile,
        Some(None) => ToleranceOverride::Off,
        Some(Some(seconds)) => ToleranceOverride::Both(Duration::from_secs(seconds)),
    };
    let url = vector.request.url.split('?').next().unwrap_or_default();
    Receiver::builder(profile)
        .secrets(vector.secrets().map(Secret::new))
        .params(vector.params())
        .mode(mode)
        .tolerance(tolerance)
        .public_url(if url.is_empty() { "https://hooks.example.test/in" } else { url })
        .clock(SetClock::at(Timestamp::from_unix_seconds(vector.now_unix)))
        .build()
        .ok()
}

/// The request of a vector; nothing where HTTP cannot carry it.
fn request(vector: &Vector) -> Option<Request<Full<Bytes>>> {
    let query = vector.request.url.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let mut request = Request::builder().method(vector.request.method.as_str()).uri(format!("/in{query}"));
    for (name, value) in &vector.request.headers {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    request.body(Full::new(Bytes::from(vector.request.body().into_owned()))).ok()
}

/// Whether the profile takes a request for a handshake, which no handler sees.
fn is_handshake(vector: &Vector, profile: &Profile) -> bool {
    let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let body = vector.request.body();
    let request = hookseal::Request {
        method: &vector.request.method,
        url: &vector.request.url,
        headers: &vector.request.headers,
        body: &body,
    };
    Handshakes::new(profile, &secrets, &vector.params()).unwrap().find(&request).is_some()
}

async fn check(vector: &Vector, profile: &std::sync::Arc<Profile>, mode: Mode, refusals: &mut Vec<Answer>) {
    let Some(receiver) = receiver(vector, profile, mode) else {
        assert_eq!(vector.expect.0, "invalid_secret", "{}: no receiver was built", vector.id);
        return;
    };
    assert_ne!(vector.expect.0, "invalid_secret", "{}: a receiver was built", vector.id);
    let Some(request) = request(vector) else { return };
    if is_handshake(vector, profile) {
        call(&receiver, |_| async { panic!("the handler runs") }, request).await;
        return;
    }
    let answer = count(&receiver, request).await;
    if vector.expect.0 == "valid" {
        let expected = (200, vector.request.body().len().to_string());
        assert_eq!((answer.status, answer.body), expected, "{} in {mode:?}", vector.id);
    } else {
        assert_eq!(answer.status, 401, "{} in {mode:?}: {answer:?}", vector.id);
        refusals.push(answer);
    }
}

#[tokio::test]
async fn every_vector_has_its_outcome_behind_the_layer_and_refusals_look_alike() {
    let file = file();
    let (mut schemes, mut sent, mut refusals) = (BTreeSet::new(), 0, Vec::new());
    for vector in file.vectors() {
        let suffix = ["-event", "-challenge"].iter().find_map(|suffix| vector.scheme.strip_suffix(suffix));
        let profile =
            builtin(Profile::builtin(&vector.scheme).map_or_else(|| suffix.unwrap(), |own| own.name()));
        let part = profile.scheme_for(&vector.scheme).unwrap();
        if part == Part::Challenge {
            continue;
        }
        let modes: &[Mode] = match vector.mode.as_deref() {
            Some("strict") => &[Mode::Strict],
            Some("compat") => &[Mode::Compat],
            _ => &[Mode::Strict, Mode::Compat],
        };
        for mode in modes {
            check(vector, profile, *mode, &mut refusals).await;
        }
        sent += usize::from(request(vector).is_some());
        schemes.insert(vector.scheme.as_str());
    }
    assert!(VENDORS.iter().all(|vendor| schemes.contains(vendor)), "{schemes:?}");
    assert!(file.vectors().len() - sent < 20, "{sent} of {} can be sent", file.vectors().len());
    assert!(refusals.len() > 100, "{}", refusals.len());
    assert!(refusals.iter().all(|answer| *answer == refusals[0]), "refusals can be told apart");
}
