//! Points in time as arguments: milliseconds since the Unix epoch. The library never reads a clock.

mod calendar;
mod http_date;
mod rfc3339;

use std::fmt;
use std::time::Duration;

use crate::limits::MAX_TIMESTAMP_DIGITS;

pub(crate) use http_date::parse as parse_http_date;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Leap seconds do not exist, as in Unix time.
///
/// `Display` writes RFC 3339 in UTC with milliseconds, and [`Timestamp::parse_rfc3339`] reads it back; a year outside
/// 0000 to 9999, which RFC 3339 cannot write, is written as `unix:...ms`.
///
/// ```
/// use hookseal::Timestamp;
///
/// let sent = Timestamp::parse_rfc3339("2025-04-01T13:12:57.521044-03:00")?;
/// assert_eq!(sent.to_string(), "2025-04-01T16:12:57.521Z");
/// assert_eq!(sent.as_unix_seconds(), 1743523977);
/// # Ok::<(), hookseal::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the Unix epoch; saturates at the ends of the range.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads an RFC 3339 `date-time` whose zone is given: `YYYY-MM-DDTHH:MM:SS[.1-9 digits](Z|+hh:mm|-hh:mm)`.
    ///
    /// Digits beyond milliseconds are cut off. Lower-case `t` and `z`, a space for the `T`, a missing zone, the
    /// second 60 and the unknown zone `-00:00` are refused: a signed text has one meaning for everybody.
    ///
    /// # Errors
    /// [`TimestampError`] says which part is not as required.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        rfc3339::parse(text.as_bytes())
    }

    /// This time later by `by`; saturates.
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(by)))
    }

    /// This time earlier by `by`; saturates.
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(by)))
    }

    /// How long after `earlier` this is; zero when `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl Timestamp {
    /// The form of `Display` for the years 0000 to 9999, which all have the same length. The years outside have no
    /// form in RFC 3339.
    pub(crate) fn to_rfc3339(self) -> Option<[u8; 24]> {
        let (year, month, day) = calendar::date_of_day(self.0.div_euclid(calendar::MILLIS_PER_DAY));
        if !(0..=9999).contains(&year) {
            return None;
        }
        let of_day = self.0.rem_euclid(calendar::MILLIS_PER_DAY);
        let seconds = of_day / 1000;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        calendar::write_digits(&mut text[0..4], year);
        calendar::write_digits(&mut text[5..7], month);
        calendar::write_digits(&mut text[8..10], day);
        calendar::write_digits(&mut text[11..13], seconds / 3600);
        calendar::write_digits(&mut text[14..16], seconds / 60 % 60);
        calendar::write_digits(&mut text[17..19], seconds % 60);
        calendar::write_digits(&mut text[20..23], of_day % 1000);
        Some(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_rfc3339() {
            Some(text) => f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?),
            // Not RFC 3339, and so not to be read back, but a name for the time.
            None => write!(f, "unix:{}ms", self.0),
        }
    }
}

/// Why a text is not a timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The text does not have the shape of the format.
    #[error("the text does not have the form of the format")]
    Shape,
    /// There is no zone, so the text means different times in different places.
    #[error("the zone is missing")]
    Zone,
    /// A field is beyond its range, such as the 30th of February.
    #[error("a field is outside its range")]
    Range,
}

/// Reads a number of ASCII digits and nothing else; the bound on their count keeps it within range.
pub(crate) fn parse_digits(text: &[u8]) -> Result<i64, TimestampError> {
    match text.len() {
        1..=MAX_TIMESTAMP_DIGITS => calendar::digits(text),
        _ => Err(TimestampError::Shape),
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_times_before_the_epoch() {
        assert_eq!(Timestamp::from_unix_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_unix_millis(-1).as_unix_seconds(), -1);
    }

    #[test]
    fn displays_the_ends_of_the_range() {
        assert_eq!(Timestamp::from_unix_millis(253_402_300_799_999).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_unix_millis(253_402_300_800_000).to_string(), "unix:253402300800000ms");
        assert_eq!(Timestamp::from_unix_millis(i64::MIN).to_string(), format!("unix:{}ms", i64::MIN));
    }

    #[test]
    fn since_is_zero_for_a_later_time() {
        let (a, b) = (Timestamp::from_unix_seconds(5), Timestamp::from_unix_seconds(7));
        assert_eq!(b.since(a), Duration::from_secs(2));
        assert_eq!(a.since(b), Duration::ZERO);
        let whole = Timestamp::from_unix_millis(i64::MAX).since(Timestamp::from_unix_millis(i64::MIN));
        assert_eq!(whole, Duration::from_millis(u64::MAX));
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_unix_millis(i64::MAX);
        assert_eq!(end.saturating_add(Duration::MAX), end);
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX), end);
        assert_eq!(
            Timestamp::from_unix_seconds(10).saturating_sub(Duration::from_secs(4)).as_unix_seconds(),
            6
        );
    }
}
