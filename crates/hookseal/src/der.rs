//! As much of ASN.1 DER (ITU-T X.690) as it takes to find the key in a SubjectPublicKeyInfo.

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The bits of the key in `SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING }` (RFC 5280 section 4.1).
pub(crate) fn spki_public_key(der: &[u8]) -> Option<&[u8]> {
    let (spki, rest) = element(der, SEQUENCE)?;
    let (_, after_algorithm) = element(spki, SEQUENCE)?;
    let (bits, after_key) = element(after_algorithm, BIT_STRING)?;
    // The first byte counts the unused bits at the end; a key has none.
    match bits {
        [0, key @ ..] if rest.is_empty() && after_key.is_empty() => Some(key),
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
        let der = [&[0x30, 0x0b, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x02, 0x00][..], &[0xaa]].concat();
        assert_eq!(spki_public_key(&der), Some(&[0xaa][..]));
        for length in 0..der.len() {
            assert_eq!(spki_public_key(&der[..length]), None);
        }
        assert_eq!(spki_public_key(&[&der[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = spki_public_key(&bytes);
        }
    }
}
