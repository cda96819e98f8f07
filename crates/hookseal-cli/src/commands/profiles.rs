//! `hookseal profiles`: which formats there are, and what each one does.

use std::{sync::Arc, time::Duration};

use hookseal::{Part, Profile, Scheme};
use serde::Serialize;
use toml::{Table, Value};

use crate::{
    cli::ProfilesArgs,
    error::{CommandError, Status},
    inputs::{self, InputError, Seconds},
    output::{self, OutputError},
};

/// Why no profile was shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ProfilesError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
}

pub(crate) fn run(arguments: &ProfilesArgs) -> Result<Status, CommandError> {
    match &arguments.name {
        None => list(arguments.json)?,
        Some(name) => {
            let profile = inputs::profile(name).map_err(ProfilesError::Input)?;
            match (arguments.toml, arguments.json) {
                (true, _) => output::line(profile.source().trim_end())?,
                (false, true) => output::json(&Summary::new(&profile))?,
                (false, false) => Summary::new(&profile).print()?,
            }
        }
    }
    Ok(Status::Good)
}

fn list(json: bool) -> Result<(), OutputError> {
    let profiles: Vec<_> = Profile::builtins().collect();
    if json {
        return output::json(&profiles.iter().copied().map(Row::new).collect::<Vec<_>>());
    }
    let width = profiles.iter().map(|profile| profile.name().len()).max().unwrap_or(0);
    profiles
        .iter()
        .try_for_each(|profile| output::line(format_args!("{:<width$}  {}", profile.name(), profile.title())))
}

/// A profile in the list, as JSON.
#[derive(Serialize)]
struct Row<'p> {
    name: &'p str,
    title: &'p str,
    document: Option<&'p str>,
}

impl<'p> Row<'p> {
    fn new(profile: &'p Arc<Profile>) -> Self {
        Self { name: profile.name(), title: profile.title(), document: profile.document() }
    }
}

/// What a profile does. What `--json` prints.
#[derive(Serialize)]
struct Summary<'p> {
    name: &'p str,
    title: &'p str,
    document: Option<&'p str>,
    delivery: SchemeSummary<'p>,
    challenge: Option<SchemeSummary<'p>>,
    success: String,
    timeout_ms: Option<u64>,
    retry_schedule_s: Option<Vec<u64>>,
    user_agent: Option<&'p str>,
    headers: Vec<(String, String)>,
    unsigned_allowed: bool,
    disable_after_failures: Option<u32>,
    source: &'p str,
}

/// How one kind of request is signed.
#[derive(Serialize)]
struct SchemeSummary<'p> {
    algorithm: String,
    signature_header: Option<&'p str>,
    timestamp_header: Option<&'p str>,
    id_header: Option<&'p str>,
    content: Vec<String>,
    tolerance: Option<Tolerance>,
    rotation: &'static str,
    flags: Vec<&'static str>,
}

/// How far a timestamp may lie from now, as the profile writes it.
#[derive(Serialize)]
struct Tolerance {
    past: String,
    future: String,
}

impl<'p> Summary<'p> {
    fn new(profile: &'p Profile) -> Self {
        let document = document(profile.source());
        let scheme = |part: Part, path: &[&str]| {
            profile.part(part).map(|scheme| SchemeSummary::new(scheme, at(&document, path)))
        };
        let delivery = profile.delivery();
        let headers = at(&document, &["delivery", "headers"]).and_then(Value::as_table);
        Self {
            name: profile.name(),
            title: profile.title(),
            document: profile.document(),
            delivery: SchemeSummary::new(profile.scheme(), at(&document, &["scheme"])),
            challenge: scheme(Part::Challenge, &["challenge", "scheme"]),
            success: delivery.success().to_string(),
            timeout_ms: delivery
                .timeout()
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            retry_schedule_s: delivery
                .retry_schedule()
                .map(|waits| waits.iter().map(Duration::as_secs).collect()),
            user_agent: delivery.user_agent(),
            headers: headers.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect(),
            unsigned_allowed: delivery.unsigned_allowed(),
            disable_after_failures: delivery.disable_after_failures(),
            source: profile.source(),
        }
    }

