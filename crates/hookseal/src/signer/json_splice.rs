//! Replacing texts within a JSON document without touching any other byte of it: reading and writing the document anew
//! would change numbers, spaces and escapes that others have signed or will compare.

use std::ops::Range;

use serde_json::value::RawValue;

/// The document with `text` as the value at a path of names, positions and `*`. A member that is missing at the end
/// of the path is added to its object. `None` where the document is not JSON or the path leads nowhere.
pub(super) fn with_text(document: &[u8], path: &str, text: &str) -> Option<Vec<u8>> {
    serde_json::from_slice::<&RawValue>(document).ok()?;
    let steps: Vec<&str> = path.split('.').collect();
    let quoted = serde_json::to_string(text).ok()?;
    let mut edits = Vec::new();
    Scanner { text: document, at: 0 }.find(&steps, &quoted, &mut edits)?;
    let mut out = Vec::with_capacity(document.len() + quoted.len());
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(&document[copied..edit.range.start]);
        out.extend_from_slice(edit.text.as_bytes());
        copied = edit.range.end;
    }
    out.extend_from_slice(&document[copied..]);
    Some(out)
}

/// Bytes that something else takes the place of.
struct Edit {
    range: Range<usize>,
    text: String,
}

/// A place in a document that is known to be JSON.
struct Scanner<'d> {
    text: &'d [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Goes past the value that begins here, and notes what changes at the path within it.
    fn find(&mut self, path: &[&str], quoted: &str, edits: &mut Vec<Edit>) -> Option<()> {
        self.skip_spaces();
        let Some((step, rest)) = path.split_first() else {
            let start = self.at;
            self.skip_value()?;
            edits.push(Edit { range: start..self.at, text: quoted.to_owned() });
            return Some(());
        };
        match self.peek()? {
            b'{' => self.find_member(step, rest, quoted, edits),
            b'[' => self.find_item(step, rest, quoted, edits),
            _ => None,
        }
    }

    fn find_member(&mut self, step: &str, rest: &[&str], quoted: &str, edits: &mut Vec<Edit>) -> Option<()> {
        self.at += 1;
        let (mut found, mut empty) = (false, true);
        loop {
            self.skip_spaces();
            match self.peek()? {
                b'}' => break,
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => empty = false,
            }
            let start = self.at;
            self.skip_value()?;
            let name: String = serde_json::from_slice(&self.text[start..self.at]).ok()?;
            self.skip_spaces();
            self.at += 1;
            if name == step {
                // Readers differ in which of two members of one name they take, so both would have to be right.
                self.find(rest, quoted, edits)?;
                found = true;
            } else {
                self.skip_spaces();
                self.skip_value()?;
            }
        }
        if !found {
            let name = serde_json::to_string(step).ok().filter(|_| rest.is_empty())?;
            let comma = if empty { "" } else { "," };
            edits.push(Edit { range: self.at..self.at, text: format!("{comma}{name}:{quoted}") });
        }
        self.at += 1;
        Some(())
    }

    fn find_item(&mut self, step: &str, rest: &[&str], quoted: &str, edits: &mut Vec<Edit>) -> Option<()> {
        self.at += 1;
        let wanted = step.parse::<usize>().ok();
        let (mut index, mut found) = (0, false);
        loop {
            self.skip_spaces();
            match self.peek()? {
                b']' => break,
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ if step == "*" || wanted == Some(index) => {
                    self.find(rest, quoted, edits)?;
                    found = true;
                }
                _ => self.skip_value()?,
            }
            index += 1;
        }
        self.at += 1;
        found.then_some(())
    }

    /// Goes past a value without descending into calls, as a stranger may nest it deeply.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => self.at += 1,
                _ => self.skip_word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return Some(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn skip_word(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            self.at += 1;
        }
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn spliced(document: &str, path: &str) -> Option<String> {
        with_text(document.as_bytes(), path, "S\"").map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn replaces_one_value_and_no_other_byte() {
        let body = "{ \"a\" : [1.0, {\"b\":\t\"old \\\" }\" , \"c\":1e400 }],\n\"d\":{} }";
        assert_eq!(
            spliced(body, "a.1.b").unwrap(),
            "{ \"a\" : [1.0, {\"b\":\t\"S\\\"\" , \"c\":1e400 }],\n\"d\":{} }"
        );
        assert_eq!(spliced(r#"{"a":{"x":[{}]}}"#, "a").unwrap(), r#"{"a":"S\""}"#);
        assert_eq!(spliced(r#"{"\u0061":1}"#, "a").unwrap(), r#"{"\u0061":"S\""}"#);
        assert_eq!(spliced(r#"{"a":1,"a":2}"#, "a").unwrap(), r#"{"a":"S\"","a":"S\""}"#);
    }

    #[test]
    fn every_item_is_replaced() {
        let body = r#"{"value":[{"s":"","n":1},{"n":2}, {"s":null}]}"#;
        let expected = r#"{"value":[{"s":"S\"","n":1},{"n":2,"s":"S\""}, {"s":"S\""}]}"#;
        assert_eq!(spliced(body, "value.*.s").unwrap(), expected);
    }

    #[test]
    fn adds_the_last_member_and_nothing_above_it() {
        assert_eq!(spliced("{ }", "a").unwrap(), r#"{ "a":"S\""}"#);
        assert_eq!(spliced(r#"{"b":1}"#, "a").unwrap(), r#"{"b":1,"a":"S\""}"#);
        for (body, path) in [
            ("{}", "a.b"),
            ("[]", "0"),
            ("[]", "*"),
            ("[1]", "1"),
            ("1", "a"),
            ("[1]", "a"),
            ("{", "a"),
            ("", "a"),
        ] {
            assert_eq!(spliced(body, path), None, "{body} {path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_leaves_json(body in r#"[\[\]{}",:a-c0-9 \\]{0,40}"#, path in "[a-c0-2*]{1,2}(\\.[a-c0-2*]){0,2}") {
            if let Some(changed) = with_text(body.as_bytes(), &path, "x") {
                let value: Json = serde_json::from_slice(&changed).unwrap();
                prop_assert!(value.to_string().contains("\"x\""));
            }
        }
    }
}
