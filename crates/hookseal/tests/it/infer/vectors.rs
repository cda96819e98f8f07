//! Each scheme of the catalogue from one of its valid vectors, without the catalogue.

use std::collections::BTreeMap;

use hookseal::infer::{InferOptions, Inference, infer};
use hookseal::vectors::{Vector, VectorFile};
use hookseal::{Mode, Part, Profile, Request, Secret, Timestamp, ToleranceOverride, Verifier, VerifyOptions};

use super::captured;
use crate::vectors::file;

/// What is not found, as its signature is not made with a shared key over a content.
const NOT_FOUND: &[(&str, &str)] = &[
    ("aws-sns", "rsa"),
    ("discord", "ed25519"),
    ("docker-hub", "nothing is signed, and there is no secret"),
    ("fal-ai", "ed25519"),
    ("google-pubsub", "json web token"),
    ("netlify", "json web token"),
    ("paypal", "rsa"),
    ("plaid", "json web token"),
    ("rfc9421-ed25519", "ed25519"),
    ("sendgrid", "ecdsa"),
    ("standard-webhooks-v1a", "ed25519"),
];

/// Valid vectors that what is found from the first one of their scheme does not verify, as that one does not show it.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("box-published-secondary", "the second header is for the second key"),
    ("circleci-with-v2", "one version alone looks like a prefix"),
    ("convoy-whitespace-body", "a compact body reads alike with and without compacting"),
    ("standard-webhooks-binary-body", "this secret has a prefix, and that of the first has none"),
    ("standard-webhooks-rotation", "this secret has a prefix, and that of the first has none"),
    ("standard-webhooks-v1a-key-confusion", "this secret has a prefix, and that of the first has none"),
];

/// Vectors with a defect that only a rule finds which no request shows.
const RULES: &[&str] = &["box-wrong-version", "harmon-upper-strict"];

/// The vectors that strict mode is about, by scheme: those that are valid, and the others.
fn by_scheme(file: &VectorFile) -> BTreeMap<&str, (Vec<&Vector>, Vec<&Vector>)> {
    let mut schemes: BTreeMap<&str, (Vec<&Vector>, Vec<&Vector>)> = BTreeMap::new();
    for vector in file.vectors().iter().filter(|vector| vector.mode.as_deref() != Some("compat")) {
        let (valid, invalid) = schemes.entry(&vector.scheme).or_default();
        if vector.expect.0 == "valid" { valid.push(vector) } else { invalid.push(vector) }
    }
    schemes.retain(|scheme, _| NOT_FOUND.iter().all(|(name, _)| name != scheme));
    schemes
}

fn find(vectors: &[&Vector]) -> Inference {
    let requests: Vec<_> = vectors.iter().map(|vector| captured(vector)).collect();
    let secrets: Vec<Secret> = vectors[0].secrets().map(Secret::new).collect();
    infer(&requests, &secrets, &InferOptions::default()).unwrap()
}

fn verifies(profile: &Profile, vector: &Vector) -> bool {
    let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let tolerance = ToleranceOverride::Off;
    let options = VerifyOptions { mode: Mode::Strict, tolerance, params: vector.params() };
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
fn one_request_is_enough_for_every_scheme_with_a_shared_key() {
    let file = file();
    let mut not_verified = Vec::new();
    let mut forged = Vec::new();
    let schemes = by_scheme(&file);
    assert_eq!(schemes.len() + NOT_FOUND.len(), 88);
    for (scheme, (valid, invalid)) in &schemes {
        let outcome = find(&valid[..1]);
        assert_eq!(outcome.found.len(), 1, "{scheme}: {:?}", outcome.advice);
        let profile = &outcome.found[0].profile;
        assert!(!outcome.cut && verifies(profile, valid[0]), "{scheme}");
        not_verified
            .extend(valid.iter().filter(|vector| !verifies(profile, vector)).map(|vector| &*vector.id));
        // The tolerance is off, so that old requests verify.
        let defects = invalid.iter().filter(|vector| !vector.expect.0.starts_with("timestamp_too_"));
        forged.extend(defects.filter(|vector| verifies(profile, vector)).map(|vector| &*vector.id));
    }
    not_verified.sort_unstable();
    assert_eq!(not_verified, NOT_SHOWN.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    forged.retain(|id| !is_about_old_times(&file, id));
    assert_eq!(forged, RULES);
}

/// Whether the vector has a tolerance of its own, which is what it is about.
fn is_about_old_times(file: &VectorFile, id: &str) -> bool {
    file.vectors().iter().any(|vector| vector.id == id && vector.tolerance_s.is_some())
}

#[test]
fn several_requests_show_what_one_does_not() {
    let file = file();
    let schemes = by_scheme(&file);
    for (scheme, id) in [("circleci", "circleci-with-v2"), ("convoy-advanced", "convoy-whitespace-body")] {
        let (valid, _) = &schemes[scheme];
        let several: Vec<&Vector> =
            valid.iter().copied().filter(|vector| vector.secret == valid[0].secret).collect();
        assert!(several.len() > 1 && several.iter().any(|vector| vector.id == id), "{scheme}");
        let outcome = find(&several);
        assert_eq!(outcome.found.len(), 1, "{scheme}: {:?}", outcome.advice);
        assert!(several.iter().all(|vector| verifies(&outcome.found[0].profile, vector)), "{scheme}");
    }
}
