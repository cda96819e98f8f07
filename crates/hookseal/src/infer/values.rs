//! The values of a captured request that its signature may cover.

use serde_json::Value as Json;

use super::captured::Captured;
use super::fields::{Field, Place};
use super::shapes::time_format;
use crate::body::BodyReading;
use crate::document::{self, Document};
use crate::params::Params;
use crate::scheme::{Piece, TimestampFormat};
use crate::values::Values;

/// Most headers that count beside those that sound like an id or a time.
const MAX_OTHER_HEADERS: usize = 6;
/// Most headers that sound like an id or a time.
const MAX_CORE_HEADERS: usize = 4;
/// Most texts and numbers of a JSON body that are looked at.
const MAX_SCALARS: usize = 64;
/// Longest value of a header or a body that counts as one to be signed by itself, in bytes.
const MAX_TEXT: usize = 512;

/// A value that may be signed. Values with the same bytes are one, whatever their sources.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub(super) text: Vec<u8>,
    /// Never empty.
    pub(super) sources: Vec<Source>,
    /// How it looks as a time.
    pub(super) time: Option<TimestampFormat>,
    /// The readings of the body, or of a form's field, that have these bytes; empty for everything else.
    pub(super) readings: Vec<BodyReading>,
    pub(super) rank: Rank,
}

/// How likely a value is to be signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    /// The body, and what is signed beside it nearly always.
    Core,
    /// What some sign beside it.
    Other,
    /// Parts of the body, which are signed in its place.
    Loose,
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Body,
    /// A reference that stands for a digest or a canonical form of the body.
    Digested(&'static str),
    Header(String),
    /// A key of the pairs that the signature stands in.
    Field(String),
    /// What lists the signed headers: the key, and the names.
    SignedNames(String),
    /// The values of those headers.
    SignedValues,
    Json(String),
    Form(String),
    Method,
    Url,
    Secret,
}

impl Atom {
    /// Whether it stands for the whole body.
    pub(super) fn covers_body(&self) -> bool {
        matches!(self.sources[0], Source::Body | Source::Digested(_))
    }

    /// Whether it is a form of the body that nearly all have who sign more than the body and a time.
    pub(super) fn is_common_body(&self) -> bool {
        let common = |reading: &BodyReading| matches!(reading, BodyReading::Raw | BodyReading::JsonCompact);
        self.readings.iter().any(common) || self.sources[0] == Source::Digested("{body:sha256}")
    }

    pub(super) fn is_secret(&self) -> bool {
        self.sources[0] == Source::Secret
    }

    /// The value of a secret, for plain digests.
    pub(super) fn secret(key: &[u8]) -> Self {
        Self::new(key, Source::Secret, Rank::Core)
    }

    fn new(text: impl Into<Vec<u8>>, source: Source, rank: Rank) -> Self {
        Self { text: text.into(), sources: vec![source], time: None, readings: Vec::new(), rank }
    }
}

/// The values that a signature in `field` may cover.
pub(super) fn atoms(captured: &Captured, field: &Field) -> Vec<Atom> {
    let document = Document::new(&captured.body);
    let mut atoms = Vec::new();
    // A signature within the body cannot cover the body, nor one within the URL the URL.
    if !field.place.is_in_body() {
        add_body(&mut atoms, captured);
    }
    add_fields(&mut atoms, captured, field);
    add_headers(&mut atoms, captured, field);
    if !matches!(field.place, Place::Query(_)) {
        add(&mut atoms, Atom::new(captured.url.as_bytes(), Source::Url, Rank::Other));
    }
    add(&mut atoms, Atom::new(captured.method.as_bytes(), Source::Method, Rank::Other));
    add_digests(&mut atoms, captured, &document, field);
    let mut scalars = json_scalars(&document);
    scalars.retain(|(path, _)| *path != field.place.name());
    // What stands beside the signature is the likeliest to be signed.
    scalars.sort_by_key(|(path, _)| std::cmp::Reverse(common_prefix(path, field.place.name())));
    for (path, text) in scalars {
        let time = time_format(text.as_bytes());
        add(&mut atoms, Atom { time, ..Atom::new(text, Source::Json(path), Rank::Loose) });
    }
    for (name, value) in form_fields(captured, &document) {
        if field.place != Place::Form(name.clone()) {
            add_readings(
                &mut atoms,
                &value,
                &Source::Form(name),
                Rank::Loose,
                &[BodyReading::Raw, BodyReading::AppendLineFeed],
            );
        }
    }
    atoms
}

