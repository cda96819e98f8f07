//! Shared secrets: pasted with something around them, and decoded or not.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::{Keys, escaped_newlines_finding, quotes_finding, unquoted, whitespace_finding, with_line_breaks};
use crate::document::percent_decode;
use crate::explain::{Code, Finding};
use crate::key::KeyStep;
use crate::scheme::{Algorithm, Encoding, Scheme};

/// Prefixes that vendors put before their secrets.
const PREFIXES: [&str; 2] = ["whsec_", "whs_"];

/// The longest text before an `_` that is taken for a prefix.
const MAX_PREFIX: usize = 16;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

pub(super) fn offer(keys: &mut Keys<'_>, secret: &[u8], scheme: &Scheme) {
    around(keys, secret);
    let token = scheme.algorithm().is_some_and(Algorithm::is_shared_token);
    if token {
        authentication(keys, secret);
    }
    read_otherwise(keys, secret, &[]);
    written_otherwise(keys, secret, &[]);
    let (clean, findings) = cleaned(secret);
    if !findings.is_empty() {
        read_otherwise(keys, clean, &findings);
        written_otherwise(keys, clean, &findings);
    }
    if !token {
        unset(keys);
    }
}

/// What was pasted together with the secret.
fn around(keys: &mut Keys<'_>, secret: &[u8]) {
    let newline = |sentence| vec![Finding::new(Code::SecretTrailingNewline, sentence)];
    const WITHOUT: &str = "The signature is made with the secret without the line break at its end. A \
        file or `echo` put it there (`echo -n` does not): take it off where the secret is read.";
    const WITH: &str = "The signature is made with the secret and a line break after it: the other side \
        reads its secret from a file or from `echo` and does not take the line break off.";
    for end in [&b"\r\n"[..], b"\n"] {
        if let Some(rest) = secret.strip_suffix(end) {
            keys.offer(rest.to_vec(), newline(WITHOUT));
        }
    }
    keys.offer(secret.trim_ascii().to_vec(), vec![whitespace_finding()]);
    let (clean, findings) = cleaned(secret);
    keys.offer(clean.to_vec(), findings);
    keys.offer([secret, b"\n"].concat(), newline(WITH));
    if let Some(value) = assigned(clean) {
        let sentence = "The signature is made with what stands after the `=`: the secret was configured \
            with the name of its variable. Configure the value alone.";
        keys.offer(value.to_vec(), vec![Finding::new(Code::SecretAssignment, sentence)]);
    }
    if let Some(broken) = with_line_breaks(secret) {
        keys.offer(broken, vec![escaped_newlines_finding()]);
    }
    let percent = |sentence| vec![Finding::new(Code::SecretUrlEncoded, sentence)];
    let plus_kept: Vec<u8> = percent_decode(&replace_plus(secret));
    keys.offer(
        plus_kept,
        percent(
            "The signature is made with the secret after percent-decoding: it was \
        copied from a URL. Decode it where it is configured.",
        ),
    );
    keys.offer(
        percent_encode(secret),
        percent(
            "The signature is made with the percent-encoded secret: \
        the other side took it from a URL and did not decode it.",
        ),
    );
    for prefix in PREFIXES {
        if !clean.starts_with(prefix.as_bytes()) {
            let sentence = format!(
                "The signature is made with the secret and `{prefix}` before it: the \
                prefix is a part of this secret, and was left out where it was configured."
            );
            let finding = Finding::new(Code::SecretPrefixMissing, sentence).with("prefix", prefix);
            keys.offer([prefix.as_bytes(), clean].concat(), vec![finding]);
        }
    }
}

/// Without quotes and white space, and what was taken off.
fn cleaned(secret: &[u8]) -> (&[u8], Vec<Finding>) {
    let mut findings = Vec::new();
    let trimmed = secret.trim_ascii();
    if trimmed != secret {
        findings.push(whitespace_finding());
    }
    let Some(inner) = unquoted(trimmed) else { return (trimmed, findings) };
    findings.push(quotes_finding());
    (inner.trim_ascii(), findings)
}

/// The value of `NAME=value` and `export NAME=value`.
fn assigned(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"export ").unwrap_or(text);
    let at = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&text[..at], &text[at + 1..]);
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'0'..=b'9'));
    // One `=` or two at the end are the padding of base64.
    (is_name && !value.is_empty() && value != b"=").then(|| unquoted(value).unwrap_or(value))
}

/// Tokens with and without the name of an authentication scheme.
fn authentication(keys: &mut Keys<'_>, secret: &[u8]) {
    for name in ["Bearer ", "bearer ", "Token ", "Basic "] {
        let words = name.trim_ascii();
        let finding =
            |sentence: String| vec![Finding::new(Code::SecretSchemeName, sentence).with("scheme", words)];
        let (other, sentence) = match secret.strip_prefix(name.as_bytes()) {
            Some(rest) => (
                rest.to_vec(),
                format!(
                    "The token was sent without `{words}` before it. Configure the secret as it is sent."
                ),
            ),
            None => (
                [name.as_bytes(), secret].concat(),
                format!(
                    "The token was sent with `{words}` before it. This profile compares the whole value: \
                     configure the secret as `{words}`, a space and the token, or have it sent alone."
                ),
            ),
        };
        keys.offer(other, finding(sentence));
    }
    if let Ok(plain) = BASE64.decode(secret.strip_prefix(b"Basic ").unwrap_or(secret)) {
        let sentence = "The configured secret is base64, and what it stands for was sent. Configure the \
            user name, a colon and the password as plain text.";
        keys.offer(plain, vec![Finding::new(Code::SecretBase64Decoded, sentence)]);
    }
}

