//! What an inference says to people.

use super::captured::Captured;
use super::fields::Field;
use super::layout::{Layout, Variant};
use super::values::Source;
use crate::body::BodyReading;
use crate::scheme::{Algorithm, DigestKind};

/// What always helps where several schemes fit.
pub(super) const ANOTHER_REQUEST: &str = "A further request with other values tells which of these it is.";

/// What requests cannot say about a layout.
pub(super) fn open(layout: &Layout<'_>, variant: Variant, requests: &[Captured]) -> Vec<String> {
    let mut open = Vec::new();
    let covers_body = layout.values.iter().any(|value| value.atom.covers_body());
    match layout.time() {
        Some(_) => open.push("how old and how far ahead a timestamp may be".to_owned()),
        None => open.push(
            "whether a time within the body is to be checked: no timestamp is signed beside it, so a request can be sent again"
                .to_owned(),
        ),
    }
    if layout.field.reading.signatures.len() == 1 {
        open.push("what several signatures look like while a secret is being rotated".to_owned());
    }
    let others: Vec<&str> = layout
        .readings()
        .iter()
        .filter(|reading| Some(**reading) != variant.reading && **reading != BodyReading::AppendLineFeed)
        .map(|reading| reading.as_str())
        .collect();
    if requests.len() == 1 && !others.is_empty() {
        let taken = variant.reading.map_or("raw", BodyReading::as_str);
        open.push(format!(
            "whether the body is signed as {taken} or as {}, which is the same for this body",
            others.join(" or ")
        ));
    }
    if !covers_body {
        open.push("what binds the body: the signature does not cover all of it".to_owned());
    }
    if matches!(layout.algorithm, Algorithm::Hash(_) | Algorithm::Hmac(DigestKind::Sha1)) {
        open.push("whether the vendor has a stronger algorithm: this one is known to be weak".to_owned());
    }
    open
}

/// What a further request would settle, where several layouts fit.
pub(super) fn what_would_settle(layouts: &[Layout<'_>]) -> Vec<String> {
    if layouts.len() < 2 {
        return Vec::new();
    }
    let mut advice = Vec::new();
    for value in layouts.iter().flat_map(|layout| &layout.values) {
        let mut sources: Vec<&Source> = Vec::new();
        for other in layouts.iter().flat_map(|layout| &layout.values) {
            if other.atom.text == value.atom.text && !sources.contains(&other.source) {
                sources.push(other.source);
            }
        }
        if sources.len() > 1 {
            let names: Vec<String> = sources.iter().map(|source| source.describe()).collect();
            let sentence = format!(
                "The same text stands in {}: a request in which they differ tells which is signed.",
                names.join(" and in ")
            );
            if !advice.contains(&sentence) {
                advice.push(sentence);
            }
        }
    }
    let mut places: Vec<String> = layouts.iter().map(|layout| layout.field.place.describe()).collect();
    places.dedup();
    if places.len() > 1 {
        advice.push(format!(
            "The signature stands in {}: choose the one that the vendor documents.",
            places.join(" and in ")
        ));
    }
    if advice.is_empty() {
        advice.push(ANOTHER_REQUEST.to_owned());
    }
    advice
}

/// What may be wrong, where nothing fits.
pub(super) fn nothing_fits(fields: &[Field], samples: &[&Captured], cut: bool, split: bool) -> Vec<String> {
    let mut advice = Vec::new();
    if split {
        advice.push(
            "Something fits one of the requests and not the others: are they from one vendor, with one secret?".to_owned(),
        );
    } else if fields.is_empty() {
        advice.push(
            "No header, parameter or value has the length of a signature in hexadecimal or base64: is the capture complete?"
                .to_owned(),
        );
    } else {
        advice.push(
            "Check the secret first: the right vendor's, of the right endpoint and mode, without quotes or a line break."
                .to_owned(),
        );
        advice.push(
            "Check that the body is the bytes as they came: a log that pretty-prints, trims or decodes them changes what was signed."
                .to_owned(),
        );
    }
    if samples.iter().any(|sample| sample.url.is_empty()) {
        advice.push("Give the URL as the sender addressed it: some vendors sign it.".to_owned());
    }
    if cut {
        advice.push(
            "The bounds ended the search before all was tried; a request with a shorter body goes further."
                .to_owned(),
        );
    }
    advice.push(
        "If you know the vendor, `hookseal explain --profile NAME` says what differs from its scheme. Signatures with a public key, JSON Web Tokens and RFC 9421 are not looked for."
            .to_owned(),
    );
    advice
}
