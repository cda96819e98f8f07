//! One profile, with what follows from its document.

use std::time::Duration;

use hookseal::{Challenge, Part, Profile, Scheme, Tolerance};
use serde::Serialize;

use super::{content, direction, tolerance};
use crate::{
    cli::ProfileFormArgs,
    inputs::Seconds,
    output::{self, OutputError},
};

pub(super) fn print(profile: &Profile, form: &ProfileFormArgs) -> Result<(), OutputError> {
    match (form.toml, form.json) {
        (true, _) => output::line(profile.source().trim_end()),
        (false, true) => output::json(&Summary::new(profile)),
        (false, false) => print_facts(profile),
    }
}

/// What a profile does. What `--json` prints.
#[derive(Serialize)]
struct Summary<'p> {
    name: &'p str,
    title: &'p str,
    document: Option<&'p str>,
    unconfirmed: &'p [String],
    direction: &'static str,
    delivery: SchemeSummary<'p>,
    challenge: Option<SchemeSummary<'p>>,
    asks: Option<Asks<'p>>,
    success: String,
    timeout_ms: Option<u64>,
    retry_schedule_s: Option<Vec<u64>>,
    user_agent: Option<&'p str>,
    headers: Vec<(&'p str, String)>,
    unsigned_allowed: bool,
    disable_after_failures: Option<u32>,
    source: &'p str,
}

/// What an endpoint is asked with before anything is delivered to it.
#[derive(Serialize)]
struct Asks<'p> {
    method: &'p str,
    signed_by: &'static str,
    success: String,
    /// What an answer holds beside its status code; null where that is all that counts.
    answer: Option<String>,
}

/// How one kind of request is signed.
#[derive(Serialize)]
struct SchemeSummary<'p> {
    algorithm: String,
    signature: Option<String>,
    signature_header: Option<&'p str>,
    grammar: Option<&'static str>,
    encoding: Option<&'static str>,
    content: Vec<String>,
    timestamp: Option<String>,
    timestamp_header: Option<&'p str>,
    timestamp_format: Option<&'static str>,
    tolerance: Option<ToleranceSummary>,
    id: Option<Place>,
    id_header: Option<&'p str>,
    event_type: Option<Place>,
    required_headers: Vec<(&'p str, &'p str)>,
    params: Vec<&'p str>,
    rotation: &'static str,
    flags: Vec<&'static str>,
}

/// How far a timestamp may lie from now; null is any distance.
#[derive(Serialize)]
struct ToleranceSummary {
    past_ms: Option<u128>,
    future_ms: Option<u128>,
}

/// Where an id or a type stands.
#[derive(Serialize)]
struct Place {
    place: String,
    signed: bool,
}

impl<'p> Summary<'p> {
    fn new(profile: &'p Profile) -> Self {
        let delivery = profile.delivery();
        let timeout = delivery.timeout();
        Self {
            name: profile.name(),
            title: profile.title(),
            document: profile.document(),
            unconfirmed: profile.unconfirmed(),
            direction: direction(profile),
            delivery: SchemeSummary::new(profile.scheme()),
            challenge: profile.challenge().and_then(|challenge| challenge.scheme()).map(SchemeSummary::new),
            asks: profile.challenge().map(Asks::new),
            success: delivery.success().to_string(),
            timeout_ms: timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            retry_schedule_s: delivery
                .retry_schedule()
                .map(|waits| waits.iter().map(Duration::as_secs).collect()),
            user_agent: delivery.user_agent(),
            headers: delivery.headers().collect(),
            unsigned_allowed: delivery.unsigned_allowed(),
            disable_after_failures: delivery.disable_after_failures(),
            source: profile.source(),
        }
    }
}

impl<'p> Asks<'p> {
    fn new(challenge: &'p Challenge) -> Self {
        let signed_by = match challenge.signed_by() {
            Some(Part::Delivery) => "delivery",
            Some(Part::Challenge) => "challenge",
            None => "nobody",
        };
        let (success, answer) = (challenge.success().to_string(), challenge.expected());
        Self { method: challenge.method(), signed_by, success, answer }
    }
}

