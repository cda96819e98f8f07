//! What a request is: a handshake, an event that verifies, or neither.

use hookseal::{Answer, Handshake, Handshakes, Part, Request, Secret, SecretError, Verified, VerifyOptions};
use hookseal_engine::ports::Clock;

use super::{forward::Forward, report::Outcome};
use crate::{
    cli::FetchArgs,
    commands::{
        judge::{Judge, JudgeError, Refusal},
        proof::Proof,
    },
    inputs::Chosen,
    output::Chain,
    ports::SystemClock,
};

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
    judge: Option<Judge>,
    /// For the part of the profile that was not chosen, where a handshake is signed by it.
    other: Option<(Part, Judge)>,
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
        fetch: &FetchArgs,
    ) -> Result<Self, JudgeError> {
        let Chosen { profile, part } = &chosen;
        let judge = |part| Judge::new(profile, part, secrets, options.clone(), fetch);
        let handshakes = Handshakes::new(profile, secrets, &options.params)?;
        let own = match judge(*part) {
            Err(JudgeError::Secret(SecretError::Missing)) if handshakes.bring_secret() => None,
            own => Some(own?),
        };
        let other = match part {
            Part::Delivery => Part::Challenge,
            Part::Challenge => Part::Delivery,
        };
        let other = match profile.part(other) {
            Some(_) => Some((other, judge(other)?)),
            None => None,
        };
        let secrets = secrets.len();
        Ok(Self { chosen, secrets, path: None, forward: None, judge: own, other, handshakes })
    }

    pub(super) fn answers(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|own| own == path)
    }

    /// What a request is, and the answer where that is the vendor's matter. `request` makes the request whenever it is
    /// looked at, as it is not one that may wait for a key to be fetched.
    pub(super) async fn check<'r>(
        &self,
        request: &(impl Fn() -> Request<'r> + Sync),
    ) -> (Outcome, Option<Answer>) {
        let handshake = self.handshakes.find(&request());
        match handshake {
            Some(handshake) => self.greet(&handshake, request).await,
            None => (self.judge(request).await, None),
        }
    }

    async fn greet<'r>(
        &self,
        handshake: &Handshake<'_>,
        request: &(impl Fn() -> Request<'r> + Sync),
    ) -> (Outcome, Option<Answer>) {
        let name = handshake.name().to_owned();
        let verified = match handshake.signed_by() {
            None => None,
            Some(part) => match self.verify(part, request).await {
                Ok(verified) => Some(verified),
                Err(outcome) => return (outcome, None),
            },
        };
        match handshake.answer(&request(), verified.as_ref()) {
            Ok(answer) => (Outcome::Handshake { name, action: answer.action.clone() }, Some(answer)),
            Err(refusal) => (Outcome::HandshakeRefused { name, refusal }, None),
        }
    }

    async fn judge<'r>(&self, request: &(impl Fn() -> Request<'r> + Sync)) -> Outcome {
        match self.verify(self.chosen.part, request).await {
            Ok(verified) => Outcome::Verified(Proof::new(&self.chosen, &verified)),
            Err(outcome) => outcome,
        }
    }

    async fn verify<'r>(
        &self,
        part: Part,
        request: &(impl Fn() -> Request<'r> + Sync),
    ) -> Result<Verified<'r>, Outcome> {
        let judge = match &self.other {
            Some((other, judge)) if *other == part => Some(judge),
            _ => self.judge.as_ref(),
        };
        let verified = judge.ok_or(Outcome::NoSecret)?.verify(request, SystemClock.now()).await;
        verified.map_err(|refusal| match refusal {
            Refusal::Verdict(error) => Outcome::Refused(error),
            Refusal::NoKey(needed) => Outcome::NoKey(Chain(&needed).to_string()),
        })
    }
}
