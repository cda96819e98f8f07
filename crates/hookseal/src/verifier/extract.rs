//! Getting the parts of a request that take part in its verification.

use std::borrow::Cow;

use super::Verifier;
use super::grammar::{Parsed, Parser};
use crate::document::{Document, query_value};
use crate::error::{ErrorKind, VerifyError};
use crate::few::Few;
use crate::limits::{MAX_CANDIDATES, MAX_FIELD_BYTES, MAX_NUMBERED_HEADERS};
use crate::request::{Headers, Line, Request, has_control_or, trim};
use crate::scheme::{
    AlgorithmRule, Carrier, DigestKind, Grammar, IdentityRule, IdentitySource, JsonPath, RequiredHeader,
    SignatureRule, TimestampSource,
};
use crate::verified::Identity;

/// The fields that hold signatures, as they came.
#[derive(Default)]
pub(super) struct Fields<'r> {
    pub(super) texts: Few<Cow<'r, [u8]>>,
    /// Whether every one has to match, rather than one of them.
    pub(super) all: bool,
    /// The value of `signature-input`, where the grammar has it.
    pub(super) input: Option<&'r [u8]>,
}

/// Checks the headers that have to have one value.
pub(super) fn required(request: &Request<'_>, required: &[RequiredHeader]) -> Result<(), VerifyError> {
    for header in required {
        match request.line(&header.name) {
            Line::One(value) if value == header.value.as_bytes() => {}
            Line::One(_) => {
                let problem = "the value is not the one that the scheme is for";
                return Err(VerifyError::at(ErrorKind::UnsupportedAlgorithm, &header.name, problem));
            }
            Line::Absent => {
                return Err(VerifyError::at(ErrorKind::MissingField, &header.name, "the header is needed"));
            }
            Line::Several => return Err(duplicate(&header.name)),
        }
    }
    Ok(())
}

/// Adds the fields that hold signatures to `fields`, which is not moved from then on; at least one, and not all of them
/// empty.
pub(super) fn fields<'r>(
    request: &Request<'r>,
    document: &Document<'r>,
    rule: &SignatureRule,
    fields: &mut Fields<'r>,
) -> Result<(), VerifyError> {
    let Fields { texts, all, input } = fields;
    match &rule.carrier {
        Carrier::Headers(names) => {
            for name in names {
                lines(request, name, rule.repeated, texts)?;
            }
        }
        Carrier::Numbered(start) => {
            // A number may be missing: where a key was taken away, the others keep theirs.
            for number in 1..=MAX_NUMBERED_HEADERS {
                lines(request, &format!("{start}{number}"), rule.repeated, texts)?;
            }
        }
        Carrier::Json(path) => {
            *all = path.0.split('.').any(|step| step == "*");
            texts.extend(document.values(path)?.into_iter().map(|text| Cow::Owned(text.into_bytes())));
        }
        Carrier::Form(field) => texts.extend(document.form_value(field)?.map(Cow::Owned)),
        Carrier::Query(parameter) => texts.extend(query_value(request.url, parameter)?.map(Cow::Owned)),
    }
    if texts.iter().all(|text| text.is_empty()) {
        return Err(VerifyError::at(
            ErrorKind::MissingSignature,
            rule.carrier.name(),
            "the signature is needed",
        ));
    }
    *input = signature_input(request, rule)?;
    Ok(())
}

fn signature_input<'r>(request: &Request<'r>, rule: &SignatureRule) -> Result<Option<&'r [u8]>, VerifyError> {
    const NAME: &str = "signature-input";
    match rule.grammar {
        Grammar::Dictionary => match request.line(NAME) {
            Line::One(value) if value.len() > MAX_FIELD_BYTES => Err(VerifyError::at(
                ErrorKind::MalformedSignature,
                NAME,
                "the value is longer than the bound",
            )),
            Line::One(value) => Ok(Some(value)),
            Line::Absent => Ok(None),
            Line::Several => Err(duplicate(NAME)),
        },
        Grammar::Bare | Grammar::Prefix { .. } | Grammar::Pairs(_) | Grammar::AlgorithmPrefix => Ok(None),
    }
}

/// Adds the lines of a header that are not empty.
fn lines<'r>(
    request: &Request<'r>,
    name: &str,
    repeated: bool,
    texts: &mut Few<Cow<'r, [u8]>>,
) -> Result<(), VerifyError> {
    let headers: &'r dyn Headers = request.headers;
    let mut count = 0;
    headers.lines(name, &mut |value| {
        count += 1;
        let value = trim(value);
        if !value.is_empty() && texts.len() <= MAX_CANDIDATES {
            texts.push(Cow::Borrowed(value));
        }
    });
    match count {
        0 | 1 => Ok(()),
        _ if repeated => Ok(()),
        _ => Err(duplicate(name)),
    }
}

