//! Handshakes: requests by which a vendor checks an endpoint, and what a receiver answers to them.
//!
//! A profile says in `[[handshake]]` tables what such a request looks like and what is answered. [`Handshakes`] finds
//! the table that a request is for and makes the answer, from the request, the secrets and the parameters alone.
//!
//! Some answers are a MAC of what the request says, under the key that events are signed with. Whoever could choose
//! that text would have a signature for it, so a profile has to say what the text may look like, and it is never
//! anything that a signed content could be.

mod answer;
mod inputs;
mod pattern;
mod refusal;
mod rule;
mod template;

use std::fmt;
use std::sync::Arc;

pub use answer::{Action, Answer};
pub(crate) use pattern::Pattern;
pub use refusal::HandshakeRefusal;
pub(crate) use rule::{
    ActionKind, ActionRule, AnswerRule, Comparison, Expected, HandshakeRule, MacRule, Source, is_one_of,
};
pub(crate) use template::Template;

use crate::error::SecretError;
use crate::key::{Key, MacKey};
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::Algorithm;
use crate::secret::Secret;
use crate::verified::Verified;
pub(crate) use inputs::Inputs;

/// The handshakes of a profile with what their answers need, ready to answer.
///
/// Make one for each source and keep it. Ask it before verifying: most handshakes are not signed.
///
/// ```
/// use hookseal::{Handshakes, Params, Profile, Request, Secret};
///
/// let profile = Profile::builtin("x-twitter").expect("built in");
/// let handshakes = Handshakes::new(profile, &[Secret::new("consumer-secret-fake")], &Params::new())?;
///
/// let url = "https://app.example/hooks?crc_token=uzwcfYtzr9";
/// let request = Request { method: "GET", url, headers: &[("accept", "*/*")], body: b"" };
/// let answer = handshakes.respond(&request, |_| None).expect("it is a handshake")?;
/// assert_eq!(answer.status, 200);
/// assert!(answer.body.starts_with(br#"{"response_token":"sha256="#));
///
/// let event = Request { method: "POST", url: "https://app.example/hooks", headers: &[("a", "b")], body: b"{}" };
/// assert!(handshakes.respond(&event, |_| None).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Handshakes {
    rules: Arc<[HandshakeRule]>,
    /// By rule, the key of each secret; empty where a rule computes nothing.
    keys: Vec<Vec<MacKey>>,
    secrets: Vec<Secret>,
    params: Params,
}

/// A handshake that a request is, still to be answered.
pub struct Handshake<'h> {
    rule: &'h HandshakeRule,
    keys: &'h [MacKey],
    all: &'h Handshakes,
}

/// What is known of who sent a request.
#[derive(Clone, Copy)]
pub(crate) enum Sender {
    /// Nothing.
    Anybody,
    /// Whoever has the secret at this place.
    Verified(usize),
}

impl Handshakes {
    /// Prepares the handshakes of a profile. Without a secret the subscription is taken as *pending*: only then is a
    /// handshake answered that brings the secret.
    ///
    /// # Errors
    /// A secret that an answer is computed with is empty or cannot be decoded.
    pub fn new(profile: &Profile, secrets: &[Secret], params: &Params) -> Result<Self, SecretError> {
        let rules = Arc::clone(profile.handshake_rules());
        let keys = rules.iter().map(|rule| prepare_keys(rule, secrets)).collect::<Result<_, _>>()?;
        Ok(Self { rules, keys, secrets: secrets.to_vec(), params: params.clone() })
    }

    /// Whether the profile has no handshake at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether one of them brings the secret, so that a receiver without one can start.
    pub fn bring_secret(&self) -> bool {
        let brings = |rule: &HandshakeRule| {
            let action = rule.action.as_ref().map(|action| &action.kind);
            matches!(action, Some(ActionKind::Store | ActionKind::Confirm))
        };
        self.rules.iter().any(brings)
    }

    /// The handshake that a request is, or nothing where it is an event or something else. Says nothing of whether
    /// the request is genuine.
    ///
    /// ```
    /// use hookseal::{Handshakes, Params, Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
    ///
    /// let profile = Profile::builtin("slack").expect("built in");
    /// let secrets = [Secret::new("signing-secret-fake")];
    /// let handshakes = Handshakes::new(profile, &secrets, &Params::new())?;
    /// let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default())?;
    ///
    /// let body = br#"{"challenge":"3eZbrw1aBm2rZg","type":"url_verification"}"#;
    /// let headers = [("x-slack-signature", "v0=00"), ("x-slack-request-timestamp", "1750000000")];
    /// let request = Request { method: "POST", url: "/slack", headers: &headers, body };
    ///
    /// let handshake = handshakes.find(&request).expect("it is a handshake");
    /// assert_eq!(handshake.signed_by(), Some(Part::Delivery));
    /// let verified = verifier.verify(&request, Timestamp::from_unix_seconds(1_750_000_000)).ok();
    /// // Nobody signed this, so it gets no answer.
    /// assert_eq!(handshake.answer(&request, verified.as_ref()).unwrap_err().status(), 401);
    /// # Ok::<(), hookseal::SecretError>(())
    /// ```
    pub fn find(&self, request: &Request<'_>) -> Option<Handshake<'_>> {
        let inputs = Inputs::new(request);
        let (index, rule) = self.rules.iter().enumerate().find(|(_, rule)| rule.matches(&inputs))?;
        Some(Handshake { rule, keys: &self.keys[index], all: self })
    }

    /// Answers a request if it is a handshake. `verify` is called where the handshake has to be signed, with the part
    /// of the profile that signs it, and gives nothing where that request does not verify.
    ///
    /// This is [`find`](Self::find) and [`Handshake::answer`] in one, for receivers that have their keys at hand.
    pub fn respond<'r>(
        &self,
        request: &Request<'r>,
        verify: impl FnOnce(Part) -> Option<Verified<'r>>,
    ) -> Option<Result<Answer, HandshakeRefusal>> {
        let handshake = self.find(request)?;
        let verified = handshake.signed_by().and_then(verify);
        Some(handshake.answer(request, verified.as_ref()))
    }
}

