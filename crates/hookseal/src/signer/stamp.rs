//! The timestamp as it is written and signed, without allocating.

use crate::document::Document;
use crate::error::SignError;
use crate::message::Message;
use crate::scheme::{TimestampFormat, TimestampRule, TimestampSource};

/// The longest text that is made here: an RFC 3339 date and time with milliseconds.
const CAPACITY: usize = 24;

/// The timestamp's text: the one that was given, or one made from the time of signing.
pub(super) enum Stamp<'m> {
    Given(&'m str),
    Made(Buffer),
    /// The one that stands in the body, which is the event's own and not ours to write.
    InBody(String),
}

/// A text of a few bytes.
pub(super) struct Buffer {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl<'m> Stamp<'m> {
    pub(super) fn new(
        rule: &TimestampRule,
        message: &Message<'m>,
        document: &Document<'_>,
    ) -> Result<Self, SignError> {
        if let TimestampSource::Json(path) = &rule.source {
            if message.timestamp_text.is_some() {
                return Err(SignError::NoTimestamp);
            }
            let text = document.value(path).map_err(SignError::Content)?;
            let text = text.ok_or(SignError::Missing { what: "timestamp in the body" })?;
            rule.format.parse(text.as_bytes()).map_err(SignError::Timestamp)?;
            return Ok(Self::InBody(text));
        }
        if let Some(text) = message.timestamp_text {
            rule.format.parse(text.as_bytes()).map_err(SignError::Timestamp)?;
            return Ok(Self::Given(text));
        }
        let mut buffer = Buffer { bytes: [0; CAPACITY], length: 0 };
        match rule.format {
            TimestampFormat::UnixSeconds => buffer.push_number(message.now.as_unix_seconds()),
            TimestampFormat::UnixMillis => buffer.push_number(message.now.as_unix_millis()),
            TimestampFormat::Rfc3339 => {
                buffer.push(message.now.to_rfc3339().as_ref().map_or(&[][..], |text| text))
            }
        }
        // A time before 1970 or after the year 9999 has no text that a verifier would read.
        rule.format.parse(buffer.as_str().as_bytes()).map_err(SignError::Timestamp)?;
        Ok(Self::Made(buffer))
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::InBody(text) => text,
            Self::Made(buffer) => buffer.as_str(),
        }
    }
}

impl Buffer {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("invariant: only ASCII is pushed")
    }

    fn push_number(&mut self, number: i64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.push(b"-");
        }
        self.push(&digits[start..]);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers() {
        for number in [0, 7, 10, 1_746_022_058, -1, i64::MAX, i64::MIN] {
            let mut buffer = Buffer { bytes: [0; CAPACITY], length: 0 };
            buffer.push_number(number);
            assert_eq!(buffer.as_str(), number.to_string());
        }
    }
}
