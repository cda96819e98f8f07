//! The requests of the vectors, with mistakes made on the way. Unlike what the library signs, these are of every
//! scheme: public keys, tokens with claims, signatures within the body.

use std::collections::BTreeSet;

use hookseal::explain::{Code, Explanation, Outcome, explain};
use hookseal::vectors::Vector;
use hookseal::{Mode, Request, Secret, Timestamp, ToleranceOverride, VerifyOptions};

use super::support::proven;
use crate::vectors;

/// Explains a vector with another body and other secrets.
fn explained(vector: &Vector, body: &[u8], secrets: &[Secret]) -> Option<Explanation> {
    let (profile, part) = vectors::builtin(&vector.scheme)?;
    let tolerance = match vector.tolerance_s {
        None => ToleranceOverride::Profile,
        Some(None) => ToleranceOverride::Off,
        Some(Some(seconds)) => ToleranceOverride::Both(std::time::Duration::from_secs(seconds)),
    };
    let mode = if vector.mode.as_deref() == Some("compat") { Mode::Compat } else { Mode::Strict };
    let mut options = VerifyOptions::default();
    (options.mode, options.tolerance, options.params) = (mode, tolerance, vector.params());
    let request = Request {
        method: &vector.request.method,
        url: &vector.request.url,
        headers: &vector.request.headers,
        body,
    };
    Some(explain(profile, part, secrets, &options, &request, Timestamp::from_unix_seconds(vector.now_unix)))
}

fn secrets(vector: &Vector) -> Vec<Secret> {
    vector.secrets().map(Secret::new).collect()
}

/// Makes a mistake with the body of every valid vector; where it matters, it has to be named.
fn every_scheme(mistake: impl Fn(&[u8]) -> Vec<u8>, code: Code) -> BTreeSet<String> {
    let file = vectors::file();
    let mut named = BTreeSet::new();
    for vector in file.vectors().iter().filter(|vector| vector.expect.0 == "valid") {
        let body = mistake(&vector.request.body());
        let Some(explanation) = explained(vector, &body, &secrets(vector)) else { continue };
        if body == *vector.request.body() || explanation.is_valid() {
            continue;
        }
        assert_eq!(proven(&explanation), [code], "{}: {explanation}", vector.id);
        named.insert(vector.scheme.clone());
    }
    named
}

#[test]
fn a_line_break_is_named_for_every_scheme_that_signs_the_body() {
    let named = every_scheme(|body| [body, b"\n"].concat(), Code::BodyTrailingNewlineAdded);
    assert!(named.len() > 60, "{named:?}");
    for scheme in
        ["discord", "sendgrid", "paypal", "plaid", "netlify", "rfc9421-ed25519", "twilio-json", "fal-ai"]
    {
        assert!(named.contains(scheme), "{scheme}");
    }
}

#[test]
fn a_byte_order_mark_is_named_for_every_scheme_that_signs_the_body() {
    let named = every_scheme(|body| [b"\xef\xbb\xbf", body].concat(), Code::BodyBomAdded);
    assert!(named.len() > 60, "{named:?}");
}

#[test]
fn valid_vectors_have_nothing_to_explain() {
    for vector in vectors::file().vectors().iter().filter(|vector| vector.expect.0 == "valid") {
        let Some(explanation) = explained(vector, &vector.request.body(), &secrets(vector)) else { continue };
        assert!(explanation.is_valid() && explanation.findings().is_empty(), "{}: {explanation}", vector.id);
        assert_eq!(explanation.effort().trials, 0);
    }
}

#[test]
fn every_invalid_vector_gets_its_kind_and_something_to_go_on() {
    let mut silent = Vec::new();
    for vector in vectors::file().vectors().iter().filter(|vector| vector.expect.0 != "valid") {
        let Some(explanation) = explained(vector, &vector.request.body(), &secrets(vector)) else { continue };
        assert_eq!(explanation.outcome().as_str(), vector.expect.0, "{}", vector.id);
        if explanation.findings().is_empty() {
            silent.push((vector.id.clone(), vector.expect.0.clone()));
        }
    }
    // A signature with another secret leaves nothing to be seen.
    silent.retain(|(_, kind)| kind != "signature_mismatch" && kind != "token_mismatch");
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn public_keys_that_were_pasted_badly() {
    let file = vectors::file();
    let valid = |scheme: &str| {
        let mut vectors = file.vectors().iter();
        vectors.find(|vector| vector.scheme == scheme && vector.expect.0 == "valid").unwrap()
    };
    let check = |scheme: &str, change: &dyn Fn(&str) -> String, codes: &[Code]| {
        let vector = valid(scheme);
        let changed = [Secret::new(change(vector.secrets().next().unwrap()))];
        let explanation = explained(vector, &vector.request.body(), &changed).unwrap();
        assert_eq!(proven(&explanation), codes, "{scheme}: {explanation}");
        assert!(matches!(explanation.outcome(), Outcome::Unusable(_)), "{scheme}");
    };
    check("discord", &|key| format!("{key}\n"), &[Code::SecretSurroundingWhitespace]);
    check("discord", &|key| format!("\"{key}\""), &[Code::SecretSurroundingQuotes]);
    check("sendgrid", &|key| format!("{key}\n"), &[Code::SecretSurroundingWhitespace]);
    check(
        "sendgrid",
        &|key| format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"),
        &[Code::SecretOtherForm],
    );
    check("aws-sns", &|key| key.trim().replace('\n', "\\n"), &[Code::SecretEscapedNewlines]);
}
