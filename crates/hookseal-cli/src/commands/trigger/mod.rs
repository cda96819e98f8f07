//! `hookseal trigger`: sends a vendor's sample event, signed as the vendor signs it, to a URL.

mod event;
mod list;

use std::{ffi::OsString, io};

use hookseal::{Profile, SecretError, SignError};
use hookseal_engine::{
    AttemptResult,
    ports::{Outbound, Transport},
};
use http::Method;
use serde::Serialize;

use self::event::{Ready, Sender};
use super::{
    outbound::{self, OutboundError, millis},
    serve::runtime,
};
use crate::{
    cli::TriggerArgs,
    error::{CommandError, Status},
    inputs::InputError,
    limits,
    output::{self, OutputError},
    ports::EntropyError,
};

/// Why no event was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TriggerError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A secret is not right, or the scheme cannot be signed here.
    #[error("invalid_secret")]
    Secret(#[from] SecretError),
    /// The event cannot be signed.
    #[error("the event cannot be signed")]
    Sign(#[from] SignError),
    /// The profile has no sample of this name.
    #[error("the profile `{profile}` has no sample event `{}`; {known}", .event.as_deref().unwrap_or("that was not named"))]
    NoSample {
        /// The profile.
        profile: String,
        /// What was asked for.
        event: Option<String>,
        /// What there is.
        known: String,
    },
    /// A header cannot be sent.
    #[error("the header `{name}` cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The target cannot be sent to.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// No id can be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Threads could not be had.
    #[error("the process cannot be set up")]
    Process(#[source] io::Error),
}

impl TriggerError {
    /// What the process ends with.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Process(_) | Self::Entropy(_) => Status::Bad,
            _ => Status::Usage,
        }
    }
}

pub(crate) fn run(arguments: &TriggerArgs) -> Result<Status, CommandError> {
    if arguments.list {
        list::print(arguments.profile.as_deref(), arguments.json)?;
        return Ok(Status::Good);
    }
    let sender = Sender::read(arguments)?;
    let runtime = runtime().map_err(TriggerError::Process)?;
    runtime.block_on(send_all(arguments, &sender))
}

/// Sends the event as often as was asked for, each time as a new one, and prints what came back.
async fn send_all(arguments: &TriggerArgs, sender: &Sender) -> Result<Status, CommandError> {
    let transport = outbound::transport().map_err(TriggerError::Outbound)?;
    let url = arguments.to.as_deref().unwrap_or_default();
    let endpoint = outbound::target(&transport, url).map_err(TriggerError::Outbound)?;
    let mut all_good = true;
    for _ in 0..arguments.count {
        let Ready { headers, body, url, id } = sender.prepare(arguments)?;
        let bytes = body.len();
        let endpoint = match url {
            Some(url) => outbound::target(&transport, &url).map_err(TriggerError::Outbound)?,
            None => endpoint.clone(),
        };
        let outbound =
            Outbound { endpoint, method: Method::POST, headers, body, timeout: limits::TRIGGER_TIMEOUT };
        let result = transport.send(outbound).await;
        let sent = Sent::new(&sender.profile, &sender.event_type, id, bytes, &result);
        sent.print(arguments.json)?;
        all_good &= sent.ok;
    }
    Ok(if all_good { Status::Good } else { Status::Bad })
}

/// One request and what came back. What `--json` prints.
#[derive(Serialize)]
struct Sent<'s> {
    ok: bool,
    profile: &'s str,
    event: &'s str,
    id: String,
    body_bytes: usize,
    status: Option<u16>,
    duration_ms: u64,
    error: Option<&'static str>,
    detail: Option<&'s str>,
    answer: String,
    answer_truncated: bool,
}

impl<'s> Sent<'s> {
    fn new(
        profile: &'s Profile,
        event: &'s str,
        id: String,
        body_bytes: usize,
        result: &'s AttemptResult,
    ) -> Self {
        let counts = result.status.is_some_and(|status| profile.delivery().success().contains(status));
        let shown = &result.response_body[..result.response_body.len().min(limits::TRIGGER_ANSWER_BYTES_MAX)];
        Self {
            ok: counts && result.failure.is_none(),
            profile: profile.name(),
            event,
            id,
            body_bytes,
            status: result.status,
            duration_ms: millis(result.phases.total),
            error: result.failure.as_ref().map(|failure| failure.kind.as_str()),
            detail: result.failure.as_ref().map(|failure| failure.detail.as_str()),
            answer: String::from_utf8_lossy(shown).into_owned(),
            answer_truncated: result.response_truncated || shown.len() < result.response_body.len(),
        }
    }

    fn print(&self, json: bool) -> Result<(), OutputError> {
        if json {
            return output::json(self);
        }
        let Self { profile, event, body_bytes, duration_ms, .. } = self;
        let verdict = if self.ok { "accepted" } else { "refused " };
        let event = event.escape_debug();
        match (self.status, self.detail) {
            (Some(status), None) => output::line(format_args!(
                "{verdict}  {status}  {duration_ms} ms  {profile} {event}  {body_bytes} bytes"
            ))?,
            (_, detail) => output::line(format_args!(
                "failed    {}  {duration_ms} ms  {profile} {event}  {}",
                self.error.unwrap_or("no answer"),
                detail.unwrap_or_default().escape_debug()
            ))?,
        }
        if self.answer.is_empty() {
            return Ok(());
        }
        // What an endpoint answers may hold control characters, which are no business of a terminal.
        self.answer.lines().try_for_each(|line| output::line(format_args!("  {}", escaped(line))))?;
        if self.answer_truncated { output::line("  ...") } else { Ok(()) }
    }
}

/// A line without control characters, and otherwise as it is.
fn escaped(line: &str) -> String {
    let escape = |c: char| match c.is_control() && c != '\t' {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    };
    line.chars().map(escape).collect()
}

/// The names of a profile's samples, for messages.
fn known_samples(profile: &str) -> String {
    let names: Vec<&str> = hookseal::samples::of(profile).iter().map(|sample| sample.name()).collect();
    match names.is_empty() {
        true => "give a body with --body".to_owned(),
        false => format!("there are {}", names.join(", ")),
    }
}

/// The argument of `--profile`, which all but `--list` needs and clap has seen to.
fn profile_argument(arguments: &TriggerArgs) -> OsString {
    arguments.profile.clone().unwrap_or_default()
}
