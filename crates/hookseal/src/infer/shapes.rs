//! Reading a text as the grammars of signatures have it, without knowing which one it follows.

use crate::limits::{MAX_CANDIDATES, MAX_FIELD_BYTES};
use crate::request::trim;
use crate::scheme::{DigestKind, Encoding, TimestampFormat};
use crate::verifier::Mode;

/// What separates pairs, the likeliest first.
const SEPARATORS: &[u8] = b",;&| ";
/// What stands between a key and its value. The comma is that of `v1,...`, and then spaces separate the pairs.
const ASSIGNS: &[u8] = b"=:,|";
/// What may end a prefix such as `sha256=` or `HMAC `.
const PREFIX_ENDS: &[u8] = b"=: ;|/";
/// Longest key or prefix.
const MAX_TOKEN: usize = 40;

/// One way to read a text that holds a signature.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) shape: Shape,
    pub(super) signatures: Vec<Signature>,
    /// The other pairs that look like a time: key, text and format.
    pub(super) times: Vec<(String, Vec<u8>, TimestampFormat)>,
    /// The pair that lists header names.
    pub(super) names: Option<(String, String)>,
}

/// The grammar of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Bare,
    Prefix { prefix: String, separator: Option<u8> },
    Pairs { separator: u8, assign: u8, trim: bool, groups: bool },
}

/// What decodes to as many bytes as a digest has.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// Its key among pairs.
    pub(super) key: Option<String>,
    pub(super) encoding: Encoding,
    pub(super) bytes: Vec<u8>,
}

/// Every reading of a text that finds a signature in it, the likeliest first. `is_header` says whether the request has
/// a header of this name, by which lists of signed headers are known.
pub(super) fn readings(value: &[u8], is_header: &dyn Fn(&str) -> bool) -> Vec<Reading> {
    let Some(text) = std::str::from_utf8(trim(value)).ok().filter(|text| text.len() <= MAX_FIELD_BYTES)
    else {
        return Vec::new();
    };
    if let Some(signature) = decode(text, None) {
        return vec![Reading::of(Shape::Bare, vec![signature])];
    }
    if let Some(reading) = prefixed(text) {
        return vec![reading];
    }
    let groups = grouped(text, is_header);
    if !groups.is_empty() {
        return groups;
    }
    let splits =
        SEPARATORS.iter().flat_map(|separator| ASSIGNS.iter().map(move |assign| (*separator, *assign)));
    splits.filter_map(|(separator, assign)| pairs(text, separator, assign, is_header)).collect()
}

/// The format of a text that is a time somewhere in the years 2001 to 2100.
pub(super) fn time_format(text: &[u8]) -> Option<TimestampFormat> {
    const YEARS: std::ops::Range<i64> = 978_307_200..4_133_980_800;
    let formats = TimestampFormat::NAMES.iter().map(|(_, format)| *format);
    formats
        .into_iter()
        .find(|format| format.parse(text).is_ok_and(|time| YEARS.contains(&time.as_unix_seconds())))
}

impl Reading {
    fn of(shape: Shape, signatures: Vec<Signature>) -> Self {
        Self { shape, signatures, times: Vec::new(), names: None }
    }
}

/// Hexadecimal before base64: sixty-four characters may be both, and base64 without a letter beyond `f` is no accident.
fn decode(text: &str, key: Option<&str>) -> Option<Signature> {
    let longest = DigestKind::Sha512.length();
    let encoding = match text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => &[Encoding::Hex][..],
        false => &[Encoding::Base64, Encoding::Base64Url],
    };
    encoding.iter().find_map(|encoding| {
        let mut bytes = vec![0; longest + 8];
        let length = encoding.decode(text.as_bytes(), Mode::Strict, &mut bytes)?;
        bytes.truncate(length);
        let is_digest = DigestKind::NAMES.iter().any(|(_, digest)| digest.length() == length);
        is_digest.then(|| Signature { key: key.map(str::to_owned), encoding: *encoding, bytes })
    })
}

/// `sha256=...`, `HMAC ...`, and a list after such a prefix.
fn prefixed(text: &str) -> Option<Reading> {
    let end = text.bytes().position(|byte| !is_token_byte(byte))?;
    let space = usize::from(text.as_bytes().get(end + 1) == Some(&b' '));
    let length = end + 1 + space;
    if !PREFIX_ENDS.contains(&text.as_bytes()[end]) || !(1..=MAX_TOKEN).contains(&end) {
        return None;
    }
    let (prefix, rest) = text.split_at_checked(length)?;
    if let Some(signature) = decode(rest, None) {
        let shape = Shape::Prefix { prefix: prefix.to_owned(), separator: None };
        return Some(Reading::of(shape, vec![signature]));
    }
    SEPARATORS.iter().find_map(|separator| {
        let items: Vec<&str> = rest.split(char::from(*separator)).take(MAX_CANDIDATES + 1).collect();
        let signatures: Vec<Signature> = items.iter().filter_map(|item| decode(item, None)).collect();
        let all = signatures.len() == items.len() && items.len() > 1;
        let shape = Shape::Prefix { prefix: prefix.to_owned(), separator: Some(*separator) };
        all.then(|| Reading::of(shape, signatures))
    })
}

