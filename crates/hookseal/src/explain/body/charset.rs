//! Text that was read in one encoding and written in another.

use std::ops::ControlFlow;

use super::Bodies;
use crate::explain::cost::{COPY_BYTEWISE, RECODE};
use crate::explain::{Code, Finding};

/// What Windows-1252 has in place of the control characters 0x80 to 0x9f of Latin-1. Bytes without a meaning keep that
/// of Latin-1, as in the WHATWG Encoding Standard.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}',
    '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}',
    '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}',
    '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

#[derive(Clone, Copy)]
enum Charset {
    Latin1,
    Windows1252,
}

pub(super) fn each<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    let text = std::str::from_utf8(body).ok();
    for charset in [Charset::Latin1, Charset::Windows1252] {
        bodies.pay_passes(RECODE)?;
        let decoded: String = body.iter().map(|byte| charset.decode(*byte)).collect();
        let misread = text.is_some();
        bodies.offer(decoded.into_bytes(), || if misread { read(charset) } else { written(charset) })?;
        let encoded = text.and_then(|text| {
            text.chars().map(|character| charset.encode(character)).collect::<Option<Vec<u8>>>()
        });
        let is_text = encoded.as_deref().is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
        bodies.offer_some(encoded, || if is_text { read(charset) } else { written(charset) })?;
    }
    bodies.pay_passes(COPY_BYTEWISE)?;
    bodies.offer(String::from_utf8_lossy(body).into_owned().into_bytes(), || {
        let position = std::str::from_utf8(body).err().map_or(0, |error| error.valid_up_to());
        let sentence = "The signature is that of the body after it was read as UTF-8, with U+FFFD in \
            place of the bytes that are none. One side turned the body into a text: sign and verify bytes.";
        Finding::new(Code::BodyInvalidUtf8Replaced, sentence).with("position", position)
    })
}

fn read(charset: Charset) -> Finding {
    let sentence = format!(
        "The signature and the body differ by one reading of UTF-8 as {name}, by which an `é` becomes \
            `Ã©`. One side decoded the body with the wrong character set and encoded it again: pass the \
            body on as bytes, or decode it as UTF-8.",
        name = charset.name()
    );
    Finding::new(Code::BodyReadAsLatin1, sentence).with("charset", charset.name())
}

fn written(charset: Charset) -> Finding {
    let sentence = format!(
        "One side has the text in {name} and the other in UTF-8. Sign the bytes that are sent, and \
            verify the bytes that were received.",
        name = charset.name()
    );
    Finding::new(Code::BodyWrittenAsLatin1, sentence).with("charset", charset.name())
}

impl Charset {
    fn name(self) -> &'static str {
        match self {
            Self::Latin1 => "ISO-8859-1",
            Self::Windows1252 => "Windows-1252",
        }
    }

    fn decode(self, byte: u8) -> char {
        match (self, byte) {
            (Self::Windows1252, 0x80..0xa0) => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        }
    }

    fn encode(self, character: char) -> Option<u8> {
        if let Self::Windows1252 = self
            && let Some(at) = WINDOWS_1252.iter().position(|known| *known == character)
        {
            return u8::try_from(at + 0x80).ok();
        }
        u8::try_from(u32::from(character)).ok().filter(|byte| self.decode(*byte) == character)
    }
}
