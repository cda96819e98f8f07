//! What a page says of a profile: sentences and rows, worked out from its scheme and its delivery policy.

mod mistakes;
mod scope;

use std::time::Duration;

use serde::Serialize;

use super::escape::{cell, code_span};
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
    digest_encoding: &'static str,
    tolerance: String,
    success: String,
    limits: Vec<(String, String)>,
    not_covered: Vec<String>,
    mistakes: Vec<String>,
    rotation_wait: String,
    variable: String,
    needs_url: bool,
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
            where_signature: text(where_signature),
            grammar_text: text(grammar),
            where_timestamp: text(where_timestamp),
            timestamp_form: text(timestamp_form),
            content_text: text(content),
            reading_text: text(reading),
            compute: text(compute),
            key_text: text(key),
            encoding_text: text(|plan| match plan.uses.public_key {
                true => String::new(),
                false => format!(", and write it in {}", encoding(plan.encoding)),
            }) + ".",
            digest_encoding: plan
                .and_then(|plan| plan.body_digest.as_ref())
                .map_or("", |digest| encoding(digest.encoding)),
            tolerance: tolerance(scheme),
            success: success(profile),
            limits: limits(profile),
            not_covered: not_covered(scheme),
            mistakes: mistakes(profile, plan),
            rotation_wait: rotation_wait(scheme),
            variable: code::environment_variable(profile),
            needs_url: plan::extras(scheme).iter().any(|extra| extra.kind == "url"),
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
                "a signature; more of them in `2`, `3` and so on".to_owned(),
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

fn where_signature(plan: &Plan) -> String {
    let name = code_span(&plan.carrier.name);
    match plan.carrier.kind {
        "headers" => {
            let names: Vec<String> = plan.carrier.names.iter().map(|name| code_span(name)).collect();
            format!("from {}, whichever are there.", names.join(" and "))
        }
        "numbered" => format!(
            "from {}, and from `2`, `3` and so on while they are there.",
            code_span(&format!("{}1", plan.carrier.name))
        ),
        "json" => format!("at {name} in the body, which is JSON."),
        "form" => format!("from the field {name} of the body, which is a form."),
        "query" => format!("from the parameter {name} of the URL."),
        _ if plan.carrier.repeated => format!("from every line of {name}."),
        _ => format!("from {name}."),
    }
}

fn grammar(plan: &Plan) -> String {
    let grammar = &plan.grammar;
    match grammar.kind {
        "prefix" if grammar.separator.is_empty() => {
            format!(" It begins with {}; take that off.", code_span(&grammar.prefix))
        }
        "prefix" => format!(
            " It begins with {}, once; then come signatures with {} between them.",
            code_span(&grammar.prefix),
            code_span(&grammar.separator)
        ),
        "algorithm-prefix" => {
            let digests: Vec<String> =
                plan.algorithm.digests.iter().map(|digest| code_span(digest)).collect();
            format!(
                " It is the name of a digest, `=`, and the signature. Allow {} and no other.",
                digests.join(", ")
            )
        }
        "pairs" => pairs(plan),
        _ => String::new(),
    }
}

fn pairs(plan: &Plan) -> String {
    let grammar = &plan.grammar;
    let mut text = String::new();
    if !grammar.groups.is_empty() {
        text += &format!(
            " It holds groups with {} between them, each with its own timestamp.",
            named(&grammar.groups)
        );
    }
    text += &format!(
        " Split it at each {}, and each item at its first {} into a key and a value.",
        named(&grammar.separator),
        named(&grammar.assign)
    );
    if grammar.trim {
        text += " Take spaces off both ends of an item.";
    }
    if !grammar.timestamp.is_empty() {
        text += &format!(" {} is the timestamp and stands once.", code_span(&grammar.timestamp));
    }
    if !grammar.names.is_empty() {
        text += &format!(" {} lists the names of headers that are signed.", code_span(&grammar.names));
    }
    let keys: Vec<String> = grammar.keys.iter().map(|key| code_span(key)).collect();
    text += &match &grammar.key_param {
        Some(param) => format!(" The signature under your {} is the one to check.", code_span(&param.name)),
        None if !grammar.numbered.is_empty() => format!(
            " Every {} followed by digits is a signature, and there may be several.",
            code_span(&grammar.numbered)
        ),
        None => format!(" Every {} is a signature, and there may be several.", keys.join(" or ")),
    };
    text + " Skip other keys."
}

fn named(character: &str) -> String {
    match character {
        " " => "space".to_owned(),
        "," => "comma".to_owned(),
        ";" => "semicolon".to_owned(),
        other => code_span(other),
    }
}

