//! `Retry-After` of an answer.

use std::time::Duration;

use hookseal::Timestamp;
use hookseal_engine::RetryAfter;

/// Reads a value of `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date in the one form that is still
/// generated, `Sun, 06 Nov 1994 08:49:37 GMT`. The day of the week is not looked at. More seconds than fit are as
/// many as fit. `None` for anything else.
pub(crate) fn parse(value: &[u8]) -> Option<RetryAfter> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        let seconds = str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX);
        return Some(RetryAfter::Delay(Duration::from_secs(seconds)));
    }
    parse_imf_fixdate(value).map(RetryAfter::At)
}

/// Reads an IMF-fixdate (RFC 9110 section 5.6.7), by way of the same moment in RFC 3339.
fn parse_imf_fixdate(value: &[u8]) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = str::from_utf8(value).ok()?;
    let (weekday, date) = text.split_once(", ")?;
    let date = date.strip_suffix(" GMT")?;
    if weekday.len() != 3 || !date.is_ascii() || date.len() != "06 Nov 1994 08:49:37".len() {
        return None;
    }
    let (day, month, year, time) = (&date[..2], &date[3..6], &date[7..11], &date[12..]);
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let separators = [&date[2..3], &date[6..7], &date[11..12]];
    if separators != [" ", " ", " "] {
        return None;
    }
    Timestamp::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<RetryAfter>) {
        assert_eq!(parse(value.as_bytes()), expected, "{value}");
    }

    #[test]
    fn reads_seconds() {
        let delay = |seconds| Some(RetryAfter::Delay(Duration::from_secs(seconds)));
        check("120", delay(120));
        check(" 0 ", delay(0));
        check("00007", delay(7));
        check("99999999999999999999999999", delay(u64::MAX));
    }

    #[test]
    fn reads_the_date_of_the_rfc() {
        check(
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Some(RetryAfter::At(Timestamp::from_unix_seconds(784_111_777))),
        );
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(RetryAfter::At(Timestamp::from_unix_seconds(0))));
        check(
            "Fri, 31 Dec 1999 23:59:59 GMT",
            Some(RetryAfter::At(Timestamp::from_unix_seconds(946_684_799))),
        );
    }

    #[test]
    fn anything_else_is_none() {
        let values = [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "soon",
            "120 s",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:00:00 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 0é Nov 1994 08:49:3 GMT",
            "Sun, 06 Nov 1994T08:49:37 GMT",
        ];
        for value in values {
            check(value, None);
        }
        assert_eq!(parse(b"\xff\xff"), None);
    }
}
