//! Bodies that may have been signed in place of the one that came.

mod charset;
mod lines;
mod rewritten;
mod wrapped;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::trial::{Change, Edit};
use super::{Code, Finding};

/// Calls `visit` with one other body after the other, the likeliest first, until it breaks. None comes twice, and none
/// is the body as it came.
pub(super) fn each<B>(received: &[u8], visit: &mut dyn FnMut(Change) -> ControlFlow<B>) -> ControlFlow<B> {
    let mut bodies = Bodies { received, seen: HashSet::new(), visit };
    bodies.seen.insert(digest(received));
    lines::each(&mut bodies)?;
    wrapped::each(&mut bodies)?;
    rewritten::each(&mut bodies)?;
    charset::each(&mut bodies)?;
    placeholders(&mut bodies)
}

/// Where bodies are offered.
struct Bodies<'b, B> {
    received: &'b [u8],
    seen: HashSet<(usize, u64)>,
    visit: &'b mut dyn FnMut(Change) -> ControlFlow<B>,
}

impl<B> Bodies<'_, B> {
    fn offer(&mut self, body: Vec<u8>, finding: impl FnOnce() -> Finding) -> ControlFlow<B> {
        match self.seen.insert(digest(&body)) {
            true => (self.visit)(Change::one(finding(), Edit::Body(body))),
            false => ControlFlow::Continue(()),
        }
    }

    fn offer_some(&mut self, body: Option<Vec<u8>>, finding: impl FnOnce() -> Finding) -> ControlFlow<B> {
        body.map_or(ControlFlow::Continue(()), |body| self.offer(body, finding))
    }
}

/// Tells bodies apart well enough not to try one twice: a collision leaves one out.
fn digest(body: &[u8]) -> (usize, u64) {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    (body.len(), hasher.finish())
}

/// What programs write for a body that they do not have.
fn placeholders<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    bodies.offer(Vec::new(), || {
        Finding::new(
            Code::BodySignedEmpty,
            "The signature is that of an empty body. One side computed it before the body was there, or after a parser had consumed it: keep the raw bytes, and sign and verify those.",
        )
    })?;
    for text in ["{}", "null", "undefined", "[object Object]", "\"\"", "None"] {
        bodies.offer(text.as_bytes().to_vec(), || {
            let sentence = format!("The signature is that of the text `{text}`, which a program writes for a body that it does not have as text. Sign and verify the raw bytes, not a parsed value.");
            Finding::new(Code::BodyPlaceholder, sentence).with("text", text)
        })?;
    }
    ControlFlow::Continue(())
}
