//! Writing a layout as the document of a profile.

use std::fmt::Write;

use super::captured::Captured;
use super::fields::Place;
use super::layout::{Layout, Variant};
use super::shapes::Shape;
use super::values::{self, Source};
use crate::body::BodyReading;
use crate::scheme::{DigestKind, Encoding, TimestampFormat};
use crate::values::sha256_hex;

/// What a document says of itself.
#[derive(Clone, Copy)]
pub(super) struct Heading<'h> {
    /// The name of the profile.
    pub(super) name: &'h str,
    /// What cannot be known, as comments.
    pub(super) open: &'h [String],
    /// The weaknesses that it admits.
    pub(super) admitted: &'h [&'static str],
}

/// The document of a profile that has this layout.
pub(super) fn document(
    layout: &Layout<'_>,
    variant: Variant,
    requests: &[Captured],
    heading: Heading<'_>,
) -> String {
    let mut toml = Toml(String::new());
    let count = match requests.len() {
        1 => "one captured request".to_owned(),
        count => format!("{count} captured requests"),
    };
    toml.head(&count, heading);
    write_scheme(&mut toml, layout, variant, requests);
    toml.admit(heading.admitted);
    write_signature(&mut toml, layout, variant);
    write_timestamp(&mut toml, layout);
    write_id(&mut toml, layout, requests);
    if let Some(reading) = variant.reading.filter(|reading| *reading != BodyReading::Raw) {
        toml.table("scheme.body");
        toml.list("strict", &[reading.as_str().to_owned()]);
    }
    write_body_digest(&mut toml, layout, requests);
    toml.0
}

/// The document of a profile whose secret is sent along in a place of the request.
pub(super) fn token_document(algorithm: &str, place: &Place, heading: Heading<'_>) -> String {
    let mut toml = Toml(String::new());
    toml.head("captured requests", heading);
    toml.table("scheme");
    toml.text("algorithm", algorithm);
    toml.list("key", &["utf8".to_owned()]);
    toml.admit(heading.admitted);
    toml.table("scheme.signature");
    write_place(&mut toml, place);
    toml.0
}

/// The document of a profile for RFC 9421, `dated` where signatures have to say when they were made.
pub(super) fn message_signature_document(pipeline: &[String], dated: bool, heading: Heading<'_>) -> String {
    let mut toml = Toml(String::new());
    toml.head("captured requests", heading);
    toml.table("scheme");
    toml.text("algorithm", "hmac-sha256");
    toml.list("key", pipeline);
    toml.list("content", &["{canonical:rfc9421}".to_owned()]);
    toml.admit(heading.admitted);
    toml.table("scheme.signature");
    toml.text("header", "signature");
    toml.text("grammar", "dictionary");
    toml.text("encoding", "base64");
    if dated {
        toml.table("scheme.timestamp");
        toml.text("field", "created");
        toml.tolerance(TimestampFormat::UnixSeconds);
    }
    toml.0
}

/// The text of a document in the making.
struct Toml(String);

impl Toml {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Where the document comes from, what it leaves open, and its name.
    fn head(&mut self, from: &str, heading: Heading<'_>) {
        self.line(&format!("# Found from {from}, which it verifies."));
        if !heading.open.is_empty() {
            self.line("# Not to be seen there, and to be looked up in the vendor's documentation:");
        }
        heading.open.iter().for_each(|question| self.line(&format!("# - {question}")));
        self.text("name", heading.name);
    }

    /// The weaknesses that the scheme has, each with what it means.
    fn admit(&mut self, admitted: &[&str]) {
        if admitted.is_empty() {
            return;
        }
        for name in admitted {
            self.line(&format!("# {name}: {}.", consequence(name)));
        }
        let names: Vec<String> = admitted.iter().map(|name| (*name).to_owned()).collect();
        self.list("admit", &names);
    }

    fn tolerance(&mut self, format: TimestampFormat) {
        let known = TimestampFormat::NAMES.iter().find(|(_, known)| *known == format);
        self.text("format", known.map_or("", |(name, _)| name));
        self.line("# The usual tolerance: a request does not say how old it may be.");
        self.text("past", "5m");
        self.text("future", "5m");
    }