/// The other ways from a secret to a key.
fn read_otherwise(keys: &mut Keys<'_>, secret: &[u8], before: &[Finding]) {
    let utf8 = || vec![KeyStep::Utf8];
    let mut add = |key: Vec<u8>, steps: Vec<KeyStep>, code: Code, sentence: &str| {
        let findings = before.iter().cloned().chain([Finding::new(code, sentence)]).collect();
        keys.offer_with(key, steps, findings);
    };
    add(
        secret.to_vec(),
        utf8(),
        Code::SecretUsedAsText,
        "The key is the text of the secret as it is \
        shown, prefix included: the signing side neither takes the prefix off nor decodes it, and the \
        profile does. Decode the secret there, or say `key = [\"utf8\"]` under `[scheme]`.",
    );
    let bare = without_prefix(secret);
    if let Some(bare) = bare {
        add(
            bare.to_vec(),
            utf8(),
            Code::SecretPrefixDropped,
            "The key is the text of the secret after \
            its prefix, not decoded: the signing side takes the prefix off, and the profile does \
            something else. Use the whole secret there, or set `key` under `[scheme]`.",
        );
    }
    for text in [Some(secret), bare].into_iter().flatten() {
        for engine in [&BASE64, &BASE64_URL] {
            if let Ok(key) = engine.decode(text) {
                add(
                    key,
                    utf8(),
                    Code::SecretBase64Decoded,
                    "The key is what the secret stands for in \
                    base64: the signing side decodes it, and the profile takes it as it is or decodes \
                    it otherwise. Use the text as the key there, or say `key = [\"base64\"]` under \
                    `[scheme]`.",
                );
            }
        }
        if let Some(key) = decode_hex(text) {
            add(
                key,
                utf8(),
                Code::SecretHexDecoded,
                "The key is what the secret stands for in \
                hexadecimal: the signing side decodes it, and the profile takes it as it is or decodes \
                it otherwise. Use the text as the key there, or say `key = [\"hex\"]` under `[scheme]`.",
            );
        }
    }
}

/// The configured secret in encodings and letter cases that it does not have.
fn written_otherwise(keys: &mut Keys<'_>, secret: &[u8], before: &[Finding]) {
    let utf8 = || vec![KeyStep::Utf8];
    let mut add = |key: Vec<u8>, steps: Vec<KeyStep>, code: Code, sentence: &str| {
        let findings = before.iter().cloned().chain([Finding::new(code, sentence)]).collect();
        keys.offer_with(key, steps, findings);
    };
    add(
        STANDARD.encode(secret).into_bytes(),
        utf8(),
        Code::SecretBase64Encoded,
        "The key is the base64 \
        of the configured secret: configure the secret as it is shown, and do not decode it before.",
    );
    let mut hexadecimal = String::new();
    Encoding::Hex.encode(secret, &mut hexadecimal);
    add(
        hexadecimal.into_bytes(),
        utf8(),
        Code::SecretHexEncoded,
        "The key is the hexadecimal form of \
        the configured secret: configure the secret as it is shown, and do not decode it before.",
    );
    for other in [secret.to_ascii_lowercase(), secret.to_ascii_uppercase()] {
        add(
            other,
            vec![KeyStep::Utf8],
            Code::SecretLetterCase,
            "The secret has the letters in another \
            case than the one that was used. Letter case counts: configure the secret as the sender has \
            it.",
        );
    }
}

/// What programs sign with where there is no secret.
fn unset(keys: &mut Keys<'_>) {
    // HMAC pads its key with zeros, so that a zero byte is the same key as none at all (RFC 2104 section 2).
    for (key, words) in [
        (&b"\0"[..], "an empty secret"),
        (b"undefined", "the text `undefined`"),
        (b"null", "the text `null`"),
        (b"None", "the text `None`"),
    ] {
        let sentence = format!(
            "The signature is made with {words} as the key: the signing side has no \
            secret where it looks for one. Anybody can make such signatures, so set the secret there \
            before anything else."
        );
        keys.offer_with(key.to_vec(), vec![KeyStep::Utf8], vec![Finding::new(Code::SecretUnset, sentence)]);
    }
}

/// The text after `whsec_` and the like.
fn without_prefix(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().take(MAX_PREFIX).position(|byte| *byte == b'_')?;
    let is_prefix =
        at > 0 && text[..at].iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    Some(&text[at + 1..]).filter(|rest| is_prefix && !rest.is_empty())
}

fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 2];
    let length = Encoding::Hex.decode(text, crate::verifier::Mode::Strict, &mut out)?;
    (length > 0).then_some(out)
}

/// So that decoding leaves a `+` as it is: base64 has it.
fn replace_plus(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|byte| if *byte == b'+' { &b"%2B"[..] } else { std::slice::from_ref(byte) })
        .copied()
        .collect()
}

/// Percent-encodes everything but the unreserved characters (RFC 3986 section 2.3).
fn percent_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_off_and_leaves_base64_alone() {
        assert_eq!(assigned(b"WEBHOOK_SECRET=abc"), Some(&b"abc"[..]));
        assert_eq!(assigned(b"export SECRET=\"abc\""), Some(&b"abc"[..]));
        for text in [&b"QUJD="[..], b"QUJD==", b"a=b", b"=x", b"secret"] {
            assert_eq!(assigned(text), None);
        }
    }

    #[test]
    fn finds_prefixes() {
        assert_eq!(without_prefix(b"whsec_abc"), Some(&b"abc"[..]));
        for text in [&b"_abc"[..], b"abc", b"Whsec_abc", b"whsec_", b"a-very-long-text-with_x"] {
            assert_eq!(without_prefix(text), None);
        }
    }

    #[test]
    fn percent_encoding_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(percent_decode(&replace_plus(&percent_encode(&all))), all);
    }
}
