//! `hookseal verify`: whether a request is what it claims to be.

use std::{fmt::Write, io, time::Duration};

use hookseal::{ErrorKind, Request, Timestamp, Verified, VerifyError, VerifyOptions};
use hookseal_engine::ports::Clock;
use serde::Serialize;

use super::{
    judge::{Judge, JudgeError, KeyNeeded, Refusal},
    proof::Proof,
};
use crate::{
    cli::VerifyArgs,
    error::{CommandError, Status},
    inputs::{self, Chosen, InputError, Seconds},
    output,
    ports::{ProcessEnvironment, SystemClock},
};

/// Why nothing was verified: a verdict on the arguments, never on the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VerifyCommandError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A secret is not right, or keys cannot be fetched.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The key that the request needs cannot be had.
    #[error(transparent)]
    Key(#[from] KeyNeeded),
    /// Waiting for a key cannot be set up.
    #[error("the process cannot be set up")]
    Process(#[source] io::Error),
}

pub(crate) fn run(arguments: &VerifyArgs) -> Result<Status, CommandError> {
    let prepared = match Prepared::read(arguments) {
        Ok(prepared) => prepared,
        Err(VerifyCommandError::Judge(JudgeError::Secret(error))) if arguments.json => {
            output::json(&Verdict::refused(error.kind().as_str(), error.to_string()))?;
            return Ok(Status::Usage);
        }
        Err(error) => return Err(error.into()),
    };
    let request = || Request {
        method: &arguments.request.method,
        url: &arguments.request.url,
        headers: &prepared.headers,
        body: &prepared.body,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(VerifyCommandError::Process)?;
    let outcome = match runtime.block_on(prepared.judge.verify(request, prepared.now)) {
        Ok(verified) => Ok(verified),
        Err(Refusal::Verdict(error)) => Err(error),
        Err(Refusal::NoKey(needed)) if arguments.json => {
            let detail = output::Chain(&needed).to_string();
            output::json(&Verdict::refused(ErrorKind::UnknownKey.as_str(), detail))?;
            return Ok(Status::Usage);
        }
        Err(Refusal::NoKey(needed)) => return Err(VerifyCommandError::Key(needed).into()),
    };
    match arguments.json {
        true => output::json(&prepared.verdict(&outcome))?,
        false => output::line(prepared.report(&outcome))?,
    }
    Ok(if outcome.is_ok() { Status::Good } else { Status::Bad })
}

/// Everything that a verification takes, read.
struct Prepared {
    chosen: Chosen,
    judge: Judge,
    secrets: usize,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now: Timestamp,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Verdict<'a> {
    valid: bool,
    error: Option<&'a str>,
    detail: Option<String>,
    #[serde(flatten)]
    proof: Option<Proof>,
}

impl Prepared {
    fn read(arguments: &VerifyArgs) -> Result<Self, VerifyCommandError> {
        let chosen = inputs::profile_part(&arguments.scheme.profile, arguments.scheme.challenge)?;
        let options = VerifyOptions {
            mode: arguments.judge.mode(),
            tolerance: inputs::tolerance(arguments.judge.tolerance.as_deref())?,
            params: inputs::params(&arguments.scheme.params)?,
        };
        let now = match &arguments.now {
            Some(text) => inputs::time(text)?,
            None => SystemClock.now(),
        };
        let headers = inputs::headers(&arguments.headers.lines)?;
        let secrets = inputs::secrets(&arguments.scheme.secrets, &ProcessEnvironment)?;
        let judge = Judge::new(&chosen.profile, chosen.part, &secrets, options, &arguments.fetch)?;
        let body = inputs::body(arguments.request.body.as_deref())?;
        Ok(Self { chosen, judge, secrets: secrets.len(), headers, body, now })
    }

    fn verdict<'a>(&'a self, outcome: &'a Result<Verified<'_>, VerifyError>) -> Verdict<'a> {
        match outcome {
            Err(error) => Verdict::refused(error.kind().as_str(), error.detail()),
            Ok(verified) => {
                let proof = Proof::new(&self.chosen, verified);
                Verdict { valid: true, error: None, detail: None, proof: Some(proof) }
            }
        }
    }

    /// The lines for people.
    fn report(&self, outcome: &Result<Verified<'_>, VerifyError>) -> String {
        match outcome {
            Err(error) => format!("not valid: {}: {}", error.kind(), error.detail()),
            Ok(verified) => self.describe(verified),
        }
    }

    fn describe(&self, verified: &Verified<'_>) -> String {
        let mut lines = "valid".to_owned();
        let mut add = |name: &str, value: &str| {
            let _ = write!(lines, "\n  {name:<16} {value}");
        };
        if self.secrets > 0 {
            add("secret", &format!("{} of {}", verified.matched_secret() + 1, self.secrets));
        }
        add(
            "body",
            &format!("{} bytes, read as {}", verified.body().len(), verified.matched_reading().as_str()),
        );
        match verified.timestamp() {
            Some(timestamp) => add("timestamp", &format!("{timestamp}, {}", distance(timestamp, self.now))),
            None => add("timestamp", "none is signed"),
        }
        let unauthenticated = verified.unauthenticated();
        for (name, signed, claimed) in [
            ("id", verified.id(), unauthenticated.id()),
            ("event type", verified.event_type(), unauthenticated.event_type()),
        ] {
            signed.into_iter().for_each(|value| add(name, value));
            claimed
                .into_iter()
                .for_each(|value| add(name, &format!("{value} (not covered by the signature)")));
        }
        let flags: Vec<_> = verified.flags().names().collect();
        if !flags.is_empty() {
            add("not proven", &flags.join(", "));
        }
        lines
    }
}

impl<'a> Verdict<'a> {
    fn refused(error: &'a str, detail: String) -> Self {
        Self { valid: false, error: Some(error), detail: Some(detail), proof: None }
    }
}

/// How far a time is from now in whole seconds, and on which side.
fn distance(timestamp: Timestamp, now: Timestamp) -> String {
    let whole = |duration: Duration| Seconds(Duration::from_secs(duration.as_secs()));
    match timestamp <= now {
        true => format!("{} ago", whole(now.since(timestamp))),
        false => format!("{} ahead", whole(timestamp.since(now))),
    }
}
