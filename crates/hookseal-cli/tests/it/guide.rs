use std::process::Command;

use crate::support::{Files, run};

#[test]
fn writes_a_page() {
    let ran = run(["guide", "--profile", "harmon"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let kept = include_str!("../../../../docs/guides/harmon.md");
    assert_eq!(ran.stdout, kept);
}

#[test]
fn writes_to_a_file_what_was_asked_for() {
    let files = Files::new();
    let path = files.path("harmon.html");
    let ran =
        run(["guide", "--profile", "harmon", "--format", "html", "--language", "go,php", "--out", &path]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains("language-go") && page.contains("language-php"));
    assert!(!page.contains("language-python"));
}

#[test]
fn says_what_is_not_right() {
    let unknown = run(["guide", "--profile", "harmon", "--language", "cobol"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("node, python, go"), "{}", unknown.stderr);
    assert_eq!(run(["guide", "--profile", "nobody"]).status, 2);
    let nowhere = run(["guide", "--profile", "harmon", "--out", "/nowhere/at/all.md"]);
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.stderr.contains("/nowhere/at/all.md cannot be written"), "{}", nowhere.stderr);
}

/// What a reader copies from a page into a shell does what the page says.
#[test]
fn the_command_on_a_page_verifies() {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_hookseal"));
    for profile in ["harbor-lockers", "harbor-node", "harbor-transfers", "harmon", "harvestr", "square"] {
        let page = run(["guide", "--profile", profile, "--language", "node"]).stdout;
        let command = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
        let output = Command::new("/bin/sh").arg("-c").arg(command).env("PATH", path).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{profile}: {command}\n{complaint}");
    }
}
