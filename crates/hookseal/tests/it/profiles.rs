//! Profile documents: the facts of the built-in ones, and the problems of others.

use std::time::Duration;

use hookseal::{Mode, Part, Profile, ProfileErrors, Secret};
use proptest::prelude::*;

use crate::support::{NOW, builtin, sign, verify};

#[test]
fn the_built_in_profiles_state_the_facts_of_their_documents() {
    let harvestr = builtin("harvestr").delivery();
    assert_eq!(harvestr.timeout(), Some(Duration::from_secs(5)));
    assert!(harvestr.success().contains(208) && !harvestr.success().contains(209));
    assert_eq!(harvestr.user_agent(), Some("harvestr-webhook/1.0.0"));
    assert_eq!(harvestr.disable_after_failures(), Some(10));
    assert!(harvestr.unsigned_allowed() && builtin("harbor-lockers").delivery().unsigned_allowed());
    assert_eq!(builtin("harmon").delivery().timeout(), None);
    assert_eq!(builtin("harmon").delivery().retry_schedule(), None);
    assert!(builtin("harmon").delivery().success().contains(299));
    assert!(builtin("harmon").document().is_some());
}

#[test]
fn scheme_ids_name_the_parts() {
    let harvestr = builtin("harvestr");
    assert_eq!(harvestr.scheme_for("harvestr"), Some(Part::Delivery));
    assert_eq!(harvestr.scheme_for("harvestr-event"), Some(Part::Delivery));
    assert_eq!(harvestr.scheme_for("harvestr-challenge"), Some(Part::Challenge));
    assert_eq!(harvestr.scheme_for("harvestr-other"), None);
    assert_eq!(builtin("harmon").scheme_for("harmon-challenge"), None);
}

#[test]
fn new_secrets_have_the_notation_of_the_vendor_and_work() {
    let shown = |name: &str| {
        String::from_utf8(builtin(name).delivery().new_secret(&[0xa5; 32]).expose().to_vec()).unwrap()
    };
    assert_eq!(shown("standard-webhooks"), "whsec_paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWl");
    assert_eq!(shown("harbor-transfers"), format!("whs_{}", "a5".repeat(32)));
    assert_eq!(shown("harmon"), "a5".repeat(32));
}

#[test]
fn a_profile_extends_a_built_in_one() {
    let mine = Profile::parse(
        r#"
        name = "mine"
        extends = "harbor-node"
        [scheme.signature]
        header = "X-Mine"
        [delivery]
        timeout = "3s"
        "#,
    )
    .unwrap();
    assert_eq!(mine.scheme().signature_header(), Some("x-mine"));
    assert_eq!(mine.scheme().timestamp_header(), Some("x-harbor-timestamp"));
    assert_eq!(mine.delivery().timeout(), Some(Duration::from_secs(3)));
    let secrets = [Secret::new("s")];
    let lines = sign(&mine, &secrets, &hookseal::Message::new(NOW, "id", b"{}")).unwrap();
    assert_eq!(verify(&mine, &secrets, Mode::Strict, &lines, b"{}", NOW), Ok(0));
}

