//! Private keys: reading them, signing with them, and the public keys that go with them.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::decode;
use crate::der;
use crate::error::SecretError;
use crate::scheme::{Algorithm, DigestKind, Encoding, JwtAlgorithm};

/// The length of an Ed25519 seed, of a scalar and of a coordinate on P-256.
const SCALAR: usize = 32;
/// The length of an uncompressed point on P-256 (SEC 1 section 2.3.3).
const POINT: usize = 65;

/// A key that signs. `ring` holds it, and shows nothing of it; the bytes that it was read from are wiped, those that
/// `ring` keeps are not, as it offers no way to.
pub(crate) enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    /// Boxed, as it is many times the size of the others.
    Rsa(Box<RsaKeyPair>),
}

/// Why a private key made no signature.
pub(crate) enum Unsigned {
    /// The algorithm is not one that anything is signed with any more.
    Algorithm,
    /// The operating system gave no randomness.
    Randomness,
}

impl PrivateKey {
    /// Reads what the pipeline of the signing key made of a secret. `index` is its place, for messages.
    pub(crate) fn prepare(algorithm: Algorithm, bytes: &[u8], index: usize) -> Result<Self, SecretError> {
        let (key, expected) = match algorithm {
            Algorithm::Ed25519 => (
                ed25519(bytes).map(Self::Ed25519),
                "an Ed25519 private key: a seed of 32 bytes, alone or with the public key, or PKCS#8",
            ),
            Algorithm::EcdsaP256Der => (
                p256(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes).map(Self::Ecdsa),
                "a P-256 private key as PKCS#8 or a JSON Web Key",
            ),
            Algorithm::Jwt(JwtAlgorithm::Es256) => (
                p256(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map(Self::Ecdsa),
                "a P-256 private key as PKCS#8 or a JSON Web Key",
            ),
            _ => (
                RsaKeyPair::from_pkcs8(bytes)
                    .or_else(|_| RsaKeyPair::from_der(bytes))
                    .ok()
                    .map(Box::new)
                    .map(Self::Rsa),
                "an RSA private key of 2048 to 4096 bits as PKCS#8",
            ),
        };
        key.ok_or(SecretError::Undecodable { index, expected })
    }

    /// Signs a content.
    ///
    /// Ed25519 is deterministic. ECDSA needs a nonce, and a nonce that repeats gives the key away: `ring` makes it of
    /// the key, the content and the operating system's randomness, and takes none from elsewhere. This is the one
    /// place where the library reaches for randomness. RSA is deterministic here, and `ring` asks for the source all
    /// the same.
    pub(crate) fn sign(&self, algorithm: Algorithm, content: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(key) => Ok(key.sign(content).as_ref().to_vec()),
            Self::Ecdsa(key) => key
                .sign(&random, content)
                .map(|made| made.as_ref().to_vec())
                .map_err(|_| Unsigned::Randomness),
            // Nobody should make new signatures with SHA-1, and `ring` does not.
            Self::Rsa(_) if algorithm == Algorithm::RsaPkcs1(DigestKind::Sha1) => Err(Unsigned::Algorithm),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, content, &mut signature)
                    .map_err(|_| Unsigned::Randomness)?;
                Ok(signature)
            }
        }
    }

    /// The public key as its algorithm writes it.
    pub(crate) fn public(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.public_key().as_ref(),
            Self::Ecdsa(key) => key.public_key().as_ref(),
            Self::Rsa(key) => key.public_key().as_ref(),
        }
    }

    /// The public key as a DER SubjectPublicKeyInfo.
    pub(crate) fn public_spki(&self) -> Vec<u8> {
        let algorithm = match self {
            Self::Ed25519(_) => der::ED25519,
            Self::Ecdsa(_) => der::EC_P256,
            Self::Rsa(_) => der::RSA,
        };
        der::spki(algorithm, self.public())
    }
}

fn ed25519(bytes: &[u8]) -> Option<Ed25519KeyPair> {
    match bytes.len() {
        SCALAR => Ed25519KeyPair::from_seed_unchecked(bytes).ok(),
        // Refused where the public key is not that of the seed.
        64 => Ed25519KeyPair::from_seed_and_public_key(&bytes[..SCALAR], &bytes[SCALAR..]).ok(),
        _ => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).ok(),
    }
}

fn p256(algorithm: &'static ring::signature::EcdsaSigningAlgorithm, bytes: &[u8]) -> Option<EcdsaKeyPair> {
    let random = SystemRandom::new();
    match bytes.len() == SCALAR + POINT {
        true => {
            let (private, public) = bytes.split_at(SCALAR);
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random).ok()
        }
        false => EcdsaKeyPair::from_pkcs8(algorithm, bytes, &random).ok(),
    }
}

/// Reads a private key in whichever of the usual notations it is: a PEM block, a JSON Web Key with `d`, or base64.
/// Its owner chose it, so that there is nothing to be tricked into.
pub(super) fn read(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    if text.starts_with(b"{") {
        return jwk(text);
    }
    if text.starts_with(b"-----BEGIN ") {
        return der::pem_block(text).map(Zeroizing::new);
    }
    decode(Encoding::Base64, text)
}

/// The private part of a JSON Web Key and the public one after it (RFC 7518 section 6.2, RFC 8037 section 2).
fn jwk(json: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key: Json = serde_json::from_slice(json).ok()?;
    let member = |name: &str| key.get(name)?.as_str();
    let bytes = |name: &str| decode(Encoding::Base64Url, member(name)?.as_bytes());
    let [private, x] = [bytes("d")?, bytes("x")?];
    let parts = match (member("kty")?, member("crv")?) {
        ("OKP", "Ed25519") => [&private[..], &x].concat(),
        ("EC", "P-256") => [&private[..], &[4], &x, &bytes("y")?].concat(),
        _ => return None,
    };
    Some(Zeroizing::new(parts))
}

/// The `kid` of a secret that is a JSON Web Key.
pub(crate) fn key_id(secret: &[u8]) -> Option<String> {
    let key: Json = serde_json::from_slice(secret).ok()?;
    key.get("kid")?.as_str().map(str::to_owned)
}
