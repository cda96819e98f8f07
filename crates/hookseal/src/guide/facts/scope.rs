//! What a verification does not prove.

use crate::guide::escape::code_span;
use crate::scheme::{IdentityRule, IdentitySource, Piece, Scheme, Value};

/// Sentences, the most dangerous first.
pub(in crate::guide) fn not_covered(scheme: &Scheme) -> Vec<String> {
    let flags = scheme.flags();
    let token = scheme.algorithm().is_some_and(|algorithm| algorithm.is_shared_token());
    let mut notes = Vec::new();
    if scheme.signature.is_none() {
        return vec!["Anything: there is no signature.".to_owned()];
    }
    if token {
        notes.push("**The body.** The token proves that the sender knows the secret, and nothing about what it sent. Whoever sees one request can send any other.".to_owned());
    } else if flags.body_unsigned {
        notes.push("**The body**, in part or as a whole. Act only on what is signed, or fetch the rest from the vendor's API.".to_owned());
    }
    for (rule, what, act) in [
        (&scheme.event_type, "type", "Dispatch on the body, or check that the two agree."),
        (
            &scheme.id,
            "delivery id",
            "Whoever repeats a request can give it another id: recognise repeats by the body too.",
        ),
    ] {
        if let Some(IdentityRule { source: IdentitySource::Header(name), covered: false, .. }) = rule {
            notes.push(format!("**The {what}** in {}. {act}", code_span(name)));
        }
    }
    if flags.replayable {
        notes.push("**The time.** A request that was seen once verifies for ever. Remember a SHA-256 digest of each body that you handled, and skip it when it comes again.".to_owned());
    } else {
        notes.push("**Whether it is new.** Within the tolerance, a request that was seen once verifies again. Remember what you handled for at least that long, and for as long as retries come.".to_owned());
    }
    if flags.body_malleable {
        notes.push("**The exact bytes of the body.** Bodies that differ only in what is taken out or added before signing have one signature. Let nothing depend on it, such as a space in a value.".to_owned());
    }
    if flags.ambiguous_boundary {
        notes.push("**Where one signed part ends and the next begins.** They stand side by side with nothing between them, so take each in its exact form alone.".to_owned());
    }
    if flags.weak {
        notes.push("**Against a forger with much time:** the digest that is used here is weak by the standards of today. Ask the vendor for a better one.".to_owned());
    }
    let canonical = scheme.content.iter().any(|piece| matches!(piece, Piece::Value(Value::Canonical(_))));
    let url = scheme.signs_url();
    let method = scheme.covers(&Value::Method) || (canonical && url);
    notes.push(match (url, method) {
        (true, true) => "The other headers.".to_owned(),
        (true, false) => "The method and the other headers.".to_owned(),
        (false, _) => {
            "The method, the URL and the other headers. Use a secret for one endpoint alone.".to_owned()
        }
    });
    notes
}
