//! Trying layouts: a walk over contents that hashes what they have in common once.

use super::stages::{Family, GAPS, Pool, Stage};
use super::values::{Atom, Rank};
use crate::key::RunningMac;

/// Most values of which three are signed in place of the body: the cube of it counts.
const MAX_PARTS: usize = 24;

/// How much may be tried, and how much was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) layouts: u64,
    pub(super) bytes: u64,
    pub(super) tried: u64,
    pub(super) hashed: u64,
}

/// A content whose digest is one of those that were looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hit {
    /// The version before the values, with what separates it from them.
    pub(super) version: Option<String>,
    pub(super) steps: Vec<Step>,
    /// Which of the targets it is.
    pub(super) target: usize,
}

/// A value, and what stands before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) gap: usize,
    pub(super) atom: usize,
}

/// The walk of one stage with one key.
pub(super) struct Walk<'w> {
    stage: Stage,
    atoms: &'w [Atom],
    pool: Vec<usize>,
    targets: &'w [&'w [u8]],
    budget: &'w mut Budget,
    version: Option<(&'w str, usize)>,
    steps: Vec<Step>,
    hits: Vec<Hit>,
}

impl Budget {
    pub(super) fn is_spent(&self) -> bool {
        self.tried >= self.layouts || self.hashed >= self.bytes
    }
}

impl<'w> Walk<'w> {
    pub(super) fn new(
        stage: Stage,
        atoms: &'w [Atom],
        targets: &'w [&'w [u8]],
        budget: &'w mut Budget,
    ) -> Self {
        let takes_part = |atom: &Atom| match stage.pool {
            Pool::Core => atom.rank == Rank::Core,
            Pool::All if stage.is_large() && atom.covers_body() => atom.is_common_body(),
            Pool::All => atom.rank <= Rank::Other,
            Pool::Parts => !atom.covers_body(),
        };
        let mut pool: Vec<usize> = (0..atoms.len()).filter(|index| takes_part(&atoms[*index])).collect();
        if stage.pool == Pool::Parts && stage.values > 2 {
            pool.truncate(MAX_PARTS);
        }
        Self { stage, atoms, pool, targets, budget, version: None, steps: Vec::new(), hits: Vec::new() }
    }

    /// Tries every layout of the stage that begins in the state `start`.
    pub(super) fn run(mut self, start: &RunningMac, versions: &'w [String]) -> Vec<Hit> {
        if !self.stage.version {
            self.extend(start);
            return self.hits;
        }
        for version in versions {
            for (index, gap) in GAPS.iter().enumerate() {
                let mut mac = start.clone();
                mac.update(version.as_bytes());
                mac.update(gap.as_bytes());
                self.version = Some((version, index));
                self.extend(&mac);
            }
        }
        self.hits
    }

    /// Tries every value next.
    fn extend(&mut self, mac: &RunningMac) {
        for position in 0..self.pool.len() {
            let atom = self.pool[position];
            if self.may_follow(atom) {
                self.extend_with(atom, mac);
            }
        }
    }

    fn extend_with(&mut self, atom: usize, mac: &RunningMac) {
        let atoms = self.atoms;
        let last = self.steps.last().map_or(0, |step| step.gap);
        for gap in self.stage.gaps(self.version.map(|(_, gap)| gap), self.steps.len(), last) {
            if self.budget.is_spent() {
                return;
            }
            let text = &atoms[atom].text;
            let mut longer = mac.clone();
            if gap > 0 {
                longer.update(GAPS[gap].as_bytes());
            }
            longer.update(text);
            self.budget.hashed += text.len() as u64;
            self.steps.push(Step { gap, atom });
            match self.steps.len() == self.stage.values {
                true => self.compare(longer),
                false => self.extend(&longer),
            }
            self.steps.pop();
        }
    }

    /// Whether a value may stand next: each stands once, the body in one form, and what has to be there still fits.
    fn may_follow(&self, atom: usize) -> bool {
        let atoms = self.atoms;
        let has = |is: fn(&Atom) -> bool| self.steps.iter().any(|step| is(&atoms[step.atom]));
        let candidate = &atoms[atom];
        let needs_body = self.stage.pool != Pool::Parts && !has(Atom::covers_body);
        let needs_secret = self.stage.family == Family::Hash && !has(Atom::is_secret);
        let needed = usize::from(needs_body) + usize::from(needs_secret);
        let is_needed = needs_body && candidate.covers_body() || needs_secret && candidate.is_secret();
        let repeats = self.steps.iter().any(|step| step.atom == atom)
            || candidate.covers_body() && has(Atom::covers_body);
        !repeats && (is_needed || self.stage.values - self.steps.len() > needed)
    }

    fn compare(&mut self, mac: RunningMac) {
        let narrow = |step: &Step| self.atoms[step.atom].rank == Rank::Core;
        if self.stage.is_wider() && self.steps.iter().all(narrow) {
            return;
        }
        self.budget.tried += 1;
        let tag = mac.finish();
        for (target, digest) in self.targets.iter().enumerate() {
            if tag.matches(digest).into() {
                let version = self.version.map(|(version, gap)| format!("{version}{}", GAPS[gap]));
                self.hits.push(Hit { version, steps: self.steps.clone(), target });
            }
        }
    }
}
