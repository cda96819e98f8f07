//! Why a received request did not verify, for the person who listens.

use hookseal::{
    Part, Profile, Secret, VerifyOptions,
    explain::{Explanation, explain},
};
use std::sync::Arc;

use super::{
    receiver::Lines,
    report::{Outcome, Report},
};
use crate::inputs::Chosen;

/// Looks for the reasons of refusals. That takes many times what a verification does, so it is for the side that prints
/// and not for the one that answers.
pub(super) struct Explainer {
    profile: Arc<Profile>,
    part: Part,
    secrets: Vec<Secret>,
    options: VerifyOptions,
}

impl Explainer {
    /// Nothing where there are no secrets: keys that are fetched come and go, and nothing can be tried with them.
    pub(super) fn new(chosen: &Chosen, secrets: Vec<Secret>, options: VerifyOptions) -> Option<Self> {
        let profile = Arc::clone(&chosen.profile);
        (!secrets.is_empty()).then_some(Self { profile, part: chosen.part, secrets, options })
    }

    /// The reason of a refusal; none for what was not refused by the scheme that is explained.
    pub(super) fn explain(&self, report: &Report) -> Option<Explanation> {
        let Outcome::Refused(error) = &report.outcome else { return None };
        let request = hookseal::Request {
            method: report.method.as_str(),
            url: &report.path,
            headers: &Lines(&report.headers),
            body: &report.body,
        };
        let explanation =
            explain(&self.profile, self.part, &self.secrets, &self.options, &request, report.received);
        // A handshake may be signed by the other scheme of the profile.
        (explanation.outcome().error_kind() == Some(error.kind())).then_some(explanation)
    }
}
