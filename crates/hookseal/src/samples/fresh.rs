//! Ids and times that are filled into samples.

use sha2::{Digest, Sha256};

use crate::scheme::Encoding;
use crate::time::Timestamp;

/// What the placeholders of a sample stand for. The same seed and time make the same event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// The time of the event.
    pub now: Timestamp,
    /// Randomness that its ids are made from.
    pub seed: [u8; 32],
}

/// Kinds of ids, each before those that its name begins with. A number after the name tells ids of one kind apart.
const KINDS: [(&str, Kind); 6] = [
    ("hex32", Kind::Hex(16)),
    ("hex50", Kind::Hex(25)),
    ("hex", Kind::Hex(20)),
    ("uuid", Kind::Uuid),
    ("number", Kind::Number),
    ("id", Kind::Id),
];

#[derive(Clone, Copy)]
enum Kind {
    /// So many bytes in hexadecimal.
    Hex(usize),
    /// A random UUID (RFC 9562 section 5.4).
    Uuid,
    /// Nine digits, the first of them not 0.
    Number,
    /// Twenty letters and digits.
    Id,
}

impl Fresh {
    /// Puts values in place of every placeholder, in one pass. A brace that begins none stays as it is.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 4);
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, brace) = rest.split_at(at);
            out.push_str(before);
            let end = brace.find('}').unwrap_or(0);
            rest = match brace.get(1..end).and_then(|name| self.value(name)) {
                Some(value) => {
                    out.push_str(&value);
                    &brace[end + 1..]
                }
                None => {
                    out.push('{');
                    &brace[1..]
                }
            };
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str) -> Option<String> {
        let rfc3339 = self.now.to_string();
        Some(match name {
            "now" => rfc3339,
            "now:offset" => rfc3339.replace('Z', "+00:00"),
            "now:local" => rfc3339.get(..19)?.to_owned(),
            "now:date" => rfc3339.get(..10)?.to_owned(),
            "now:unix" => self.now.as_unix_seconds().to_string(),
            "now:millis" => self.now.as_unix_millis().to_string(),
            _ => {
                let kind = |(prefix, kind): &(&str, Kind)| Some((*kind, name.strip_prefix(prefix)?));
                let (kind, number) = KINDS.iter().find_map(kind)?;
                let is_number = number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| kind.write(&self.bytes(name)))?
            }
        })
    }

    fn bytes(&self, name: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.seed).chain_update(name).finalize().into()
    }
}

impl Kind {
    fn write(self, bytes: &[u8; 32]) -> String {
        let hex = |bytes: &[u8]| {
            let mut text = String::new();
            Encoding::Hex.encode(bytes, &mut text);
            text
        };
        match self {
            Self::Hex(length) => hex(&bytes[..length]),
            Self::Number => {
                let random = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                (100_000_000 + random % 900_000_000).to_string()
            }
            Self::Id => {
                bytes[..20].iter().map(|byte| LETTERS[usize::from(byte % 32)]).map(char::from).collect()
            }
            Self::Uuid => {
                let mut uuid = [0; 16];
                uuid.copy_from_slice(&bytes[..16]);
                uuid[6] = uuid[6] & 0x0f | 0x40;
                uuid[8] = uuid[8] & 0x3f | 0x80;
                let text = hex(&uuid);
                [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
            }
        }
    }
}

/// Crockford's base 32 in lower case: no letter looks like a digit.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Fresh = Fresh { now: Timestamp::from_unix_millis(1_743_513_177_521), seed: [1; 32] };

    #[test]
    fn times_have_their_forms() {
        let times = "{now} {now:offset} {now:local} {now:date} {now:unix} {now:millis}";
        assert_eq!(
            FRESH.fill(times),
            "2025-04-01T13:12:57.521Z 2025-04-01T13:12:57.521+00:00 2025-04-01T13:12:57 2025-04-01 1743513177 1743513177521"
        );
    }

    #[test]
    fn ids_are_one_within_an_event_and_others_in_the_next() {
        let ids = FRESH.fill("{id} {id} {id2} {number} {hex} {hex32} {hex50} {uuid}");
        let ids: Vec<&str> = ids.split(' ').collect();
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
        assert_eq!(ids.iter().map(|id| id.len()).collect::<Vec<_>>(), [20, 20, 20, 9, 40, 32, 50, 36]);
        assert_eq!(&ids[7][14..15], "4");
        let next = Fresh { seed: [2; 32], ..FRESH };
        assert_ne!(next.fill("{id}"), FRESH.fill("{id}"));
        assert_eq!(FRESH.fill("{id}"), FRESH.fill("{id}"));
    }

    #[test]
    fn other_braces_stay() {
        for text in ["{", "}", "{}", "{{}}", "{\"a\":{}}", "{other}", "{id999}", "{idx}", "{ id}"] {
            assert_eq!(FRESH.fill(text), text);
        }
        assert_eq!(FRESH.fill("{{now:date}}"), "{2025-04-01}");
    }
}
