//! A scheme that fits, as data: what was matched, and what of it is a choice.

use super::fields::{Field, Place};
use super::keys::Pipeline;
use super::shapes::{Shape, Signature};
use super::values::{Atom, Source, sounds_like_an_id};
use crate::body::BodyReading;
use crate::limits::MAX_INFER_CANDIDATES;
use crate::scheme::{Algorithm, Encoding, TimestampFormat};

/// A content whose signature was found, with one source for each of its values.
#[derive(Clone, Debug)]
pub(super) struct Layout<'l> {
    pub(super) field: &'l Field,
    pub(super) signature: &'l Signature,
    pub(super) algorithm: Algorithm,
    pub(super) pipeline: &'l Pipeline,
    /// What stands before the values.
    pub(super) version: Option<String>,
    pub(super) values: Vec<Signed<'l>>,
}

/// A signed value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'l> {
    /// What stands before it.
    pub(super) gap: &'static str,
    pub(super) atom: &'l Atom,
    pub(super) source: &'l Source,
}

/// What one request leaves open about a layout without changing what is signed in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Variant {
    /// Which bytes of the body are signed, where it is.
    pub(super) reading: Option<BodyReading>,
    pub(super) encoding: Encoding,
    /// Whether the digits at the end of the signature's key count its signatures.
    pub(super) numbered: bool,
    /// Whether the prefix names the algorithm.
    pub(super) named: bool,
}

/// The timestamp of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Time<'l> {
    pub(super) source: &'l Source,
    pub(super) format: TimestampFormat,
}

impl<'l> Layout<'l> {
    /// The layout for every choice of sources that have the same bytes, the likeliest first. A value of the body by
    /// itself is no source where the whole body is signed.
    pub(super) fn by_source(&self) -> Vec<Layout<'l>> {
        let covers_body = self.values.iter().any(|value| value.atom.covers_body());
        let in_body = |source: &Source| matches!(source, Source::Json(_) | Source::Form(_));
        let mut layouts = vec![Layout { values: Vec::new(), ..self.clone() }];
        for value in &self.values {
            let outside = value.atom.sources.iter().any(|source| !in_body(source));
            let sources =
                value.atom.sources.iter().filter(|source| !(covers_body && outside && in_body(source)));
            let with = |layout: &Layout<'l>, source: &'l Source| {
                let mut layout = layout.clone();
                layout.values.push(Signed { source, ..*value });
                layout
            };
            layouts = sources
                .flat_map(|source| layouts.iter().map(move |layout| with(layout, source)))
                .take(MAX_INFER_CANDIDATES)
                .collect();
        }
        layouts
    }

    /// The variants, the simplest first.
    pub(super) fn variants(&self) -> Vec<Variant> {
        let readings = self.readings();
        let readings: Vec<_> = match readings.is_empty() {
            true => vec![None],
            false => readings.iter().copied().map(Some).collect(),
        };
        let mut variants = Vec::new();
        for encoding in self.encodings() {
            for numbered in [false, true] {
                for named in [false, true] {
                    let fits =
                        (!numbered || self.numbered_key().is_some()) && (!named || self.names_algorithm());
                    variants.extend(readings.iter().filter(|_| fits).map(|reading| Variant {
                        reading: *reading,
                        encoding,
                        numbered,
                        named,
                    }));
                }
            }
        }
        variants
    }

    /// The readings of what is signed of the body that have the same bytes.
    pub(super) fn readings(&self) -> &'l [BodyReading] {
        let read = |value: &&Signed<'_>| matches!(value.source, Source::Body | Source::Form(_));
        self.values.iter().find(read).map_or(&[], |value| &value.atom.readings)
    }

    /// The timestamp: one among the pairs of the signature first, as nothing else can be signed from there.
    pub(super) fn time(&self) -> Option<Time<'l>> {
        let of = |value: &Signed<'l>| {
            let format = value.atom.time?;
            match value.source {
                Source::Header(_) | Source::Field(_) | Source::Json(_) => {
                    Some(Time { source: value.source, format })
                }
                _ => None,
            }
        };
        let mut times = self.values.iter().filter_map(of);
        let first = times.clone().next();
        times.find(|time| matches!(time.source, Source::Field(_))).or(first)
    }

    /// The header of the delivery id: the first that sounds like one.
    pub(super) fn id(&self) -> Option<(&'l str, Option<char>)> {
        let time = self.time().map(|time| time.source);
        let is_id = |value: &Signed<'l>| match value.source {
            Source::Header(name) if Some(value.source) != time && sounds_like_an_id(name) => {
                Some(name.as_str())
            }
            _ => None,
        };
        let (at, name) = self.values.iter().enumerate().find_map(|(at, value)| Some((at, is_id(value)?)))?;
        let gap = self.values.get(at + 1).map_or("", |next| next.gap);
        let mut characters = gap.chars();
        let separator = characters.next().filter(|character| {
            let free = !self.values[at].atom.text.contains(&(*character as u8));
            characters.next().is_none() && (character.is_ascii_graphic() || *character == ' ') && free
        });
        Some((name, separator))
    }

    /// The content as a profile writes it.
    pub(super) fn content(&self) -> Vec<String> {
        let (time, id) = (self.time(), self.id());
        let mut content: Vec<String> = self.version.iter().cloned().collect();
        for value in &self.values {
            content.extend((!value.gap.is_empty()).then(|| value.gap.to_owned()));
            content.push(match value.source {
                Source::Header(_) | Source::Field(_)
                    if time.is_some_and(|time| time.source == value.source) =>
                {
                    "{timestamp}".to_owned()
                }
                Source::Header(name) if id.is_some_and(|(id, _)| id == name) => "{id}".to_owned(),
                source => source.reference(),
            });
        }
        content
    }

    /// The letters before the digits of the signature's key, as in `v1`.
    pub(super) fn numbered_key(&self) -> Option<&'l str> {
        let key = self.signature.key.as_deref()?;
        let start = key.trim_end_matches(|last: char| last.is_ascii_digit());
        (!start.is_empty() && start.len() < key.len()).then_some(start)
    }

    fn encodings(&self) -> Vec<Encoding> {
        // Without padding and without the last two characters of the alphabets, they look the same.
        let texts = [Encoding::Base64, Encoding::Base64Url].map(|encoding| {
            let mut text = String::new();
            encoding.encode(&self.signature.bytes, &mut text);
            text
        });
        match self.signature.encoding {
            Encoding::Base64 | Encoding::Base64Url if texts[0] == texts[1] => {
                vec![Encoding::Base64, Encoding::Base64Url]
            }
            encoding => vec![encoding],
        }
    }

    fn names_algorithm(&self) -> bool {
        let Shape::Prefix { prefix, separator: None } = &self.field.reading.shape else { return false };
        matches!(self.algorithm, Algorithm::Hmac(digest) if prefix.strip_suffix('=') == Some(digest.name()))
    }
}

