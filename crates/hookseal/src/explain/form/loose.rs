//! What may be a signature or a timestamp in a text of any grammar.

/// The shortest text that may be a digest: base64 of 16 bytes.
const MIN_TOKEN: usize = 22;

/// Most texts that are looked at.
const MAX_TOKENS: usize = 12;

/// The parts of a header's value.
pub(super) struct Loose<'v> {
    /// Texts that may be signatures, each once.
    pub(super) tokens: Vec<&'v [u8]>,
    /// A text that may be a timestamp.
    pub(super) stamp: Option<&'v [u8]>,
}

impl<'v> Loose<'v> {
    pub(super) fn read(value: &'v [u8]) -> Self {
        let mut loose = Self { tokens: Vec::new(), stamp: None };
        loose.add(value);
        for item in value.split(|byte| matches!(byte, b',' | b' ' | b';' | b'&' | b'|' | b'\t')) {
            loose.add(item);
            for assign in [b'=', b':'] {
                let Some(at) = item.iter().position(|byte| *byte == assign) else { continue };
                loose.add(&item[at + 1..]);
                if is_time(&item[at + 1..]) && loose.stamp.is_none() {
                    loose.stamp = Some(&item[at + 1..]);
                }
            }
        }
        loose
    }

    fn add(&mut self, text: &'v [u8]) {
        let text = text.trim_ascii();
        let text = match text {
            [b'"' | b'\'' | b':', inner @ .., b'"' | b'\'' | b':'] => inner,
            text => text,
        };
        let is_new = text.len() >= MIN_TOKEN && !self.tokens.contains(&text);
        if is_new && self.tokens.len() < MAX_TOKENS && text.iter().all(|byte| is_digit(*byte)) {
            self.tokens.push(text);
        }
    }
}

/// Digits of hexadecimal, both kinds of base64, and of percent-encoding.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_%".contains(&byte)
}

/// Ten digits of seconds to thirteen of milliseconds.
fn is_time(text: &[u8]) -> bool {
    (9..=14).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_signatures_and_timestamps_in_any_grammar() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        for value in [
            hex.to_owned(),
            format!("sha256={hex}"),
            format!("t=1750000000,v1={hex}"),
            format!("ts=1750000000;h1={hex}"),
            format!("v1,{hex}"),
            format!("HMAC {hex}"),
            format!("sig1=:{hex}:"),
            format!("\"{hex}\""),
        ] {
            let loose = Loose::read(value.as_bytes());
            assert!(loose.tokens.contains(&hex.as_bytes()), "{value}");
            assert_eq!(loose.stamp, value.contains("1750000000").then_some(&b"1750000000"[..]), "{value}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(value in proptest::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(Loose::read(&value).tokens.len() <= MAX_TOKENS);
        }
    }
}