    fn table(&mut self, path: &str) {
        self.line(&format!("\n[{path}]"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {}", quoted(value)));
    }

    fn list(&mut self, key: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.line(&format!("{key} = [{}]", values.join(", ")));
    }

    fn flag(&mut self, key: &str) {
        self.line(&format!("{key} = true"));
    }
}

/// What a weakness lets happen, as one clause.
fn consequence(admission: &str) -> &'static str {
    match admission {
        "body-unsigned" => "the signature does not cover the body as a whole, so it holds for other bodies",
        "weak" => "SHA-1, a plain digest or a CRC binds what is signed, which is not to be relied on",
        "body-malleable" => "bodies that differ have the same signature",
        _ => "a byte can move from one signed value to the next, and the signature still holds",
    }
}

fn write_scheme(toml: &mut Toml, layout: &Layout<'_>, variant: Variant, requests: &[Captured]) {
    toml.table("scheme");
    match variant.named {
        false => toml.text("algorithm", layout.algorithm.as_str()),
        true => toml.list("algorithms", &named_algorithms(layout, requests)),
    }
    toml.list("key", layout.pipeline);
    toml.list("content", &layout.content());
}

/// The algorithms that the prefixes of the requests name.
fn named_algorithms(layout: &Layout<'_>, requests: &[Captured]) -> Vec<String> {
    let place = layout.field.place.name();
    let names = |digest: &str| {
        let begins = |value: &[u8]| value.starts_with(format!("{digest}=").as_bytes());
        requests.iter().any(|request| request.header(place).is_some_and(begins))
    };
    let known = DigestKind::NAMES.iter().filter(|(digest, _)| names(digest));
    known.map(|(digest, _)| format!("hmac-{digest}")).collect()
}

fn write_signature(toml: &mut Toml, layout: &Layout<'_>, variant: Variant) {
    toml.table("scheme.signature");
    write_place(toml, &layout.field.place);
    match &layout.field.reading.shape {
        Shape::Prefix { .. } if variant.named => toml.text("grammar", "algorithm-prefix"),
        Shape::Bare => {}
        Shape::Prefix { prefix, separator } => {
            toml.text("grammar", "prefix");
            toml.text("prefix", prefix);
            if let Some(separator) = separator {
                toml.text("separator", &char::from(*separator).to_string());
            }
        }
        Shape::Pairs { separator, assign, trim, groups } => {
            toml.text("grammar", "pairs");
            toml.text("separator", &char::from(*separator).to_string());
            toml.text("assign", &char::from(*assign).to_string());
            match layout.numbered_key().filter(|_| variant.numbered) {
                Some(start) => toml.text("numbered", start),
                None => toml.list("keys", &[layout.signature.key.clone().unwrap_or_default()]),
            }
            if let Some(names) = layout.values.iter().find_map(|value| match value.source {
                Source::SignedNames(key) => Some(key),
                _ => None,
            }) {
                toml.text("names", names);
            }
            if *trim {
                toml.flag("trim");
            }
            if *groups {
                toml.text("groups", " ");
            }
        }
    }
    let encoding = Encoding::NAMES.iter().find(|(_, encoding)| *encoding == variant.encoding);
    if let Some((name, _)) = encoding.filter(|(_, encoding)| *encoding != Encoding::Hex) {
        toml.text("encoding", name);
    }
    if has_several(layout) {
        toml.text("rotation", "repeat");
    }
}

/// Whether signatures were seen side by side under the same key.
fn has_several(layout: &Layout<'_>) -> bool {
    let listed = match &layout.field.reading.shape {
        Shape::Bare => false,
        Shape::Prefix { separator, .. } => separator.is_some(),
        Shape::Pairs { groups, .. } => !groups,
    };
    let same_key = layout.field.reading.signatures.iter().filter(|other| other.key == layout.signature.key);
    listed && same_key.count() > 1
}

fn write_place(toml: &mut Toml, place: &Place) {
    match place {
        Place::Header { name, .. } => toml.text("header", name),
        Place::Numbered { start, .. } => toml.text("numbered-header", start),
        Place::Json(path) => toml.text("json", path),
        Place::Form(field) => toml.text("form", field),
        Place::Query(parameter) => toml.text("query", parameter),
    }
    if matches!(place, Place::Header { repeated: true, .. }) {
        toml.flag("repeated");
    }
}

fn write_timestamp(toml: &mut Toml, layout: &Layout<'_>) {
    let contentful = Source::Header("x-contentful-timestamp".to_owned());
    let signs_contentful =
        layout.values.iter().any(|value| *value.source == Source::Digested("{canonical:contentful}"));
    let (source, format) = match layout.time() {
        _ if signs_contentful => (&contentful, TimestampFormat::UnixMillis),
        Some(time) => (time.source, time.format),
        None => return,
    };
    toml.table("scheme.timestamp");
    match source {
        Source::Field(key) => toml.text("field", key),
        Source::Json(path) => toml.text("json", path),
        Source::Header(name) => toml.text("header", name),
        _ => {}
    }
    toml.tolerance(format);
}

/// What separates the id from the next value is refused in it, unless an id has been seen with it.
fn write_id(toml: &mut Toml, layout: &Layout<'_>, requests: &[Captured]) {
    let Some((name, separator)) = layout.id() else { return };
    toml.table("scheme.id");
    toml.text("header", name);
    let is_seen = |separator: &char| {
        let mut ids = requests.iter().filter_map(|request| request.header(name));
        ids.any(|id| id.iter().any(|byte| char::from(*byte) == *separator))
    };
    if let Some(separator) = separator.filter(|separator| !is_seen(separator)) {
        toml.line("# So that nobody can move the boundary between the signed values.");
        toml.text("forbid", &separator.to_string());
    }
}

/// A parameter of the signed URL that is the digest of the body binds the body.
fn write_body_digest(toml: &mut Toml, layout: &Layout<'_>, requests: &[Captured]) {
    let signs_url = layout.values.iter().any(|value| *value.source == Source::Url);
    let covers_body = layout.values.iter().any(|value| value.atom.covers_body());
    let Some(first) = requests.first().filter(|_| signs_url && !covers_body) else { return };
    let digest = sha256_hex(&first.body);
    let parameters = values::query_pairs(&first.url);
    if let Some((name, _)) =
        parameters.iter().find(|(_, value)| value.eq_ignore_ascii_case(digest.as_bytes()))
    {
        toml.table("scheme.body-digest");
        toml.text("query", name);
    }
}

/// A basic string of TOML 1.0.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quoted_texts_read_back(text in any::<String>()) {
            let document = format!("a = {}", super::quoted(&text));
            let (table, errors) = toml::de::DeTable::parse_recoverable(&document);
            prop_assert!(errors.is_empty());
            prop_assert_eq!(table.get_ref()["a"].get_ref().as_str(), Some(text.as_str()));
        }
    }
}
