//! JSON Web Tokens as signatures: one algorithm, named by the profile and never by the token (RFC 8725 section 3.1).

use serde_json::{Map, Value as Json};

use crate::error::{ErrorKind, VerifyError};
use crate::key::Key;
use crate::params::Params;
use crate::scheme::{ClaimRule, ClaimValue, Encoding, JwtAlgorithm};
use crate::time::Timestamp;
use crate::verifier::Mode;

/// The claims of a token by their names.
type Claims = Map<String, Json>;

/// A token taken apart.
pub(crate) struct Token<'t> {
    signed: &'t [u8],
    signature: Vec<u8>,
    claims: Claims,
    key_id: Option<String>,
}

impl<'t> Token<'t> {
    /// Takes a token of the compact form apart (RFC 7515 section 7.1) and checks that it names `algorithm`.
    pub(crate) fn parse(text: &'t [u8], algorithm: JwtAlgorithm) -> Result<Self, VerifyError> {
        let malformed = || {
            VerifyError::new(ErrorKind::MalformedSignature, "a JSON Web Token has three parts in base64url")
        };
        let mut parts = text.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let named = object(header).ok_or_else(malformed)?;
        // Extensions that have to be understood are not (RFC 7515 section 4.1.11).
        if named.get("alg").and_then(Json::as_str) != Some(algorithm.name()) || named.contains_key("crit") {
            let problem = "the token names another algorithm than the profile";
            return Err(VerifyError::new(ErrorKind::UnsupportedAlgorithm, problem));
        }
        let claims = object(payload).ok_or_else(malformed)?;
        let signature = decode(signature).filter(|signature| !signature.is_empty()).ok_or_else(malformed)?;
        let signed = &text[..header.len() + 1 + payload.len()];
        let key_id = named.get("kid").and_then(Json::as_str).map(str::to_owned);
        Ok(Self { signed, signature, claims, key_id })
    }

    /// Whether a key made the signature.
    pub(crate) fn is_signed_by(&self, algorithm: JwtAlgorithm, key: &Key) -> bool {
        let verification: &dyn ring::signature::VerificationAlgorithm = match algorithm {
            JwtAlgorithm::Hs256 => {
                let Key::Mac(mac) = key else { return false };
                let mut running = mac.start();
                running.update(self.signed);
                return running.finish().matches(&self.signature).into();
            }
            JwtAlgorithm::Rs256 => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            JwtAlgorithm::Es256 => &ring::signature::ECDSA_P256_SHA256_FIXED,
        };
        let Key::Public(public) = key else { return false };
        ring::signature::UnparsedPublicKey::new(verification, public)
            .verify(self.signed, &self.signature)
            .is_ok()
    }

    /// The id of the key that the token says it is signed with (`kid`). Its signature does not bind it to that key.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a `NumericDate` (RFC 7519 section 2); a fraction of a second is cut off.
    pub(crate) fn time(&self, claim: &str) -> Option<Timestamp> {
        let number = self.claims.get(claim)?;
        let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))?;
        Some(Timestamp::from_unix_seconds(seconds))
    }

    /// Checks what the profile asks of the claims.
    pub(crate) fn check_claims(&self, rules: &[ClaimRule], params: &Params) -> Result<(), VerifyError> {
        let fits = |rule: &ClaimRule| match (&rule.value, self.claims.get(&rule.name)) {
            (_, None) => false,
            (ClaimValue::Present, Some(_)) => true,
            (ClaimValue::Texts(texts), Some(Json::String(text))) => texts.contains(text),
            (ClaimValue::Flag(flag), Some(claim)) => *claim == Json::Bool(*flag),
            (ClaimValue::Param(name), Some(Json::String(text))) => params.text(name) == Some(text),
            (ClaimValue::Param(name), Some(Json::Array(items))) => {
                items.iter().any(|item| item.is_string() && item.as_str() == params.text(name))
            }
            (ClaimValue::Texts(_) | ClaimValue::Param(_), Some(_)) => false,
        };
        match rules.iter().find(|rule| !fits(rule)) {
            None => Ok(()),
            Some(rule) => {
                Err(VerifyError::at(ErrorKind::ClaimMismatch, &rule.name, "the claim is as configured"))
            }
        }
    }

    /// Checks the end and the beginning of the token's validity where it has them (RFC 7519 sections 4.1.4, 4.1.5).
    pub(crate) fn check_validity(&self, now: Timestamp) -> Result<(), VerifyError> {
        let is_time = |claim: &str| !self.claims.contains_key(claim) || self.time(claim).is_some();
        if !is_time("exp") || !is_time("nbf") {
            return Err(VerifyError::new(ErrorKind::ClaimMismatch, "`exp` and `nbf` are numbers"));
        }
        if self.time("exp").is_some_and(|expiry| now >= expiry) {
            return Err(VerifyError::at(ErrorKind::TimestampTooOld, "exp", "the token has expired"));
        }
        if self.time("nbf").is_some_and(|start| now < start) {
            return Err(VerifyError::at(ErrorKind::TimestampTooNew, "nbf", "the token is not valid yet"));
        }
        Ok(())
    }
}

fn object(part: &[u8]) -> Option<Claims> {
    serde_json::from_slice(&decode(part)?).ok()
}

fn decode(part: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; part.len()];
    let length = Encoding::Base64Url.decode(part, Mode::Strict, &mut out)?;
    out.truncate(length);
    Some(out)
}
