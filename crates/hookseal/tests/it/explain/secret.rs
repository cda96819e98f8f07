use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hookseal::explain::Code;
use hookseal::{Profile, Secret};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{Received, any_body_signing, body_signing, check, proven, secret_of};

/// `used` made the signature and `configured` is what it is verified with.
#[track_caller]
fn mistake(profile: &Profile, used: &[u8], configured: &[u8], codes: &[Code]) {
    let mut request = Received::signed(profile, &Secret::new(used), b"{\"a\": 1}");
    request.secrets = vec![Secret::new(configured)];
    check(&request, profile, codes);
}

/// The same profile with another way from the secret to the key.
fn with_key(profile: &Profile, key: &str) -> Profile {
    Profile::parse(&format!("name = \"other\"\nextends = \"{}\"\n[scheme]\nkey = [{key}]", profile.name()))
        .unwrap()
}

/// The signing side reads the secret by `key`, and the profile by its own.
#[track_caller]
fn other_key(profile: &Profile, key: &str, secret: &[u8], code: Code) {
    let secret = Secret::new(secret);
    let request = Received::signed(&with_key(profile, key), &secret, b"{\"a\": 1}");
    check(&request, profile, &[code]);
}

/// Profiles whose key is the text of the secret.
fn text_keyed() -> impl Strategy<Value = &'static Profile> {
    let text = |profile: &&'static Profile| profile.source().contains("key = [\"utf8\"]");
    select(body_signing().into_iter().filter(text).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pasted_with_something_around_it(profile in any_body_signing()) {
        let secret = secret_of(profile);
        let secret = secret.expose();
        mistake(profile, secret, &[secret, b"\n"].concat(), &[Code::SecretTrailingNewline]);
        mistake(profile, secret, &[secret, b"\r\n"].concat(), &[Code::SecretTrailingNewline]);
        mistake(profile, secret, &[b" ", secret, b" "].concat(), &[Code::SecretSurroundingWhitespace]);
        for quote in [&b"\""[..], b"'", b"`"] {
            mistake(profile, secret, &[quote, secret, quote].concat(), &[Code::SecretSurroundingQuotes]);
        }
        let both = [b" '", secret, b"'\n"].concat();
        mistake(profile, secret, &both, &[Code::SecretSurroundingWhitespace, Code::SecretSurroundingQuotes]);
        mistake(profile, secret, &[b"WEBHOOK_SECRET=", secret].concat(), &[Code::SecretAssignment]);
    }

    #[test]
    fn read_from_a_file_by_the_sender(profile in text_keyed()) {
        let secret = secret_of(profile);
        mistake(profile, &[secret.expose(), b"\n"].concat(), secret.expose(), &[Code::SecretTrailingNewline]);
    }

    #[test]
    fn percent_encoded(profile in text_keyed(), secret in "[a-z]{20}[/+ =]") {
        let encoded = secret.replace('/', "%2F").replace('+', "%2B").replace(' ', "%20").replace('=', "%3D");
        mistake(profile, secret.as_bytes(), encoded.as_bytes(), &[Code::SecretUrlEncoded]);
        // A space at the end is white space before it is anything else.
        if !secret.ends_with(' ') {
            mistake(profile, encoded.as_bytes(), secret.as_bytes(), &[Code::SecretUrlEncoded]);
        }
    }

    #[test]
    fn decoded_or_not(profile in text_keyed(), bytes in proptest::collection::vec(any::<u8>(), 25)) {
        let base64 = STANDARD.encode(&bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        other_key(profile, "\"base64\"", base64.as_bytes(), Code::SecretBase64Decoded);
        other_key(profile, "\"hex\"", hex.as_bytes(), Code::SecretHexDecoded);
        let prefixed = format!("whsec_{base64}");
        other_key(profile, "\"strip-prefix:whsec_\", \"base64\"", prefixed.as_bytes(), Code::SecretBase64Decoded);
        other_key(profile, "\"strip-prefix:whsec_\"", prefixed.as_bytes(), Code::SecretPrefixDropped);
        mistake(profile, base64.as_bytes(), &bytes, &[Code::SecretBase64Encoded]);
        mistake(profile, hex.as_bytes(), &bytes, &[Code::SecretHexEncoded]);
        mistake(profile, hex.as_bytes(), hex.to_ascii_uppercase().as_bytes(), &[Code::SecretLetterCase]);
    }

    #[test]
    fn prefixes(profile in text_keyed(), secret in "[A-Za-z0-9]{24,32}") {
        let prefixed = format!("whsec_{secret}");
        mistake(profile, prefixed.as_bytes(), secret.as_bytes(), &[Code::SecretPrefixMissing]);
        mistake(profile, secret.as_bytes(), prefixed.as_bytes(), &[Code::SecretPrefixDropped]);
    }

    #[test]
    fn not_set(profile in any_body_signing()) {
        let secret = secret_of(profile);
        for unset in [&b"\0"[..], b"undefined"] {
            let mut request = Received::signed(&with_key(profile, "\"utf8\""), &Secret::new(unset), b"{}");
            request.secrets = vec![secret.clone()];
            check(&request, profile, &[Code::SecretUnset]);
        }
    }

    #[test]
    fn another_one(profile in any_body_signing()) {
        let other = profile.delivery().new_secret(&[9; 32]);
        let mut request = Received::signed(profile, &other, b"{}");
        request.secrets = vec![secret_of(profile)];
        check(&request, profile, &[]);
        request.other_secrets = vec![profile.delivery().new_secret(&[8; 32]), other];
        check(&request, profile, &[Code::SecretOther]);
        let explanation = request.explain(profile);
        prop_assert_eq!(explanation.findings()[0].detail("other_secret"), Some("2"));
    }

    #[test]
    fn together_with_another_body(profile in any_body_signing()) {
        let secret = secret_of(profile);
        let mut request = Received::signed(profile, &secret, b"{\"a\":1}");
        request.secrets = vec![Secret::new([b"\"", secret.expose(), b"\""].concat())];
        request.body = b"{\"a\": 1}\n".to_vec();
        let explanation = request.explain(profile);
        let mut codes = proven(&explanation);
        codes.sort();
        prop_assert_eq!(codes, [Code::BodyJsonReserialised, Code::SecretSurroundingQuotes]);
    }
}

#[test]
fn the_secret_of_standard_webhooks_as_text() {
    // Polar signs with the text of the secret.
    let profile = Profile::builtin("standard-webhooks").unwrap();
    let secret = secret_of(profile);
    other_key(profile, "\"utf8\"", secret.expose(), Code::SecretUsedAsText);
    other_key(profile, "\"strip-prefix:whsec_\"", secret.expose(), Code::SecretPrefixDropped);
}

#[test]
fn the_secret_is_numbered_among_several() {
    let profile = Profile::builtin("stripe").unwrap();
    let mut request = Received::signed(profile, &Secret::new("second"), b"{}");
    request.secrets = vec![Secret::new("first"), Secret::new("second\n")];
    let explanation = request.explain(profile);
    assert_eq!(explanation.findings()[0].detail("secret"), Some("2"), "{explanation}");
}

fn token(name: &str, sent: &str, configured: &str, codes: &[Code]) {
    let profile = Profile::builtin(name).unwrap();
    let mut request = Received::signed(profile, &Secret::new(sent), b"{}");
    request.secrets = vec![Secret::new(configured)];
    check(&request, profile, codes);
}

#[test]
fn tokens() {
    for profile in ["okta", "gitlab-token", "cloudflare-notifications"] {
        token(profile, "s3cret-token", "s3cret-token\n", &[Code::SecretTrailingNewline]);
        token(profile, "s3cret-token", "\"s3cret-token\"", &[Code::SecretSurroundingQuotes]);
        token(profile, "s3cret-token", " s3cret-token", &[Code::SecretSurroundingWhitespace]);
        token(profile, "s3cret-token", "S3CRET-TOKEN", &[Code::SecretLetterCase]);
        token(profile, "Bearer s3cret-token", "s3cret-token", &[Code::SecretSchemeName]);
        token(profile, "s3cret-token", "Bearer s3cret-token", &[Code::SecretSchemeName]);
        token(profile, "s3cret-token", "quite-another", &[]);
    }
    token("postmark", "user:password", &STANDARD.encode("user:password"), &[Code::SecretBase64Decoded]);
    token("postmark", "user:password", "user:password\n", &[Code::SecretTrailingNewline]);
}
