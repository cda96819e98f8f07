//! Bodies that were parsed and written again, or cleaned of white space.

use std::ops::ControlFlow;

use super::Bodies;
use crate::explain::cost::{COPY_BYTEWISE, PARSE};
use crate::explain::json::{self, Escapes, Layout, Node};
use crate::explain::{Code, Finding};

/// What a value, a name or a bracket costs to write, and what a character that may be escaped does, in bytes that are
/// hashed meanwhile.
const PIECE: u64 = 8;
const CHARACTER: u64 = 8;

/// How often a document is gone through to see in which ways it can be written, and to sort it.
const SORTING: u64 = 4;

/// Most spaces that are put before the lines of a document, so that a deep one cannot fill the memory.
const MAX_INDENTATION: usize = 1024 * 1024;

pub(super) fn each<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let body = bodies.received;
    bodies.pay_passes(PARSE)?;
    if let Ok(document) = Node::parse(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        reserialised(bodies, &document)?;
    }
    bodies.pay_passes(2 * COPY_BYTEWISE)?;
    within_strings(bodies)?;
    bodies.pay_passes(2 * COPY_BYTEWISE)?;
    without_spaces(bodies)
}

/// One way to write a document.
#[derive(Clone, Copy)]
struct Style {
    layout: Layout,
    escapes: Escapes,
    sorted: bool,
    line_break: bool,
}

/// The same document as other programs write it.
fn reserialised<B>(bodies: &mut Bodies<'_, B>, document: &Node<'_>) -> ControlFlow<B> {
    let writing = writing_cost(bodies.received, document);
    bodies.visitor.pay(SORTING * writing)?;
    let sorted = document.sorted();
    let distinct = distinct_escapes(bodies, document, writing)?;
    let escapes = distinct.iter().map(|(escapes, _)| *escapes);
    for style in styles(document, escapes, sorted != *document) {
        let there = distinct.iter().find(|(escapes, _)| style.is_unsorted_compact(*escapes));
        let mut written = match there {
            Some((_, compact)) => compact.clone(),
            None => {
                bodies.visitor.pay(writing)?;
                let mut written = Vec::with_capacity(bodies.received.len());
                let node = if style.sorted { &sorted } else { document };
                node.write(style.layout, style.escapes, &mut written);
                written
            }
        };
        written.extend(style.line_break.then_some(b'\n'));
        bodies.offer(written, || style.finding())?;
    }
    ControlFlow::Continue(())
}

/// The ways that differ for this document, the likeliest first: a long body leaves no time for all of them.
fn styles(document: &Node<'_>, escapes: impl Iterator<Item = Escapes>, can_be_sorted: bool) -> Vec<Style> {
    let orders: &[bool] = if can_be_sorted { &[false, true] } else { &[false] };
    let fits = |layout: &Layout| document.indentation(*layout) <= MAX_INDENTATION;
    let layouts: Vec<Layout> = Layout::ALL.into_iter().filter(fits).collect();
    let mut styles = Vec::new();
    for escapes in escapes {
        for layout in layouts.iter().copied() {
            for sorted in orders.iter().copied() {
                styles.extend([false, true].map(|line_break| Style { layout, escapes, sorted, line_break }));
            }
        }
    }
    styles.sort_by_key(|style| (style.line_break, !style.is_usual(), style.sorted));
    styles
}

impl Style {
    /// Whether it is the default of a language that many people use.
    fn is_usual(self) -> bool {
        match self.layout {
            Layout::Compact => {
                !matches!(self.escapes, Escapes::NonAscii | Escapes::Slashes | Escapes::DotNet)
            }
            Layout::Spaced => matches!(self.escapes, Escapes::AsWritten | Escapes::NonAscii),
            Layout::Indented(_) => matches!(self.escapes, Escapes::AsWritten | Escapes::Least),
        }
    }

    fn is_unsorted_compact(self, escapes: Escapes) -> bool {
        self.layout == Layout::Compact && self.escapes == escapes && !self.sorted
    }

    fn finding(self) -> Finding {
        let mut words = vec![self.layout.words()];
        words.extend(self.escapes.words());
        words.extend(self.sorted.then_some("with sorted keys"));
        words.extend(self.line_break.then_some("with a line break at its end"));
        let sentence = format!(
            "The signature is that of the same JSON written in another way: {}. One side parsed the body and \
             wrote it again: sign and verify the very bytes that are sent, before anything parses them.",
            words.join(", ")
        );
        let yes_no = |yes| if yes { "yes" } else { "no" };
        Finding::new(Code::BodyJsonReserialised, sentence)
            .with("layout", self.layout.name())
            .with("escapes", self.escapes.name())
            .with("sorted_keys", yes_no(self.sorted))
            .with("final_newline", yes_no(self.line_break))
    }
}

/// What it costs to write a document once, besides its length.
fn writing_cost(text: &[u8], document: &Node<'_>) -> u64 {
    PIECE * document.pieces() as u64 + CHARACTER * json::escapes(text) as u64
}

/// The ways to escape that differ for this document, each with what it makes of it without white space.
fn distinct_escapes<B>(
    bodies: &mut Bodies<'_, B>,
    document: &Node<'_>,
    writing: u64,
) -> ControlFlow<B, Vec<(Escapes, Vec<u8>)>> {
    let text = bodies.received;
    // Most documents hold nothing that is escaped in several ways, and then one way stands for all.
    let all = if json::escapes(text) > 0 { &Escapes::ALL[..] } else { &[Escapes::AsWritten] };
    let mut distinct: Vec<(Escapes, Vec<u8>)> = Vec::new();
    for escapes in all {
        bodies.visitor.pay(writing + text.len() as u64)?;
        let mut written = Vec::with_capacity(text.len());
        document.write(Layout::Compact, *escapes, &mut written);
        if distinct.iter().all(|(_, other)| *other != written) {
            distinct.push((*escapes, written));
        }
    }
    ControlFlow::Continue(distinct)
}

/// A document that was written as a JSON string, on one side or the other.
fn within_strings<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    bodies.offer_some(json::unwrap_string(bodies.received), || {
        let sentence = "The body is a JSON string that holds a document, and the signature is that of \
            the document itself: the sender encoded it twice. Send the document.";
        Finding::new(Code::BodyJsonInString, sentence)
    })?;
    let text = std::str::from_utf8(bodies.received).ok().filter(|text| text.starts_with(['{', '[']));
    bodies.offer_some(text.map(json::wrap_string), || {
        let sentence = "The signature is that of the body as a JSON string: one side encoded it twice \
            before it signed. Sign the document itself.";
        Finding::new(Code::BodyJsonInString, sentence)
    })
}

fn without_spaces<B>(bodies: &mut Bodies<'_, B>) -> ControlFlow<B> {
    let without = |unwanted: &[u8]| -> Vec<u8> {
        bodies.received.iter().copied().filter(|byte| !unwanted.contains(byte)).collect()
    };
    let (spaces, whitespace) = (without(b" "), without(b" \t\r\n"));
    bodies.offer(spaces, || {
        let sentence = "The signature is that of the body without any of its spaces, also those within \
            strings. Where the vendor signs it so, the profile says `strict = [\"strip-spaces\"]` under \
            `[scheme.body]`; otherwise sign the bytes that are sent.";
        Finding::new(Code::BodySpacesRemoved, sentence)
    })?;
    bodies.offer(whitespace, || {
        let sentence = "The signature is that of the body without any white space, also that within \
            strings: spaces, tabs and line breaks. Sign the bytes that are sent.";
        Finding::new(Code::BodyWhitespaceRemoved, sentence)
    })
}
