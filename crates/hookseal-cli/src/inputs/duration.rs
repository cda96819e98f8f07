use std::{fmt, time::Duration};

/// Reads a whole number with its unit: `250ms`, `300s`, `5m`, `1h`, `7d`. A number alone is refused, as its unit
/// would have to be guessed.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => None,
    }
}

/// Writes a duration in the largest unit that holds it whole: `300 s` as `5 min`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
        match units.into_iter().find(|(unit, _)| millis != 0 && millis.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", millis / unit),
            None if millis == 0 => f.write_str("0 s"),
            None => write!(f, "{millis} ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_units() {
        for (text, millis) in
            [("0s", 0), ("250ms", 250), ("300s", 300_000), ("5m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "300", "s", "5 m", "-5s", "1.5s", "5min", "99999999999999999999s", "18446744073709551615d"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn writes_the_largest_whole_unit() {
        for (text, written) in
            [("300s", "5 min"), ("90s", "90 s"), ("24h", "1 d"), ("1500ms", "1500 ms"), ("0s", "0 s")]
        {
            assert_eq!(Seconds(duration(text).unwrap()).to_string(), written);
        }
    }
}
