//! `hookseal listen`: a receiver for development.

mod answer;
mod check;
mod explainer;
mod forward;
mod receiver;
mod report;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use hookseal::VerifyOptions;
use serde::Serialize;
use tokio::sync::mpsc;

pub(crate) use check::Checker;
pub(crate) use receiver::{Receiver, ReceiverError};
pub(crate) use report::{Outcome, Report};

use self::{explainer::Explainer, forward::Forward};
use super::{
    judge::JudgeError,
    outbound::OutboundError,
    serve::{Signals, runtime},
};
use crate::{
    cli::ListenArgs,
    error::{CommandError, Status},
    inputs::{self, InputError},
    limits,
    output::{self, OutputError},
    ports::ProcessEnvironment,
};

/// Why the receiver did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ListenError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A secret is not right, or keys cannot be fetched.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// Threads or signals could not be had.
    #[error("the process cannot be set up")]
    Process(#[source] io::Error),
    /// The target of `--forward` cannot be sent to.
    #[error(transparent)]
    Forward(#[from] OutboundError),
    /// It cannot listen.
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
    /// What was received could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ListenError {
    /// What the process ends with.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Input(_) | Self::Judge(_) | Self::Forward(_) => Status::Usage,
            Self::Process(_) | Self::Receiver(_) | Self::Output(_) => Status::Bad,
        }
    }
}

fn read(arguments: &ListenArgs) -> Result<(Checker, Option<Explainer>), ListenError> {
    let chosen = inputs::profile_part(&arguments.scheme.profile, arguments.scheme.challenge)?;
    let options = VerifyOptions {
        mode: arguments.judge.mode(),
        tolerance: inputs::tolerance(arguments.judge.tolerance.as_deref())?,
        params: inputs::params(&arguments.scheme.params)?,
    };
    let secrets = inputs::secrets(&arguments.scheme.secrets, &ProcessEnvironment)?;
    let mut checker = Checker::new(chosen, &secrets, &options, &arguments.fetch)?;
    let explainer = match arguments.no_explain {
        true => None,
        false => Explainer::new(&checker.chosen, secrets, options),
    };
    checker.path = arguments.path.clone();
    let unverified = arguments.forward_unverified;
    checker.forward = arguments.forward.as_deref().map(|url| Forward::new(url, unverified)).transpose()?;
    Ok((checker, explainer))
}

pub(crate) fn run(arguments: &ListenArgs) -> Result<Status, CommandError> {
    let (checker, explainer) = read(arguments)?;
    let address = match arguments.port {
        Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        None => arguments.listen,
    };
    let runtime = runtime().map_err(ListenError::Process)?;
    let printer = Printer { explainer, json: arguments.json };
    runtime.block_on(listen(address, checker, &printer))?;
    Ok(Status::Good)
}

/// The first line that `--json` prints.
#[derive(Serialize)]
struct Listening<'a> {
    listening: String,
    profile: &'a str,
    forwarding: Option<&'a str>,
}

async fn listen(address: SocketAddr, checker: Checker, printer: &Printer) -> Result<(), ListenError> {
    let mut signals = Signals::install().map_err(ListenError::Process)?;
    let profile = checker.chosen.profile.name().to_owned();
    let forwarding = checker.forward.as_ref().map(|forward| forward.url().to_owned());
    let (reports, mut arriving) = mpsc::channel(limits::REPORTS_WAITING_MAX);
    let receiver = Receiver::start(address, checker, reports).await?;
    let listening = format!("http://{}", receiver.address());
    match printer.json {
        true => output::json(&Listening { listening, profile: &profile, forwarding: forwarding.as_deref() })?,
        false => {
            let onward = forwarding.map(|url| format!(", forwarding to {url}")).unwrap_or_default();
            output::line(format_args!("listening on {listening} for {profile}{onward}"))?;
        }
    }
    loop {
        tokio::select! {
            _ = signals.next() => break,
            report = arriving.recv() => match report {
                Some(report) => printer.print(report, arriving.len())?,
                None => break,
            },
        }
    }
    receiver.stop().await;
    while let Ok(report) = arriving.try_recv() {
        printer.print(report, arriving.len())?;
    }
    Ok(())
}

/// How reports are printed.
struct Printer {
    /// Absent where nothing is to be explained, or can be.
    explainer: Option<Explainer>,
    json: bool,
}

impl Printer {
    /// Prints a report that `waiting` others stand behind. Answers wait for nobody here, as long as there is room for
    /// their reports: in a flood of refusals only verdicts are printed.
    fn print(&self, mut report: Report, waiting: usize) -> Result<(), OutputError> {
        if let Some(explainer) = self.explainer.as_ref().filter(|_| waiting <= limits::EXPLAIN_WAITING_MAX) {
            report.explanation = tokio::task::block_in_place(|| explainer.explain(&report));
        }
        match self.json {
            true => output::json(&report.line()),
            false => output::line(&report),
        }
    }
}