/// The texts and numbers of a JSON body that a path reaches.
pub(super) fn json_scalars(document: &Document<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(json) = document.json() {
        collect(json, "", &mut found);
    }
    found
}

/// The fields of a body that is a form, each that stands once.
pub(super) fn form_fields(captured: &Captured, document: &Document<'_>) -> Vec<(String, Vec<u8>)> {
    match is_form(captured) {
        true => single_texts(document.form()),
        false => Vec::new(),
    }
}

/// The parameters of a URL's query, each that stands once.
pub(super) fn query_pairs(url: &str) -> Vec<(String, Vec<u8>)> {
    let without_fragment = url.split('#').next().unwrap_or("");
    let query = without_fragment.split_once('?').map_or("", |(_, query)| query);
    single_texts(document::form_pairs(query.as_bytes()))
}

/// Adds a value, or its sources to the value that has the same bytes already.
fn add(atoms: &mut Vec<Atom>, atom: Atom) {
    if atom.text.is_empty() && !atom.covers_body() {
        return;
    }
    let covers = atom.covers_body();
    match atoms.iter_mut().find(|known| known.text == atom.text && known.covers_body() == covers) {
        None => atoms.push(atom),
        Some(known) => {
            known.readings.extend(atom.readings);
            known.time = known.time.or(atom.time);
            known.rank = known.rank.min(atom.rank);
            atom.sources.into_iter().for_each(|source| {
                if !known.sources.contains(&source) {
                    known.sources.push(source);
                }
            });
        }
    }
}

fn add_body(atoms: &mut Vec<Atom>, captured: &Captured) {
    let readings: Vec<BodyReading> = BodyReading::NAMES.iter().map(|(_, reading)| *reading).collect();
    add_readings(atoms, &captured.body, &Source::Body, Rank::Core, &readings);
}

fn add_readings(atoms: &mut Vec<Atom>, value: &[u8], source: &Source, rank: Rank, readings: &[BodyReading]) {
    for reading in readings {
        let mut text = Vec::with_capacity(value.len());
        reading.feed(value, &mut |piece| text.extend_from_slice(piece));
        add(atoms, Atom { readings: vec![*reading], ..Atom::new(text, source.clone(), rank) });
    }
}

/// The other pairs beside the signature.
fn add_fields(atoms: &mut Vec<Atom>, captured: &Captured, field: &Field) {
    for (key, text, format) in &field.reading.times {
        let time = Some(*format);
        add(atoms, Atom { time, ..Atom::new(text.as_slice(), Source::Field(key.clone()), Rank::Core) });
    }
    if let Some((key, names)) = &field.reading.names {
        let values: Vec<&[u8]> =
            names.split(' ').filter_map(|name| captured.header(&name.to_ascii_lowercase())).collect();
        add(atoms, Atom::new(names.as_bytes(), Source::SignedNames(key.clone()), Rank::Core));
        add(atoms, Atom::new(values.join(&b"."[..]), Source::SignedValues, Rank::Core));
    }
}

