//! What can be seen where no difference explains the failure.

mod request;
mod signature;

use std::sync::Arc;

use super::finding::Outcome;
use super::question::Question;
use super::{Code, Finding, names};
use crate::error::{ErrorKind, SecretError, VerifyError};
use crate::scheme::Scheme;

/// What is worth saying of a failure.
pub(super) fn failure(
    question: &Question<'_>,
    scheme: &Arc<Scheme>,
    outcome: &Outcome,
    kind: ErrorKind,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match outcome {
        Outcome::Valid => {}
        Outcome::Unusable(error) => findings.push(unusable(error)),
        Outcome::Invalid(error) => findings.extend(of_kind(question, scheme, error)),
    }
    if matches!(
        kind,
        ErrorKind::SignatureMismatch
            | ErrorKind::TokenMismatch
            | ErrorKind::BodyHashMismatch
            | ErrorKind::MalformedBody
    ) {
        findings.extend(request::body(question));
        findings.extend(request::url(question, scheme));
    }
    if matches!(kind, ErrorKind::SignatureMismatch | ErrorKind::TokenMismatch | ErrorKind::InvalidSecret) {
        findings.extend(
            question.secrets.iter().enumerate().flat_map(|(index, secret)| request::secret(index, secret)),
        );
    }
    findings
}

fn of_kind(question: &Question<'_>, scheme: &Arc<Scheme>, error: &VerifyError) -> Vec<Finding> {
    let place = error.place().unwrap_or("the request");
    match error.kind() {
        ErrorKind::MissingSignature => vec![signature::missing(question, scheme, place)],
        ErrorKind::MalformedSignature | ErrorKind::UnsupportedVersion => {
            signature::malformed(question, scheme, error)
        }
        ErrorKind::SignatureMismatch | ErrorKind::TokenMismatch | ErrorKind::InvalidSecret => Vec::new(),
        ErrorKind::MissingTimestamp => vec![absent(question, Code::TimestampMissing, "timestamp", place)],
        ErrorKind::MissingId => {
            vec![absent(question, Code::IdMissing, "delivery id", scheme.id_header().unwrap_or(place))]
        }
        ErrorKind::MissingField => vec![absent(question, Code::FieldMissing, "value", place)],
        ErrorKind::MalformedTimestamp => vec![request::timestamp(question, scheme, error)],
        ErrorKind::MalformedBody => vec![request::unreadable(question)],
        kind => in_words(kind, place).into_iter().collect(),
    }
}

/// What the kind of the failure and its place say by themselves.
fn in_words(kind: ErrorKind, place: &str) -> Option<Finding> {
    let some = |code, sentence: String| Some(Finding::new(code, sentence).with("place", place));
    match kind {
        ErrorKind::UnsupportedAlgorithm => some(
            Code::AlgorithmNotAllowed,
            format!(
                "`{place}` names an algorithm that is not allowed here. Choose the profile for that algorithm; \
                 of SHA-1 the parameter `allow_sha1` has to be set."
            ),
        ),
        ErrorKind::TimestampTooOld => some(
            Code::TimestampTooOld,
            format!(
                "`{place}` says that the \
            request is not valid any more, and everything else may be right. Compare the clock of this \
            machine with a time server; of a captured request, verify with the time at which it came."
            ),
        ),
        ErrorKind::TimestampTooNew => some(
            Code::TimestampTooNew,
            format!(
                "`{place}` says that the \
            request is not valid yet. Compare the clock of this machine with a time server."
            ),
        ),
        ErrorKind::MalformedId => some(
            Code::IdMalformed,
            format!(
                "The delivery id in `{place}` holds a \
            character that separates the signed parts, or none that is text. Have the sender choose \
            other ids."
            ),
        ),
        ErrorKind::DuplicateHeader => some(
            Code::SignatureHeaderRepeated,
            format!(
                "The header `{place}` \
            stands several times, and no line of it alone would verify. See to it that it is sent once."
            ),
        ),
        ErrorKind::DuplicateField => some(
            Code::FieldRepeated,
            format!(
                "A key or a field in `{place}` \
            stands twice, and which one counts would be a guess. Have the sender write it once."
            ),
        ),
        ErrorKind::BodyHashMismatch => some(
            Code::BodyDigestDiffers,
            format!(
                "The digest of the body in \
            `{place}` is that of other bytes, and none of the usual changes explains it. Verify the \
            bytes as they were received."
            ),
        ),
        kind => of_trust(kind, place),
    }
}

/// The same of tokens, keys, and what a signature covers.
fn of_trust(kind: ErrorKind, place: &str) -> Option<Finding> {
    let some = |code, sentence: String| Some(Finding::new(code, sentence).with("place", place));
    match kind {
        ErrorKind::ClaimMismatch => some(
            Code::ClaimDiffers,
            format!(
                "The token is signed by the right \
            key, and its claim `{place}` is not what is configured. Compare the parameter with what the \
            sender is told: often an audience or an endpoint is another one."
            ),
        ),
        ErrorKind::UntrustedKeyUrl => some(
            Code::KeyUrlUntrusted,
            format!(
                "`{place}` points to a place \
            for the key that the profile does not trust. Such a request may be a forgery."
            ),
        ),
        ErrorKind::UnknownKey => some(
            Code::KeyUnknown,
            format!(
                "`{place}` holds signatures for other \
            keys than the configured one. Compare the key id that is configured with that of the sender."
            ),
        ),
        ErrorKind::InsufficientCoverage => some(
            Code::CoverageInsufficient,
            format!("The signature does not cover `{place}`, which is asked for. Have the sender cover it."),
        ),
        _ => None,
    }
}

/// A header or field that is not there, and what is there instead.
fn absent(question: &Question<'_>, code: Code, what: &str, place: &str) -> Finding {
    let alike = names::alike(place, &names::present(&question.request));
    let instead = match alike.as_slice() {
        [] => String::new(),
        names => format!(" These headers are alike: {}.", listed(names)),
    };
    let sentence = format!(
        "The {what} is missing: `{place}` is not in the request.{instead} See \
        whether the sender writes it, and whether a proxy takes it off."
    );
    let finding = Finding::new(code, sentence).with("place", place);
    if alike.is_empty() { finding } else { finding.with("alike", alike.join(" ")) }
}

fn unusable(error: &SecretError) -> Finding {
    let remedy = match error {
        SecretError::Missing => "Give a secret.",
        SecretError::Empty { .. } => "Often a variable is not set, or a file is empty.",
        SecretError::Undecodable { .. } => {
            "Copy the secret again, whole and without quotes or line \
            breaks, and see whether it is the kind of key that the profile takes."
        }
        SecretError::WrongKind { .. } => {
            "Take the secret for verifying and not the one for signing, or \
            the profile of the other kind."
        }
        SecretError::MissingParam { .. } => "Give it: the scheme refers to it.",
        SecretError::TooMany { .. } => "Give only those that are active.",
        SecretError::Certificate => "Give the certificate itself.",
        SecretError::UnsignedRefused | SecretError::NoSuchPart | SecretError::VerifyOnly { .. } => {
            "Choose another profile."
        }
    };
    Finding::new(Code::SecretUnusable, format!("Nothing was verified, because {error}. {remedy}"))
}

/// Names in backquotes.
fn listed(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}
