//! The search: single differences first, then pairs that people really make, until one makes the signature right or
//! the budget is used up.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::body::Which;
use super::finding::{Effort, Finding};
use super::question::Question;
use super::trial::{Change, Edit, Held, Trial};
use super::{Code, address, body, content, cost, form, header, key, other_profile};
use crate::scheme::Scheme;
use crate::verifier::Mode;

/// One search.
pub(super) struct Search<'q> {
    question: &'q Question<'q>,
    scheme: &'q Arc<Scheme>,
    left: u64,
    /// What of it is kept for later.
    reserve: u64,
    effort: Effort,
}

/// What ends a search: the request verifies, with these findings.
type Found = (Held, Vec<Finding>);

impl<'q> Search<'q> {
    pub(super) fn new(question: &'q Question<'q>, scheme: &'q Arc<Scheme>) -> Self {
        Self { question, scheme, left: question.budget, reserve: 0, effort: Effort::default() }
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
        self.bodies(Which::Likely, &[])?;
        // There may be so many headers, secrets, and ways to write a long body that each gets a share.
        self.within(4, |search| search.each(&forms))?;
        self.within(3, |search| search.each(&keys))?;
        self.within(2, |search| search.bodies(Which::Further, &[]))?;
        for changes in [&mode, &contents, &addresses, &headers] {
            self.each(changes)?;
        }
        self.profiles(&profiles)?;

        for (firsts, seconds) in [(&contents, &keys), (&forms, &keys), (&headers, &keys), (&addresses, &keys)]
        {
            self.pairs(firsts, seconds)?;
        }
        for firsts in [&keys, &forms, &headers, &contents, &addresses] {
            if !firsts.is_empty() {
                self.bodies(Which::All, firsts)?;
            }
        }
        for (firsts, seconds) in [(&forms, &contents), (&headers, &forms), (&profiles, &keys)] {
            self.pairs(firsts, seconds)?;
        }
        ControlFlow::Continue(())
    }

    /// A part of the search that may use up one in `share` of what is left. Where it does, the search goes on after it.
    fn within(
        &mut self,
        share: u64,
        part: impl FnOnce(&mut Self) -> ControlFlow<Option<Found>>,
    ) -> ControlFlow<Option<Found>> {
        self.reserve = self.left - self.left / share;
        let found = part(self);
        self.reserve = 0;
        match found {
            ControlFlow::Break(None) => ControlFlow::Continue(()),
            found => found,
        }
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

    /// Tries other bodies, alone or with each of the others. Bodies are long, so one at a time is made.
    fn bodies(&mut self, which: Which, others: &[Change]) -> ControlFlow<Option<Found>> {
        body::each(self.question.request.body, which, &mut Bodies { search: self, others })
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
        let Some((cost, held)) = trial.run(self.available()) else {
            self.effort.cut = true;
            self.spend(cost::FIXED);
            return match self.available() < cost::FIXED {
                true => ControlFlow::Break(None),
                // Others may cost less.
                false => ControlFlow::Continue(None),
            };
        };
        self.spend(cost);
        self.effort.trials += 1;
        ControlFlow::Continue(held)
    }

    /// What may be spent now.
    fn available(&self) -> u64 {
        self.left.saturating_sub(self.reserve)
    }

    fn spend(&mut self, cost: u64) {
        let cost = cost.min(self.left);
        self.left -= cost;
        self.effort.bytes += cost;
    }
}

/// Tries other bodies, each with all of these.
struct Bodies<'b, 'q> {
    search: &'b mut Search<'q>,
    others: &'b [Change],
}

impl body::Visitor<Option<Found>> for Bodies<'_, '_> {
    fn pay(&mut self, cost: u64) -> ControlFlow<Option<Found>> {
        let cut = cost > self.search.available();
        self.search.spend(cost.min(self.search.available()));
        self.search.effort.cut |= cut;
        if cut { ControlFlow::Break(None) } else { ControlFlow::Continue(()) }
    }

    fn visit(&mut self, body: Change) -> ControlFlow<Option<Found>> {
        match self.others {
            [] => self.search.attempt(&[&body]),
            others => others.iter().try_for_each(|other| self.search.attempt(&[&body, other])),
        }
    }
}

fn compat_mode(question: &Question<'_>) -> Option<Change> {
    (question.options.mode == Mode::Strict).then(|| {
        let sentence = "The request deviates from the vendor's document in a way that the profile takes \
            in compat mode: letter case, spaces, padding of base64, or another reading of the body. \
            Verify with mode `compat`, or have the sender follow the document.";
        Change::one(Finding::new(Code::CompatMode, sentence), Edit::Mode(Mode::Compat))
    })
}
