//! Where a captured request may carry its signature.

use super::captured::Captured;
use super::shapes::{Reading, readings};
use super::values;
use crate::document::Document;
use crate::request::trim;

/// A place with a text that may be a signature, read in one way.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) place: Place,
    pub(super) reading: Reading,
}

/// The place of a signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Header { name: String, repeated: bool },
    Numbered { start: String, name: String },
    Json(String),
    Form(String),
    Query(String),
}

/// Every field, those whose names speak of signatures first.
pub(super) fn fields(captured: &Captured) -> Vec<Field> {
    let is_header = |name: &str| captured.header(&name.to_ascii_lowercase()).is_some();
    let read = |(place, text): (Place, Vec<u8>)| {
        let readings = readings(&text, &is_header).into_iter();
        readings.map(move |reading| Field { place: place.clone(), reading }).collect::<Vec<_>>()
    };
    let mut fields: Vec<Field> = places(captured).into_iter().flat_map(read).collect();
    fields.sort_by_key(|field| !field.place.sounds_like_a_signature());
    fields
}

/// Every place that has a text by itself.
pub(super) fn places(captured: &Captured) -> Vec<(Place, Vec<u8>)> {
    let document = Document::new(&captured.body);
    let mut places = headers(captured);
    places.extend(query(captured));
    places.extend(json(&document));
    places.extend(form(captured, &document));
    places
}

impl Place {
    /// The header, path or parameter.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Header { name, .. } | Self::Numbered { name, .. } => name,
            Self::Json(name) | Self::Form(name) | Self::Query(name) => name,
        }
    }

    /// Whether the signature is part of the body, which then cannot be what is signed.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Form(_))
    }

    /// The place in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Header { name, .. } | Self::Numbered { name, .. } => format!("the header {name}"),
            Self::Json(path) => format!("the value {path} of the body"),
            Self::Form(field) => format!("the form field {field}"),
            Self::Query(parameter) => format!("the parameter {parameter} of the URL"),
        }
    }

    pub(super) fn sounds_like_a_signature(&self) -> bool {
        const HINTS: &[&str] = &["sig", "hmac", "mac", "digest", "hash", "auth"];
        let name = self.name().to_ascii_lowercase();
        HINTS.iter().any(|hint| name.contains(hint))
    }
}

fn headers(captured: &Captured) -> Vec<(Place, Vec<u8>)> {
    let names: Vec<String> = captured.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let place = |name: &String| {
        let repeated = names.iter().filter(|other| *other == name).count() > 1;
        // `x-signature-1` is the first of several, one for each active key.
        match name.strip_suffix(|last: char| last.is_ascii_digit()).filter(|start| start.ends_with('-')) {
            Some(start) if names.contains(&format!("{start}1")) => {
                Place::Numbered { start: start.to_owned(), name: name.clone() }
            }
            _ => Place::Header { name: name.clone(), repeated },
        }
    };
    let lines = names.iter().zip(&captured.headers);
    lines.map(|(name, (_, value))| (place(name), trim(value).to_vec())).collect()
}

fn query(captured: &Captured) -> Vec<(Place, Vec<u8>)> {
    values::query_pairs(&captured.url).into_iter().map(|(name, value)| (Place::Query(name), value)).collect()
}

fn json(document: &Document<'_>) -> Vec<(Place, Vec<u8>)> {
    let scalars = values::json_scalars(document).into_iter();
    scalars.map(|(path, text)| (Place::Json(path), text.into_bytes())).collect()
}

fn form(captured: &Captured, document: &Document<'_>) -> Vec<(Place, Vec<u8>)> {
    values::form_fields(captured, document)
        .into_iter()
        .map(|(name, value)| (Place::Form(name), value))
        .collect()
}
