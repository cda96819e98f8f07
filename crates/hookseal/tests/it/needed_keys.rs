//! Keys that are fetched: what a request is read to need, and what verifies with what was then found.

use hookseal::vectors::Vector;
use hookseal::{
    ErrorKind, KeyReference, Params, Part, Profile, Request, Secret, SecretError, Timestamp, Verifier,
    VerifyError, VerifyOptions,
};

use proptest::prelude::*;

use crate::support::builtin;
use crate::vectors::file;

const FETCHED: [&str; 5] = ["aws-sns", "fal-ai", "google-pubsub", "paypal", "plaid"];

fn verifier(profile: &Profile, params: Params) -> Verifier {
    Verifier::for_fetched_keys(profile, Part::Delivery, VerifyOptions { params, ..VerifyOptions::default() })
        .unwrap()
}

/// Runs a vector as a receiver without secrets: reads what is needed, then verifies with the vector's key.
fn run(vector: &Vector) -> (Result<Option<KeyReference>, VerifyError>, Result<(), ErrorKind>) {
    let verifier = verifier(builtin(&vector.scheme), vector.params());
    let body = vector.request.body();
    let request = Request {
        method: &vector.request.method,
        url: &vector.request.url,
        headers: &vector.request.headers,
        body: &body,
    };
    let keys: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let outcome = verifier.verify_with_keys(&request, Timestamp::from_unix_seconds(vector.now_unix), &keys);
    (verifier.needed_key(&request), outcome.map(|_| ()).map_err(|error| error.kind()))
}

#[test]
fn every_vector_has_its_outcome_with_the_key_given_afterwards() {
    let file = file();
    let mut valid = Vec::new();
    for vector in file.vectors().iter().filter(|vector| FETCHED.contains(&vector.scheme.as_str())) {
        if vector.mode.as_deref() == Some("compat") {
            continue;
        }
        let (needed, outcome) = run(vector);
        match vector.expect.0.as_str() {
            "valid" => {
                assert_eq!(outcome, Ok(()), "{}", vector.id);
                valid.push((vector.scheme.clone(), needed.unwrap().unwrap().to_string()));
            }
            kind => assert_eq!(outcome.unwrap_err().as_str(), kind, "{}", vector.id),
        }
    }
    for name in FETCHED {
        let (_, needed) = valid.iter().find(|(scheme, _)| scheme == name).unwrap();
        let expected = match name {
            "aws-sns" => "the certificate at https://sns.",
            "fal-ai" => "the keys of https://rest.fal.ai/.well-known/jwks.json",
            "google-pubsub" => "the key `",
            "paypal" => "the certificate at https://api.paypal.com/",
            _ => {
                "the key `6c5516e1-92dc-479e-a8ff-5a51992e0001` of https://production.plaid.com/webhook_verification_key/get"
            }
        };
        assert!(needed.starts_with(expected), "{needed}");
    }
}

#[test]
fn nothing_is_needed_of_a_stranger_or_for_what_cannot_verify() {
    let file = file();
    let needed = |id: &str| run(file.vectors().iter().find(|vector| vector.id == id).unwrap()).0;
    for id in ["sns-evil-cert-host", "sns-s3-host", "paypal-evil-cert-url"] {
        assert_eq!(needed(id).unwrap_err().kind(), ErrorKind::UntrustedKeyUrl, "{id}");
    }
    for id in ["plaid-alg-none", "plaid-alg-hs256-with-public-key"] {
        assert_eq!(needed(id).unwrap_err().kind(), ErrorKind::UnsupportedAlgorithm, "{id}");
    }
    for name in FETCHED {
        let profile = builtin(name);
        let params = Params::new().with("webhook_id", "w").with("audience", "a").with("email", "e");
        let none: [(&str, &str); 0] = [];
        let request = Request { method: "POST", url: "", headers: &none, body: b"{}" };
        assert!(verifier(profile, params).needed_key(&request).is_err(), "{name}");
    }
}

#[test]
fn only_what_is_published_goes_without_a_secret() {
    for profile in Profile::builtins() {
        let fetched = FETCHED.contains(&profile.name());
        assert_eq!(profile.scheme().fetches_key(), fetched, "{}", profile.name());
        let options = VerifyOptions::default();
        let made = Verifier::for_fetched_keys(profile, Part::Delivery, options).map(|_| ());
        if !fetched {
            assert_eq!(made, Err(SecretError::Missing), "{}", profile.name());
        }
    }
}

