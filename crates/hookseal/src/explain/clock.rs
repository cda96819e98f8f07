//! Timestamps too far from now, in words.

use std::time::Duration;

use super::question::Question;
use super::{Code, Finding};
use crate::scheme::{Scheme, TimestampFormat};
use crate::time::Timestamp;

/// How near to now a time in another unit has to be to be taken for one.
const UNIT_MARGIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// How near to whole quarters of an hour a skew has to be to be taken for a lost zone.
const ZONE_MARGIN: Duration = Duration::from_secs(60);

/// No zone is further from UTC.
const MAX_ZONE: Duration = Duration::from_secs(14 * 3600);

/// Zones are whole quarters of an hour from each other.
const QUARTER: u64 = 15 * 60;

/// What is to be said of a signed timestamp: nothing where the tolerance takes it.
pub(super) fn judge(question: &Question<'_>, scheme: &Scheme, timestamp: Option<Timestamp>) -> Vec<Finding> {
    let Some(timestamp) = timestamp else { return Vec::new() };
    let (past, future) = question.options.bounds(scheme);
    let (age, lead) = (question.now.since(timestamp), timestamp.since(question.now));
    let too_old = past.filter(|past| age > *past);
    let too_new = future.filter(|future| lead > *future);
    let (skew, tolerance, old) = match (too_old, too_new) {
        (Some(tolerance), _) => (age, tolerance, true),
        (None, Some(tolerance)) => (lead, tolerance, false),
        (None, None) => return Vec::new(),
    };
    let format = scheme.timestamp.as_ref().map(|rule| rule.format);
    if let Some(finding) = unit(format, timestamp, question.now) {
        return vec![finding];
    }
    let mut findings = vec![if old { too_far_back(skew, tolerance) } else { too_far_ahead(skew, tolerance) }];
    findings.extend(zone(skew));
    findings
}

fn too_far_back(skew: Duration, tolerance: Duration) -> Finding {
    let (skew_words, tolerance_words) = (words(skew), words(tolerance));
    let sentence = format!(
        "The signature is right, and its timestamp lies {skew_words} back where {tolerance_words} are allowed. Either the clock of this machine is {skew_words} ahead or that of the sender behind, or the request waited that long: a queue, a debugger, a retry that was not signed anew, or a captured request. Compare both clocks with a time server; of a captured request, verify with the time at which it came."
    );
    Finding::new(Code::TimestampTooOld, sentence)
        .with("seconds", skew.as_secs())
        .with("tolerance_seconds", tolerance.as_secs())
}

fn too_far_ahead(skew: Duration, tolerance: Duration) -> Finding {
    let (skew_words, tolerance_words) = (words(skew), words(tolerance));
    let sentence = format!(
        "The signature is right, and its timestamp lies {skew_words} ahead where {tolerance_words} are allowed: the clock of this machine is {skew_words} behind, or that of the sender ahead. Compare both clocks with a time server."
    );
    Finding::new(Code::TimestampTooNew, sentence)
        .with("seconds", skew.as_secs())
        .with("tolerance_seconds", tolerance.as_secs())
}

/// A number of milliseconds that was read as seconds, or the other way round.
fn unit(format: Option<TimestampFormat>, timestamp: Timestamp, now: Timestamp) -> Option<Finding> {
    let near = |other: Timestamp| other.since(now).max(now.since(other)) <= UNIT_MARGIN;
    let millis = timestamp.as_unix_millis();
    let (sent, read) = match format? {
        TimestampFormat::UnixSeconds if near(Timestamp::from_unix_millis(millis / 1000)) => {
            ("milliseconds", "seconds")
        }
        TimestampFormat::UnixMillis if near(Timestamp::from_unix_seconds(millis)) => {
            ("seconds", "milliseconds")
        }
        _ => return None,
    };
    let sentence = format!(
        "The signature is right, and its timestamp is in {sent} where the profile reads {read}. Send {read}, or set `format` under `[scheme.timestamp]`."
    );
    Some(Finding::new(Code::TimestampUnit, sentence).with("sent", sent).with("expected", read))
}

fn zone(skew: Duration) -> Option<Finding> {
    let quarters = (skew.as_secs() + QUARTER / 2) / QUARTER;
    let whole = Duration::from_secs(quarters * QUARTER);
    if quarters < 2 || whole > MAX_ZONE || skew.abs_diff(whole) > ZONE_MARGIN {
        return None;
    }
    let sentence = format!(
        "The difference is nearly {} exactly, so a time zone was probably lost: one side writes local time and calls it UTC.",
        words(whole)
    );
    Some(Finding::new(Code::TimestampZone, sentence).with("seconds", whole.as_secs()))
}

/// A duration in its two largest units.
pub(super) fn words(duration: Duration) -> String {
    const UNITS: [(&str, u64); 5] =
        [("year", 31_536_000), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (name, seconds) in UNITS {
        let count = rest / seconds;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
            rest %= seconds;
        } else if !parts.is_empty() {
            break;
        }
    }
    match parts.is_empty() {
        true => "less than a second".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_durations_in_words() {
        for (seconds, expected) in [
            (0, "less than a second"),
            (1, "1 second"),
            (420, "7 minutes"),
            (3661, "1 hour 1 minute"),
            (3601, "1 hour"),
            (86_400 * 3 + 7200, "3 days 2 hours"),
            (31_536_000 * 2, "2 years"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn knows_zones_from_other_skews() {
        for (seconds, expected) in [
            (3 * 3600, true),
            (5 * 3600 + 1800 - 20, true),
            (3600 * 3 + 200, false),
            (900, false),
            (15 * 3600, false),
        ] {
            assert_eq!(zone(Duration::from_secs(seconds)).is_some(), expected, "{seconds}");
        }
    }
}
