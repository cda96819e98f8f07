//! Signing messages.

mod covered;
mod in_body;
mod in_url;
mod json_splice;
mod prepare;
mod signing;
mod stamp;
mod token;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::{SecretError, SignError};
use crate::message::Message;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::scheme::{Algorithm, Carrier, Scheme, SignatureRule};
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;
use crate::verifier::check_params;
use prepare::SigningKey;
pub(crate) use prepare::{verify_only, verifying_secret};
use signing::Signing;

/// A scheme with its keys, ready to sign.
///
/// Make one for each subscription and keep it: the keys are decoded and their first blocks hashed here. It is `Send`
/// and `Sync`, and shows nothing of the keys. Where receivers verify with a public key, the secret is the private one.
///
/// ```
/// use hookseal::{Message, Params, Part, Profile, Secret, SignedHeaders, Signer, Timestamp};
///
/// let profile = Profile::builtin("harbor-transfers").expect("built in");
/// let signer = Signer::new(profile, Part::Delivery, &[Secret::new("whs_xxxxxxx")], &Params::new())?;
///
/// let mut headers = SignedHeaders::new();
/// signer.sign(&Message::new(Timestamp::from_unix_seconds(1689066169), "dlv_1", b""), &mut headers)?;
/// let signature = "t=1689066169,v1=98f2a9b1f44d391860375a8290c39765cfa1e4c7b275f818d54c5c7b3db9e30e";
/// assert_eq!(headers.value("harbor-signature"), Some(signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Signer {
    /// Absent where deliveries are unsigned.
    scheme: Option<Arc<Scheme>>,
    algorithm: Algorithm,
    keys: Vec<SigningKey>,
    params: Params,
    /// The header that the signature is written to; absent where it stands elsewhere.
    header: Option<String>,
    /// Whether what is signed holds values of headers.
    covers_headers: bool,
}

/// A request as it is to be sent, where signing changes more than headers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Sealed<'m> {
    /// The URL to send it to.
    pub url: Cow<'m, str>,
    /// The bytes of the body, exactly as they are to be sent.
    pub body: Cow<'m, [u8]>,
}

