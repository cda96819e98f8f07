//! From a scheme and secrets to keys that sign, and the reasons why there can be none.

use crate::der;
use crate::error::SecretError;
use crate::key::{self, Key, KeyStep, PrivateKey};
use crate::limits::MAX_SIGNING_SECRETS;
use crate::params::Params;
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigestSource, Carrier, ClaimValue, DigestKind, Encoding, Grammar, Pairs,
    Rotation, Scheme, SignatureRule, Value,
};
use crate::secret::Secret;

/// A key and what stands with its signature.
pub(super) struct SigningKey {
    /// The text before the signature.
    pub(super) label: String,
    /// The id of the key that a token names.
    pub(super) id: Option<String>,
    pub(super) key: Material,
}

pub(super) enum Material {
    /// A shared secret.
    Shared(Key),
    Private(PrivateKey),
}

/// Why a scheme can be verified and not signed, where that is so.
pub(crate) fn verify_only(scheme: &Scheme) -> Option<&'static str> {
    let rule = scheme.signature.as_ref()?;
    let digest_in_url =
        matches!(&scheme.body_digest, Some(digest) if matches!(digest.source, BodyDigestSource::Query(_)));
    let lists = matches!(rule.grammar, Grammar::Dictionary | Grammar::Pairs(Pairs { names: Some(_), .. }));
    match &rule.carrier {
        // No profile has a signature that covers the body that it stands in.
        Carrier::Query(_) if scheme.covers(&Value::Url) || digest_in_url => {
            Some("its signature covers the URL that it stands in")
        }
        _ if lists && rule.coverage.always.is_empty() => {
            Some("its profile does not say with `covers` what a signature covers")
        }
        _ => None,
    }
}

/// The algorithm to prepare keys for. Where the message names one of several, one key is for all of them.
pub(super) fn algorithm(scheme: &Scheme) -> Algorithm {
    match &scheme.algorithm {
        AlgorithmRule::Fixed(algorithm) => *algorithm,
        AlgorithmRule::Json { choices, .. } => {
            Algorithm::RsaPkcs1(choices.first().map_or(DigestKind::Sha256, |(_, digest)| *digest))
        }
        AlgorithmRule::Named(digests) => {
            Algorithm::Hmac(digests.first().copied().unwrap_or(DigestKind::Sha256))
        }
    }
}

/// What the headers that signing writes, and the claims, take from the configuration has to be there.
pub(super) fn check_header_params(scheme: &Scheme, params: &Params) -> Result<(), SecretError> {
    let in_headers = scheme.headers.iter().flat_map(|(_, value)| value.params());
    // The end of a token is worked out.
    let in_claims = scheme
        .claims
        .iter()
        .filter(|rule| matches!(rule.value, ClaimValue::Present) && rule.name != "exp")
        .map(|rule| &rule.name);
    let missing = in_headers.chain(in_claims).find(|name| params.text(name).is_none());
    missing.map_or(Ok(()), |name| Err(SecretError::MissingParam { name: name.clone() }))
}

pub(super) fn keys(
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
        let key = material(scheme, algorithm, secret, index)?;
        if index < limit {
            let id = params.text("kid").map(str::to_owned).or_else(|| key::key_id(secret.expose()));
            keys.push(SigningKey { label: label(rule, algorithm, index, params), id, key });
        }
    }
    Ok(keys)
}

fn material(
    scheme: &Scheme,
    algorithm: Algorithm,
    secret: &Secret,
    index: usize,
) -> Result<Material, SecretError> {
    if algorithm.has_public_key() {
        let bytes = key::run(&scheme.signing_key, secret, index)?;
        return PrivateKey::prepare(algorithm, &bytes, index).map(Material::Private);
    }
    let key = Key::prepare(algorithm, &scheme.signing_key, secret, index)?;
    match (algorithm, &key) {
        (Algorithm::Token, Key::Secret(token))
            if !token.expose().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') =>
        {
            Err(SecretError::Undecodable { index, expected: "visible ASCII, as a header needs it" })
        }
        _ => Ok(Material::Shared(key)),
    }
}

/// What stands before the signature by the secret at `index`.
fn label(rule: &SignatureRule, algorithm: Algorithm, index: usize, params: &Params) -> String {
    match (&rule.grammar, algorithm) {
        (Grammar::Bare, _) => String::new(),
        (Grammar::Dictionary, _) => format!("{}=:", rule.coverage.label),
        (Grammar::Prefix { prefix, .. }, _) if index == 0 => prefix.clone(),
        (Grammar::Prefix { .. }, _) => String::new(),
        (Grammar::Pairs(pairs), _) => {
            format!("{}{}", pairs.keys.written(index, rule.rotation, params), char::from(pairs.assign))
        }
        (Grammar::AlgorithmPrefix, Algorithm::Hmac(digest)) => format!("{}=", digest.name()),
        (Grammar::AlgorithmPrefix, _) => String::new(),
    }
}

/// What receivers verify with, in the notation that the profile's key pipeline takes: the secret itself where it is
/// shared, and otherwise its public key, written by going through the pipeline from its end.
pub(crate) fn verifying_secret(scheme: &Scheme, secret: &Secret) -> Result<Secret, SecretError> {
    let algorithm = algorithm(scheme);
    let Material::Private(private) = material(scheme, algorithm, secret, 0)? else {
        return Ok(secret.clone());
    };
    let mut bytes = private.public().to_vec();
    for step in scheme.key.iter().rev() {
        bytes = match step {
            KeyStep::Utf8 | KeyStep::RefusePrefix(_) => bytes,
            KeyStep::StripPrefix(prefix) => [prefix.as_bytes(), &bytes].concat(),
            KeyStep::Base64 => encode(Encoding::Base64, &bytes),
            KeyStep::Hex => encode(Encoding::Hex, &bytes),
            KeyStep::Spki => private.public_spki(),
            KeyStep::Pem => der::pem_text("PUBLIC KEY", &bytes).into_bytes(),
            KeyStep::Jwk => public_jwk(&private, key::key_id(secret.expose())),
            KeyStep::Certificate | KeyStep::Sha1 | KeyStep::PrivateKey => {
                return Err(SecretError::Certificate);
            }
        };
    }
    Ok(Secret::new(bytes))
}

fn encode(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    encoding.encode(bytes, &mut text);
    text.into_bytes()
}

/// A P-256 point as a JSON Web Key (RFC 7518 section 6.2.1).
fn public_jwk(private: &PrivateKey, id: Option<String>) -> Vec<u8> {
    let text = |bytes: &[u8]| {
        let mut text = String::new();
        Encoding::Base64Url.encode(bytes, &mut text);
        text
    };
    let coordinates = private.public().get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let mut key =
        serde_json::json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": text(x), "y": text(y) });
    if let Some(id) = id {
        key["kid"] = id.into();
    }
    key.to_string().into_bytes()
}
