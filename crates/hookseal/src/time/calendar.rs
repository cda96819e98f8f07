//! Days of the proleptic Gregorian calendar, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

use super::{Timestamp, TimestampError};

/// Milliseconds in a day without leap seconds.
pub(super) const MILLIS_PER_DAY: i64 = 86_400_000;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// Days in the 400 years after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;

/// A date and a time of day with the fields as they are written.
pub(super) struct CivilTime {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millis: i64,
}

impl CivilTime {
    /// The time that these fields name in UTC, if each is in its range.
    pub(super) fn to_utc(&self) -> Result<Timestamp, TimestampError> {
        let in_range = (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..60).contains(&self.second);
        if !in_range {
            return Err(TimestampError::Range);
        }
        let seconds = self.hour * 3600 + self.minute * 60 + self.second;
        let days = day_of_date(self.year, self.month, self.day);
        Ok(Timestamp(days * MILLIS_PER_DAY + seconds * 1000 + self.millis))
    }
}

/// Days since the epoch of a date.
fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH
}

/// The year, month and day of a count of days since the epoch.
pub(super) fn date_of_day(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads exactly these ASCII digits; the caller sees to it that their number is within range. Whether all of them are
/// digits is asked at the end alone, which is quicker for those that are.
#[inline]
pub(super) fn digits(text: &[u8]) -> Result<i64, TimestampError> {
    let (number, unlike) = text.iter().fold((0_i64, false), |(number, unlike), byte| {
        let digit = byte.wrapping_sub(b'0');
        (number.wrapping_mul(10).wrapping_add(i64::from(digit)), unlike | (digit > 9))
    });
    if unlike { Err(TimestampError::Shape) } else { Ok(number) }
}

/// Writes the last digits of a number that is not negative.
pub(super) fn write_digits(out: &mut [u8], number: i64) {
    let mut rest = number;
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}
