//! Whether a signed content can be taken apart in one way alone.
//!
//! Where it cannot, whoever has seen a request moves bytes from one value to the next, such as the first digit of a body to
//! the end of a timestamp, and the signature still holds for what then looks like another message.

use crate::scheme::{Canonical, IdentityRule, Piece, Scheme, TimestampFormat, Value};

/// How it is known where a value ends.
enum Extent {
    /// By itself: it has one length, or is such that no longer and no shorter text is one, or never changes.
    Itself,
    /// By the first byte that it cannot hold.
    Alphabet(Box<dyn Fn(u8) -> bool>),
    /// By nothing: it holds any bytes.
    Any,
    /// It consists of several values with nothing that they cannot hold between them.
    Inner,
}

/// The item of the content that runs into its neighbour, or into itself.
///
/// What is settled from the left and what is settled from the right may leave one value between them, which is the rest.
pub(super) fn ambiguous_item(scheme: &Scheme) -> Option<usize> {
    let extents: Vec<Extent> = scheme.content.iter().map(|piece| extent(piece, scheme)).collect();
    if let Some(inner) = extents.iter().position(|extent| matches!(extent, Extent::Inner)) {
        return Some(inner);
    }
    let count = extents.len();
    let beside = |at: Option<usize>| at.and_then(|at| scheme.content.get(at));
    let from_left = (0..count).take_while(|at| ends(&extents[*at], beside(at.checked_add(1)), <[u8]>::first));
    let left = from_left.count();
    let from_right =
        (0..count).rev().take_while(|at| ends(&extents[*at], beside(at.checked_sub(1)), <[u8]>::last));
    (left + from_right.count() + 1 < count).then_some(left)
}

/// Whether a value ends before its neighbour begins, seen from the side that is settled.
fn ends(extent: &Extent, neighbour: Option<&Piece>, nearest: fn(&[u8]) -> Option<&u8>) -> bool {
    match (extent, neighbour) {
        (Extent::Itself, _) | (_, None) => true,
        (Extent::Alphabet(holds), Some(Piece::Literal(bytes))) => {
            nearest(bytes).is_some_and(|byte| !holds(*byte))
        }
        (Extent::Alphabet(_) | Extent::Any | Extent::Inner, Some(_)) => false,
    }
}

fn extent(piece: &Piece, scheme: &Scheme) -> Extent {
    let value = match piece {
        Piece::Literal(_) => return Extent::Itself,
        Piece::Value(value) => value,
    };
    match value {
        Value::Timestamp => match scheme.timestamp.as_ref().map(|rule| rule.format) {
            // The date at the front has one form and the zone at the end is never missing.
            Some(TimestampFormat::Rfc3339) => Extent::Itself,
            Some(TimestampFormat::UnixSeconds | TimestampFormat::UnixMillis) => digits(),
            None => Extent::Any,
        },
        Value::Id => {
            let forbidden = scheme.id.as_ref().and_then(|IdentityRule { forbidden, .. }| *forbidden);
            Extent::Alphabet(Box::new(move |byte| !byte.is_ascii_control() && Some(byte) != forbidden))
        }
        Value::Header(_) | Value::SignedHeaderNames => {
            Extent::Alphabet(Box::new(|byte| !byte.is_ascii_control()))
        }
        Value::Url => Extent::Alphabet(Box::new(|byte| byte.is_ascii_graphic())),
        // RFC 9110 section 9.1: a method is a token, which holds neither spaces nor `/` nor `:`.
        Value::Method => {
            Extent::Alphabet(Box::new(|byte| byte.is_ascii_graphic() && !b"/:,;|\"()".contains(&byte)))
        }
        Value::BodyCrc32 => digits(),
        Value::BodySha256 | Value::Secret | Value::Param(_) => Extent::Itself,
        Value::Body | Value::Json(_) | Value::Form(_) => Extent::Any,
        Value::SignedHeaderValues | Value::SortedForm | Value::Canonical(Canonical::AdyenPayment) => {
            Extent::Inner
        }
        Value::Canonical(Canonical::Contentful | Canonical::Rfc9421 | Canonical::Sns) => Extent::Any,
    }
}

fn digits() -> Extent {
    Extent::Alphabet(Box::new(|byte| byte.is_ascii_digit()))
}
