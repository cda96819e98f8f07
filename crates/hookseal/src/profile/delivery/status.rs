//! Sets of HTTP status codes.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A set of HTTP status codes, such as `200-299`. `Display` writes codes and ranges with commas between them, and
/// `FromStr` reads that.
///
/// ```
/// use hookseal::StatusSet;
///
/// let set: StatusSet = "200-208, 410".parse()?;
/// assert!(set.contains(410) && !set.contains(209));
/// assert!("2xx".parse::<StatusSet>().is_err());
/// # Ok::<(), hookseal::StatusSetError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusSet {
    ranges: Vec<RangeInclusive<u16>>,
}

/// A text that is no set of status codes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is neither a status code such as 204 nor a range such as 200-299")]
#[non_exhaustive]
pub struct StatusSetError {
    /// What could not be read.
    pub text: String,
}

impl StatusSet {
    /// Every 2xx, the meaning of success in HTTP (RFC 9110 section 15.3).
    pub(in crate::profile) fn successful() -> Self {
        Self { ranges: vec![200..=299] }
    }

    /// Whether a code is one of these.
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }

    /// Reads `204` or `200-299` and adds it; `false` if it is neither.
    pub(in crate::profile) fn from_texts<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, usize> {
        let mut ranges = Vec::new();
        for (index, text) in texts.enumerate() {
            ranges.push(parse_range(text).ok_or(index)?);
        }
        Ok(Self { ranges })
    }
}

impl FromStr for StatusSet {
    type Err = StatusSetError;

    fn from_str(text: &str) -> Result<Self, StatusSetError> {
        let items: Vec<_> = text.split(',').map(str::trim).collect();
        Self::from_texts(items.iter().copied()).map_err(|index| StatusSetError {
            text: items.get(index).map_or_else(String::new, |item| item.escape_debug().to_string()),
        })
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            match range.start() == range.end() {
                true => write!(f, "{separator}{}", range.start())?,
                false => write!(f, "{separator}{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let range = parse_code(start)?..=parse_code(end)?;
    (range.start() <= range.end()).then_some(range)
}

fn parse_code(text: &str) -> Option<u16> {
    let code: u16 = text.parse().ok()?;
    (text.len() == 3 && (100..=599).contains(&code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_and_ranges() {
        let set = StatusSet::from_texts(["200-208", "302"].into_iter()).unwrap();
        assert!(set.contains(200) && set.contains(208) && set.contains(302));
        assert!(!set.contains(209) && !set.contains(199));
        assert_eq!(set.to_string(), "200-208, 302");
        assert_eq!("200-208,302".parse(), Ok(set));
        for bad in ["", "2xx", "20", "600", "299-200", "200-", "+200", "0200"] {
            let error = format!("200, {bad}").parse::<StatusSet>().unwrap_err();
            assert_eq!(error.text, bad);
            assert_eq!(StatusSet::from_texts(["200", bad].into_iter()), Err(1), "{bad}");
        }
    }
}
