//! Signing with private keys, and putting signatures where they belong when that is not a header.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hookseal::{
    ErrorKind, Message, Mode, Params, Part, Profile, Request, Secret, SecretError, SignError, SignedHeaders,
    Signer, TimestampError, Verifier, VerifyOptions,
};

use crate::support::{ID, NOW, Sent, URL, body, builtin, key_file, params, secret, signer, verifier};

fn new_signer(profile: &Profile, secret: &str) -> Result<(), SecretError> {
    Signer::new(profile, Part::Delivery, &[Secret::new(secret)], &params()).map(drop)
}

/// Signs and verifies with one private key.
#[track_caller]
fn round(name: &str, private: &str) {
    let (profile, secrets) = (builtin(name), [Secret::new(private)]);
    let sent = Sent::seal(profile, &secrets, NOW, ID, b"{}");
    assert_eq!(sent.verify(&verifier(profile, &secrets, Mode::Strict).unwrap(), NOW), Ok(0), "{name}");
}

#[test]
fn a_private_key_is_read_in_each_of_the_usual_notations() {
    round("rfc9421-ed25519", &key_file("ed25519.pem"));
    round("rfc9421-ed25519", &STANDARD.encode([7; 32]));
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{}","x":"{}"}}"#, SEED_D, SEED_X);
    round("rfc9421-ed25519", &jwk);
    round("sendgrid", &key_file("p256-a.pem"));
    let base64: String = key_file("p256-a.pem").lines().filter(|line| !line.starts_with('-')).collect();
    round("sendgrid", &base64);
    round("plaid", P256_JWK);
}

/// The key of RFC 8037 appendix A.1.
const SEED_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const SEED_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// The key of RFC 7515 appendix A.3.1, under a name.
const P256_JWK: &str = r#"{"kty":"EC","crv":"P-256","kid":"key-1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

#[test]
fn a_token_names_the_key_that_signed_it() {
    let profile = builtin("plaid");
    let sent = Sent::seal(profile, &[Secret::new(P256_JWK)], NOW, ID, b"{}");
    let header = sent.headers[0].1.split(|byte| *byte == b'.').next().unwrap();
    let header: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(header, serde_json::json!({"alg": "ES256", "kid": "key-1", "typ": "JWT"}));
    let public = profile.verifying_secret(Part::Delivery, &Secret::new(P256_JWK)).unwrap();
    let public: serde_json::Value = serde_json::from_slice(public.expose()).unwrap();
    assert_eq!((&public["kid"], &public["d"]), (&"key-1".into(), &serde_json::Value::Null));
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let v1a = builtin("standard-webhooks-v1a");
    let seed_and_other_public = format!("whsk_{}", STANDARD.encode([7; 64]));
    assert!(matches!(new_signer(v1a, &seed_and_other_public), Err(SecretError::Undecodable { .. })));
    for prefix in ["whpk_", "whsec_"] {
        let wrong = SecretError::WrongKind { index: 0, prefix: prefix.to_owned() };
        assert_eq!(new_signer(v1a, &format!("{prefix}{}", STANDARD.encode([7; 32]))), Err(wrong));
    }
    for (name, key) in [
        ("sendgrid", "rsa-a.pem"),
        ("paypal", "p256-a.pem"),
        ("plaid", "ed25519.pem"),
        ("rfc9421-ed25519", "p256-a.pem"),
        ("paypal", "rsa-1024.pem"),
        ("paypal", "rsa-a.crt.pem"),
    ] {
        let refused = new_signer(builtin(name), &key_file(key));
        assert!(matches!(refused, Err(SecretError::Undecodable { .. })), "{name} {key}: {refused:?}");
    }
}

/// Whether a signature that was made with `openssl dgst -sha256 -sign` over `{}` verifies.
fn openssl_signature_verifies(key: &str) -> Result<(), ErrorKind> {
    let profile = Profile::parse(
        r#"
        name = "rsa"
        [scheme]
        algorithm = "rsa-pkcs1-sha256"
        key = ["pem", "spki"]
        content = ["{body}"]
        [scheme.signature]
        header = "x-signature"
        encoding = "base64"
        "#,
    )
    .unwrap();
    let secret = Secret::new(key_file(&format!("{key}.pub.pem")));
    let verifier = Verifier::new(&profile, Part::Delivery, &[secret], VerifyOptions::default()).unwrap();
    let headers = [("x-signature", key_file(&format!("{key}.signature")))];
    let request = Request { method: "POST", url: URL, headers: &headers, body: b"{}" };
    verifier.verify(&request, NOW).map(drop).map_err(|error| error.kind())
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    assert_eq!(openssl_signature_verifies("rsa-8192"), Ok(()));
    assert_eq!(openssl_signature_verifies("rsa-1024"), Err(ErrorKind::SignatureMismatch));
}

#[track_caller]
fn refused(name: &str, message: Message<'_>) -> SignError {
    let profile = builtin(name);
    let mut headers = SignedHeaders::new();
    let error =
        signer(profile, &[secret(profile, 1)]).seal(&message.with_url(URL), &mut headers).unwrap_err();
    assert!(headers.is_empty(), "a refused message leaves half its headers");
    error
}

#[test]
fn what_is_not_in_a_header_is_not_signed_by_halves() {
    for name in ["mailgun", "adyen-payments", "braintree", "ms-graph"] {
        let (profile, mut headers) = (builtin(name), SignedHeaders::new());
        let signer = signer(profile, &[secret(profile, 1)]);
        let document = body(profile, NOW, "text");
        let message = Message::new(NOW, ID, document.as_bytes());
        assert_eq!(signer.sign(&message, &mut headers), Err(SignError::NotInHeaders), "{name}");
        assert!(!signer.writes_headers_alone() && signer.keeps_url());
    }
}

