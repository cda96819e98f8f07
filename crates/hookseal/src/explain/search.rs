//! The search: single differences first, then pairs that people really make, until one makes the signature right or
//! the budget is used up.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::finding::{Effort, Finding};
use super::question::Question;
use super::trial::{Change, Edit, FIXED_COST, Held, Trial};
use super::{Code, address, body, content, form, header, key, other_profile};
use crate::scheme::Scheme;
use crate::verifier::Mode;

/// One search.
pub(super) struct Search<'q> {
    question: &'q Question<'q>,
    scheme: &'q Arc<Scheme>,
    left: u64,
    effort: Effort,
}

/// What ends a search: the request verifies, with these findings.
type Found = (Held, Vec<Finding>);

impl<'q> Search<'q> {
    pub(super) fn new(question: &'q Question<'q>, scheme: &'q Arc<Scheme>) -> Self {
        Self { question, scheme, left: question.budget, effort: Effort::default() }
    }

    pub(super) fn effort(&self) -> Effort {
        self.effort
    }

    /// The first difference, or pair of them, with which the signature is right; none at all where it is the clock
    /// alone.
    pub(super) fn run(&mut self) -> Option<Found> {
        match self.all() {
            ControlFlow::Break(found) => found,
            ControlFlow::Continue(()) => None,
        }
    }

    fn all(&mut self) -> ControlFlow<Option<Found>> {
        // Nothing changed, but for the age of the timestamp.
        self.attempt(&[])?;
        self.effort = Effort { trials: 0, ..self.effort };
        let keys = key::changes(self.question, self.scheme);
        let contents = content::changes(self.question, self.scheme);
        let headers = header::changes(self.question, self.scheme);
        let forms = form::changes(self.question, self.scheme);
        let addresses = address::changes(self.question, self.scheme);
        let profiles = other_profile::changes(self.question, self.scheme);

        let mode: Vec<Change> = compat_mode(self.question).into_iter().collect();
        for changes in [&forms, &mode, &keys] {
            self.each(changes)?;
        }
        self.bodies(&[])?;
        for changes in [&contents, &addresses, &headers] {
            self.each(changes)?;
        }
        self.profiles(&profiles)?;

        for (firsts, seconds) in [(&contents, &keys), (&forms, &keys), (&headers, &keys), (&addresses, &keys)]
        {
            self.pairs(firsts, seconds)?;
        }
        for firsts in [&keys, &forms, &headers, &contents, &addresses] {
            self.bodies(firsts)?;
        }
        for (firsts, seconds) in [(&forms, &contents), (&headers, &forms), (&profiles, &keys)] {
            self.pairs(firsts, seconds)?;
        }
        ControlFlow::Continue(())
    }

    /// Tries each alone.
    fn each<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>) -> ControlFlow<Option<Found>> {
        changes.into_iter().try_for_each(|change| self.attempt(&[change]))
    }

    /// Tries each of the first with each of the second.
    fn pairs(&mut self, firsts: &[Change], seconds: &[Change]) -> ControlFlow<Option<Found>> {
        for first in firsts {
            for second in seconds {
                self.attempt(&[first, second])?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Tries each other body, alone or with each of the others. Bodies are long, so one at a time is made.
    fn bodies(&mut self, others: &[Change]) -> ControlFlow<Option<Found>> {
        body::each(self.question.request.body, &mut |body| {
            let rewritten = body.length();
            if rewritten + FIXED_COST > self.left {
                self.effort.cut = true;
                return ControlFlow::Break(None);
            }
            self.spend(rewritten);
            match others {
                [] => self.attempt(&[&body]),
                others => others.iter().try_for_each(|other| self.attempt(&[&body, other])),
            }
        })
    }

    /// Tries the other profiles, and names every one that holds: many write the same bytes.
    fn profiles(&mut self, profiles: &[Change]) -> ControlFlow<Option<Found>> {
        let mut held = None;
        let mut findings = Vec::new();
        for change in profiles {
            if let Some(found) = self.holds(&[change])? {
                held = Some(found);
                findings.extend(change.findings.iter().cloned());
            }
        }
        match held {
            Some(held) => ControlFlow::Break(Some((held, other_profile::merge(findings)))),
            None => ControlFlow::Continue(()),
        }
    }

    fn attempt(&mut self, changes: &[&Change]) -> ControlFlow<Option<Found>> {
        match self.holds(changes)? {
            None => ControlFlow::Continue(()),
            Some(held) => {
                let findings = changes.iter().flat_map(|change| change.findings.iter().cloned()).collect();
                ControlFlow::Break(Some((held, findings)))
            }
        }
    }

    fn holds(&mut self, changes: &[&Change]) -> ControlFlow<Option<Found>, Option<Held>> {
        let trial = Trial::new(self.question, self.scheme, changes);
        let Some((cost, held)) = trial.run(self.left) else {
            self.effort.cut = true;
            return match self.left < FIXED_COST {
                true => ControlFlow::Break(None),
                // Others may cost less.
                false => ControlFlow::Continue(None),
            };
        };
        self.spend(cost);
        self.effort.trials += 1;
        ControlFlow::Continue(held)
    }

    fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
        self.effort.bytes += bytes;
    }
}

fn compat_mode(question: &Question<'_>) -> Option<Change> {
    (question.options.mode == Mode::Strict).then(|| {
        let sentence = "The request deviates from the vendor's document in a way that the profile takes in compat mode: letter case, spaces, padding of base64, or another reading of the body. Verify with mode `compat`, or have the sender follow the document.";
        Change::one(Finding::new(Code::CompatMode, sentence), Edit::Mode(Mode::Compat))
    })
}
