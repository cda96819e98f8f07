//! Contents that may have been signed in place of the profile's.

use std::sync::Arc;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding};
use crate::profile::Profile;
use crate::scheme::{Algorithm, Canonical, Piece, Scheme, TimestampFormat, Value};
use crate::time::Timestamp;
use crate::verifier::Verifier;

/// What stands between the signed parts in some scheme or other.
const SEPARATORS: [&[u8]; 9] = [b".", b",", b":", b"|", b"\n", b" ", b";", b"-", b"\r\n"];

/// The changes to the signed content, the likeliest first.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let signs = scheme.algorithm().is_none_or(Algorithm::signs_content);
    let own = scheme.content.iter().any(|piece| matches!(piece, Piece::Value(Value::Canonical(_))));
    if !signs || own {
        return Vec::new();
    }
    let mut contents = Contents { content: &scheme.content, changes: Vec::new() };
    contents.separators();
    contents.omissions();
    contents.timestamps(&sent_timestamps(question, scheme));
    contents.orders();
    contents.known_layouts(scheme);
    contents.changes
}

struct Contents<'c> {
    content: &'c [Piece],
    changes: Vec<Change>,
}

impl Contents<'_> {
    fn offer(&mut self, content: Vec<Piece>, finding: impl FnOnce() -> Finding) {
        let offered = self
            .changes
            .iter()
            .flat_map(|change| &change.edits)
            .any(|edit| matches!(edit, Edit::Content(other) if *other == content));
        if !content.is_empty() && content != *self.content && !offered {
            self.changes.push(Change::one(finding(), Edit::Content(content)));
        }
    }

    fn separators(&mut self) {
        let others = SEPARATORS.into_iter().map(Some).chain([None]);
        for other in others.filter(|_| self.content.iter().any(is_separator)) {
            let literal = |piece: &Piece| match (is_separator(piece), other) {
                (true, Some(other)) => Some(Piece::Literal(other.to_vec())),
                (true, None) => None,
                (false, _) => Some(piece.clone()),
            };
            let content: Vec<Piece> = self.content.iter().filter_map(literal).collect();
            let signed = describe(&content);
            self.offer(content, || {
                let sentence = format!("The signature is right when `{signed}` is signed: the parts are separated by something else than the profile says. Put the profile's separator between them.");
                Finding::new(Code::ContentSeparator, sentence).with("signed", &signed)
            });
        }
    }

    fn omissions(&mut self) {
        let without = |unwanted: &[Value]| {
            let mut content: Vec<Piece> = self.content.to_vec();
            for value in unwanted {
                remove(&mut content, value);
            }
            content
        };
        let (no_time, no_id) = (without(&[Value::Timestamp]), without(&[Value::Id]));
        let neither = without(&[Value::Timestamp, Value::Id]);
        self.offer(no_time, || {
            Finding::new(Code::ContentWithoutTimestamp, "The signature is right without the timestamp: the signing side leaves it out of what it signs. Sign the timestamp as well, or anybody can send an old request again.")
        });
        self.offer(no_id, || {
            Finding::new(Code::ContentWithoutId, "The signature is right without the delivery id: the signing side leaves it out of what it signs. Sign the id as the profile has it.")
        });
        let body_only = || {
            Finding::new(
                Code::ContentBodyOnly,
                "The signature is that of the body alone: the signing side leaves out everything else that the profile has signed. Sign the whole content.",
            )
        };
        self.offer(neither, body_only);
        if self.content.contains(&Piece::Value(Value::Body)) {
            self.offer(vec![Piece::Value(Value::Body)], body_only);
        }
    }

    /// The timestamp in another format than the one in which it was sent.
    fn timestamps(&mut self, sent: &[(Vec<u8>, Timestamp)]) {
        for (text, time) in sent {
            for (words, other) in notations(*time) {
                if other.as_bytes() == text {
                    continue;
                }
                let written = |piece: &Piece| match piece {
                    Piece::Value(Value::Timestamp) => Piece::Literal(other.clone().into_bytes()),
                    piece => piece.clone(),
                };
                let content = self.content.iter().map(written).collect();
                self.offer(content, || {
                    let sentence = format!("The signature is right when the timestamp is signed {words}, and it was sent in another format. Sign the very text that is sent.");
                    Finding::new(Code::ContentTimestampFormat, sentence).with("signed", words)
                });
            }
        }
    }

    /// The parts in other orders, with the separators where they are.
    fn orders(&mut self) {
        let places: Vec<usize> =
            (0..self.content.len()).filter(|at| matches!(self.content[*at], Piece::Value(_))).collect();
        let orders: &[&[usize]] = match places.len() {
            2 => &[&[1, 0]],
            3 => &[&[1, 0, 2], &[0, 2, 1], &[2, 1, 0], &[1, 2, 0], &[2, 0, 1]],
            _ => &[],
        };
        for order in orders {
            let mut content = self.content.to_vec();
            for (place, from) in places.iter().zip(*order) {
                content[*place] = self.content[places[*from]].clone();
            }
            let signed = describe(&content);
            self.offer(content, || {
                let sentence = format!("The signature is right when `{signed}` is signed: the parts stand in another order than the profile says.");
                Finding::new(Code::ContentOrder, sentence).with("signed", &signed)
            });
        }
    }

    /// What other profiles sign, under the header and the key of this one.
    fn known_layouts(&mut self, scheme: &Scheme) {
        for profile in Profile::builtins() {
            let other = profile.scheme();
            if scheme.timestamp.is_none() && other.covers(&Value::Timestamp)
                || scheme.id.is_none() && other.covers(&Value::Id)
                || !other.algorithm().is_none_or(Algorithm::signs_content)
            {
                continue;
            }
            let signed = describe(&other.content);
            self.offer(other.content.clone(), || {
                let sentence = format!("The signature is right when `{signed}` is signed, as the profile `{}` has it. The signing side follows another layout.", profile.name());
                Finding::new(Code::ContentLayout, sentence).with("signed", &signed).with("profile", profile.name())
            });
        }
    }
}

