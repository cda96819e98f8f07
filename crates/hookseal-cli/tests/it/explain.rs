use serde_json::{Value, json};

use crate::support::{Files, Ran, run, run_with_input};

const SECRET: &str = "whs_xxxxxxx";
const NOW: &str = "1689066169";
/// The header of the document for an empty body.
const SIGNATURE: &str = "t=1689066169,v1=98f2a9b1f44d391860375a8290c39765cfa1e4c7b275f818d54c5c7b3db9e30e";

fn explain(more: &[&str]) -> Ran {
    run(["explain", "--profile", "harbor-transfers", "--now", NOW].iter().chain(more))
}

fn header() -> String {
    format!("--header=Harbor-Signature: {SIGNATURE}")
}

#[test]
fn what_verifies_needs_no_explanation() {
    let ran = explain(&["--secret", SECRET, &header()]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "The request verifies.\n"), "{}", ran.stderr);
    let ran = explain(&["--secret", SECRET, &header(), "--json"]);
    assert_eq!((ran.status, &ran.json()["valid"], &ran.json()["findings"]), (0, &json!(true), &json!([])));
}

#[test]
fn a_line_break_is_named() {
    let files = Files::new();
    let body = files.write("body", "\n");
    let ran = explain(&["--secret", SECRET, &header(), "--body", &body]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout);

    let answer = explain(&["--secret", SECRET, &header(), "--body", &body, "--json"]).json();
    let finding = &answer["findings"][0];
    assert_eq!(answer["error"], json!("signature_mismatch"));
    assert_eq!((&answer["valid"], &answer["proven"]), (&json!(false), &json!(true)));
    assert_eq!(finding["code"], json!("body_trailing_newline_added"));
    assert_eq!(finding["evidence"], json!("proven"));
    assert_eq!(finding["details"], json!({"position": "0"}));
}

#[test]
fn secrets_of_others_are_told_from_active_ones() {
    let files = Files::new();
    let other = files.write("other", format!("{SECRET}\n"));
    for arguments in [["--other-secret", SECRET], ["--other-secret-file", &other]] {
        let answer =
            explain(&["--secret", "another", &header(), arguments[0], arguments[1], "--json"]).json();
        assert_eq!(answer["findings"][0]["code"], json!("secret_other"), "{answer}");
    }
}

#[test]
fn nothing_that_explains_it_is_said_too() {
    let ran = explain(&["--secret", "another", &header()]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("Most likely the secret is another one"), "{}", ran.stdout);
}

#[test]
fn unusable_secrets_are_a_matter_of_usage() {
    let ran = explain(&["--secret", "", &header(), "--json"]);
    assert_eq!((ran.status, &ran.json()["error"]), (2, &json!("invalid_secret")));
    assert_eq!(ran.json()["findings"][0]["code"], json!("secret_unusable"));
}

fn captured(request: &str, more: &[&str]) -> (i32, Value) {
    let fixed = ["explain", "--profile", "harbor-transfers", "--now", NOW, "--secret", SECRET, "--json"];
    let ran = run_with_input(fixed.iter().chain(&["--request", "-"]).chain(more), request.as_bytes());
    (ran.status, ran.json())
}

#[test]
fn captured_requests_are_read() {
    for end in ["\r\n", "\n"] {
        let head = ["POST /in HTTP/1.1", "Host: a.test", &format!("Harbor-Signature: {SIGNATURE}"), "", ""]
            .join(end);
        assert_eq!(captured(&head, &[]).0, 0);
        let (status, answer) = captured(&format!("{head}\n"), &[]);
        assert_eq!((status, &answer["findings"][0]["code"]), (1, &json!("body_trailing_newline_added")));
    }
    let files = Files::new();
    let request = files.write("request", format!("POST /in HTTP/1.1\nHarbor-Signature: {SIGNATURE}\n\n"));
    let ran = explain(&["--secret", SECRET, "--request", &request]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
}

#[test]
fn headers_beside_a_captured_request_are_added() {
    let (status, answer) = captured("POST /in HTTP/1.1\nHost: a.test\n\n", &[&header()]);
    assert_eq!((status, &answer["valid"]), (0, &json!(true)));
}

#[test]
fn what_is_no_request_is_refused_without_being_shown() {
    let files = Files::new();
    let request = files.write("request", "POST /in HTTP/1.1\nAuthorization s3cret\n\n");
    let ran = explain(&["--secret", SECRET, "--request", &request]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("line 2 is not of the form `name: value`"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    let both = explain(&["--secret", SECRET, "--request", &request, "--body", &request]);
    assert_eq!(both.status, 2);
}
