//! Making an event: from a sample or a file, with fresh ids and times, signed.

use std::sync::Arc;

use bytes::Bytes;
use hookseal::{
    Message, Profile, SignedHeaders, Signer,
    samples::{self, Event, Fresh, Sample},
};
use hookseal_engine::ports::{Clock, Entropy};
use http::{HeaderName, HeaderValue};

use super::{TriggerError, known_samples, profile_argument};
use crate::{
    cli::TriggerArgs,
    commands::sign::{SignAtError, Signed, fresh_id, seal_at},
    inputs::{self, Chosen},
    ports::{OsEntropy, ProcessEnvironment, SystemClock},
};

/// What makes events of one kind.
pub(super) struct Sender {
    pub(super) profile: Arc<Profile>,
    pub(super) event_type: String,
    signer: Signer,
    source: Source,
    /// What was given with `--header`.
    headers: Vec<(String, Vec<u8>)>,
    entropy: OsEntropy,
}

/// Where the body is from.
enum Source {
    Sample(&'static Sample),
    Body(Vec<u8>),
}

/// An event that is ready to be sent.
pub(super) struct Ready {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// Where it goes, where signing put something into the URL.
    pub(super) url: Option<String>,
    pub(super) id: String,
}

impl Sender {
    pub(super) fn read(arguments: &TriggerArgs) -> Result<Self, TriggerError> {
        let Chosen { profile, part } = inputs::profile_part(&profile_argument(arguments), false)?;
        let source = source(arguments, &profile)?;
        let params = inputs::params(&arguments.params)?;
        let secrets = inputs::secrets(&arguments.secrets, &ProcessEnvironment)?;
        let signer = match secrets.is_empty() && profile.delivery().unsigned_allowed() {
            true => Signer::unsigned(&profile)?,
            false => Signer::new(&profile, part, &secrets, &params)?,
        };
        let event_type = match &source {
            Source::Sample(sample) => sample.event_type().to_owned(),
            Source::Body(_) => arguments.event.clone().unwrap_or_default(),
        };
        let headers = inputs::headers(&arguments.headers)?;
        Ok(Self { profile, event_type, signer, source, headers, entropy: OsEntropy::new()? })
    }

    /// A new event, signed now or at the time that was given.
    pub(super) fn prepare(&self, arguments: &TriggerArgs) -> Result<Ready, TriggerError> {
        let now = SystemClock.now();
        let event = self.event(arguments)?;
        let id = match arguments.id.clone().or(event.id) {
            Some(id) => id,
            None => fresh_id(now)?,
        };
        let subscription = fresh_id(now)?.replacen("dlv_", "sub_", 1);
        // A signature may cover what the event and the arguments add.
        let own = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), str::from_utf8(value).ok()?)));
        let own: Vec<(&str, &str)> =
            event.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(own).collect();
        let message = Message::new(now, &id, &event.body)
            .with_headers(&own)
            .with_event_type(&self.event_type)
            .with_subscription(&subscription)
            .with_url(arguments.to.as_deref().unwrap_or_default());
        let mut policy = SignedHeaders::new();
        self.profile.delivery().write_headers(&message, &mut policy)?;
        let signed = self.sign(message, arguments.timestamp.as_deref())?;
        let mut lines = Lines::default();
        if let Some(agent) = self.profile.delivery().user_agent() {
            lines.set("user-agent", agent.as_bytes());
        }
        policy.iter().for_each(|(name, value)| lines.set(name, value.as_bytes()));
        event.headers.iter().for_each(|(name, value)| lines.set(name, value.as_bytes()));
        signed.headers.iter().for_each(|(name, value)| lines.set(name, value.as_bytes()));
        self.headers.iter().for_each(|(name, value)| lines.set(name, value));
        let body = signed.body.unwrap_or(event.body).into();
        Ok(Ready { headers: lines.into_headers()?, body, url: signed.url, id })
    }

    /// The one place where a signature is made.
    fn sign(&self, message: Message<'_>, time: Option<&str>) -> Result<Signed, TriggerError> {
        seal_at(&self.signer, message, time).map_err(|error| match error {
            SignAtError::Time(error) => error.into(),
            SignAtError::Sign(error) => error.into(),
        })
    }

    fn event(&self, arguments: &TriggerArgs) -> Result<Filled, TriggerError> {
        let now = match arguments.timestamp.as_deref().map(inputs::time) {
            Some(Ok(time)) => time,
            // A time in a notation of the profile's own is the signature's matter.
            Some(Err(_)) | None => SystemClock.now(),
        };
        Ok(match &self.source {
            Source::Body(body) => Filled { id: None, headers: Vec::new(), body: body.clone() },
            Source::Sample(sample) => {
                let mut seed = [0; 32];
                self.entropy.fill(&mut seed);
                let Event { id, headers, body, .. } = sample.fill(&Fresh { now, seed });
                Filled { id, headers, body }
            }
        })
    }
}

/// An event before it is signed.
struct Filled {
    id: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn source(arguments: &TriggerArgs, profile: &Profile) -> Result<Source, TriggerError> {
    if let Some(path) = &arguments.body {
        return Ok(Source::Body(inputs::body(Some(path))?));
    }
    let found = arguments.event.as_deref().and_then(|event| samples::find(profile.name(), event));
    found.map(Source::Sample).ok_or_else(|| TriggerError::NoSample {
        profile: profile.name().to_owned(),
        event: arguments.event.clone(),
        known: known_samples(profile.name()),
    })
}

/// Header lines, of which a later one takes the place of an earlier one of its name.
#[derive(Default)]
struct Lines(Vec<(String, Vec<u8>)>);

impl Lines {
    fn set(&mut self, name: &str, value: &[u8]) {
        self.0.retain(|(line, _)| !line.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value.to_vec()));
    }

    fn into_headers(self) -> Result<Vec<(HeaderName, HeaderValue)>, TriggerError> {
        let header = |(name, value): (String, Vec<u8>)| match (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value),
        ) {
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err(TriggerError::Header { name }),
        };
        self.0.into_iter().map(header).collect()
    }
}