/// `t=1,v1=... t=2,v1=...`: several groups, each a reading of its own, as each has its own time.
fn grouped(text: &str, is_header: &dyn Fn(&str) -> bool) -> Vec<Reading> {
    let groups: Vec<&str> = text.split(' ').take(MAX_CANDIDATES + 1).collect();
    if groups.len() < 2 {
        return Vec::new();
    }
    let read = |group: &&str| {
        let reading = pairs(group, b',', b'=', is_header)?;
        let shape = Shape::Pairs { separator: b',', assign: b'=', trim: false, groups: true };
        Some(Reading { shape, ..reading })
    };
    groups.iter().map(read).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn pairs(text: &str, separator: u8, assign: u8, is_header: &dyn Fn(&str) -> bool) -> Option<Reading> {
    if separator == assign {
        return None;
    }
    let items: Vec<&str> = text.split(char::from(separator)).take(MAX_CANDIDATES + 1).collect();
    // One pair is a prefix to all appearances, except for `v1,...`, which is the only form of its family.
    if items.len() > MAX_CANDIDATES || items.len() == 1 && (separator, assign) != (b' ', b',') {
        return None;
    }
    let spaced = separator != b' ' && items.iter().any(|item| item.trim_matches([' ', '\t']) != *item);
    let mut reading =
        Reading::of(Shape::Pairs { separator, assign, trim: spaced, groups: false }, Vec::new());
    for item in items {
        let (key, value) = item.trim_matches([' ', '\t']).split_once(char::from(assign))?;
        if !(1..=MAX_TOKEN).contains(&key.len()) || !key.bytes().all(is_token_byte) {
            return None;
        }
        if let Some(signature) = decode(value, Some(key)) {
            reading.signatures.push(signature);
        } else if let Some(format) = time_format(value.as_bytes()) {
            reading.times.push((key.to_owned(), value.as_bytes().to_vec(), format));
        } else if !value.is_empty() && value.split(' ').all(is_header) {
            reading.names = Some((key.to_owned(), value.to_owned()));
        }
    }
    (!reading.signatures.is_empty()).then_some(reading)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Reading> {
        readings(text.as_bytes(), &|name| name == "x-id")
    }

    fn shapes(text: &str) -> Vec<Shape> {
        read(text).into_iter().map(|reading| reading.shape).collect()
    }

    const HEX: &str = "4d2dd70e872ecb338e587e1eee1d199c2bb0b5eed65bb57222fe0db39e36ced8";
    const BASE64: &str = "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    #[test]
    fn reads_each_grammar() {
        let prefix = |prefix: &str, separator| Shape::Prefix { prefix: prefix.to_owned(), separator };
        let pairs = |separator, assign, trim| Shape::Pairs { separator, assign, trim, groups: false };
        for (text, shape) in [
            (HEX.to_owned(), Shape::Bare),
            (BASE64.to_owned(), Shape::Bare),
            (format!("sha256={HEX}"), prefix("sha256=", None)),
            (format!("HMAC {BASE64}"), prefix("HMAC ", None)),
            (format!("v1: {HEX}"), prefix("v1: ", None)),
            (format!("v0={HEX},{HEX}"), prefix("v0=", Some(b','))),
            (format!("v1,{BASE64}"), pairs(b' ', b',', false)),
            (format!("v1,{BASE64} v1,{BASE64}"), pairs(b' ', b',', false)),
            (format!("t=1700000000,v1={BASE64}"), pairs(b',', b'=', false)),
            (format!("t=1700000000, v1={HEX}"), pairs(b',', b'=', true)),
            (format!("ts=1700000000;h1={HEX}"), pairs(b';', b'=', false)),
        ] {
            assert_eq!(shapes(&text).first(), Some(&shape), "{text}");
        }
    }

    #[test]
    fn keeps_the_times_of_groups_apart() {
        let groups = read(&format!("t=1700000000,v1={HEX} t=1700000001,v1={HEX}"));
        let times: Vec<_> = groups.iter().map(|group| group.times[0].1.clone()).collect();
        assert_eq!(times, [b"1700000000", b"1700000001"]);
    }

    #[test]
    fn finds_lists_of_headers() {
        let reading = &read(&format!("t=1700000000,h=x-id,v1={HEX}"))[0];
        assert_eq!(reading.names, Some(("h".to_owned(), "x-id".to_owned())));
        assert!(read(&format!("t=1700000000,h=x-other,v1={HEX}"))[0].names.is_none());
    }

    #[test]
    fn other_texts_hold_no_signature() {
        for text in
            ["", "x", "application/json", "7d0f4c0e-1d2b-4c3a-9e58-000000000001", "t=1,v1=00", "=", "é=é"]
        {
            assert!(read(text).is_empty(), "{text}");
        }
        assert!(readings(b"\xff\xff", &|_| true).is_empty());
    }

    #[test]
    fn tells_times_by_their_size() {
        for (text, format) in [
            ("1700000000", Some(TimestampFormat::UnixSeconds)),
            ("1700000000123", Some(TimestampFormat::UnixMillis)),
            ("2025-04-01T16:12:57.521Z", Some(TimestampFormat::Rfc3339)),
            ("12345", None),
            ("170000000012345", None),
            ("tomorrow", None),
        ] {
            assert_eq!(time_format(text.as_bytes()), format, "{text}");
        }
    }
}
