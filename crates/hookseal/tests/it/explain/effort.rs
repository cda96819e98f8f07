//! What a search may cost, and what it must not show.

use hookseal::explain::{Code, Explanation, Question};
use hookseal::limits::EXPLAIN_BUDGET_BYTES;
use hookseal::{Part, Profile, Request, Secret, VerifyOptions};
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{Received, any_body_signing, proven, secret_of};
use crate::support::{Lines, NOW};

/// JSON of about this many bytes, with something of everything that is rewritten.
fn document(bytes: usize) -> Vec<u8> {
    let mut body = b"{\"z\": [".to_vec();
    while body.len() < bytes {
        body.extend_from_slice(
            "{\"id\": 1.0, \"b\": \"caf\u{e9}/<\\u00e9>\", \"a\": [true, null]}, ".as_bytes(),
        );
    }
    body.extend_from_slice(b"0]}\r\n");
    body
}

fn unexplained(profile: &Profile, body: &[u8]) -> Received {
    let mut request = Received::signed(profile, &profile.delivery().new_secret(&[1; 32]), body);
    request.secrets = vec![secret_of(profile)];
    request
}

#[test]
fn long_bodies_stay_within_the_budget_and_say_so() {
    for name in ["standard-webhooks", "stripe", "github-sha256", "paystack"] {
        let profile = Profile::builtin(name).unwrap();
        let explanation = unexplained(profile, &document(256 * 1024)).explain(profile);
        let effort = explanation.effort();
        assert!(effort.bytes <= EXPLAIN_BUDGET_BYTES, "{effort:?}");
        assert!(effort.cut && effort.trials > 35, "{effort:?}");
        assert!(!explanation.is_proven());
        assert!(explanation.to_string().contains("the search was cut"), "{explanation}");
    }
}

/// About 256 KiB of the same item between two ends.
fn filled(start: &str, item: &str, end: &str) -> Vec<u8> {
    [start, &item.repeat(256 * 1024 / item.len()), end].concat().into_bytes()
}

/// Bodies that are each hard on a part of the search.
fn hard_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let noise = (0..256 * 1024_u32).map(|at| at.wrapping_mul(0x9e37_79b9).rotate_left(11).to_le_bytes()[3]);
    vec![
        ("escapes", filled("{\"a\":\"", "\\u00e9\\/\\n\\ud83d\\uddfc\\u003c", "\"}")),
        ("strings of escapes", filled("[", "\"\\n\",", "0]")),
        ("accents", filled("{\"a\":\"", "\u{e9}", "\"}")),
        ("one string", filled("{\"a\":\"", "a", "\"}")),
        ("numbers", filled("[", "1,", "0]")),
        ("empty lists", filled("[", "[],", "0]")),
        ("duplicate names", filled("{", r#""a":0,"\u0062":0,"#, "\"z\":0}")),
        ("deep", filled(&"[".repeat(120), "0,", &["0", &"]".repeat(120)].concat())),
        ("newlines", filled("", "\n", "")),
        ("spaces", filled("", " ", "")),
        ("form", filled("", "a=%2f+%2B&", "")),
        ("base64", filled("", "QUJD", "")),
        ("no text", noise.collect()),
    ]
}

/// With a rotation under way, and the secrets of other endpoints beside it.
fn with_several_secrets(profile: &Profile, mut request: Received) -> Received {
    let secrets = |seeds: [u8; 3]| seeds.map(|seed| profile.delivery().new_secret(&[seed; 32])).to_vec();
    request.secrets.extend(secrets([2, 3, 4]));
    request.other_secrets = secrets([5, 6, 7]);
    request
}

/// What is written is allocated, so that the allocator counts what the search does not: work that it forgets to pay for
/// shows here, and no clock is asked.
#[test]
fn no_body_takes_more_work_than_was_paid_for() {
    for name in ["github-sha256", "harbor-lockers", "twilio-form"] {
        let profile = Profile::builtin(name).unwrap();
        for (kind, body) in hard_bodies() {
            let request = with_several_secrets(profile, unexplained(profile, &body));
            let mut effort = None;
            let allocated = allocation_counter::measure(|| effort = Some(request.explain(profile).effort()));
            let effort = effort.unwrap();
            assert!(effort.bytes <= EXPLAIN_BUDGET_BYTES, "{name}, {kind}: {effort:?}");
            // Some is fixed by the secrets and the headers.
            let most = effort.bytes + EXPLAIN_BUDGET_BYTES / 8;
            assert!(allocated.bytes_total <= most, "{name}, {kind}: {effort:?}, {}", allocated.bytes_total);
        }
    }
}

#[test]
fn several_secrets_leave_enough_for_each_kind_of_mistake() {
    let profile = Profile::builtin("standard-webhooks").unwrap();
    for (kind, body) in hard_bodies() {
        let secret = secret_of(profile);
        let signed = || with_several_secrets(profile, Received::signed(profile, &secret, &body));

        let mut request = signed();
        request.body.push(b'\n');
        assert_eq!(proven(&request.explain(profile)), [Code::BodyTrailingNewlineAdded], "{kind}");

        let mut request = signed();
        let first = request.secrets.remove(0);
        request.other_secrets.push(first);
        assert_eq!(proven(&request.explain(profile)), [Code::SecretOther], "{kind}");

        let mut request = signed();
        let value = request.line("webhook-signature").clone();
        request.line("webhook-signature").clear();
        request.lines.push(("x-webhook-signature".to_owned(), value));
        request.lines.retain(|(_, value)| !value.is_empty());
        assert_eq!(proven(&request.explain(profile)), [Code::SignatureInOtherHeader], "{kind}");
    }
}

#[test]
fn short_bodies_are_searched_to_the_end() {
    for profile in super::support::body_signing() {
        let effort = unexplained(profile, br#"{"a": "b", "c": [1, 2.0]}"#).explain(profile).effort();
        assert!(!effort.cut, "{}: {effort:?}", profile.name());
        assert!(effort.trials > 300, "{}: {effort:?}", profile.name());
    }
}

#[test]
fn single_mistakes_with_long_bodies_are_found() {
    let profile = Profile::builtin("github-sha256").unwrap();
    let body = document(256 * 1024);
    let mut request = Received::signed(profile, &secret_of(profile), &body);
    request.body.push(b'\n');
    assert_eq!(proven(&request.explain(profile)), [Code::BodyTrailingNewlineAdded]);

    let compact = serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(&body).unwrap()).unwrap();
    let mut request = Received::signed(profile, &secret_of(profile), &compact);
    request.body =
        serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(&compact).unwrap()).unwrap();
    assert_eq!(proven(&request.explain(profile)), [Code::BodyJsonReserialised]);
}

