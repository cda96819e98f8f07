//! A request that verifies, so that a reader can check a receiver before the vendor sends anything.

use crate::message::Message;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::{Algorithm, Scheme, Value};
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;
use crate::signer::Signer;
use crate::time::Timestamp;
use crate::verifier::{Verifier, VerifyOptions};

use super::plan;

/// The body: its spaces show that bytes count, and not what they mean.
const BODY: &str = r#"{"event": "example", "number": 1}"#;
const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
const EVENT_TYPE: &str = "example";
/// What stands for the id of a subscription.
pub(super) const SUBSCRIPTION: &str = "sub_01h455vb4pex5vsknk084sn02q";
const URL: &str = "https://hooks.example.com/webhooks";
/// 2025-01-01T12:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_735_732_800);

/// A request with its secret and the time at which it was signed. It verifies as it stands, and nobody uses the secret.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Example {
    /// The secret, in the vendor's notation.
    pub secret: String,
    /// The headers, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The URL, which some schemes sign.
    pub url: String,
    /// Values of the receiver's configuration by their names.
    pub params: Vec<(String, String)>,
    /// The time at which it was signed.
    pub now: Timestamp,
    /// The bytes that are signed, where they can be shown without the secret.
    pub content: Option<String>,
}

/// The example of a profile; none where the library cannot sign it, or where signing needs a private key.
pub(super) fn of(profile: &Profile) -> Option<Example> {
    profile.scheme().signature.as_ref()?;
    let secret = secret(profile);
    let names = plan::extras(profile.scheme()).into_iter().filter(|extra| extra.kind == "param");
    let values: Vec<(String, String)> = names.map(|extra| (extra.name, "example".to_owned())).collect();
    let params =
        values.iter().fold(Params::new(), |params, (name, value)| params.with(name.as_str(), value.as_str()));
    let signer = Signer::new(profile, Part::Delivery, std::slice::from_ref(&secret), &params).ok()?;
    let message = Message::new(NOW, ID, BODY.as_bytes())
        .with_event_type(EVENT_TYPE)
        .with_subscription(SUBSCRIPTION)
        .with_url(URL);
    let sent = delivery_headers(profile, &message)?;
    let lines: Vec<(&str, &str)> = sent.iter().collect();
    let mut written = SignedHeaders::new();
    let sealed = signer.seal(&message.with_headers(&lines), &mut written).ok()?;
    // What signing writes takes the place of what the delivery has under the same name.
    let kept = lines.iter().copied().filter(|(name, _)| written.value(name).is_none());
    let example = Example {
        secret: String::from_utf8(secret.expose().to_vec()).ok()?,
        headers: kept
            .chain(written.iter())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: String::from_utf8(sealed.body.into_owned()).ok()?,
        url: sealed.url.into_owned(),
        params: values,
        now: NOW,
        content: None,
    };
    let options = VerifyOptions { params, ..VerifyOptions::default() };
    let verifier = Verifier::new(profile, Part::Delivery, std::slice::from_ref(&secret), options).ok()?;
    let content = example.signed_content(profile.scheme(), &verifier)?;
    Some(Example { content, ..example })
}

/// The headers of a delivery besides those of its signature.
fn delivery_headers(profile: &Profile, message: &Message<'_>) -> Option<SignedHeaders> {
    let mut headers = SignedHeaders::new();
    if profile.delivery().write_headers(message, &mut headers).is_ok() {
        return Some(headers);
    }
    // A profile may write the id as a UUID; then the example has that of a TypeID.
    let typed = Message { id: "dlv_01h455vb4pex5vsknk084sn02q", ..*message };
    headers.clear();
    profile.delivery().write_headers(&typed, &mut headers).ok().map(|()| headers)
}

/// A secret in the vendor's notation that anybody can see is none.
fn secret(profile: &Profile) -> Secret {
    if profile.scheme().algorithm() == Some(Algorithm::Basic) {
        return Secret::new("hooks:000102030405060708090a0b0c0d0e0f");
    }
    let mut entropy = [0; 32];
    entropy.iter_mut().zip(0..).for_each(|(byte, index)| *byte = index);
    profile.delivery().new_secret(&entropy)
}

impl Example {
    /// What is signed, as a text, where it can be shown; nothing at all where the request does not verify.
    fn signed_content(&self, scheme: &Scheme, verifier: &Verifier) -> Option<Option<String>> {
        let request =
            Request { method: "POST", url: &self.url, headers: &self.headers, body: self.body.as_bytes() };
        let verified = verifier.verify(&request, self.now).ok()?;
        if scheme.content.is_empty() || scheme.covers(&Value::Secret) {
            return Some(None);
        }
        let mut content = Vec::new();
        let written =
            verifier.write_content(&request, &verified, &mut |bytes| content.extend_from_slice(bytes));
        Some(written.ok().and_then(|()| String::from_utf8(content).ok()))
    }
}
