//! `hookseal demo`: the whole way of an event, for each of five vendors.
//!
//! Everything is real: the server of `serve` on a store of its own, the receiver of `listen` for each vendor, and HTTP
//! between them. Nothing leaves this machine.

mod client;
mod play;
mod stage;
mod vendors;

use std::{io, path::Path, str::Utf8Error};

use hookseal::{SecretError, SignError};
use http::StatusCode;

use client::ClientError;
use play::Play;
use stage::Stage;

use super::{
    judge::JudgeError,
    listen::ReceiverError,
    serve::{ServiceError, Signals, log_to_stderr, runtime},
};
use crate::{
    cli::DemoArgs,
    config::LogFormat,
    error::{CommandError, Status},
    output::{self, OutputError},
    ports::EntropyError,
};

/// The log that the demo writes: what goes wrong.
const LOG: &str = "warn";

/// Why the demo could not go on. What it finds to be wrong is printed instead, and ends it with status 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DemoError {
    /// Threads, signals or a directory could not be had.
    #[error("the process cannot be set up")]
    Process(#[source] io::Error),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The server did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A receiver did not start.
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
    /// A vendor has no profile.
    #[error("there is no profile `{0}`")]
    NoProfile(&'static str),
    /// A secret is not right.
    #[error("a secret is not right")]
    Secret(#[from] SecretError),
    /// A receiver cannot judge what it receives.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A secret cannot be written in JSON.
    #[error("a secret is not text")]
    SecretText(#[source] Utf8Error),
    /// A request could not be signed.
    #[error("a request cannot be signed")]
    Sign(#[from] SignError),
    /// A body could not be written or is not JSON.
    #[error("a sample is not JSON")]
    Json(#[source] serde_json::Error),
    /// A call was not answered.
    #[error("a call was not answered")]
    Client(#[from] ClientError),
    /// A request could not be put together.
    #[error("a request cannot be written")]
    Request(#[from] http::Error),
    /// A receiver was not asked to prove itself, or did not.
    #[error("the receiver of `{0}` has not answered the challenge")]
    Challenge(&'static str),
    /// The server answered something else than it should.
    #[error("POST {path} was answered {status}: {body}")]
    Answer {
        /// The call.
        path: &'static str,
        /// The status.
        status: StatusCode,
        /// The body.
        body: String,
    },
    /// What happens could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

pub(crate) fn run(arguments: &DemoArgs) -> Result<Status, CommandError> {
    log_to_stderr(LOG, LogFormat::Text);
    let runtime = runtime().map_err(DemoError::Process)?;
    let status = match &arguments.data {
        Some(directory) => runtime.block_on(demo(directory, arguments.once)),
        None => {
            let directory =
                tempfile::Builder::new().prefix("hookseal-demo-").tempdir().map_err(DemoError::Process)?;
            runtime.block_on(demo(directory.path(), arguments.once))
        }
    };
    Ok(status?)
}

async fn demo(data: &Path, once: bool) -> Result<Status, DemoError> {
    let mut signals = Signals::install().map_err(DemoError::Process)?;
    let mut stage = Stage::set(data).await?;
    let outcome = tokio::select! {
        outcome = perform(&mut stage, once) => outcome,
        // Ending it early is no fault, and no proof that all is well either.
        _ = signals.next() => Ok(Status::Bad),
    };
    let outcome = match outcome {
        Ok(status) if !once => stay(&mut stage, &mut signals).await.map(|()| status),
        outcome => outcome,
    };
    tokio::select! {
        () = stage.stop() => outcome,
        number = signals.next() => Ok(Status::Signalled(number)),
    }
}

/// Plays everything and says how it went.
async fn perform(stage: &mut Stage, once: bool) -> Result<Status, DemoError> {
    output::line(format_args!(
        "hookseal {} at http://{}, with a receiver for each of {} vendors",
        env!("CARGO_PKG_VERSION"),
        stage.address(),
        stage.actors.len()
    ))?;
    let mut play = Play::new(stage);
    play.deliveries().await?;
    play.forgeries().await?;
    play.stale_requests().await?;
    let findings = play.finish();
    for wrong in &findings.wrong {
        output::line(format_args!("wrong: {wrong}"))?;
    }
    output::line("")?;
    if !once {
        output::line(format_args!("The server goes on until Ctrl-C: http://{}", stage.address()))?;
        output::line(format_args!("Its key: {}", stage.operator_key()))?;
        output::line("What its receivers get is printed here.")?;
    }
    output::line(format_args!(
        "{} vendors verified, {} forged or stale requests refused",
        findings.verified, findings.refused
    ))?;
    Ok(if findings.wrong.is_empty() { Status::Good } else { Status::Bad })
}

/// Prints what the receivers get until a signal comes.
async fn stay(stage: &mut Stage, signals: &mut Signals) -> Result<(), DemoError> {
    loop {
        tokio::select! {
            _ = signals.next() => return Ok(()),
            report = stage.next_report() => match report {
                Some(report) => output::line(format_args!("{:<16}  {report}", report.profile))?,
                None => return Ok(()),
            },
        }
    }
}
