//! The bytes that a text may stand for.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::document::percent_decode;
use crate::scheme::Encoding;
use crate::verifier::Mode;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The bytes of a text in one of its readings.
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// The name of the encoding, as far as it can be named.
    pub(super) encoding: &'static str,
    /// How many encodings lie upon each other.
    pub(super) layers: u8,
}

/// Every reading of a text.
pub(super) fn read(text: &[u8]) -> Vec<Read> {
    let mut reads = once(text);
    let twice = reads.iter().filter_map(|first| {
        let encoding = match first.encoding {
            "hex" => "hex of base64",
            _ => "base64 of hex",
        };
        let inner = once(&first.bytes).into_iter().find(|inner| inner.encoding != first.encoding)?;
        Some(Read { bytes: inner.bytes, encoding, layers: 2 })
    });
    let twice: Vec<Read> = twice.collect();
    reads.extend(twice);
    if text.contains(&b'%') {
        // Without a `+`, which would become a space.
        let plain = percent_decode(&text.iter().copied().filter(|byte| *byte != b'+').collect::<Vec<_>>());
        reads.extend(once(&plain).into_iter().map(|read| Read { encoding: "percent-encoded", ..read }));
    }
    reads
}

fn once(text: &[u8]) -> Vec<Read> {
    let mut reads = Vec::new();
    let mut add = |bytes: Vec<u8>, encoding| reads.push(Read { bytes, encoding, layers: 1 });
    let mut bytes = vec![0; text.len() / 2];
    if let Some(length) = Encoding::Hex.decode(text, Mode::Strict, &mut bytes) {
        bytes.truncate(length);
        add(bytes, "hex");
    }
    let url = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let padded = text.ends_with(b"=") || text.len().is_multiple_of(4);
    match url {
        true => BASE64_URL.decode(text).into_iter().for_each(|bytes| add(bytes, "base64url")),
        false => BASE64
            .decode(text)
            .into_iter()
            .for_each(|bytes| add(bytes, if padded { "base64" } else { "base64 without padding" })),
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_text_may_stand_for() {
        let names =
            |text: &str| read(text.as_bytes()).into_iter().map(|read| read.encoding).collect::<Vec<_>>();
        assert_eq!(names("00ffAb12"), ["hex", "base64"]);
        assert_eq!(names("_-8"), ["base64url"]);
        assert_eq!(names("/+8"), ["base64 without padding"]);
        assert_eq!(names("MDBmZg=="), ["base64", "base64 of hex"]);
        assert_eq!(names("%2F%2B8%3D"), ["percent-encoded"]);
        assert!(names("?").is_empty());
    }
}
