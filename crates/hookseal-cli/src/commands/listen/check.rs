//! What a request is: a handshake, an event that verifies, or neither.

use hookseal::{
    Answer, Handshake, Handshakes, Part, Request, Secret, SecretError, Verified, Verifier, VerifyError,
    VerifyOptions,
};
use hookseal_engine::ports::Clock;

use super::{forward::Forward, report::Outcome};
use crate::{commands::proof::Proof, inputs::Chosen, ports::SystemClock};

/// How requests are judged.
pub(crate) struct Checker {
    /// The profile and its scheme.
    pub(crate) chosen: Chosen,
    /// How many secrets there are.
    pub(crate) secrets: usize,
    /// The only path that is answered, if it is one alone.
    pub(crate) path: Option<String>,
    /// Where events are sent on to.
    pub(crate) forward: Option<Forward>,
    /// Absent while a handshake is still to bring the secret.
    verifier: Option<Verifier>,
    /// For the part of the profile that was not chosen, where a handshake is signed by it.
    other: Option<(Part, Verifier)>,
    handshakes: Handshakes,
}

impl Checker {
    /// A checker that answers every path and forwards nothing.
    ///
    /// # Errors
    ///
    /// A secret or a parameter that is not right. No secret is right where a handshake of the profile brings it.
    pub(crate) fn new(
        chosen: Chosen,
        secrets: &[Secret],
        options: &VerifyOptions,
    ) -> Result<Self, SecretError> {
        let Chosen { profile, part } = &chosen;
        let handshakes = Handshakes::new(profile, secrets, &options.params)?;
        let verifier = match Verifier::new(profile, *part, secrets, options.clone()) {
            Err(SecretError::Missing) if handshakes.bring_secret() => None,
            verifier => Some(verifier?),
        };
        let other = match part {
            Part::Delivery => Part::Challenge,
            Part::Challenge => Part::Delivery,
        };
        let other = match profile.part(other) {
            Some(_) => Some((other, Verifier::new(profile, other, secrets, options.clone())?)),
            None => None,
        };
        let secrets = secrets.len();
        Ok(Self { chosen, secrets, path: None, forward: None, verifier, other, handshakes })
    }

    pub(super) fn answers(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|own| own == path)
    }

    /// What a request is, and the answer where that is the vendor's matter.
    pub(super) fn check(&self, request: &Request<'_>) -> (Outcome, Option<Answer>) {
        match self.handshakes.find(request) {
            Some(handshake) => self.greet(&handshake, request),
            None => (self.judge(request), None),
        }
    }

    fn greet(&self, handshake: &Handshake<'_>, request: &Request<'_>) -> (Outcome, Option<Answer>) {
        let name = handshake.name().to_owned();
        let verified = match handshake.signed_by().map(|part| self.verify(part, request)) {
            None => None,
            Some(Some(Ok(verified))) => Some(verified),
            Some(Some(Err(error))) => return (Outcome::Refused(error), None),
            Some(None) => return (Outcome::NoSecret, None),
        };
        match handshake.answer(request, verified.as_ref()) {
            Ok(answer) => (Outcome::Handshake { name, action: answer.action.clone() }, Some(answer)),
            Err(refusal) => (Outcome::HandshakeRefused { name, refusal }, None),
        }
    }

    fn judge(&self, request: &Request<'_>) -> Outcome {
        match self.verify(self.chosen.part, request) {
            None => Outcome::NoSecret,
            Some(Ok(verified)) => Outcome::Verified(Proof::new(&self.chosen, &verified)),
            Some(Err(error)) => Outcome::Refused(error),
        }
    }

    fn verify<'r>(&self, part: Part, request: &Request<'r>) -> Option<Result<Verified<'r>, VerifyError>> {
        let verifier = match &self.other {
            Some((other, verifier)) if *other == part => Some(verifier),
            _ => self.verifier.as_ref(),
        };
        Some(verifier?.verify(request, SystemClock.now()))
    }
}
