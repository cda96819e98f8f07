use hookseal::Timestamp;

use super::InputError;

/// Reads a time: unix seconds or RFC 3339.
pub(crate) fn time(text: &str) -> Result<Timestamp, InputError> {
    match text.parse::<i64>() {
        Ok(seconds) => Ok(Timestamp::from_unix_seconds(seconds)),
        Err(_) => Timestamp::parse_rfc3339(text).map_err(|_| InputError::Time { text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_notations_of_one_time() {
        assert_eq!(time("1746022058").unwrap(), time("2025-04-30T14:07:38Z").unwrap());
        assert_eq!(time("-1").unwrap(), Timestamp::from_unix_seconds(-1));
    }

    #[test]
    fn refuses_what_has_no_zone_or_no_meaning() {
        for text in ["", "now", "2025-04-30", "2025-04-30T14:07:38", "1746022058.5", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
