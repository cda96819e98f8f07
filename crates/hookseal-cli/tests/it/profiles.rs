use hookseal::Profile;
use serde_json::json;

use crate::support::{Files, run};

#[test]
fn lists_the_built_in_ones() {
    let listed = run(["profiles"]).stdout;
    for profile in Profile::builtins() {
        let line = listed.lines().find(|line| line.split(' ').next() == Some(profile.name()));
        assert!(line.is_some_and(|line| line.ends_with(profile.title())), "{}: {listed}", profile.name());
    }
    let names: Vec<_> = run(["profiles", "--json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].clone())
        .collect();
    assert_eq!(names.len(), Profile::builtins().len());
    assert!(names.contains(&json!("harmon")));
}

#[test]
fn shows_what_one_does() {
    insta::assert_snapshot!(run(["profiles", "harvestr"]).stdout);
    insta::assert_snapshot!(run(["profiles", "harbor-node"]).stdout);
}

#[test]
fn shows_one_as_json() {
    let shown = run(["profiles", "harbor-lockers", "--json"]).json();
    assert_eq!(shown["delivery"]["content"], json!(["{timestamp}", ",", "{body}"]));
    assert_eq!(shown["delivery"]["tolerance"], json!({"past": "5m", "future": "5m"}));
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
    assert_eq!(shown["delivery"]["tolerance"], json!({"past": "1m", "future": "5m"}));
    assert_eq!(shown["delivery"]["content"], json!(["{timestamp}", ".", "{body}"]));
}

#[test]
fn refuses_what_is_none() {
    let ran = run(["profiles", "nobody"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`nobody` is neither a profile nor a file"), "{}", ran.stderr);
    assert_eq!(run(["profiles", "--toml"]).status, 2);
}
