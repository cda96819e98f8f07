use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hookseal::explain::Code;
use hookseal::{Algorithm, DigestKind, Profile};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{ADMIT_ALL, Received, body_signing, check, secret_of, signature_table};

/// The same profile with other keys under `[scheme]` and `[scheme.signature]`.
fn variant(profile: &Profile, scheme: &str, signature: &str) -> Profile {
    let document = format!(
        "name = \"other\"\nextends = \"{}\"\n[scheme]\n{ADMIT_ALL}\n{scheme}\n[scheme.signature]\n{signature}",
        profile.name()
    );
    Profile::parse(&document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

/// Signed by a variant, and verified by the profile.
#[track_caller]
fn mistake(profile: &Profile, scheme: &str, signature: &str, codes: &[Code]) {
    let request = Received::signed(&variant(profile, scheme, signature), &secret_of(profile), b"{\"a\": 1}");
    check(&request, profile, codes);
}

fn in_one_header() -> impl Strategy<Value = &'static Profile> {
    let one = |profile: &&'static Profile| {
        profile.scheme().algorithm().is_some() && profile.scheme().signature_header().is_some()
    };
    select(body_signing().into_iter().filter(one).collect::<Vec<_>>())
}

fn encodings(profile: &Profile) -> (&'static str, [&'static str; 2]) {
    let is = |name: &str| signature_table(profile).contains(&format!("encoding = \"{name}\""));
    match (is("base64"), is("base64url")) {
        (true, _) => ("base64", ["hex", "base64url"]),
        (_, true) => ("base64url", ["hex", "base64"]),
        _ => ("hex", ["base64", "base64url"]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn other_encodings(profile in in_one_header()) {
        for other in encodings(profile).1 {
            mistake(profile, "", &format!("encoding = \"{other}\""), &[Code::SignatureEncoding]);
        }
    }

    #[test]
    fn other_digests(profile in in_one_header()) {
        let own = profile.scheme().algorithm().unwrap();
        for other in [DigestKind::Sha1, DigestKind::Sha256, DigestKind::Sha512].map(Algorithm::Hmac) {
            if other != own {
                mistake(profile, &format!("algorithm = \"{}\"", other.as_str()), "", &[Code::SignatureAlgorithm]);
            }
        }
    }

    #[test]
    fn other_digests_in_other_encodings(profile in in_one_header()) {
        let other = match profile.scheme().algorithm() {
            Some(Algorithm::Hmac(DigestKind::Sha512)) => "hmac-sha256",
            _ => "hmac-sha512",
        };
        let encoding = format!("encoding = \"{}\"", encodings(profile).1[0]);
        let codes = [Code::SignatureEncoding, Code::SignatureAlgorithm];
        mistake(profile, &format!("algorithm = \"{other}\""), &encoding, &codes);
    }

    #[test]
    fn encoded_twice(profile in in_one_header()) {
        let mut request = Received::signed(&variant(profile, "", "encoding = \"hex\""), &secret_of(profile), b"{}");
        let header = profile.scheme().signature_header().unwrap().to_owned();
        let value = request.text(&header);
        let digest = longest_hex(&value);
        *request.line(&header) = value.replace(&digest, &STANDARD.encode(&digest)).into_bytes();
        check(&request, profile, &[Code::SignatureDoubleEncoded]);
    }

    #[test]
    fn in_another_header(profile in in_one_header(), name in "x-(acme|proxied|y2)-(signature|hmac|sig)") {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        let own = profile.scheme().signature_header().unwrap();
        request.lines.iter_mut().filter(|(line, _)| line == own).for_each(|(line, _)| line.clone_from(&name));
        let explanation = request.explain(profile);
        prop_assert_eq!(super::support::proven(&explanation), [Code::SignatureInOtherHeader], "{}", explanation);
        prop_assert_eq!(explanation.findings()[0].detail("header"), Some(name.as_str()));
    }

    #[test]
    fn arbitrary_headers_never_panic(
        profile in in_one_header(),
        value in prop_oneof![
            "(t=|v1=|v1,|sha256=|,| |[0-9a-f]{40,64}|=|%2B|:){0,12}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..80),
        ],
    ) {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        let header = profile.scheme().signature_header().unwrap().to_owned();
        *request.line(&header) = value;
        check(&request, profile, &[]);
    }
}

fn longest_hex(value: &str) -> String {
    let parts = value.split(|character: char| !character.is_ascii_hexdigit());
    parts.max_by_key(|part| part.len()).unwrap().to_owned()
}

#[track_caller]
fn rewritten(name: &str, change: impl FnOnce(String) -> String, codes: &[Code]) {
    let profile = Profile::builtin(name).unwrap();
    let mut request = Received::signed(profile, &secret_of(profile), b"{}");
    let header = profile.scheme().signature_header().unwrap().to_owned();
    *request.line(&header) = change(request.text(&header)).into_bytes();
    check(&request, profile, codes);
}

#[test]
fn prefixes_and_versions() {
    rewritten("github-sha256", |value| value.replace("sha256=", ""), &[Code::SignatureGrammar]);
    rewritten("github-sha256", |value| value.replace("sha256=", "hmac-sha256="), &[Code::SignatureGrammar]);
    rewritten("harvestr", |value| format!("sha256={value}"), &[Code::SignatureGrammar]);
    rewritten("stripe", |value| value.replace("v1=", "v0="), &[Code::SignatureGrammar]);
    rewritten("stripe", |value| value.replace(',', ";"), &[Code::SignatureGrammar]);
    rewritten("standard-webhooks", |value| value.replace("v1,", ""), &[Code::SignatureGrammar]);
    rewritten("shopify", |value| format!("\"{value}\""), &[Code::SignatureGrammar]);
    rewritten(
        "shopify",
        |value| value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        &[Code::SignatureEncoding],
    );
}

#[test]
fn padding_and_alphabet() {
    rewritten("shopify", |value| value.trim_end_matches('=').to_owned(), &[Code::SignatureEncoding]);
    let url = |value: String| URL_SAFE_NO_PAD.encode(STANDARD.decode(value).unwrap());
    rewritten("shopify", url, &[Code::SignatureEncoding]);
    rewritten("github-sha256", |value| value.replace("sha256=", "SHA256="), &[Code::SignatureGrammar]);
}

#[test]
fn upper_case_digits_where_lower_case_ones_are_documented() {
    let lower: Vec<_> =
        body_signing().into_iter().filter(|profile| profile.source().contains("hex-lower")).collect();
    assert!(!lower.is_empty());
    for profile in lower {
        let upper = |value: String| {
            let digest = longest_hex(&value);
            value.replace(&digest, &digest.to_ascii_uppercase())
        };
        rewritten(profile.name(), upper, &[Code::SignatureUpperCase]);
    }
}
