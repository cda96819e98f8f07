//! What is to be explained.

use std::sync::Arc;

use super::finding::{Effort, Explanation, Outcome};
use super::search::Search;
use super::{clock, observe};
use crate::error::{ErrorKind, SecretError};
use crate::limits::EXPLAIN_BUDGET_BYTES;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::Scheme;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verifier::{Inspection, Verifier, VerifyOptions};

/// A request, and what it was to be verified with.
///
/// [`explain`](super::explain) is the short way; this one takes secrets that are not active as well, and the budget.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Question<'q> {
    /// The profile that the request should follow.
    pub profile: &'q Profile,
    /// Which of its schemes.
    pub part: Part,
    /// The active secrets.
    pub secrets: &'q [Secret],
    /// Secrets that should not match, such as those of other endpoints or expired ones. One that does is named.
    pub other_secrets: &'q [Secret],
    /// The choices of the receiver.
    pub options: &'q VerifyOptions,
    /// The request.
    pub request: Request<'q>,
    /// The time of verification.
    pub now: Timestamp,
    /// Bytes that may be hashed or rewritten.
    pub budget: u64,
}

impl<'q> Question<'q> {
    /// A question without other secrets, and with a budget of [`EXPLAIN_BUDGET_BYTES`].
    pub fn new(
        profile: &'q Profile,
        part: Part,
        secrets: &'q [Secret],
        options: &'q VerifyOptions,
        request: &Request<'q>,
        now: Timestamp,
    ) -> Self {
        let budget = EXPLAIN_BUDGET_BYTES;
        Self { profile, part, secrets, other_secrets: &[], options, request: *request, now, budget }
    }

    /// This question with secrets that should not match, and are tried all the same.
    #[must_use]
    pub fn with_other_secrets(self, other_secrets: &'q [Secret]) -> Self {
        Self { other_secrets, ..self }
    }

    /// This question with a budget, in bytes that may be hashed or rewritten.
    #[must_use]
    pub fn with_budget(self, budget: u64) -> Self {
        Self { budget, ..self }
    }

    /// Looks for the reason.
    pub fn explain(&self) -> Explanation {
        let Some(scheme) = self.profile.part(self.part) else {
            let outcome = Outcome::Unusable(SecretError::NoSuchPart);
            return Explanation { outcome, findings: Vec::new(), effort: Effort::default() };
        };
        let outcome = self.outcome();
        match outcome.error_kind() {
            None => Explanation { outcome, findings: Vec::new(), effort: Effort::default() },
            Some(kind) => self.explain_failure(scheme, outcome, kind),
        }
    }

    /// What the verification reads out of the request, as far as it can.
    pub(super) fn inspect(&self, scheme: &Arc<Scheme>) -> Option<Inspection> {
        let (mode, params) = (self.options.mode, self.options.params.clone());
        Verifier::without_keys(Arc::clone(scheme), mode, params).inspect(&self.request).ok()
    }

    fn outcome(&self) -> Outcome {
        match Verifier::new(self.profile, self.part, self.secrets, self.options.clone()) {
            Err(error) => Outcome::Unusable(error),
            Ok(verifier) => match verifier.verify(&self.request, self.now) {
                Ok(_) => Outcome::Valid,
                Err(error) => Outcome::Invalid(error),
            },
        }
    }

    fn explain_failure(&self, scheme: &Arc<Scheme>, outcome: Outcome, kind: ErrorKind) -> Explanation {
        let mut search = Search::new(self, scheme);
        let mut findings = Vec::new();
        if let Some((held, proven)) = search.run() {
            findings.extend(proven.into_iter().map(super::Finding::proven));
            let late = clock::judge(self, scheme, held.timestamp);
            findings.extend(late.into_iter().map(super::Finding::proven));
        }
        if findings.is_empty() {
            findings = observe::failure(self, scheme, &outcome, kind);
        }
        Explanation { outcome, findings, effort: search.effort() }
    }
}