#[test]
fn without_a_key_nothing_verifies() {
    let file = file();
    let vector = file.vectors().iter().find(|vector| vector.id == "fal-valid").unwrap();
    let verifier = verifier(builtin("fal-ai"), Params::new());
    let body = vector.request.body();
    let request = Request { method: "POST", url: "", headers: &vector.request.headers, body: &body };
    let now = Timestamp::from_unix_seconds(vector.now_unix);
    let kind = |outcome: Result<hookseal::Verified<'_>, VerifyError>| outcome.unwrap_err().kind();
    assert_eq!(kind(verifier.verify(&request, now)), ErrorKind::UnknownKey);
    let with = |keys: &[&str]| {
        let keys: Vec<Secret> = keys.iter().copied().map(Secret::new).collect();
        verifier.verify_with_keys(&request, now, &keys).map(|verified| verified.matched_secret())
    };
    let raw = vector.secret.as_str();
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"mnRwwgInOQijJ-A60oEujFCGH9DDguyFQOk5gN5t_WA"}"#;
    let for_encryption = jwk.replacen('{', r#"{"use":"enc","#, 1);
    let of_another_kind = r#"{"kty":"RSA","n":"gAE","e":"AQAB"}"#;
    assert_eq!(with(&[]).unwrap_err().kind(), ErrorKind::UnknownKey);
    for other in ["", "nonsense", of_another_kind, &for_encryption] {
        assert_eq!(with(&[other]).unwrap_err().kind(), ErrorKind::UnknownKey, "{other}");
    }
    assert_eq!(with(&[raw]), Ok(0));
    assert_eq!(with(&[jwk]), Ok(0));
    assert_eq!(with(&[of_another_kind, jwk]), Ok(1));
    let other = jwk.replace("mnRw", "AnRw");
    assert_eq!(with(&[&other]).unwrap_err().kind(), ErrorKind::SignatureMismatch);
    assert_eq!(with(&[&other, jwk]), Ok(1));
    let many = [&[other.as_str(); hookseal::limits::MAX_FETCHED_KEYS][..], &[jwk]].concat();
    assert_eq!(with(&many).unwrap_err().kind(), ErrorKind::SignatureMismatch);
}

#[test]
fn a_token_names_its_key_in_visible_characters() {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let verifier = verifier(builtin("plaid"), Params::new());
    let needed = |header: &str| {
        let token = format!("{}.{}.{}", encode(header), encode("{}"), encode("signature"));
        let headers = [("Plaid-Verification", token)];
        verifier.needed_key(&Request { method: "POST", url: "", headers: &headers, body: b"" })
    };
    let Some(KeyReference::Api(key)) = needed(r#"{"alg":"ES256","kid":"k-1"}"#).unwrap() else { panic!() };
    assert_eq!((key.id(), key.api()), ("k-1", "https://production.plaid.com/webhook_verification_key/get"));
    let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
    for header in [
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":""}"#,
        r#"{"alg":"ES256","kid":7}"#,
        r#"{"alg":"ES256","kid":"a b"}"#,
        "{\"alg\":\"ES256\",\"kid\":\"a\\n\"}",
        r#"{"alg":"ES256","kid":"ü"}"#,
        &long,
    ] {
        assert_eq!(needed(header).unwrap_err().kind(), ErrorKind::UnknownKey, "{header}");
    }
}

#[test]
fn a_profile_fetches_public_keys_from_one_place_over_https() {
    let profile = |algorithm: &str, source: &str| {
        Profile::parse(&format!(
            "name = \"mine\"\n[scheme]\nalgorithm = \"{algorithm}\"\nkey = [\"utf8\"]\n[scheme.signature]\nheader = \"x\"\n{source}"
        ))
        .map(|_| ())
        .map_err(|errors| errors.to_string())
    };
    let set = "[scheme.key-set]\nurl = \"https://keys.example/jwks.json\"\n";
    let url = "[scheme.key-url]\nheader = \"x-url\"\nhosts = [\"keys.example\"]\n";
    assert_eq!(profile("jwt-rs256", set), Ok(()));
    assert_eq!(profile("jwt-es256", url), Ok(()));
    for (algorithm, source, words) in [
        ("jwt-hs256", set, "only a public key"),
        ("token", url, "only a public key"),
        ("jwt-rs256", &format!("{set}{url}"), "either at a `key-url` or in a `key-set`"),
        ("jwt-rs256", "[scheme.key-set]\nurl = \"http://keys.example/\"", "begins with https://"),
        ("jwt-rs256", "[scheme.key-set]\nurl = \"https://user@keys.example/\"", "begins with https://"),
        ("jwt-rs256", "[scheme.key-set]\nurl = \"https:///jwks.json\"", "begins with https://"),
        ("jwt-rs256", "[scheme.key-set]\n", "either `url` or `api`"),
        ("jwt-rs256", &format!("{url}names = []\n"), "at least one name"),
    ] {
        let problems = profile(algorithm, source).unwrap_err();
        assert!(problems.contains(words), "{source}: {problems}");
    }
}

proptest! {
    #[test]
    fn what_is_needed_is_read_from_anything_without_a_panic(
        name in prop::sample::select(&FETCHED[..]),
        url in "(https://)?(sns\\.eu-west-1\\.amazonaws\\.com|api\\.paypal\\.com|[a-z@:.\\\\]{0,20})[/?#]?[ -~]{0,20}(\\.pem)?",
        text in "[ -~]{0,40}",
        token in "[A-Za-z0-9_-]{0,20}(\\.[A-Za-z0-9_-]{0,20}){0,3}",
    ) {
        let params = Params::new().with("webhook_id", "w").with("audience", "a").with("email", "e");
        let verifier = verifier(builtin(name), params);
        let bearer = format!("Bearer {token}");
        let headers = [
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-transmission-sig", "c2lnbmF0dXJl"),
            ("paypal-cert-url", &url),
            ("plaid-verification", &token),
            ("authorization", &bearer),
            ("x-fal-webhook-signature", &text),
        ];
        let body = serde_json::json!({"Signature": "c2lnbmF0dXJl", "SigningCertURL": url, "SignatureVersion": "2"});
        let body = body.to_string();
        let request = Request { method: "POST", url: "", headers: &headers, body: body.as_bytes() };
        if let Ok(Some(KeyReference::Certificate(certificate))) = verifier.needed_key(&request) {
            let host = certificate.url().strip_prefix("https://").and_then(|rest| rest.split('/').next());
            prop_assert!(certificate.trusts_host(host.unwrap()), "{}", certificate.url());
        }
    }
}
