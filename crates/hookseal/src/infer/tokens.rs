//! Requests that are not signed: the secret itself is sent along.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Candidate;
use super::captured::Captured;
use super::fields::{Place, places};
use super::prove::prove;
use super::write::{Heading, token_document};
use crate::limits::MAX_INFER_CANDIDATES;
use crate::secret::Secret;

/// The places where a secret stands as it is, or as a user name and password.
pub(super) fn candidates(
    sample: &Captured,
    requests: &[Captured],
    secrets: &[Secret],
    name: &str,
) -> Vec<Candidate> {
    let is_token = |text: &[u8]| secrets.iter().any(|secret| *secret == Secret::new(text));
    let is_basic = |text: &[u8]| {
        let credentials = text.strip_prefix(b"Basic ").and_then(|text| STANDARD.decode(text).ok());
        credentials.is_some_and(|credentials| is_token(&credentials))
    };
    let candidate = |(place, text): (Place, Vec<u8>)| {
        let algorithm = match () {
            () if text.is_empty() => return None,
            () if is_token(&text) => "token",
            () if is_basic(&text) => "basic",
            () => return None,
        };
        let open = vec![
            "nothing is signed: whoever has seen one request can send any other, so prefer a scheme that signs"
                .to_owned(),
        ];
        let place = every_item(place);
        let document = |admitted: &[&'static str]| {
            token_document(algorithm, &place, Heading { name, open: &open, admitted })
        };
        let profile = prove(document, requests, secrets)?;
        Some(Candidate { profile, description: format!("{algorithm} in {}", place.describe()), open })
    };
    let mut found: Vec<Candidate> = Vec::new();
    for candidate in places(sample).into_iter().filter_map(candidate) {
        if found.len() < MAX_INFER_CANDIDATES && found.iter().all(|known| known.toml() != candidate.toml()) {
            found.push(candidate);
        }
    }
    found
}

/// A token in one item of a list stands in every item: were one enough, the others would be anybody's.
fn every_item(place: Place) -> Place {
    match place {
        Place::Json(path) => {
            let is_index = |step: &&str| step.bytes().all(|byte| byte.is_ascii_digit());
            let steps: Vec<&str> =
                path.split('.').map(|step| if is_index(&step) { "*" } else { step }).collect();
            Place::Json(steps.join("."))
        }
        other => other,
    }
}
