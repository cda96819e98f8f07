//! JSON as it is written: taken apart into the pieces of its text, and written again as other programs write it.
//!
//! Values are never read: numbers keep their text, members their order and their duplicates.

mod string;
mod style;

use string::Text;
pub(super) use style::{Escapes, Layout};

/// The deepest nesting that is followed; what lies deeper is not rewritten.
const MAX_DEPTH: usize = 128;

/// A piece of JSON text.
#[derive(Clone, PartialEq)]
pub(super) enum Node<'t> {
    /// A number or a name, as it is written.
    Plain(&'t [u8]),
    Text(Text<'t>),
    List(Vec<Node<'t>>),
    Object(Vec<(Text<'t>, Node<'t>)>),
}

impl<'t> Node<'t> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// The text is not JSON from the byte at this position on.
    pub(super) fn parse(text: &'t [u8]) -> Result<Self, usize> {
        let mut parser = Parser { text, at: 0 };
        let node = parser.value(0)?;
        parser.skip_whitespace();
        match parser.at == text.len() {
            true => Ok(node),
            false => Err(parser.at),
        }
    }

    /// How many values and names it has.
    pub(super) fn pieces(&self) -> usize {
        match self {
            Self::Plain(_) | Self::Text(_) => 1,
            Self::List(items) => 1 + items.iter().map(Self::pieces).sum::<usize>(),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| 1 + value.pieces()).sum::<usize>(),
        }
    }

    /// The same with the members of every object sorted by their names.
    pub(super) fn sorted(&self) -> Self {
        match self {
            Self::Plain(_) | Self::Text(_) => self.clone(),
            Self::List(items) => Self::List(items.iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), value.sorted())).collect();
                members.sort_by(|(left, _), (right, _)| left.value().cmp(&right.value()));
                Self::Object(members)
            }
        }
    }
}

/// How many bytes of a document are of characters that may be written in several ways.
pub(super) fn escapes(text: &[u8]) -> usize {
    text.iter().filter(|byte| string::is_special(**byte)).count()
}

/// The text of a string in place of its notation, where a whole document is one string.
pub(super) fn unwrap_string(text: &[u8]) -> Option<Vec<u8>> {
    match Node::parse(text) {
        Ok(Node::Text(text)) => text.value().map(|value| value.as_bytes().to_vec()),
        _ => None,
    }
}

/// The text as a JSON string, with only those escapes that have to be.
pub(super) fn wrap_string(text: &str) -> Vec<u8> {
    let mut out = vec![b'"'];
    string::write_all(text, Escapes::Least, &mut out);
    out.push(b'"');
    out
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Parser<'t> {
    fn value(&mut self, depth: usize) -> Result<Node<'t>, usize> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(self.at),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Node::Text),
            _ => self.plain(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'t>, usize> {
        let mut members = Vec::new();
        self.at += 1;
        self.skip_whitespace();
        if self.take(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_whitespace();
            let name = self.string()?;
            self.skip_whitespace();
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.skip_whitespace();
            if self.take(b'}') {
                return Ok(Node::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'t>, usize> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_whitespace();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_whitespace();
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<Text<'t>, usize> {
        let start = self.at;
        self.expect(b'"')?;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(Text::new(&self.text[start..self.at])),
                b'\\' if self.at < self.text.len() => self.at += 1,
                0..b' ' => return Err(self.at - 1),
                _ => {}
            }
        }
        Err(self.at)
    }

    fn plain(&mut self) -> Result<Node<'t>, usize> {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'a'..=b'z' | b'E' | b'0'..=b'9' | b'+' | b'-' | b'.'))
            .unwrap_or(rest.len());
        let plain = &rest[..length];
        let number = plain.first().is_some_and(|first| matches!(first, b'0'..=b'9' | b'-'))
            && plain.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if !number && !matches!(plain, b"true" | b"false" | b"null") {
            return Err(self.at);
        }
        self.at += length;
        Ok(Node::Plain(plain))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), usize> {
        if self.take(byte) { Ok(()) } else { Err(self.at) }
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_where_a_text_stops_being_json() {
        let at = |text: &str| Node::parse(text.as_bytes()).err();
        assert_eq!(at(r#" {"a": [1, -2.50e+3, true, "\""]} "#), None);
        for (text, position) in [
            ("", 0),
            ("{", 1),
            ("{}x", 2),
            ("{'a':1}", 1),
            (r#"{"a" 1}"#, 5),
            ("[1,]", 3),
            ("nul", 0),
            (r#""a"#, 2),
            ("\"\n\"", 1),
        ] {
            assert_eq!(at(text), Some(position), "{text}");
        }
        assert_eq!(at(&"[".repeat(1000)), Some(MAX_DEPTH));
    }

    #[test]
    fn strings_within_strings() {
        let inner = "{\"a\":\"é\\n/\"}";
        assert_eq!(unwrap_string(&wrap_string(inner)), Some(inner.as_bytes().to_vec()));
        assert_eq!(unwrap_string(b"{}"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..80), json in r#"[\[\]{}",:\\u0-9a \n]{0,40}"#) {
            let _ = Node::parse(&text);
            let _ = Node::parse(json.as_bytes());
        }

        #[test]
        fn reads_what_serde_json_reads(json in r#"[\[\]{}",:\\n0-9 ]{0,12}"#) {
            if serde_json::from_str::<serde_json::Value>(&json).is_ok() {
                prop_assert!(Node::parse(json.as_bytes()).is_ok());
            }
        }
    }
}
