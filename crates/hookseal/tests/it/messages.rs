//! HTTP Message Signatures and JSON Web Tokens beyond their vectors: what is signed and still has to be refused.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hookseal::{ErrorKind, Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
use sha2::{Digest, Sha256};

use crate::support::builtin;

const KEY: &[u8] = b"a key of thirty-two bytes or more";

fn mac(text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(KEY).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

fn outcome(
    profile: &Profile,
    secret: Secret,
    headers: &[(&str, String)],
    body: &[u8],
    now: i64,
) -> Result<bool, ErrorKind> {
    let verifier = Verifier::new(profile, Part::Delivery, &[secret], VerifyOptions::default()).unwrap();
    let request = Request { method: "POST", url: "https://h.test/in", headers: &headers, body };
    let verified = verifier.verify(&request, Timestamp::from_unix_seconds(now));
    verified.map(|verified| verified.flags().body_unsigned).map_err(|error| error.kind())
}

/// Signs a content digest under these parameters, and verifies it over `body` at the second 100.
fn message(params: &str, body: &[u8]) -> Result<bool, ErrorKind> {
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(b"{}")));
    let input = format!("(\"@method\" \"content-digest\"){params}");
    let base = format!("\"@method\": POST\n\"content-digest\": {digest}\n\"@signature-params\": {input}");
    let headers = [
        ("content-digest", digest),
        ("signature-input", format!("s={input}")),
        ("signature", format!("s=:{}:", STANDARD.encode(mac(&base)))),
    ];
    outcome(builtin("rfc9421-hmac"), Secret::new(STANDARD.encode(KEY)), &headers, body, 100)
}

#[test]
fn a_message_signature_binds_the_body_through_its_digest() {
    assert_eq!(message(";created=100", b"{}"), Ok(false));
    assert_eq!(message(";created=100", b"[]"), Err(ErrorKind::BodyHashMismatch));
}

#[test]
fn a_message_signature_ends_and_names_one_algorithm() {
    assert_eq!(message(";created=1;expires=100", b"{}"), Ok(false));
    assert_eq!(message(";created=1;expires=99", b"{}"), Err(ErrorKind::TimestampTooOld));
    assert_eq!(message(";created=1;expires=never", b"{}"), Err(ErrorKind::TimestampTooOld));
    assert_eq!(message(";created=1;alg=\"hmac-sha256\"", b"{}"), Ok(false));
    assert_eq!(message(";created=1;alg=\"ed25519\"", b"{}"), Err(ErrorKind::UnsupportedAlgorithm));
}

#[test]
fn a_message_signature_has_one_creation_time() {
    assert_eq!(message("", b"{}"), Err(ErrorKind::MissingTimestamp));
    assert_eq!(message(";created=1.5", b"{}"), Err(ErrorKind::MalformedTimestamp));
    assert_eq!(message(";created=1;created=1", b"{}"), Err(ErrorKind::MalformedSignature));
}

/// Signs these claims with the digest of `{}`, and verifies them over `body` at the second 100.
fn token(header: &str, claims: &str, body: &[u8]) -> Result<bool, ErrorKind> {
    let digest: String = Sha256::digest(b"{}").iter().map(|byte| format!("{byte:02x}")).collect();
    let claims = format!(r#"{{"iss":"netlify","sha256":"{digest}"{claims}}}"#);
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac(&signed)));
    outcome(builtin("netlify"), Secret::new(KEY), &[("x-webhook-signature", token)], body, 100)
}

const HS256: &str = r#"{"alg":"HS256"}"#;

#[test]
fn a_token_binds_the_body_through_its_claim() {
    assert_eq!(token(HS256, "", b"{}"), Ok(false));
    assert_eq!(token(HS256, "", b"[]"), Err(ErrorKind::BodyHashMismatch));
}

#[test]
fn a_token_is_valid_for_as_long_as_it_says() {
    assert_eq!(token(HS256, r#","exp":101,"nbf":100"#, b"{}"), Ok(false));
    assert_eq!(token(HS256, r#","exp":100"#, b"{}"), Err(ErrorKind::TimestampTooOld));
    assert_eq!(token(HS256, r#","nbf":101"#, b"{}"), Err(ErrorKind::TimestampTooNew));
    assert_eq!(token(HS256, r#","exp":"101""#, b"{}"), Err(ErrorKind::ClaimMismatch));
}

#[test]
fn a_token_names_the_algorithm_of_the_profile_and_no_extension() {
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"HS384"}"#, "{}", r#"{"alg":"HS256","crit":["b64"],"b64":false}"#]
    {
        assert_eq!(token(header, "", b"{}"), Err(ErrorKind::UnsupportedAlgorithm), "{header}");
    }
    assert_eq!(token("not json", "", b"{}"), Err(ErrorKind::MalformedSignature));
}
