//! Texts of a profile as literals of a programming language, so that none of them can end one and begin code.

/// How the string literals of a language are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Quoting {
    /// What has to be escaped besides `"` and `\`, since it begins an interpolation.
    pub(super) interpolation: &'static str,
    /// How a character is written that is not visible ASCII.
    pub(super) escape: Escape,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Escape {
    /// `\u{1f600}`.
    Braces,
    /// `\ud83d\ude00`, in UTF-16.
    Utf16,
    /// `\U0001f600`.
    Long,
    /// `\xf0\x9f\x98\x80`, in UTF-8.
    Bytes,
}

impl Quoting {
    /// `text` between double quotes.
    pub(super) fn quote(self, text: &str) -> String {
        let mut out = String::from("\"");
        text.chars().for_each(|character| self.push(character, &mut out));
        out.push('"');
        out
    }

    fn push(self, character: char, out: &mut String) {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' if self.interpolation.contains(character) => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            other => self.push_escaped(other, out),
        }
    }

    fn push_escaped(self, character: char, out: &mut String) {
        match self.escape {
            Escape::Braces => out.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            Escape::Long => out.push_str(&format!("\\U{:08x}", u32::from(character))),
            Escape::Utf16 => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            Escape::Bytes => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
}

/// `text` within a comment: visible ASCII that ends no comment in any of the languages, on one line.
pub(super) fn comment(text: &str) -> String {
    let plain = |character: char| {
        let plain = character.is_ascii_alphanumeric() || " ,.;:=+-_<>()[]|&/#%!".contains(character);
        if plain { character } else { '_' }
    };
    text.chars().map(plain).collect::<String>().replace("*/", "__").replace("?>", "__")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BRACES: Quoting = Quoting { interpolation: "", escape: Escape::Braces };
    const UTF16: Quoting = Quoting { interpolation: "", escape: Escape::Utf16 };
    const LONG: Quoting = Quoting { interpolation: "", escape: Escape::Long };
    const BYTES: Quoting = Quoting { interpolation: "$#", escape: Escape::Bytes };

    #[test]
    fn writes_each_language_s_escapes() {
        assert_eq!(BRACES.quote("a\"\\\n\u{1f600}"), r#""a\"\\\n\u{1f600}""#);
        assert_eq!(UTF16.quote("é\u{1f600}"), r#""\u00e9\ud83d\ude00""#);
        assert_eq!(LONG.quote("é"), r#""\U000000e9""#);
        assert_eq!(BYTES.quote("$a #{é}"), r#""\$a \#{\xc3\xa9}""#);
    }

    #[test]
    fn comments_stay_comments() {
        assert_eq!(comment("a ?> b */ c \\u000a \n d"), "a _> b _/ c _u000a _ d");
    }

    proptest! {
        #[test]
        fn a_literal_is_one_line_of_visible_ascii(text in any::<String>()) {
            for quoting in [BRACES, UTF16, LONG, BYTES] {
                let literal = quoting.quote(&text);
                prop_assert!(literal.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
                let inner = &literal[1..literal.len() - 1];
                prop_assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains('"'));
            }
        }
    }
}
