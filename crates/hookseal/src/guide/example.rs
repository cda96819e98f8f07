//! A request that verifies, so that a reader can check a receiver before the vendor sends anything.

use crate::document::Document;
use crate::message::Message;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::{Algorithm, Grammar, Scheme, TimestampSource, Value};
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;
use crate::signer::Signer;
use crate::time::Timestamp;
use crate::values::Values;
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
    pub body: &'static str,
    /// The URL, which some schemes sign.
    pub url: &'static str,
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
    let mut headers = SignedHeaders::new();
    // A profile may write the id as a UUID; then the example has that of a TypeID.
    let written = profile.delivery().write_headers(&message, &mut headers).is_ok();
    if !written {
        let typed = Message { id: "dlv_01h455vb4pex5vsknk084sn02q", ..message };
        profile.delivery().write_headers(&typed, &mut headers).ok()?;
    }
    signer.sign(&message, &mut headers).ok()?;
    let example = Example {
        secret: String::from_utf8(secret.expose().to_vec()).ok()?,
        headers: headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: BODY,
        url: URL,
        params: values,
        now: NOW,
        content: None,
    };
    let content = example.signed_content(profile.scheme(), &params);
    example.verifies(profile, &secret, params).then_some(Example { content, ..example })
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
    /// The signed bytes as a text.
    fn signed_content(&self, scheme: &Scheme, params: &Params) -> Option<String> {
        if scheme.content.is_empty() || scheme.covers(&Value::Secret) {
            return None;
        }
        let request = self.request();
        let values = Values {
            timestamp: self.timestamp_text(scheme).unwrap_or_default().as_bytes(),
            id: ID.as_bytes(),
            header_names: &[],
            request,
            document: &Document::new(request.body),
            reading: scheme.readings.strict.first().copied()?,
            params,
            secret: None,
        };
        let mut content = Vec::new();
        values.emit(&scheme.content, &mut |bytes| content.extend_from_slice(bytes)).ok()?;
        String::from_utf8(content).ok()
    }

    /// The timestamp as it stands in the headers.
    fn timestamp_text(&self, scheme: &Scheme) -> Option<&str> {
        let header = |name: &str| {
            self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let (source, grammar) = (&scheme.timestamp.as_ref()?.source, &scheme.signature.as_ref()?.grammar);
        match (source, grammar) {
            (TimestampSource::Header(name), _) => header(name),
            (TimestampSource::Field(name), Grammar::Pairs(pairs)) => {
                let items = header(scheme.signature_header()?)?.split(char::from(pairs.separator));
                let mut pairs = items.filter_map(|item| item.split_once(char::from(pairs.assign)));
                pairs.find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    fn request(&self) -> Request<'_> {
        Request { method: "POST", url: self.url, headers: &self.headers, body: self.body.as_bytes() }
    }

    fn verifies(&self, profile: &Profile, secret: &Secret, params: Params) -> bool {
        let options = VerifyOptions { params, ..VerifyOptions::default() };
        let Ok(verifier) = Verifier::new(profile, Part::Delivery, std::slice::from_ref(secret), options)
        else {
            return false;
        };
        verifier.verify(&self.request(), self.now).is_ok()
    }
}
