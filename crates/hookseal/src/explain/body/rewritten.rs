//! Bodies that were parsed and written again, or cleaned of white space.

use std::ops::ControlFlow;

use super::Bodies;
use crate::explain::json::{self, Escapes, Layout, Node};
use crate::explain::{Code, Finding};

pub(super) fn each<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    if let Ok(document) = Node::parse(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        reserialised(bodies, &document)?;
    }
    within_strings(bodies)?;
    without_spaces(bodies)
}

/// The same document as other programs write it.
fn reserialised<B>(bodies: &mut Bodies<'_, B>, document: &Node<'_>) -> ControlFlow<B> {
    let sorted = document.sorted();
    let orders =
        if sorted == *document { vec![(document, false)] } else { vec![(document, false), (&sorted, true)] };
    // Most documents hold nothing that is escaped in several ways, and then one way stands for all.
    let escapes = distinct_escapes(document);
    for (node, sorted) in orders {
        for escapes in &escapes {
            for layout in Layout::ALL {
                let mut written = Vec::with_capacity(bodies.received.len());
                node.write(layout, *escapes, &mut written);
                let written_with_break = [&written[..], b"\n"].concat();
                bodies.offer(written, || finding(layout, *escapes, sorted, false))?;
                bodies.offer(written_with_break, || finding(layout, *escapes, sorted, true))?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn distinct_escapes(document: &Node<'_>) -> Vec<Escapes> {
    let mut distinct: Vec<(Escapes, Vec<u8>)> = Vec::new();
    for escapes in Escapes::ALL {
        let mut written = Vec::new();
        document.write(Layout::Compact, escapes, &mut written);
        if distinct.iter().all(|(_, other)| *other != written) {
            distinct.push((escapes, written));
        }
    }
    distinct.into_iter().map(|(escapes, _)| escapes).collect()
}

fn finding(layout: Layout, escapes: Escapes, sorted: bool, line_break: bool) -> Finding {
    let mut words = vec![layout.words()];
    words.extend(escapes.words());
    words.extend(sorted.then_some("with sorted keys"));
    words.extend(line_break.then_some("with a line break at its end"));
    let sentence = format!(
        "The signature is that of the same JSON written in another way: {}. One side parsed the body and wrote it again: sign and verify the very bytes that are sent, before anything parses them.",
        words.join(", ")
    );
    let yes_no = |yes| if yes { "yes" } else { "no" };
    Finding::new(Code::BodyJsonReserialised, sentence)
        .with("layout", layout.name())
        .with("escapes", escapes.name())
        .with("sorted_keys", yes_no(sorted))
        .with("final_newline", yes_no(line_break))
}

/// A document that was written as a JSON string, on one side or the other.
fn within_strings<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    bodies.offer_some(json::unwrap_string(bodies.received), || {
        let sentence = "The body is a JSON string that holds a document, and the signature is that of the document itself: the sender encoded it twice. Send the document.";
        Finding::new(Code::BodyJsonInString, sentence)
    })?;
    let text = std::str::from_utf8(bodies.received).ok().filter(|text| text.starts_with(['{', '[']));
    bodies.offer_some(text.map(json::wrap_string), || {
        let sentence = "The signature is that of the body as a JSON string: one side encoded it twice before it signed. Sign the document itself.";
        Finding::new(Code::BodyJsonInString, sentence)
    })
}

fn without_spaces<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let without = |unwanted: &[u8]| -> Vec<u8> {
        bodies.received.iter().copied().filter(|byte| !unwanted.contains(byte)).collect()
    };
    let (spaces, whitespace) = (without(b" "), without(b" \t\r\n"));
    bodies.offer(spaces, || {
        let sentence = "The signature is that of the body without any of its spaces, also those within strings. Where the vendor signs it so, the profile says `strict = [\"strip-spaces\"]` under `[scheme.body]`; otherwise sign the bytes that are sent.";
        Finding::new(Code::BodySpacesRemoved, sentence)
    })?;
    bodies.offer(whitespace, || {
        let sentence = "The signature is that of the body without any white space, also that within strings: spaces, tabs and line breaks. Sign the bytes that are sent.";
        Finding::new(Code::BodyWhitespaceRemoved, sentence)
    })
}
