//! The time for which a certificate is valid (RFC 5280 section 4.1.2.5). The library that checks chains does not tell it.

use hookseal::Timestamp;

use super::error::KeyError;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, constructed: the version.
const VERSION: u8 = 0xa0;

/// From when until when, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Validity {
    /// Reads the validity of a certificate in DER.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = element(certificate, SEQUENCE)?;
        let (signed, _) = element(certificate, SEQUENCE)?;
        let after_version = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
        let (_, after_serial) = element(after_version, INTEGER)?;
        let (_, after_algorithm) = element(after_serial, SEQUENCE)?;
        let (_, after_issuer) = element(after_algorithm, SEQUENCE)?;
        let (validity, _) = element(after_issuer, SEQUENCE)?;
        let (not_before, rest) = time(validity)?;
        match time(rest)? {
            (not_after, []) => Some(Self { not_before, not_after }),
            _ => None,
        }
    }

    pub(super) fn check(self, now: Timestamp) -> Result<(), KeyError> {
        if now < self.not_before {
            return Err(KeyError::NotYetValid);
        }
        // The last second counts to its end.
        if now.since(self.not_after).as_secs() > 0 {
            return Err(KeyError::Expired);
        }
        Ok(())
    }
}

/// A `Time`, and what follows it. Both forms are in UTC and end with whole seconds.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match element(der, UTC_TIME) {
        // Two digits of the year stand for 1950 to 2049.
        Some((text, rest)) => (text, rest, if *text.first()? < b'5' { "20" } else { "19" }),
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            (text, rest, "")
        }
    };
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = format!("{century}{digits}");
    if digits.len() != "YYYYMMDDHHMMSS".len() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (date, clock) = digits.split_at(8);
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    );
    Some((Timestamp::parse_rfc3339(&written).ok()?, rest))
}

/// The content of an element with this tag, and what follows it (ITU-T X.690).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (length, rest) = match rest {
        [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["keys.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 2);
        params.not_after = date_time_ymd(until, 3, 4);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn reads_both_forms_of_time() {
        for (from, until) in [(1999, 2001), (2049, 2050), (2150, 2199)] {
            let validity = Validity::of(&certificate(from, until)).unwrap();
            assert_eq!(validity.not_before, at(&format!("{from}-01-02T00:00:00Z")));
            assert_eq!(validity.not_after, at(&format!("{until}-03-04T00:00:00Z")));
        }
    }

    #[test]
    fn both_ends_count() {
        let validity = Validity::of(&certificate(2020, 2021)).unwrap();
        for (now, outcome) in [
            ("2020-01-01T23:59:59.999Z", "not valid yet"),
            ("2020-01-02T00:00:00Z", ""),
            ("2021-03-04T00:00:00.999Z", ""),
            ("2021-03-04T00:00:01Z", "has expired"),
        ] {
            let words = validity.check(at(now)).err().map_or_else(String::new, |error| error.to_string());
            assert_eq!(words.is_empty(), outcome.is_empty(), "{now}: {words}");
            assert!(words.contains(outcome), "{now}: {words}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(cut in 0..400_usize, at: prop::sample::Index, byte: u8) {
            let mut der = certificate(2020, 2021);
            let place = at.index(der.len());
            der[place] = byte;
            let _ = Validity::of(&der[..cut.min(der.len())]);
            let _ = Validity::of(&der);
        }
    }
}
