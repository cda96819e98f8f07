use serde_json::json;

use crate::support::{Files, run, vector_file};

const FILE: &str = r#"{
  "format": "webhook-kat/1",
  "vectors": [
    {"id": "good", "scheme": "harmon", "secret": "s", "now_unix": 0, "expect": "missing_signature",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}},
    {"id": "bad", "scheme": "harvestr-event", "secret": "s", "now_unix": 0, "expect": "valid", "why": "it is not",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}},
    {"id": "elsewhere", "scheme": "acme", "secret": "s", "now_unix": 0, "expect": "valid",
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}}
  ],
  "challenges": [
    {"id": "hello", "profile": "acme", "secret": null, "authenticated": true, "response": {},
     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}},
    {"id": "answered", "profile": "dropbox", "secret": null, "authenticated": false,
     "response": {"status": 200, "content_type": "text/plain", "body": "a b"},
     "request": {"method": "GET", "url": "https://h.test/?challenge=a%20b"}},
    {"id": "unsigned", "profile": "harvestr", "secret": "s", "authenticated": false, "note": "it is not signed",
     "response": {"status": 200},
     "request": {"method": "POST", "headers": [["X-Harvestr-Signature", "0"]], "body_utf8": "{}"}}
  ]
}"#;

#[test]
fn every_built_in_profile_passes_its_vectors_and_handshakes() {
    let ran = run(["vectors".as_ref(), vector_file().as_os_str(), "--json".as_ref()]);
    let tally = ran.json();
    assert_eq!((ran.status, &tally["failures"], &tally["unknown_ids"]), (0, &json!([]), &json!([])));
    assert_eq!(tally["passed"], 307, "295 vectors and 12 handshakes");
    let ran = run(["vectors".as_ref(), vector_file().as_os_str(), "--profile".as_ref(), "zoom".as_ref()]);
    assert_eq!(ran.stdout.lines().last(), Some("5 passed, 0 failed, 0 unknown"), "3 vectors, 2 handshakes");
}

#[test]
fn counts_by_profile_and_names_what_failed() {
    let files = Files::new();
    let file = files.write("vectors.json", FILE);
    let ran = run(["vectors", &file]);
    assert_eq!(ran.status, 1);
    insta::assert_snapshot!(ran.stdout, @r"
    profile   passed  failed  unknown
    acme           0       0        2
    dropbox        1       0        0
    harmon         1       0        0
    harvestr       0       2        0
    failed: bad (strict): expected valid, got missing_signature [it is not]
    failed: unsigned (handshake): expected an answer, got handshake_not_verified [it is not signed]
    unknown: elsewhere
    unknown: hello
    2 passed, 2 failed, 2 unknown
    ");
    assert_eq!(
        run(["vectors", &file, "--json"]).json(),
        json!({
            "passed": 2, "failed": 2, "unknown": 2,
            "profiles": {
                "acme": {"passed": 0, "failed": 0, "unknown": 2},
                "dropbox": {"passed": 1, "failed": 0, "unknown": 0},
                "harmon": {"passed": 1, "failed": 0, "unknown": 0},
                "harvestr": {"passed": 0, "failed": 2, "unknown": 0},
            },
            "failures": [{
                "id": "bad", "profile": "harvestr", "mode": "strict", "expected": "valid",
                "got": "missing_signature", "why": "it is not",
            }, {
                "id": "unsigned", "profile": "harvestr", "mode": "handshake", "expected": "an answer",
                "got": "handshake_not_verified", "why": "it is not signed",
            }],
            "unknown_ids": ["elsewhere", "hello"],
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
    assert_eq!((status(&["harmon"]), status(&["dropbox"])), (0, 0));
    assert_eq!(status(&["harvestr"]), 1);
    assert_eq!(status(&["harmon", "harvestr-event"]), 1);
    assert_eq!(status(&["acme"]), 1);
    assert_eq!(status(&["harvestr-challenge"]), 2, "the file has none");
    assert_eq!(status(&["harbor-node"]), 2, "the file has none");
    assert_eq!(status(&["nobody"]), 2);
}

#[test]
fn a_profile_of_one_s_own_is_run_under_its_name() {
    let files = Files::new();
    let file = files.write(
        "vectors.json",
        FILE.replace("\"acme\", \"secret\": \"s\"", "\"mine\", \"secret\": \"s\"")
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
