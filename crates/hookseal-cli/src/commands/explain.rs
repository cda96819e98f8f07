//! `hookseal explain`: why a signature does not match.

use std::collections::BTreeMap;

use hookseal::{
    Request, Secret, Timestamp, VerifyOptions,
    explain::{Explanation, Finding, Outcome, Question},
};
use hookseal_engine::ports::Clock;
use serde::Serialize;

use crate::{
    cli::ExplainArgs,
    error::{CommandError, Status},
    inputs::{self, Captured, Chosen, InputError},
    output,
    ports::{ProcessEnvironment, SystemClock},
};

/// Why nothing was explained: a verdict on the arguments, never on the request.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ExplainCommandError(#[from] InputError);

pub(crate) fn run(arguments: &ExplainArgs) -> Result<Status, CommandError> {
    let prepared = Prepared::read(arguments).map_err(ExplainCommandError)?;
    let explanation = prepared.explain();
    match arguments.json {
        true => output::json(&Answer::new(&explanation))?,
        false => output::line(&explanation)?,
    }
    Ok(match explanation.outcome() {
        Outcome::Valid => Status::Good,
        Outcome::Unusable(_) => Status::Usage,
        _ => Status::Bad,
    })
}

/// Everything that an explanation takes, read.
struct Prepared {
    chosen: Chosen,
    secrets: Vec<Secret>,
    other_secrets: Vec<Secret>,
    options: VerifyOptions,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now: Timestamp,
}

impl Prepared {
    fn read(arguments: &ExplainArgs) -> Result<Self, InputError> {
        let options = VerifyOptions {
            mode: arguments.judge.mode(),
            tolerance: inputs::tolerance(arguments.judge.tolerance.as_deref())?,
            params: inputs::params(&arguments.scheme.params)?,
        };
        let now = match &arguments.now {
            Some(text) => inputs::time(text)?,
            None => SystemClock.now(),
        };
        let mut prepared = Self {
            chosen: inputs::profile_part(&arguments.scheme.profile, arguments.scheme.challenge)?,
            secrets: inputs::secrets(&arguments.scheme.secrets, &ProcessEnvironment)?,
            other_secrets: inputs::secrets(&arguments.other_secrets.as_secrets(), &ProcessEnvironment)?,
            options,
            method: arguments.request.method.clone(),
            url: arguments.request.url.clone(),
            headers: inputs::headers(&arguments.headers.lines)?,
            body: Vec::new(),
            now,
        };
        match &arguments.captured {
            Some(path) => prepared.take(Captured::read(path)?),
            None => prepared.body = inputs::body(arguments.request.body.as_deref())?,
        }
        Ok(prepared)
    }

    /// Takes a captured request; a URL that was given wins, and headers that were given come on top.
    fn take(&mut self, captured: Captured) {
        if self.url.is_empty() {
            self.url = captured.url();
        }
        self.method = captured.method;
        self.headers.extend(captured.headers);
        self.body = captured.body;
    }

    fn explain(&self) -> Explanation {
        let request =
            Request { method: &self.method, url: &self.url, headers: &self.headers, body: &self.body };
        let (profile, part) = (&self.chosen.profile, self.chosen.part);
        Question::new(profile, part, &self.secrets, &self.options, &request, self.now)
            .with_other_secrets(&self.other_secrets)
            .explain()
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'e> {
    valid: bool,
    error: Option<&'static str>,
    detail: Option<String>,
    proven: bool,
    findings: Vec<Named<'e>>,
    effort: Effort,
}

/// A finding as JSON.
#[derive(Serialize)]
pub(crate) struct Named<'e> {
    code: &'static str,
    evidence: &'static str,
    sentence: &'e str,
    details: BTreeMap<&'static str, &'e str>,
}

#[derive(Serialize)]
struct Effort {
    trials: u64,
    bytes: u64,
    cut: bool,
}

impl<'e> Answer<'e> {
    fn new(explanation: &'e Explanation) -> Self {
        let effort = explanation.effort();
        Self {
            valid: explanation.is_valid(),
            error: explanation.outcome().error_kind().map(|kind| kind.as_str()),
            detail: match explanation.outcome() {
                Outcome::Invalid(error) => Some(error.detail()),
                Outcome::Unusable(error) => Some(error.to_string()),
                _ => None,
            },
            proven: explanation.is_proven(),
            findings: explanation.findings().iter().map(Named::new).collect(),
            effort: Effort { trials: effort.trials, bytes: effort.bytes, cut: effort.cut },
        }
    }
}

impl<'e> Named<'e> {
    pub(crate) fn new(finding: &'e Finding) -> Self {
        Self {
            code: finding.code().as_str(),
            evidence: finding.evidence().as_str(),
            sentence: finding.sentence(),
            details: finding.details().collect(),
        }
    }
}
