//! What it costs to look for a reason, in bytes that SHA-256 hashes meanwhile.
//!
//! The search is bounded by its work and not by a clock, so that the same question has the same answer everywhere. The
//! figures are those of the example `explain_cost`, each from the bodies that are worst for it and rounded up.

use crate::body::BodyReading;
use crate::request::{Line, Request};
use crate::scheme::{
    Algorithm, AlgorithmRule, Canonical, Carrier, DigestKind, JsonPath, Piece, Scheme, TimestampSource, Value,
};
use crate::verifier::Mode;

/// What a trial costs besides the bytes that depend on the body.
pub(super) const FIXED: u64 = 2 * 1024;

/// What one verification with a public key costs on top of that.
const PUBLIC_KEY: u64 = 48 * 1024;

/// What it costs to go over a body, in hashes of it: byte by byte; to read it in one notation and write it in another;
/// and to take it apart as JSON or as a form.
pub(super) const COPY_BYTEWISE: u64 = 1;
pub(super) const RECODE: u64 = 3;
pub(super) const PARSE: u64 = 16;

/// What one verification costs, and whether it may hold at all: what carries no signature costs next to nothing.
pub(super) fn of(scheme: &Scheme, mode: Mode, secrets: usize, request: &Request<'_>) -> (u64, bool) {
    let body = request.body.len() as u64;
    let carrier = scheme.signature.as_ref().map(|rule| &rule.carrier);
    let in_body = matches!(carrier, Some(Carrier::Json(_) | Carrier::Form(_)));
    if !carries_signature(scheme, request) {
        return (FIXED + if in_body { body } else { 0 }, false);
    }
    let of_key = if scheme.algorithm.has_public_key() { PUBLIC_KEY } else { 0 };
    let readings = scheme.readings.for_mode(mode);
    let reading: u64 = readings.iter().map(|reading| of_reading(*reading)).sum();
    let values: u64 = scheme.content.iter().map(|piece| of_piece(piece, reading)).sum();
    let of_body = scheme.content.iter().any(depends_on_body);
    let hashing = if of_body { of_digest(&scheme.algorithm) * readings.len() as u64 } else { 0 };
    let beside = if scheme.body_digest.is_some() { 2 } else { 0 };
    let parsing = if parses(scheme) { PARSE } else { 0 };
    let passes = beside + parsing + secrets as u64 * (values + hashing);
    (FIXED + secrets as u64 * of_key + passes * body, true)
}

/// Whether there is what the signature would stand in. It is cheap to see, and says of most other profiles that they
/// are not meant, before any body is parsed for them.
fn carries_signature(scheme: &Scheme, request: &Request<'_>) -> bool {
    let there = |name: &str| !matches!(request.line(name), Line::Absent);
    let in_body = |name: &str| memchr::memmem::find(request.body, name.as_bytes()).is_some();
    match scheme.signature.as_ref().map(|rule| &rule.carrier) {
        None => false,
        Some(Carrier::Headers(names)) => names.iter().any(|name| there(name)),
        Some(Carrier::Json(JsonPath(path))) => path.rsplit('.').find(|step| *step != "*").is_none_or(in_body),
        Some(Carrier::Form(field)) => in_body(field),
        Some(Carrier::Numbered(_) | Carrier::Query(_)) => true,
    }
}

/// Whether the body is parsed as JSON, which is done once for all that is read from it.
fn parses(scheme: &Scheme) -> bool {
    let carrier = scheme.signature.as_ref().map(|rule| &rule.carrier);
    let timestamp = scheme.timestamp.as_ref().map(|rule| &rule.source);
    let signed = |piece: &Piece| {
        matches!(
            piece,
            Piece::Value(Value::Json(_) | Value::Canonical(Canonical::AdyenPayment | Canonical::Sns))
        )
    };
    matches!(carrier, Some(Carrier::Json(_) | Carrier::Form(_)))
        || matches!(timestamp, Some(TimestampSource::Json(_)))
        || matches!(scheme.algorithm, AlgorithmRule::Json { .. })
        || scheme.content.iter().any(signed)
}

/// What it costs to make a value, in passes over the body.
fn of_piece(piece: &Piece, reading: u64) -> u64 {
    let Piece::Value(value) = piece else { return 0 };
    match value {
        Value::Body | Value::Canonical(Canonical::Contentful | Canonical::Rfc9421) => reading,
        Value::BodyCrc32 | Value::BodySha256 => COPY_BYTEWISE,
        Value::Json(_) | Value::Canonical(Canonical::AdyenPayment | Canonical::Sns) => 1,
        Value::Form(_) => PARSE,
        Value::SortedForm => 2 * PARSE,
        Value::Timestamp
        | Value::Id
        | Value::Url
        | Value::Method
        | Value::Secret
        | Value::Header(_)
        | Value::SignedHeaderNames
        | Value::SignedHeaderValues
        | Value::Param(_) => 0,
    }
}

fn depends_on_body(piece: &Piece) -> bool {
    match piece {
        Piece::Literal(_) => false,
        Piece::Value(value) => !matches!(
            value,
            Value::Timestamp
                | Value::Id
                | Value::Url
                | Value::Method
                | Value::Secret
                | Value::Header(_)
                | Value::SignedHeaderNames
                | Value::SignedHeaderValues
                | Value::Param(_)
        ),
    }
}

/// What a reading costs besides hashing.
fn of_reading(reading: BodyReading) -> u64 {
    match reading {
        BodyReading::Raw | BodyReading::AppendLineFeed => 0,
        BodyReading::StripSpaces => COPY_BYTEWISE,
        BodyReading::JsonCompact | BodyReading::EscapeNonAscii => RECODE,
    }
}

/// What hashing costs. There are instructions for SHA-1 and SHA-256, and none for the longer ones.
fn of_digest(algorithm: &AlgorithmRule) -> u64 {
    let of_kind = |digest: &DigestKind| match digest {
        DigestKind::Sha1 | DigestKind::Sha256 => 1,
        DigestKind::Sha384 | DigestKind::Sha512 => 3,
    };
    match algorithm {
        AlgorithmRule::Fixed(Algorithm::Hmac(digest) | Algorithm::Hash(digest)) => of_kind(digest),
        AlgorithmRule::Fixed(Algorithm::Ed25519) => 3,
        AlgorithmRule::Fixed(_) | AlgorithmRule::Json { .. } => 1,
        AlgorithmRule::Named(digests) => digests.iter().map(of_kind).max().unwrap_or(1),
    }
}
