//! The ways in which programs write JSON.

use super::Node;

/// The white space between the pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::explain) enum Layout {
    /// None.
    Compact,
    /// One after each `,` and `:`, as Python's `json.dumps`.
    Spaced,
    /// Each member and item on a line of its own, with this many spaces a level.
    Indented(usize),
}

/// Which characters of strings are escaped, beyond quotes, backslashes and control characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::explain) enum Escapes {
    /// The strings stay as they are.
    AsWritten,
    /// None, as JavaScript's `JSON.stringify`.
    Least,
    /// Everything beyond ASCII, as Python's `json.dumps`.
    NonAscii,
    /// `/`, as PHP's `json_encode` with `JSON_UNESCAPED_UNICODE`.
    Slashes,
    /// `/` and everything beyond ASCII, as PHP's `json_encode`.
    SlashesAndNonAscii,
    /// `<`, `>`, `&` and the line separators of Unicode, as Go's `encoding/json` and Rails.
    Html,
    /// What .NET's `System.Text.Json` escapes, with upper-case digits.
    DotNet,
}

impl Layout {
    pub(in crate::explain) const ALL: [Self; 4] =
        [Self::Compact, Self::Spaced, Self::Indented(2), Self::Indented(4)];

    pub(in crate::explain) fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Spaced => "spaced",
            Self::Indented(2) => "indented-2",
            Self::Indented(_) => "indented-4",
        }
    }

    pub(in crate::explain) fn words(self) -> &'static str {
        match self {
            Self::Compact => "without white space (as JavaScript's JSON.stringify writes it)",
            Self::Spaced => "with a space after each `,` and `:` (as Python's json.dumps writes it)",
            Self::Indented(2) => "indented by 2 spaces",
            Self::Indented(_) => "indented by 4 spaces",
        }
    }
}

impl Escapes {
    pub(in crate::explain) const ALL: [Self; 7] = [
        Self::AsWritten,
        Self::Least,
        Self::NonAscii,
        Self::Slashes,
        Self::SlashesAndNonAscii,
        Self::Html,
        Self::DotNet,
    ];

    pub(in crate::explain) fn name(self) -> &'static str {
        match self {
            Self::AsWritten => "as-written",
            Self::Least => "least",
            Self::NonAscii => "non-ascii",
            Self::Slashes => "slashes",
            Self::SlashesAndNonAscii => "slashes-and-non-ascii",
            Self::Html => "html",
            Self::DotNet => "dotnet",
        }
    }

    /// What follows "the same JSON, written ...", where there is something to say.
    pub(in crate::explain) fn words(self) -> Option<&'static str> {
        match self {
            Self::AsWritten => None,
            Self::Least => Some("with characters as they are in place of escapes"),
            Self::NonAscii => {
                Some("with everything beyond ASCII escaped, such as `é` as \\u00e9 (Python's default)")
            }
            Self::Slashes => Some("with `/` escaped as `\\/` (PHP with JSON_UNESCAPED_UNICODE)"),
            Self::SlashesAndNonAscii => Some("with `/` and everything beyond ASCII escaped (PHP's default)"),
            Self::Html => Some("with `<`, `>` and `&` escaped (the default of Go and Rails)"),
            Self::DotNet => Some("with the escapes of .NET's System.Text.Json"),
        }
    }
}

impl Node<'_> {
    /// How many spaces a layout puts before the lines of the document: a deep one has many times its own length.
    pub(in crate::explain) fn indentation(&self, layout: Layout) -> usize {
        match layout {
            Layout::Compact | Layout::Spaced => 0,
            Layout::Indented(width) => width * self.levels(0),
        }
    }

    /// The depths of all lines together.
    fn levels(&self, depth: usize) -> usize {
        let of_items = |items: &mut dyn Iterator<Item = &Self>| -> usize {
            items.map(|item| depth + 1 + item.levels(depth + 1)).sum()
        };
        match self {
            Self::Plain(_) | Self::Text(_) => 0,
            Self::List(items) if items.is_empty() => 0,
            Self::Object(members) if members.is_empty() => 0,
            Self::List(items) => depth + of_items(&mut items.iter()),
            Self::Object(members) => depth + of_items(&mut members.iter().map(|(_, value)| value)),
        }
    }

    /// Appends the document.
    pub(in crate::explain) fn write(&self, layout: Layout, escapes: Escapes, out: &mut Vec<u8>) {
        self.write_at(layout, escapes, 0, out);
    }

    fn write_at(&self, layout: Layout, escapes: Escapes, depth: usize, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => out.extend_from_slice(text),
            Self::Text(text) => text.write(escapes, out),
            Self::List(items) if items.is_empty() => out.extend_from_slice(b"[]"),
            Self::Object(members) if members.is_empty() => out.extend_from_slice(b"{}"),
            Self::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    layout.before_item(index, depth + 1, out);
                    item.write_at(layout, escapes, depth + 1, out);
                }
                layout.after_items(depth, out);
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    layout.before_item(index, depth + 1, out);
                    name.write(escapes, out);
                    out.extend_from_slice(if layout == Layout::Compact { b":" } else { b": " });
                    value.write_at(layout, escapes, depth + 1, out);
                }
                layout.after_items(depth, out);
                out.push(b'}');
            }
        }
    }
}

