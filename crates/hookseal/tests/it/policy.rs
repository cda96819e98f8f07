//! What a verifier insists on beyond the signature itself.

use std::time::Duration;

use hookseal::{
    ErrorKind, Message, Mode, Params, Part, Profile, Request, Secret, SecretError, Signer, Timestamp,
    ToleranceOverride, Verifier, VerifyOptions,
};

use crate::support::{ID, Lines, NOW, builtin, params, secret, sign, signing, verify};

fn signed(profile: &Profile, body: &[u8]) -> (Vec<Secret>, Lines) {
    let secrets = vec![secret(profile, 1)];
    let lines = sign(profile, &secrets, &Message::new(NOW, ID, body)).unwrap();
    (secrets, lines)
}

#[test]
fn a_secret_that_is_missing_empty_or_of_another_kind_is_an_error_and_never_a_pass() {
    let new = |name: &str, secrets: &[&str]| {
        let secrets: Vec<Secret> = secrets.iter().copied().map(Secret::new).collect();
        let options = VerifyOptions { params: params(), ..VerifyOptions::default() };
        let verifier = Verifier::new(builtin(name), Part::Delivery, &secrets, options).map(|_| ());
        let signer = Signer::new(builtin(name), Part::Delivery, &secrets, &params()).map(|_| ());
        assert_eq!(verifier, signer);
        verifier
    };
    for profile in signing() {
        assert_eq!(new(profile.name(), &[]), Err(SecretError::Missing));
        assert_eq!(new(profile.name(), &[""]), Err(SecretError::Empty { index: 0 }));
    }
    assert_eq!(new("harmon", &["good", ""]), Err(SecretError::Empty { index: 1 }));
    let undecodable = SecretError::Undecodable { index: 0, expected: "canonical base64 with padding" };
    for secret in ["whsec_***", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ\n", "plain text"] {
        assert_eq!(new("standard-webhooks", &[secret]), Err(undecodable.clone()), "{secret}");
    }
    assert_eq!(new("standard-webhooks", &["whsec_"]), Err(SecretError::Empty { index: 0 }));
    for prefix in ["whpk_", "whsk_"] {
        let wrong = SecretError::WrongKind { index: 0, prefix: prefix.to_owned() };
        assert_eq!(new("standard-webhooks", &[&format!("{prefix}1SiA4o9hyqTCpIqC5V9HUQ==")]), Err(wrong));
    }
}

#[test]
fn a_part_that_a_profile_does_not_have_is_an_error() {
    let verifier =
        Verifier::new(builtin("harmon"), Part::Challenge, &[Secret::new("s")], VerifyOptions::default());
    assert_eq!(verifier.map(|_| ()), Err(SecretError::NoSuchPart));
}

#[test]
fn only_some_profiles_go_unsigned() {
    let allowed: Vec<&str> = Profile::builtins()
        .filter(|profile| Signer::unsigned(profile).is_ok())
        .map(|profile| profile.name())
        .collect();
    assert_eq!(allowed, ["cloudevents", "docker-hub", "harbor-lockers", "harvestr"]);
    assert_eq!(Signer::unsigned(builtin("harmon")).map(|_| ()), Err(SecretError::UnsignedRefused));
}

#[test]
fn the_bounds_of_the_tolerance_are_inclusive_to_the_millisecond() {
    let profile = builtin("harbor-node");
    let (secrets, lines) = signed(profile, b"{}");
    let at = |millis: i64| {
        let now = Timestamp::from_unix_millis(NOW.as_unix_millis() + millis);
        verify(profile, &secrets, Mode::Strict, &lines, b"{}", now)
    };
    assert_eq!(at(300_000), Ok(0));
    assert_eq!(at(300_001), Err(ErrorKind::TimestampTooOld));
    assert_eq!(at(-300_000), Ok(0));
    assert_eq!(at(-300_001), Err(ErrorKind::TimestampTooNew));
}

#[test]
fn the_tolerance_can_be_set_for_each_direction() {
    let profile = builtin("harbor-transfers");
    let (secrets, lines) = signed(profile, b"{}");
    let at = |tolerance: ToleranceOverride, seconds: i64| {
        let options = VerifyOptions { tolerance, ..VerifyOptions::default() };
        let verifier = Verifier::new(profile, Part::Delivery, &secrets, options).unwrap();
        let request = Request { method: "POST", url: "", headers: &lines, body: b"{}" };
        let now = Timestamp::from_unix_seconds(NOW.as_unix_seconds() + seconds);
        verifier.verify(&request, now).map(|_| ()).map_err(|error| error.kind())
    };
    let apart = ToleranceOverride::Apart { past: Duration::from_secs(10), future: Duration::ZERO };
    assert_eq!(at(apart, 10), Ok(()));
    assert_eq!(at(apart, 11), Err(ErrorKind::TimestampTooOld));
    assert_eq!(at(apart, -1), Err(ErrorKind::TimestampTooNew));
    assert_eq!(at(ToleranceOverride::Off, 1_000_000_000), Ok(()));
    assert_eq!(at(ToleranceOverride::Both(Duration::from_secs(1)), 2), Err(ErrorKind::TimestampTooOld));
}

#[test]
fn the_signature_is_checked_before_the_clock() {
    let profile = builtin("harbor-transfers");
    let (secrets, lines) = signed(profile, b"{}");
    let late = Timestamp::from_unix_seconds(NOW.as_unix_seconds() + 1000);
    let tampered = verify(profile, &secrets, Mode::Strict, &lines, b"[]", late);
    assert_eq!(tampered, Err(ErrorKind::SignatureMismatch));
}

