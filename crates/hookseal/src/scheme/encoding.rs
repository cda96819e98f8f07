//! How bytes are written in a header: hexadecimal or base64, read exactly.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::verifier::Mode;

/// An encoding of bytes as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// Hexadecimal, written in lower case and read in either.
    Hex,
    /// Hexadecimal in lower case; strict mode reads nothing else.
    HexLower,
    /// Base64 with the standard alphabet and padding (RFC 4648 section 4).
    Base64,
    /// Base64 with the URL alphabet and without padding (RFC 4648 section 5).
    Base64Url,
}

/// Canonical: no trailing bits, padding as written.
const STRICT: GeneralPurposeConfig = GeneralPurposeConfig::new();
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, STRICT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    STRICT.with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
const BASE64_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL_LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

impl Encoding {
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("hex", Self::Hex),
        ("hex-lower", Self::HexLower),
        ("base64", Self::Base64),
        ("base64url", Self::Base64Url),
    ];

    /// Decodes into the front of `out` and says how much that is; `None` if the text is not this encoding, or is
    /// longer than `out`.
    pub(crate) fn decode(self, text: &[u8], mode: Mode, out: &mut [u8]) -> Option<usize> {
        match self {
            Self::HexLower if mode == Mode::Strict && text.iter().any(u8::is_ascii_uppercase) => None,
            Self::Hex | Self::HexLower => decode_hex(text, out),
            Self::Base64 | Self::Base64Url => self.decode_base64(text, mode, out),
        }
    }

    /// Appends the text of `bytes`.
    pub(crate) fn encode(self, bytes: &[u8], out: &mut String) {
        match self {
            Self::Hex | Self::HexLower => encode_hex(bytes, out),
            Self::Base64 => BASE64.encode_string(bytes, out),
            Self::Base64Url => BASE64_URL.encode_string(bytes, out),
        }
    }

    fn decode_base64(self, text: &[u8], mode: Mode, out: &mut [u8]) -> Option<usize> {
        let url = || text.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let engine = match (mode, self) {
            (Mode::Strict, Self::Base64Url) => return decode_sextets(text, &SEXTETS_URL, out),
            (Mode::Strict, _) => return decode_sextets(without_padding(text)?, &SEXTETS, out),
            (Mode::Compat, _) if url() => &BASE64_URL_LENIENT,
            (Mode::Compat, _) => &BASE64_LENIENT,
        };
        engine.decode_slice(text, out).ok()
    }
}

fn decode_hex(text: &[u8], out: &mut [u8]) -> Option<usize> {
    if !text.len().is_multiple_of(2) || text.len() / 2 > out.len() {
        return None;
    }
    let (mut wrong, (digits, rest)) = (0, text.as_chunks::<32>());
    for (bytes, digits) in out.chunks_mut(16).zip(digits) {
        let (decoded, unlike) = decode_digits(digits);
        bytes.copy_from_slice(&decoded);
        wrong |= unlike;
    }
    if !rest.is_empty() {
        let mut last = [b'0'; 32];
        last[..rest.len()].copy_from_slice(rest);
        let (decoded, unlike) = decode_digits(&last);
        out[digits.len() * 16..text.len() / 2].copy_from_slice(&decoded[..rest.len() / 2]);
        wrong |= unlike;
    }
    (wrong == 0).then_some(text.len() / 2)
}

/// Sixteen bytes of 32 digits, and something else than 0 where one of them is no digit. Without tables and branches, so
/// that the compiler makes vectors of it, and a secret leaves no trace in a cache.
#[inline]
fn decode_digits(digits: &[u8; 32]) -> ([u8; 16], u8) {
    let mut values = *digits;
    for value in &mut values {
        let (number, letter) = (value.wrapping_sub(b'0'), (*value | 0x20).wrapping_sub(b'a'));
        *value = (mask(number < 10) & number)
            | (mask(letter < 6) & letter.wrapping_add(10))
            | mask(number >= 10 && letter >= 6);
    }
    let wrong = values.iter().fold(0, |wrong, value| wrong | (value & 0xf0));
    let mut bytes = [0; 16];
    for (byte, [high, low]) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
        *byte = high << 4 | low;
    }
    (bytes, wrong)
}