/// Whether a literal stands between parts, and is no version such as `v0:`.
fn is_separator(piece: &Piece) -> bool {
    matches!(piece, Piece::Literal(bytes) if bytes.len() <= 2 && !bytes.iter().any(u8::is_ascii_alphanumeric))
}

/// Takes a value out, and the separator after it or else before it.
fn remove(content: &mut Vec<Piece>, value: &Value) {
    let Some(at) = content.iter().position(|piece| matches!(piece, Piece::Value(found) if found == value))
    else {
        return;
    };
    content.remove(at);
    if content.get(at).is_some_and(is_separator) {
        content.remove(at);
    } else if at > 0 && content.get(at - 1).is_some_and(is_separator) {
        content.remove(at - 1);
    }
}

/// The timestamps of the request, as text and as times.
fn sent_timestamps(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<(Vec<u8>, Timestamp)> {
    let options = question.options;
    let verifier =
        Verifier::of_scheme(Arc::clone(scheme), question.secrets, options.mode, options.params.clone());
    let inspection = verifier.ok().and_then(|verifier| verifier.inspect(&question.request).ok());
    let texts = inspection.map(|inspection| inspection.timestamps).unwrap_or_default();
    let read = |text: Vec<u8>| {
        let time = scheme.timestamp.as_ref()?.format.parse(&text).ok()?;
        Some((text, time))
    };
    texts.into_iter().filter_map(read).collect()
}

/// A time in the formats that are signed.
fn notations(time: Timestamp) -> Vec<(&'static str, String)> {
    let seconds = time.as_unix_seconds();
    let mut notations = vec![
        ("in seconds", seconds.to_string()),
        ("in milliseconds", time.as_unix_millis().to_string()),
        ("in seconds with a fraction", format!("{seconds}.0")),
    ];
    let text = time.to_string();
    if TimestampFormat::Rfc3339.parse(text.as_bytes()).is_ok() {
        let whole = format!("{}Z", &text[..text.len() - ".000Z".len()]);
        notations.extend([("as RFC 3339", text), ("as RFC 3339 without a fraction", whole)]);
    }
    notations
}

/// The content as a profile writes it.
pub(super) fn describe(content: &[Piece]) -> String {
    content
        .iter()
        .map(|piece| match piece {
            Piece::Literal(bytes) => bytes.escape_ascii().to_string(),
            Piece::Value(value) => format!("{{{}}}", name(value)),
        })
        .collect()
}

fn name(value: &Value) -> String {
    let plain = match value {
        Value::Timestamp => "timestamp",
        Value::Id => "id",
        Value::Body => "body",
        Value::BodyCrc32 => "body:crc32",
        Value::BodySha256 => "body:sha256",
        Value::Url => "url",
        Value::Method => "method",
        Value::Secret => "secret",
        Value::SignedHeaderNames => "signed-header-names",
        Value::SignedHeaderValues => "signed-header-values",
        Value::SortedForm => "sorted-form",
        Value::Canonical(Canonical::AdyenPayment) => "canonical:adyen-payment",
        Value::Canonical(Canonical::Contentful) => "canonical:contentful",
        Value::Canonical(Canonical::Rfc9421) => "canonical:rfc9421",
        Value::Canonical(Canonical::Sns) => "canonical:sns",
        Value::Header(name) => return format!("header:{name}"),
        Value::Json(path) => return format!("json:{}", path.0),
        Value::Form(field) => return format!("form:{field}"),
        Value::Param(name) => return format!("param:{name}"),
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_every_piece_as_profiles_write_it() {
        for profile in Profile::builtins() {
            for piece in &profile.scheme().content {
                if let Piece::Value(_) = piece {
                    assert_eq!(Piece::parse(&describe(std::slice::from_ref(piece))).unwrap(), *piece);
                }
            }
        }
    }

    #[test]
    fn takes_values_out_with_one_separator() {
        let content =
            |items: &[&str]| -> Vec<Piece> { items.iter().map(|item| Piece::parse(item).unwrap()).collect() };
        for (items, expected) in [
            (&["{id}", ".", "{timestamp}", ".", "{body}"][..], &["{id}", ".", "{body}"][..]),
            (&["{timestamp}", ".", "{body}"], &["{body}"]),
            (&["{body}", ":", "{timestamp}"], &["{body}"]),
            (&["v0:", "{timestamp}", ":", "{body}"], &["v0:", "{body}"]),
            (&["{timestamp}", "{body}"], &["{body}"]),
        ] {
            let mut changed = content(items);
            remove(&mut changed, &Value::Timestamp);
            assert_eq!(changed, content(expected));
        }
    }
}
