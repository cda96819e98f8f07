//! HTTP Message Signatures (RFC 9421): the two fields, and what a signature has to cover.

use super::check::Verification;
use super::grammar::{Group, Parsed, Parser};
use crate::error::{ErrorKind, VerifyError};
use crate::key;
use crate::request::{Line, Request};
use crate::scheme::{Algorithm, DigestKind, Encoding};
use crate::signature_input::{SignatureInput, byte_sequence, members};
use crate::time::{Timestamp, parse_digits};

/// The header that says what each signature covers.
const INPUT: &str = "signature-input";
const CONTENT_DIGEST: &str = "content-digest";

impl<'t> Parser<'_, 't> {
    /// Adds each signature whose label also stands in `signature-input`.
    pub(super) fn dictionary(&self, field: &'t [u8], parsed: &mut Parsed<'t>) -> Result<(), VerifyError> {
        let malformed =
            |place: &str| VerifyError::at(ErrorKind::MalformedSignature, place, "a dictionary of signatures");
        let inputs = self.input.filter(|input| !input.is_empty());
        let inputs =
            inputs.ok_or_else(|| VerifyError::at(ErrorKind::MissingField, INPUT, "the header is needed"))?;
        let inputs = members(inputs).ok_or_else(|| malformed(INPUT))?;
        for (label, value) in members(field).ok_or_else(|| malformed(self.place))? {
            let mut same = inputs.iter().filter(|(known, _)| *known == label);
            let (Some((_, input)), None) = (same.next(), same.next()) else {
                return Err(malformed(INPUT));
            };
            let covered = SignatureInput::parse(input)
                .filter(|input| !input.repeats())
                .ok_or_else(|| malformed(INPUT))?;
            let created = self.timestamp_key.and_then(|name| covered.param(name));
            let base64 = byte_sequence(value).ok_or_else(|| malformed(self.place))?;
            let group = Group {
                timestamp: created.map(str::as_bytes),
                names: Some(input.as_bytes()),
                algorithm: covered.param("alg"),
                ..Group::default()
            };
            parsed.push(group, std::iter::once(base64.as_bytes()));
        }
        Ok(())
    }
}

impl Verification<'_, '_> {
    /// Checks what a signature that matched covers: what the receiver asks for, its own end, and the body where its
    /// digest is covered. Says whether the body is bound.
    pub(super) fn check_coverage(&self, group: &Group<'_>, now: Timestamp) -> Result<bool, VerifyError> {
        let text = group.names.and_then(|names| std::str::from_utf8(names).ok());
        let Some(input) = text.and_then(SignatureInput::parse) else { return Ok(false) };
        let named = self.scheme.algorithm().and_then(Algorithm::registered_name);
        if group.algorithm.is_some() && group.algorithm != named {
            let problem = "the algorithm that the message names is not allowed";
            return Err(VerifyError::at(ErrorKind::UnsupportedAlgorithm, INPUT, problem));
        }
        let required = self.verifier.params.list("required_components");
        if let Some(missing) = required.iter().find(|component| !input.covers(component)) {
            return Err(VerifyError::at(
                ErrorKind::InsufficientCoverage,
                missing,
                "the component is to be covered",
            ));
        }
        let expired = |end: &str| {
            parse_digits(end.as_bytes()).map_or(true, |end| now > Timestamp::from_unix_seconds(end))
        };
        if input.param("expires").is_some_and(expired) {
            return Err(VerifyError::at(ErrorKind::TimestampTooOld, "expires", "the signature has expired"));
        }
        if input.covers(CONTENT_DIGEST) {
            check_content_digest(self.request)?;
        }
        Ok(input.covers(CONTENT_DIGEST))
    }
}

/// Compares the digests of `content-digest` (RFC 9530 section 2) with the body: each that is known, and at least one.
fn check_content_digest(request: &Request<'_>) -> Result<(), VerifyError> {
    let Line::One(field) = request.line(CONTENT_DIGEST) else {
        return Err(VerifyError::at(ErrorKind::MissingField, CONTENT_DIGEST, "the header must stand once"));
    };
    let wrong =
        || VerifyError::at(ErrorKind::BodyHashMismatch, CONTENT_DIGEST, "the digest is that of another body");
    let mut compared = false;
    for (label, value) in members(field).ok_or_else(wrong)? {
        let kind = match label {
            "sha-256" => DigestKind::Sha256,
            "sha-512" => DigestKind::Sha512,
            _ => continue,
        };
        let mut bytes = [0; 66];
        let base64 = byte_sequence(value).ok_or_else(wrong)?;
        let length =
            Encoding::Base64.decode(base64.as_bytes(), super::Mode::Strict, &mut bytes).ok_or_else(wrong)?;
        let actual = key::digest(kind, |running| running.update(request.body));
        if !bool::from(actual.matches(&bytes[..length])) {
            return Err(wrong());
        }
        compared = true;
    }
    if compared { Ok(()) } else { Err(wrong()) }
}
