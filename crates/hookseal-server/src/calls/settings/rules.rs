//! The fields by which an owner overrides what the profile says of outcomes, and asks for an order.

use hookseal::StatusSet;
use hookseal_engine::{DisableAfter, OnGiveUp, SubscriptionSettings, limits as engine};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::{Given, Problems};

/// `success`, `disable_after`, `ordered` and `on_give_up`.
pub(super) struct Rules {
    success: Given<StatusSet>,
    disable_after: Given<DisableAfter>,
    ordered: Given<bool>,
    on_give_up: Given<OnGiveUp>,
}

impl Rules {
    pub(super) fn read(problems: &mut Problems, fields: [Option<&RawValue>; 4]) -> Self {
        let [success, disable_after, ordered, on_give_up] = fields;
        Self {
            success: read_success(problems, success),
            disable_after: read_disable_after(problems, disable_after),
            ordered: problems.read("ordered", ordered, "true, false or null"),
            on_give_up: read_on_give_up(problems, on_give_up),
        }
    }

    /// Puts what is wished in its place. An order that is asked for stops where nothing else is said.
    pub(super) fn put(self, problems: &mut Problems, settings: &mut SubscriptionSettings) {
        self.success.put(&mut settings.success);
        self.disable_after.put(&mut settings.disable_after);
        let ordered = match self.ordered {
            Given::Absent => settings.ordered.is_some(),
            Given::Null => false,
            Given::Value(ordered) => ordered,
        };
        let before = settings.ordered.filter(|_| self.on_give_up == Given::Absent);
        settings.ordered = ordered.then(|| before.unwrap_or(OnGiveUp::Stop));
        if let Given::Value(choice) = self.on_give_up {
            if ordered {
                settings.ordered = Some(choice);
            } else {
                problems.add("on_give_up", "is for webhooks with `\"ordered\": true` alone");
            }
        }
    }
}

/// One code or range, or several of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Codes {
    One(Code),
    Several(Vec<Code>),
}

/// A code, or a text that names one or a range.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u16),
    Text(String),
}

fn read_success(problems: &mut Problems, text: Option<&RawValue>) -> Given<StatusSet> {
    let field = "success";
    let expected = "an array of status codes and ranges such as [\"200-299\", 410], or null";
    let codes = match problems.read::<Codes>(field, text, expected) {
        Given::Value(Codes::One(code)) => vec![code],
        Given::Value(Codes::Several(codes)) => codes,
        Given::Null => return Given::Null,
        Given::Absent => return Given::Absent,
    };
    if codes.is_empty() {
        problems.add(field, "names no status code; null means what the profile says");
        return Given::Absent;
    }
    if codes.len() > engine::SUCCESS_ENTRIES_MAX {
        let allowed = engine::SUCCESS_ENTRIES_MAX;
        problems.add(field, format!("has {} entries, {allowed} are allowed", codes.len()));
        return Given::Absent;
    }
    let texts = codes.into_iter().map(|code| match code {
        Code::Number(number) => number.to_string(),
        // A comma is what the set's own notation has between codes, and no part of one.
        Code::Text(text) => text.replace(',', "\u{fffd}"),
    });
    match texts.collect::<Vec<_>>().join(",").parse() {
        Ok(set) => Given::Value(set),
        Err(hookseal::StatusSetError { text, .. }) => {
            problems.add(
                field,
                format!("`{text}` is neither a status code such as 204 nor a range such as 200-299"),
            );
            Given::Absent
        }
    }
}

/// A number of failed deliveries, or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum After {
    Failures(u32),
    Text(String),
}

fn read_disable_after(problems: &mut Problems, text: Option<&RawValue>) -> Given<DisableAfter> {
    let field = "disable_after";
    let most = engine::DISABLE_AFTER_FAILURES_MAX;
    let expected = format!(
        "a number of failed deliveries in a row from 1 to {most}, a time without a success such as \"5d\" (from {} \
         to {}), \"never\", or null",
        DisableAfter::Time(engine::DISABLE_AFTER_MIN),
        DisableAfter::Time(engine::DISABLE_AFTER_MAX),
    );
    let read = match problems.read::<After>(field, text, &expected) {
        Given::Value(After::Failures(count)) => {
            (1..=most).contains(&count).then_some(DisableAfter::Failures(count))
        }
        // A number is a number, and a text with nothing but one has no unit.
        Given::Value(After::Text(text)) => {
            text.parse().ok().filter(|rule| !matches!(rule, DisableAfter::Failures(_)))
        }
        Given::Null => return Given::Null,
        Given::Absent => return Given::Absent,
    };
    if let Some(rule) = read {
        return Given::Value(rule);
    }
    problems.add(field, format!("must be {expected}"));
    Given::Absent
}

fn read_on_give_up(problems: &mut Problems, text: Option<&RawValue>) -> Given<OnGiveUp> {
    let expected = "`stop`, `skip` or null";
    match problems.read::<String>("on_give_up", text, expected) {
        Given::Value(name) => {
            if let Some(choice) = OnGiveUp::from_name(&name) {
                return Given::Value(choice);
            }
            problems.add("on_give_up", format!("must be {expected}"));
            Given::Absent
        }
        Given::Null => Given::Null,
        Given::Absent => Given::Absent,
    }
}
