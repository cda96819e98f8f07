//! IMF-fixdate, the one form of date that HTTP still sends (RFC 9110 section 5.6.7).

use super::calendar::{CivilTime, digits};
use super::{Timestamp, TimestampError};

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

/// Reads `Tue, 01 Apr 2025 16:12:57 GMT`. The day of the week has to be the date's own.
pub(crate) fn parse(text: &[u8]) -> Result<Timestamp, TimestampError> {
    let separators: [(usize, u8); 7] =
        [(3, b','), (4, b' '), (7, b' '), (11, b' '), (16, b' '), (19, b':'), (22, b':')];
    let shaped =
        text.len() == 29 && separators.iter().all(|&(at, byte)| text[at] == byte) && &text[25..] == b" GMT";
    if !shaped {
        return Err(TimestampError::Shape);
    }
    let month = MONTHS.iter().position(|name| *name == &text[8..11]).ok_or(TimestampError::Shape)?;
    let time = CivilTime {
        year: digits(&text[12..16])?,
        month: month as i64 + 1,
        day: digits(&text[5..7])?,
        hour: digits(&text[17..19])?,
        minute: digits(&text[20..22])?,
        second: digits(&text[23..25])?,
        millis: 0,
    };
    let timestamp = time.to_utc()?;
    let weekday = timestamp.as_unix_seconds().div_euclid(86_400).rem_euclid(7);
    let matches = WEEKDAYS.iter().zip(0_i64..).any(|(name, index)| index == weekday && *name == &text[..3]);
    if matches { Ok(timestamp) } else { Err(TimestampError::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_example_of_the_rfc() {
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:37 GMT"), Ok(Timestamp::from_unix_seconds(784_111_777)));
    }

    #[test]
    fn refuses_everything_else() {
        assert_eq!(parse(b"Mon, 06 Nov 1994 08:49:37 GMT"), Err(TimestampError::Range));
        assert_eq!(parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), Err(TimestampError::Shape));
        assert_eq!(parse(b"Sun Nov  6 08:49:37 1994"), Err(TimestampError::Shape));
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:37 UTC"), Err(TimestampError::Shape));
        assert_eq!(parse(b""), Err(TimestampError::Shape));
    }
}
