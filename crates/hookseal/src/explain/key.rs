//! Keys that may have been used in place of the configured ones.

mod public;
mod shared;

use std::sync::Arc;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding};
use crate::key::KeyStep;
use crate::scheme::{Algorithm, AlgorithmRule, JwtAlgorithm, Scheme};
use crate::secret::Secret;

/// The changes to the keys, the likeliest first.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let mut keys = Keys { steps: &scheme.key, given: question.secrets, changes: Vec::new(), current: 0 };
    if scheme.algorithm() == Some(Algorithm::None) {
        return Vec::new();
    }
    for (index, secret) in question.other_secrets.iter().enumerate() {
        let sentence = format!(
            "The signature is made with other secret {} and not with an active one. It is that of another endpoint or environment, or the secret was rotated and one side still has the old one.",
            index + 1
        );
        let finding = Finding::new(Code::SecretOther, sentence).with("other_secret", index + 1);
        keys.offer(secret.expose().to_vec(), vec![finding]);
    }
    let is_public = is_public(scheme);
    for (index, secret) in
        question.secrets.iter().enumerate().chain(question.other_secrets.iter().enumerate())
    {
        keys.current = index;
        match is_public {
            true => public::offer(&mut keys, secret.expose()),
            false => shared::offer(&mut keys, secret.expose(), scheme),
        }
    }
    keys.changes
}

fn is_public(scheme: &Scheme) -> bool {
    match &scheme.algorithm {
        AlgorithmRule::Fixed(algorithm) => !matches!(
            algorithm,
            Algorithm::Hmac(_)
                | Algorithm::Hash(_)
                | Algorithm::Token
                | Algorithm::Basic
                | Algorithm::Jwt(JwtAlgorithm::Hs256)
        ),
        AlgorithmRule::Named(_) => false,
        AlgorithmRule::Json { .. } => true,
    }
}

/// Where keys are offered.
struct Keys<'k> {
    /// The profile's way from a secret to a key.
    steps: &'k [KeyStep],
    given: &'k [Secret],
    changes: Vec<Change>,
    /// Which secret the offers are made from.
    current: usize,
}

impl Keys<'_> {
    /// A secret that is read as the profile has it.
    fn offer(&mut self, secret: Vec<u8>, findings: Vec<Finding>) {
        self.offer_with(secret, self.steps.to_vec(), findings);
    }

    /// A secret that is read by these steps.
    fn offer_with(&mut self, secret: Vec<u8>, steps: Vec<KeyStep>, findings: Vec<Finding>) {
        let secret = Secret::new(secret);
        let known = *self.steps == *steps && self.given.contains(&secret);
        let offered = self.changes.iter().flat_map(|change| &change.edits).any(|edit| {
            matches!(edit, Edit::Key { secret: other, steps: others } if *other == secret && *others == steps)
        });
        if known || offered || secret.expose().is_empty() {
            return;
        }
        let several = self.given.len() > 1;
        let numbered =
            |finding: Finding| if several { finding.with("secret", self.current + 1) } else { finding };
        let findings = findings.into_iter().map(numbered).collect();
        self.changes.push(Change { findings, edits: vec![Edit::Key { secret, steps }] });
    }
}

/// Without the quotes of one kind around it.
fn unquoted(text: &[u8]) -> Option<&[u8]> {
    match text {
        [first @ (b'"' | b'\'' | b'`'), inner @ .., last] if first == last => Some(inner),
        _ => None,
    }
}

/// The text with `\n` as a line break, where it is written out.
fn with_line_breaks(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.contains("\\n"))?;
    Some(text.replace("\\r", "").replace("\\n", "\n").into_bytes())
}

fn whitespace_finding() -> Finding {
    Finding::new(
        Code::SecretSurroundingWhitespace,
        "The signature is made with the secret without the white space around it. Take the spaces off where the secret is configured.",
    )
}

fn quotes_finding() -> Finding {
    Finding::new(
        Code::SecretSurroundingQuotes,
        "The signature is made with the secret without the quotes around it. An environment file or a configuration keeps quotes that a shell would take off: configure the secret without them.",
    )
}

fn escaped_newlines_finding() -> Finding {
    Finding::new(
        Code::SecretEscapedNewlines,
        "The key is right when each `\\n` in it is a line break. An environment variable or JSON holds them written out: put real line breaks in their place.",
    )
}