#[test]
fn a_body_without_what_is_signed_is_refused() {
    assert!(matches!(refused("mailgun", Message::new(NOW, ID, b"[]")), SignError::Missing { .. }));
    assert!(matches!(refused("mailgun", Message::new(NOW, ID, b"no JSON")), SignError::Content(_)));
    let nowhere = SignError::Place { place: "value.*.clientState".to_owned() };
    assert_eq!(refused("ms-graph", Message::new(NOW, ID, br#"{"value":[]}"#)), nowhere);
    let missing = SignError::Missing { what: "timestamp in the body" };
    assert_eq!(refused("linear", Message::new(NOW, ID, b"{}")), missing);
    let shape = SignError::Timestamp(TimestampError::Shape);
    assert_eq!(refused("linear", Message::new(NOW, ID, br#"{"webhookTimestamp":"today"}"#)), shape);
    // A message of version 1 asks for SHA-1, with which nothing new is signed.
    let version_1 = body(builtin("aws-sns"), NOW, "text").replace(r#"Version":"2""#, r#"Version":"1""#);
    assert_eq!(refused("aws-sns", Message::new(NOW, ID, version_1.as_bytes())), SignError::Algorithm);
}

#[test]
fn a_time_is_chosen_only_where_one_is_written() {
    for name in ["github-sha256", "linear"] {
        let document = body(builtin(name), NOW, "text");
        let message = Message::new(NOW, ID, document.as_bytes()).with_timestamp_text("1750000000");
        assert_eq!(refused(name, message), SignError::NoTimestamp);
    }
}

#[test]
fn the_digest_of_the_body_is_put_into_the_url_and_never_a_wrong_one() {
    let (profile, mut headers) = (builtin("twilio-json"), SignedHeaders::new());
    let signer = signer(profile, &[secret(profile, 1)]);
    let message = Message::new(NOW, ID, b"{}").with_url(URL);
    assert_eq!(signer.sign(&message, &mut headers), Err(SignError::BodyDigest));
    let sealed = signer.seal(&message, &mut headers).unwrap();
    assert!(!signer.keeps_url() && sealed.url.starts_with(&format!("{URL}&bodySHA256=44136fa3")));
    let again = message.with_url(&sealed.url);
    headers.clear();
    assert_eq!(signer.seal(&again, &mut headers).unwrap().url, sealed.url);
    assert_eq!(signer.sign(&again, &mut SignedHeaders::new()), Ok(()));
    let other = Message::new(NOW, ID, b"[]").with_url(&sealed.url);
    assert_eq!(signer.seal(&other, &mut headers).map(drop), Err(SignError::BodyDigest));
}

fn own(scheme: &str) -> Profile {
    Profile::parse(&format!(
        "name = \"mine\"\n[scheme]\nalgorithm = \"hmac-sha256\"\nkey = [\"utf8\"]\n{scheme}"
    ))
    .unwrap()
}

#[test]
fn a_signature_stands_in_the_query() {
    let profile = own("content = [\"{body}\"]\nsignature = { query = \"signature\" }");
    let secrets = [Secret::new("s")];
    let sent = Sent::seal(&profile, &secrets, NOW, ID, b"{}");
    assert!(sent.url.starts_with(&format!("{URL}&signature=")));
    let verifier = verifier(&profile, &secrets, Mode::Strict).unwrap();
    assert_eq!(sent.verify(&verifier, NOW), Ok(0));
    let changed = Sent { body: b"[]".to_vec(), ..sent };
    assert_eq!(changed.verify(&verifier, NOW), Err(ErrorKind::SignatureMismatch));
}

#[test]
fn what_nobody_could_sign_says_why() {
    let reason = |scheme: &str| match new_signer(&own(scheme), "s") {
        Err(SecretError::VerifyOnly { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let in_url =
        reason("admit = [\"body-unsigned\"]\ncontent = [\"{url}\"]\nsignature = { query = \"signature\" }");
    assert_eq!(in_url, "its signature covers the URL that it stands in");
    let nothing = reason(
        "admit = [\"body-unsigned\"]\ncontent = [\"{canonical:rfc9421}\"]\nsignature = { header = \"signature\", grammar = \"dictionary\" }",
    );
    assert_eq!(nothing, "its profile does not say with `covers` what a signature covers");
    let none =
        Signer::new(builtin("fal-ai"), Part::Delivery, &[secret(builtin("fal-ai"), 1)], &Params::new());
    assert_eq!(none.map(drop), Err(SecretError::MissingParam { name: "user_id".to_owned() }));
}

#[test]
fn a_header_of_the_message_is_covered_and_not_written_again() {
    let profile = builtin("fal-ai");
    let own = [("X-Fal-Webhook-User-Id", "user_2")];
    let message = Message::new(NOW, ID, b"{}").with_headers(&own);
    let mut headers = SignedHeaders::new();
    signer(profile, &[secret(profile, 1)]).sign(&message, &mut headers).unwrap();
    assert_eq!(headers.value("x-fal-webhook-user-id"), None);
    let verifier = verifier(profile, &[secret(profile, 1)], Mode::Strict).unwrap();
    let verifies_for = |user: &str| {
        let lines: Vec<(&str, &str)> = headers.iter().chain([(own[0].0, user)]).collect();
        verifier.verify(&Request { method: "POST", url: URL, headers: &lines, body: b"{}" }, NOW).is_ok()
    };
    assert!(verifies_for("user_2") && !verifies_for("user_1"));
}
