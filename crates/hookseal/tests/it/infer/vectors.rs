//! Each scheme of the catalogue from one of its valid vectors, without the catalogue.

use std::collections::BTreeMap;

use hookseal::infer::{InferOptions, Inference, infer};
use hookseal::vectors::Vector;
use hookseal::{Mode, Part, Profile, Request, Secret, Timestamp, ToleranceOverride, Verifier, VerifyOptions};

use super::captured;
use crate::vectors::file;

/// What cannot be found, and why: each needs a public key, or signs a token of its own.
const NOT_FOUND: &[(&str, &str)] = &[
    ("aws-sns", "rsa"),
    ("discord", "ed25519"),
    ("docker-hub", "nothing proves anything"),
    ("fal-ai", "ed25519"),
    ("google-pubsub", "json web token"),
    ("netlify", "json web token"),
    ("paypal", "rsa"),
    ("plaid", "json web token"),
    ("rfc9421-ed25519", "ed25519"),
    ("sendgrid", "ecdsa"),
    ("standard-webhooks-v1a", "ed25519"),
];

/// The valid vectors of each scheme that strict mode is about.
fn valid() -> BTreeMap<String, Vec<Vector>> {
    let json = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/vectors.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let mut valid: BTreeMap<String, Vec<Vector>> = BTreeMap::new();
    for vector in json["vectors"].as_array().unwrap() {
        let vector: Vector = serde_json::from_value(vector.clone()).unwrap();
        if vector.expect.0 == "valid" && vector.mode.as_deref() != Some("compat") {
            valid.entry(vector.scheme.clone()).or_default().push(vector);
        }
    }
    valid
}

fn find(vectors: &[&Vector]) -> Inference {
    let requests: Vec<_> = vectors.iter().map(|vector| captured(vector)).collect();
    let secrets: Vec<Secret> = vectors[0].secrets().map(Secret::new).collect();
    infer(&requests, &secrets, &InferOptions::default()).unwrap()
}

fn verifies(profile: &Profile, vector: &Vector) -> bool {
    let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let options =
        VerifyOptions { mode: Mode::Strict, tolerance: ToleranceOverride::Off, params: vector.params() };
    let Ok(verifier) = Verifier::new(profile, Part::Delivery, &secrets, options) else { return false };
    let body = vector.request.body();
    let request = Request {
        method: &vector.request.method,
        url: &vector.request.url,
        headers: &vector.request.headers,
        body: &body,
    };
    verifier.verify(&request, Timestamp::from_unix_seconds(vector.now_unix)).is_ok()
}

#[test]
fn probe() {
    let all = file();
    for (scheme, vectors) in valid() {
        if NOT_FOUND.iter().any(|(name, _)| *name == scheme) {
            continue;
        }
        let outcome = find(&[&vectors[0]]);
        let Some(first) = outcome.found.first() else {
            println!("{scheme}: NONE");
            continue;
        };
        for vector in &vectors {
            if !verifies(&first.profile, vector) {
                println!("{scheme}: {} not verified", vector.id);
            }
        }
        for vector in
            all.vectors().iter().filter(|vector| vector.scheme == scheme && vector.expect.0 != "valid")
        {
            if verifies(&first.profile, vector) {
                println!("{scheme}: {} {} verified", vector.id, vector.expect.0);
            }
        }
        if outcome.found.len() > 1 || outcome.tried > 10_000 {
            println!("{scheme} {} {} {:?}", outcome.found.len(), outcome.tried, outcome.advice);
        }
        if scheme == "harbor-lockers" || scheme == "svix" || scheme == "hook0-v1" || scheme == "rfc9421-hmac"
        {
            println!("{}", first.toml());
        }
    }
}
