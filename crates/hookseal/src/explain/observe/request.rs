//! What is suspicious in a request and in the secrets.

use crate::error::VerifyError;
use crate::explain::json::Node;
use crate::explain::question::Question;
use crate::explain::{Code, Finding, names};
use crate::scheme::{Canonical, Piece, Scheme, Value};
use crate::secret::Secret;

pub(super) fn body(question: &Question<'_>) -> Vec<Finding> {
    let request = &question.request;
    let body = request.body;
    let mut findings = Vec::new();
    if body.is_empty() {
        findings.push(Finding::new(Code::BodyIsEmpty, "The body is empty. Where something reads the body before it is verified, nothing is left: keep the raw bytes before a parser sees them."));
    }
    let stated = names::value(request, "content-length")
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| text.parse::<u64>().ok());
    if let Some(stated) = stated.filter(|stated| *stated != body.len() as u64) {
        let sentence = format!(
            "The request says that its body has {stated} bytes, and there are {}: it is not the body that was sent. Verify the bytes as they were received.",
            body.len()
        );
        findings.push(
            Finding::new(Code::BodyLengthDiffers, sentence).with("stated", stated).with("bytes", body.len()),
        );
    }
    let encoding = names::value(request, "content-encoding")
        .filter(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    let is_text = std::str::from_utf8(body).is_ok();
    if encoding.is_some() && is_text {
        findings.push(Finding::new(Code::BodyInflated, "The request says that its body is compressed, and it is not: it was inflated on its way. If the sender signed the compressed bytes, verify those; take the body before the framework inflates it."));
    }
    if let Some(position) = body.windows(3).position(|bytes| bytes == "\u{fffd}".as_bytes()) {
        let sentence = format!(
            "The body holds U+FFFD at byte {position}, which decoders write for bytes that they cannot read. What was there is lost: take the body as bytes and not as text."
        );
        findings.push(Finding::new(Code::BodyReplacementCharacters, sentence).with("position", position));
    }
    findings
}

pub(super) fn url(question: &Question<'_>, scheme: &Scheme) -> Option<Finding> {
    let is_signed = [Value::Url, Value::Canonical(Canonical::Contentful)]
        .into_iter()
        .any(|value| scheme.content.contains(&Piece::Value(value)));
    let is_given = !question.request.url.is_empty() || question.options.params.text("url").is_some();
    (is_signed && !is_given).then(|| {
        Finding::new(Code::UrlMissing, "The scheme signs the URL, and none was given. Give the public URL exactly as the sender has it configured.")
    })
}

pub(super) fn secret(index: usize, secret: &Secret) -> Vec<Finding> {
    let bytes = secret.expose();
    let trimmed = bytes.trim_ascii();
    let mut findings = Vec::new();
    let mut add = |code, what: &str| {
        let sentence = format!("Secret {} {what}. See whether that belongs to it.", index + 1);
        findings.push(Finding::new(code, sentence).with("secret", index + 1));
    };
    if bytes.ends_with(b"\n") {
        add(Code::SecretTrailingNewline, "ends with a line break");
    } else if trimmed != bytes {
        add(Code::SecretSurroundingWhitespace, "has white space around it");
    }
    if matches!(trimmed, [b'"', .., b'"'] | [b'\'', .., b'\'']) {
        add(Code::SecretSurroundingQuotes, "has quotes around it");
    }
    findings
}

pub(super) fn timestamp(question: &Question<'_>, scheme: &Scheme, error: &VerifyError) -> Finding {
    let place = error.place().unwrap_or("timestamp");
    let text = scheme.timestamp_header().and_then(|name| names::value(&question.request, name));
    let likely = text.map_or("", |text| match text {
        text if text.iter().all(u8::is_ascii_digit) => " It is a number.",
        text if text.contains(&b'.') && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') => {
            " It is a number with a fraction."
        }
        text if text.contains(&b'T') && !text.ends_with(b"Z") => {
            " It looks like a date and time; see whether it has a zone."
        }
        text if text.ends_with(b"GMT") => " It is a date as HTTP writes them.",
        _ => "",
    });
    let sentence = format!(
        "The timestamp in `{place}` does not have the profile's format: {}.{likely} Send the profile's format, or set `format` under `[scheme.timestamp]`.",
        error.problem()
    );
    Finding::new(Code::TimestampFormat, sentence).with("place", place)
}

pub(super) fn unreadable(question: &Question<'_>) -> Finding {
    let position = Node::parse(question.request.body).err();
    let sentence = "What the profile reads stands in the body, and the body is not JSON";
    let remedy = "Verify the bytes as they were received, and see whether it is the right profile.";
    match position {
        None => {
            Finding::new(Code::BodyUnreadable, format!("{sentence} of the form that is needed. {remedy}"))
        }
        Some(position) => {
            Finding::new(Code::BodyUnreadable, format!("{sentence} from byte {position} on. {remedy}"))
                .with("position", position)
        }
    }
}
