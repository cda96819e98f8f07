//! For every built-in profile: what is signed verifies, and what is changed does not.

use hookseal::{Algorithm, ErrorKind, Mode, Part, Profile, Request, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::{ID, Lines, NOW, Sent, URL, body, secret, signing, verifier};

fn any_profile() -> impl Strategy<Value = &'static Profile> {
    select(signing().collect::<Vec<_>>())
}

/// Whether a profile signs any bytes at all, rather than a body of its own form.
fn takes_any_body(profile: &Profile) -> bool {
    body(profile, NOW, "text") == "text"
}

fn any_mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Strict, Mode::Compat])
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        r#"\{( ?"[a-z ]{0,8}" ?: ?[0-9]{1,4} ?,?){0,6}\}"#.prop_map(String::into_bytes),
    ]
}

fn any_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_:-]{1,64}"
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_300_799_999_i64).prop_map(Timestamp::from_unix_millis)
}

/// Whether the signature of a profile stays the same when this byte comes or goes.
fn is_ignored(profile: &Profile, byte: u8) -> bool {
    match profile.name() {
        "harbor-lockers" => byte == b' ',
        name => name.starts_with("convoy") && matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
    }
}

/// Whether every byte of the body is covered, but for those that [`is_ignored`] knows.
fn binds_body(profile: &Profile) -> bool {
    takes_any_body(profile) && !profile.scheme().flags().body_unsigned
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        profile in any_profile(), mode in any_mode(), any in any_body(), text in "[a-zA-Z0-9]{1,40}",
        id in any_id(), now in any_time(), seed: u8,
    ) {
        let any = if takes_any_body(profile) { any } else { body(profile, now, &text).into_bytes() };
        let secrets = [secret(profile, seed)];
        let sent = Sent::seal(profile, &secrets, now, &id, &any);
        prop_assert_eq!(sent.verify(&verifier(profile, &secrets, mode).unwrap(), now), Ok(0));
    }

    #[test]
    fn a_changed_body_does_not_verify(
        profile in any_profile().prop_filter("the body is covered", |profile| binds_body(profile)),
        any in any_body(), at: Index, bit in 0..8_u8, cut: bool,
    ) {
        let secrets = [secret(profile, 1)];
        let mut sent = Sent::seal(profile, &secrets, NOW, ID, &any);
        let touched = match (cut, any.is_empty()) {
            (true, false) => sent.body.remove(at.index(any.len())),
            (false, false) => {
                let at = at.index(any.len());
                sent.body[at] ^= 1 << bit;
                // Both the byte that was and the one that is may be ignored, and then the one before decides.
                if is_ignored(profile, sent.body[at]) { b' ' } else { any[at] }
            }
            (_, true) => {
                sent.body.push(b'x');
                b'x'
            }
        };
        prop_assume!(!is_ignored(profile, touched));
        // A quote that comes or goes moves the boundaries of strings, and with them what compacting drops.
        prop_assert!(sent.verify(&verifier(profile, &secrets, Mode::Strict).unwrap(), NOW).is_err());
    }

    #[test]
    fn a_changed_value_of_the_body_does_not_verify(
        profile in any_profile().prop_filter("the body has a form", |profile| !takes_any_body(profile)),
        at: Index, bit in 0..8_u8,
    ) {
        const TEXT: &str = "QVJKWXZ";
        // Graph compares a token, and covers nothing.
        prop_assume!(profile.name() != "ms-graph");
        let secrets = [secret(profile, 1)];
        let mut sent = Sent::seal(profile, &secrets, NOW, ID, body(profile, NOW, TEXT).as_bytes());
        let start = sent.body.windows(TEXT.len()).position(|text| text == TEXT.as_bytes()).unwrap();
        sent.body[start + at.index(TEXT.len())] ^= 1 << bit;
        prop_assert!(sent.verify(&verifier(profile, &secrets, Mode::Strict).unwrap(), NOW).is_err());
    }

    #[test]
    fn a_changed_header_does_not_verify(
        profile in any_profile().prop_filter("it writes headers", |profile| !Sent::seal(
            profile, &[secret(profile, 1)], NOW, ID, body(profile, NOW, "text").as_bytes()).headers.is_empty()),
        line: Index, at: Index, bit in 0..8_u8,
    ) {
        let secrets = [secret(profile, 1)];
        let mut sent = Sent::seal(profile, &secrets, NOW, ID, body(profile, NOW, "text").as_bytes());
        let line = line.index(sent.headers.len());
        let (name, value) = &mut sent.headers[line];
        // Where the key is from is not signed: its host is compared with a list.
        prop_assume!(name != "paypal-cert-url");
        let (at, before) = (at.index(value.len()), value.clone());
        value[at] ^= 1 << bit;
        // Of the lockers' versions every number is as good as another, as the document has it.
        let numbered = ["harbor-lockers", "convoy-advanced"].contains(&profile.name());
        prop_assume!(!numbered || value[at - at.min(1)] != b'v' || !value[at].is_ascii_digit());
        // The case of a hexadecimal digit is not a change of the signature, nor is that of `Basic` one of a password.
        prop_assume!(!value.eq_ignore_ascii_case(&before));
        prop_assert!(sent.verify(&verifier(profile, &secrets, Mode::Strict).unwrap(), NOW).is_err());
    }

    #[test]
    fn another_secret_does_not_verify(
        profile in any_profile(), mode in any_mode(), text in "[a-zA-Z0-9]{1,40}",
    ) {
        let sent = Sent::seal(profile, &[secret(profile, 1)], NOW, ID, body(profile, NOW, &text).as_bytes());
        let outcome = sent.verify(&verifier(profile, &[secret(profile, 2)], mode).unwrap(), NOW);
        let is_token = matches!(profile.scheme().algorithm(), Some(Algorithm::Token | Algorithm::Basic));
        let expected = if is_token { ErrorKind::TokenMismatch } else { ErrorKind::SignatureMismatch };
        prop_assert_eq!(outcome, Err(expected));
    }

    #[test]
    fn arbitrary_requests_never_panic_and_never_verify(
        profile in any_profile(),
        mode in any_mode(),
        values in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            r#"(t=|v1=|v1,|sha256=|,| |;|\||"|\(|\)|:|Basic |Bearer |[0-9a-f]{1,64}|[A-Za-z0-9_-]{4,40}|=|\.){0,12}"#.prop_map(String::into_bytes),
        ], 5),
        any in prop_oneof![
            any_body(),
            r#"(\{|\}|\[|\]|"|,|:|"value":|"signature":|"notificationItems":|"Type":|"Notification"|1|null){0,20}"#.prop_map(String::into_bytes),
            "(a|=|&|%|bt_signature|bt_payload|[|]|[0-9a-f]){0,20}".prop_map(String::into_bytes),
        ],
        url in r"(https://|[a-z]{1,5}|/|\?|&|=|#|%|signature|bodySHA256|\PC){0,10}",
        method in "\\PC{0,5}",
    ) {
        // The names that the profile itself writes, and what else it may read.
        let written = Sent::seal(profile, &[secret(profile, 1)], NOW, ID, body(profile, NOW, "text").as_bytes());
        let others = ["signature-input", "content-digest", "x-contentful-signed-headers"].map(str::to_owned);
        let names = written.headers.into_iter().map(|(name, _)| name).chain(others);
        let headers: Lines = names.zip(values.into_iter().cycle()).collect();
        let verifier = verifier(profile, &[secret(profile, 1)], mode).unwrap();
        let request = Request { method: &method, url: &url, headers: &headers, body: &any };
        prop_assert!(verifier.verify(&request, NOW).is_err());
    }
}

