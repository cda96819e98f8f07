//! The readings of a body: which bytes of it are signed.

use memchr::memchr;

/// Which bytes a signature covers in place of the body as it came.
///
/// Everything but [`Raw`](Self::Raw) makes the body malleable: different bytes have the same signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BodyReading {
    /// The bytes as they came.
    Raw,
    /// Without the byte 0x20, also within strings.
    StripSpaces,
    /// Without JSON whitespace outside strings.
    JsonCompact,
    /// With everything beyond ASCII as `\uxxxx` in lower case, as some JSON writers do. A body that is not UTF-8 is
    /// read as it came.
    EscapeNonAscii,
    /// With a line feed at the end, which is not there.
    AppendLineFeed,
}

impl BodyReading {
    /// The names in profiles.
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("raw", Self::Raw),
        ("strip-spaces", Self::StripSpaces),
        ("json-compact", Self::JsonCompact),
        ("escape-non-ascii", Self::EscapeNonAscii),
        ("append-lf", Self::AppendLineFeed),
    ];

    /// The name in profiles, such as `strip-spaces`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::StripSpaces => "strip-spaces",
            Self::JsonCompact => "json-compact",
            Self::EscapeNonAscii => "escape-non-ascii",
            Self::AppendLineFeed => "append-lf",
        }
    }

    /// Calls `write` with the bytes of this reading, piece by piece and without copying the body.
    #[inline]
    pub(crate) fn feed(self, body: &[u8], write: &mut impl FnMut(&[u8])) {
        match self {
            Self::Raw => write(body),
            _ => self.feed_rewritten(body, write),
        }
    }

    /// Once for all that write, as `feed` is there for each.
    fn feed_rewritten(self, body: &[u8], write: &mut dyn FnMut(&[u8])) {
        let write = &mut |bytes: &[u8]| write(bytes);
        match self {
            Self::Raw => write(body),
            Self::StripSpaces => feed_without_spaces(body, write),
            Self::JsonCompact => feed_compact(body, write),
            Self::EscapeNonAscii => feed_escaped(body, write),
            Self::AppendLineFeed => {
                write(body);
                write(b"\n");
            }
        }
    }
}

/// Gathers what is kept in a block on the stack: a piece of its own for every word would cost more than hashing it.
fn feed_without_spaces(body: &[u8], write: &mut impl FnMut(&[u8])) {
    const BLOCK: usize = 512;
    const CHUNK: usize = 32;
    let mut kept = [0; BLOCK];
    for block in body.chunks(BLOCK) {
        let mut length = 0;
        for chunk in block.chunks(CHUNK) {
            if chunk.iter().fold(false, |found, byte| found | (*byte == b' ')) {
                for byte in chunk {
                    // Without a branch on the byte; `length` stays below what of the block was read.
                    kept[length % BLOCK] = *byte;
                    length += usize::from(*byte != b' ');
                }
            } else {
                kept[length..length + chunk.len()].copy_from_slice(chunk);
                length += chunk.len();
            }
        }
        write(&kept[..length]);
    }
}

/// Works on bytes, not on JSON values: what is not JSON comes out in some way, and the same way for everybody.
fn feed_compact(body: &[u8], write: &mut impl FnMut(&[u8])) {
    let mut rest = body;
    while let Some(quote) = memchr(b'"', rest) {
        let (outside, string) = rest.split_at(quote);
        feed_without_whitespace(outside, write);
        let length = string_length(string);
        write(&string[..length]);
        rest = &string[length..];
    }
    feed_without_whitespace(rest, write);
}

fn feed_without_whitespace(text: &[u8], write: &mut impl FnMut(&[u8])) {
    text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).for_each(write);
}

/// The length of the string that `text` begins with, both quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(offset) = memchr::memchr2(b'"', b'\\', &text[at.min(text.len())..]) {
        at += offset + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn feed_escaped(body: &[u8], write: &mut impl FnMut(&[u8])) {
    let Ok(text) = std::str::from_utf8(body) else {
        return write(body);
    };
    let mut plain_from = 0;
    for (at, character) in text.char_indices().filter(|(_, character)| !character.is_ascii()) {
        write(&body[plain_from..at]);
        for unit in character.encode_utf16(&mut [0; 2]) {
            write(&escape(*unit));
        }
        plain_from = at + character.len_utf8();
    }
    write(&body[plain_from..]);
}

fn escape(unit: u16) -> [u8; 6] {
    let digit = |shift: u16| b"0123456789abcdef"[usize::from(unit >> shift & 0xf)];
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(reading: BodyReading, body: &str) -> String {
        let mut out = Vec::new();
        reading.feed(body.as_bytes(), &mut |piece| out.extend_from_slice(piece));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_what_as_str_says() {
        for (name, reading) in BodyReading::NAMES {
            assert_eq!(*name, reading.as_str());
        }
    }

    #[test]
    fn strips_spaces_everywhere_and_nothing_else() {
        assert_eq!(read(BodyReading::StripSpaces, "{ \"a b\": 1,\t\n}"), "{\"ab\":1,\t\n}");
    }

    #[test]
    fn compacts_outside_strings_only() {
        assert_eq!(read(BodyReading::JsonCompact, " { \"a \\\" b\" :\t[1 , 2]\r\n}"), "{\"a \\\" b\":[1,2]}");
        assert_eq!(read(BodyReading::JsonCompact, "\"open \\"), "\"open \\");
        assert_eq!(read(BodyReading::JsonCompact, "\"open \\\\\" x"), "\"open \\\\\"x");
    }

    #[test]
    fn escapes_as_utf16() {
        assert_eq!(read(BodyReading::EscapeNonAscii, "hé 🗼"), "h\\u00e9 \\ud83d\\uddfc");
    }

    proptest! {
        #[test]
        fn stripping_is_what_a_filter_does(body in proptest::collection::vec(prop_oneof![Just(b' '), any::<u8>()], 0..1500)) {
            let mut out = Vec::new();
            BodyReading::StripSpaces.feed(&body, &mut |piece| out.extend_from_slice(piece));
            let expected: Vec<u8> = body.iter().copied().filter(|byte| *byte != b' ').collect();
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn readings_never_panic_and_compacting_twice_is_compacting_once(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let feed = |reading: BodyReading, body: &[u8]| {
                let mut out = Vec::new();
                reading.feed(body, &mut |piece| out.extend_from_slice(piece));
                out
            };
            for (_, reading) in BodyReading::NAMES {
                feed(*reading, &body);
            }
            let once = feed(BodyReading::JsonCompact, &body);
            prop_assert_eq!(feed(BodyReading::JsonCompact, &once), once);
        }

        #[test]
        fn compacting_keeps_the_json_value(text in r#"[ \n]?(\{ ?"a b" ?: ?\[[0-9],? ?"\\" "\] ?\}|"[a-z ]*"|[0-9]{1,5})[ \t]?"#) {
            let before: Result<serde_json::Value, _> = serde_json::from_str(&text);
            if let Ok(before) = before {
                let after: serde_json::Value = serde_json::from_str(&read(BodyReading::JsonCompact, &text)).unwrap();
                prop_assert_eq!(before, after);
            }
        }
    }
}
