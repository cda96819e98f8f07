//! `trigger`: a vendor's event on its way to an application.

use hookseal::{Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions, samples};
use serde_json::{Value, json};

use crate::{
    support::{Files, Running, run, run_with_input},
    target::{Received, Target},
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn verifies(profile: &str, secret: &str, url: &str, received: &Received, tolerance: VerifyOptions) -> bool {
    let profile = Profile::builtin(profile).unwrap();
    let verifier = Verifier::new(profile, Part::Delivery, &[Secret::new(secret)], tolerance).unwrap();
    let request = Request { method: "POST", url, headers: &received.headers, body: &received.body };
    verifier.verify(&request, Timestamp::from_unix_seconds(0)).is_ok()
}

fn any_time() -> VerifyOptions {
    VerifyOptions { tolerance: hookseal::ToleranceOverride::Off, ..VerifyOptions::default() }
}

#[test]
fn an_event_arrives_as_its_vendor_sends_it() {
    let target = Target::answering(OK);
    for (profile, event, secret, header) in [
        ("github-sha256", "push", "s", Some(("x-github-event", "push"))),
        ("stripe", "charge.refunded", "whsec_test", None),
        ("harmon", "order.confirmed", "s", Some(("x-harmon-event", "order.confirmed"))),
        ("harvestr", "feedback.created", "s", Some(("user-agent", "harvestr-webhook/1.0.0"))),
        ("harbor-lockers", "LOCKER_TOKEN_USED", "s", None),
        ("twilio-form", "sms.received", "s", Some(("content-type", "application/x-www-form-urlencoded"))),
        ("linear", "Issue", "s", Some(("linear-event", "Issue"))),
    ] {
        let url = target.url("/hook?a=b");
        let ran = run(["trigger", "--profile", profile, "--event", event, "--to", &url, "--secret", secret]);
        assert_eq!(ran.status, 0, "{profile}: {}", ran.stderr);
        assert!(ran.stdout.starts_with("accepted  200  "), "{}", ran.stdout);
        let received = target.request();
        assert_eq!(received.start, "POST /hook?a=b");
        assert!(verifies(profile, secret, &url, &received, any_time()), "{profile}");
        if let Some((name, value)) = header {
            assert_eq!(received.value(name), value, "{profile}");
        }
    }
}

/// A key that was made for the tests of the library.
fn key_file(name: &str) -> String {
    format!("{}/../hookseal/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn signatures_stand_where_the_vendor_puts_them() {
    let target = Target::answering(OK);
    let url = target.url("/hook");
    let hex = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    for (profile, event, secret) in [
        ("mailgun", "delivered", "key-fake"),
        ("adyen-payments", "CAPTURE", hex),
        ("ms-graph", "created", "state-1"),
    ] {
        let ran = run(["trigger", "--profile", profile, "--event", event, "--to", &url, "--secret", secret]);
        assert_eq!(ran.status, 0, "{profile}: {}", ran.stderr);
        assert!(verifies(profile, secret, &url, &target.request(), any_time()), "{profile}");
    }
    for (profile, event, key) in
        [("sendgrid", "delivered", "p256-a.pem"), ("aws-sns", "Notification", "rsa-a.pem")]
    {
        let key = key_file(key);
        let ran =
            run(["trigger", "--profile", profile, "--event", event, "--to", &url, "--secret-file", &key]);
        assert_eq!(ran.status, 0, "{profile}: {}", ran.stderr);
        let private = Secret::new(std::fs::read(&key).unwrap());
        let public = Profile::builtin(profile).unwrap().verifying_secret(Part::Delivery, &private);
        let public =
            public.unwrap_or_else(|_| Secret::new(std::fs::read(key_file("rsa-a.crt.pem")).unwrap()));
        let public = String::from_utf8(public.expose().to_vec()).unwrap();
        assert!(verifies(profile, &public, &url, &target.request(), any_time()), "{profile}");
    }
}

#[test]
fn each_of_several_is_an_event_of_its_own() {
    let target = Target::answering(OK);
    let url = target.url("/");
    let ran = run([
        "trigger",
        "--profile",
        "svix",
        "--event",
        "user.created",
        "--to",
        &url,
        "--secret",
        "whsec_c2VjcmV0",
        "--count",
        "3",
        "--json",
    ]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let mut ids = std::collections::BTreeSet::new();
    for line in lines {
        let received = target.request();
        assert_eq!(line["id"], received.value("svix-id"));
        assert_eq!((&line["ok"], &line["status"], &line["error"]), (&json!(true), &json!(200), &Value::Null));
        assert_eq!(line["body_bytes"], received.body.len());
        assert!(ids.insert((received.value("svix-id").to_owned(), received.body)));
    }
}

#[test]
fn id_time_headers_and_body_can_be_given() {
    let target = Target::answering(OK);
    let url = target.url("/");
    let files = Files::new();
    let body = files.write("body.json", "{\"own\": true}\n");
    let ran = run([
        "trigger",
        "--profile",
        "standard-webhooks",
        "--event",
        "mine",
        "--to",
        &url,
        "--body",
        &body,
        "--secret",
        "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
        "--id",
        "msg_7",
        "--timestamp",
        "2025-04-01T13:12:57Z",
        "--header",
        "Content-Type: text/x-mine",
        "--header",
        "x-own: 1",
    ]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let received = target.request();
    assert_eq!(received.body, b"{\"own\": true}\n");
    assert_eq!((received.value("webhook-id"), received.value("webhook-timestamp")), ("msg_7", "1743513177"));
    assert_eq!((received.value("content-type"), received.value("x-own")), ("text/x-mine", "1"));
    assert!(verifies("standard-webhooks", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=", &url, &received, any_time()));
    let ran = run_with_input(
        ["trigger", "--profile", "docker-hub", "--to", &url, "--body", "-"],
        b"any \x00 bytes",
    );
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(target.request().body, b"any \x00 bytes");
}

#[test]
fn what_allows_no_signature_is_sent_without_one() {
    let target = Target::answering(OK);
    let url = target.url("/");
    let ran = run(["trigger", "--profile", "harvestr", "--event", "feedback.created", "--to", &url]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(target.request().values("x-harvestr-webhook-signature").is_empty());
    let ran = run(["trigger", "--profile", "harmon", "--event", "ping", "--to", &url]);
    assert_eq!((ran.status, target.is_idle()), (2, true), "harmon signs everything");
}

#[test]
fn an_answer_that_is_no_success_is_shown() {
    let target = Target::answering(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 11\r\nconnection: close\r\n\r\nno \x1b[31mred\n",
    );
    let url = target.url("/");
    let common = ["trigger", "--profile", "harmon", "--event", "ping", "--secret", "s", "--to"];
    let ran = run(common.iter().copied().chain([url.as_str()]));
    assert_eq!(ran.status, 1);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("refused   401  ") && lines[1] == "  no \\u{1b}[31mred", "{lines:?}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = format!("http://{free}/");
    let ran = run(common.iter().copied().chain([down.as_str()]));
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.starts_with("failed    connection  "), "{}", ran.stdout);
    let ran = run(common.iter().copied().chain([down.as_str(), "--json"]));
    assert_eq!(
        (ran.status, &ran.json()["ok"], &ran.json()["error"]),
        (1, &json!(false), &json!("connection"))
    );
}

#[test]
fn what_it_sends_is_what_listen_takes() {
    let receiver = Running::start(["listen", "--profile", "zendesk", "--secret", "s", "--port", "0"]);
    let url = format!("http://{}/", receiver.address());
    let event = "zen:event-type:ticket.created";
    let ran = run(["trigger", "--profile", "zendesk", "--event", event, "--secret", "s", "--to", &url]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(receiver.line().starts_with("verified  200  POST /  "));
}

#[test]
fn samples_are_listed() {
    let ran = run(["trigger", "--list"]);
    assert_eq!(ran.status, 0);
    let all: usize = samples::profiles().map(|profile| samples::of(profile).len()).sum();
    assert_eq!(ran.stdout.lines().count(), all);
    insta::assert_snapshot!(run(["trigger", "--list", "--profile", "harbor-lockers"]).stdout, @r"
    harbor-lockers  LOCKER_TOKEN_CREATED  The user creates a token to open the locker
    harbor-lockers  LOCKER_TOKEN_USED     The token is used to open the locker
    harbor-lockers  DROPOFF_LINK_CREATED  A dropoff link is created: named in the document, whose example is missing
    ");
    let listed = run(["trigger", "--list", "--profile", "stripe", "--json"]).json();
    assert_eq!(listed[0]["event"], "checkout.session.completed");
    assert_eq!(listed[0]["origin"], "documented");
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let target = Target::answering(OK);
    let url = target.url("/");
    for (arguments, complaint) in [
        (&["--profile", "harmon", "--secret", "s", "--to", &url][..], "there are order.confirmed"),
        (
            &["--profile", "harmon", "--secret", "s", "--to", &url, "--event", "no"],
            "there are order.confirmed",
        ),
        (&["--profile", "box", "--secret", "s", "--to", &url, "--event", "no"], "give a body with --body"),
        (&["--profile", "harmon", "--secret", "", "--to", &url, "--event", "ping"], "invalid_secret"),
        (&["--profile", "harmon", "--secret", "s", "--to", "x", "--event", "ping"], "cannot be sent to"),
        (
            &["--profile", "harmon", "--secret", "s", "--to", &url, "--event", "ping", "--count", "0"],
            "--count",
        ),
        (
            &["--profile", "harmon", "--secret", "s", "--to", &url, "--event", "ping", "--header", "x"],
            "header 1",
        ),
        (&["--profile", "harmon", "--secret", "s", "--event", "ping"], "--to"),
        (&["--list", "--profile", "nobody"], "neither a profile nor a file"),
    ] {
        let ran = run(["trigger"].iter().chain(arguments));
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(complaint), "{complaint:?} is not in {}", ran.stderr);
    }
    assert!(target.is_idle());
}
