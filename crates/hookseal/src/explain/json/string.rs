//! The strings of JSON: their notation, and what they stand for.

use super::Escapes;

/// Reads the notation of a string with its quotes; `None` where it is not UTF-8, has an escape that does not exist, or
/// stands for half a surrogate pair.
pub(super) fn decode(raw: &[u8]) -> Option<String> {
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

/// Writes a string given in its notation with the escapes that a program writes. What cannot be decoded is kept.
pub(super) fn rewrite(raw: &[u8], escapes: Escapes, out: &mut Vec<u8>) {
    let decoded = if escapes == Escapes::AsWritten { None } else { decode(raw) };
    let Some(text) = decoded else { return out.extend_from_slice(raw) };
    out.push(b'"');
    text.chars().for_each(|character| write(character, escapes, out));
    out.push(b'"');
}

/// Writes a character of a string.
pub(super) fn write(character: char, escapes: Escapes, out: &mut Vec<u8>) {
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