/// Takes the fields apart into `parsed`, which is not moved from then on.
pub(super) fn parse<'t>(
    verifier: &Verifier,
    rule: &SignatureRule,
    fields: &'t Fields<'_>,
    parsed: &mut Parsed<'t>,
) -> Result<(), VerifyError> {
    let timestamp_key = verifier.scheme.timestamp.as_ref().and_then(|timestamp| match &timestamp.source {
        TimestampSource::Field(name) => Some(name.as_str()),
        TimestampSource::Header(_) | TimestampSource::Json(_) | TimestampSource::Claim(_) => None,
    });
    let parser = Parser {
        place: rule.carrier.name(),
        grammar: &rule.grammar,
        timestamp_key,
        allowed: match &verifier.scheme.algorithm {
            AlgorithmRule::Fixed(_) | AlgorithmRule::Json { .. } => &[],
            AlgorithmRule::Named(digests) => digests,
        },
        params: &verifier.params,
        input: fields.input,
        mode: verifier.mode,
    };
    fields.texts.iter().try_for_each(|text| parser.parse(text, parsed))
}

/// A delivery id or event type.
pub(super) fn identity<'r>(
    request: &Request<'r>,
    document: &Document<'r>,
    rule: &IdentityRule,
) -> Result<Identity<'r>, VerifyError> {
    let name = match &rule.source {
        IdentitySource::Header(name) => name,
        IdentitySource::Json(path) => {
            let text = document.value(path).ok().flatten();
            return Ok(text.map_or(Identity::Absent, |text| Identity::Text(Cow::Owned(text))));
        }
    };
    let value = match request.line(name) {
        Line::One(value) => value,
        Line::Absent => return Ok(Identity::Absent),
        // What is not signed is only ever a hint, and no reason to refuse the rest.
        Line::Several if !rule.covered => return Ok(Identity::Absent),
        Line::Several => return Err(duplicate(name)),
    };
    let fits = value.len() <= MAX_FIELD_BYTES && !has_control_or(value, rule.forbidden);
    if fits && value.is_ascii() {
        return Ok(Identity::Ascii(value));
    }
    match std::str::from_utf8(value) {
        Ok(text) if fits => Ok(Identity::Text(Cow::Borrowed(text))),
        _ if !rule.covered => Ok(Identity::Absent),
        _ => {
            let problem = "the value holds a character that separates the signed parts, or none that is text";
            Err(VerifyError::at(ErrorKind::MalformedId, name, problem))
        }
    }
}

/// The timestamp's text, where it stands in a place of its own.
pub(super) fn timestamp<'r>(
    request: &Request<'r>,
    document: &Document<'r>,
    source: &TimestampSource,
) -> Result<Option<Cow<'r, [u8]>>, VerifyError> {
    match source {
        TimestampSource::Field(_) | TimestampSource::Claim(_) => Ok(None),
        TimestampSource::Json(path) => Ok(document.value(path)?.map(|text| Cow::Owned(text.into_bytes()))),
        TimestampSource::Header(name) => match request.line(name) {
            Line::One(value) => Ok(Some(Cow::Borrowed(value))),
            Line::Absent => Ok(None),
            Line::Several => Err(duplicate(name)),
        },
    }
}

/// The digest that a value of the body stands for.
pub(super) fn named_digest(
    verifier: &Verifier,
    document: &Document<'_>,
    path: &JsonPath,
    choices: &[(String, DigestKind)],
) -> Result<DigestKind, VerifyError> {
    let named = document.value(path)?;
    let digest = choices.iter().find(|(name, _)| Some(name) == named.as_ref()).map(|(_, digest)| *digest);
    let allowed = digest.filter(|digest| *digest != DigestKind::Sha1 || verifier.params.flag("allow_sha1"));
    allowed.ok_or_else(|| {
        let problem = "the algorithm that the message names is not allowed";
        VerifyError::at(ErrorKind::UnsupportedAlgorithm, &path.0, problem)
    })
}

/// The text of a header or a value, for what has to be there whatever it is.
pub(super) fn text<'r>(
    request: &Request<'r>,
    document: &Document<'r>,
    source: &IdentitySource,
) -> Result<Option<Cow<'r, str>>, VerifyError> {
    match source {
        IdentitySource::Json(path) => Ok(document.value(path)?.map(Cow::Owned)),
        IdentitySource::Header(name) => match request.line(name) {
            Line::One(value) => Ok(std::str::from_utf8(value).ok().map(Cow::Borrowed)),
            Line::Absent => Ok(None),
            Line::Several => Err(duplicate(name)),
        },
    }
}

pub(super) fn duplicate(name: &str) -> VerifyError {
    VerifyError::at(ErrorKind::DuplicateHeader, name, "the header must stand once")
}
