//! Secrets: key material as its vendor shows it, which never prints itself.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a fingerprint is a digest of begins with this, so that it is a digest of nothing else.
const FINGERPRINT_DOMAIN: &[u8] = b"hookseal secret fingerprint v1\0";

/// A secret in the vendor's own notation, such as `whsec_...`, hexadecimal, or the PEM of a key.
///
/// The memory is wiped when it is dropped, comparison takes the same time whatever differs, and neither `Debug`
/// nor anything else of this library shows the bytes. A profile's key pipeline turns the text into key bytes.
///
/// ```
/// use hookseal::Secret;
///
/// let secret = Secret::new("whs_xxxxxxx");
/// assert_eq!(format!("{secret:?}"), "Secret(redacted)");
/// assert_eq!(secret.fingerprint().to_string().len(), 16);
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes. The only way to them, so that a search for `expose` finds every use.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A short name for this secret that can be shown and logged.
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = Sha256::new().chain_update(FINGERPRINT_DOMAIN).chain_update(self.expose()).finalize();
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        Fingerprint(short)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Secret {}

/// The first 64 bits of a domain-separated SHA-256 of a secret. `Display` writes 16 hexadecimal digits.
///
/// It tells secrets apart, and says nothing of a secret that is random and long. Of a guessable one it lets a
/// guess be confirmed, as anything made from it would.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u8; 8]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_secrets_apart_and_are_not_their_plain_digest() {
        let (one, two) = (Secret::new("one"), Secret::new("two"));
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(one.fingerprint(), Secret::new(b"one".to_vec()).fingerprint());
        let plain: String = Sha256::digest(b"one")[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_ne!(one.fingerprint().to_string(), plain);
    }

    #[test]
    fn compares_by_bytes() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
    }
}
