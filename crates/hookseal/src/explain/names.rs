//! Header names: which are there, and which are alike.

use std::collections::BTreeSet;

use crate::profile::{Part, Profile};
use crate::request::{Line, Request};
use crate::scheme::{Carrier, Scheme};

/// Most headers of a request that are looked at.
const MAX_NAMES: usize = 64;

/// The longest name that is shown.
const MAX_LENGTH: usize = 80;

/// The names of the request's headers that can be shown and have one value, in lower case and sorted.
pub(super) fn present(request: &Request<'_>) -> Vec<String> {
    let mut names = BTreeSet::new();
    request.headers.names(&mut |name| {
        names.insert(name.to_ascii_lowercase());
    });
    names.extend(known());
    let shown = |name: &String| name.len() <= MAX_LENGTH && name.bytes().all(is_token);
    let there = |name: &String| matches!(request.line(name), Line::One(_));
    names.into_iter().filter(shown).filter(there).take(MAX_NAMES).collect()
}

/// The one value of a header.
pub(super) fn value<'r>(request: &Request<'r>, name: &str) -> Option<&'r [u8]> {
    match request.line(name) {
        Line::One(value) => Some(value),
        Line::Absent | Line::Several => None,
    }
}

/// The header of a scheme's signature, as it is written.
pub(super) fn signature(scheme: &Scheme) -> Option<String> {
    match &scheme.signature.as_ref()?.carrier {
        Carrier::Headers(names) => names.first().cloned(),
        Carrier::Numbered(start) => Some(format!("{start}1")),
        Carrier::Json(_) | Carrier::Form(_) | Carrier::Query(_) => None,
    }
}

/// The names among `present` that are most like `wanted`, the likest first.
pub(super) fn alike(wanted: &str, present: &[String]) -> Vec<String> {
    let mut ranked: Vec<(u8, &String)> = present
        .iter()
        .filter(|name| *name != wanted)
        .filter_map(|name| Some((distance(wanted, name)?, name)))
        .collect();
    ranked.sort();
    ranked.into_iter().map(|(_, name)| name.clone()).collect()
}

/// The built-in profiles that have their signature in this header.
pub(super) fn profiles_with(header: &str) -> Vec<&'static str> {
    let has =
        |profile: &&'static std::sync::Arc<Profile>| profile.scheme().signature_header() == Some(header);
    Profile::builtins().filter(has).map(|profile| profile.name()).collect()
}

/// Every header that a built-in profile reads.
fn known() -> impl Iterator<Item = String> {
    let schemes = Profile::builtins()
        .flat_map(|profile| [Part::Delivery, Part::Challenge].map(|part| profile.part(part)));
    schemes.flatten().flat_map(|scheme| {
        let others = [scheme.timestamp_header(), scheme.id_header()];
        signature(scheme).into_iter().chain(others.into_iter().flatten().map(str::to_owned))
    })
}

/// How far a name is from the wanted one; `None` where they are not alike.
fn distance(wanted: &str, name: &str) -> Option<u8> {
    let (wanted, name) = (core(wanted), core(name));
    if wanted == name {
        Some(0)
    } else if wanted.contains(&name) || name.contains(&wanted) {
        Some(1)
    } else if edits(wanted.as_bytes(), name.as_bytes()) <= 2 {
        Some(2)
    } else {
        let last =
            |name: &str| name.rsplit('-').find(|part| part.parse::<u32>().is_err()).unwrap_or("").to_owned();
        let same = last(&wanted) == last(&name);
        let both = |part: &str| wanted.contains(part) && name.contains(part);
        match same {
            true => Some(3),
            false => ["signature", "hmac", "timestamp", "token"].into_iter().any(both).then_some(4),
        }
    }
}

/// A name without what frameworks and proxies put before it.
fn core(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let name = name.strip_prefix("http-").unwrap_or(&name);
    name.strip_prefix("x-").unwrap_or(name).to_owned()
}

/// Levenshtein's distance: how many characters have to be put in, taken out or changed.
fn edits(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// What the name of a header is made of (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_names_by_how_alike_they_are() {
        let present: Vec<String> = [
            "content-type",
            "http-x-hub-signature-256",
            "x-hub-signature",
            "x-hub-signatur-256",
            "stripe-signature",
            "user-agent",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(
            alike("x-hub-signature-256", &present),
            ["http-x-hub-signature-256", "x-hub-signature", "x-hub-signatur-256", "stripe-signature"]
        );
    }

    #[test]
    fn counts_edits() {
        for (left, right, count) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(left.as_bytes(), right.as_bytes()), count);
        }
    }
}
