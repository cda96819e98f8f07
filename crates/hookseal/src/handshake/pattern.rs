//! What a value of a request may look like: characters of a class, and how many.

/// The longest value that a pattern allows, in characters.
const LONGEST: usize = 4096;

/// A pattern such as `[A-Za-z0-9_-]{1,128}`: one class of visible ASCII and a number of characters, over the whole
/// value. No more than that, so that matching takes linear time and reading a pattern says what it lets through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    /// A bit for each ASCII character.
    allowed: u128,
    least: usize,
    most: usize,
}

impl Pattern {
    /// What a pattern looks like, for messages.
    pub(crate) const EXPECTED: &'static str =
        "a pattern such as `[A-Za-z0-9_-]{1,128}` is needed: a class and how many characters";

    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (class, count) = text.strip_prefix('[')?.split_once("]{")?;
        let count = count.strip_suffix('}')?;
        let (least, most) = match count.split_once(',') {
            Some((least, most)) => (number(least)?, number(most)?),
            None => (number(count)?, number(count)?),
        };
        let allowed = class_bits(class.as_bytes())?;
        let valid = allowed != 0 && least <= most && (1..=LONGEST).contains(&most);
        valid.then_some(Self { allowed, least, most })
    }

    /// Whether the whole of a text is of this form.
    pub(crate) fn matches(&self, text: &str) -> bool {
        (self.least..=self.most).contains(&text.len()) && text.bytes().all(|byte| self.allows(byte))
    }

    /// Whether nothing but letters, digits, `_` and `-` goes through, at least one and at most 256 of them: neither
    /// JSON nor a separator can be made of those.
    pub(crate) fn is_token(&self) -> bool {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let only_tokens = (0..128).all(|byte| token(byte) || !self.allows(byte));
        only_tokens && self.least >= 1 && self.most <= 256
    }

    fn allows(&self, byte: u8) -> bool {
        byte.is_ascii() && self.allowed >> byte & 1 == 1
    }
}

fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The characters of a class: single ones and ranges of letters or digits, a `-` at an end for itself.
fn class_bits(mut class: &[u8]) -> Option<u128> {
    let mut bits = 0;
    while let Some((first, rest)) = class.split_first() {
        if !first.is_ascii_graphic() && *first != b' ' || matches!(first, b'[' | b']' | b'^' | b'\\') {
            return None;
        }
        let (last, rest) = match rest {
            [b'-', last, rest @ ..] if last.is_ascii_alphanumeric() && first.is_ascii_alphanumeric() => {
                (*last, rest)
            }
            _ => (*first, rest),
        };
        if last < *first {
            return None;
        }
        (*first..=last).for_each(|byte| bits |= 1 << byte);
        class = rest;
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_whole_value() {
        let pattern = Pattern::parse("[a-f0-9]{20,32}").unwrap();
        assert!(pattern.matches("20f9f8ed05f77439fe955c977e4c8a53"));
        for other in ["", "20f9f8", "20F9f8ed05f77439fe955c977e4c8a53", "20f9f8ed05f77439fe955c977e4c8a53\n"]
        {
            assert!(!pattern.matches(other), "{other:?}");
        }
        assert!(!pattern.matches(&"a".repeat(33)));
        let token = Pattern::parse("[A-Za-z0-9_-]{1,128}").unwrap();
        assert!(token.matches("qgg8vl_-RS6") && !token.matches("v0:1751371200:{}") && !token.matches("é"));
        assert!(Pattern::parse("[ab]{2}").unwrap().matches("ab"));
    }

    #[test]
    fn reads_nothing_else() {
        for text in [
            "",
            "a",
            "[a]",
            "[]{1}",
            "[a]{0}",
            "[a]{2,1}",
            "[a]{1,99999}",
            "[z-a]{1}",
            "[^a]{1}",
            "[a]{1}b",
            "[\\d]{1}",
            "[é]{1}",
            "[a]{+1}",
            "[a]{1,}",
            "[a]{-1,2}",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_are_told_from_what_could_be_signed_content() {
        let is_token = |text: &str| Pattern::parse(text).unwrap().is_token();
        assert!(is_token("[A-Za-z0-9_-]{1,128}") && is_token("[a-f0-9]{20,32}"));
        for loose in ["[A-Za-z0-9{}]{1,128}", "[a-z:]{1,8}", "[a-z.]{1,8}", "[a-z]{1,4000}", "[a-z]{0,8}"] {
            assert!(!is_token(loose), "{loose}");
        }
    }
}
