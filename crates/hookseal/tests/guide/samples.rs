//! The code of every profile, executed against the known answers and against what may become of them.

use std::fs;
use std::path::Path;

use hookseal::guide::{self, Language, NotGenerated};

use crate::cases::{Lines, Subject, vectors};
use crate::runtimes::{folder, harness, is_there, run};

/// The subjects for which there is code in a language, with it. The others are compared with `expected`, the names of
/// those that have none and why, so that none goes missing unnoticed.
fn generated(language: Language, expected: &[&str]) -> Vec<(Subject, String)> {
    let mut made = Vec::new();
    let mut missing = Vec::new();
    for subject in Subject::all() {
        match guide::part_code(subject.profile, subject.part, language) {
            Ok(code) => made.push((subject, code)),
            Err(NotGenerated::Template(error)) => panic!("{}: {error}", subject.name()),
            Err(reason) => missing.push(format!("{}: {}", subject.profile.name(), short(&reason))),
        }
    }
    assert_eq!(missing, expected, "the profiles without code in {language}");
    made
}

fn short(reason: &NotGenerated) -> &'static str {
    match reason {
        NotGenerated::Unsigned => "unsigned",
        NotGenerated::FetchedKey => "fetched key",
        NotGenerated::Canonical => "canonical form",
        NotGenerated::Language { .. } => "language",
        _ => "other",
    }
}

/// What no language has code for, and the library verifies.
const BEYOND_SAMPLES: [&str; 9] = [
    "adyen-payments: canonical form",
    "aws-sns: fetched key",
    "cloudevents: unsigned",
    "contentful: canonical form",
    "docker-hub: unsigned",
    "google-pubsub: fetched key",
    "paypal: fetched key",
    "plaid: fetched key",
    "rfc9421-ed25519: canonical form",
    "rfc9421-hmac: canonical form",
];

/// Writes the cases of the subjects into a file of the folder.
fn write_cases(folder: &Path, made: &[(Subject, String)], lines: Lines) {
    let vectors = vectors();
    let cases: String = made.iter().map(|(subject, _)| subject.lines(&vectors, lines)).collect();
    assert!(cases.lines().count() > 1000, "there are cases");
    fs::write(folder.join("cases.tsv"), cases).unwrap();
}

#[test]
fn node() {
    if !is_there("node", "--version") {
        return;
    }
    let folder = folder("node");
    let made = generated(Language::Node, &BEYOND_SAMPLES);
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.mjs", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.mjs", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Node).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Apart);
    fs::write(folder.join("harness.mjs"), harness("harness.mjs")).unwrap();
    print!("{}", run(&folder, "node", &["harness.mjs"]));
}

#[test]
fn python() {
    if !is_there("python3", "--version") {
        return;
    }
    let folder = folder("python");
    let made = generated(Language::Python, &BEYOND_SAMPLES);
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.py", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.py", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Python).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Apart);
    fs::write(folder.join("harness.py"), harness("harness.py")).unwrap();
    print!("{}", run(&folder, "python3", &["harness.py"]));
}