/// Takes off the padding, which brings every text to a multiple of four characters.
fn without_padding(text: &[u8]) -> Option<&[u8]> {
    match text {
        _ if !text.len().is_multiple_of(4) => None,
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => Some(digits),
        digits => Some(digits),
    }
}

/// What stands in a table of [`sextets`] for a character that is not of the alphabet.
const UNKNOWN: u8 = 0xff;
const SEXTETS: [u8; 256] = sextets(b'+', b'/');
const SEXTETS_URL: [u8; 256] = sextets(b'-', b'_');

/// The value of each character of base64, whose alphabets differ in the last two.
const fn sextets(plus: u8, slash: u8) -> [u8; 256] {
    let mut table = [UNKNOWN; 256];
    let mut value = 0;
    while value < 64 {
        let digit = match value {
            0..26 => b'A' + value,
            26..52 => b'a' + (value - 26),
            52..62 => b'0' + (value - 52),
            62 => plus,
            _ => slash,
        };
        table[digit as usize] = value;
        value += 1;
    }
    table
}

/// Canonical base64 without padding, by a table of [`sextets`].
fn decode_sextets(text: &[u8], table: &[u8; 256], out: &mut [u8]) -> Option<usize> {
    // Four characters are three bytes; a single one that is left is none.
    let length = text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1);
    if text.len() % 4 == 1 || length > out.len() {
        return None;
    }
    let (quads, rest) = text.as_chunks::<4>();
    let (whole, part) = out[..length].split_at_mut(quads.len() * 3);
    // The values of all characters together, which stay below 64 if each of them is of the alphabet.
    let mut seen = 0;
    for (bytes, quad) in whole.as_chunks_mut::<3>().0.iter_mut().zip(quads) {
        *bytes = decode_quad(*quad, table, &mut seen);
    }
    // `A` stands for zeros, so that a bit beyond the last whole byte shows in the byte after it.
    let mut quad = [b'A'; 4];
    quad.iter_mut().zip(rest).for_each(|(digit, given)| *digit = *given);
    let bytes = decode_quad(quad, table, &mut seen);
    let (bytes, beyond) = bytes.split_at(part.len());
    part.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
    (seen < 64 && beyond.iter().all(|byte| *byte == 0)).then_some(length)
}

/// The bytes of four characters. Adds the values of these to `seen`.
#[inline]
fn decode_quad(quad: [u8; 4], table: &[u8; 256], seen: &mut u32) -> [u8; 3] {
    let [first, second, third, fourth] = quad.map(|digit| u32::from(table[usize::from(digit)]));
    *seen |= first | second | third | fourth;
    let [_, bytes @ ..] = (first << 18 | second << 12 | third << 6 | fourth).to_be_bytes();
    bytes
}

/// Every bit, or none.
#[inline]
fn mask(condition: bool) -> u8 {
    u8::from(condition).wrapping_neg()
}

