//! Bodies that are compressed, in base64, in chunks, or percent-encoded in another way.

use std::io::Read;
use std::ops::ControlFlow;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::Bodies;
use crate::explain::cost::{COPY_BYTEWISE, RECODE};
use crate::explain::{Code, Finding};

/// Most bytes that a compressed body is inflated to, so that a small one cannot fill the memory.
const MAX_INFLATED: u64 = 4 * 1024 * 1024;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn each<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    compressed(bodies)?;
    in_base64(bodies)?;
    bodies.pay_passes(COPY_BYTEWISE)?;
    let whole = dechunk(bodies.received);
    bodies.offer_some(whole, || {
        let sentence = "The body still has the lengths and line breaks of a chunked transfer, and the \
            signature is that of the chunks put together. Take the body after HTTP has been decoded.";
        Finding::new(Code::BodyChunked, sentence)
    })?;
    forms(bodies)
}

fn compressed<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    bodies.pay_passes(RECODE)?;
    let (format, plain) = match body {
        [0x1f, 0x8b, ..] => ("gzip", inflate(flate2::read::GzDecoder::new(body))),
        [0x78, ..] => ("zlib", inflate(flate2::read::ZlibDecoder::new(body))),
        // Raw deflate has no mark of its own; text is not worth the try.
        _ if std::str::from_utf8(body).is_ok() => return ControlFlow::Continue(()),
        _ => ("deflate", inflate(flate2::read::DeflateDecoder::new(body))),
    };
    // How much it is shows only now, and it is bounded.
    let (Inflated::Whole(bytes) | Inflated::Part(bytes)) = &plain;
    bodies.visitor.pay(bytes.len() as u64)?;
    let Inflated::Whole(plain) = plain else { return ControlFlow::Continue(()) };
    bodies.offer(plain, || {
        let sentence = format!(
            "The body is compressed ({format}), and the signature is that of its \
            plain form. Inflate the body first, or sign what is sent."
        );
        Finding::new(Code::BodyCompressed, sentence).with("format", format)
    })
}

/// What came of inflating.
enum Inflated {
    Whole(Vec<u8>),
    /// What there was before it broke off, or became too much.
    Part(Vec<u8>),
}

fn inflate(decoder: impl Read) -> Inflated {
    let mut plain = Vec::new();
    let ended = decoder.take(MAX_INFLATED + 1).read_to_end(&mut plain).is_ok();
    match ended && !plain.is_empty() && plain.len() as u64 <= MAX_INFLATED {
        true => Inflated::Whole(plain),
        false => Inflated::Part(plain),
    }
}

fn in_base64<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    bodies.pay_passes(COPY_BYTEWISE)?;
    let decoded = LENIENT.decode(bodies.received.trim_ascii()).ok();
    bodies.offer_some(decoded, || {
        let sentence = "The body is base64, and the signature is that of what it stands for. Gateways \
            such as that of AWS Lambda hand bodies over so: decode the body before it is verified.";
        Finding::new(Code::BodyBase64Encoded, sentence)
    })?;
    bodies.offer(STANDARD.encode(bodies.received).into_bytes(), || {
        let sentence = "The signature is that of the base64 of the body. One side signed the encoded \
            text: sign the bytes that are sent.";
        Finding::new(Code::BodyBase64Decoded, sentence)
    })
}

/// What chunks hold (RFC 9112 section 7.1), where the whole body is made of them.
fn dechunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let size = rest[..end].split(|byte| *byte == b';').next()?;
        let digits = std::str::from_utf8(size).ok().filter(|digits| (1..=8).contains(&digits.len()))?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(out);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        out.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n")?;
    }
}

/// The form with its characters escaped in other ways.
fn forms<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    if !body.iter().any(|byte| matches!(byte, b'%' | b'+'))
        || body.starts_with(b"{")
        || body.starts_with(b"[")
    {
        return ControlFlow::Continue(());
    }
    for (from, to, words) in [
        (&b"+"[..], &b"%20"[..], "with spaces as `%20` in place of `+`"),
        (b"%20", b"+", "with spaces as `+` in place of `%20`"),
        (b"+", b"%2B", "with `+` as `%2B`"),
        (b"%2B", b"+", "with `%2B` as `+`"),
        (b"+", b" ", "with `+` as a space"),
    ] {
        bodies.pay_passes(RECODE)?;
        bodies.offer(replace(body, from, to), || encoding(words))?;
    }
    bodies.pay_passes(3 * RECODE)?;
    bodies
        .offer(with_digits(body, u8::to_ascii_lowercase), || encoding("with lower-case digits after `%`"))?;
    bodies
        .offer(with_digits(body, u8::to_ascii_uppercase), || encoding("with upper-case digits after `%`"))?;
    bodies.offer(decoded(body), || encoding("without percent-encoding"))
}

fn encoding(words: &str) -> Finding {
    let sentence = format!(
        "The signature is that of the form {words}. One side parsed the form and \
        wrote it again: sign and verify the very bytes that are sent."
    );
    Finding::new(Code::BodyFormEncoding, sentence).with("signed", words)
}

fn replace(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

fn with_digits(body: &[u8], case: fn(&u8) -> u8) -> Vec<u8> {
    let mut out = body.to_vec();
    for at in 0..out.len().saturating_sub(2) {
        if out[at] == b'%' && out[at + 1].is_ascii_hexdigit() && out[at + 2].is_ascii_hexdigit() {
            out[at + 1] = case(&out[at + 1]);
            out[at + 2] = case(&out[at + 2]);
        }
    }
    out
}

fn decoded(body: &[u8]) -> Vec<u8> {
    crate::document::percent_decode(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn puts_chunks_together() {
        assert_eq!(dechunk(b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\n"), Some(b"Wikipedia ".to_vec()));
        for bad in [&b""[..], b"4\r\nWik", b"4\r\nWikix\r\n0\r\n", b"zz\r\n", b"-1\r\n", b"fffffffff\r\n"] {
            assert_eq!(dechunk(bad), None);
        }
    }

    #[test]
    fn inflates_no_more_than_the_bound() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::copy(&mut std::io::repeat(0).take(MAX_INFLATED + 1), &mut encoder).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(matches!(inflate(flate2::read::GzDecoder::new(&bomb[..])), Inflated::Part(_)));
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..60), form in "[a-c%0-9+=&]{0,20}") {
            let _ = (dechunk(&body), decoded(&body), with_digits(form.as_bytes(), u8::to_ascii_lowercase));
        }
    }
}
