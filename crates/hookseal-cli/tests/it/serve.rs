use std::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Files, Running, hookseal, request, run};

const KEY: &str = "hs_live_0123456789abcdef0123456789abcdef";

fn serve(files: &Files, more: &[&str]) -> Running {
    let data = files.path("data");
    Running::start(["serve", "--listen", "127.0.0.1:0", "--data", &data].iter().chain(more))
}

#[test]
fn starts_answers_and_stops_with_status_0() {
    let files = Files::new();
    let mut server = serve(&files, &[]);
    let address = server.address();
    assert_eq!(server.line(), format!("data directory {}", files.path("data")));
    let key_line = server.line();
    let key = key_line.strip_prefix("operator key (shown this once): ").unwrap();
    assert!(key.starts_with("hs_live_") && key.len() >= 32, "{key_line}");
    assert_eq!(request(&address, "GET", "/healthz", &[], b"").status, 200);
    assert_eq!(request(&address, "GET", "/readyz", &[], b"").status, 200);
    assert_eq!(request(&address, "GET", "/v1/webhooks", &[], b"").status, 401);
    let bearer = format!("Bearer {key}");
    let listed = request(&address, "GET", "/v1/webhooks", &[("authorization", &bearer)], b"");
    assert_eq!((listed.status, listed.json()), (200, json!({"data": [], "next": null})));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_key_is_shown_at_the_first_start_alone_and_goes_on_working() {
    let files = Files::new();
    let mut first = serve(&files, &[]);
    first.skip(2);
    let bearer = format!("Bearer {}", first.line().rsplit_once(' ').unwrap().1);
    first.signal("INT");
    assert_eq!(first.wait().code(), Some(0));
    let mut second = serve(&files, &[]);
    let address = second.address();
    assert_eq!(request(&address, "GET", "/v1/webhooks", &[("authorization", &bearer)], b"").status, 200);
    second.signal("TERM");
    let rest = second.rest();
    assert_eq!(rest, [format!("data directory {}", files.path("data"))]);
    assert_eq!(second.wait().code(), Some(0));
}

#[test]
fn a_key_that_is_given_is_taken_and_not_shown() {
    let files = Files::new();
    let data = files.path("data");
    let mut command = hookseal();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data", &data]).env("HOOKSEAL_OPERATOR_KEY", KEY);
    let mut server = Running::spawn(&mut command);
    let address = server.address();
    let bearer = format!("Bearer {KEY}");
    assert_eq!(request(&address, "GET", "/v1/webhooks", &[("authorization", &bearer)], b"").status, 200);
    server.signal("TERM");
    assert_eq!(server.rest(), [format!("data directory {data}")]);
    let (status, log) = server.wait_for_complaint();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains(KEY), "{log}");
}

