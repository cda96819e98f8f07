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
            (Mode::Strict, Self::Base64Url) => &BASE64_URL,
            (Mode::Strict, _) => &BASE64,
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
    let (mut wrong, (digits, rest)) = (0, text.as_chunks::<16>());
    for (bytes, digits) in out.chunks_mut(8).zip(digits) {
        let (decoded, unlike) = decode_digits(*digits);
        bytes.copy_from_slice(&decoded);
        wrong |= unlike;
    }
    if !rest.is_empty() {
        let mut last = [b'0'; 16];
        last[..rest.len()].copy_from_slice(rest);
        let (decoded, unlike) = decode_digits(last);
        out[digits.len() * 8..text.len() / 2].copy_from_slice(&decoded[..rest.len() / 2]);
        wrong |= unlike;
    }
    (wrong == 0).then_some(text.len() / 2)
}

/// Eight bytes of sixteen digits, and something else than 0 where one of them is no digit.
fn decode_digits(digits: [u8; 16]) -> ([u8; 8], u64) {
    let value = u128::from_be_bytes(digits);
    let ((high, one), (low, other)) = (decode_word((value >> 64) as u64), decode_word(value as u64));
    ((high << 32 | low).to_be_bytes(), one | other)
}

/// Four bytes of eight digits, the first one at the top, all in one step: a table would be looked into for each.
fn decode_word(digits: u64) -> (u64, u64) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // The bit 0x40 tells letters from digits; the letter `a` has 1 in its low bits and stands for 10.
    let letters = digits >> 6 & ONES;
    let values = (digits & (ONES * 0xf)) + letters * 9;
    // Written as text again, in lower case, these have to be what was read; beyond `f` a value has a fifth bit.
    let above_nine = (values + ONES * 0x76) >> 7 & ONES;
    let text = values + ONES * 0x30 + above_nine * 0x27;
    let wrong = text ^ (digits | letters << 5) | values & (ONES * 0x10);
    // Each pair is joined at its lower byte, and the four then move together.
    let bytes = (values >> 4 | values) & 0x00ff_00ff_00ff_00ff;
    let bytes = (bytes >> 8 | bytes) & 0x0000_ffff_0000_ffff;
    ((bytes >> 16 | bytes) & 0xffff_ffff, wrong)
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

    proptest! {
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
