//! `listen` between a vendor and an application: handshakes answered, events sent on as they came.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    support::{Running, request, run, run_with_input},
    target::Target,
};

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nx-app: yes\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

fn listen(arguments: &[&str]) -> (Running, String) {
    let all = ["listen", "--port", "0", "--json"].iter().chain(arguments);
    let receiver = Running::start(all);
    let first: Value = serde_json::from_str(&receiver.line()).unwrap();
    let address = first["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    (receiver, address)
}

fn report(receiver: &Running) -> Value {
    serde_json::from_str(&receiver.line()).unwrap()
}

/// The signature headers of a body.
fn sign(arguments: &[&str], body: &[u8]) -> Vec<(String, String)> {
    let all = ["sign", "--body", "-", "--json"].iter().chain(arguments);
    serde_json::from_value(run_with_input(all, body).json()["headers"].clone()).unwrap()
}

fn lines(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn an_event_goes_on_byte_for_byte_and_its_answer_comes_back() {
    let target = Target::answering(ACCEPTED);
    let forward = target.url("/app?x=1");
    let (receiver, address) = listen(&["--profile", "harmon", "--secret", "s", "--forward", &forward]);
    // The gzip of nothing, which whoever inflates it on the way would change.
    let body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\r\n ";
    let signed = sign(&["--profile", "harmon", "--secret", "s"], body);
    let mut headers = lines(&signed);
    headers.extend([
        ("content-encoding", "gzip"),
        ("content-type", "application/x-odd; a=\"b\""),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("x-empty", ""),
        ("X-Harmon-Event", "order.confirmed"),
    ]);
    let answer = request(&address, "POST", "/hook?id=7&q=a%20b", &headers, body);
    assert_eq!((answer.status, answer.body.as_str()), (202, "ok"));

    let received = target.request();
    assert_eq!(
        (received.start.as_str(), received.body.as_slice()),
        ("POST /app?x=1&id=7&q=a%20b", &body[..])
    );
    for (name, value) in &headers {
        assert!(received.values(&name.to_ascii_lowercase()).contains(&value.as_bytes()), "{name}");
    }
    assert_eq!(received.values("x-twice").len(), 2);
    // What the connection needs is written anew, and nothing else is added.
    let names: Vec<&str> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
    let added = names.iter().filter(|name| !headers.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name)));
    assert_eq!(added.collect::<Vec<_>>(), [&"host", &"content-length"]);

    let report = report(&receiver);
    assert_eq!((&report["verified"], &report["status"]), (&json!(true), &json!(202)));
    assert_eq!(report["forwarded"]["status"], 202);
}

#[test]
fn empty_bodies_and_other_methods_go_on_too() {
    let target = Target::answering(ACCEPTED);
    let forward = target.url("/");
    let (_receiver, address) = listen(&["--profile", "harmon", "--secret", "s", "--forward", &forward]);
    let signed = sign(&["--profile", "harmon", "--secret", "s"], b"");
    assert_eq!(request(&address, "PUT", "/", &lines(&signed), b"").status, 202);
    let received = target.request();
    assert_eq!((received.start.as_str(), received.body.len()), ("PUT /", 0));
}

#[test]
fn headers_of_the_connection_stay_behind() {
    let target = Target::answering(ACCEPTED);
    let forward = target.url("/");
    let (_receiver, address) = listen(&["--profile", "docker-hub", "--forward", &forward]);
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nx-stays: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{ }\r\n0\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(answer.contains("x-app: yes") && answer.ends_with("ok"), "{answer}");
    let received = target.request();
    assert_eq!((received.body.as_slice(), received.value("x-stays")), (&b"{ }"[..], "1"));
    for name in ["x-hop", "keep-alive", "transfer-encoding", "connection"] {
        assert!(received.values(name).is_empty(), "{name}");
    }
}

#[test]
fn what_does_not_verify_goes_on_only_where_that_is_asked_for() {
    let target = Target::answering(ACCEPTED);
    let forward = target.url("/");
    let common = ["--profile", "harmon", "--secret", "s", "--forward", forward.as_str()];
    let (receiver, address) = listen(&common);
    assert_eq!(request(&address, "POST", "/", &[], b"{}").status, 401);
    let refused = report(&receiver);
    assert_eq!((&refused["error"], &refused["forwarded"]), (&json!("missing_signature"), &Value::Null));
    assert!(target.is_idle());

    let with = common.iter().copied().chain(["--forward-unverified"]).collect::<Vec<_>>();
    let (receiver, address) = listen(&with);
    assert_eq!(request(&address, "POST", "/", &[], b"{}").status, 202);
    assert_eq!(target.request().body, b"{}");
    let sent = report(&receiver);
    assert_eq!((&sent["verified"], &sent["error"]), (&json!(false), &json!("missing_signature")));
    assert_eq!(sent["forwarded"]["status"], 202);
}

