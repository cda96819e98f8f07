//! The five built-in profiles whose keys are fetched, from the signature to the verdict.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hookseal::{
    ErrorKind, KeyOfApi, Params, Part, Profile, Request, Secret, Timestamp, ToleranceOverride, Verifier,
    VerifyError, VerifyOptions,
};
use hookseal_transport::{FetchedVerifyError, KeySupplier, SupplyError};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};

use super::world::{Authority, NOW, World, later, pem, rsa_pkcs8};

const NOW_TEXT: &str = "2026-05-28T20:26:40Z";

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(rsa_pkcs8().secret_pkcs8_der()).unwrap()
}

fn rsa_signature(content: &[u8]) -> Vec<u8> {
    let key = rsa();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content, &mut signature).unwrap();
    signature
}

fn url64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256_hex(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a receiver does, from the request to the verdict.
async fn receive(
    world: &World,
    profile: &str,
    params: Params,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(), VerifyError> {
    let options = VerifyOptions { params, ..VerifyOptions::default() };
    let profile = Profile::builtin(profile).unwrap();
    let verifier = Verifier::for_fetched_keys(profile, Part::Delivery, options).unwrap();
    let request = || Request { method: "POST", url: "", headers: &headers, body: body.as_bytes() };
    match world.fetcher.verify(&verifier, request, NOW).await {
        Ok(_) => Ok(()),
        Err(FetchedVerifyError::Refused(error)) => Err(error),
        Err(error) => panic!("{error:?}"),
    }
}

/// A genuine request verifies, and one that was changed does not.
async fn check(
    world: &World,
    profile: &str,
    params: Params,
    headers: &[(&str, String)],
    body: &str,
    changed: &str,
) {
    assert_eq!(receive(world, profile, params.clone(), headers, body).await, Ok(()), "{profile}");
    assert!(receive(world, profile, params, headers, changed).await.is_err(), "{profile}");
    assert_eq!(world.asked(), 1, "{profile}");
}

#[tokio::test]
async fn aws_sns() {
    let world = World::new().await;
    // As AWS does: the certificate alone, whose authority is not known here.
    let signing = Authority::new("Amazon").signing("sns.amazonaws.com", |_| {});
    world.serve("/SimpleNotificationService-1.pem", "", &pem(&[&signing]));
    let content = format!(
        "Message\nhello\nMessageId\nm-1\nTimestamp\n{NOW_TEXT}\nTopicArn\narn:aws:sns:eu-west-1:1:t\nType\nNotification\n"
    );
    let message = |text: &str| {
        let signature = STANDARD.encode(rsa_signature(content.as_bytes()));
        format!(
            r#"{{"Type":"Notification","MessageId":"m-1","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"{text}","Timestamp":"{NOW_TEXT}","SignatureVersion":"2","Signature":"{signature}","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"}}"#
        )
    };
    check(&world, "aws-sns", Params::new(), &[], &message("hello"), &message("hullo")).await;
    let elsewhere =
        message("hello").replace("sns.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com.evil.example");
    let error = receive(&world, "aws-sns", Params::new(), &[], &elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedKeyUrl);
}

/// CRC-32 as of ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !bytes.iter().fold(u32::MAX, step)
}

#[tokio::test]
async fn paypal() {
    let world = World::new().await;
    let between = world.authority.below("In between");
    let signing = between.signing("messageverificationcerts.paypal.com", |_| {});
    world.serve("/v1/notifications/certs/CERT-1", "", &pem(&[&signing, &between.certificate]));
    let body = r#"{"id":"WH-1"}"#;
    let content = format!("t-1|{NOW_TEXT}|W1|{}", crc32(body.as_bytes()));
    let headers = [
        ("PAYPAL-TRANSMISSION-ID", "t-1".to_owned()),
        ("PAYPAL-TRANSMISSION-TIME", NOW_TEXT.to_owned()),
        ("PAYPAL-AUTH-ALGO", "SHA256withRSA".to_owned()),
        ("PAYPAL-CERT-URL", "https://api.paypal.com/v1/notifications/certs/CERT-1".to_owned()),
        ("PAYPAL-TRANSMISSION-SIG", STANDARD.encode(rsa_signature(content.as_bytes()))),
    ];
    let params = Params::new().with("webhook_id", "W1");
    check(&world, "paypal", params, &headers, body, r#"{"id":"WH-2"}"#).await;
}

#[tokio::test]
async fn paypal_by_another_name() {
    let world = World::new().await;
    world.serve(
        "/c",
        "",
        &pem(&[&world.authority.signing("messageverificationcerts.evilpaypal.com", |_| {})]),
    );
    let profile = Profile::builtin("paypal").unwrap();
    let options =
        VerifyOptions { params: Params::new().with("webhook_id", "W1"), ..VerifyOptions::default() };
    let verifier = Verifier::for_fetched_keys(profile, Part::Delivery, options).unwrap();
    let headers = [
        ("PAYPAL-AUTH-ALGO", "SHA256withRSA"),
        ("PAYPAL-CERT-URL", "https://api.paypal.com/c"),
        ("PAYPAL-TRANSMISSION-SIG", "c2ln"),
    ];
    let request = Request { method: "POST", url: "", headers: &headers, body: b"{}" };
    let needed = verifier.needed_key(&request).unwrap().unwrap();
    assert!(world.failure(&needed).await.contains("another name"));
}

#[tokio::test]
async fn google_pubsub() {
    let world = World::new().await;
    let public: RsaPublicKeyComponents<Vec<u8>> = rsa().public().into();
    let (n, e) = (url64(&public.n), url64(&public.e));
    let key = format!(r#"{{"kty":"RSA","use":"sig","alg":"RS256","kid":"k-2","n":"{n}","e":"{e}"}}"#);
    let other = r#"{"kty":"RSA","use":"sig","alg":"RS256","kid":"k-1","n":"AQAB","e":"AQAB"}"#;
    world.serve(
        "/oauth2/v3/certs",
        "cache-control: public, max-age=19800\r\n",
        &format!(r#"{{"keys":[{other},{key}]}}"#),
    );
    let seconds = NOW.as_unix_millis() / 1000;
    let token = |email: &str| {
        let header = url64(r#"{"alg":"RS256","kid":"k-2","typ":"JWT"}"#);
        let claims = url64(format!(
            r#"{{"iss":"https://accounts.google.com","aud":"https://app.example/push","email":"{email}","email_verified":true,"iat":{seconds},"exp":{}}}"#,
            seconds + 3600
        ));
        let content = format!("{header}.{claims}");
        let signature = url64(rsa_signature(content.as_bytes()));
        [("Authorization", format!("Bearer {content}.{signature}"))]
    };
    let params = Params::new().with("audience", "https://app.example/push").with("email", "svc@example.test");
    let receive = async |headers: &[(&str, String)]| {
        receive(&world, "google-pubsub", params.clone(), headers, "{}").await.map_err(|error| error.kind())
    };
    assert_eq!(receive(&token("svc@example.test")).await, Ok(()));
    assert_eq!(receive(&token("other@example.test")).await, Err(ErrorKind::ClaimMismatch));
    let [(name, good)] = token("svc@example.test");
    let header = url64(r#"{"alg":"RS256","kid":"k-2","typ":"JWT"}"#);
    let unknown = good.replace(&header, &url64(r#"{"alg":"RS256","kid":"k-3","typ":"JWT"}"#));
    assert_eq!(receive(&[(name, unknown)]).await, Err(ErrorKind::UnknownKey));
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn fal_ai() {
    let world = World::new().await;
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let jwk = |public: &[u8]| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, url64(public));
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let (other, own) = (jwk(other.public_key().as_ref()), jwk(key.public_key().as_ref()));
    world.serve("/.well-known/jwks.json", "", &format!(r#"{{"keys":[{other},{own}]}}"#));
    let body = r#"{"status":"OK"}"#;
    let seconds = NOW.as_unix_millis() / 1000;
    let content = format!("r-1\nu-1\n{seconds}\n{}", sha256_hex(body.as_bytes()));
    let signature: String =
        key.sign(content.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [
        ("X-Fal-Webhook-Request-Id", "r-1".to_owned()),
        ("X-Fal-Webhook-User-Id", "u-1".to_owned()),
        ("X-Fal-Webhook-Timestamp", seconds.to_string()),
        ("X-Fal-Webhook-Signature", signature),
    ];
    check(&world, "fal-ai", Params::new(), &headers, body, r#"{"status":"ERROR"}"#).await;

    // A key that was published after the set was fetched is found as soon as that may be fetched again.
    let options = || VerifyOptions { tolerance: ToleranceOverride::Off, ..VerifyOptions::default() };
    let profile = Profile::builtin("fal-ai").unwrap();
    let verifier = Verifier::for_fetched_keys(profile, Part::Delivery, options()).unwrap();
    let new = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let mut headers = headers;
    headers[3].1 = new.sign(content.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let (lines, body) = (&headers[..], body.as_bytes());
    let request = || Request { method: "POST", url: "", headers: &lines, body };
    world.serve("/.well-known/jwks.json", "", &format!(r#"{{"keys":[{}]}}"#, jwk(new.public_key().as_ref())));
    let verify = async |seconds| world.fetcher.verify(&verifier, request, later(seconds)).await.is_ok();
    assert!(!verify(59).await);
    assert!(verify(60).await);
    assert_eq!(world.asked(), 2);
}

/// Plaid's API with one key.
struct Plaid(String);

#[async_trait]
impl KeySupplier for Plaid {
    async fn key(&self, wanted: &KeyOfApi) -> Result<Option<Secret>, SupplyError> {
        assert_eq!(wanted.api(), "https://production.plaid.com/webhook_verification_key/get");
        Ok((wanted.id() == "k-1").then(|| Secret::new(self.0.as_str())))
    }
}

#[tokio::test]
async fn plaid() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = key.public_key().as_ref();
    let jwk = format!(
        r#"{{"alg":"ES256","crv":"P-256","kid":"k-1","kty":"EC","use":"sig","x":"{}","y":"{}","created_at":1,"expired_at":null}}"#,
        url64(&point[1..33]),
        url64(&point[33..])
    );
    let world = World::with(|config| config.supplier = Some(Arc::new(Plaid(jwk)))).await;
    let body = "{\n  \"item_id\": \"i-1\"\n}";
    let token = |kid: &str, iat: Timestamp| {
        let header = url64(format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#));
        let (iat, digest) = (iat.as_unix_millis() / 1000, sha256_hex(body.as_bytes()));
        let claims = url64(format!(r#"{{"iat":{iat},"request_body_sha256":"{digest}"}}"#));
        let content = format!("{header}.{claims}");
        let signature = url64(key.sign(&random, content.as_bytes()).unwrap());
        [("Plaid-Verification", format!("{content}.{signature}"))]
    };
    let receive = async |headers: &[(&str, String)], body: &str| {
        receive(&world, "plaid", Params::new(), headers, body).await.map_err(|error| error.kind())
    };
    assert_eq!(receive(&token("k-1", NOW), body).await, Ok(()));
    assert_eq!(receive(&token("k-1", NOW), "{}").await, Err(ErrorKind::BodyHashMismatch));
    assert_eq!(receive(&token("k-2", NOW), body).await, Err(ErrorKind::UnknownKey));
    let old = Timestamp::from_unix_seconds(NOW.as_unix_millis() / 1000 - 301);
    assert_eq!(receive(&token("k-1", old), body).await, Err(ErrorKind::TimestampTooOld));
    assert_eq!(world.connections(), 0);
}
