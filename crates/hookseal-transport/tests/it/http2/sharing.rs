//! Requests that share a connection, and what becomes of them when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::ports::Transport;
use hookseal_engine::{EndpointTls, FailureKind};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::raw::{CANCEL, GOAWAY, PING, REFUSED_STREAM, RST_STREAM, Raw};
use crate::authority::{Authority, HOST, Handshakes, serve_with, url};
use crate::support::{
    Server, assert_failed, assert_ok, closed, eventually, outbound, post, post_a_thousand_times,
};

/// Serves a connection by the protocol as it should be: `answer` is called for every request with its whole body.
async fn serve_connection<F>(
    stream: TlsStream<TcpStream>,
    streams_max: u32,
    answer: impl Fn(Request<()>, Vec<u8>) -> F,
) where
    F: Future<Output = Response<Bytes>> + Send + 'static,
{
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(streams_max);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, mut body) = request.into_parts();
        let read = async move {
            let mut bytes = Vec::new();
            while let Some(Ok(part)) = body.data().await {
                body.flow_control().release_capacity(part.len()).unwrap();
                bytes.extend_from_slice(&part);
            }
            bytes
        };
        // Bodies go by the connection's windows, so that they are read while it is driven.
        let bytes = tokio::select! {
            bytes = read => bytes,
            _ = std::future::poll_fn(|cx| connection.poll_closed(cx)) => return,
        };
        let answer = answer(Request::from_parts(head, ()), bytes);
        tokio::spawn(async move {
            let (head, body) = answer.await.into_parts();
            let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), body.is_empty())
            else {
                return;
            };
            if !body.is_empty() {
                stream.send_data(body, true).ok();
            }
        });
    }
}