#[test]
fn a_budget_is_kept_whatever_it_is() {
    let profile = Profile::builtin("stripe").unwrap();
    let request = unexplained(profile, &document(10_000));
    let mut trials = 0;
    for budget in [0, 1, 5_000, 50_000, 1_000_000] {
        let options = VerifyOptions::default();
        let received = Request { method: "POST", url: "", headers: &request.lines, body: &request.body };
        let question = Question::new(profile, Part::Delivery, &request.secrets, &options, &received, NOW);
        let effort = question.with_budget(budget).explain().effort();
        assert!(effort.bytes <= budget && effort.cut, "{budget}: {effort:?}");
        assert!(effort.trials >= trials);
        trials = effort.trials;
    }
}

/// Everything that an explanation shows.
fn shown(explanation: &Explanation) -> String {
    let details = explanation
        .findings()
        .iter()
        .flat_map(|finding| finding.details().map(|(_, value)| value.to_owned()));
    let details: Vec<String> = details.collect();
    format!("{explanation}\n{explanation:?}\n{}", details.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn neither_secrets_nor_signatures_are_shown(
        profile in any_body_signing(),
        mistake in select(vec!["body", "secret", "nothing", "other"]),
    ) {
        let secret = secret_of(profile);
        let mut request = Received::signed(profile, &secret, b"{\"a\": \"private\"}");
        match mistake {
            "body" => request.body.push(b'\n'),
            "secret" => request.secrets = vec![Secret::new([secret.expose(), b"\n"].concat())],
            "other" => {
                request.other_secrets = std::mem::replace(&mut request.secrets, vec![profile.delivery().new_secret(&[3; 32])]);
            }
            _ => request.body = b"{\"b\": \"private\"}".to_vec(),
        }
        let text = shown(&request.explain(profile));
        for secret in request.secrets.iter().chain(&request.other_secrets) {
            prop_assert!(!text.contains(String::from_utf8_lossy(secret.expose()).trim()), "{text}");
        }
        prop_assert!(!text.contains("private"), "{text}");
        for (name, value) in &request.lines {
            // Box has a `box-signature-version` of 1: what is short is none.
            let signature = (name.contains("sign") || name.contains("hmac")) && value.len() > 20;
            prop_assert!(!signature || !text.contains(&*String::from_utf8_lossy(value)), "{text}");
        }
        // What the right secret makes of the body that came is what a forger is after.
        let right = Received::signed(profile, &secret, &request.body);
        for (_, value) in &right.lines {
            let value = String::from_utf8_lossy(value).into_owned();
            for token in value.split([',', '=', ' ', ':']).filter(|token| token.len() > 20) {
                prop_assert!(!text.contains(token), "{text}");
            }
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(profile in any_body_signing(), body in "[ -~]{0,30}") {
        let mut request = Received::signed(profile, &secret_of(profile), b"{}");
        request.body = body.into_bytes();
        prop_assert_eq!(request.explain(profile), request.explain(profile));
    }

    #[test]
    fn anything_at_all_can_be_asked(
        profile in select(Profile::builtins().map(|profile| &**profile).collect::<Vec<_>>()),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            r#"[\[\]{}",:\\a0 %+\r\n]{0,20}"#.prop_map(String::into_bytes),
        ],
        secrets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..3),
        url in "(https?://)?[a-z.:/?%+=&#]{0,20}",
        value in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let names = ["signature", "x-hub-signature-256", "webhook-timestamp", "authorization", "content-length", "host"];
        let mut lines: Lines = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
        let own = profile.scheme().signature_header().map(|name| (name.to_owned(), value.clone()));
        lines.extend(own);
        let request = Received {
            secrets: secrets.into_iter().map(Secret::new).collect(),
            other_secrets: Vec::new(),
            options: VerifyOptions::default(),
            method: "POST".to_owned(),
            url,
            lines,
            body,
            now: NOW,
        };
        let explanation = request.explain(profile);
        prop_assert!(!explanation.to_string().is_empty());
        // Nothing is proven by chance, but for those who send no proof.
        prop_assert!(explanation.is_valid() || !explanation.is_proven(), "{}", explanation);
    }
}
