//! From a secret as it is shown to a key that is ready for use.

mod jwk;
mod mac;
mod private;

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub(crate) use mac::{Content, MacKey, MacTag, RunningMac};
pub(crate) use private::{PrivateKey, Unsigned, key_id};

use crate::error::SecretError;
use crate::scheme::{Algorithm, DigestKind, Encoding, JwtAlgorithm};
use crate::secret::Secret;
use crate::verifier::Mode;

/// A step of the pipeline from a secret's text to key bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum KeyStep {
    /// The text as it is.
    Utf8,
    /// A text with this prefix is another kind of key, and refused.
    RefusePrefix(String),
    /// Takes this prefix off if it is there.
    StripPrefix(String),
    /// Decodes base64.
    Base64,
    /// Decodes hexadecimal.
    Hex,
    /// The SHA-1 digest of what came before.
    Sha1,
    /// The public key within a DER SubjectPublicKeyInfo (RFC 5280 section 4.1).
    Spki,
    /// The public key within a DER certificate (RFC 5280 section 4.1).
    Certificate,
    /// The bytes of a PEM block (RFC 7468).
    Pem,
    /// The public key of a JSON Web Key on P-256 (RFC 7518 section 6.2).
    Jwk,
    /// A private key in any of the usual notations.
    PrivateKey,
}

/// A key that is ready for use.
#[derive(Clone)]
pub(crate) enum Key {
    Mac(MacKey),
    /// For a plain digest, and for comparison: the secret as it is shown.
    Secret(Secret),
    /// A public key as its algorithm writes it.
    Public(Vec<u8>),
}

impl KeyStep {
    /// What the steps are, for messages.
    pub(crate) const EXPECTED: &'static str = "one of `utf8`, `refuse-prefix:...`, `strip-prefix:...`, `base64`, `hex`, `sha1`, `spki`, `certificate`, `pem`, `jwk` and `private-key` is needed";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            None => match text {
                "utf8" => Self::Utf8,
                "base64" => Self::Base64,
                "hex" => Self::Hex,
                "sha1" => Self::Sha1,
                "spki" => Self::Spki,
                "certificate" => Self::Certificate,
                "pem" => Self::Pem,
                "jwk" => Self::Jwk,
                "private-key" => Self::PrivateKey,
                _ => return None,
            },
            Some((_, "")) => return None,
            Some(("refuse-prefix", prefix)) => Self::RefusePrefix(prefix.to_owned()),
            Some(("strip-prefix", prefix)) => Self::StripPrefix(prefix.to_owned()),
            Some(_) => return None,
        })
    }

    fn apply(&self, key: Zeroizing<Vec<u8>>, index: usize) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let undecodable = |expected| SecretError::Undecodable { index, expected };
        match self {
            Self::Utf8 => Ok(key),
            Self::RefusePrefix(prefix) if key.starts_with(prefix.as_bytes()) => {
                Err(SecretError::WrongKind { index, prefix: prefix.clone() })
            }
            Self::RefusePrefix(_) => Ok(key),
            Self::StripPrefix(prefix) => match key.strip_prefix(prefix.as_bytes()) {
                Some(rest) => Ok(Zeroizing::new(rest.to_vec())),
                None => Ok(key),
            },
            Self::Base64 => {
                decode(Encoding::Base64, &key).ok_or(undecodable("canonical base64 with padding"))
            }
            Self::Hex => decode(Encoding::Hex, &key).ok_or(undecodable("hexadecimal")),
            Self::Sha1 => Ok(Zeroizing::new(Sha1::digest(&*key).to_vec())),
            Self::Spki => crate::der::spki_public_key(&key)
                .map(|public| Zeroizing::new(public.to_vec()))
                .ok_or(undecodable("a DER SubjectPublicKeyInfo")),
            Self::Certificate => crate::der::certificate_public_key(&key)
                .map(|public| Zeroizing::new(public.to_vec()))
                .ok_or(undecodable("a DER certificate")),
            Self::Pem => crate::der::pem_block(&key).map(Zeroizing::new).ok_or(undecodable("a PEM block")),
            Self::PrivateKey => {
                private::read(&key).ok_or(undecodable("a private key in PEM, in base64 or as a JSON Web Key"))
            }
            Self::Jwk => jwk_point(&key).map(Zeroizing::new).ok_or(undecodable("a JSON Web Key on P-256")),
        }
    }
}

