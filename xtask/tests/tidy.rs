//! The project's own style, where a machine can see it.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Lines that a function may have.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines that a file may have without its tests.
const FILE_LINES_MAX: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that git tracks, or would track, with this ending.
fn files(ending: &str) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    let read = |name: &str| fs::read_to_string(root().join(name)).ok().map(|text| (name.to_owned(), text));
    names.lines().filter(|name| name.ends_with(ending)).filter_map(read).collect()
}

/// A Rust file without its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

#[test]
fn files_are_about_one_thing() {
    for (name, text) in files(".rs").iter().filter(|(name, _)| !name.contains("/tests/")) {
        let lines = code(text).lines().count();
        assert!(lines <= FILE_LINES_MAX, "{name} has {lines} lines; {FILE_LINES_MAX} are allowed");
    }
}

#[test]
fn functions_are_short_enough_to_see() {
    let mut long = Vec::new();
    for (name, text) in files(".rs").iter().filter(|(name, _)| !name.starts_with("bench/")) {
        let mut start: Option<(usize, usize, &str)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim_start();
            let begins = ["fn ", "pub fn ", "async fn ", "const fn "].iter().any(|k| trimmed.starts_with(k))
                || trimmed.starts_with("pub") && trimmed.contains(" fn ");
            if begins && !trimmed.ends_with(';') {
                start = Some((number, indent, trimmed));
            }
            if let Some((from, depth, head)) = start
                && trimmed.starts_with('}')
                && indent == depth
            {
                if number - from + 1 > FUNCTION_LINES_MAX {
                    long.push(format!("{name}:{}: {head} ({} lines)", from + 1, number - from + 1));
                }
                start = None;
            }
        }
    }
    assert!(long.is_empty(), "longer than {FUNCTION_LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let banned = [
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    for (name, text) in files(".rs").iter().chain(&files(".md")).chain(&files(".toml")) {
        for word in banned {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, _) in files("Cargo.toml") {
        if let Some(folder) = name.strip_suffix("/Cargo.toml") {
            assert!(page.contains(&format!("`{folder}/`")), "ARCHITECTURE.md does not name {folder}/");
        }
    }
}

#[test]
fn links_between_the_projects_pages_lead_somewhere() {
    for (name, text) in files(".md") {
        let folder = root().join(&name).parent().unwrap().to_owned();
        // Code has brackets before parentheses that are no links.
        let prose: String = text.split("\n```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            // `crate::Item` is a link of rustdoc, which checks it itself.
            let elsewhere = path.contains("://") || path.contains("::") || path.starts_with("mailto:");
            if !path.is_empty() && !elsewhere {
                assert!(folder.join(path).exists(), "{name}: {link} leads nowhere");
            }
        }
    }
}
