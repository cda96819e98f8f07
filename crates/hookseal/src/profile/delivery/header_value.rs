//! Values of delivery headers: literals and references to the message.

use crate::error::SignError;
use crate::limits::MAX_FIELD_BYTES;
use crate::message::Message;
use crate::params::Params;
use crate::type_id;

/// The value of a header, written in one pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HeaderValue {
    parts: Vec<HeaderPart>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum HeaderPart {
    Literal(String),
    /// The event type.
    EventType,
    /// The delivery id as it is.
    Id,
    /// The delivery id as the UUID that it stands for.
    IdAsUuid,
    /// The subscription's id.
    Subscription,
    /// A configuration value.
    Param(String),
}

impl HeaderValue {
    /// Reads a text with references such as `{type}`.
    pub(in crate::profile) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (literal, reference) = rest.split_at(open);
            push_literal(&mut parts, literal);
            let end =
                reference.find('}').filter(|end| *end > 0).ok_or("a `{` and its `}` make a reference")?;
            parts.push(match &reference[1..end] {
                "type" => HeaderPart::EventType,
                "id" => HeaderPart::Id,
                "id:uuid" => HeaderPart::IdAsUuid,
                "subscription" => HeaderPart::Subscription,
                reference => match reference.strip_prefix("param:").filter(|name| !name.is_empty()) {
                    Some(name) => HeaderPart::Param(name.to_owned()),
                    None => return Err(KNOWN_REFERENCES.to_owned()),
                },
            });
            rest = &reference[end + 1..];
        }
        push_literal(&mut parts, rest);
        let visible = |part: &HeaderPart| !matches!(part, HeaderPart::Literal(text) if !is_header_text(text));
        match parts.iter().all(visible) && !parts.is_empty() {
            true => Ok(Self { parts }),
            false => Err("a header value is visible ASCII and spaces, and is not empty".to_owned()),
        }
    }

    /// The parameters that it refers to.
    pub(crate) fn params(&self) -> impl Iterator<Item = &String> {
        self.parts.iter().filter_map(|part| match part {
            HeaderPart::Param(name) => Some(name),
            _ => None,
        })
    }

    /// Whether it refers to the subscription.
    #[cfg(feature = "guide")]
    pub(super) fn names_subscription(&self) -> bool {
        self.parts.contains(&HeaderPart::Subscription)
    }

    /// The text that it was read from.
    pub(super) fn text(&self) -> String {
        let part = |part: &HeaderPart| match part {
            HeaderPart::Literal(text) => text.clone(),
            HeaderPart::EventType => "{type}".to_owned(),
            HeaderPart::Id => "{id}".to_owned(),
            HeaderPart::IdAsUuid => "{id:uuid}".to_owned(),
            HeaderPart::Subscription => "{subscription}".to_owned(),
            HeaderPart::Param(name) => format!("{{param:{name}}}"),
        };
        self.parts.iter().map(part).collect()
    }

    /// Appends the value.
    pub(crate) fn write(
        &self,
        message: &Message<'_>,
        params: &Params,
        out: &mut String,
    ) -> Result<(), SignError> {
        for part in &self.parts {
            match part {
                HeaderPart::Literal(text) => out.push_str(text),
                HeaderPart::EventType => push_value("event type", message.event_type.unwrap_or(""), out)?,
                HeaderPart::Id => push_value("id", message.id, out)?,
                HeaderPart::Subscription => push_value("subscription id", message.subscription, out)?,
                HeaderPart::Param(name) => push_value("parameter", params.text(name).unwrap_or(""), out)?,
                HeaderPart::IdAsUuid => type_id::write_uuid(message.id, out).ok_or(SignError::NotUuid)?,
            }
        }
        Ok(())
    }
}

const KNOWN_REFERENCES: &str = "the references here are {type}, {id}, {id:uuid} and {subscription}, and {param:...} in the headers of a scheme";

fn push_literal(parts: &mut Vec<HeaderPart>, text: &str) {
    if !text.is_empty() {
        parts.push(HeaderPart::Literal(text.to_owned()));
    }
}

fn push_value(what: &'static str, value: &str, out: &mut String) -> Result<(), SignError> {
    check_header_value(what, value)?;
    out.push_str(value);
    Ok(())
}

/// Refuses what would end a header line or be read differently by different parsers.
pub(crate) fn check_header_value(what: &'static str, value: &str) -> Result<(), SignError> {
    if value.is_empty() {
        return Err(SignError::Missing { what });
    }
    if value.len() > MAX_FIELD_BYTES {
        return Err(SignError::TooLong { what, limit: MAX_FIELD_BYTES });
    }
    match value.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(SignError::NotVisibleAscii { what }),
    }
}

/// Whether a text of a profile can stand in a header: visible ASCII, and spaces that are not at an end.
pub(in crate::profile) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
