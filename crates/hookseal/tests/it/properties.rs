//! For every built-in profile: what is signed verifies, and what is changed does not.

use hookseal::{
    Algorithm, ErrorKind, Message, Mode, Part, Profile, Request, Timestamp, Verifier, VerifyOptions,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::{Lines, NOW, secret, sign, signing, verify};

/// A profile that signs, whatever the body.
fn any_profile() -> impl Strategy<Value = &'static Profile> {
    // These two have a value of their own in the body or the URL.
    let picky = ["linear", "twilio-json"];
    select(signing().filter(|profile| !picky.contains(&profile.name())).collect::<Vec<_>>())
}

/// A profile whose signature covers the body, byte by byte but for what [`is_ignored`] says.
fn any_binding_profile() -> impl Strategy<Value = &'static Profile> {
    // Fields of a form that trade places sign alike, so that one has a test of its own.
    let binds =
        |profile: &&Profile| !profile.scheme().flags().body_unsigned && profile.name() != "twilio-form";
    any_profile().prop_filter("the body is covered", binds)
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
fn is_ignored(profile: &Profile, byte: u8, mode: Mode) -> bool {
    let space = byte == b' ';
    let json = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    match profile.name() {
        "harbor-lockers" => space || mode == Mode::Compat && json,
        name => name.starts_with("convoy") && json,
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        profile in any_profile(), mode in any_mode(), body in any_body(), id in any_id(), now in any_time(), seed: u8,
    ) {
        let secrets = [secret(profile, seed)];
        let lines = sign(profile, &secrets, &Message::new(now, &id, &body)).unwrap();
        prop_assert_eq!(verify(profile, &secrets, mode, &lines, &body, now), Ok(0));
    }

    #[test]
    fn a_changed_body_does_not_verify(
        profile in any_binding_profile(), mode in any_mode(), body in any_body(), at: Index, bit in 0..8_u8, cut: bool,
    ) {
        let mut changed = body.clone();
        let touched = match (cut, body.is_empty()) {
            (true, false) => changed.remove(at.index(body.len())),
            (false, false) => {
                let at = at.index(body.len());
                changed[at] ^= 1 << bit;
                // Both the byte that was and the one that is may be ignored, and then the one before decides.
                if is_ignored(profile, changed[at], mode) { b' ' } else { body[at] }
            }
            (_, true) => {
                changed.push(b'x');
                b'x'
            }
        };
        prop_assume!(!is_ignored(profile, touched, mode));
        let secrets = [secret(profile, 1)];
        let lines = sign(profile, &secrets, &Message::new(NOW, "id", &body)).unwrap();
        // A quote that comes or goes moves the boundaries of strings, and with them what compacting drops.
        let outcome = verify(profile, &secrets, Mode::Strict, &lines, &changed, NOW);
        prop_assert_eq!(outcome, Err(ErrorKind::SignatureMismatch));
    }

    #[test]
    fn a_changed_header_does_not_verify(
        profile in any_profile(), line: Index, at: Index, bit in 0..8_u8,
    ) {
        let secrets = [secret(profile, 1)];
        let lines = sign(profile, &secrets, &Message::new(NOW, "id", b"{}")).unwrap();
        let mut changed = lines.clone();
        let value = &mut changed[line.index(lines.len())].1;
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        // Of the lockers' versions every number is as good as another, as the document has it.
        prop_assume!(profile.name() != "harbor-lockers" || value[at - at.min(1)] != b'v' || !value[at].is_ascii_digit());
        // The case of a hexadecimal digit is not a change of the signature.
        let same = value.eq_ignore_ascii_case(&lines[line.index(lines.len())].1);
        prop_assume!(!same);
        let outcome = verify(profile, &secrets, Mode::Strict, &changed, b"{}", NOW);
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn another_secret_does_not_verify(profile in any_profile(), mode in any_mode(), body in any_body()) {
        let lines = sign(profile, &[secret(profile, 1)], &Message::new(NOW, "id", &body)).unwrap();
        let outcome = verify(profile, &[secret(profile, 2)], mode, &lines, &body, NOW);
        let is_token = matches!(profile.scheme().algorithm(), Some(Algorithm::Token | Algorithm::Basic));
        let expected = if is_token { ErrorKind::TokenMismatch } else { ErrorKind::SignatureMismatch };
        prop_assert_eq!(outcome, Err(expected));
    }

    #[test]
    fn arbitrary_headers_never_panic_and_never_verify(
        profile in any_profile(),
        mode in any_mode(),
        values in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            "(t=|v1=|v1,|sha256=|,| |[0-9a-f]{1,64}|=){0,12}".prop_map(String::into_bytes),
        ], 4),
        body in any_body(),
    ) {
        let names = ["signature", "timestamp", "id", "webhook-signature", "webhook-timestamp", "webhook-id",
            "x-harbor-signature", "x-harbor-timestamp", "harbor-signature", "x-harmon-signature",
            "x-harvestr-webhook-signature"];
        let lines: Lines = names.iter().zip(values.iter().cycle()).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let options = VerifyOptions { mode, ..VerifyOptions::default() };
        let verifier = Verifier::new(profile, Part::Delivery, &[secret(profile, 1)], options).unwrap();
        let request = Request { method: "POST", url: "", headers: &lines, body: &body };
        prop_assert!(verifier.verify(&request, NOW).is_err());
    }
}
