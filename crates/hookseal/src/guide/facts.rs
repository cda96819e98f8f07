//! What a page says of a profile: sentences and rows, worked out from its scheme and its delivery policy.

mod mistakes;
mod scope;
mod steps;

use std::time::Duration;

use serde::Serialize;

use super::escape::cell;
use super::example::{self, Example};
use super::plan::Plan;
use super::{code, plan};
use crate::profile::{Part, Profile};
use crate::scheme::{Carrier, IdentityRule, IdentitySource, Scheme, TimestampSource};

pub(super) use mistakes::mistakes;
pub(super) use scope::not_covered;

/// The facts of a page.
#[derive(Debug, Serialize)]
pub(super) struct PageFacts {
    name: String,
    title: String,
    document: Option<String>,
    /// Whether the vendor sends no proof at all.
    unsigned: bool,
    /// Why there is no code beside that of the library.
    reason: String,
    headers: Vec<HeaderFacts>,
    /// The header with its example, where its grammar shows better than it can be said.
    value_shape: String,
    where_signature: String,
    grammar_text: String,
    where_timestamp: String,
    timestamp_form: String,
    content_text: String,
    reading_text: String,
    compute: String,
    key_text: String,
    encoding_text: String,
    digest_name: String,
    digest_encoding: &'static str,
    /// Whether the bytes of the body take part in the verification.
    body_counts: bool,
    tolerance: String,
    success: String,
    limits: Vec<(String, String)>,
    not_covered: Vec<String>,
    mistakes: Vec<String>,
    rotation_wait: String,
    variable: String,
    needs_url: bool,
    /// Whether the vendor publishes the key.
    fetches_key: bool,
    languages: Vec<&'static str>,
    challenge: Option<ChallengeFacts>,
}

#[derive(Debug, Serialize)]
struct HeaderFacts {
    name: String,
    holds: String,
    signed: &'static str,
}

#[derive(Debug, Serialize)]
struct ChallengeFacts {
    header: String,
    success: String,
    /// Whether all but the header is as for events.
    alike: bool,
}

impl PageFacts {
    pub(super) fn of(
        profile: &Profile,
        plan: Result<&Plan, String>,
        example: Option<&Example>,
        languages: Vec<&'static str>,
    ) -> Self {
        let scheme = profile.scheme();
        let (plan, reason) = match plan {
            Ok(plan) => (Some(plan), String::new()),
            Err(reason) => (None, reason),
        };
        let text = |say: fn(&Plan) -> String| plan.map(say).unwrap_or_default();
        Self {
            name: profile.name().to_owned(),
            title: profile.title().to_owned(),
            document: profile.document().map(str::to_owned),
            unsigned: scheme.signature.is_none(),
            reason,
            headers: headers(profile, example),
            value_shape: value_shape(scheme, example),
            where_signature: text(steps::where_signature),
            grammar_text: text(steps::grammar),
            where_timestamp: text(steps::where_timestamp),
            timestamp_form: text(steps::timestamp_form),
            content_text: text(steps::content),
            reading_text: text(steps::reading),
            compute: text(steps::compute),
            key_text: text(steps::key),
            encoding_text: text(|plan| match plan.uses.public_key {
                true => String::new(),
                false => format!(", and write it in {}", steps::encoding(plan.encoding)),
            }) + ".",
            digest_name: plan
                .and_then(|plan| plan.body_digest.as_ref())
                .map_or_else(String::new, |digest| steps::digest_name(digest.digest)),
            body_counts: plan
                .is_some_and(|plan| !matches!(plan.algorithm.kind, "token" | "basic") || plan.uses.json),
            digest_encoding: plan
                .and_then(|plan| plan.body_digest.as_ref())
                .map_or("", |digest| steps::encoding(digest.encoding)),
            tolerance: tolerance(scheme),
            success: success(profile),
            limits: limits(profile),
            not_covered: not_covered(scheme),
            mistakes: mistakes(profile, plan),
            rotation_wait: rotation_wait(scheme),
            variable: code::environment_variable(profile),
            needs_url: plan::extras(scheme).iter().any(|extra| extra.kind == "url"),
            fetches_key: scheme.fetches_key(),
            languages,
            challenge: challenge(profile),
        }
    }
}

