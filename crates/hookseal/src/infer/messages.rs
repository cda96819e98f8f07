//! RFC 9421 with a shared key: the request itself lists what is signed, so that only the key is to be found.

use super::Candidate;
use super::captured::Captured;
use super::keys::pipelines;
use super::prove::prove;
use super::write::{Heading, message_signature_document};
use crate::secret::Secret;

/// The way from a secret to the key by which the signature of RFC 9421 is made, where there is one.
pub(super) fn candidate(
    sample: &Captured,
    requests: &[Captured],
    secrets: &[Secret],
    name: &str,
) -> Option<Candidate> {
    sample.header("signature").and(sample.header("signature-input"))?;
    let open = vec![
        "how old and how far ahead a signature may be, and whether all have a time".to_owned(),
        "which parts of a request have to be signed: the request says which ones are".to_owned(),
    ];
    let pipelines = secrets.iter().flat_map(pipelines);
    let mut choices = pipelines.flat_map(|pipeline| [(pipeline.clone(), true), (pipeline, false)]);
    choices.find_map(|(pipeline, dated)| {
        let document = |admitted: &[&'static str]| {
            message_signature_document(&pipeline, dated, Heading { name, open: &open, admitted })
        };
        let profile = prove(document, requests, secrets)?;
        let description =
            format!("hmac-sha256 over the components of RFC 9421, key: {}", pipeline.join(", "));
        Some(Candidate { profile, description, open: open.clone() })
    })
}