impl Layout {
    fn before_item(self, index: usize, depth: usize, out: &mut Vec<u8>) {
        if index > 0 {
            out.push(b',');
        }
        match self {
            Self::Compact => {}
            Self::Spaced if index > 0 => out.push(b' '),
            Self::Spaced => {}
            Self::Indented(width) => break_line(width * depth, out),
        }
    }

    fn after_items(self, depth: usize, out: &mut Vec<u8>) {
        if let Self::Indented(width) = self {
            break_line(width * depth, out);
        }
    }
}

fn break_line(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(text: &str, layout: Layout, escapes: Escapes) -> String {
        let mut out = Vec::new();
        Node::parse(text.as_bytes()).unwrap().write(layout, escapes, &mut out);
        String::from_utf8(out).unwrap()
    }

    const TEXT: &str = r#" { "b" : [1.0, 1e5, 12345678901234567890123, {}, []],"a":{"é/<'":"\u00e9\/\ud83d\uddfc\n\ud800"} ,"a":null}"#;

    #[test]
    fn lays_out_as_others_do_and_keeps_numbers_and_duplicates() {
        let kept = Escapes::AsWritten;
        assert_eq!(
            write(TEXT, Layout::Compact, kept),
            r#"{"b":[1.0,1e5,12345678901234567890123,{},[]],"a":{"é/<'":"\u00e9\/\ud83d\uddfc\n\ud800"},"a":null}"#
        );
        assert_eq!(write("[1,2,{\"a\":1,\"b\":[]}]", Layout::Spaced, kept), r#"[1, 2, {"a": 1, "b": []}]"#);
        assert_eq!(
            write("[1,{\"a\":{},\"b\":[2]}]", Layout::Indented(2), kept),
            "[\n  1,\n  {\n    \"a\": {},\n    \"b\": [\n      2\n    ]\n  }\n]"
        );
        assert_eq!(write("{\"a\":1}", Layout::Indented(4), kept), "{\n    \"a\": 1\n}");
    }

    #[test]
    fn counts_the_spaces_before_lines() {
        for text in ["0", "[]", "[1,2,{\"a\":1,\"b\":[]}]", "{\"a\":[[1],{}],\"b\":{\"c\":[2,3]}}"] {
            let node = Node::parse(text.as_bytes()).unwrap();
            for layout in Layout::ALL {
                let written = write(text, layout, Escapes::AsWritten);
                let before = |line: &str| line.len() - line.trim_start().len();
                let spaces: usize = written.lines().map(before).sum();
                assert_eq!(node.indentation(layout), spaces, "{written}");
            }
        }
    }

    #[test]
    fn escapes_as_others_do() {
        let text = r#"["é/<'\"\u2028\u00e9\/\ud83d\uddfc\n\u0001"]"#;
        let compact = |escapes| write(text, Layout::Compact, escapes);
        assert_eq!(compact(Escapes::AsWritten), text);
        assert_eq!(compact(Escapes::Least), "[\"é/<'\\\"\u{2028}é/🗼\\n\\u0001\"]");
        assert_eq!(compact(Escapes::NonAscii), r#"["\u00e9/<'\"\u2028\u00e9/\ud83d\uddfc\n\u0001"]"#);
        assert_eq!(compact(Escapes::Slashes), "[\"é\\/<'\\\"\u{2028}é\\/🗼\\n\\u0001\"]");
        assert_eq!(
            compact(Escapes::SlashesAndNonAscii),
            r#"["\u00e9\/<'\"\u2028\u00e9\/\ud83d\uddfc\n\u0001"]"#
        );
        assert_eq!(compact(Escapes::Html), r#"["é/\u003c'\"\u2028é/🗼\n\u0001"]"#);
        assert_eq!(
            compact(Escapes::DotNet),
            r#"["\u00E9/\u003C\u0027\u0022\u2028\u00E9/\uD83D\uDDFC\n\u0001"]"#
        );
    }

    #[test]
    fn keeps_strings_that_cannot_be_decoded() {
        assert_eq!(write(r#"["\ud800","\x"]"#, Layout::Compact, Escapes::NonAscii), r#"["\ud800","\x"]"#);
    }

    #[test]
    fn sorts_members_at_every_level_by_what_their_names_stand_for() {
        let node = Node::parse(br#"{"b":1,"a":{"d":1,"\u0063":2},"B":3,"b":0}"#).unwrap();
        let mut out = Vec::new();
        node.sorted().write(Layout::Compact, Escapes::AsWritten, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"B":3,"a":{"\u0063":2,"d":1},"b":1,"b":0}"#);
    }

    proptest! {
        #[test]
        fn writing_keeps_the_value(text in r#"\{"[a-zé/<]{0,3}": ?\[ ?-?[1-9][0-9]{0,3}(\.[0-9])?,"(\\u00e9|\\/|\\n|[a-z🗼&]){0,5}", ?(true|null|\{\}|\[\])\]\}"#) {
            let before: serde_json::Value = serde_json::from_str(&text).unwrap();
            for layout in Layout::ALL {
                for escapes in Escapes::ALL {
                    let written = write(&text, layout, escapes);
                    prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&written).unwrap(), &before);
                    prop_assert_eq!(write(&written, layout, escapes), written);
                }
            }
        }
    }
}
