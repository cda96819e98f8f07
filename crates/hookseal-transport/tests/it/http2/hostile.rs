//! Endpoints that mean harm: each attempt ends by a bound, long before its deadline, and what was sent in vain is little.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookseal_engine::limits::RESPONSE_READ_BYTES_MAX;
use hookseal_engine::{AttemptResult, FailureKind};

use super::raw::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PUSH_PROMISE, Raw, SETTINGS, STATUS_200,
};
use crate::authority::{Authority, serve_with, url};
use crate::support::{assert_failed, assert_ok, eventually, post};

/// More than what an endpoint may send, by what lies in the buffers of both sides' sockets. These grow to 6 MiB and more.
const SENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Posts to an endpoint that does `harm` to the first request of every connection, given its stream.
async fn suffer<F>(harm: impl Fn(Raw, u32) -> F + Clone + Send + Sync + 'static) -> AttemptResult
where
    F: Future<Output = usize> + Send + 'static,
{
    let authority = Authority::new();
    let (sent, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (total, ended) = (Arc::clone(&sent), Arc::clone(&done));
    let (server, _) = serve_with(authority.issue_http2(), move |stream, _| {
        let (harm, total, ended) = (harm.clone(), Arc::clone(&total), Arc::clone(&ended));
        async move {
            let mut raw = Raw::accept(stream).await;
            let Some(stream) = raw.request().await else { return };
            total.fetch_add(harm(raw, stream).await, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    let result = post(&transport, &url(&server)).await;
    drop(transport);
    eventually("the connection is closed", || done.load(Ordering::SeqCst) == 1).await;
    assert!(sent.load(Ordering::SeqCst) <= SENT_BYTES_MAX, "{}", sent.load(Ordering::SeqCst));
    result
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let result = suffer(|mut raw, stream| async move {
        raw.send(HEADERS, END_STREAM, stream, STATUS_200).await;
        // Literal headers without indexing (RFC 7541 section 6.2.2), of 100 bytes each.
        let field = [&[0, 1, b'x', 97][..], &[b'v'; 97]].concat();
        raw.flood(&Raw::frame(CONTINUATION, 0, stream, &field.repeat(100))).await
    })
    .await;
    assert_failed(&result, FailureKind::Protocol, "not HTTP/2, or its head is longer than 64 KiB");
}

#[tokio::test]
async fn empty_continuations_without_end_are_cut_off() {
    let result = suffer(|mut raw, stream| async move {
        raw.send(HEADERS, END_STREAM, stream, STATUS_200).await;
        raw.flood(&Raw::frame(CONTINUATION, 0, stream, &[])).await
    })
    .await;
    assert_failed(&result, FailureKind::Protocol, "not HTTP/2");
}

#[tokio::test]
async fn a_head_that_unpacks_to_much_is_refused() {
    let result = suffer(|mut raw, stream| async move {
        // One header of 4,000 bytes goes into the dynamic table, and is then referred to by one byte (index 62) each.
        let length = [0x7f, 0xa1, 0x1e]; // 127 + 33 + 30 * 128 = 4,000 (RFC 7541 section 5.1)
        let mut block = [STATUS_200, &[0x40, 1, b'x'], &length, &[b'v'; 4000]].concat();
        block.extend([0xbe; 2000]);
        raw.send(HEADERS, END_HEADERS | END_STREAM, stream, &block).await;
        raw.flood(&Raw::frame(PING, 0, 0, &[0; 8])).await
    })
    .await;
    assert_failed(&result, FailureKind::Protocol, "longer than 64 KiB");
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_off() {
    let result = suffer(|mut raw, stream| async move {
        // `:status: 103`, as a literal with the name of index 8.
        let interim = Raw::frame(HEADERS, END_HEADERS, stream, &[0x08, 3, b'1', b'0', b'3']);
        raw.flood(&interim.repeat(1000)).await
    })
    .await;
    assert_failed(&result, FailureKind::ResponseTooLarge, "longer than 1024 KiB");
}

#[tokio::test]
async fn pings_and_settings_without_end_are_cut_off() {
    for kind in [PING, SETTINGS] {
        let result = suffer(move |mut raw, _| async move {
            let payload: &[u8] = if kind == PING { &[0; 8] } else { &[] };
            raw.flood(&Raw::frame(kind, if kind == PING { ACK } else { 0 }, 0, payload).repeat(1000)).await
        })
        .await;
        let failure = result.failure.unwrap();
        let kinds = [FailureKind::ResponseTooLarge, FailureKind::Protocol, FailureKind::Connection];
        assert!(kinds.contains(&failure.kind), "{failure:?}");
    }
}

#[tokio::test]
async fn a_body_beyond_its_window_is_refused() {
    let result = suffer(|mut raw, stream| async move {
        raw.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
        raw.flood(&Raw::frame(DATA, 0, stream, &[b'x'; 16 * 1024])).await
    })
    .await;
    assert_eq!(result.status, Some(200));
    let failure = result.failure.unwrap();
    let kinds = [FailureKind::ResponseTooLarge, FailureKind::Protocol];
    assert!(kinds.contains(&failure.kind), "{failure:?}");
    assert!(result.response_body.len() <= 16 * 1024 && result.response_truncated);
}

#[tokio::test]
async fn empty_parts_of_a_body_without_end_are_cut_off() {
    let result = suffer(|mut raw, stream| async move {
        raw.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
        raw.flood(&Raw::frame(DATA, 0, stream, &[]).repeat(1000)).await
    })
    .await;
    let failure = result.failure.unwrap();
    let kinds = [FailureKind::ResponseTooLarge, FailureKind::Protocol];
    assert!(kinds.contains(&failure.kind), "{failure:?}");
}

#[tokio::test]
async fn a_push_is_refused() {
    let result = suffer(|mut raw, stream| async move {
        let promise = [&2_u32.to_be_bytes()[..], &[0x82, 0x87, 0x84]].concat();
        raw.send(PUSH_PROMISE, END_HEADERS, stream, &promise).await;
        while raw.next().await.is_some() {}
        0
    })
    .await;
    assert_failed(&result, FailureKind::Protocol, "not HTTP/2");
}

#[tokio::test]
async fn a_long_body_by_the_rules_is_read_up_to_its_bound() {
    let authority = Authority::new();
    let (server, _) = serve_with(authority.issue_http2(), |stream, _| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            // h2 sends it as windows allow.
            body.send_data(vec![b'x'; 2 * RESPONSE_READ_BYTES_MAX].into(), true).unwrap();
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    let result = post(&transport, &url(&server)).await;
    assert_failed(&result, FailureKind::ResponseTooLarge, "longer than 1024 KiB");
    assert_eq!((result.status, result.response_body.len()), (Some(200), 16 * 1024));
}

#[tokio::test]
async fn what_is_no_http_2_is_a_failure() {
    let authority = Authority::new();
    let (server, handshakes) = serve_with(authority.issue_http2(), |mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
        crate::support::closed(&mut stream).await;
    })
    .await;
    let transport = authority.transport(|_| {});
    assert_failed(&post(&transport, &url(&server)).await, FailureKind::Protocol, "not HTTP/2");
    assert_eq!(handshakes.all(), 1);
}

#[tokio::test]
async fn an_endpoint_that_recovers_is_delivered_to() {
    let authority = Authority::new();
    let (server, _) = serve_with(authority.issue_http2(), |stream, number| async move {
        let mut raw = Raw::accept(stream).await;
        if number == 0 {
            raw.request().await;
            raw.flood(&Raw::frame(PING, ACK, 0, &[0; 8]).repeat(1000)).await;
        } else {
            raw.answer_all().await;
        }
    })
    .await;
    let transport = authority.transport(|_| {});
    assert!(post(&transport, &url(&server)).await.failure.is_some());
    assert_ok(&post(&transport, &url(&server)).await);
}
