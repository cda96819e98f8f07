//! A received request as the verifier reads it: bytes, and every line of every header.

/// A request as it arrived.
///
/// `body` is what came over the wire, before anything decoded, decompressed or parsed it.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The method, such as `POST`.
    pub method: &'r str,
    /// The URL as the sender addressed it. Behind a proxy this is the configured public URL, never one made from
    /// `Host` or `X-Forwarded-*`; the parameter `url` takes its place where it is set.
    pub url: &'r str,
    /// The header lines.
    pub headers: &'r dyn Headers,
    /// The bytes of the body.
    pub body: &'r [u8],
}

/// The header lines of a request.
///
/// Implemented for lists of pairs. For the map of a web framework it is three lines:
///
/// ```
/// use hookseal::Headers;
///
/// struct Map<'m>(&'m std::collections::BTreeMap<String, Vec<Vec<u8>>>);
///
/// impl Headers for Map<'_> {
///     fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
///         self.0.get(name).into_iter().flatten().for_each(|value| found(value));
///     }
/// }
/// ```
pub trait Headers {
    /// Calls `found` with the value of each line whose name is `name`, in the order of the lines.
    ///
    /// `name` is in lower case; names compare without regard to ASCII case. Lines must be neither joined nor
    /// dropped: a signature that stands twice is refused, and that has to be seen.
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8]));

    /// Calls `found` with the name of each line, in any order and any case, repeated or not.
    ///
    /// Verification never asks for it. What explains a failure does, to find a header that has another name than
    /// expected; without an implementation it knows the names of the built-in profiles alone.
    fn names<'h>(&'h self, found: &mut dyn FnMut(&'h str)) {
        let _ = found;
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for &[(N, V)] {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        pair_lines(self, name, found);
    }

    fn names<'h>(&'h self, found: &mut dyn FnMut(&'h str)) {
        self.iter().for_each(|(name, _)| found(name.as_ref()));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(N, V)> {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        pair_lines(self, name, found);
    }

    fn names<'h>(&'h self, found: &mut dyn FnMut(&'h str)) {
        self.iter().for_each(|(name, _)| found(name.as_ref()));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LENGTH: usize> Headers for [(N, V); LENGTH] {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        pair_lines(self, name, found);
    }

    fn names<'h>(&'h self, found: &mut dyn FnMut(&'h str)) {
        self.iter().for_each(|(name, _)| found(name.as_ref()));
    }
}

fn pair_lines<'h, N: AsRef<str>, V: AsRef<[u8]>>(
    pairs: &'h [(N, V)],
    name: &str,
    found: &mut dyn FnMut(&'h [u8]),
) {
    for (line, value) in pairs {
        if is_name(line.as_ref().as_bytes(), name.as_bytes()) {
            found(value.as_ref());
        }
    }
}

/// Compares names of headers. Those of one vendor tend to begin alike, so that length and last letter tell most of them
/// apart at once; and most come in lower case already.
#[inline]
fn is_name(line: &[u8], name: &[u8]) -> bool {
    if line.len() != name.len() {
        return false;
    }
    let ([.., last], [.., wanted]) = (line, name) else { return true };
    (last ^ wanted) & !0x20 == 0 && (line == name || line.eq_ignore_ascii_case(name))
}

/// The lines of one name, as far as one can tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line<'h> {
    /// There is none, or it is empty.
    Absent,
    /// There is one, with this value, trimmed of outer spaces and tabs (RFC 9110 section 5.5).
    One(&'h [u8]),
    /// There are several.
    Several,
}

impl<'r> Request<'r> {
    /// The only line of `name`.
    #[inline]
    pub(crate) fn line(&self, name: &str) -> Line<'r> {
        let headers: &'r dyn Headers = self.headers;
        // Apart, as what a closure writes to memory in small pieces is slow to read back as one.
        let (mut count, mut last) = (0_usize, &[][..]);
        headers.lines(name, &mut |value| {
            count += 1;
            last = value;
        });
        match count {
            0 => Line::Absent,
            1 => match trim(last) {
                [] => Line::Absent,
                value => Line::One(value),
            },
            _ => Line::Several,
        }
    }
}

/// Whether there is a control character besides the tab, which no header may hold (RFC 9110 section 5.5).
pub(crate) fn has_control(value: &[u8]) -> bool {
    any_byte(value, |byte| is_control(byte) & (byte != b'\t'))
}

/// Whether there is a control character, the tab among them, or this byte.
pub(crate) fn has_control_or(value: &[u8], unwanted: Option<u8>) -> bool {
    // A zero is a control character itself.
    let unwanted = unwanted.unwrap_or(0);
    any_byte(value, |byte| is_control(byte) | (byte == unwanted))
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20) | (byte == 0x7f)
}

/// Whether one of the bytes is as asked. Every header that takes part passes here, so all of sixteen bytes are looked at
/// before it is asked whether one was found: the compiler makes vectors of that.
#[inline]
pub(crate) fn any_byte(value: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    const STEP: usize = 16;
    let any_of = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | wanted(*byte));
    // The last step looks at some bytes again rather than at a copy of those that are left.
    let Some(last) = value.last_chunk::<STEP>() else { return any_of(value) };
    value.as_chunks::<STEP>().0.iter().fold(any_of(last), |found, step| found | any_of(step))
}

/// Cuts spaces and tabs off both ends.
#[inline]
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &dyn Headers) -> Request<'_> {
        Request { method: "POST", url: "", headers, body: b"" }
    }

    #[test]
    fn control_characters_are_found_wherever_they_stand() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut value = vec![0xff; length];
                    value[at] = byte;
                    assert_eq!(has_control(&value), byte.is_ascii_control() && byte != b'\t', "{value:?}");
                    assert_eq!(has_control_or(&value, None), byte.is_ascii_control(), "{value:?}");
                    let unwanted = byte.is_ascii_control() || byte == b'.';
                    assert_eq!(has_control_or(&value, Some(b'.')), unwanted, "{value:?}");
                }
            }
        }
        assert!(!has_control(b""));
    }

    #[test]
    fn finds_names_in_any_case_and_sees_duplicates() {
        let headers = [("X-One", " a "), ("x-two", "b"), ("X-Two", "c"), ("x-empty", " \t")];
        assert_eq!(request(&headers).line("x-one"), Line::One(b"a"));
        assert_eq!(request(&headers).line("x-two"), Line::Several);
        assert_eq!(request(&headers).line("x-empty"), Line::Absent);
        assert_eq!(request(&headers).line("x-three"), Line::Absent);
    }
}
