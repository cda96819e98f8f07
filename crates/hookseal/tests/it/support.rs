//! Signing and verifying in a line, for every built-in profile.

use hookseal::{
    Algorithm, ErrorKind, JwtAlgorithm, Message, Mode, Params, Part, Profile, Request, Secret, SecretError,
    SignError, SignedHeaders, Signer, Timestamp, Verifier, VerifyOptions,
};

pub(crate) type Lines = Vec<(String, Vec<u8>)>;

/// A time that the tests happen at.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

pub(crate) const ID: &str = "dlv_01h455vb4pex5vsknk084sn02q";

/// Where the requests of the tests go.
pub(crate) const URL: &str = "https://hooks.example.test/in?a=1";

pub(crate) fn builtin(name: &str) -> &'static Profile {
    Profile::builtin(name).unwrap()
}

/// The profiles that can sign.
pub(crate) fn signing() -> impl Iterator<Item = &'static Profile> + Clone {
    Profile::builtins().map(|profile| &**profile).filter(|profile| profile.signs(Part::Delivery))
}

/// What any of the profiles may ask of its owner.
pub(crate) fn params() -> Params {
    Params::new()
        .with("public_key", "public")
        .with("webhook_id", "wh_1")
        .with("cert_url", "https://api.paypal.com/v1/certs/CERT-1")
        .with("user_id", "user_1")
        .with("audience", "https://hooks.example.test/in")
        .with("email", "pusher@example.test")
        .with("keyid", "a \"quoted\" key")
}

/// A file of a key that was made for these tests.
pub(crate) fn key_file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The kind of key that the tests have files for, where a profile cannot make new secrets itself.
fn key_kind(profile: &Profile) -> Option<&'static str> {
    match profile.scheme().algorithm() {
        Some(Algorithm::EcdsaP256Der | Algorithm::Jwt(JwtAlgorithm::Es256)) => Some("p256"),
        Some(Algorithm::RsaPkcs1(_) | Algorithm::Jwt(JwtAlgorithm::Rs256)) => Some("rsa"),
        _ if profile.name() == "aws-sns" => Some("rsa"),
        _ => None,
    }
}

fn key_letter(seed: u8) -> char {
    if seed.is_multiple_of(2) { 'a' } else { 'b' }
}

/// A secret that signs, in the notation of a profile.
pub(crate) fn secret(profile: &Profile, seed: u8) -> Secret {
    match key_kind(profile) {
        Some(kind) => Secret::new(key_file(&format!("{kind}-{}.pem", key_letter(seed)))),
        None => profile.delivery().new_secret(&[seed; 32]),
    }
}

/// What receivers have of a secret that signs.
pub(crate) fn verifying(profile: &Profile, secret: &Secret) -> Secret {
    match profile.verifying_secret(Part::Delivery, secret) {
        Err(SecretError::Certificate) => {
            let letter = if *secret == Secret::new(key_file("rsa-a.pem")) { 'a' } else { 'b' };
            Secret::new(key_file(&format!("rsa-{letter}.crt.pem")))
        }
        // What does not sign may be what verifies, or wrong on both sides.
        verifying => verifying.unwrap_or_else(|_| secret.clone()),
    }
}

pub(crate) fn signer(profile: &Profile, secrets: &[Secret]) -> Signer {
    Signer::new(profile, Part::Delivery, secrets, &params()).unwrap()
}

/// A verifier for what these secrets sign.
pub(crate) fn verifier(profile: &Profile, secrets: &[Secret], mode: Mode) -> Result<Verifier, SecretError> {
    let verifying: Vec<Secret> = secrets.iter().map(|secret| verifying(profile, secret)).collect();
    let options = VerifyOptions { mode, params: params(), ..VerifyOptions::default() };
    Verifier::new(profile, Part::Delivery, &verifying, options)
}

pub(crate) fn sign(profile: &Profile, secrets: &[Secret], message: &Message<'_>) -> Result<Lines, SignError> {
    let mut headers = SignedHeaders::new();
    signer(profile, secrets).sign(&message.with_url(URL), &mut headers)?;
    Ok(lines(&headers))
}

/// Which secret matched, or why none did.
pub(crate) fn verify(
    profile: &Profile,
    secrets: &[Secret],
    mode: Mode,
    headers: &Lines,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, ErrorKind> {
    let verifier = verifier(profile, secrets, mode).map_err(|error| error.kind())?;
    let request = Request { method: "POST", url: URL, headers, body };
    verifier.verify(&request, now).map(|verified| verified.matched_secret()).map_err(|error| error.kind())
}

fn lines(headers: &SignedHeaders) -> Lines {
    headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Lines,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    /// Signs a body, wherever the signature stands.
    pub(crate) fn seal(profile: &Profile, secrets: &[Secret], now: Timestamp, id: &str, body: &[u8]) -> Self {
        let message = Message::new(now, id, body).with_url(URL).with_event_type("order.confirmed");
        let mut headers = SignedHeaders::new();
        let sealed = signer(profile, secrets).seal(&message, &mut headers);
        let sealed = sealed.unwrap_or_else(|error| panic!("{}: {error}", profile.name()));
        let (url, body) = (sealed.url.into_owned(), sealed.body.into_owned());
        Self { method: "POST", url, headers: lines(&headers), body }
    }

    pub(crate) fn verify(&self, verifier: &Verifier, now: Timestamp) -> Result<usize, ErrorKind> {
        let Self { method, url, headers, body } = self;
        let verified = verifier.verify(&Request { method, url, headers, body }, now);
        verified.map(|verified| verified.matched_secret()).map_err(|error| error.kind())
    }
}

/// A body that a profile can sign at `now`, and the text in it that is covered in every case. Where the profile does
/// not care the body is `text` itself.
pub(crate) fn body(profile: &Profile, now: Timestamp, text: &str) -> String {
    let seconds = now.as_unix_seconds();
    match profile.name() {
        "linear" => format!(r#"{{"action":"{text}","webhookTimestamp":{}}}"#, now.as_unix_millis()),
        "mailgun" => {
            format!(
                r#"{{"signature":{{"timestamp":"{seconds}","token":"{text}","signature":"old"}},"event-data":{{}}}}"#
            )
        }
        "adyen-payments" => format!(
            r#"{{"live":"false","notificationItems":[{{"NotificationRequestItem":{{"additionalData":{{}},"pspReference":"{text}","amount":{{"value":1130,"currency":"EUR"}},"success":"true"}}}}]}}"#
        ),
        "aws-sns" => format!(
            r#"{{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"{text}","Timestamp":"2025-06-15T15:06:40.000Z","SignatureVersion":"2","Signature":"","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem"}}"#
        ),
        "ms-graph" => format!(r#"{{"value":[{{"id":"{text}"}},{{"clientState":null}}]}}"#),
        "braintree" => format!("bt_payload={text}"),
        "twilio-form" => format!("a={text}"),
        _ => text.to_owned(),
    }
}
