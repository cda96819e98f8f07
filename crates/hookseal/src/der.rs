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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