#[test]
fn every_header_that_takes_part_stands_once() {
    for name in ["standard-webhooks", "harbor-node"] {
        let profile = builtin(name);
        let (secrets, lines) = signed(profile, b"{}");
        for line in &lines {
            let mut twice = lines.clone();
            twice.push(line.clone());
            let outcome = verify(profile, &secrets, Mode::Compat, &twice, b"{}", NOW);
            assert_eq!(outcome, Err(ErrorKind::DuplicateHeader), "{name}: {}", line.0);
        }
    }
}

#[test]
fn control_characters_are_refused_wherever_they_stand() {
    let profile = builtin("standard-webhooks");
    let (secrets, lines) = signed(profile, b"{}");
    let expected = [ErrorKind::MalformedId, ErrorKind::MalformedTimestamp, ErrorKind::MalformedSignature];
    for (index, expected) in expected.into_iter().enumerate() {
        for byte in [b'\r', b'\n', 0, 0x7f] {
            let mut changed = lines.clone();
            changed[index].1.insert(3, byte);
            let outcome = verify(profile, &secrets, Mode::Compat, &changed, b"{}", NOW);
            assert_eq!(outcome, Err(expected), "{}", changed[index].0);
        }
    }
}

#[test]
fn outer_spaces_of_a_header_carry_no_meaning() {
    let profile = builtin("harmon");
    let (secrets, mut lines) = signed(profile, b"{}");
    lines[0].1 = [b" \t", lines[0].1.as_slice(), b" "].concat();
    assert_eq!(verify(profile, &secrets, Mode::Strict, &lines, b"{}", NOW), Ok(0));
}

#[test]
fn what_is_not_signed_is_unauthenticated() {
    let profile = builtin("harmon");
    let (secrets, mut lines) = signed(profile, b"{}");
    lines.push(("X-Harmon-Event".to_owned(), b"order.confirmed".to_vec()));
    lines.push(("X-Harmon-Delivery".to_owned(), b"7d0f4c0e".to_vec()));
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
    let request = Request { method: "POST", url: "", headers: &lines, body: b"{}" };
    let verified = verifier.verify(&request, NOW).unwrap();
    assert_eq!((verified.id(), verified.event_type(), verified.timestamp()), (None, None, None));
    assert_eq!(verified.unauthenticated().id(), Some("7d0f4c0e"));
    assert_eq!(verified.unauthenticated().event_type(), Some("order.confirmed"));
    assert_eq!(verified.flags().names().collect::<Vec<_>>(), ["replayable"]);
}

#[test]
fn what_stands_in_the_body_is_read_from_it_and_no_error_where_it_is_missing() {
    let profile = builtin("stripe");
    for (body, id, event_type) in [
        (r#"{"id":"evt_1","type":"charge.failed"}"#, Some("evt_1"), Some("charge.failed")),
        (r#"{"type":"charge.failed","id":{}}"#, None, Some("charge.failed")),
        ("[]", None, None),
        ("no JSON", None, None),
    ] {
        let (secrets, lines) = signed(profile, body.as_bytes());
        let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
        let request = Request { method: "POST", url: "", headers: &lines, body: body.as_bytes() };
        let verified = verifier.verify(&request, NOW).unwrap();
        let of_copy = verified.clone();
        assert_eq!((verified.id(), verified.event_type()), (id, event_type), "{body}");
        let claimed = verified.unauthenticated();
        assert_eq!((claimed.id(), claimed.event_type()), (None, None), "{body}");
        let owned = of_copy.into_owned(&bytes::Bytes::copy_from_slice(body.as_bytes()));
        assert_eq!((owned.id(), owned.event_type()), (id, event_type), "{body}");
    }
}

#[test]
fn what_is_signed_is_handed_over_directly() {
    let profile = builtin("standard-webhooks");
    let (secrets, lines) = signed(profile, b"{}");
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
    let request = Request { method: "POST", url: "", headers: &lines, body: b"{}" };
    let verified = verifier.verify(&request, NOW).unwrap();
    assert_eq!((verified.id(), verified.timestamp()), (Some(ID), Some(NOW)));
    assert_eq!(verified.unauthenticated().id(), None);
    assert_eq!(verified.flags(), hookseal::Flags::default());
}

#[test]
fn the_lockers_body_is_flagged_as_malleable_and_the_reading_named() {
    let profile = builtin("harbor-lockers");
    let (secrets, lines) = signed(profile, b"{\"a\": 1}");
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
    let request = Request { method: "POST", url: "", headers: &lines, body: b"{\"a\":1}" };
    let verified = verifier.verify(&request, NOW).unwrap();
    assert_eq!(verified.matched_reading(), hookseal::BodyReading::StripSpaces);
    assert!(verified.flags().body_malleable);
    assert_eq!(verified.body(), b"{\"a\":1}");
}

/// The digest of an empty secret is a key like any other, and anybody can make it.
#[test]
fn an_empty_secret_is_refused_before_it_is_hashed() {
    let profile = Profile::builtin("braintree").unwrap();
    let secrets = [Secret::new("integration_private_key"), Secret::new("")];
    let params = Params::new().with("public_key", "integration_public_key");
    let options = VerifyOptions { params, ..VerifyOptions::default() };
    let refused = Verifier::new(profile, Part::Delivery, &secrets, options).unwrap_err();
    assert_eq!(refused, SecretError::Empty { index: 1 });
}
