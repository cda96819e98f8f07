//! Headers that have another name, stand twice, or hold another format than the profile says.

use std::sync::Arc;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding, names};
use crate::limits::MAX_CANDIDATES;
use crate::scheme::{Scheme, TimestampFormat};

/// How many headers are tried in place of one.
const MAX_ALIKE: usize = 6;

/// The changes to the headers, the likeliest first.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let mut changes = renamed(question, scheme);
    changes.extend(repeated(question, scheme));
    changes.extend(formats(scheme));
    changes
}

/// A header that the scheme reads and the request does not have.
struct Missing {
    name: String,
    role: Role,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Signature,
    Timestamp,
    Id,
}

fn renamed(question: &Question<'_>, scheme: &Scheme) -> Vec<Change> {
    let present = names::present(&question.request);
    let missing = missing(question, scheme);
    let mut changes = Vec::new();
    for wanted in &missing {
        for found in names::alike(&wanted.name, &present).into_iter().take(MAX_ALIKE) {
            let mut change = Change { findings: Vec::new(), edits: Vec::new() };
            replace(question, wanted, &found, &mut change);
            if missing.len() > 1 {
                for other in missing.iter().filter(|other| other.role != wanted.role) {
                    let found = counterpart(wanted, &found, other, &present);
                    found.into_iter().for_each(|found| replace(question, other, &found, &mut change));
                }
            }
            changes.push(change);
        }
    }
    changes
}

fn missing(question: &Question<'_>, scheme: &Scheme) -> Vec<Missing> {
    let covered = scheme.id.as_ref().is_some_and(|rule| rule.covered);
    let roles = [
        (Role::Signature, names::signature(scheme)),
        (Role::Timestamp, scheme.timestamp_header().map(str::to_owned)),
        (Role::Id, scheme.id_header().filter(|_| covered).map(str::to_owned)),
    ];
    let absent = |name: &String| names::value(&question.request, name).is_none();
    roles.into_iter().filter_map(|(role, name)| Some(Missing { role, name: name.filter(absent)? })).collect()
}

fn replace(question: &Question<'_>, wanted: &Missing, found: &str, change: &mut Change) {
    let Some(value) = names::value(&question.request, found) else { return };
    change.edits.push(Edit::Header { name: wanted.name.clone(), value: value.to_vec() });
    let (what, code) = match wanted.role {
        Role::Signature => ("signature", Code::SignatureInOtherHeader),
        Role::Timestamp => ("timestamp", Code::TimestampInOtherHeader),
        Role::Id => ("delivery id", Code::IdInOtherHeader),
    };
    let sentence = format!(
        "The {what} stands in the header `{found}` and not in `{}`: a proxy or a framework renamed it, or the sender has another name for it. Give it its name back, or set the name in the profile.",
        wanted.name
    );
    change.findings.push(Finding::new(code, sentence).with("header", found).with("expected", &wanted.name));
}

/// The header that is to `other` what `found` is to `wanted`, as `svix-id` is to `webhook-id`.
fn counterpart(wanted: &Missing, found: &str, other: &Missing, present: &[String]) -> Option<String> {
    let common =
        wanted.name.bytes().rev().zip(found.bytes().rev()).take_while(|(left, right)| left == right).count();
    let (from, to) = (&wanted.name[..wanted.name.len() - common], &found[..found.len() - common]);
    let renamed = other.name.strip_prefix(from).map(|rest| format!("{to}{rest}"));
    let renamed = renamed.filter(|name| present.contains(name));
    renamed.or_else(|| names::alike(&other.name, present).into_iter().next())
}

/// Each of several lines alone.
fn repeated(question: &Question<'_>, scheme: &Scheme) -> Vec<Change> {
    let Some(name) = names::signature(scheme) else { return Vec::new() };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    question.request.headers.lines(&name, &mut |line| {
        if lines.len() < MAX_CANDIDATES {
            lines.push(line.to_vec());
        }
    });
    if lines.len() < 2 {
        return Vec::new();
    }
    let count = lines.len();
    let change = |(index, value): (usize, Vec<u8>)| {
        let sentence = format!(
            "The header `{name}` stands {count} times, and line {} of them alone would verify: a proxy or a client sends it again. See to it that it is sent once.",
            index + 1
        );
        let finding = Finding::new(Code::SignatureHeaderRepeated, sentence)
            .with("header", &name)
            .with("line", index + 1);
        Change::one(finding, Edit::Header { name: name.clone(), value })
    };
    lines.into_iter().enumerate().map(change).collect()
}

/// The timestamp in another format.
fn formats(scheme: &Scheme) -> Vec<Change> {
    let Some(rule) = &scheme.timestamp else { return Vec::new() };
    let change = |(name, format): &(&str, TimestampFormat)| {
        let sentence = format!(
            "The timestamp is written as `{name}`, and the profile reads `{}`; the signature is right for it as it is written. Send the profile's format, or set `format` under `[scheme.timestamp]`.",
            own_name(rule.format)
        );
        let finding = Finding::new(Code::TimestampFormat, sentence).with("format", name);
        Change::one(finding, Edit::TimestampFormat(*format))
    };
    TimestampFormat::NAMES.iter().filter(|(_, format)| *format != rule.format).map(change).collect()
}

fn own_name(format: TimestampFormat) -> &'static str {
    TimestampFormat::NAMES.iter().find(|(_, known)| *known == format).map_or("", |(name, _)| name)
}