/// Profiles whose signatures cover where and how a request goes.
#[test]
fn a_changed_url_or_method_does_not_verify_where_it_is_covered() {
    let covers_url = [
        "contentful",
        "hubspot-v2",
        "hubspot-v3",
        "rfc9421-ed25519",
        "rfc9421-hmac",
        "square",
        "trello",
        "twilio-form",
        "twilio-json",
    ];
    let covers_method = ["contentful", "hubspot-v2", "hubspot-v3", "rfc9421-ed25519", "rfc9421-hmac"];
    for profile in signing() {
        let secrets = [secret(profile, 1)];
        let sent = Sent::seal(profile, &secrets, NOW, ID, body(profile, NOW, "text").as_bytes());
        let verifier = verifier(profile, &secrets, Mode::Strict).unwrap();
        let elsewhere = Sent { url: sent.url.replace("/in", "/on"), ..sent.clone() };
        let covered = covers_url.contains(&profile.name());
        assert_eq!(elsewhere.verify(&verifier, NOW).is_err(), covered, "{}: url", profile.name());
        let put = Sent { method: "PUT", ..sent };
        let covered = covers_method.contains(&profile.name());
        assert_eq!(put.verify(&verifier, NOW).is_err(), covered, "{}: method", profile.name());
    }
}

#[test]
fn every_profile_with_a_scheme_signs() {
    let silent: Vec<&str> = Profile::builtins()
        .filter(|profile| !profile.signs(Part::Delivery))
        .map(|profile| profile.name())
        .collect();
    assert_eq!(silent, ["cloudevents", "docker-hub"]);
    assert!(URL.contains("/in"));
}
