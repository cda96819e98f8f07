//! RFC 3339 section 5.6 `date-time`, with the choices of the RFC closed: capital letters, and a zone that is known.

use super::calendar::{CivilTime, digits};
use super::{Timestamp, TimestampError};

/// Length of `YYYY-MM-DDTHH:MM:SS`.
const SECONDS_LENGTH: usize = 19;
/// More than nanoseconds is not a time that anybody measured.
const MAX_FRACTION_DIGITS: usize = 9;

pub(super) fn parse(text: &[u8]) -> Result<Timestamp, TimestampError> {
    let (clock, rest) = text.split_at_checked(SECONDS_LENGTH).ok_or(TimestampError::Shape)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| clock[at] != byte) {
        return Err(TimestampError::Shape);
    }
    let (millis, zone) = fraction(rest)?;
    let time = CivilTime {
        year: digits(&clock[0..4])?,
        month: digits(&clock[5..7])?,
        day: digits(&clock[8..10])?,
        hour: digits(&clock[11..13])?,
        minute: digits(&clock[14..16])?,
        second: digits(&clock[17..19])?,
        millis,
    };
    let local = time.to_utc()?;
    Ok(Timestamp(local.0 - offset_millis(zone)?))
}

/// The milliseconds of an optional fraction, and what follows it.
fn fraction(text: &[u8]) -> Result<(i64, &[u8]), TimestampError> {
    let Some((b'.', rest)) = text.split_first() else {
        return Ok((0, text));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=MAX_FRACTION_DIGITS).contains(&length) {
        return Err(TimestampError::Shape);
    }
    let mut padded = *b"000";
    let kept = length.min(3);
    padded[..kept].copy_from_slice(&rest[..kept]);
    Ok((digits(&padded)?, &rest[length..]))
}

fn offset_millis(zone: &[u8]) -> Result<i64, TimestampError> {
    let (sign, hour, minute) = match zone {
        b"Z" => return Ok(0),
        b"" => return Err(TimestampError::Zone),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return Err(TimestampError::Shape),
    };
    if hour > 23 || minute > 59 {
        return Err(TimestampError::Range);
    }
    let millis = (hour * 60 + minute) * 60_000;
    match sign {
        b'+' => Ok(millis),
        // RFC 3339 section 4.3: `-00:00` says that the local offset is not known.
        _ if millis == 0 => Err(TimestampError::Zone),
        _ => Ok(-millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<i64, TimestampError>) {
        assert_eq!(Timestamp::parse_rfc3339(text).map(Timestamp::as_unix_millis), expected, "{text:?}");
    }

    #[test]
    fn reads_what_the_format_allows() {
        check("1970-01-01T00:00:00Z", Ok(0));
        check("2025-04-01T16:12:57.521Z", Ok(1_743_523_977_521));
        check("2025-04-01T13:12:57.521044-03:00", Ok(1_743_523_977_521));
        check("2025-04-01T16:12:57.5+00:00", Ok(1_743_523_977_500));
        check("2024-02-29T23:59:59.999999999Z", Ok(1_709_251_199_999));
        check("0000-01-01T00:00:00Z", Ok(-62_167_219_200_000));
    }

    #[test]
    fn refuses_what_other_readers_guess_at() {
        use TimestampError::{Range, Shape, Zone};
        check("", Err(Shape));
        check("2025", Err(Shape));
        check("2025-04-01", Err(Shape));
        check("2025-04-01T16:12:57", Err(Zone));
        check("2025-04-01T16:12:57.521", Err(Zone));
        check("2025-04-01T16:12:57-00:00", Err(Zone));
        check("2025-04-01t16:12:57Z", Err(Shape));
        check("2025-04-01T16:12:57z", Err(Shape));
        check("2025-04-01 16:12:57Z", Err(Shape));
        check(" 2025-04-01T16:12:57Z", Err(Shape));
        check("2025-04-01T16:12:57Z ", Err(Shape));
        check("2025-04-01T16:12:57.Z", Err(Shape));
        check("2025-04-01T16:12:57.1234567890Z", Err(Shape));
        check("2025-04-01T16:12:57+0000", Err(Shape));
        check("2025-04-01T16:12:57+24:00", Err(Range));
        check("2025-02-30T00:00:00Z", Err(Range));
        check("2025-02-29T00:00:00Z", Err(Range));
        check("1900-02-29T00:00:00Z", Err(Range));
        check("2025-04-01T24:00:00Z", Err(Range));
        check("2025-06-30T23:59:60Z", Err(Range));
        check("２０２５-04-01T16:12:57Z", Err(Shape));
    }

    proptest! {
        #[test]
        fn reads_back_what_display_writes(millis in -62_167_219_200_000_i64..253_402_300_800_000) {
            let time = Timestamp::from_unix_millis(millis);
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Ok(time));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