impl Key {
    /// Runs a secret through the pipeline. `index` is its place among the given ones, for messages.
    pub(crate) fn prepare(
        algorithm: Algorithm,
        steps: &[KeyStep],
        secret: &Secret,
        index: usize,
    ) -> Result<Self, SecretError> {
        let bytes = run(steps, secret, index)?;
        let expect_length = |length: usize, expected| match bytes.len() == length {
            true => Ok(Self::Public(bytes.to_vec())),
            false => Err(SecretError::Undecodable { index, expected }),
        };
        match algorithm {
            Algorithm::Hmac(digest) => Ok(Self::Mac(MacKey::new(digest, &bytes))),
            Algorithm::Jwt(JwtAlgorithm::Hs256) => Ok(Self::Mac(MacKey::new(DigestKind::Sha256, &bytes))),
            Algorithm::RsaPkcs1(_) | Algorithm::Jwt(JwtAlgorithm::Rs256) => Ok(Self::Public(bytes.to_vec())),
            Algorithm::Hash(_) | Algorithm::Token | Algorithm::Basic => {
                Ok(Self::Secret(Secret::new(bytes.as_slice())))
            }
            Algorithm::Ed25519 => expect_length(32, "an Ed25519 public key of 32 bytes"),
            // An uncompressed point: 0x04, and two coordinates of 32 bytes (SEC 1 section 2.3.3).
            Algorithm::EcdsaP256Der | Algorithm::Jwt(JwtAlgorithm::Es256) => {
                expect_length(65, "an uncompressed P-256 public key")
            }
            Algorithm::None => Err(SecretError::Empty { index }),
        }
    }
}

impl Key {
    /// As [`prepare`](Self::prepare), for the schemes whose vendors publish their keys: those are JSON Web Keys, whatever
    /// the notation in which a key is given by hand.
    pub(crate) fn prepare_published(
        algorithm: Algorithm,
        steps: &[KeyStep],
        secret: &Secret,
        index: usize,
    ) -> Result<Self, SecretError> {
        if !jwk::is_object(secret.expose()) {
            return Self::prepare(algorithm, steps, secret, index);
        }
        let key = jwk::public_key(algorithm, secret.expose());
        key.map(Self::Public).ok_or(SecretError::Undecodable { index, expected: jwk::EXPECTED })
    }
}

/// The bytes that a pipeline makes of a secret, and never none.
pub(crate) fn run(
    steps: &[KeyStep],
    secret: &Secret,
    index: usize,
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let mut bytes = Zeroizing::new(secret.expose().to_vec());
    for step in steps {
        // Nothing can be decoded of nothing, and which step says so first is of no interest.
        if !bytes.is_empty() {
            bytes = step.apply(bytes, index)?;
        }
    }
    match bytes.is_empty() {
        true => Err(SecretError::Empty { index }),
        false => Ok(bytes),
    }
}

/// The coordinates of a key as an uncompressed point.
fn jwk_point(json: &[u8]) -> Option<Vec<u8>> {
    let key: serde_json::Value = serde_json::from_slice(json).ok()?;
    let member = |name: &str| key.get(name)?.as_str();
    if member("kty") != Some("EC") || member("crv") != Some("P-256") {
        return None;
    }
    let coordinate = |name: &str| {
        let bytes = decode(Encoding::Base64Url, member(name)?.as_bytes())?;
        (bytes.len() == 32).then_some(bytes)
    };
    Some([&[4], coordinate("x")?.as_slice(), coordinate("y")?.as_slice()].concat())
}

fn decode(encoding: Encoding, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; text.len()]);
    let length = encoding.decode(text, Mode::Strict, &mut out)?;
    out.truncate(length);
    Some(out)
}

/// The plain digest of bytes.
pub(crate) fn digest(kind: DigestKind, pieces: impl FnOnce(&mut RunningMac)) -> MacTag {
    let mut running = RunningMac::plain(kind);
    pieces(&mut running);
    running.finish()
}