impl<'p> SchemeSummary<'p> {
    fn new(scheme: &'p Scheme) -> Self {
        let place = |(place, signed)| Place { place, signed };
        let millis = |side: Option<Duration>| side.map(|side| side.as_millis());
        let tolerance = |Tolerance { past, future, .. }| ToleranceSummary {
            past_ms: millis(past),
            future_ms: millis(future),
        };
        Self {
            algorithm: scheme.algorithm_text().into_owned(),
            signature: scheme.signature_place(),
            signature_header: scheme.signature_header(),
            grammar: scheme.signature_grammar(),
            encoding: scheme.signature_encoding(),
            content: scheme.content().map(|item| item.into_owned()).collect(),
            timestamp: scheme.timestamp_place(),
            timestamp_header: scheme.timestamp_header(),
            timestamp_format: scheme.timestamp_format(),
            tolerance: scheme.tolerance().map(tolerance),
            id: scheme.id_place().map(place),
            id_header: scheme.id_header(),
            event_type: scheme.event_type_place().map(place),
            required_headers: scheme.required_headers().collect(),
            params: scheme.params().collect(),
            rotation: rotation(scheme),
            flags: scheme.flags().names().collect(),
        }
    }
}

fn rotation(scheme: &Scheme) -> &'static str {
    if scheme.signs_with_several() { "every secret" } else { "newest secret" }
}

fn print_facts(profile: &Profile) -> Result<(), OutputError> {
    output::line(format_args!("{}: {}", profile.name(), profile.title()))?;
    profile.document().map_or(Ok(()), |document| fact("document", document))?;
    fact("library", direction(profile))?;
    print_scheme(profile.scheme())?;
    let delivery = profile.delivery();
    for (name, value) in delivery.headers() {
        fact("sends", &format!("{name}: {value}"))?;
    }
    delivery.user_agent().map_or(Ok(()), |text| fact("sends", &format!("user-agent: {text}")))?;
    fact("success", &delivery.success().to_string())?;
    delivery.timeout().map_or(Ok(()), |timeout| fact("timeout", &Seconds(timeout).to_string()))?;
    if let Some(waits) = delivery.retry_schedule() {
        let waits: Vec<_> = waits.iter().map(|wait| Seconds(*wait).to_string()).collect();
        fact("retries after", &waits.join(", "))?;
    }
    if let Some(failures) = delivery.disable_after_failures() {
        fact("disabled after", &format!("{failures} failed deliveries in a row"))?;
    }
    fact("unsigned", if delivery.unsigned_allowed() { "allowed" } else { "refused" })?;
    profile.unconfirmed().iter().try_for_each(|sentence| fact("unconfirmed", sentence))?;
    if let Some(challenge) = profile.challenge() {
        let Asks { method, signed_by, success, answer } = Asks::new(challenge);
        output::line("challenge")?;
        let signed = match signed_by {
            "delivery" => "signed as events are",
            "challenge" => "signed as follows",
            _ => "not signed",
        };
        fact("asks by", &format!("{method}, {signed}"))?;
        let answer = answer.map_or_else(String::new, |answer| format!(", and {answer}"));
        fact("answered by", &format!("{success}{answer}"))?;
        challenge.scheme().map_or(Ok(()), print_scheme)?;
    }
    Ok(())
}

fn print_scheme(scheme: &Scheme) -> Result<(), OutputError> {
    fact("algorithm", &scheme.algorithm_text())?;
    if scheme.content().len() > 0 {
        fact("signed content", &content(scheme))?;
    }
    scheme.signature_place().map_or(Ok(()), |place| {
        let shape = scheme.signature_grammar().into_iter().chain(scheme.signature_encoding());
        fact("signature in", &format!("{place} ({})", shape.collect::<Vec<_>>().join(", ")))
    })?;
    if let (Some(place), Some(format)) = (scheme.timestamp_place(), scheme.timestamp_format()) {
        fact("timestamp in", &format!("{place} ({format})"))?;
    }
    for (name, place) in [("id in", scheme.id_place()), ("event type in", scheme.event_type_place())] {
        let signed = |signed| if signed { "" } else { " (not signed)" };
        place.map_or(Ok(()), |(place, covered)| fact(name, &format!("{place}{}", signed(covered))))?;
    }
    scheme.required_headers().try_for_each(|(name, value)| fact("needs", &format!("{name}: {value}")))?;
    scheme.params().try_for_each(|param| fact("parameter", param))?;
    fact("tolerance", &tolerance(scheme))?;
    if scheme.signature_place().is_some() {
        fact("signs with", rotation(scheme))?;
    }
    let flags: Vec<&str> = scheme.flags().names().collect();
    if flags.is_empty() { Ok(()) } else { fact("not proven", &flags.join(", ")) }
}

fn fact(name: &str, value: &str) -> Result<(), OutputError> {
    output::line(format_args!("  {name:<14}  {value}"))
}