fn add_headers(atoms: &mut Vec<Atom>, captured: &Captured, field: &Field) {
    let mut headers: Vec<(String, &[u8], Option<TimestampFormat>)> = captured
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| is_header_name(name) && !is_plumbing(name) && *name != field.place.name())
        .filter_map(|name| {
            let value = captured.header(&name).filter(|value| value.len() <= MAX_TEXT)?;
            Some((name, value, time_format(value)))
        })
        .collect();
    headers.sort_by_key(|(name, _, time)| (time.is_none(), !sounds_like_an_id(name), is_common(name)));
    let (mut core, mut other) = (MAX_CORE_HEADERS, MAX_OTHER_HEADERS);
    for (name, value, time) in headers {
        let is_core = (time.is_some() || sounds_like_an_id(&name)) && core > 0;
        let (left, rank) = if is_core { (&mut core, Rank::Core) } else { (&mut other, Rank::Other) };
        if *left > 0 {
            *left -= 1;
            add(atoms, Atom { time, ..Atom::new(value, Source::Header(name), rank) });
        }
    }
}

/// Digests and canonical forms that the library writes.
fn add_digests(atoms: &mut Vec<Atom>, captured: &Captured, document: &Document<'_>, field: &Field) {
    const DIGESTED: &[&str] =
        &["{body:sha256}", "{body:crc32}", "{canonical:contentful}", "{canonical:adyen-payment}"];
    let sorted_form = is_form(captured).then_some("{sorted-form}");
    for reference in DIGESTED.iter().copied().chain(sorted_form) {
        let params = Params::new();
        let values = Values {
            timestamp: captured.header("x-contentful-timestamp").unwrap_or_default(),
            id: b"",
            header_names: b"",
            request: captured.request(),
            document,
            reading: BodyReading::Raw,
            params: &params,
            secret: None,
        };
        let mut text = Vec::new();
        let Ok(piece @ Piece::Value(_)) = Piece::parse(reference) else { continue };
        let written = values.emit(&[piece], &mut |bytes| text.extend_from_slice(bytes));
        let fits = !field.place.is_in_body() || reference.starts_with("{canonical:");
        if written.is_ok() && fits {
            add(atoms, Atom::new(text, Source::Digested(reference), Rank::Other));
        }
    }
}

fn collect(json: &Json, path: &str, found: &mut Vec<(String, String)>) {
    if found.len() >= MAX_SCALARS {
        return;
    }
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    match json {
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(item, &below(&at.to_string()), found));
        }
        // A path cannot name a member whose name has a dot, or none.
        Json::Object(members) => members
            .iter()
            .filter(|(name, _)| !name.is_empty() && !name.contains(['.', '{', '}']))
            .for_each(|(name, member)| collect(member, &below(name), found)),
        scalar => {
            let text = document::scalar(scalar).filter(|text| text.len() <= MAX_TEXT && !path.is_empty());
            found.extend(text.map(|text| (path.to_owned(), text.into_owned())));
        }
    }
}

fn single_texts(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let stands_once = |name: &[u8]| pairs.iter().filter(|(other, _)| other == name).count() == 1;
    pairs
        .iter()
        .take(MAX_SCALARS)
        .filter(|(name, _)| stands_once(name) && !name.is_empty())
        .filter_map(|(name, value)| Some((String::from_utf8(name.clone()).ok()?, value.clone())))
        .collect()
}

/// A form says so, or looks like one: pairs and nothing that a form would have escaped.
fn is_form(captured: &Captured) -> bool {
    let said = captured
        .header("content-type")
        .is_some_and(|value| value.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded"));
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"=&%+-_.*~!'(),:;/@$".contains(byte);
    said || captured.body.contains(&b'=') && captured.body.iter().all(plain)
}

/// What the way of a request adds to it, and no sender signs.
fn is_plumbing(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "cdn-loop",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "keep-alive",
        "pragma",
        "te",
        "trailer",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-real-ip",
    ];
    NAMES.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("cf-")
}

/// What nearly every request has and few senders sign.
fn is_common(name: &str) -> bool {
    matches!(name, "content-type" | "date" | "host" | "user-agent" | "authorization" | "content-encoding")
}

pub(super) fn sounds_like_an_id(name: &str) -> bool {
    name.split(['-', '_']).any(|word| matches!(word, "id" | "uuid" | "guid" | "nonce" | "delivery" | "key"))
}

/// RFC 9110 section 5.6.2, `token`, and short enough for a profile.
fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(token)
}

fn common_prefix(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count()
}
