//! Listening on a socket: connections, their bounds, and how they end.

use std::{net::SocketAddr, time::Duration};

use hookseal_server::{ServerConfig, serve};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    client::{Client, request},
    world::{LIVE, PATIENCE, World},
};

const EVENT: &str = r#"{"type":"a","payload":{"n": 1}}"#;

/// A server on loopback.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    pub(crate) async fn start(world: &World, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, over) = oneshot::channel::<()>();
        let app = world.app.clone();
        let server = tokio::spawn(async move {
            let over = async {
                over.await.ok();
            };
            serve(listener, app, &config, over).await
        });
        Self { address, shutdown, server }
    }

    /// Asks the server to stop, without waiting for it.
    pub(crate) fn ask_to_stop(self) -> JoinHandle<std::io::Result<()>> {
        self.shutdown.send(()).unwrap();
        self.server
    }

    pub(crate) async fn stop(self) {
        timeout(PATIENCE, self.ask_to_stop()).await.unwrap().unwrap().unwrap();
    }
}

async fn world_and(config: ServerConfig) -> (World, Listening) {
    let world = World::with(config.clone()).await;
    let listening = Listening::start(&world, config).await;
    (world, listening)
}

#[tokio::test]
async fn a_connection_is_kept() {
    let (world, server) = world_and(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    for _ in 0..3 {
        let answer = client.call("POST", "/v1/events", Some(LIVE), EVENT).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    client
        .send(
            [request("GET", "/healthz", None, ""), request("POST", "/v1/events", Some(LIVE), EVENT)].concat(),
        )
        .await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert_eq!(client.answer().await.unwrap().status, 202);
    assert_eq!(world.engine.stats().accepted, 4);
    server.stop().await;
}

#[tokio::test]
async fn a_problem_is_framed_as_it_is_long() {
    let (_world, server) = world_and(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("POST", "/v1/events", 401),
        ("PUT", "/v1/events", 405),
        ("GET", "/v1/webhooks/x", 401),
    ] {
        let answer = client.call(method, path, None, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.starts_with('{') && answer.body.ends_with('}'), "{answer:?}");
    }
    client.send(request("HEAD", "/nowhere", None, "")).await;
    client.send(request("GET", "/healthz", None, "")).await;
    let head = client.head().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    assert_eq!(client.answer().await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_body_in_pieces_keeps_its_bytes() {
    let (world, server) = world_and(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let payload = format!(r#"{{ "a" : 1.0,"b":"{}" }}"#, "é\\u00e9".repeat(20_000));
    let body = format!(r#"{{"type":"a","payload":{payload}}}"#);
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {LIVE}\r\n");
    client.send(format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
    for chunk in body.as_bytes().chunks(777) {
        client.send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await;
    }
    client.send("0\r\nx-trailer: 1\r\n\r\n").await;
    let chunked = client.answer().await.unwrap();
    client.send(format!("{head}content-length: {}\r\n\r\n", body.len())).await;
    for piece in body.as_bytes().chunks(30_000) {
        client.send(piece).await;
    }
    let plain = client.answer().await.unwrap();
    for answer in [chunked, plain] {
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.body.split('"').nth(3).unwrap().to_owned();
        assert!(
            world
                .get(&format!("/v1/events/{id}"))
                .await
                .text()
                .ends_with(&format!("\"payload\":{payload}}}"))
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused_before_it_is_read() {
    let (_world, server) = world_and(ServerConfig { body_bytes_max: 3000, ..ServerConfig::default() }).await;
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {LIVE}\r\n");
    let most = 4000 + 64 * 1024;
    let mut client = Client::connect(server.address).await;
    client.send(format!("{head}content-length: {}\r\n\r\n", most + 1)).await;
    let announced = client.answer().await.unwrap();
    assert_eq!(announced.status, 413);
    assert!(
        announced.body.contains("body_too_large") && announced.body.contains(&most.to_string()),
        "{announced:?}"
    );
    client.ended().await;

    let mut client = Client::connect(server.address).await;
    client.send(format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n", most + 1)).await;
    client.send(vec![b' '; most + 1]).await;
    assert_eq!(client.answer().await.unwrap().status, 413);
    client.ended().await;
    server.stop().await;
}

#[tokio::test]
async fn a_key_is_asked_for_before_the_body() {
    let (_world, server) = world_and(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_given_up() {
    let (_world, server) =
        world_and(ServerConfig { idle_timeout: Duration::from_millis(100), ..ServerConfig::default() }).await;
    let mut silent = Client::connect(server.address).await;
    let mut slow = Client::connect(server.address).await;
    slow.send("POST /v1/events HTT").await;
    let mut idle = Client::connect(server.address).await;
    assert_eq!(idle.call("GET", "/healthz", None, "").await.status, 200);
    tokio::join!(silent.ended(), slow.ended(), idle.ended());
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_worked_on_is_not_idle() {
    let (world, server) =
        world_and(ServerConfig { idle_timeout: Duration::from_millis(40), ..ServerConfig::default() }).await;
    let webhook = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    world.transport.hold(true);
    let mut client = Client::connect(server.address).await;
    client.send(request("POST", &format!("/v1/webhooks/{webhook}/ping"), Some(LIVE), "")).await;
    // Others come and go by the same clock: when they were given up, this one would have been too.
    for _ in 0..3 {
        Client::connect(server.address).await.ended().await;
    }
    world.transport.hold(false);
    assert_eq!(client.answer().await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let (_world, server) =
        world_and(ServerConfig { request_timeout: Duration::from_millis(100), ..ServerConfig::default() })
            .await;
    let mut client = Client::connect(server.address).await;
    let whole = request("POST", "/v1/events", Some(LIVE), EVENT);
    client.send(&whole[..whole.len() - 5]).await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("request_timeout"), "{answer:?}");
    client.ended().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let (_world, server) =
        world_and(ServerConfig { idle_timeout: Duration::from_millis(200), ..ServerConfig::default() }).await;
    let mut client = Client::connect(server.address).await;
    let burst = request("GET", "/v1/profiles/harvestr", Some(LIVE), "").repeat(100);
    let mut bursts = 0;
    while client.try_send(&burst).await.is_ok() {
        bursts += 1;
        assert!(bursts < 100_000, "the server takes requests without end");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (_world, server) = world_and(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: test\r\nx-long: {}\r\n\r\n", "x".repeat(33 * 1024));
    client.send(head).await;
    assert_eq!(client.answer().await.unwrap().status, 431);
    let mut client = Client::connect(server.address).await;
    client.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\0bad: 1\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 400);
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_wait() {
    let (_world, server) = world_and(ServerConfig { max_connections: 1, ..ServerConfig::default() }).await;
    let mut first = Client::connect(server.address).await;
    assert_eq!(first.call("GET", "/healthz", None, "").await.status, 200);
    let mut second = Client::connect(server.address).await;
    second.send(request("GET", "/healthz", None, "")).await;
    assert_eq!(first.call("GET", "/healthz", None, "").await.status, 200);
    drop(first);
    assert_eq!(second.answer().await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn stopping_ends_what_is_idle_and_waits_for_what_is_not() {
    let (world, server) = world_and(ServerConfig::default()).await;
    let webhook = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    world.transport.hold(true);
    let address = server.address;
    let mut idle = Client::connect(address).await;
    assert_eq!(idle.call("GET", "/healthz", None, "").await.status, 200);
    let mut busy = Client::connect(address).await;
    busy.send(request("POST", &format!("/v1/webhooks/{webhook}/ping"), Some(LIVE), "")).await;
    let sent = async {
        while world.transport.sent().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, sent).await.unwrap();

    let server = server.ask_to_stop();
    idle.ended().await;
    assert!(Client::try_connect(address).await.is_err(), "it still accepts");
    assert!(!server.is_finished());
    world.transport.hold(false);
    let answer = busy.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("connection").as_str()), (200, "close"));
    busy.ended().await;
    timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn stopping_has_an_end() {
    let (world, server) =
        world_and(ServerConfig { drain: Duration::from_millis(50), ..ServerConfig::default() }).await;
    let webhook = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    world.transport.hold(true);
    let mut busy = Client::connect(server.address).await;
    busy.send(request("POST", &format!("/v1/webhooks/{webhook}/ping"), Some(LIVE), "")).await;
    let sent = async {
        while world.transport.sent().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, sent).await.unwrap();
    server.stop().await;
    busy.ended().await;
}