#[test]
fn a_target_that_is_down_is_a_bad_gateway() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let forward = format!("http://{free}/hook");
    let receiver = Running::start([
        "listen",
        "--port",
        "0",
        "--profile",
        "harmon",
        "--secret",
        "s",
        "--forward",
        &forward,
    ]);
    let first = receiver.line();
    assert!(first.ends_with(&format!(" for harmon, forwarding to {forward}")), "{first}");
    let address = first.split("http://").nth(1).unwrap().split(' ').next().unwrap();
    let signed = sign(&["--profile", "harmon", "--secret", "s"], b"{}");
    assert_eq!(request(address, "POST", "/", &lines(&signed), b"{}").status, 502);
    let line = receiver.line();
    assert!(line.starts_with("verified  502  POST /  2 bytes  not forwarded, connection: "), "{line}");
}

#[test]
fn the_application_s_refusal_is_passed_back() {
    let target = Target::answering("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\nconnection: close\r\n\r\nboom");
    let (_receiver, address) = listen(&["--profile", "docker-hub", "--forward", &target.url("/")]);
    let answer = request(&address, "POST", "/", &[], b"{}");
    assert_eq!((answer.status, answer.body.as_str()), (500, "boom"));
    let target = Target::answering(
        "HTTP/1.1 303 See Other\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let (receiver, address) = listen(&["--profile", "docker-hub", "--forward", &target.url("/")]);
    assert_eq!(request(&address, "POST", "/", &[], b"{}").status, 303);
    let forwarded = &report(&receiver)["forwarded"];
    assert_eq!((&forwarded["status"], &forwarded["error"]), (&json!(303), &Value::Null));
}

#[test]
fn handshakes_are_answered_here_and_never_sent_on() {
    let target = Target::answering(ACCEPTED);
    let forward = target.url("/");
    let (receiver, address) = listen(&["--profile", "slack", "--secret", "s", "--forward", &forward]);
    let body = br#"{"token":"t","challenge":"c-1<b>","type":"url_verification"}"#;
    let signed = sign(&["--profile", "slack", "--secret", "s"], body);
    let answer = request(&address, "POST", "/", &lines(&signed), body);
    assert_eq!((answer.status, answer.body.as_str()), (200, "c-1<b>"));
    let answered = report(&receiver);
    assert_eq!((&answered["handshake"], &answered["status"]), (&json!("url verification"), &json!(200)));
    assert_eq!(request(&address, "POST", "/", &[], body).status, 401);
    assert_eq!(report(&receiver)["error"], "missing_signature");
    assert!(target.is_idle());
}

#[test]
fn a_head_request_is_a_handshake_too() {
    let (receiver, address) = listen(&["--profile", "trello", "--secret", "s"]);
    let answer = request(&address, "HEAD", "/", &[], b"");
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(report(&receiver)["handshake"], "endpoint check");
}

#[test]
fn a_secret_that_a_handshake_brings_is_shown() {
    let receiver = Running::start(["listen", "--profile", "asana", "--port", "0"]);
    let address = receiver.address();
    assert_eq!(request(&address, "POST", "/", &[], b"{}").status, 401);
    assert!(receiver.line().contains("  no_secret: "));
    let answer = request(&address, "POST", "/", &[("X-Hook-Secret", "b537207f20cbfa02")], b"{}");
    assert_eq!(answer.status, 200);
    assert_eq!(receiver.line(), "answered  200  POST /  2 bytes  handshake");
    assert_eq!(receiver.line(), "  the secret from now on: start again with --secret b537207f20cbfa02");
    let (receiver, address) = listen(&["--profile", "asana", "--secret", "s"]);
    assert_eq!(request(&address, "POST", "/", &[("X-Hook-Secret", "evil")], b"{}").status, 404);
    assert_eq!(report(&receiver)["error"], "handshake_not_pending");
}

#[test]
fn the_answer_that_a_vendor_wants_is_given() {
    let secret = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    let (receiver, address) = listen(&["--profile", "adyen-payments", "--secret", secret]);
    let file = std::fs::read(crate::support::vector_file()).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| {
        vector["scheme"] == "adyen-payments" && vector["expect"] == "valid" && vector["secret"] == secret
    });
    let body = vector.unwrap()["request"]["body_utf8"].as_str().unwrap();
    let answer = request(&address, "POST", "/", &[], body.as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "[accepted]"));
    assert_eq!(report(&receiver)["verified"], true);
}

#[test]
fn a_target_that_is_none_is_a_usage_error() {
    for target in ["x", "ftp://a.example/", "http://user@a.example/", "http://"] {
        let ran = run(["listen", "--profile", "docker-hub", "--port", "0", "--forward", target]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{target}");
        assert!(ran.stderr.contains("the target cannot be sent to"), "{}", ran.stderr);
    }
    let ran = run(["listen", "--profile", "docker-hub", "--forward-unverified"]);
    assert_eq!(ran.status, 2);
}
