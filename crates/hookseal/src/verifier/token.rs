//! Tokens in place of a signature: shared ones that are compared, and JSON Web Tokens.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};

use super::check::{Match, Verification};
use super::extract;
use super::grammar::Parsed;
use crate::error::{ErrorKind, VerifyError};
use crate::jwt::Token;
use crate::key::{self, Key};
use crate::scheme::{Algorithm, BodyDigest, BodyDigestSource, DigestKind, JwtAlgorithm, TimestampSource};
use crate::secret::Secret;
use crate::time::Timestamp;

impl Verification<'_, '_> {
    /// Compares what was sent with the secrets.
    pub(super) fn check_token(&self, fields: &extract::Fields<'_>) -> Result<Match, VerifyError> {
        let basic = self.scheme.algorithm() == Some(Algorithm::Basic);
        let mut tokens = Vec::new();
        for text in fields.texts.iter() {
            tokens.push(match basic {
                true => Cow::Owned(basic_credentials(text)?),
                false => Cow::Borrowed(&**text),
            });
        }
        for (index, keys) in self.keys.iter().enumerate() {
            let Some((_, Key::Secret(secret))) = keys.key(None) else { continue };
            if token_matches(secret, &tokens, fields.all) {
                return Ok(Match::by_secret(index));
            }
        }
        Err(VerifyError::new(ErrorKind::TokenMismatch, "no secret is the one that was sent"))
    }

    /// Verifies a JSON Web Token: its signature, then its claims and its times, then the body that it names.
    pub(super) fn check_json_web_token(
        &self,
        algorithm: JwtAlgorithm,
        parsed: &Parsed<'_>,
        now: Timestamp,
    ) -> Result<(Match, Option<Timestamp>), VerifyError> {
        let text = parsed.candidates.nth(0).map_or(&[][..], |candidate| candidate.text);
        let token = Token::parse(text, algorithm)?;
        let signed = |(_, keys): &(usize, &super::KeySet)| {
            keys.key(None).is_some_and(|(_, key)| token.is_signed_by(algorithm, key))
        };
        let Some((secret, _)) = self.keys.iter().enumerate().find(signed) else {
            return Err(VerifyError::new(
                ErrorKind::SignatureMismatch,
                "no secret makes the signature of the token",
            ));
        };
        token.check_claims(&self.scheme.claims, &self.verifier.params)?;
        token.check_validity(now)?;
        let timestamp = self.claimed_timestamp(&token)?;
        self.check_clock(timestamp, now)?;
        if let Some(rule @ BodyDigest { source: BodyDigestSource::Claim(name), .. }) =
            &self.scheme.body_digest
        {
            self.compare_body_digest(rule, name, token.text(name).map(str::as_bytes))?;
        }
        Ok((Match::by_secret(secret), timestamp))
    }

    fn claimed_timestamp(&self, token: &Token<'_>) -> Result<Option<Timestamp>, VerifyError> {
        let source = self.scheme.timestamp.as_ref().map(|rule| &rule.source);
        let Some(TimestampSource::Claim(name)) = source else { return Ok(None) };
        let time = token.time(name);
        time.map(Some)
            .ok_or_else(|| VerifyError::at(ErrorKind::MissingTimestamp, name, "the claim must be a number"))
    }
}

/// Whether one token is the secret, or each of them where all have to be.
fn token_matches(secret: &Secret, tokens: &[Cow<'_, [u8]>], all: bool) -> bool {
    // Digests have one length, so that the comparison does not tell the length of the secret.
    let digest = |bytes: &[u8]| key::digest(DigestKind::Sha256, |running| running.update(bytes));
    let expected = digest(secret.expose());
    let compare = |token: &Cow<'_, [u8]>| expected.as_bytes().ct_eq(digest(token).as_bytes());
    let (start, joined): (Choice, fn(Choice, Choice) -> Choice) = match all {
        true => (Choice::from(1), |left, right| left & right),
        false => (Choice::from(0), |left, right| left | right),
    };
    tokens.iter().map(compare).fold(start, joined).into()
}

/// The user name and password of an `Authorization` header (RFC 7617 section 2).
fn basic_credentials(text: &[u8]) -> Result<Vec<u8>, VerifyError> {
    let malformed = || {
        let problem = "the value must be `Basic` and base64 of a name and a password";
        VerifyError::at(ErrorKind::MalformedSignature, "authorization", problem)
    };
    let (scheme, credentials) = text.split_at_checked(6).ok_or_else(malformed)?;
    match scheme.eq_ignore_ascii_case(b"Basic ") {
        true => STANDARD.decode(credentials).map_err(|_| malformed()),
        false => Err(malformed()),
    }
}