impl Handshake<'_> {
    /// Its name in the profile.
    pub fn name(&self) -> &str {
        &self.rule.name
    }

    /// The part of the profile that the request has to verify by before it is answered; nothing where the vendor
    /// does not sign it.
    pub fn signed_by(&self) -> Option<Part> {
        self.rule.signed_by
    }

    /// The answer to `request`, which is the one that was found. Where it has to be signed, `verified` is the proof.
    ///
    /// # Errors
    /// Why it is refused. Tell the sender no more than [`HandshakeRefusal::status`].
    pub fn answer(
        &self,
        request: &Request<'_>,
        verified: Option<&Verified<'_>>,
    ) -> Result<Answer, HandshakeRefusal> {
        // A witness of another request proves nothing of this one.
        let own = verified.filter(|verified| verified.body() == request.body);
        self.answer_to(request, own.map_or(Sender::Anybody, |own| Sender::Verified(own.matched_secret())))
    }

    /// The answer to a request from `sender`.
    pub(crate) fn answer_to(
        &self,
        request: &Request<'_>,
        sender: Sender,
    ) -> Result<Answer, HandshakeRefusal> {
        if self.rule.signed_by.is_some() && matches!(sender, Sender::Anybody) {
            return Err(HandshakeRefusal::NotVerified);
        }
        if self.rule.pending && !self.all.secrets.is_empty() {
            return Err(HandshakeRefusal::NotPending);
        }
        let inputs = Inputs::new(request);
        self.rule.check_patterns(&inputs)?;
        self.rule.check_comparisons(&inputs, &self.all.secrets, &self.all.params)?;
        let mac = self.mac(&inputs, sender)?;
        let filling = template::Filling { inputs: &inputs, params: &self.all.params, mac: mac.as_deref() };
        let mut answer = self.rule.answer.write(&filling)?;
        answer.action = self.rule.action.as_ref().map(|action| action.take(&inputs)).transpose()?;
        Ok(answer)
    }

    /// The parameters that values of this request are compared with and that are not configured, with the values that
    /// the request has for them.
    #[cfg(feature = "vectors")]
    pub(crate) fn unconfigured(&self, request: &Request<'_>) -> Vec<(String, String)> {
        let inputs = Inputs::new(request);
        let all = self.all;
        let missing = |comparison: &Comparison| {
            let name = comparison.missing_param(&all.secrets, &all.params)?;
            Some((name.to_owned(), inputs.text(&comparison.source).ok()?))
        };
        self.rule.comparisons.iter().filter_map(missing).collect()
    }

    /// The MAC that the answer holds, under the secret that the request was signed with, or else the newest.
    fn mac(&self, inputs: &Inputs<'_>, sender: Sender) -> Result<Option<String>, HandshakeRefusal> {
        let Some(rule) = &self.rule.mac else { return Ok(None) };
        let matched = match sender {
            Sender::Anybody => 0,
            Sender::Verified(secret) => secret,
        };
        let key = self.keys.get(matched).or(self.keys.first());
        let key = key.ok_or_else(|| HandshakeRefusal::Unconfigured { name: "the secret".to_owned() })?;
        let mut running = key.start();
        running.update(inputs.text(&rule.of)?.as_bytes());
        let mut text = String::new();
        rule.encoding.encode(running.finish().as_bytes(), &mut text);
        Ok(Some(text))
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").field("names", &Names(&self.rules)).finish_non_exhaustive()
    }
}

impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("name", &self.rule.name).finish_non_exhaustive()
    }
}

struct Names<'n>(&'n [HandshakeRule]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|rule| &rule.name)).finish()
    }
}

fn prepare_keys(rule: &HandshakeRule, secrets: &[Secret]) -> Result<Vec<MacKey>, SecretError> {
    let Some(mac) = &rule.mac else { return Ok(Vec::new()) };
    let mut keys = Vec::with_capacity(secrets.len());
    for (index, secret) in secrets.iter().enumerate() {
        if let Key::Mac(key) = Key::prepare(Algorithm::Hmac(mac.digest), &mac.key, secret, index)? {
            keys.push(key);
        }
    }
    Ok(keys)
}
