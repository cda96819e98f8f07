//! Sets of HTTP status codes.

use std::fmt;
use std::ops::RangeInclusive;

/// A set of HTTP status codes, such as `200-299`. `Display` writes it as profiles do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusSet {
    ranges: Vec<RangeInclusive<u16>>,
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
        for bad in ["", "2xx", "20", "600", "299-200", "200-", "+200", "0200"] {
            assert_eq!(StatusSet::from_texts(["200", bad].into_iter()), Err(1), "{bad}");
        }
    }
}
