use hookseal::Profile;
use serde_json::json;

use crate::support::{Files, run};

#[test]
fn lists_the_built_in_ones() {
    let listed = run(["profiles"]).stdout;
    assert_eq!(run(["profiles", "list"]).stdout, listed);
    let words = |name: &str| -> Vec<&str> {
        let start = format!("{name} ");
        listed
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap()
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    assert_eq!(words("profile"), ["profile", "algorithm", "signature in", "what is done", "not proven"]);
    assert_eq!(words("slack"), ["slack", "hmac-sha256", "x-slack-signature", "signs and verifies"]);
    assert_eq!(
        words("trello"),
        [
            "trello",
            "hmac-sha1",
            "x-trello-webhook",
            "signs and verifies",
            "weak, replayable, ambiguous_boundary"
        ]
    );
    assert_eq!(words("docker-hub"), ["docker-hub", "none", "nothing is signed", "body_unsigned, replayable"]);
    assert_eq!(listed.lines().count(), Profile::builtins().len() + 1);
}

#[test]
fn lists_the_built_in_ones_as_json() {
    let rows = run(["profiles", "--json"]).json();
    assert_eq!(run(["profiles", "list", "--json"]).json(), rows);
    let rows = rows.as_array().unwrap();
    assert!(
        rows.iter()
            .map(|row| row["name"].as_str().unwrap())
            .eq(Profile::builtins().map(|profile| profile.name()))
    );
    let shopify = rows.iter().find(|row| row["name"] == "shopify").unwrap();
    assert_eq!(
        *shopify,
        json!({
            "name": "shopify",
            "title": "Shopify webhooks",
            "document": "Shopify, shopify-api-js: webhooks",
            "unconfirmed": ["No source was found for the header `X-Shopify-Event-Id`. It is not read."],
            "algorithm": "hmac-sha256",
            "signature": "x-shopify-hmac-sha256",
            "direction": "signs and verifies",
            "flags": ["replayable"],
        })
    );
}

#[test]
fn shows_what_one_does() {
    insta::assert_snapshot!(run(["profiles", "harvestr"]).stdout);
    insta::assert_snapshot!(run(["profiles", "show", "harbor-node"]).stdout);
    insta::assert_snapshot!(run(["profiles", "show", "linear"]).stdout);
}

#[test]
fn shows_one_as_json() {
    let shown = run(["profiles", "harbor-lockers", "--json"]).json();
    assert_eq!(shown["delivery"]["content"], json!(["{timestamp}", ",", "{body}"]));
    assert_eq!(shown["delivery"]["tolerance"], json!({"past_ms": 300_000, "future_ms": 300_000}));
    assert_eq!(shown["delivery"]["flags"], json!(["body_malleable"]));
    assert_eq!(shown["unsigned_allowed"], true);
    assert_eq!(shown["challenge"], json!(null));
    assert_eq!(shown["source"], Profile::builtin("harbor-lockers").unwrap().source());
}

#[test]
fn gives_the_document_to_start_from() {
    let files = Files::new();
    for profile in Profile::builtins() {
        let ran = run(["profiles", profile.name(), "--toml"]);
        assert_eq!(ran.stdout.trim_end(), profile.source().trim_end());
        let copy = files.write("copy.toml", &ran.stdout);
        assert_eq!(run(["profiles", &copy, "--json"]).status, 0, "{}", profile.name());
    }
}

#[test]
fn shows_what_a_file_takes_from_the_profile_that_it_extends() {
    let files = Files::new();
    let file = files.write(
        "mine.toml",
        "name = \"mine\"\nextends = \"harbor-node\"\n[scheme.timestamp]\npast = \"1m\"\n",
    );
    let shown = run(["profiles", &file, "--json"]).json();
    assert_eq!(shown["delivery"]["tolerance"], json!({"past_ms": 60_000, "future_ms": 300_000}));
    assert_eq!(shown["delivery"]["content"], json!(["{timestamp}", ".", "{body}"]));
}

#[test]
fn refuses_what_is_none() {
    let ran = run(["profiles", "nobody"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`nobody` is neither a profile nor a file"), "{}", ran.stderr);
    assert_eq!(run(["profiles", "--toml"]).status, 2);
}

#[test]
fn checks_documents_and_says_where_they_are_wrong() {
    let files = Files::new();
    let good = files.write("good.toml", "name = \"good\"\nextends = \"harmon\"\n");
    let bad = files.write(
        "bad.toml",
        "name = \"Bad\"\n[scheme]\nalgorithm = \"hmac-sha1\"\nkey = [\"utf8\"]\ncontent = [\"{body}\"]\nsize = 1\n\
         [scheme.signature]\nheader = \"x-bad\"\n",
    );
    let broken = files.write("broken.toml", "name = \n");
    let ran = run(["profiles", "check", &good]);
    assert_eq!((ran.status, ran.stdout), (0, format!("{good}: `good` is right; not proven: replayable\n")));
    let ran = run(["profiles", "check", &good, &bad, &broken]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert!(lines[1].starts_with(&format!("{bad}:1:8: name: a name is")), "{lines:#?}");
    assert!(lines[2].starts_with(&format!("{bad}:3:13: scheme.algorithm: SHA-1 is not")), "{lines:#?}");
    assert!(lines[3].starts_with(&format!("{bad}:6:1: scheme.size: this key is not known")), "{lines:#?}");
    assert!(lines[4].starts_with(&format!("{broken}:1:8: ")), "{lines:#?}");
    let ran = run(["profiles", "check", "--json", &good, &bad]);
    let checked = ran.json();
    assert_eq!((ran.status, &checked[0]["valid"], &checked[1]["valid"]), (1, &json!(true), &json!(false)));
    assert_eq!(checked[1]["problems"][1]["key"], "scheme.algorithm");
    assert_eq!(
        (&checked[1]["problems"][1]["line"], &checked[1]["problems"][1]["column"]),
        (&json!(3), &json!(13))
    );
    assert_eq!(run(["profiles", "check", &files.path("none.toml")]).status, 2);
    assert_eq!(run(["profiles", "check"]).status, 2);
}

/// What the page of the catalogue has to be; where it is not, the right one is put beside what was built.
#[test]
fn the_page_of_the_catalogue_is_what_the_profiles_say() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let expected = run(["profiles", "page"]).stdout;
    if std::fs::read_to_string(format!("{root}/docs/profiles.md")).unwrap_or_default() != expected {
        std::fs::create_dir_all(format!("{root}/target")).unwrap();
        std::fs::write(format!("{root}/target/profiles.md"), expected).unwrap();
        panic!("docs/profiles.md is not up to date: copy target/profiles.md over it");
    }
}
