//! Signing messages.

mod stamp;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::document::Document;
use crate::error::{SecretError, SignError};
use crate::key::{Key, RunningMac};
use crate::limits::{MAX_FIELD_BYTES, MAX_SIGNING_SECRETS};
use crate::message::Message;
use crate::params::Params;
use crate::profile::{Part, Profile, check_header_value};
use crate::request::{Headers, Request};
use crate::scheme::{
    Algorithm, AlgorithmRule, Carrier, DigestKind, Grammar, IdentityRule, IdentitySource, Pairs, Piece,
    Rotation, Scheme, SignatureRule, TimestampRule, TimestampSource, Value,
};
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;
use crate::values::Values;
use crate::verifier::check_params;
use stamp::Stamp;

/// A scheme with its keys, ready to sign.
///
/// Make one for each subscription and keep it: the keys are decoded and their first blocks hashed here. It is `Send`
/// and `Sync`, and shows nothing of the keys.
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
}

/// A key and the text before its signature.
struct SigningKey {
    label: String,
    key: Key,
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
        let algorithm = match &scheme.algorithm {
            AlgorithmRule::Fixed(algorithm) => *algorithm,
            AlgorithmRule::Json { choices, .. } => {
                Algorithm::RsaPkcs1(choices.first().map_or(DigestKind::Sha256, |(_, digest)| *digest))
            }
            AlgorithmRule::Named(digests) => {
                Algorithm::Hmac(digests.first().copied().unwrap_or(DigestKind::Sha256))
            }
        };
        let Some(rule) = &scheme.signature else { return Ok(Self::silent()) };
        if let Some(reason) = verify_only(scheme) {
            return Err(SecretError::VerifyOnly { reason });
        }
        check_params(scheme, params)?;
        let keys = prepare_keys(scheme, rule, algorithm, secrets, params)?;
        Ok(Self { scheme: Some(Arc::clone(scheme)), algorithm, keys, params: params.clone() })
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

    /// Appends the headers of the signature, and those of the id and the timestamp that it covers.
    ///
    /// Writes into memory that `out` already has, and allocates nothing else.
    ///
    /// # Errors
    /// A value is missing, has the wrong format, or holds what would split a header or the signed content. Nothing
    /// is written then.
    pub fn sign(&self, message: &Message<'_>, out: &mut SignedHeaders) -> Result<(), SignError> {
        let Some(scheme) = &self.scheme else { return Ok(()) };
        let Some(rule) = &scheme.signature else { return Ok(()) };
        let before = out.len();
        let signed = self.write(scheme, rule, message, out);
        if signed.is_err() {
            out.truncate(before);
        }
        signed
    }

    fn silent() -> Self {
        Self { scheme: None, algorithm: Algorithm::None, keys: Vec::new(), params: Params::new() }
    }

    fn write(
        &self,
        scheme: &Scheme,
        rule: &SignatureRule,
        message: &Message<'_>,
        out: &mut SignedHeaders,
    ) -> Result<(), SignError> {
        if let Some(id) = &scheme.id {
            write_id(id, message.id, out)?;
        }
        let stamp = scheme.timestamp.as_ref().map(|rule| Stamp::new(rule, message)).transpose()?;
        let stamp = stamp.as_ref().map_or("", Stamp::as_str);
        if let Some(TimestampRule { source: TimestampSource::Header(name), .. }) = &scheme.timestamp {
            out.push(name, |text| copy(stamp, text))?;
        }
        for header in &scheme.required {
            out.push(&header.name, |text| copy(&header.value, text))?;
        }
        let write = |text: &mut String| self.write_signatures(scheme, rule, stamp, message, text);
        match &rule.carrier {
            Carrier::Headers(names) => names.first().map_or(Ok(()), |name| out.push(name, write)),
            Carrier::Numbered(start) => out.push(&format!("{start}1"), write),
            Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_) => Ok(()),
        }
    }

    /// Appends the value of the signature header.
    fn write_signatures(
        &self,
        scheme: &Scheme,
        rule: &SignatureRule,
        stamp: &str,
        message: &Message<'_>,
        out: &mut String,
    ) -> Result<(), SignError> {
        let mut separator = match &rule.grammar {
            Grammar::Pairs(pairs) => write_timestamp_pair(scheme, pairs, stamp, out),
            Grammar::Bare | Grammar::Prefix { .. } | Grammar::AlgorithmPrefix | Grammar::Dictionary => None,
        };
        for SigningKey { label, key } in &self.keys {
            out.extend(separator);
            out.push_str(label);
            self.write_signature(scheme, rule, stamp, message, key, out)?;
            separator = match &rule.grammar {
                Grammar::Pairs(pairs) => Some(char::from(pairs.separator)),
                Grammar::Prefix { separator, .. } => separator.map(char::from),
                Grammar::Bare | Grammar::AlgorithmPrefix | Grammar::Dictionary => None,
            };
        }
        Ok(())
    }

    fn write_signature(
        &self,
        scheme: &Scheme,
        rule: &SignatureRule,
        stamp: &str,
        message: &Message<'_>,
        key: &Key,
        out: &mut String,
    ) -> Result<(), SignError> {
        let mut running = match (self.algorithm, key) {
            (Algorithm::Hash(digest), _) => RunningMac::plain(digest),
            (_, Key::Mac(mac)) => mac.start(),
            (_, Key::Secret(secret)) => return write_token(self.algorithm, secret, out),
            // `verify_only` lets no other algorithm through.
            (_, Key::Public(_)) => return Err(SignError::Missing { what: "private key" }),
        };
        let no_headers = NoHeaders;
        let document = Document::new(message.body);
        let values = Values {
            timestamp: stamp.as_bytes(),
            id: message.id.as_bytes(),
            header_names: &[],
            request: Request {
                method: message.method,
                url: message.url,
                headers: &no_headers,
                body: message.body,
            },
            document: &document,
            reading: scheme.readings.strict[0],
            params: &self.params,
            secret: match key {
                Key::Secret(secret) => Some(secret),
                Key::Mac(_) | Key::Public(_) => None,
            },
        };
        values.emit(&scheme.content, &mut |bytes| running.update(bytes)).map_err(|_| SignError::Body)?;
        rule.encoding.encode(running.finish().as_bytes(), out);
        Ok(())
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

/// A message that is yet to be sent has no header lines.
struct NoHeaders;

impl Headers for NoHeaders {
    fn lines<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {}
}

/// Why a scheme can be verified and not signed, where that is so.
pub(crate) fn verify_only(scheme: &Scheme) -> Option<&'static str> {
    let rule = scheme.signature.as_ref()?;
    if matches!(rule.carrier, Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_)) {
        return Some("its signature does not stand in a header");
    }
    if scheme.content.iter().any(needs_headers) {
        return Some("it covers headers that the library does not write");
    }
    match &scheme.algorithm {
        AlgorithmRule::Fixed(Algorithm::Jwt(_)) => Some("its signature is a token with claims of its own"),
        AlgorithmRule::Fixed(Algorithm::Ed25519 | Algorithm::EcdsaP256Der | Algorithm::RsaPkcs1(_))
        | AlgorithmRule::Json { .. } => Some("it needs a private key"),
        AlgorithmRule::Fixed(_) | AlgorithmRule::Named(_) => None,
    }
}

