//! A buffer of header lines that is filled again and again without allocating.

use std::fmt;
use std::ops::Range;

/// The headers that signing writes. Names are in lower case, values are visible ASCII and spaces.
///
/// Keep one and [`clear`](Self::clear) it before each message: after the first few it has all the memory it needs.
#[derive(Clone, Default)]
pub struct SignedHeaders {
    text: String,
    lines: Vec<LineSpan>,
}

#[derive(Clone)]
struct LineSpan {
    name: Range<usize>,
    value: Range<usize>,
}

impl SignedHeaders {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the lines and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    /// The lines as name and value, in the order in which they were written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.lines.iter().map(|line| (&self.text[line.name.clone()], &self.text[line.value.clone()]))
    }

    /// The value of the first line of this name, which is in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(line, _)| *line == name).map(|(_, value)| value)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Appends a line whose value `write` appends to the text; a line whose value is refused leaves nothing behind.
    pub(crate) fn push<E>(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.text.len();
        self.text.push_str(name);
        let name = start..self.text.len();
        if let Err(error) = write(&mut self.text) {
            self.text.truncate(start);
            return Err(error);
        }
        let value = name.end..self.text.len();
        self.lines.push(LineSpan { name, value });
        Ok(())
    }

    /// Forgets every line after the first `lines`.
    pub(crate) fn truncate(&mut self, lines: usize) {
        if let Some(line) = self.lines.get(lines) {
            self.text.truncate(line.name.start);
            self.lines.truncate(lines);
        }
    }
}

/// The names alone: where a scheme sends a token, the value is the secret.
impl fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_line_leaves_nothing_behind() {
        let mut headers = SignedHeaders::new();
        let write = |value: char| {
            move |text: &mut String| -> Result<(), ()> {
                text.push(value);
                Ok(())
            }
        };
        headers.push("a", write('1')).unwrap();
        let refused = headers.push("b", |text| {
            text.push_str("half");
            Err(())
        });
        assert_eq!(refused, Err(()));
        headers.push("c", write('3')).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "1"), ("c", "3")]);
        headers.truncate(1);
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "1")]);
    }
}
