use serde_json::{Value, json};

use crate::support::{Running, request, run};

/// The signature headers of a body.
fn sign(profile: &str, body: &str) -> Vec<(String, String)> {
    let ran = crate::support::run_with_input(
        ["sign", "--profile", profile, "--secret", "s", "--body", "-", "--json"],
        body.as_bytes(),
    );
    serde_json::from_value(ran.json()["headers"].clone()).unwrap()
}

fn post(address: &str, path: &str, headers: &[(String, String)], body: &str) -> crate::support::Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    request(address, "POST", path, &headers, body.as_bytes())
}

fn json_line(receiver: &Running) -> Value {
    serde_json::from_str(&receiver.line()).unwrap()
}

#[test]
fn verifies_prints_and_answers() {
    let mut receiver = Running::start(["listen", "--profile", "harmon", "--secret", "s", "--port", "0"]);
    let address = receiver.address();
    let mut headers = sign("harmon", "{}");
    headers.push(("x-harmon-event".into(), "order.confirmed".into()));
    assert_eq!(post(&address, "/hook?a=b", &headers, "{}").status, 200);
    assert_eq!(
        receiver.line(),
        "verified  200  POST /hook?a=b  2 bytes  type order.confirmed (unauthenticated)"
    );
    assert_eq!(post(&address, "/", &headers, "[]").status, 401);
    let line = receiver.line();
    assert!(line.starts_with("refused   401  POST /  2 bytes  signature_mismatch: "), "{line}");
    receiver.signal("TERM");
    assert_eq!(receiver.wait().code(), Some(0));
}

#[test]
fn says_why_a_request_does_not_verify() {
    let arguments = ["listen", "--profile", "harmon", "--secret", "s", "--port", "0"];
    let mut receiver = Running::start(arguments);
    let address = receiver.address();
    let headers = sign("harmon", "{}");
    assert_eq!(post(&address, "/", &headers, "{}\n").status, 401);
    assert!(receiver.line().starts_with("refused   401  POST /  3 bytes  signature_mismatch: "));
    assert_eq!(receiver.line(), "  Why:");
    let why = receiver.line();
    assert!(
        why.starts_with("  - The signature is that of the body without the line break at its end"),
        "{why}"
    );
    assert!(why.ends_with(" [body_trailing_newline_added]"), "{why}");
    // Whatever verifies has nothing to explain, and its line comes next.
    assert_eq!(post(&address, "/", &headers, "{}").status, 200);
    assert_eq!(receiver.line(), "verified  200  POST /  2 bytes");
    receiver.signal("TERM");
    receiver.wait();
    assert!(receiver.rest().is_empty());
}

#[test]
fn finds_the_signature_in_another_header() {
    let receiver = Running::start(["listen", "--profile", "github-sha256", "--secret", "s", "--port", "0"]);
    let mut headers = sign("github-sha256", "{}");
    headers.iter_mut().for_each(|(name, _)| *name = name.replace("x-hub-signature-256", "x-acme-digest"));
    assert_eq!(post(&receiver.address(), "/", &headers, "{}").status, 401);
    receiver.skip(2);
    let why = receiver.line();
    assert!(why.contains("`x-acme-digest`") && why.ends_with(" [signature_in_other_header]"), "{why}");
}

#[test]
fn says_why_in_json_unless_it_is_not_wanted() {
    let arguments = ["listen", "--profile", "harmon", "--secret", "s", "--port", "0", "--json"];
    let headers = sign("harmon", "{}");
    let refused = |more: &[&str]| {
        let receiver = Running::start(arguments.iter().chain(more));
        let address = json_line(&receiver)["listening"].as_str().unwrap().replace("http://", "");
        assert_eq!(post(&address, "/", &headers, "{}\n").status, 401);
        json_line(&receiver)
    };
    let explained = refused(&[]);
    let finding = &explained["explanation"][0];
    assert_eq!(
        (&finding["code"], &finding["evidence"]),
        (&json!("body_trailing_newline_added"), &json!("proven"))
    );
    assert!(finding["sentence"].as_str().unwrap().starts_with("The signature is that of the body without"));
    assert_eq!(finding["details"]["position"], "2");
    let bare = refused(&["--no-explain"]);
    assert_eq!((&bare["error"], &bare["explanation"]), (&json!("signature_mismatch"), &Value::Null));
}

