//! Verifying with keys that are fetched: which one a request needs, and the verification with what was then found.

use std::sync::Arc;

use super::check::Verification;
use super::grammar::Parsed;
use super::{KeySet, Verifier, check_params, extract};
use crate::error::{ErrorKind, SecretError, VerifyError};
use crate::few::Few;
use crate::jwt::Token;
use crate::key_source::{self, CertificateUrl, KeyOfApi, KeyOfSet, KeyReference};
use crate::limits::{MAX_FETCHED_KEYS, MAX_KEY_ID_BYTES};
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::{Algorithm, JwtAlgorithm};
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verified::Verified;
use crate::verifier::VerifyOptions;

impl Verifier {
    /// Prepares a part of a profile whose key is fetched, without any key. Requests are then verified by
    /// [`verify_with_keys`](Self::verify_with_keys), and by nothing else.
    ///
    /// ```
    /// use hookseal::{ErrorKind, KeyReference, Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
    ///
    /// let profile = Profile::builtin("fal-ai").expect("built in");
    /// let verifier = Verifier::for_fetched_keys(profile, Part::Delivery, VerifyOptions::default())?;
    ///
    /// let headers = [
    ///     ("X-Fal-Webhook-Request-Id", "req_1"),
    ///     ("X-Fal-Webhook-User-Id", "user_1"),
    ///     ("X-Fal-Webhook-Timestamp", "1751371200"),
    ///     ("X-Fal-Webhook-Signature", "deb3994e8e069c77b877ecd30eb0d88d9691837e9a757f2fd44151a08ec52772b68e30cbed3a0bbad8865f10bdbdf52be14902db37dc62c5fce7963e76374008"),
    /// ];
    /// let body = br#"{"status":"OK"}"#;
    /// let request = Request { method: "POST", url: "https://app.example/hooks", headers: &headers, body };
    ///
    /// let Some(KeyReference::KeySet(needed)) = verifier.needed_key(&request)? else { unreachable!() };
    /// assert_eq!(needed.url(), "https://rest.fal.ai/.well-known/jwks.json");
    ///
    /// // What is fetched from there, as its keys are written.
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"mnRwwgInOQijJ-A60oEujFCGH9DDguyFQOk5gN5t_WA"}"#;
    /// let now = Timestamp::from_unix_seconds(1_751_371_201);
    /// assert!(verifier.verify_with_keys(&request, now, &[Secret::new(jwk)]).is_ok());
    /// assert_eq!(verifier.verify(&request, now).unwrap_err().kind(), ErrorKind::UnknownKey);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Always about configuration: a part that the profile does not have, a scheme whose keys are not fetched
    /// ([`SecretError::Missing`]), or a missing parameter.
    pub fn for_fetched_keys(
        profile: &Profile,
        part: Part,
        options: VerifyOptions,
    ) -> Result<Verifier, SecretError> {
        let scheme = profile.part(part).ok_or(SecretError::NoSuchPart)?;
        if !scheme.fetches_key() {
            return Err(SecretError::Missing);
        }
        check_params(scheme, &options.params)?;
        Ok(Self::assemble(Arc::clone(scheme), Vec::new(), options))
    }

    /// Reads which key a request needs; `None` where the scheme's keys are not fetched.
    ///
    /// Nothing of the request is trusted by this: what comes back is what the profile allows a request to name. What
    /// could not verify with any key fails here already, so that it costs no fetching.
    ///
    /// # Errors
    /// [`ErrorKind::UntrustedKeyUrl`] for a URL beyond the profile's hosts, [`ErrorKind::UnknownKey`] for a token that
    /// names no key, and what [`verify`](Self::verify) finds missing or malformed in the signature.
    pub fn needed_key(&self, request: &Request<'_>) -> Result<Option<KeyReference>, VerifyError> {
        Verification::new(self, request, &[]).needed_key()
    }

    /// Verifies a request with the keys that were found for what [`needed_key`](Self::needed_key) asked.
    ///
    /// A key is written as the profile's key pipeline reads it. Where the keys come from a set or an API, a JSON Web
    /// Key (RFC 7517) will do as well; one that is for something else than the scheme's algorithm, by its `kty`,
    /// `crv`, `alg` or `use`, is left out. [`Verified::matched_secret`] counts in `keys`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownKey`] where none of the keys is one of the scheme's kind, also where there is none at all;
    /// otherwise as [`verify`](Self::verify).
    pub fn verify_with_keys<'r>(
        &self,
        request: &Request<'r>,
        now: Timestamp,
        keys: &[Secret],
    ) -> Result<Verified<'r>, VerifyError> {
        let keys: Vec<KeySet> =
            keys.iter().take(MAX_FETCHED_KEYS).map(|key| KeySet::of_fetched(&self.scheme, key)).collect();
        if keys.iter().all(KeySet::is_empty) {
            return Err(no_key());
        }
        Verification::new(self, request, &keys).run(now)
    }
}

impl Verification<'_, '_> {
    fn needed_key(&self) -> Result<Option<KeyReference>, VerifyError> {
        let (Some(rule), true) = (&self.scheme.signature, self.scheme.fetches_key()) else { return Ok(None) };
        extract::required(self.request, &self.scheme.required)?;
        let mut fields = extract::Fields::default();
        extract::fields(self.request, &self.document, rule, &mut fields)?;
        let certificate = self.certificate_url()?;
        let mut parsed = Parsed::default();
        extract::parse(self.verifier, rule, &fields, &mut parsed)?;
        let named = match self.scheme.algorithm() {
            Some(Algorithm::Jwt(algorithm)) => Some(token_key_id(algorithm, &parsed)?),
            _ => {
                self.decode(rule, &parsed, &mut Few::default())?;
                self.named_digest()?;
                None
            }
        };
        let published = |keys: &key_source::KeySet| match (keys, named) {
            (key_source::KeySet::Url(url), named) => Some(KeyReference::KeySet(KeyOfSet::new(url, named))),
            (key_source::KeySet::Api(api), named) => Some(KeyReference::Api(KeyOfApi::new(api, named?))),
        };
        Ok(match certificate {
            Some(certificate) => Some(KeyReference::Certificate(certificate)),
            None => self.scheme.key_set.as_ref().and_then(published),
        })
    }

    /// The URL of the certificate, where the scheme has the message name one.
    pub(super) fn certificate_url(&self) -> Result<Option<CertificateUrl>, VerifyError> {
        let Some(key_url) = &self.scheme.key_url else { return Ok(None) };
        let url = extract::text(self.request, &self.document, &key_url.source)?;
        if url.is_none() {
            let problem = "the URL of the key is needed";
            return Err(VerifyError::at(ErrorKind::MissingField, key_url.source.name(), problem));
        }
        super::key_url::check(key_url, url.as_deref()).map(Some)
    }
}

/// The id of the key that a token names (`kid`, RFC 7515 section 4.1.4).
fn token_key_id(algorithm: JwtAlgorithm, parsed: &Parsed<'_>) -> Result<String, VerifyError> {
    let text = parsed.candidates.nth(0).map_or(&[][..], |candidate| candidate.text);
    let token = Token::parse(text, algorithm)?;
    let usable = |id: &&str| {
        (1..=MAX_KEY_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    token.key_id().filter(usable).map(str::to_owned).ok_or_else(|| {
        VerifyError::at(ErrorKind::UnknownKey, "kid", "the token names the key that it is signed with")
    })
}

/// There is no key to verify with.
pub(super) fn no_key() -> VerifyError {
    VerifyError::new(ErrorKind::UnknownKey, "there is no key that the request could be signed with")
}
