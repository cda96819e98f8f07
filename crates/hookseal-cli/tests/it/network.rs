//! Where deliveries go, and what an attempt shows of it: the server from outside, over real sockets.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use crate::support::{Answer, Files, Running, request};
use crate::target::Target;

const KEY: &str = "hs_live_0123456789abcdef0123456789abcdef";

const BUSY: &str =
    "HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\nretry-after: 7\r\ncontent-length: 10\r\n\r\ncome again";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const FORBIDDEN: &[u8] = b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n";

struct Server {
    running: Running,
    address: String,
    _files: Files,
}

impl Server {
    fn start(more: &[&str]) -> Self {
        let files = Files::new();
        let data = files.path("data");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", &data, "--operator-key", KEY];
        let running = Running::start(arguments.iter().chain(more));
        let address = running.address();
        Self { running, address, _files: files }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {KEY}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request(&self.address, method, path, &[("authorization", &bearer)], body.as_bytes())
    }

    fn subscribe(&self, endpoint_url: &str) -> String {
        let body = json!({ "endpoint_url": endpoint_url, "headers": { "x-token": "swordfish" } });
        let created = self.call("POST", "/v1/webhooks", &body);
        assert_eq!(created.status, 201);
        created.json()["id"].as_str().unwrap().to_owned()
    }

    /// The attempt of a test delivery: as it is answered with, and as it is stored.
    fn ping(&self, webhook: &str) -> (Value, Value) {
        let pinged = self.call("POST", &format!("/v1/webhooks/{webhook}/ping"), &Value::Null);
        assert_eq!(pinged.status, 200);
        let pinged = pinged.json();
        let delivery = pinged["delivery_id"].as_str().unwrap();
        let attempts = self.call("GET", &format!("/v1/deliveries/{delivery}/attempts"), &Value::Null).json();
        (pinged["attempt"].clone(), attempts["data"][0].clone())
    }

    fn stop(mut self) {
        self.running.signal("TERM");
        assert_eq!(self.running.wait().code(), Some(0));
    }
}

#[test]
fn a_failed_attempt_shows_what_went_out_and_what_came_back() {
    let target = Target::answering(BUSY);
    let server = Server::start(&["--allow-network", "127.0.0.0/8", "--user-agent", "Example-Webhooks/3"]);
    let webhook = server.subscribe(&target.url("/hook"));
    let (_, attempt) = server.ping(&webhook);
    assert_eq!(attempt["status_code"], 503);
    assert_eq!(attempt["error"]["kind"], "status");
    let sent = &attempt["request_headers"];
    assert_eq!((&sent["user-agent"], &sent["x-token"]), (&json!("Example-Webhooks/3"), &json!("***")));
    assert!(sent["webhook-signature"].as_str().unwrap().starts_with("v1,"));
    assert_eq!(attempt["response"]["body"], "come again");
    assert_eq!(attempt["response"]["headers"]["content-type"], "text/plain");
    assert_eq!(attempt["response"]["headers"]["retry-after"], "7");
    assert!(attempt["retry_after"].is_string());
    let phases = &attempt["phases_ms"];
    for phase in ["connect", "first_byte", "total"] {
        assert!(phases[phase].as_f64().unwrap() > 0.0, "{attempt}");
    }
    assert_eq!((&phases["dns"], &phases["tls"]), (&Value::Null, &Value::Null));
    let address = target.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert_eq!(attempt["address"], address);
    assert_eq!((&attempt["http_version"], &attempt["proxy"]), (&json!("HTTP/1.1"), &Value::Null));
    assert_eq!(target.request().value("user-agent"), "Example-Webhooks/3");
    server.stop();
}

#[test]
fn a_success_is_kept_as_its_status_and_duration() {
    let target = Target::answering(OK);
    let server = Server::start(&["--allow-network", "127.0.0.0/8"]);
    let webhook = server.subscribe(&target.url("/hook"));
    let (made, kept) = server.ping(&webhook);
    assert_eq!((&made["response"]["body"], &made["http_version"]), (&json!("ok"), &json!("HTTP/1.1")));
    assert_eq!((&kept["status_code"], &kept["error"]), (&json!(200), &Value::Null));
    for field in ["request_headers", "response", "address", "http_version", "proxy", "retry_after"] {
        assert_eq!(kept[field], Value::Null, "{field}");
    }
    assert!(kept["duration_ms"].is_number() && kept["phases_ms"]["connect"].is_null());
    server.stop();
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = proxy.local_addr().unwrap();
    // Ends with the test process.
    thread::spawn(move || {
        for mut stream in proxy.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(FORBIDDEN).unwrap();
        }
    });
    let url = format!("http://user:swordfish@{host}");
    let server = Server::start(&["--allow-network", "127.0.0.0/8", "--egress-proxy", &url]);
    let webhook = server.subscribe("https://127.0.0.1:9/hook");
    let (_, attempt) = server.ping(&webhook);
    assert_eq!(attempt["error"]["kind"], "proxy");
    assert_eq!(attempt["proxy"], format!("http://{host}"));
    assert!(attempt["error"]["detail"].as_str().unwrap().contains("refused to connect to 127.0.0.1:9"));
    assert!(!attempt.to_string().contains("swordfish"));
    server.stop();
}

#[test]
fn what_may_not_be_connected_to_is_refused_at_creation() {
    let server = Server::start(&["--deny-network", "8.8.8.0/24"]);
    for (url, words) in [
        ("https://2130706433/", "127.0.0.1 is not allowed"),
        ("https://0x7f.1/", "127.0.0.1 is not allowed"),
        ("https://[::ffff:169.254.169.254]/", "169.254.169.254 is not allowed"),
        ("https://134744072/", "8.8.8.8 is not allowed"),
        ("http://example.com/", "use `https`"),
    ] {
        let refused = server.call("POST", "/v1/webhooks", &json!({ "endpoint_url": url }));
        let problem = refused.json().to_string();
        assert!((400..500).contains(&refused.status) && problem.contains(words), "{url}: {problem}");
    }
    server.stop();
}

#[test]
fn certificates_that_are_of_no_use_are_problems_of_their_fields() {
    let server = Server::start(&[]);
    let mut body = json!({ "endpoint_url": "https://hooks.example/", "ca_certificates": "no PEM" });
    let refused = server.call("POST", "/v1/webhooks", &body);
    let problem = refused.json().to_string();
    assert!((400..500).contains(&refused.status), "{problem}");
    assert!(
        problem.contains("ca_certificates") && problem.contains("-----BEGIN CERTIFICATE-----"),
        "{problem}"
    );
    body = json!({ "endpoint_url": "https://hooks.example/", "client_certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "client_key": "swordfish" });
    let refused = server.call("POST", "/v1/webhooks", &body);
    let problem = refused.json().to_string();
    assert!((400..500).contains(&refused.status), "{problem}");
    assert!(problem.contains("client_key") && !problem.contains("swordfish"), "{problem}");
    server.stop();
}

#[test]
fn a_port_where_nobody_listens_is_said_to_refuse() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start(&["--allow-network", "127.0.0.0/8"]);
    let webhook = server.subscribe(&format!("http://{free}/"));
    let (_, attempt) = server.ping(&webhook);
    assert_eq!(attempt["error"]["kind"], "connection");
    assert_eq!((&attempt["response"], &attempt["status_code"]), (&Value::Null, &Value::Null));
    server.stop();
}
