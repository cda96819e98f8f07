use hookseal::explain::Code;
use hookseal::{Message, Profile, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{ADMIT_ALL, Received, body_signing, check, proven, secret_of, sign, signature_table};
use crate::support::ID;

/// A profile with the algorithm, key and encoding of this one, and another content.
fn signing(profile: &'static Profile, content: &[&str]) -> Profile {
    let line_of = |text: &'static str, name: &str| {
        text.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or_default()
    };
    let line = |name| line_of(profile.source(), name);
    let items = content.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ");
    let mut document = format!(
        "name = \"other\"\n[scheme]\n{ADMIT_ALL}\n{}\n{}\ncontent = [{items}]\n[scheme.signature]\nheader = \"x-digest\"\n{}\n",
        line("algorithm"),
        line("key"),
        line_of(signature_table(profile), "encoding")
    );
    if content.contains(&"{id}") {
        document.push_str("[scheme.id]\nheader = \"x-id\"\n");
    }
    if content.contains(&"{timestamp}") {
        document.push_str("[scheme.timestamp]\nheader = \"x-timestamp\"\n");
        document.push_str(line("format"));
    }
    Profile::parse(&document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

fn digest(profile: &'static Profile, content: &[&str], body: &[u8]) -> String {
    let other = signing(profile, content);
    let request = Received::signed(&other, &secret_of(profile), body);
    request.text("x-digest")
}

/// A request by the profile, but for the digest, which is that of `content`.
fn signed_over(profile: &'static Profile, own: &[&str], content: &[&str]) -> Received {
    let body = b"{\"a\": 1}";
    let mut request = Received::signed(profile, &secret_of(profile), body);
    let header = profile.scheme().signature_header().unwrap();
    let value = request.text(header);
    let (right, wrong) = (digest(profile, own, body), digest(profile, content, body));
    assert!(value.contains(&right));
    *request.line(header) = value.replace(&right, &wrong).into_bytes();
    request
}

/// `content` was signed in place of what the profile says.
#[track_caller]
fn mistake(profile: &'static Profile, own: &[&str], content: &[&str], code: Code) {
    let explanation = signed_over(profile, own, content).explain(profile);
    assert_eq!(proven(&explanation), [code], "{} {content:?}: {explanation}", profile.name());
}

/// Profiles that sign the timestamp, a separator and the body; and the separator.
fn stamped() -> impl Strategy<Value = (&'static Profile, &'static str)> {
    let plain = |profile: &'static Profile| {
        let is = |separator: &&str| {
            profile
                .source()
                .contains(&format!("content = [\"{{timestamp}}\", \"{separator}\", \"{{body}}\"]"))
        };
        Some((profile, [".", ",", ":"].into_iter().find(is)?))
    };
    let profiles: Vec<_> = body_signing().into_iter().filter_map(plain).collect();
    assert!(profiles.len() > 5);
    select(profiles)
}

const WITH_ID: [&str; 5] = ["{id}", ".", "{timestamp}", ".", "{body}"];

fn with_ids() -> impl Strategy<Value = &'static Profile> {
    let plain = |profile: &&'static Profile| {
        profile.source().contains(r#"content = ["{id}", ".", "{timestamp}", ".", "{body}"]"#)
    };
    let profiles: Vec<_> = body_signing().into_iter().filter(plain).collect();
    assert!(profiles.len() > 2);
    select(profiles)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn of_timestamp_and_body((profile, own) in stamped(), separator in select(vec!["|", "\n", " ", ";", "-"])) {
        let own = ["{timestamp}", own, "{body}"];
        let [stamp, dot, body] = own;
        mistake(profile, &own, &[stamp, separator, body], Code::ContentSeparator);
        mistake(profile, &own, &[stamp, body], Code::ContentSeparator);
        mistake(profile, &own, &[body], Code::ContentWithoutTimestamp);
        mistake(profile, &own, &[body, dot, stamp], Code::ContentOrder);
        mistake(profile, &own, &[body, stamp], Code::ContentLayout);
        mistake(profile, &own, &["v0:", stamp, ":", body], Code::ContentLayout);
    }

    #[test]
    fn of_id_timestamp_and_body(profile in with_ids()) {
        mistake(profile, &WITH_ID, &["{timestamp}", ".", "{body}"], Code::ContentWithoutId);
        mistake(profile, &WITH_ID, &["{id}", ".", "{body}"], Code::ContentWithoutTimestamp);
        mistake(profile, &WITH_ID, &["{body}"], Code::ContentBodyOnly);
        mistake(profile, &WITH_ID, &["{timestamp}", ".", "{id}", ".", "{body}"], Code::ContentOrder);
        mistake(profile, &WITH_ID, &["{id}", ":", "{timestamp}", ":", "{body}"], Code::ContentSeparator);
    }

    #[test]
    fn timestamps_signed_in_another_unit(profile in with_ids(), seconds in 1_000_000_000..2_000_000_000_i64) {
        let now = Timestamp::from_unix_seconds(seconds);
        let millis = now.as_unix_millis().to_string();
        let header = profile.scheme().timestamp_header().unwrap();
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        // Signed in milliseconds, sent in seconds. Both are digits, so the profile writes either.
        request.lines = sign(profile, &secret_of(profile), &Message::new(now, ID, b"{}").with_timestamp_text(&millis));
        request.now = now;
        *request.line(header) = seconds.to_string().into_bytes();
        check(&request, profile, &[Code::ContentTimestampFormat]);
    }
}

#[test]
fn the_signed_layout_is_said() {
    let profile = Profile::builtin("stripe").unwrap();
    let own = ["{timestamp}", ".", "{body}"];
    let explanation = signed_over(profile, &own, &["v0:", "{timestamp}", ":", "{body}"]).explain(profile);
    assert_eq!(explanation.findings()[0].detail("signed"), Some("v0:{timestamp}:{body}"));
}
