//! The examples, started as programs and sent signed requests.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hookseal::{Profile, Timestamp};

use crate::support::{SECRET, builtin, signed};

const PATIENCE: Duration = Duration::from_secs(10);

/// A running example. Killed when dropped.
struct Example {
    child: Child,
    address: SocketAddr,
}

impl Example {
    /// Starts an example with these environment variables, and waits until it says where it listens.
    fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary(name))
            .env("LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on http://").map(|address| address.parse().unwrap());
        let address = address.unwrap_or_else(|| panic!("{name} did not start: {line}"));
        Self { child, address }
    }

    /// Posts a body with headers, and returns the status and the body of the answer.
    fn post(&self, path: &str, headers: &[(String, String)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    /// Posts what a profile signs, now, and then the same with a signature that was tampered with.
    fn take_and_refuse(&self, path: &str, profile: &Profile, body: &str) -> (u16, String) {
        let headers = signed(profile, SECRET, now(), body.as_bytes());
        let forged = format!("{body} forged");
        assert_eq!(self.post(path, &headers, &forged).0, 401);
        assert_eq!(self.post(path, &[], body).0, 401);
        self.post(path, &headers, body)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Cargo builds examples with the tests, in a folder beside theirs.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not there: run the tests of the whole package", path.display());
    path
}

/// The examples have the system's clock, so what they are sent is signed by it.
#[expect(clippy::disallowed_methods, reason = "an example is another process, which has the system's clock")]
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_seconds(since_epoch.as_secs().cast_signed())
}

#[test]
fn harbor_node_answers_as_the_document_does() {
    let example = Example::start("harbor_node", &[("HARBOR_CALLBACK_SIGNING_SECRET", SECRET)]);
    let body = r#"{"event":"execution.completed","execution":{"executionId":"exec_1"}}"#;
    let (status, answer) = example.take_and_refuse("/harbor/executions", builtin("harbor-node"), body);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let expected = serde_json::json!({"ok": true, "executionId": "exec_1", "event": "execution.completed"});
    assert_eq!((status, answer), (202, expected));
}

#[test]
fn harbor_node_has_headers_and_reasons_as_configured() {
    let example = Example::start(
        "harbor_node",
        &[
            ("HARBOR_CALLBACK_SIGNING_SECRET", SECRET),
            ("HARBOR_SIGNATURE_HEADER", "x-acme-signature"),
            ("HARBOR_TIMESTAMP_HEADER", "x-acme-timestamp"),
            ("HARBOR_DEVELOPMENT", "1"),
        ],
    );
    let mut headers = signed(builtin("harbor-node"), SECRET, now(), b"{}");
    let (status, answer) = example.post("/harbor/executions", &headers, "{}");
    assert!(status == 401 && answer.contains(r#""reason":"missing_signature_headers""#), "{answer}");
    headers.iter_mut().for_each(|(name, _)| *name = name.replace("x-harbor", "x-acme"));
    assert_eq!(example.post("/harbor/executions", &headers, "{}").0, 202);
}

#[test]
fn harbor_lockers_takes_events() {
    let example = Example::start("harbor_lockers", &[("HARBOR_SHARED_SECRET", SECRET)]);
    let body = r#"{"event": "LOCKER_OPERATION", "data": {"locker_id": 9, "source": "LOCKER_TOKEN_USED"}}"#;
    let answer = example.take_and_refuse("/harbor/lockers", builtin("harbor-lockers"), body);
    assert_eq!(answer, (200, r#"locker 9: "LOCKER_TOKEN_USED""#.to_owned()));
}

#[test]
fn harbor_transfers_takes_either_secret() {
    let secrets = [("HARBOR_SIGNING_SECRET", "whs_the_next"), ("HARBOR_PREVIOUS_SECRET", SECRET)];
    let example = Example::start("harbor_transfers", &secrets);
    let body = r#"{"status":"completed","application_transfer_uuid":"00000000-0000-4000-8000-000000000001"}"#;
    let answer = example.take_and_refuse("/harbor/transfers", builtin("harbor-transfers"), body);
    let expected = "transfer 00000000-0000-4000-8000-000000000001: \"completed\", by secret 1";
    assert_eq!(answer, (200, expected.to_owned()));
}

#[test]
fn harvestr_takes_events() {
    let example = Example::start("harvestr", &[("HARVESTR_SECRET_TOKEN", SECRET)]);
    let answer = example.take_and_refuse("/harvestr", builtin("harvestr"), r#"{"event":"feedback.created"}"#);
    assert_eq!(answer, (200, String::new()));
}

#[test]
fn harmon_believes_the_body_and_not_the_header() {
    let example = Example::start("harmon", &[("HARMON_SIGNING_SECRET", SECRET)]);
    let body = r#"{"type":"order.confirmed","data":{"order_id":"ord_1"}}"#;
    let mut headers = signed(builtin("harmon"), SECRET, now(), body.as_bytes());
    headers.push(("x-harmon-event".to_owned(), "order.shipped".to_owned()));
    assert_eq!(example.post("/harmon/webhook", &headers, body).0, 400);
    let answer = example.take_and_refuse("/harmon/webhook", builtin("harmon"), body);
    assert_eq!(answer, (200, "handled order.confirmed".to_owned()));
    // It was handled, and is not handled again.
    let again =
        example.post("/harmon/webhook", &signed(builtin("harmon"), SECRET, now(), body.as_bytes()), body);
    assert_eq!(again, (200, String::new()));
}

#[test]
fn an_example_without_a_secret_does_not_start() {
    for name in ["harbor_node", "harbor_lockers", "harbor_transfers", "harvestr", "harmon"] {
        let output = Command::new(binary(name)).env("LISTEN", "127.0.0.1:0").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("to the secret of the webhook"), "{name}: {said}");
    }
}