fn where_timestamp(plan: &Plan) -> String {
    let Some(timestamp) = &plan.timestamp else { return String::new() };
    let name = code_span(&timestamp.name);
    match timestamp.kind {
        "field" => format!("from {name} of the same header"),
        "json" => format!("from {name} in the body"),
        _ => format!("from {name}"),
    }
}

fn timestamp_form(plan: &Plan) -> String {
    let form = match plan.timestamp.as_ref().map(|timestamp| timestamp.format) {
        Some("unix-seconds") => "whole seconds since 1970 in 1 to 15 digits",
        Some("unix-millis") => "milliseconds since 1970 in 1 to 15 digits",
        _ => "an RFC 3339 date and time with a zone, such as `2025-01-01T12:00:00.000Z`",
    };
    form.to_owned()
}

fn content(plan: &Plan) -> String {
    let pieces = plan.content.iter().map(|piece| match piece.kind {
        "literal" => match piece.text.as_str() {
            "\n" => "a line feed".to_owned(),
            text => code_span(text),
        },
        "timestamp" => "the timestamp".to_owned(),
        "id" => "the id".to_owned(),
        "body" if plan.reading == "raw" => "the body".to_owned(),
        "body" => "the body without spaces".to_owned(),
        "body-sha256" => "the SHA-256 of the body in small hexadecimal letters".to_owned(),
        "url" => "the URL as the sender has it".to_owned(),
        "secret" => "the secret".to_owned(),
        "signed-names" => "the list of header names".to_owned(),
        "signed-values" => "their values with `.` between them".to_owned(),
        "sorted-form" => {
            "every name and value of the form, sorted and without anything between them".to_owned()
        }
        "param" => format!("your {}", code_span(&piece.text)),
        "value" => {
            let value = plan.values.iter().find(|value| value.variable == piece.text);
            value.map_or_else(String::new, |value| code_span(&value.name))
        }
        _ => "the method".to_owned(),
    });
    let pieces: Vec<String> = pieces.collect();
    match pieces.as_slice() {
        [only] => format!("{only} alone"),
        pieces => format!("{}, with nothing else between them", pieces.join(", ")),
    }
}

fn reading(plan: &Plan) -> String {
    let text = match plan.reading {
        "strip-spaces" => {
            " Take every space (the byte `0x20`) out of the body for this, also within strings; tabs and line breaks stay."
        }
        "json-compact" => " Take the white space outside of strings out of the body for this.",
        _ if plan.endings.len() > 1 => " Try it with a line feed at the end as well.",
        _ => "",
    };
    text.to_owned()
}

fn compute(plan: &Plan) -> String {
    match plan.algorithm.kind {
        "hmac" => format!("Compute HMAC-{}", digest_name(plan.algorithm.digest)),
        "named" => "Compute the HMAC with that digest".to_owned(),
        "hash" => format!("Compute the {}", digest_name(plan.algorithm.digest)),
        "ed25519" => "Verify the Ed25519 signature over it".to_owned(),
        _ => "Verify the ECDSA signature (P-256, SHA-256, DER) over it".to_owned(),
    }
}

fn digest_name(digest: &str) -> String {
    digest.to_uppercase().replace("SHA", "SHA-")
}

fn key(plan: &Plan) -> String {
    if plan.algorithm.kind == "hash" {
        return String::new();
    }
    let mut parts = Vec::new();
    for step in &plan.key {
        parts.push(match step.step {
            "strip" => format!("without {} at its beginning", code_span(&step.prefix)),
            "base64" => "decoded from base64".to_owned(),
            "hex" => "decoded from hexadecimal".to_owned(),
            "sha1" => "as its SHA-1 digest".to_owned(),
            _ => continue,
        });
    }
    let what = if plan.uses.public_key { "with the public key" } else { "with the secret as the key" };
    match parts.is_empty() {
        true => format!("{what}, exactly as it is shown to you"),
        false => format!("{what}, {}", parts.join(" and ")),
    }
}

fn encoding(name: &str) -> &'static str {
    match name {
        "hex" => "hexadecimal (small and capital letters are the same)",
        "hex-lower" => "hexadecimal with small letters",
        "base64" => "base64 with padding",
        _ => "base64 in the URL alphabet without padding",
    }
}

fn tolerance(scheme: &Scheme) -> String {
    let bounds = scheme.timestamp.as_ref().map(|rule| (rule.past, rule.future));
    match bounds {
        Some((Some(past), Some(future))) if past == future => {
            format!("the timestamp may lie {} in the past or in the future", duration(past))
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
    Some(ChallengeFacts { header, success: challenge.success().to_string() })
}

/// A duration in words, in the largest unit that is whole.
fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units =
        [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"), (1, "millisecond")];
    let whole = units.iter().find(|(unit, _)| millis >= *unit && millis % unit == 0);
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
