//! Which connections are opened, kept, and used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookseal_engine::ports::Transport;
use hookseal_engine::{EndpointTls, FailureKind};
use hookseal_transport::{HttpTransport, TransportConfig};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::support::{
    Names, Server, assert_failed, assert_ok, closed, config, eventually, outbound, post, read_request,
    transport,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::answering(OK).await;
    let transport = transport();
    for i in 0..200 {
        let result = post(&transport, &format!("http://{}/{i}", server.address)).await;
        assert_ok(&result);
        assert_eq!(result.address, Some(server.address));
        assert_eq!(result.phases.connect.is_some(), i == 0);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_at_once_have_a_connection_each_and_no_more() {
    let server = Server::answering(OK).await;
    let transport = Arc::new(transport());
    let mut senders = JoinSet::new();
    for _ in 0..16 {
        let (transport, url) = (Arc::clone(&transport), server.url());
        senders.spawn(async move {
            for _ in 0..100 {
                assert_ok(&post(&transport, &url).await);
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    assert!(server.accepted() <= 16, "{}", server.accepted());
}

#[tokio::test]
async fn an_answer_in_every_framing_leaves_the_connection_usable() {
    let answers = [
        "HTTP/1.1 204 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 X\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 2\r\n\r\nok",
    ];
    for answer in answers {
        let server = Server::answering(answer).await;
        let transport = transport();
        for _ in 0..5 {
            assert!(post(&transport, &server.url()).await.status.is_some());
        }
        assert_eq!(server.accepted(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_connection_that_may_not_be_kept_is_not() {
    let answers = [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        // More than was asked for: the next answer would be the wrong one.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
    ];
    for answer in answers {
        let server = Server::answering(answer.to_owned()).await;
        let transport = transport();
        for _ in 0..3 {
            assert_ok(&post(&transport, &server.url()).await);
        }
        assert_eq!(server.accepted(), 3, "{}", &answer[..60]);
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_within_the_attempt() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
    })
    .await;
    let transport = transport();
    for expected in 1..=20 {
        assert_ok(&post(&transport, &server.url()).await);
        assert_eq!(server.accepted(), expected);
    }
}

#[tokio::test]
async fn what_comes_on_an_idle_connection_is_nobodys_answer() {
    let (idle, is_idle) = tokio::sync::watch::channel(false);
    let (said, has_said) = tokio::sync::watch::channel(false);
    let server = Server::start(move |mut stream, number| {
        let (mut is_idle, said) = (is_idle.clone(), said.clone());
        async move {
            read_request(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            is_idle.wait_for(|idle| *idle).await.unwrap();
            if number == 0 {
                // As some proxies take leave of a connection that was idle for too long.
                stream.write_all(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                said.send_replace(true);
            }
            closed(&mut stream).await;
        }
    })
    .await;
    let transport = transport();
    assert_ok(&post(&transport, &server.url()).await);
    idle.send_replace(true);
    eventually("the endpoint has spoken out of turn", || *has_said.borrow()).await;
    // The runtime looks for I/O every 61 turns at the latest.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_ok(&post(&transport, &server.url()).await);
    assert_eq!(server.accepted(), 2);
}

/// Answers the first request of the first connection, and takes in a second without a word.
async fn silent_on_the_second(after: &'static str) -> Server {
    Server::start(move |mut stream, number| async move {
        read_request(&mut stream).await;
        if number == 0 {
            stream.write_all(OK.as_bytes()).await.unwrap();
            read_request(&mut stream).await;
        }
        stream.write_all(if number == 0 { "" } else { after }.as_bytes()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_closes_on_the_request_is_replaced_once() {
    let server = silent_on_the_second(OK).await;
    let transport1 = transport();
    assert_ok(&post(&transport1, &server.url()).await);
    let second = post(&transport1, &server.url()).await;
    assert_ok(&second);
    assert!(second.phases.connect.is_some());
    assert_eq!(server.accepted(), 2);

    let server = silent_on_the_second("").await;
    let transport2 = transport();
    assert_ok(&post(&transport2, &server.url()).await);
    assert_failed(&post(&transport2, &server.url()).await, FailureKind::Connection, "without an answer");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn an_answer_that_had_begun_is_not_asked_for_again() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200").await.unwrap();
    })
    .await;
    let transport = transport();
    assert_ok(&post(&transport, &server.url()).await);
    assert_failed(
        &post(&transport, &server.url()).await,
        FailureKind::Connection,
        "before its answer was whole",
    );
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let closings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&closings);
    let server = Server::start(move |mut stream, _| {
        let counter = Arc::clone(&counter);
        async move {
            read_request(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            closed(&mut stream).await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let config = TransportConfig { idle_timeout: Duration::from_millis(40), ..config() };
    let transport = HttpTransport::new(config).unwrap();
    // Twice, since the sweep ends with the last connection and has to begin again.
    for round in 1..=2 {
        assert_ok(&post(&transport, &server.url()).await);
        eventually("the idle connection is closed", || closings.load(Ordering::SeqCst) == round).await;
    }
}

#[tokio::test]
async fn idle_connections_are_bounded_over_all_endpoints() {
    let closings = Arc::new(AtomicUsize::new(0));
    let mut servers = Vec::new();
    for _ in 0..20 {
        let counter = Arc::clone(&closings);
        servers.push(
            Server::start(move |mut stream, _| {
                let counter = Arc::clone(&counter);
                async move {
                    while read_request(&mut stream).await.is_some() {
                        stream.write_all(OK.as_bytes()).await.unwrap();
                    }
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            })
            .await,
        );
    }
    let transport = HttpTransport::new(TransportConfig { idle_total: 5, ..config() }).unwrap();
    for server in &servers {
        assert_ok(&post(&transport, &server.url()).await);
    }
    eventually("all but five are closed", || closings.load(Ordering::SeqCst) == 15).await;
    for server in &servers[15..] {
        assert_ok(&post(&transport, &server.url()).await);
        assert_eq!(server.accepted(), 1);
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_closes_its_connection() {
    let (began, has_begun) = tokio::sync::watch::channel(false);
    let (ended, has_ended) = tokio::sync::watch::channel(false);
    let server = Server::start(move |mut stream, _| {
        let (began, ended) = (began.clone(), ended.clone());
        async move {
            read_request(&mut stream).await;
            began.send_replace(true);
            closed(&mut stream).await;
            ended.send_replace(true);
        }
    })
    .await;
    let transport = Arc::new(transport());
    let url = server.url();
    let attempt = tokio::spawn(async move { post(&transport, &url).await });
    eventually("the request is there", || *has_begun.borrow()).await;
    attempt.abort();
    eventually("the connection is closed", || *has_ended.borrow()).await;
}

#[tokio::test]
async fn a_dead_address_does_not_stop_the_others() {
    let server = Server::answering(OK).await;
    let names = Names::new("hooks.test", &[&["127.0.0.3", "127.0.0.4", "127.0.0.1"]]);
    let transport = HttpTransport::new(TransportConfig { resolver: Some(names), ..config() }).unwrap();
    let result = post(&transport, &format!("http://hooks.test:{}/", server.address.port())).await;
    assert_ok(&result);
    assert_eq!(result.address, Some(server.address));
    assert!(result.phases.dns.is_some());
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let server = Server::answering(OK).await;
    let port = server.address.port();
    let transport1 = transport();
    let result = post(&transport1, &format!("http://127.0.0.9:{port}/")).await;
    assert_failed(&result, FailureKind::Connection, &format!("127.0.0.9:{port} refused the connection"));
    assert_eq!((result.status, result.address), (None, None));

    let names = Names::new("hooks.test", &[&["127.0.0.3", "127.0.0.4"]]);
    let transport = HttpTransport::new(TransportConfig { resolver: Some(names), ..config() }).unwrap();
    let result = post(&transport, &format!("http://hooks.test:{port}/")).await;
    assert_failed(&result, FailureKind::Connection, "none of 2 addresses");
}

#[tokio::test]
async fn a_transport_outlives_the_runtime_that_used_it_first() {
    let transport = Arc::new(transport());
    for _ in 0..2 {
        let transport = Arc::clone(&transport);
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::answering(OK).await;
                assert_ok(&post(&transport, &server.url()).await);
                assert_ok(
                    &transport
                        .send(outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap()))
                        .await,
                );
            });
        })
        .await
        .unwrap();
    }
}
