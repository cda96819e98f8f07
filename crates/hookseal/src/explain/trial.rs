//! Trying a difference: the request, the secret or the scheme is changed, and verified again.

use std::sync::Arc;

use super::question::Question;
use super::{Finding, cost};
use crate::key::KeyStep;
use crate::params::Params;
use crate::request::{Headers, Request};
use crate::scheme::{Algorithm, AlgorithmRule, Piece, Scheme, TimestampFormat};
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verifier::{Mode, Verifier};

/// A difference, and what has to be changed for a request that has it to verify.
pub(super) struct Change {
    pub(super) findings: Vec<Finding>,
    pub(super) edits: Vec<Edit>,
}

/// A change to one of the things that a verification takes.
pub(super) enum Edit {
    Mode(Mode),
    Body(Vec<u8>),
    /// This secret in place of all, with these steps in place of the profile's.
    Key {
        secret: Secret,
        steps: Vec<KeyStep>,
    },
    Content(Vec<Piece>),
    Algorithm(Algorithm),
    TimestampFormat(TimestampFormat),
    /// This one line in place of those of the header.
    Header {
        name: String,
        value: Vec<u8>,
    },
    Url(String),
    Method(String),
    /// The scheme of another profile.
    Scheme(Arc<Scheme>),
}

/// A request whose signature is right.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The timestamp that was signed.
    pub(super) timestamp: Option<Timestamp>,
}

/// A verification with its changes made.
pub(super) struct Trial<'t> {
    scheme: Arc<Scheme>,
    secrets: Vec<Secret>,
    mode: Mode,
    params: Params,
    method: &'t str,
    url: &'t str,
    headers: Overlay<'t>,
    body: &'t [u8],
    now: Timestamp,
}

/// Header lines of which some are replaced.
struct Overlay<'o> {
    base: &'o dyn Headers,
    lines: Vec<(&'o str, &'o [u8])>,
}

impl Change {
    pub(super) fn one(finding: Finding, edit: Edit) -> Self {
        Self { findings: vec![finding], edits: vec![edit] }
    }
}

impl<'t> Trial<'t> {
    pub(super) fn new(question: &'t Question<'_>, scheme: &Arc<Scheme>, changes: &[&'t Change]) -> Self {
        let mut trial = Self {
            scheme: Arc::clone(scheme),
            secrets: Vec::new(),
            mode: question.options.mode,
            params: question.options.params.clone(),
            method: question.request.method,
            url: question.request.url,
            headers: Overlay { base: question.request.headers, lines: Vec::new() },
            body: question.request.body,
            now: question.now,
        };
        for edit in changes.iter().flat_map(|change| &change.edits) {
            trial.apply(edit);
        }
        if trial.secrets.is_empty() {
            trial.secrets = question.secrets.to_vec();
        }
        trial
    }

    fn apply(&mut self, edit: &'t Edit) {
        match edit {
            Edit::Mode(mode) => self.mode = *mode,
            Edit::Body(body) => self.body = body,
            Edit::Key { secret, steps } => {
                self.secrets = vec![secret.clone()];
                if self.scheme.key != *steps {
                    Arc::make_mut(&mut self.scheme).key.clone_from(steps);
                }
            }
            Edit::Content(content) => Arc::make_mut(&mut self.scheme).content.clone_from(content),
            Edit::Algorithm(algorithm) => {
                Arc::make_mut(&mut self.scheme).algorithm = AlgorithmRule::Fixed(*algorithm);
            }
            Edit::TimestampFormat(format) => {
                if let Some(rule) = &mut Arc::make_mut(&mut self.scheme).timestamp {
                    rule.format = *format;
                }
            }
            Edit::Header { name, value } => self.headers.lines.push((name, value)),
            Edit::Url(url) => {
                self.url = url;
                if self.params.text("url").is_some() {
                    self.params.insert("url", url.as_str());
                }
            }
            Edit::Method(method) => self.method = method,
            Edit::Scheme(scheme) => self.scheme = Arc::clone(scheme),
        }
    }

    /// Verifies, if the budget that is left allows it. What it cost is given back, whatever came of it; `None` is
    /// that it would have cost too much.
    pub(super) fn run(&self, left: u64) -> Option<(u64, Option<Held>)> {
        let (cost, may_hold) = cost::of(&self.scheme, self.mode, self.secrets.len(), &self.request());
        if cost > left {
            return None;
        }
        Some((cost, may_hold.then(|| self.verify()).flatten()))
    }

    fn request(&self) -> Request<'_> {
        Request { method: self.method, url: self.url, headers: &self.headers, body: self.body }
    }

    fn verify(&self) -> Option<Held> {
        let (scheme, params) = (Arc::clone(&self.scheme), self.params.clone());
        let verifier = Verifier::of_scheme(scheme, &self.secrets, self.mode, params).ok()?;
        let request = self.request();
        let verified = verifier.verify(&request, self.now).ok()?;
        Some(Held { timestamp: verified.timestamp() })
    }
}

impl Headers for Overlay<'_> {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        match self.lines.iter().rev().find(|(line, _)| line.eq_ignore_ascii_case(name)) {
            Some((_, value)) => found(value),
            None => self.base.lines(name, found),
        }
    }
}