fn needs_headers(piece: &Piece) -> bool {
    match piece {
        Piece::Value(
            Value::Header(_) | Value::SignedHeaderNames | Value::SignedHeaderValues | Value::Canonical(_),
        ) => true,
        Piece::Value(_) | Piece::Literal(_) => false,
    }
}

fn prepare_keys(
    scheme: &Scheme,
    rule: &SignatureRule,
    algorithm: Algorithm,
    secrets: &[Secret],
    params: &Params,
) -> Result<Vec<SigningKey>, SecretError> {
    let limit = match rule.rotation {
        Rotation::Newest => 1,
        Rotation::Repeat | Rotation::Count => MAX_SIGNING_SECRETS,
    };
    if secrets.is_empty() {
        return Err(SecretError::Missing);
    }
    if secrets.len() > MAX_SIGNING_SECRETS {
        return Err(SecretError::TooMany { limit: MAX_SIGNING_SECRETS });
    }
    let mut keys = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        // Every secret is checked, also those that this grammar has no room for.
        let key = Key::prepare(algorithm, &scheme.key, secret, index)?;
        if let (Algorithm::Token, Key::Secret(token)) = (algorithm, &key)
            && !token.expose().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        {
            return Err(SecretError::Undecodable { index, expected: "visible ASCII, as a header needs it" });
        }
        if index < limit {
            keys.push(SigningKey { label: label(rule, algorithm, index, params), key });
        }
    }
    Ok(keys)
}

/// What stands before the signature by the secret at `index`.
fn label(rule: &SignatureRule, algorithm: Algorithm, index: usize, params: &Params) -> String {
    match (&rule.grammar, algorithm) {
        // What needs `signature-input` is verified and not signed.
        (Grammar::Bare | Grammar::Dictionary, _) => String::new(),
        (Grammar::Prefix { prefix, .. }, _) if index == 0 => prefix.clone(),
        (Grammar::Prefix { .. }, _) => String::new(),
        (Grammar::Pairs(pairs), _) => {
            format!("{}{}", pairs.keys.written(index, rule.rotation, params), char::from(pairs.assign))
        }
        (Grammar::AlgorithmPrefix, Algorithm::Hmac(digest)) => format!("{}=", digest.name()),
        (Grammar::AlgorithmPrefix, _) => String::new(),
    }
}

fn write_id(rule: &IdentityRule, id: &str, out: &mut SignedHeaders) -> Result<(), SignError> {
    let (IdentitySource::Header(name), true) = (&rule.source, rule.covered) else { return Ok(()) };
    check_header_value("id", id)?;
    if let Some(character) = rule.forbidden.map(char::from).filter(|character| id.contains(*character)) {
        return Err(SignError::Separator { character });
    }
    out.push(name, |text| copy(id, text))
}

/// Appends `t=...` where the timestamp stands among the pairs, and says what separates it from the next.
fn write_timestamp_pair(scheme: &Scheme, pairs: &Pairs, stamp: &str, out: &mut String) -> Option<char> {
    let Some(TimestampRule { source: TimestampSource::Field(name), .. }) = &scheme.timestamp else {
        return None;
    };
    out.push_str(name);
    out.push(char::from(pairs.assign));
    out.push_str(stamp);
    Some(char::from(pairs.separator))
}

fn write_token(algorithm: Algorithm, secret: &Secret, out: &mut String) -> Result<(), SignError> {
    if secret.expose().len() > MAX_FIELD_BYTES {
        return Err(SignError::TooLong { what: "token", limit: MAX_FIELD_BYTES });
    }
    if algorithm == Algorithm::Basic {
        out.push_str("Basic ");
        STANDARD.encode_string(secret.expose(), out);
        return Ok(());
    }
    let token =
        std::str::from_utf8(secret.expose()).map_err(|_| SignError::NotVisibleAscii { what: "token" })?;
    copy(token, out)
}

fn copy(value: &str, out: &mut String) -> Result<(), SignError> {
    out.push_str(value);
    Ok(())
}