    fn print(&self) -> Result<(), OutputError> {
        output::line(format_args!("{}: {}", self.name, self.title))?;
        if let Some(document) = self.document {
            fact("document", document)?;
        }
        self.delivery.print()?;
        for (name, value) in &self.headers {
            fact("sends", &format!("{name}: {value}"))?;
        }
        if let Some(user_agent) = self.user_agent {
            fact("sends", &format!("user-agent: {user_agent}"))?;
        }
        fact("success", &self.success)?;
        if let Some(timeout) = self.timeout_ms {
            fact("timeout", &Seconds(Duration::from_millis(timeout)).to_string())?;
        }
        if let Some(waits) = &self.retry_schedule_s {
            let waits: Vec<_> =
                waits.iter().map(|wait| Seconds(Duration::from_secs(*wait)).to_string()).collect();
            fact("retries after", &waits.join(", "))?;
        }
        if let Some(failures) = self.disable_after_failures {
            fact("disabled after", &format!("{failures} failed deliveries in a row"))?;
        }
        fact("unsigned", if self.unsigned_allowed { "allowed" } else { "refused" })?;
        if let Some(challenge) = &self.challenge {
            output::line("challenge")?;
            challenge.print()?;
        }
        Ok(())
    }
}

impl<'p> SchemeSummary<'p> {
    fn new(scheme: &'p Scheme, source: Option<&Value>) -> Self {
        let source = source.and_then(Value::as_table);
        let content = source.and_then(|scheme| scheme.get("content")).and_then(Value::as_array);
        let algorithm = source.and_then(|scheme| scheme.get("algorithm"));
        let timestamp = source.and_then(|scheme| scheme.get("timestamp")).and_then(Value::as_table);
        Self {
            algorithm: algorithm.map_or_else(String::new, text),
            signature_header: scheme.signature_header(),
            timestamp_header: scheme.timestamp_header(),
            id_header: scheme.id_header(),
            content: content.into_iter().flatten().map(text).collect(),
            tolerance: timestamp.map(Tolerance::new),
            rotation: if scheme.signs_with_several() { "every secret" } else { "newest secret" },
            flags: scheme.flags().names().collect(),
        }
    }

    fn print(&self) -> Result<(), OutputError> {
        fact("algorithm", &self.algorithm)?;
        fact("signed content", &self.content.concat())?;
        for (name, header) in [
            ("signature in", self.signature_header),
            ("timestamp in", self.timestamp_header),
            ("id in", self.id_header),
        ] {
            header.map_or(Ok(()), |header| fact(name, header))?;
        }
        match &self.tolerance {
            Some(Tolerance { past, future }) => fact("tolerance", &format!("{past} past, {future} future"))?,
            None => fact("tolerance", "no timestamp is signed")?,
        }
        fact("signs with", self.rotation)?;
        if !self.flags.is_empty() {
            fact("not proven", &self.flags.join(", "))?;
        }
        Ok(())
    }
}

impl Tolerance {
    fn new(timestamp: &Table) -> Self {
        let default = Seconds(hookseal::limits::DEFAULT_TOLERANCE).to_string();
        let side = |key: &str| timestamp.get(key).map_or_else(|| default.clone(), text);
        Self { past: side("past"), future: side("future") }
    }
}

fn fact(name: &str, value: &str) -> Result<(), OutputError> {
    output::line(format_args!("  {name:<14}  {value}"))
}

/// A profile's document with that of the profile which it extends underneath.
fn document(source: &str) -> Table {
    let own: Table = source.parse().unwrap_or_default();
    let base = own.get("extends").and_then(Value::as_str).and_then(Profile::builtin);
    match base {
        None => own,
        Some(base) => overlay(document(base.source()), own),
    }
}

fn overlay(mut base: Table, own: Table) -> Table {
    for (key, value) in own {
        let merged = match (base.remove(&key), value) {
            (Some(Value::Table(base)), Value::Table(own)) => Value::Table(overlay(base, own)),
            (_, own) => own,
        };
        base.insert(key, merged);
    }
    base
}

fn at<'d>(document: &'d Table, path: &[&str]) -> Option<&'d Value> {
    let (last, tables) = path.split_last()?;
    let table = tables.iter().try_fold(document, |table, key| table.get(*key)?.as_table())?;
    table.get(*last)
}

/// A value for people: a text without quotes, a list with commas.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Table(table) => {
            table.iter().map(|(key, value)| format!("{key} {}", text(value))).collect::<Vec<_>>().join(", ")
        }
    }
}
