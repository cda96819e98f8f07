//! Tokens in place of a signature: shared ones that are sent along, and JSON Web Tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::prepare::{Material, SigningKey};
use super::signing::{Signing, copy};
use crate::error::SignError;
use crate::key::{self, Key};
use crate::limits::{MAX_FIELD_BYTES, TOKEN_LIFETIME};
use crate::scheme::{
    Algorithm, BodyDigest, BodyDigestSource, ClaimValue, Encoding, JwtAlgorithm, TimestampSource,
};
use crate::secret::Secret;

/// Appends a JSON Web Token of the compact form (RFC 7515 section 7.1) with the claims that the profile asks for.
pub(super) fn write(
    signing: &Signing<'_, '_>,
    algorithm: JwtAlgorithm,
    key: &SigningKey,
    out: &mut String,
) -> Result<(), SignError> {
    let mut header = Map::new();
    header.insert("alg".to_owned(), algorithm.name().into());
    header.insert("typ".to_owned(), "JWT".into());
    if let Some(id) = &key.id {
        header.insert("kid".to_owned(), id.as_str().into());
    }
    let start = out.len();
    Encoding::Base64Url.encode(Json::Object(header).to_string().as_bytes(), out);
    out.push('.');
    Encoding::Base64Url.encode(Json::Object(claims(signing)?).to_string().as_bytes(), out);
    let signature = match &key.key {
        Material::Shared(Key::Mac(mac)) => {
            let mut running = mac.start();
            running.update(&out.as_bytes()[start..]);
            running.finish().as_bytes().to_vec()
        }
        Material::Private(private) => signing.sign_with(private, &out.as_bytes()[start..])?,
        // `Key::prepare` makes these for other algorithms alone.
        Material::Shared(Key::Secret(_) | Key::Public(_)) => return Err(SignError::Algorithm),
    };
    out.push('.');
    Encoding::Base64Url.encode(&signature, out);
    Ok(())
}

/// The claims: what is fixed, what the configuration says, the times, and the digest of the body.
fn claims(signing: &Signing<'_, '_>) -> Result<Map<String, Json>, SignError> {
    let mut claims = Map::new();
    for rule in &signing.scheme.claims {
        let value = match &rule.value {
            ClaimValue::Present if rule.name == "exp" => {
                (signing.message.now.as_unix_seconds() + TOKEN_LIFETIME.as_secs().cast_signed()).into()
            }
            ClaimValue::Present => signing.params.text(&rule.name).into(),
            ClaimValue::Texts(texts) => texts.first().map(String::as_str).into(),
            ClaimValue::Flag(flag) => (*flag).into(),
            ClaimValue::Param(name) => signing.params.text(name).into(),
        };
        claims.insert(rule.name.clone(), value);
    }
    if let Some(TimestampSource::Claim(name)) = signing.scheme.timestamp.as_ref().map(|rule| &rule.source) {
        // `NumericDate` (RFC 7519 section 2); the format of the profile was checked when the text was made.
        let number = signing.stamp().parse::<i64>().map_err(|_| SignError::Missing { what: "timestamp" })?;
        claims.insert(name.clone(), number.into());
    }
    if let Some(BodyDigest { source: BodyDigestSource::Claim(name), digest, encoding }) =
        &signing.scheme.body_digest
    {
        let digest = key::digest(*digest, |running| running.update(signing.message.body));
        let mut text = String::new();
        encoding.encode(digest.as_bytes(), &mut text);
        claims.insert(name.clone(), text.into());
    }
    Ok(claims)
}

/// Appends a secret that is sent along.
pub(super) fn write_shared(algorithm: Algorithm, secret: &Secret, out: &mut String) -> Result<(), SignError> {
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