impl Signer {
    /// Prepares the keys of a part of a profile. The newest secret comes first; whether the others sign too is the
    /// profile's `rotation`.
    ///
    /// # Errors
    /// Always about configuration: no secret, one that is empty, cannot be decoded or is of another kind, a missing
    /// parameter, a part that the profile does not have, or a scheme that the library only verifies.
    pub fn new(
        profile: &Profile,
        part: Part,
        secrets: &[Secret],
        params: &Params,
    ) -> Result<Signer, SecretError> {
        let scheme = profile.part(part).ok_or(SecretError::NoSuchPart)?;
        let Some(rule) = &scheme.signature else { return Ok(Self::silent()) };
        if let Some(reason) = verify_only(scheme) {
            return Err(SecretError::VerifyOnly { reason });
        }
        check_params(scheme, params)?;
        prepare::check_header_params(scheme, params)?;
        let algorithm = prepare::algorithm(scheme);
        Ok(Self {
            algorithm,
            keys: prepare::keys(scheme, rule, algorithm, secrets, params)?,
            params: params.clone(),
            header: match &rule.carrier {
                Carrier::Headers(names) => names.first().cloned(),
                Carrier::Numbered(start) => Some(format!("{start}1")),
                Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_) => None,
            },
            covers_headers: covered::needs_headers(scheme),
            scheme: Some(Arc::clone(scheme)),
        })
    }

    /// A signer that writes nothing, for a subscription without a secret.
    ///
    /// # Errors
    /// [`SecretError::UnsignedRefused`] where the profile does not allow unsigned deliveries.
    pub fn unsigned(profile: &Profile) -> Result<Signer, SecretError> {
        match profile.delivery().unsigned_allowed() {
            true => Ok(Self::silent()),
            false => Err(SecretError::UnsignedRefused),
        }
    }

    /// Whether signing writes headers and leaves body and URL as they are, so that [`sign`](Self::sign) is enough.
    pub fn writes_headers_alone(&self) -> bool {
        self.signed().is_none_or(|(scheme, _)| self.header.is_some() && in_url::digest_name(scheme).is_none())
    }

    /// Whether signing leaves the URL as it is.
    pub fn keeps_url(&self) -> bool {
        self.signed().is_none_or(|(scheme, rule)| {
            in_url::digest_name(scheme).is_none() && !matches!(rule.carrier, Carrier::Query(_))
        })
    }

    /// Appends the headers of the signature, and those of the id and the timestamp that it covers.
    ///
    /// Writes into memory that `out` already has, and for an HMAC over message, id and timestamp allocates nothing
    /// else.
    ///
    /// # Errors
    /// A value is missing, has the wrong format, or holds what would split a header or the signed content; or the
    /// signature does not stand in a header, and [`seal`](Self::seal) puts it where it belongs. Nothing is written
    /// then.
    pub fn sign(&self, message: &Message<'_>, out: &mut SignedHeaders) -> Result<(), SignError> {
        let Some((scheme, rule)) = self.signed() else { return Ok(()) };
        let Some(header) = &self.header else { return Err(SignError::NotInHeaders) };
        if let Some(name) = in_url::digest_name(scheme) {
            in_url::check_digest(scheme, name, self.params.text("url").unwrap_or(message.url), message.body)?;
        }
        let before = out.len();
        let signed = Signing::new(self, scheme, rule, &self.params, message)
            .and_then(|signing| signing.write(header, out));
        if signed.is_err() {
            out.truncate(before);
        }
        signed
    }

    /// Signs wherever the signature stands: appends headers as [`sign`](Self::sign) does, and gives the URL and the
    /// body as they are to be sent.
    ///
    /// In a JSON body the text at the signature's path is replaced byte for byte and nothing else changes; where only
    /// its last member is absent, that is added. To a form a field is added, and to a URL a parameter of the query.
    ///
    /// ```
    /// use hookseal::{Message, Params, Part, Profile, Secret, SignedHeaders, Signer, Timestamp};
    ///
    /// let profile = Profile::builtin("mailgun").expect("built in");
    /// let signer = Signer::new(profile, Part::Delivery, &[Secret::new("key-fake")], &Params::new())?;
    /// let body = br#"{"signature": {"timestamp": "1529006854", "token": "a8ce0e", "signature": ""}}"#;
    /// let message = Message::new(Timestamp::from_unix_seconds(1529006854), "", body);
    /// let sealed = signer.seal(&message, &mut SignedHeaders::new())?;
    /// assert!(sealed.body.starts_with(&body[..body.len() - 3]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`sign`](Self::sign); or the body has no place for the signature.
    pub fn seal<'m>(&self, message: &Message<'m>, out: &mut SignedHeaders) -> Result<Sealed<'m>, SignError> {
        let unchanged = Sealed { url: Cow::Borrowed(message.url), body: Cow::Borrowed(message.body) };
        let Some((scheme, rule)) = self.signed() else { return Ok(unchanged) };
        let before = out.len();
        let sealed = self.seal_unguarded(scheme, rule, message, out, unchanged);
        if sealed.is_err() {
            out.truncate(before);
        }
        sealed
    }

    fn seal_unguarded<'m>(
        &self,
        scheme: &Scheme,
        rule: &SignatureRule,
        message: &Message<'m>,
        out: &mut SignedHeaders,
        unchanged: Sealed<'m>,
    ) -> Result<Sealed<'m>, SignError> {
        let mut sealed = unchanged;
        let mut params = Cow::Borrowed(&self.params);
        if let Some(name) = in_url::digest_name(scheme) {
            sealed.url = in_url::with_digest(scheme, name, message.url, message.body)?;
            if let Some(public) = self.params.text("url") {
                let public = in_url::with_digest(scheme, name, public, message.body)?.into_owned();
                params.to_mut().insert("url", public);
            }
        }
        let url = sealed.url.clone();
        let message = message.with_url(&url);
        let signing = Signing::new(self, scheme, rule, &params, &message)?;
        if let Some(header) = &self.header {
            signing.write(header, out)?;
            return Ok(sealed);
        }
        let text = signing.write_apart(out)?;
        match &rule.carrier {
            Carrier::Json(path) => sealed.body = Cow::Owned(in_body::with_json(message.body, path, &text)?),
            Carrier::Form(field) => sealed.body = Cow::Owned(in_body::with_field(message.body, field, &text)),
            Carrier::Query(name) => sealed.url = Cow::Owned(in_url::with_parameter(message.url, name, &text)),
            Carrier::Headers(_) | Carrier::Numbered(_) => {}
        }
        Ok(sealed)
    }

    fn silent() -> Self {
        Self {
            scheme: None,
            algorithm: Algorithm::None,
            keys: Vec::new(),
            params: Params::new(),
            header: None,
            covers_headers: false,
        }
    }

    fn signed(&self) -> Option<(&Scheme, &SignatureRule)> {
        let scheme = self.scheme.as_deref()?;
        Some((scheme, scheme.signature.as_ref()?))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("secrets", &self.keys.len())
            .finish_non_exhaustive()
    }
}
