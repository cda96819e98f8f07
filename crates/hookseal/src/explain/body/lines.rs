//! Line breaks, white space around the body, and byte order marks.

use std::ops::ControlFlow;

use super::Bodies;
use crate::explain::cost::COPY_BYTEWISE;
use crate::explain::{Code, Finding};

const BOM: &[u8] = b"\xef\xbb\xbf";

const ADDED: &str = "The signature is that of the body without the line break at its end: an editor, a \
    shell or a framework added one. Verify the bytes as they were received, and send the bytes that \
    were signed.";
const REMOVED: &str = "The signature is that of the body with a line break at its end, which something \
    on the way took off. Verify the bytes as they were received, and send the bytes that were signed.";

pub(super) fn each<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    ends(bodies)?;
    breaks(bodies)?;
    marks(bodies)
}

fn ends<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    for end in [&b"\r\n"[..], b"\n"] {
        let without = body.strip_suffix(end).map(<[u8]>::to_vec);
        bodies.offer_some(without.clone(), || {
            finding(Code::BodyTrailingNewlineAdded, ADDED, body.len() - end.len())
        })?;
    }
    for end in [&b"\n"[..], b"\r\n"] {
        bodies
            .offer([body, end].concat(), || finding(Code::BodyTrailingNewlineRemoved, REMOVED, body.len()))?;
    }
    let trimmed = body.trim_ascii();
    bodies.offer(trimmed.to_vec(), || {
        Finding::new(
            Code::BodyOuterWhitespace,
            "The signature is that of the body without the white space around it. Verify the bytes as \
                they were received, and send the bytes that were signed.",
        )
    })
}

fn breaks<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    bodies.pay_passes(COPY_BYTEWISE)?;
    let lf = without_carriage_returns(body);
    let crlf = with_carriage_returns(&lf);
    let first = |byte| body.iter().position(|other| *other == byte).unwrap_or(0);
    let became_crlf = || {
        finding(
            Code::BodyLfBecameCrlf,
            "The signature is that of the body with LF where the body that came has CRLF. Something on \
                the way, often an editor or a text mode, changed the line breaks: pass the body on as \
                bytes.",
            first(b'\r'),
        )
    };
    let became_lf = || {
        finding(
            Code::BodyCrlfBecameLf,
            "The signature is that of the body with CRLF where the body that came has LF. Something on \
                the way, often an editor, a text mode or a form, changed the line breaks: pass the body \
                on as bytes.",
            first(b'\n'),
        )
    };
    bodies.offer(lf.clone(), became_crlf)?;
    bodies.offer_some(lf.strip_suffix(b"\n").map(<[u8]>::to_vec), became_crlf)?;
    bodies.offer(crlf.clone(), became_lf)?;
    bodies.offer_some(crlf.strip_suffix(b"\r\n").map(<[u8]>::to_vec), became_lf)
}

fn marks<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    bodies.offer_some(body.strip_prefix(BOM).map(<[u8]>::to_vec), || {
        Finding::new(
            Code::BodyBomAdded,
            "The signature is that of the body without the byte order mark (EF BB BF) at its beginning. \
                Some editors and some readers of text files write one: pass the body on as bytes.",
        )
    })?;
    bodies.offer([BOM, body].concat(), || {
        Finding::new(
            Code::BodyBomRemoved,
            "The signature is that of the body with a byte order mark (EF BB BF) at its beginning, \
                which something on the way took off, as many decoders of text do: pass the body on as \
                bytes.",
        )
    })
}

fn finding(code: Code, sentence: &str, position: usize) -> Finding {
    Finding::new(code, sentence).with("position", position)
}

fn without_carriage_returns(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for (at, byte) in body.iter().enumerate() {
        if !(*byte == b'\r' && body.get(at + 1) == Some(&b'\n')) {
            out.push(*byte);
        }
    }
    out
}

fn with_carriage_returns(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 16);
    for byte in body {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
