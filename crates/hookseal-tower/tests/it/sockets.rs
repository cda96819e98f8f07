//! Receivers behind real sockets.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::post};
use hookseal_tower::{MemoryGuard, Receiver, Verified};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::{NOW, SECRET, builtin, receiver, signed};

const PATIENCE: Duration = Duration::from_secs(10);

async fn serve(receiver: Receiver) -> SocketAddr {
    let handle = |verified: Verified| async move { verified.body().len().to_string() };
    let app = Router::new().route("/hooks", post(handle).layer(receiver.layer()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}

#[expect(clippy::disallowed_methods, reason = "a client of the receiver's own tests, on loopback")]
async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends these bytes and reads until the connection is closed, or `enough` was read.
async fn exchange(address: SocketAddr, bytes: &[u8], enough: &str) -> String {
    let mut stream = connect(address).await;
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(enough) {
            if stream.read_buf(&mut read).await.unwrap() == 0 {
                break;
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("an answer comes in time");
    String::from_utf8(read).unwrap()
}

/// The head of a request that Harbor Transfers signed over `body`, with further lines.
fn head(body: &[u8], further: &str) -> String {
    let mut head = format!("POST /hooks HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{further}");
    for (name, value) in signed(builtin("harbor-transfers"), SECRET, NOW, body) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn with_length(body: &str) -> String {
    head(body.as_bytes(), &format!("content-length: {}\r\n", body.len())) + body
}

#[tokio::test]
async fn a_signed_request_is_handled_and_a_changed_one_is_not() {
    let address = serve(receiver("harbor-transfers").build().unwrap()).await;
    let answer = exchange(address, with_length("{\"a\":1}").as_bytes(), "never").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n7"), "{answer}");
    let changed = with_length("{\"a\":1}").replace("{\"a\":1}", "{\"a\":2}");
    let answer = exchange(address, changed.as_bytes(), "never").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let address = serve(receiver("harbor-transfers").build().unwrap()).await;
    let request =
        head(b"{\"a\":1}", "transfer-encoding: chunked\r\n") + "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    let answer = exchange(address, request.as_bytes(), "never").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("7"), "{answer}");
}

#[tokio::test]
async fn a_header_that_stands_twice_is_seen() {
    let address = serve(receiver("harbor-transfers").build().unwrap()).await;
    let request = with_length("{}");
    let line = request.lines().find(|line| line.starts_with("harbor-signature")).unwrap().to_owned();
    let twice = request.replace(&line, &format!("{line}\r\nHarbor-Signature: t=1,v1=00"));
    let answer = exchange(address, twice.as_bytes(), "never").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn who_asks_before_sending_too_much_is_told_not_to() {
    let address = serve(receiver("harbor-transfers").max_body(100).build().unwrap()).await;
    let request = head(b"", "content-length: 101\r\nexpect: 100-continue\r\n");
    let answer = exchange(address, request.as_bytes(), "body_too_large").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let request = head(b"{}", "content-length: 2\r\nexpect: 100-continue\r\n");
    let answer = exchange(address, request.as_bytes(), "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let receiver = receiver("harbor-transfers").read_timeout(Duration::from_millis(50)).build().unwrap();
    let address = serve(receiver).await;
    let request = head(b"{}", "content-length: 2\r\n") + "{";
    let answer = exchange(address, request.as_bytes(), "body_too_slow").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_replayed_request_is_handled_once() {
    let receiver = receiver("harbor-transfers").replay(MemoryGuard::new()).build().unwrap();
    let address = serve(receiver).await;
    let request = with_length("{}");
    let first = exchange(address, request.as_bytes(), "never").await;
    assert!(first.starts_with("HTTP/1.1 200 ") && first.ends_with("\r\n\r\n2"), "{first}");
    let again = exchange(address, request.as_bytes(), "never").await;
    assert!(again.starts_with("HTTP/1.1 200 ") && again.ends_with("\r\n\r\n"), "{again}");
}