/// The headers of a delivery: those of the example, or those that the scheme names.
fn headers(profile: &Profile, example: Option<&Example>) -> Vec<HeaderFacts> {
    let scheme = profile.scheme();
    let mut rows: Vec<HeaderFacts> = Vec::new();
    let mut push = |name: &str, holds: String, signed: &'static str| {
        if !rows.iter().any(|row| row.name == name) {
            rows.push(HeaderFacts { name: name.to_owned(), holds, signed });
        }
    };
    match scheme.signature.as_ref().map(|rule| &rule.carrier) {
        Some(Carrier::Headers(names)) => {
            let holds = if scheme.algorithm().is_some_and(|algorithm| algorithm.is_shared_token()) {
                "the secret itself"
            } else {
                "the signature"
            };
            names.iter().for_each(|name| push(name, holds.to_owned(), "it is the proof"));
        }
        Some(Carrier::Numbered(start)) => {
            push(
                &format!("{start}1"),
                "a signature; more of them with `2`, `3` and so on at the end".to_owned(),
                "it is the proof",
            );
        }
        Some(Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_)) | None => {}
    }
    if let Some(TimestampSource::Header(name)) = scheme.timestamp.as_ref().map(|rule| &rule.source) {
        push(name, "when it was signed".to_owned(), "yes");
    }
    let identities = [(&scheme.id, "the id of the delivery"), (&scheme.event_type, "the type of the event")];
    for (rule, holds) in identities {
        if let Some(IdentityRule { source: IdentitySource::Header(name), covered, .. }) = rule {
            push(name, holds.to_owned(), if *covered { "yes" } else { "**no**" });
        }
    }
    for header in &scheme.required {
        push(&header.name, cell(&header.value), "no, but it must be there");
    }
    for (name, value) in example.into_iter().flat_map(|example| &example.headers) {
        let holds = match value.as_str() {
            example::SUBSCRIPTION => "the id of the subscription, the same for every delivery".to_owned(),
            value => cell(value),
        };
        push(name, holds, "no");
    }
    if let Some(user_agent) = profile.delivery().user_agent() {
        push("user-agent", cell(user_agent), "no");
    }
    rows
}

fn value_shape(scheme: &Scheme, example: Option<&Example>) -> String {
    let header = scheme.signature_header();
    let found = header.and_then(|name| example?.headers.iter().find(|(known, _)| known == name));
    found.map_or_else(String::new, |(name, value)| format!("```http\n{name}: {value}\n```"))
}

fn tolerance(scheme: &Scheme) -> String {
    let bounds = scheme.timestamp.as_ref().map(|rule| (rule.past, rule.future));
    match bounds {
        Some((Some(past), Some(future))) if past == future => {
            format!("the timestamp may lie {} in the past or in the future", duration(past))
        }
        Some((Some(past), Some(Duration::ZERO))) => {
            format!("the timestamp may lie {} in the past, and not in the future", duration(past))
        }
        Some((Some(past), Some(future))) => {
            format!(
                "the timestamp may lie {} in the past and {} in the future",
                duration(past),
                duration(future)
            )
        }
        Some((Some(past), None)) => format!("the timestamp may lie {} in the past", duration(past)),
        Some((None, Some(future))) => format!("the timestamp may lie {} in the future", duration(future)),
        Some((None, None)) | None => String::new(),
    }
}

fn success(profile: &Profile) -> String {
    code::success_status(profile).to_string()
}

fn limits(profile: &Profile) -> Vec<(String, String)> {
    let delivery = profile.delivery();
    let scheme = profile.scheme();
    let mut rows = Vec::new();
    let mut row = |what: &str, text: String| rows.push((what.to_owned(), text));
    match tolerance(scheme) {
        text if text.is_empty() => row("Age", "not checked: there is no timestamp to check".to_owned()),
        text => row("Age", text),
    }
    row("Delivered", format!("any answer with {}", cell(&delivery.success().to_string())));
    match delivery.timeout() {
        Some(timeout) => row("Timeout", format!("{}; answer first, and work afterwards", duration(timeout))),
        None => row("Timeout", "not documented; answer within a few seconds, and work afterwards".to_owned()),
    }
    match delivery.retry_schedule() {
        Some(waits) => {
            let waits: Vec<String> = waits.iter().map(|wait| duration(*wait)).collect();
            row("Retries", format!("after {}", waits.join(", ")));
        }
        None => row("Retries", "no schedule is documented; expect the same event more than once".to_owned()),
    }
    if let Some(failures) = delivery.disable_after_failures() {
        row("Switched off", format!("after {failures} failed deliveries in a row"));
    }
    if delivery.unsigned_allowed() {
        row(
            "Without a secret",
            "deliveries come unsigned; set one, and refuse what has no signature".to_owned(),
        );
    }
    rows
}

fn rotation_wait(scheme: &Scheme) -> String {
    if scheme.signs_with_several() {
        return ": while both are active, requests carry a signature by each".to_owned();
    }
    ": retries of earlier deliveries may still be signed with it".to_owned()
}

fn challenge(profile: &Profile) -> Option<ChallengeFacts> {
    let challenge = profile.challenge()?;
    let scheme = profile.part(Part::Challenge)?;
    let header = scheme.signature_header()?.to_owned();
    let steps = |part: Part| Plan::of(profile, part).ok().map(Plan::without_header);
    let alike = steps(Part::Challenge).is_some_and(|plan| Some(plan) == steps(Part::Delivery));
    Some(ChallengeFacts { header, success: challenge.success().to_string(), alike })
}

/// A duration in words, in the largest unit that is whole.
fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units =
        [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"), (1, "millisecond")];
    let whole = units.iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) if millis / unit == 1 => format!("1 {name}"),
        Some((unit, name)) => format!("{} {name}s", millis / unit),
        None => "no time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_words() {
        let words = [0, 1, 1500, 1000, 300_000, 3_600_000, 432_000_000]
            .map(|millis| duration(Duration::from_millis(millis)));
        let expected =
            ["no time", "1 millisecond", "1500 milliseconds", "1 second", "5 minutes", "1 hour", "5 days"];
        assert_eq!(words, expected);
    }
}