#[test]
fn a_key_that_is_not_one_is_refused() {
    let files = Files::new();
    for key in ["sk_live_0123456789abcdef0123456789abcdef", "hs_live_short", ""] {
        let ran =
            run(["serve", "--listen", "127.0.0.1:0", "--data", &files.path("data"), "--operator-key", key]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{key}");
        assert!(ran.stderr.contains("operator key"), "{}", ran.stderr);
        assert!(key.is_empty() || !ran.stderr.contains(key), "{}", ran.stderr);
    }
}

#[test]
fn everything_wrong_with_the_settings_is_said_at_once() {
    let files = Files::new();
    let config = files.write("hookseal.toml", "listen = 8040\ncolour = \"blue\"\n");
    let ran = run(["serve", "--config", &config, "--max-body", "9999999", "--allow-network", "ten"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ran.stderr.replace(&config, "hookseal.toml"), @r"
    hookseal: 4 settings are not right
      hookseal.toml:1:10: listen: a text in quotes is needed
      hookseal.toml:2:1: colour: no such setting; the settings are listen, data, allow_networks, deny_networks, egress_proxy, egress_proxy_trusted, egress_proxy_bypass, user_agent, operator_key, max_body, retention, log, log_format
      --allow-network: `ten` is not a network such as 10.0.0.0/8
      --max-body: `9999999` is not a number of bytes from 1 to 1048576
    ");
}

#[test]
fn settings_come_from_the_file_too() {
    let files = Files::new();
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = \"{}\"\nmax_body = 10\noperator_key = \"{KEY}\"\n",
        files.path("data")
    );
    let config = files.write("hookseal.toml", text);
    let mut server = Running::start(["serve", "--config", &config]);
    let address = server.address();
    let bearer = format!("Bearer {KEY}");
    let publish = |payload: &str| {
        let body = format!("{{\"type\":\"a\",\"payload\":\"{payload}\"}}");
        request(&address, "POST", "/v1/events", &[("authorization", &bearer)], body.as_bytes()).status
    };
    assert_eq!(publish("12345678"), 202);
    assert_eq!(publish("123456789"), 413);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let files = Files::new();
    let first = serve(&files, &[]);
    first.line();
    let (status, complaint) = serve(&files, &[]).wait_for_complaint();
    assert_eq!(status.code(), Some(1));
    assert!(complaint.contains("is in use by another process"), "{complaint}");
}

#[test]
fn a_port_that_is_taken_is_refused_before_a_key_is_made() {
    let files = Files::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(["serve", "--listen", &address, "--data", &files.path("data")]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains(&format!("cannot listen at {address}")), "{}", ran.stderr);
    let server = serve(&files, &[]);
    server.skip(2);
    assert!(server.line().starts_with("operator key (shown this once): "));
}

#[test]
fn a_directory_or_a_database_of_no_use_is_refused() {
    let files = Files::new();
    let file = files.write("file", "");
    let ran = run(["serve", "--listen", "127.0.0.1:0", "--data", &file]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("cannot write to the data directory"), "{}", ran.stderr);
    let data = files.path("data");
    std::fs::create_dir(&data).unwrap();
    files.write(
        "data/hookseal.db",
        "this is no database, and long enough to be looked at as one: ".repeat(100),
    );
    let ran = run(["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("hookseal.db"), "{}", ran.stderr);
}

#[test]
fn the_log_can_be_json() {
    let files = Files::new();
    let mut server = serve(&files, &["--log-format", "json"]);
    server.skip(3);
    server.signal("TERM");
    let (status, log) = server.wait_for_complaint();
    assert_eq!(status.code(), Some(0));
    assert!(!log.is_empty());
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].is_string(), "{line}");
    }
}

#[test]
fn what_hangs_is_cut_and_the_process_ends_within_15_s() {
    let (_files, mut server, _held) = serve_with_an_attempt_under_way();
    server.signal("TERM");
    let stopping = now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(15));
}

#[expect(clippy::disallowed_methods, reason = "the promise is about the real time that the process takes")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (_files, mut server, _held) = serve_with_an_attempt_under_way();
    server.signal("TERM");
    server.signal("INT");
    let code = server.wait().code();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
}

/// A server that delivers to an endpoint which takes the connection and never answers. The connection is returned, as
/// the attempt is over when it is dropped.
fn serve_with_an_attempt_under_way() -> (Files, Running, TcpStream) {
    let files = Files::new();
    let server = serve(&files, &["--operator-key", KEY, "--allow-network", "127.0.0.0/8"]);
    let address = server.address();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bearer = format!("Bearer {KEY}");
    let call = |path: &str, body: &str| {
        request(&address, "POST", path, &[("authorization", &bearer)], body.as_bytes()).status
    };
    let endpoint = format!("http://{}/", silent.local_addr().unwrap());
    let webhook = json!({"endpoint_url": endpoint, "timeout_ms": 60_000});
    assert_eq!(call("/v1/webhooks", &webhook.to_string()), 201);
    assert_eq!(call("/v1/events", r#"{"type":"a","payload":1}"#), 202);
    let (held, _) = silent.accept().unwrap();
    (files, server, held)
}
