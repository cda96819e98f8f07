//! Texts of a profile in Markdown and in shell commands, so that they are shown and never mean anything.

/// Text in a paragraph: every character that could be markup is escaped.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '-' | ',' | '.' | ':' | '/' | '(' | ')' | '\'' | ';' | '%' | '"' => out.push(character),
            character if character.is_ascii_punctuation() => out.extend(['\\', character]),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    // These two are markup at the beginning of a line, where a text of ours may stand.
    match out.as_bytes() {
        [b'-' | b'.' | b':', ..] => format!("\\{out}"),
        _ => out,
    }
}

/// A code span, with as many backticks around it as it takes.
pub(super) fn code_span(text: &str) -> String {
    let text: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code span in a table, where a bar would end the cell.
pub(super) fn cell(text: &str) -> String {
    code_span(text).replace('|', "\\|")
}

/// A word of a POSIX shell.
pub(super) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Text in HTML, also within an attribute.
pub(super) fn html(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_would_be_markup() {
        assert_eq!(markdown("a *b* <i> [c](d) `e` #\n|"), r"a \*b\* \<i\> \[c\](d) \`e\` \# \|");
        assert_eq!(markdown("- a"), r"\- a");
        assert_eq!(code_span("a`b``c"), "```a`b``c```");
        assert_eq!(cell("a|b"), r"`a\|b`");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }

    fn rendered(text: &str) -> String {
        let mut out = String::new();
        pulldown_cmark::html::push_html(&mut out, pulldown_cmark::Parser::new(text));
        out
    }

    proptest! {
        #[test]
        fn no_text_is_markup(text in "[ -~\u{e9}\n]{0,40}") {
            let html = rendered(&format!("x {} y", markdown(&text)));
            prop_assert_eq!(html.matches('<').count(), 2, "{}", html);
            let html = rendered(&format!("x {} y", code_span(&text)));
            prop_assert_eq!(html.matches('<').count(), 4, "{}", html);
        }
    }
}