fn encode_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for chunk in bytes.chunks(32) {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(chunk) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]];
        }
        let text = &text[..chunk.len() * 2];
        out.push_str(std::str::from_utf8(text).expect("invariant: hexadecimal digits are ASCII"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(encoding: Encoding, mode: Mode, text: &str) -> Option<Vec<u8>> {
        let mut out = [0; 64];
        encoding.decode(text.as_bytes(), mode, &mut out).map(|length| out[..length].to_vec())
    }

    #[test]
    fn hex_is_exact() {
        for mode in [Mode::Strict, Mode::Compat] {
            assert_eq!(decode(Encoding::Hex, mode, "00ffAb"), Some(vec![0, 255, 0xab]));
            for bad in
                ["0", "0g", "00 ", " 00", "0x00", "zz", "00zz", "é", "0:", "/0", "0@", "G0", "0`", "0O"]
            {
                assert_eq!(decode(Encoding::Hex, mode, bad), None, "{bad}");
            }
        }
        assert_eq!(decode(Encoding::HexLower, Mode::Strict, "AB"), None);
        assert_eq!(decode(Encoding::HexLower, Mode::Compat, "AB"), Some(vec![0xab]));
        assert_eq!(decode(Encoding::Hex, Mode::Strict, &"00".repeat(65)), None);
    }

    #[test]
    fn base64_is_canonical_in_strict_mode() {
        assert_eq!(decode(Encoding::Base64, Mode::Strict, "/+8="), Some(vec![0xff, 0xef]));
        for bad in ["/+8", "_-8=", "/+9=", "/+8= ", "/+!!8=", "/+8=="] {
            assert_eq!(decode(Encoding::Base64, Mode::Strict, bad), None, "{bad}");
        }
        assert_eq!(decode(Encoding::Base64, Mode::Compat, "/+8"), Some(vec![0xff, 0xef]));
        assert_eq!(decode(Encoding::Base64, Mode::Compat, "_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(decode(Encoding::Base64, Mode::Compat, "/+9="), None);
        assert_eq!(decode(Encoding::Base64Url, Mode::Strict, "_-8"), Some(vec![0xff, 0xef]));
        assert_eq!(decode(Encoding::Base64Url, Mode::Strict, "_-8="), None);
    }

    #[test]
    fn every_pair_of_bytes_is_hexadecimal_or_not_wherever_it_stands() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        for [high, low] in (0..=u16::MAX).map(u16::to_be_bytes) {
            let expected = digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low) as u8);
            for at in [0, 1, 3, 7, 8] {
                let mut text = *b"00112233445566778899";
                text[2 * at..2 * at + 2].copy_from_slice(&[high, low]);
                let mut out = [0; 10];
                let length = Encoding::Hex.decode(&text, Mode::Strict, &mut out);
                assert_eq!(length.map(|_| out[at]), expected, "{high:#x} {low:#x}");
                assert!(length.is_none() || out[9] == 0x99);
            }
        }
    }

    #[test]
    fn every_character_is_of_the_alphabet_or_not_wherever_it_stands() {
        for (encoding, engine) in [(Encoding::Base64, &BASE64), (Encoding::Base64Url, &BASE64_URL)] {
            for length in 0..40 {
                let text = engine.encode((0..length).collect::<Vec<u8>>());
                for (at, byte) in (0..text.len()).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                    let mut text = text.clone().into_bytes();
                    text[at] = byte;
                    let mut out = [0; 64];
                    let decoded = encoding.decode(&text, Mode::Strict, &mut out).map(|length| &out[..length]);
                    assert_eq!(decoded, engine.decode(&text).ok().as_deref(), "{}", text.escape_ascii());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn base64_is_what_the_crate_takes_it_for(text in "[A-Ca/+_=-]{0,24}", room in 0..20_usize) {
            for (encoding, engine) in [(Encoding::Base64, &BASE64), (Encoding::Base64Url, &BASE64_URL)] {
                let expected = engine.decode(&text).ok().filter(|bytes| bytes.len() <= room);
                let mut out = vec![0; room];
                let length = encoding.decode(text.as_bytes(), Mode::Strict, &mut out);
                prop_assert_eq!(length.map(|length| out[..length].to_vec()), expected);
            }
        }

        #[test]
        fn reads_back_what_it_writes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for (_, encoding) in Encoding::NAMES {
                let mut text = String::new();
                encoding.encode(&bytes, &mut text);
                prop_assert_eq!(decode(*encoding, Mode::Strict, &text), Some(bytes.clone()));
                prop_assert_eq!(decode(*encoding, Mode::Compat, &text), Some(bytes.clone()));
            }
        }
    }
}