#[test]
fn prints_json_a_line() {
    let arguments = [
        "listen",
        "--profile",
        "harmon",
        "--secret",
        "x",
        "--secret",
        "s",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    let receiver = Running::start(arguments);
    let first = json_line(&receiver);
    assert_eq!(first["profile"], "harmon");
    let address = first["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    assert_eq!(post(&address, "/", &sign("harmon", "{}"), "{}").status, 200);
    let verified = json_line(&receiver);
    assert_eq!((&verified["verified"], &verified["status"]), (&json!(true), &json!(200)));
    assert_eq!(
        (&verified["proof"]["secret"], &verified["proof"]["flags"]),
        (&json!(1), &json!(["replayable"]))
    );
    assert_eq!(post(&address, "/", &[], "{}").status, 401);
    let refused = json_line(&receiver);
    assert_eq!((&refused["verified"], &refused["error"]), (&json!(false), &json!("missing_signature")));
    assert_eq!(refused["proof"], Value::Null);
}

#[test]
fn answers_as_harbor_node_s_document_does() {
    let receiver = Running::start(["listen", "--profile", "harbor-node", "--secret", "s", "--port", "0"]);
    let address = receiver.address();
    let body = r#"{"event":"execution.completed","execution":{"executionId":"exec_1"}}"#;
    let accepted = post(&address, "/harbor/executions", &sign("harbor-node", body), body);
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.json(), json!({"ok": true, "executionId": "exec_1", "event": "execution.completed"}));
    let refused = post(&address, "/harbor/executions", &[], body);
    assert_eq!((refused.status, refused.json()), (401, json!({"ok": false})));
}

#[test]
fn answers_one_path_where_one_is_given() {
    let arguments = ["listen", "--profile", "harmon", "--secret", "s", "--port", "0", "--path", "/hook"];
    let receiver = Running::start(arguments);
    let address = receiver.address();
    let headers = sign("harmon", "{}");
    assert_eq!(post(&address, "/other", &headers, "{}").status, 404);
    assert_eq!(post(&address, "/hook?x", &headers, "{}").status, 200);
    assert!(receiver.line().starts_with("refused   404  POST /other"));
    assert!(receiver.line().starts_with("verified  200  POST /hook?x"));
}

#[test]
fn bytes_are_verified_as_they_came() {
    let receiver = Running::start(["listen", "--profile", "harmon", "--secret", "s", "--port", "0"]);
    let address = receiver.address();
    for body in ["", " \r\n\t", "{\"a\":1.0,\"a\":1e0,\"\\u00e9\":\"é\"}\n", "not json \u{0}"] {
        assert_eq!(post(&address, "/", &sign("harmon", body), body).status, 200, "{body:?}");
    }
}

#[test]
fn a_body_beyond_the_bound_is_refused_unread() {
    let receiver =
        Running::start(["listen", "--profile", "harmon", "--secret", "s", "--port", "0", "--json"]);
    let address =
        json_line(&receiver)["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    // The length alone decides: nothing is sent after it.
    let answer = crate::support::announce(&address, 2 * 1024 * 1024 + 1);
    assert_eq!(answer.status, 413);
    assert_eq!(json_line(&receiver)["error"], "body_too_large");
}

#[test]
fn mistakes_are_told_before_it_listens() {
    for (arguments, status) in [
        (&["listen", "--profile", "harmon"][..], 2),
        (&["listen", "--profile", "harmon", "--secret", ""], 2),
        (&["listen", "--profile", "nobody", "--secret", "s"], 2),
        (&["listen", "--profile", "harmon", "--secret", "s", "--tolerance", "soon"], 2),
        (&["listen", "--profile", "harmon", "--secret", "s", "--port", "1", "--listen", "127.0.0.1:1"], 2),
    ] {
        let ran = run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{arguments:?}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = run([
        "listen",
        "--profile",
        "harmon",
        "--secret",
        "s",
        "--listen",
        &taken.local_addr().unwrap().to_string(),
    ]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("cannot listen at"), "{}", ran.stderr);
}
