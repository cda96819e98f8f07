//! The digest of what is signed, and the proof that outlives its request.

use bytes::Bytes;
use hookseal::vectors::{Vector, VectorFile};
use hookseal::{Mode, Part, Profile, Request, Secret, Timestamp, ToleranceOverride, Verifier, VerifyOptions};
use sha2::{Digest, Sha256};

use crate::support::builtin;

const LOCKERS: &str = "t=1746022058,v1=e9ed7c20871c14cc3220b0cbaf8c73f214df3fba180a1bd63afdc0e8d43e6e48";

/// The digest of a request of a profile that is taken at any time.
fn digest(profile: &str, secret: &str, headers: &[(&str, &str)], body: &[u8]) -> [u8; 32] {
    let options = VerifyOptions { tolerance: ToleranceOverride::Off, ..VerifyOptions::default() };
    let verifier = Verifier::new(builtin(profile), Part::Delivery, &[Secret::new(secret)], options).unwrap();
    let request = Request { method: "POST", url: "https://hooks.example.test/in", headers: &headers, body };
    let verified = verifier.verify(&request, Timestamp::from_unix_seconds(0)).unwrap();
    verifier.content_digest(&request, &verified).unwrap()
}

/// The vectors of the project that are valid in a mode, and what they are verified with.
fn valid_vectors(file: &VectorFile) -> impl Iterator<Item = (&Vector, Verifier)> {
    file.vectors().iter().filter(|vector| vector.expect.0 == "valid").map(|vector| {
        let (profile, part) = Profile::builtins()
            .find_map(|profile| Some((profile, profile.scheme_for(&vector.scheme)?)))
            .unwrap();
        let mode = if vector.mode.as_deref() == Some("compat") { Mode::Compat } else { Mode::Strict };
        let options = VerifyOptions { mode, tolerance: ToleranceOverride::Off, params: vector.params() };
        let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
        (vector, Verifier::new(profile, part, &secrets, options).unwrap())
    })
}

#[test]
fn it_is_of_the_bytes_that_are_signed() {
    let body = r#"{"name":"Zoë — 東京 🗼","note":"two  spaces and a tab\t","n":1}"#;
    let signed = format!("1746022058,{}", body.replace(' ', ""));
    let expected: [u8; 32] = Sha256::digest(signed).into();
    let headers = [("x-harbor-signature", LOCKERS)];
    assert_eq!(digest("harbor-lockers", "hl_fake_shared_secret_000", &headers, body.as_bytes()), expected);
}

#[test]
fn it_stays_when_the_request_is_changed_in_what_is_not_signed() {
    let secret = "hl_fake_shared_secret_000";
    let body = r#"{"name":"Zoë — 東京 🗼","note":"two  spaces and a tab\t","n":1}"#;
    let changed = r#"{ "name": "Zoë—東京🗼", "note":"twospacesandatab\t","n":1}"#;
    let other = LOCKERS.replace("v1=", &format!("v2={},v1=", "0".repeat(64)));
    let seen = digest("harbor-lockers", secret, &[("x-harbor-signature", LOCKERS)], body.as_bytes());
    let again = [("x-other", "1"), ("X-Harbor-Signature", other.as_str())];
    assert_eq!(digest("harbor-lockers", secret, &again, changed.as_bytes()), seen);
}

#[test]
fn every_valid_request_has_one_and_different_ones_differ() {
    let file = crate::vectors::file();
    let mut seen = std::collections::BTreeMap::new();
    let mut count = 0;
    for (vector, verifier) in valid_vectors(&file) {
        let body = vector.request.body();
        let request = Request {
            method: &vector.request.method,
            url: &vector.request.url,
            headers: &vector.request.headers,
            body: &body,
        };
        let now = Timestamp::from_unix_seconds(vector.now_unix);
        let verified = verifier.verify(&request, now).unwrap();
        let digest = verifier.content_digest(&request, &verified).unwrap();
        let times = (verified.timestamp(), verified.id().map(str::to_owned));
        let key = (vector.scheme.clone(), digest);
        assert_eq!(*seen.entry(key).or_insert_with(|| times.clone()), times, "{}", vector.id);
        count += 1;
    }
    assert!(count > 90, "{count}");
}

#[test]
fn an_owned_proof_shares_the_body_that_was_verified_and_no_other() {
    let secrets = [Secret::new("harvestr-secret-token-fake")];
    let profile = builtin("harvestr");
    let options = VerifyOptions::default();
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, options).unwrap();
    let mut headers = hookseal::SignedHeaders::new();
    let body = Bytes::from_static(b"{\"a\":1}");
    let now = Timestamp::from_unix_seconds(1_750_000_000);
    crate::support::signer(profile, &secrets)
        .sign(&hookseal::Message::new(now, "dlv_1", &body), &mut headers)
        .unwrap();
    let lines: Vec<_> = headers.iter().collect();
    let request = Request { method: "POST", url: "", headers: &lines, body: &body };
    let verified = verifier.verify(&request, now).unwrap();
    let owned = verified.clone().into_owned(&body);
    assert_eq!(owned.body().as_ptr(), body.as_ptr());
    let other = verified.into_owned(&Bytes::from_static(b"{\"a\":2}"));
    assert_eq!(other.body(), &body);
}