#[track_caller]
fn problems(source: &str) -> Vec<String> {
    let errors: ProfileErrors = Profile::parse(source).unwrap_err();
    errors.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn all_problems_come_at_once_with_their_places() {
    let found = problems(
        r#"name = "Mine"
[scheme]
algorithm = "md5"
key = ["utf8", "rot13"]
content = ["{body}", "{nonsense}"]
surprise = 1
[scheme.signature]
header = "x mine"
grammar = "prefix"
[delivery]
timeout = "soon"
success = ["2xx"]
"#,
    );
    let starts = [
        "line 1, column 8: name: ",
        "line 3, column 13: scheme.algorithm: one of `hmac-sha1`",
        "line 4, column 16: scheme.key: one of `utf8`",
        "line 5, column 22: scheme.content: this reference is not known",
        "line 6, column 1: scheme.surprise: this key is not known; here can stand `admit`",
        "line 7, column 1: scheme.signature: `prefix` is missing",
        "line 8, column 10: scheme.signature.header: a header name",
        "line 11, column 11: delivery.timeout: a duration such as",
        "line 12, column 12: delivery.success: a status code",
    ];
    for start in starts {
        assert!(found.iter().any(|problem| problem.starts_with(start)), "no {start:?} in {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
}

#[track_caller]
fn one_problem(source: &str, expected: &str) {
    let found = problems(source);
    assert!(found.len() == 1 && found[0].contains(expected), "{expected:?} is not the one of {found:#?}");
}

/// A valid profile with one line more in its scheme, and other lines after it.
fn with(line: &str, rest: &str) -> String {
    format!(
        "name = \"mine\"\n[scheme]\nalgorithm = \"hmac-sha256\"\nkey = [\"utf8\"]\n{line}\n[scheme.signature]\nheader = \"x-s\"\n{rest}"
    )
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused() {
    let body = "content = [\"{body}\"]";
    assert!(Profile::parse(&with(body, "")).is_ok());
    one_problem(&with("", ""), "`content` is missing");
    one_problem(
        &with("content = [\"{timestamp}\", \".\", \"{body:sha256}\"]", ""),
        "the table `timestamp` is needed",
    );
    one_problem(&with("content = [\"{id}\", \"\\n\", \"{body}\"]", ""), "the table `id` is needed");
    one_problem(&with("content = [\"{secret}\", \"{body}\"]", ""), "a plain digest has {secret}");
    one_problem(&with("content = [\"{body} \"]", ""), "a reference stands alone");
    one_problem(&with(body, "rotation = \"repeat\""), "no room for several signatures");
    one_problem(&with(body, "query = \"s\""), "says where it stands");
    one_problem(&with(body, "grammar = \"algorithm-prefix\""), "go together");
    one_problem(&with(body, "prefix = \"sha256=\""), "scheme.signature.prefix: this key is not known");
    one_problem(
        &with(body, "[scheme.timestamp]\nheader = \"x-t\"\nformat = \"unix-seconds\""),
        "so {timestamp} is in `content`",
    );
    one_problem(
        &with(
            "content = [\"{timestamp}\", \".\", \"{body}\"]",
            "[scheme.timestamp]\nfield = \"t\"\nformat = \"unix-seconds\"",
        ),
        "needs the grammar `pairs` or `dictionary`",
    );
    one_problem(
        &with(body, "[scheme.timestamp]\nclaim = \"iat\"\nformat = \"unix-seconds\""),
        "needs an algorithm of JSON Web Tokens",
    );
    one_problem(
        &with(
            "admit = [\"body-unsigned\"]\ncontent = [\"{url}\"]",
            "[scheme.timestamp]\njson = \"at\"\nformat = \"unix-seconds\"",
        ),
        "the signature has to cover it",
    );
    one_problem(&with(body, "[scheme.body-digest]\nquery = \"digest\""), "is signed with {url}");
    one_problem(&with(body, "[scheme.claims]\ntrue = [\"ok\"]"), "claims need an algorithm");
    one_problem(&with(body, "[delivery]\nheaders = { \"x-a\" = \"{nothing}\" }"), "the references here are");
    one_problem(&with(body, "[delivery]\nheaders = { \"x-a\" = \"a\\nb\" }"), "visible ASCII");
    one_problem(&with(body, "[challenge]\nbody = \"{token}\""), "the table `scheme` is missing");
    one_problem("name = \"mine\"\nextends = \"nobody\"", "one of `adyen-header`");
    one_problem("name = \"mine\"", "the table `scheme` is missing");
    one_problem("name = ", "");
}

#[test]
fn a_problem_that_comes_from_the_extended_profile_is_placed_in_the_extending_one() {
    let source = "name = \"mine\"\nextends = \"harbor-transfers\"\n[scheme.signature]\ngrammar = \"bare\"\n";
    // The rotation and the field of the timestamp are those of the extended profile.
    assert_eq!(
        problems(source),
        [
            "line 3, column 1: scheme.signature: this grammar has no room for several signatures in that way",
            "line 3, column 2: scheme.timestamp: the `field` of a timestamp needs the grammar `pairs` or `dictionary` in the signature",
        ]
    );
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,200}") {
        let _ = Profile::parse(&text);
    }

    #[test]
    fn a_damaged_profile_is_read_or_refused_with_places(at: prop::sample::Index, which: prop::sample::Index, with in "\\PC{0,3}", cut in 0..20_usize) {
        let sources: Vec<&str> = Profile::builtins().map(|profile| profile.source()).collect();
        let source = sources[which.index(sources.len())];
        let start = source.floor_char_boundary(at.index(source.len()));
        let end = source.ceil_char_boundary((start + cut).min(source.len()));
        let damaged = format!("{}{with}{}", &source[..start], &source[end..]);
        if let Err(errors) = Profile::parse(&damaged) {
            prop_assert!(!errors.problems().is_empty());
            let lines = damaged.matches('\n').count() + 1;
            for problem in errors.problems() {
                prop_assert!((1..=lines).contains(&problem.line()) && problem.column() >= 1);
                prop_assert!(!problem.message().is_empty());
            }
        }
    }
}
