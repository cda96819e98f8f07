use std::time::Duration;

use hookseal::explain::Code;
use hookseal::{Message, Profile, Timestamp, ToleranceOverride};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{Received, any_body_signing, body_signing, check, proven, secret_of, sign};
use crate::support::{ID, NOW};

const TOLERANCE: ToleranceOverride = ToleranceOverride::Both(Duration::from_secs(300));

fn stamped() -> impl Strategy<Value = &'static Profile> {
    let fits = |profile: &&'static Profile| {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        request.options.tolerance = TOLERANCE;
        request.now = NOW.saturating_add(Duration::from_secs(1000));
        !request.explain(profile).is_valid()
    };
    select(body_signing().into_iter().filter(fits).collect::<Vec<_>>())
}

fn at(profile: &Profile, now: Timestamp) -> Received {
    let mut request = Received::signed(profile, &secret_of(profile), b"{}");
    request.options.tolerance = TOLERANCE;
    request.now = now;
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn too_old_and_too_new(profile in stamped(), seconds in 301..800_u64) {
        let skew = Duration::from_secs(seconds);
        check(&at(profile, NOW.saturating_add(skew)), profile, &[Code::TimestampTooOld]);
        check(&at(profile, NOW.saturating_sub(skew)), profile, &[Code::TimestampTooNew]);
    }

    #[test]
    fn lost_zones(profile in stamped(), hours in 1..14_u64, off in 0..50_u64) {
        let skew = Duration::from_secs(hours * 3600 + off);
        check(&at(profile, NOW.saturating_add(skew)), profile, &[Code::TimestampTooOld, Code::TimestampZone]);
        check(&at(profile, NOW.saturating_sub(skew)), profile, &[Code::TimestampTooNew, Code::TimestampZone]);
    }

    #[test]
    fn with_another_body(profile in stamped()) {
        let mut request = at(profile, NOW.saturating_add(Duration::from_secs(420)));
        request.body = b"{}\n".to_vec();
        check(&request, profile, &[Code::BodyTrailingNewlineAdded, Code::TimestampTooOld]);
    }

    #[test]
    fn another_unit(profile in stamped()) {
        let (other, text) = match profile.source() {
            source if source.contains("unix-seconds") => ("unix-millis", NOW.as_unix_millis().to_string()),
            source if source.contains("unix-millis") => ("unix-seconds", NOW.as_unix_seconds().to_string()),
            _ => return Ok(()),
        };
        let document = format!("name = \"other\"\nextends = \"{}\"\n[scheme.timestamp]\nformat = \"{other}\"", profile.name());
        let sender = Profile::parse(&document).unwrap();
        let mut request = at(profile, NOW);
        request.lines = sign(&sender, &secret_of(profile), &Message::new(NOW, ID, b"{}").with_url(&request.url).with_timestamp_text(&text));
        check(&request, profile, &[Code::TimestampUnit]);
    }

    #[test]
    fn another_format(profile in any_body_signing()) {
        if profile.scheme().timestamp_header().is_none() || profile.source().contains("rfc3339") {
            return Ok(());
        }
        let document = format!("name = \"other\"\nextends = \"{}\"\n[scheme.timestamp]\nformat = \"rfc3339\"", profile.name());
        let sender = Profile::parse(&document).unwrap();
        let mut request = Received::signed(&sender, &secret_of(profile), b"{}");
        request.now = NOW;
        check(&request, profile, &[Code::TimestampFormat]);
    }
}

#[test]
fn says_the_skew_in_words() {
    let profile = Profile::builtin("slack").unwrap();
    let explanation = at(profile, NOW.saturating_add(Duration::from_secs(420))).explain(profile);
    let text = explanation.to_string();
    assert!(text.contains("7 minutes back where 5 minutes are allowed"), "{text}");
    assert!(text.contains("the clock of this machine is 7 minutes ahead"), "{text}");
    assert_eq!(proven(&explanation), [Code::TimestampTooOld]);
}