async fn serve_raw<F>(
    authority: &Authority,
    serve: impl Fn(Raw, usize) -> F + Clone + Send + Sync + 'static,
) -> (Server, Arc<Handshakes>)
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_with(authority.issue_http2(), move |stream, number| {
        let serve = serve.clone();
        async move { serve(Raw::accept(stream).await, number).await }
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_picks_it_is_spoken_to_in_it() {
    let authority = Authority::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let (server, handshakes) = serve_with(authority.issue_http2(), move |stream, _| {
        let sink = Arc::clone(&sink);
        async move {
            let answer = |request, body| {
                sink.lock().push((request, body));
                let answer = Response::builder().status(StatusCode::ACCEPTED).header("x-a", "b");
                std::future::ready(answer.body(Bytes::from_static(b"taken")).unwrap())
            };
            serve_connection(stream, 10, answer).await;
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    let endpoint = transport
        .endpoint(&format!("https://{HOST}:{}/a/b?c=%20d", server.address.port()), &EndpointTls::default())
        .unwrap();
    for number in 0..20 {
        let mut outbound = outbound(Arc::clone(&endpoint));
        outbound.body = Bytes::from(format!("{{\"number\":{number}}}"));
        outbound.headers = vec![(HeaderName::from_static("x-n"), HeaderValue::from(number))];
        let result = transport.send(outbound).await;
        assert_eq!((result.status, result.failure), (Some(202), None));
        assert_eq!(result.response_body, "taken");
        assert!(result.response_headers.contains(&("x-a".to_owned(), "b".to_owned())));
        assert_eq!(result.address, Some(server.address));
        assert_eq!(result.phases.tls.is_some(), number == 0);
        assert!(result.phases.first_byte.is_some());
    }
    let seen = seen.lock();
    assert_eq!((seen.len(), handshakes.all()), (20, 1));
    let (request, body) = &seen[7];
    assert_eq!((request.method().as_str(), request.version()), ("POST", Version::HTTP_2));
    assert_eq!(request.uri().to_string(), format!("https://{HOST}:{}/a/b?c=%20d", server.address.port()));
    assert_eq!((request.headers()["x-n"].as_bytes(), body.as_slice()), (&b"7"[..], &b"{\"number\":7}"[..]));
    assert!(!request.headers().contains_key("host"));
    assert_eq!(request.headers()["content-length"], "12");
}

#[tokio::test]
async fn a_large_body_goes_out_whole_and_an_empty_one_too() {
    let authority = Authority::new();
    let (server, _) = serve_with(authority.issue_http2(), |stream, _| async move {
        let echo = |_, body: Vec<u8>| {
            let is_whole = body.iter().enumerate().all(|(i, byte)| *byte == i as u8);
            std::future::ready(Response::new(Bytes::from(format!("{} {is_whole}", body.len()))))
        };
        serve_connection(stream, 10, echo).await;
    })
    .await;
    let transport = authority.transport(|_| {});
    for length in [0, 1, 1024 * 1024] {
        let mut outbound = outbound(transport.endpoint(&url(&server), &EndpointTls::default()).unwrap());
        outbound.body = (0..length).map(|i| i as u8).collect();
        let result = transport.send(outbound).await;
        assert_ok(&result);
        assert_eq!(result.response_body, format!("{length} true"));
    }
}

#[tokio::test]
async fn case_10_a_thousand_requests_make_few_handshakes() {
    let authority = Authority::new();
    let (server, handshakes) = serve_with(authority.issue_http2(), |stream, _| async move {
        serve_connection(stream, 100, |_, _| std::future::ready(Response::new(Bytes::new()))).await;
    })
    .await;
    post_a_thousand_times(authority.transport(|_| {}), url(&server)).await;
    // Who comes first does not know yet that one connection is enough.
    assert!((1..=16).contains(&handshakes.all()), "{}", handshakes.all());
}

#[tokio::test]
async fn once_known_to_share_one_request_opens_the_next_connection_for_all() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, number| async move {
        if number == 0 {
            let stream = raw.request().await.unwrap();
            raw.answer(stream).await;
            raw.go_away(stream).await;
        } else {
            raw.answer_all().await;
        }
    })
    .await;
    let transport = Arc::new(authority.transport(|_| {}));
    assert_ok(&post(&transport, &url(&server)).await);
    let mut senders = JoinSet::new();
    for _ in 0..16 {
        let (transport, url) = (Arc::clone(&transport), url(&server));
        senders.spawn(async move { assert_ok(&post(&transport, &url).await) });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    assert_eq!(handshakes.all(), 2);
}

#[tokio::test]
async fn a_connection_that_never_opens_costs_nobody_else_the_attempt() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue_http2()));
    let server = Server::start(move |mut stream, number| {
        let acceptor = acceptor.clone();
        async move {
            if number == 1 {
                return closed(&mut stream).await;
            }
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let mut raw = Raw::accept(stream).await;
            let Some(stream) = raw.request().await else { return };
            raw.answer(stream).await;
            if number == 0 {
                raw.go_away(stream).await;
            } else {
                raw.answer_all().await;
            }
        }
    })
    .await;
    let transport = Arc::new(authority.transport(|_| {}));
    assert_ok(&post(&transport, &url(&server)).await);
    let hanging = tokio::spawn({
        let (transport, url) = (Arc::clone(&transport), url(&server));
        async move { post(&transport, &url).await }
    });
    eventually("the second connection is being opened", || server.accepted() == 2).await;
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        let mut request = outbound(transport.endpoint(&url(&server), &EndpointTls::default()).unwrap());
        request.timeout = Duration::from_secs(4);
        let transport = Arc::clone(&transport);
        senders.spawn(async move { transport.send(request).await });
    }
    while let Some(result) = senders.join_next().await {
        assert_ok(&result.unwrap());
    }
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn room_that_appears_is_used_while_a_connection_is_being_opened() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue_http2()));
    let release = Arc::new(tokio::sync::Semaphore::new(1));
    let gate = Arc::clone(&release);
    // One request at a time, on the one connection that opens.
    let server = Server::start(move |mut stream, number| {
        let (acceptor, gate) = (acceptor.clone(), Arc::clone(&gate));
        async move {
            if number > 0 {
                return closed(&mut stream).await;
            }
            let stream = acceptor.accept(stream).await.unwrap();
            let answer = move |_, _| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.unwrap().forget();
                    Response::new(Bytes::new())
                }
            };
            serve_connection(stream, 1, answer).await;
        }
    })
    .await;
    let transport = Arc::new(authority.transport(|_| {}));
    assert_ok(&post(&transport, &url(&server)).await);
    let send = || {
        let (transport, url) = (Arc::clone(&transport), url(&server));
        tokio::spawn(async move { post(&transport, &url).await })
    };
    let first = send();
    let opening = send();
    eventually("another connection is being opened", || server.accepted() == 2).await;
    let waiting = send();
    release.add_permits(2);
    // Both take the one connection that is there, one after the other.
    for answered in [first, waiting] {
        assert_ok(&answered.await.unwrap());
    }
    assert_eq!(server.accepted(), 2);
    assert!(!opening.is_finished());
    opening.abort();
}

