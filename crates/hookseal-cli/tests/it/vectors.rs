use hookseal::Profile;
use serde_json::json;

use crate::support::{Files, run, vector_file};

const FILE: &str = r#"{
  "format": "webhook-kat/1",
  "vectors": [
    {"id": "good", "scheme": "harmon", "secret": "s", "now_unix": 0, "expect": "missing_signature",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}},
    {"id": "bad", "scheme": "harvestr-event", "secret": "s", "now_unix": 0, "expect": "valid", "why": "it is not",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}},
    {"id": "elsewhere", "scheme": "nobody", "secret": "s", "now_unix": 0, "expect": "valid",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}}
  ],
  "challenges": [
    {"id": "hello", "profile": "nobody", "secret": null, "authenticated": true, "response": {},
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}}
  ]
}"#;

#[test]
fn every_built_in_profile_passes_its_vectors() {
    let file = vector_file();
    let ran = run(["vectors".as_ref(), file.as_os_str(), "--json".as_ref()]);
    let tally = ran.json();
    assert_eq!(tally["failed"], 0, "{}", ran.stdout);
    let mut passed = 0;
    for profile in Profile::builtins() {
        let of_profile = tally["profiles"][profile.name()]["passed"].as_u64().unwrap_or(0);
        assert!(of_profile > 0, "{}: {tally}", profile.name());
        passed += of_profile;
    }
    assert_eq!(tally["passed"].as_u64(), Some(passed));
}

#[test]
fn counts_by_profile_and_names_what_failed() {
    let files = Files::new();
    let file = files.write("vectors.json", FILE);
    let ran = run(["vectors", &file]);
    assert_eq!(ran.status, 1);
    insta::assert_snapshot!(ran.stdout, @r"
    profile   passed  failed  unknown
    harmon         1       0        0
    harvestr       0       1        0
    nobody         0       0        2
    failed: bad (strict): expected valid, got missing_signature [it is not]
    1 passed, 1 failed, 2 unknown
    ");
    assert_eq!(
        run(["vectors", &file, "--json"]).json(),
        json!({
            "passed": 1, "failed": 1, "unknown": 2,
            "profiles": {
                "harmon": {"passed": 1, "failed": 0, "unknown": 0},
                "harvestr": {"passed": 0, "failed": 1, "unknown": 0},
                "nobody": {"passed": 0, "failed": 0, "unknown": 2},
            },
            "failures": [{
                "id": "bad", "profile": "harvestr", "mode": "strict", "expected": "valid",
                "got": "missing_signature", "why": "it is not",
            }],
        })
    );
}

#[test]
fn only_what_was_asked_for_counts() {
    let files = Files::new();
    let file = files.write("vectors.json", FILE);
    let status = |profiles: &[&str]| {
        run(["vectors", &file].into_iter().chain(profiles.iter().flat_map(|name| ["--profile", name]))).status
    };
    assert_eq!(status(&["harmon"]), 0);
    assert_eq!(status(&["harvestr"]), 1);
    assert_eq!(status(&["harmon", "harvestr-event"]), 1);
    assert_eq!(status(&["nobody"]), 1);
    assert_eq!(status(&["harvestr-challenge"]), 2, "the file has none");
    assert_eq!(status(&["harbor-node"]), 2, "the file has none");
    assert_eq!(status(&["stranger"]), 2);
}

#[test]
fn a_profile_of_one_s_own_is_run_under_its_name() {
    let files = Files::new();
    let file = files.write(
        "vectors.json",
        FILE.replace("\"nobody\", \"secret\": \"s\"", "\"mine\", \"secret\": \"s\"")
            .replace("\"valid\"", "\"missing_signature\""),
    );
    let mine = files.write("mine.toml", "name = \"mine\"\nextends = \"harmon\"\n");
    let ran = run(["vectors", &file, "--profile", &mine, "--json"]);
    assert_eq!((ran.status, &ran.json()["passed"]), (0, &json!(1)), "{}", ran.stdout);
}

#[test]
fn a_file_that_is_none_is_a_usage_error() {
    let files = Files::new();
    for (text, complaint) in [
        ("{}", "does not have the form of vectors"),
        (r#"{"format": "other/1", "vectors": []}"#, "the format is not `webhook-kat/1`"),
    ] {
        let ran = run(["vectors", &files.write("vectors.json", text)]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
        assert!(ran.stderr.contains(complaint), "{}", ran.stderr);
    }
    assert_eq!(run(["vectors", &files.path("none.json")]).status, 2);
}
