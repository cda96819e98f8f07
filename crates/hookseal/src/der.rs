//! As much of ASN.1 DER (ITU-T X.690) as it takes to find the key in a SubjectPublicKeyInfo or a certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// `[0]`, constructed: the version of a certificate.
const VERSION: u8 = 0xa0;

/// The bits of the key in `SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING }` (RFC 5280 section 4.1).
pub(crate) fn spki_public_key(der: &[u8]) -> Option<&[u8]> {
    match element(der, SEQUENCE)? {
        (spki, []) => key_of_spki(spki),
        _ => None,
    }
}

/// The bits of the key of a certificate (RFC 5280 section 4.1). Neither its chain nor its dates are looked at: that is
/// the business of whoever fetched it.
pub(crate) fn certificate_public_key(der: &[u8]) -> Option<&[u8]> {
    let (certificate, rest) = element(der, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let after_version = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, after_serial) = element(after_version, INTEGER)?;
    // Signature algorithm, issuer, validity, subject.
    let mut at_key = after_serial;
    for _ in 0..4 {
        (_, at_key) = element(at_key, SEQUENCE)?;
    }
    let (spki, _) = element(at_key, SEQUENCE)?;
    if rest.is_empty() { key_of_spki(spki) } else { None }
}

/// `id-Ed25519` (RFC 8410 section 3).
pub(crate) const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// `id-ecPublicKey` on `secp256r1` (RFC 5480 section 2.1.1).
pub(crate) const EC_P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// `rsaEncryption`, whose parameters are `NULL` (RFC 3279 section 2.3.1).
pub(crate) const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A SubjectPublicKeyInfo of a key, and of what stands in its `AlgorithmIdentifier` (RFC 5280 section 4.1).
pub(crate) fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = write(BIT_STRING, &[&[0], key].concat());
    write(SEQUENCE, &[write(SEQUENCE, algorithm), bits].concat())
}

/// The text of a PEM block (RFC 7468 section 2).
pub(crate) fn pem_text(label: &str, der: &[u8]) -> String {
    const LINE: usize = 48;
    let lines: Vec<String> = der.chunks(LINE).map(|line| STANDARD.encode(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The bytes of the first block of a PEM file (RFC 7468).
pub(crate) fn pem_block(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, after_begin) = text.split_once("-----BEGIN ")?;
    let (label, after_label) = after_begin.split_once("-----")?;
    let (block, _) = after_label.split_once(&format!("-----END {label}-----"))?;
    let base64: String = block.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

fn key_of_spki(spki: &[u8]) -> Option<&[u8]> {
    let (_, after_algorithm) = element(spki, SEQUENCE)?;
    // The first byte counts the unused bits at the end; a key has none.
    match element(after_algorithm, BIT_STRING)? {
        ([0, key @ ..], []) => Some(key),
        _ => None,
    }
}

/// The content of an element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    if *found != tag {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// An element of at most 65535 bytes.
fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [&head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_back_the_keys_and_blocks_that_it_writes() {
        for length in [1, 32, 65, 120, 127, 128, 270, 1100] {
            let key = vec![0xa5; length];
            for algorithm in [ED25519, EC_P256, RSA] {
                let der = spki(algorithm, &key);
                assert_eq!(spki_public_key(&der), Some(&key[..]));
                assert_eq!(pem_block(pem_text("PUBLIC KEY", &der).as_bytes()), Some(der));
            }
        }
    }

    #[test]
    fn finds_the_key_and_nothing_in_what_is_cut_or_longer() {
        let der = [0x30, 0x0b, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x02, 0x00, 0xaa];
        assert_eq!(spki_public_key(&der), Some(&[0xaa][..]));
        for length in 0..der.len() {
            assert_eq!(spki_public_key(&der[..length]), None);
        }
        assert_eq!(spki_public_key(&[&der[..], &[0]].concat()), None);
    }

    #[test]
    fn reads_the_first_pem_block() {
        assert_eq!(pem_block(b"x\n-----BEGIN A-----\nAAEC\nAw==\n-----END A-----\n"), Some(vec![0, 1, 2, 3]));
        assert_eq!(pem_block(b"-----BEGIN A-----\nAAEC\n-----END B-----\n"), None);
        assert_eq!(pem_block(b"-----BEGIN A-----\n!\n-----END A-----\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (spki_public_key(&bytes), certificate_public_key(&bytes), pem_block(&bytes));
        }
    }
}