#[tokio::test]
async fn no_more_streams_are_opened_than_the_endpoint_admits() {
    let authority = Authority::new();
    let (arrived, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new([0_usize; 16])));
    let (arrivals, counts) = (Arc::clone(&arrived), Arc::clone(&now));
    let (server, handshakes) = serve_with(authority.issue_http2(), move |stream, number| {
        let (arrivals, counts) = (Arc::clone(&arrivals), Arc::clone(&counts));
        async move {
            let answer = |_, _| {
                counts.lock()[number] += 1;
                arrivals.fetch_add(1, Ordering::SeqCst);
                let arrivals = Arc::clone(&arrivals);
                async move {
                    // The first one alone; then all twelve have to be here before any is answered.
                    let arrived = || arrivals.load(Ordering::SeqCst);
                    eventually("all have come", || arrived() == 1 || arrived() == 13).await;
                    Response::new(Bytes::new())
                }
            };
            serve_connection(stream, 3, answer).await;
        }
    })
    .await;
    let transport = Arc::new(authority.transport(|_| {}));
    assert_ok(&post(&transport, &url(&server)).await);
    let mut senders = JoinSet::new();
    for _ in 0..12 {
        let (transport, url) = (Arc::clone(&transport), url(&server));
        senders.spawn(async move { assert_ok(&post(&transport, &url).await) });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    assert_eq!(handshakes.all(), 4);
    assert_eq!(now.lock()[..5], [4, 3, 3, 3, 0]);
    assert_eq!(arrived.load(Ordering::SeqCst), 13);
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_on_a_fresh_connection() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, number| async move {
        if number == 0 {
            let stream = raw.request().await.unwrap();
            raw.reset(stream, REFUSED_STREAM).await;
        }
        raw.answer_all().await;
    })
    .await;
    let transport = authority.transport(|_| {});
    assert_ok(&post(&transport, &url(&server)).await);
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(handshakes.all(), 2);
}

#[tokio::test]
async fn an_endpoint_that_refuses_everything_is_asked_three_times() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, _| async move {
        while let Some(stream) = raw.request().await {
            raw.reset(stream, REFUSED_STREAM).await;
        }
    })
    .await;
    let result = post(&authority.transport(|_| {}), &url(&server)).await;
    assert_failed(&result, FailureKind::Connection, "the endpoint reset the request without an answer");
    assert_failed(&result, FailureKind::Connection, "refused stream");
    assert_eq!(handshakes.all(), 3);
}

#[tokio::test]
async fn a_stream_that_was_reset_for_another_reason_is_not_sent_again() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, _| async move {
        let stream = raw.request().await.unwrap();
        raw.reset(stream, CANCEL).await;
        raw.answer_all().await;
    })
    .await;
    let transport = authority.transport(|_| {});
    let result = post(&transport, &url(&server)).await;
    assert_failed(&result, FailureKind::Connection, "the endpoint reset the request without an answer");
    // The connection is as good as before.
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(handshakes.all(), 1);
}

#[tokio::test]
async fn what_a_leave_taking_excludes_is_sent_again_on_a_fresh_connection() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, number| async move {
        if number == 0 {
            let first = raw.request().await.unwrap();
            raw.answer(first).await;
            raw.request().await.unwrap();
            raw.go_away(first).await;
        }
        raw.answer_all().await;
    })
    .await;
    let transport = authority.transport(|_| {});
    for _ in 0..5 {
        assert_ok(&post(&transport, &url(&server)).await);
    }
    assert_eq!(handshakes.all(), 2);
}

