//! The strings of JSON: their notation, and what they stand for.

use std::rc::Rc;

use super::Escapes;

/// A string of a document: its notation with the quotes, and what it stands for. It is decoded once, as it is written in
/// dozens of ways.
#[derive(Clone, PartialEq)]
pub(in crate::explain) struct Text<'t> {
    raw: &'t [u8],
    value: Value,
}

#[derive(Clone, PartialEq)]
enum Value {
    /// What stands between the quotes, in every way to write it.
    Plain,
    Decoded(Rc<str>),
    Undecodable,
}

impl<'t> Text<'t> {
    /// From a notation with its quotes.
    pub(super) fn new(raw: &'t [u8]) -> Self {
        let value = match is_plain(raw) {
            true => Value::Plain,
            false => decode(raw).map_or(Value::Undecodable, |value| Value::Decoded(value.into())),
        };
        Self { raw, value }
    }

    /// What it stands for, where it can be decoded.
    pub(super) fn value(&self) -> Option<&str> {
        match &self.value {
            Value::Plain => std::str::from_utf8(self.raw.get(1..self.raw.len() - 1)?).ok(),
            Value::Decoded(value) => Some(value),
            Value::Undecodable => None,
        }
    }

    /// Writes it with the escapes that a program writes. What cannot be decoded is kept.
    pub(super) fn write(&self, escapes: Escapes, out: &mut Vec<u8>) {
        match &self.value {
            Value::Decoded(value) if escapes != Escapes::AsWritten => {
                out.push(b'"');
                write_all(value, escapes, out);
                out.push(b'"');
            }
            _ => out.extend_from_slice(self.raw),
        }
    }
}

/// Reads the notation of a string with its quotes; `None` where it is not UTF-8, has an escape that does not exist, or
/// stands for half a surrogate pair.
fn decode(raw: &[u8]) -> Option<String> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut rest = std::str::from_utf8(inner).ok()?;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (character, length) = escape(&rest.as_bytes()[at..])?;
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Some(out)
}

/// The character that an escape stands for, and the bytes that it takes. All of them are ASCII.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let plain = |character| Some((character, 2));
    match text.get(1)? {
        b'"' => plain('"'),
        b'\\' => plain('\\'),
        b'/' => plain('/'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'u' => {
            let first = unit(text.get(2..6)?)?;
            if let Some(character) = char::from_u32(first) {
                return Some((character, 6));
            }
            let second = text.get(6..12).filter(|next| next.starts_with(b"\\u"))?;
            let pair =
                char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(unit(&second[2..])?).ok()?])
                    .next()?;
            Some((pair.ok()?, 12))
        }
        _ => None,
    }
}

fn unit(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// Whether every program writes these characters as they are. A quote within a string has a backslash before it.
pub(super) fn is_plain(text: &[u8]) -> bool {
    !text.iter().any(|byte| is_special(*byte))
}

/// Whether a byte is of a character that not every program writes as it is.
pub(super) fn is_special(byte: u8) -> bool {
    !byte.is_ascii() || b"\\/<>&'+`\x7f".contains(&byte)
}

/// Writes what a string stands for: runs of what stays as it is at once, and the other characters one by one.
pub(super) fn write_all(text: &str, escapes: Escapes, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !is_kept(byte, escapes)) {
        let (run, after) = rest.split_at(at);
        out.extend_from_slice(run.as_bytes());
        let mut characters = after.chars();
        characters.by_ref().take(1).for_each(|character| write(character, escapes, out));
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Whether a byte of UTF-8 is of a character that is surely written as it is. Of several bytes, the first says so for all
/// of them: a run ends before a character and never within one.
fn is_kept(byte: u8, escapes: Escapes) -> bool {
    match byte {
        0..b' ' | b'"' | b'\\' => false,
        b'/' => !matches!(escapes, Escapes::Slashes | Escapes::SlashesAndNonAscii),
        b'<' | b'>' | b'&' => !matches!(escapes, Escapes::Html | Escapes::DotNet),
        b'\'' | b'+' | b'`' | 0x7f => escapes != Escapes::DotNet,
        0x80.. => match escapes {
            Escapes::AsWritten | Escapes::Least | Escapes::Slashes => true,
            // U+2028 and U+2029 begin with it.
            Escapes::Html => byte != 0xe2,
            Escapes::NonAscii | Escapes::SlashesAndNonAscii | Escapes::DotNet => false,
        },
        _ => true,
    }
}

/// Writes a character of a string.
fn write(character: char, escapes: Escapes, out: &mut Vec<u8>) {
    match character {
        '"' if escapes == Escapes::DotNet => write_unicode(character, escapes, out),
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '/' if matches!(escapes, Escapes::Slashes | Escapes::SlashesAndNonAscii) => {
            out.extend_from_slice(b"\\/")
        }
        character if must_be_unicode(character, escapes) => write_unicode(character, escapes, out),
        character => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn must_be_unicode(character: char, escapes: Escapes) -> bool {
    let html = matches!(character, '<' | '>' | '&');
    let line = matches!(character, '\u{2028}' | '\u{2029}');
    character < ' '
        || match escapes {
            Escapes::AsWritten | Escapes::Least | Escapes::Slashes => false,
            Escapes::NonAscii | Escapes::SlashesAndNonAscii => !character.is_ascii(),
            Escapes::Html => html || line,
            Escapes::DotNet => {
                html || matches!(character, '\'' | '+' | '`')
                    || !character.is_ascii()
                    || character == '\u{7f}'
            }
        }
}

fn write_unicode(character: char, escapes: Escapes, out: &mut Vec<u8>) {
    let digits = match escapes {
        Escapes::DotNet => b"0123456789ABCDEF",
        _ => b"0123456789abcdef",
    };
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        out.extend([12, 8, 4, 0].map(|shift| digits[usize::from(*unit >> shift & 0xf)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_run_is_its_characters(text in "(\\PC|[\u{0}-\u{7f}]|[\u{2026}-\u{202a}]){0,40}") {
            for escapes in Escapes::ALL {
                let (mut whole, mut single) = (Vec::new(), Vec::new());
                write_all(&text, escapes, &mut whole);
                text.chars().for_each(|character| write(character, escapes, &mut single));
                prop_assert_eq!(whole, single);
            }
        }

        #[test]
        fn a_plain_string_is_written_in_one_way(text in "[ !#-~é]{0,20}") {
            let raw = format!("\"{text}\"");
            if is_plain(raw.as_bytes()) {
                let decoded = decode(raw.as_bytes());
                prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
                let parsed = Text::new(raw.as_bytes());
                prop_assert_eq!(parsed.value(), Some(text.as_str()));
                for escapes in Escapes::ALL {
                    let mut out = Vec::new();
                    write_all(&text, escapes, &mut out);
                    prop_assert_eq!(out, text.as_bytes());
                }
            }
        }
    }
}