impl Source {
    /// The reference in a signed content.
    pub(super) fn reference(&self) -> String {
        match self {
            Self::Body => "{body}".to_owned(),
            Self::Digested(reference) => (*reference).to_owned(),
            Self::Header(name) => format!("{{header:{name}}}"),
            // Only ever the timestamp.
            Self::Field(_) => "{timestamp}".to_owned(),
            Self::SignedNames(_) => "{signed-header-names}".to_owned(),
            Self::SignedValues => "{signed-header-values}".to_owned(),
            Self::Json(path) => format!("{{json:{path}}}"),
            Self::Form(field) => format!("{{form:{field}}}"),
            Self::Method => "{method}".to_owned(),
            Self::Url => "{url}".to_owned(),
            Self::Secret => "{secret}".to_owned(),
        }
    }

    /// The source in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Header(name) => format!("the header {name}"),
            Self::Field(key) => format!("the pair {key} beside the signature"),
            Self::Json(path) => format!("the value {path} of the body"),
            Self::Form(field) => format!("the form field {field}"),
            Self::SignedNames(key) => format!("the names in the pair {key}"),
            Self::SignedValues => "the values of the listed headers".to_owned(),
            Self::Method => "the method".to_owned(),
            Self::Url => "the URL".to_owned(),
            Self::Body | Self::Digested(_) => "the body".to_owned(),
            Self::Secret => "the secret".to_owned(),
        }
    }
}

impl Layout<'_> {
    /// What fits, in one line. Layouts that come to the same have the same description: a line feed after the body is
    /// the reading's or the separator's.
    pub(super) fn describe(&self, variant: Variant) -> String {
        let mut content = self.content().concat();
        if variant.reading == Some(BodyReading::AppendLineFeed) {
            content = content.replace("{body}", "{body}\n");
        }
        let content: String = content.escape_debug().collect();
        let place = match &self.field.place {
            Place::Header { name, .. } | Place::Numbered { name, .. } => name.clone(),
            place => place.describe(),
        };
        let sources = self.values.iter().filter(|value| {
            matches!(value.source, Source::Header(_) | Source::Field(_) | Source::Json(_) | Source::Form(_))
        });
        let sources: Vec<String> = sources.map(|value| value.source.describe()).collect();
        let from =
            if sources.is_empty() { String::new() } else { format!(", from {}", sources.join(" and ")) };
        let key = self.pipeline.join(", ");
        format!("{} over {content} in {place}, key: {key}{from}", self.algorithm.as_str())
    }
}
