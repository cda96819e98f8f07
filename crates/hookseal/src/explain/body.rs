//! Bodies that may have been signed in place of the one that came.

mod charset;
mod lines;
mod rewritten;
mod wrapped;

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::trial::{Change, Edit};
use super::{Code, Finding};

/// Who tries the bodies, and pays for making them.
pub(super) trait Visitor<B> {
    /// Pays for work that takes as long as to hash this many bytes, before it is done; breaks where it is too much.
    fn pay(&mut self, cost: u64) -> ControlFlow<B>;

    /// Tries a body, until it breaks.
    fn visit(&mut self, body: Change) -> ControlFlow<B>;
}

/// Which other bodies are tried.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// Those that cost little and are likely: line breaks, white space around the body, byte order marks.
    Likely,
    /// All but those.
    Further,
    All,
}

/// Has one other body after the other visited, the likeliest first. None comes twice, and none is the body as it came.
/// All that is done for them is paid for, also where nothing comes of it.
pub(super) fn each<B>(received: &[u8], which: Which, visitor: &mut dyn Visitor<B>) -> ControlFlow<B> {
    let mut bodies = Bodies { received, seen: HashSet::new(), visitor };
    bodies.seen.insert(digest(received));
    if which != Which::Further {
        lines::each(&mut bodies)?;
    }
    if which == Which::Likely {
        return ControlFlow::Continue(());
    }
    wrapped::each(&mut bodies)?;
    rewritten::each(&mut bodies)?;
    charset::each(&mut bodies)?;
    placeholders(&mut bodies)
}

/// Where bodies are offered.
struct Bodies<'b, B> {
    received: &'b [u8],
    seen: HashSet<(usize, u64)>,
    visitor: &'b mut dyn Visitor<B>,
}

impl<B> Bodies<'_, B> {
    /// Pays for that many passes over the body as it came.
    fn pay_passes(&mut self, passes: u64) -> ControlFlow<B> {
        self.visitor.pay(passes * self.received.len() as u64)
    }

    fn offer(&mut self, body: Vec<u8>, finding: impl FnOnce() -> Finding) -> ControlFlow<B> {
        // It was copied, and is read to see whether it is new.
        self.visitor.pay(body.len() as u64)?;
        match self.seen.insert(digest(&body)) {
            true => self.visitor.visit(Change::one(finding(), Edit::Body(body))),
            false => ControlFlow::Continue(()),
        }
    }

    fn offer_some(&mut self, body: Option<Vec<u8>>, finding: impl FnOnce() -> Finding) -> ControlFlow<B> {
        body.map_or(ControlFlow::Continue(()), |body| self.offer(body, finding))
    }
}

/// Tells bodies apart well enough not to try one twice: a collision leaves one out.
fn digest(body: &[u8]) -> (usize, u64) {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let mix = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = body.as_chunks::<8>();
    let sum = words.iter().fold(0, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    (body.len(), rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte))))
}

/// What programs write for a body that they do not have.
fn placeholders<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    bodies.offer(Vec::new(), || {
        Finding::new(
            Code::BodySignedEmpty,
            "The signature is that of an empty body. One side computed it before the body was there, or \
                after a parser had consumed it: keep the raw bytes, and sign and verify those.",
        )
    })?;
    for text in ["{}", "null", "undefined", "[object Object]", "\"\"", "None"] {
        bodies.offer(text.as_bytes().to_vec(), || {
            let sentence = format!(
                "The signature is that of the text `{text}`, which a program writes \
                for a body that it does not have as text. Sign and verify the raw bytes, not a parsed \
                value."
            );
            Finding::new(Code::BodyPlaceholder, sentence).with("text", text)
        })?;
    }
    ControlFlow::Continue(())
}