#[tokio::test]
async fn what_a_leave_taking_includes_is_answered() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, _| async move {
        let stream = raw.request().await.unwrap();
        raw.go_away(stream).await;
        raw.answer(stream).await;
        while let Some(frame) = raw.next().await {
            assert!(frame.kind != GOAWAY || frame.stream == 0);
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    for _ in 0..3 {
        assert_ok(&post(&transport, &url(&server)).await);
    }
    assert_eq!(handshakes.all(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_within_the_attempt() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, _| async move {
        let stream = raw.request().await.unwrap();
        raw.answer(stream).await;
        raw.request().await;
    })
    .await;
    let transport = authority.transport(|_| {});
    for expected in 1..=10 {
        assert_ok(&post(&transport, &url(&server)).await);
        assert_eq!(handshakes.all(), expected);
    }
}

#[tokio::test]
async fn what_a_live_connection_may_have_handled_is_not_sent_again() {
    for takes_leave in [true, false] {
        let authority = Authority::new();
        let (server, handshakes) = serve_raw(&authority, move |mut raw, _| async move {
            let first = raw.request().await.unwrap();
            raw.answer(first).await;
            // Handles the second one and dies. Either frame shows that it was there.
            let Some(second) = raw.request().await else { return };
            if takes_leave {
                raw.go_away(second).await;
            } else {
                raw.send(PING, 0, 0, &[0; 8]).await;
            }
        })
        .await;
        let transport = authority.transport(|_| {});
        assert_ok(&post(&transport, &url(&server)).await);
        assert_failed(&post(&transport, &url(&server)).await, FailureKind::Connection, "without an answer");
        assert_eq!(handshakes.all(), 1, "{takes_leave}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_closes_without_an_answer_is_a_failure() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, _| async move {
        raw.request().await.unwrap();
    })
    .await;
    let result = post(&authority.transport(|_| {}), &url(&server)).await;
    assert_failed(&result, FailureKind::Connection, "without an answer");
    assert_eq!(handshakes.all(), 1);
}

#[tokio::test]
async fn a_request_that_is_given_up_is_taken_back_and_the_others_go_on() {
    let authority = Authority::new();
    let taken_back = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken_back);
    let (server, handshakes) = serve_raw(&authority, move |mut raw, _| {
        let counter = Arc::clone(&counter);
        async move {
            let first = raw.request().await.unwrap();
            // The second is answered, the first one never.
            let second = raw.request().await.unwrap();
            raw.answer(second).await;
            while let Some(frame) = raw.next().await {
                if frame.kind == RST_STREAM && frame.stream == first {
                    assert_eq!(frame.payload, CANCEL.to_be_bytes());
                    counter.fetch_add(1, Ordering::SeqCst);
                    break;
                }
            }
            raw.answer_all().await;
        }
    })
    .await;
    let transport = Arc::new(authority.transport(|_| {}));
    let mut hanging = outbound(transport.endpoint(&url(&server), &EndpointTls::default()).unwrap());
    hanging.timeout = Duration::from_millis(1500);
    let hanging = tokio::spawn({
        let transport = Arc::clone(&transport);
        async move { transport.send(hanging).await }
    });
    eventually("the first connection is there", || handshakes.all() == 1).await;
    // Whoever comes before the connection is shared opens another one, and finds the first there in the end.
    assert_ok(&post(&transport, &url(&server)).await);
    assert_failed(&hanging.await.unwrap(), FailureKind::Timeout, "had not begun to answer");
    eventually("the request is taken back", || taken_back.load(Ordering::SeqCst) == 1).await;
    let before = handshakes.all();
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(handshakes.all(), before);
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_not_used_again() {
    let authority = Authority::new();
    let (server, handshakes) = serve_raw(&authority, |mut raw, number| async move {
        if number == 0 {
            let stream = raw.request().await.unwrap();
            raw.answer(stream).await;
            while raw.next().await.is_some() {}
        }
        raw.answer_all().await;
    })
    .await;
    let transport = authority.transport(|_| {});
    assert_ok(&post(&transport, &url(&server)).await);
    let mut hanging = outbound(transport.endpoint(&url(&server), &EndpointTls::default()).unwrap());
    hanging.timeout = Duration::from_millis(200);
    assert_failed(&transport.send(hanging).await, FailureKind::Timeout, "had not begun to answer");
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(handshakes.all(), 2);
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let authority = Authority::new();
    let closings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&closings);
    let (server, _) = serve_raw(&authority, move |mut raw, _| {
        let counter = Arc::clone(&counter);
        async move {
            raw.answer_all().await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let transport = authority.transport(|config| config.idle_timeout = Duration::from_millis(40));
    for round in 1..=2 {
        assert_ok(&post(&transport, &url(&server)).await);
        eventually("the idle connection is closed", || closings.load(Ordering::SeqCst) == round).await;
    }
}
