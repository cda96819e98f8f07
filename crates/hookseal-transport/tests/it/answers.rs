//! What comes back, and how it is understood.

use std::time::Duration;

use hookseal::Timestamp;
use hookseal_engine::limits::{RESPONSE_HEADERS_KEPT_BYTES, RESPONSE_KEPT_BYTES};
use hookseal_engine::ports::Transport;
use hookseal_engine::{EndpointTls, FailureKind, RetryAfter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Server, answer_to, assert_failed, assert_ok, closed, eventually, outbound, post, read_request, transport,
};

#[tokio::test]
async fn an_answer_is_taken_in() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nhello";
    let result = answer_to(answer).await;
    assert_ok(&result);
    assert_eq!(result.response_body, "hello");
    let headers: Vec<_> = result.response_headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        headers,
        [("content-type", "text/plain"), ("x-two", "1"), ("x-two", "2"), ("content-length", "5")]
    );
    assert!(!result.response_truncated);
    assert!(result.request_headers.is_empty());
    let phases = result.phases;
    assert!(phases.connect.is_some() && phases.first_byte.is_some());
    assert!(phases.dns.is_none() && phases.tls.is_none());
    assert!(phases.total >= phases.connect.unwrap() + phases.first_byte.unwrap());
}

#[tokio::test]
async fn a_status_that_is_no_success_is_not_a_failure_here() {
    for status in [201, 204, 299, 304, 400, 404, 410, 418, 429, 500, 503, 599, 999] {
        let result = answer_to(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!((result.status, result.failure), (Some(status), None));
    }
}

#[tokio::test]
async fn retry_after_is_read() {
    let wait = async |value: &str| {
        let answer = format!("HTTP/1.1 503 X\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        answer_to(answer).await.retry_after
    };
    assert_eq!(wait("17").await, Some(RetryAfter::Delay(Duration::from_secs(17))));
    let at = Timestamp::from_unix_seconds(784_111_777);
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT").await, Some(RetryAfter::At(at)));
    assert_eq!(wait("soon").await, None);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let location = target.url();
        let answer = format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 2\r\n\r\nhi");
        let result = answer_to(answer).await;
        assert_eq!(result.status, Some(status));
        assert_eq!(result.response_body, "hi");
        assert_failed(&result, FailureKind::Redirect, "127.0.0.1");
        assert_failed(&result, FailureKind::Redirect, &status.to_string());
    }
    assert_eq!(target.accepted(), 0);
    let result =
        answer_to("HTTP/1.1 302 X\r\nlocation: http://169.254.169.254/x?y\r\ncontent-length: 9\r\n\r\nhi")
            .await;
    assert_failed(&result, FailureKind::Redirect, "169.254.169.254");
    // Without a location it leads nowhere, and is a status like any other.
    assert_eq!(answer_to("HTTP/1.1 302 X\r\ncontent-length: 0\r\n\r\n").await.failure, None);
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\n\
                  HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let result = answer_to(answer).await;
    assert_ok(&result);
    assert_eq!(result.response_body, "ok");
    assert!(result.response_headers.iter().all(|(name, _)| name != "link"));
}

#[tokio::test]
async fn empty_lines_before_an_answer_are_skipped_and_have_an_end() {
    let result =
        answer_to("\r\n\nHTTP/1.1 103 X\r\n\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_ok(&result);
    assert_eq!(result.response_body, "ok");
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        while stream.write_all(&[b'\n'; 8192]).await.is_ok() {}
    })
    .await;
    assert_failed(&post(&transport(), &server.url()).await, FailureKind::ResponseTooLarge, "1024 KiB");
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_off() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        while stream
            .write_all(&b"HTTP/1.1 103 Early Hints\r\nlink: </style>\r\n\r\n".repeat(100))
            .await
            .is_ok()
        {}
    })
    .await;
    assert_failed(&post(&transport(), &server.url()).await, FailureKind::ResponseTooLarge, "1024 KiB");
}

#[tokio::test]
async fn switching_protocols_ends_the_connection() {
    let server = Server::answering("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n").await;
    let transport = transport();
    for expected in 1..=2 {
        let result = post(&transport, &server.url()).await;
        assert_ne!((result.status, &result.failure), (Some(200), &None), "{result:?}");
        assert_eq!(server.accepted(), expected);
    }
}

#[tokio::test]
async fn bodies_are_read_in_every_framing() {
    let long = "x".repeat(5000);
    let answers = [
        format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{long}"),
        format!("HTTP/1.1 200 OK\r\n\r\n{long}"),
        format!("HTTP/1.0 200 OK\r\n\r\n{long}"),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0;ext=1\r\n{0}\r\nbb8\r\n{1}\r\n0\r\nx: y\r\n\r\n",
            &long[..2000],
            &long[2000..]
        ),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "1\r\nx\r\n".repeat(5000)
        ),
    ];
    for answer in answers {
        let result = answer_to(answer.clone()).await;
        assert_ok(&result);
        assert!(result.response_body == long && !result.response_truncated, "{}", &answer[..60]);
    }
}

#[tokio::test]
async fn a_body_is_kept_up_to_its_bound() {
    let bound = RESPONSE_KEPT_BYTES;
    for (length, truncated) in [(bound - 1, false), (bound, false), (bound + 1, true), (bound * 10, true)] {
        let body = "b".repeat(length);
        let framed = [
            format!("content-length: {length}\r\n\r\n{body}"),
            format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
            format!("connection: close\r\n\r\n{body}"),
        ];
        for rest in &framed {
            let result = answer_to(format!("HTTP/1.1 200 OK\r\n{rest}")).await;
            assert_ok(&result);
            assert_eq!(result.response_body.len(), length.min(bound));
            assert_eq!(result.response_truncated, truncated, "{length}");
        }
    }
}

#[tokio::test]
async fn an_endless_body_is_a_failure_and_is_cut_off() {
    let (done, is_done) = tokio::sync::watch::channel(false);
    let server = Server::start(move |mut stream, _| {
        let done = done.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5368709120\r\n\r\n").await.unwrap();
            while stream.write_all(&[b'z'; 65536]).await.is_ok() {}
            done.send_replace(true);
        }
    })
    .await;
    let transport = transport();
    let result = post(&transport, &server.url()).await;
    assert_failed(&result, FailureKind::ResponseTooLarge, "longer than 1024 KiB");
    assert!(result.response_truncated);
    assert_eq!(result.response_body.len(), RESPONSE_KEPT_BYTES);
    eventually("the endpoint cannot write any more", || *is_done.borrow()).await;
}

#[tokio::test]
async fn headers_are_kept_up_to_their_bound() {
    let many: String = (0..40).map(|i| format!("x-header-{i:02}: {}\r\n", "v".repeat(488))).collect();
    let result = answer_to(format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n")).await;
    assert_ok(&result);
    let bytes: usize = result.response_headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    // Sixteen of the long ones, and the length that fits in beside them.
    assert_eq!(result.response_headers.len(), 17);
    assert!(bytes <= RESPONSE_HEADERS_KEPT_BYTES, "{bytes}");
}

#[tokio::test]
async fn header_values_of_any_bytes_are_kept() {
    let result = answer_to(&b"HTTP/1.1 200 OK\r\nx-latin: caf\xe9\r\ncontent-length: 0\r\n\r\n"[..]).await;
    assert_ok(&result);
    assert_eq!(result.response_headers[0].1, "caf\u{fffd}");
}

#[tokio::test]
async fn a_head_beyond_its_bound_is_refused() {
    let result = answer_to(format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "v".repeat(70_000))).await;
    assert_failed(&result, FailureKind::Protocol, "64 KiB");
    let many: String = (0..200).map(|i| format!("x-{i}: v\r\n")).collect();
    let result = answer_to(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await;
    assert_failed(&result, FailureKind::Protocol, "100 headers");
    // A head without an end is cut off when it has come as far, not at the deadline.
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        while stream.write_all(&[b'a'; 8192]).await.is_ok() {}
    })
    .await;
    assert_failed(&post(&transport(), &server.url()).await, FailureKind::Protocol, "64 KiB");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let garbage: [&[u8]; 9] = [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a chunk\r\n",
    ];
    for bytes in garbage {
        let result = answer_to(bytes).await;
        let failure = result.failure.clone().unwrap_or_else(|| panic!("{bytes:?}: {result:?}"));
        assert_eq!(failure.kind, FailureKind::Protocol, "{bytes:?}: {failure:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_of_the_connection() {
    let cases = [
        ("", "closed the connection without an answer"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "closed the connection before its answer was whole"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
            "closed the connection before its answer was whole",
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n123", "closed the connection before"),
    ];
    for (answer, words) in cases {
        let result = answer_to(answer).await;
        assert_failed(&result, FailureKind::Connection, words);
        assert_eq!(result.status.is_some(), answer.contains("\r\n\r\n"), "{answer:?}");
    }
    let kept = answer_to("HTTP/1.1 500 X\r\ncontent-length: 10\r\n\r\n12345").await;
    assert_eq!((kept.status, &kept.response_body[..]), (Some(500), &b"12345"[..]));
}

#[tokio::test]
async fn an_endpoint_that_has_closed_its_writing_side_is_not_waited_for() {
    let server = Server::start(|mut stream, _| async move {
        stream.shutdown().await.unwrap();
        closed(&mut stream).await;
    })
    .await;
    assert_failed(&post(&transport(), &server.url()).await, FailureKind::Connection, "closed the connection");
}

#[tokio::test]
async fn a_reset_is_a_failure_of_the_connection() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_failed(&post(&transport(), &server.url()).await, FailureKind::Connection, "reset the connection");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_was_read_is_taken_in() {
    let server = Server::start(|mut stream, _| async move {
        let mut beginning = [0; 1024];
        stream.read_exact(&mut beginning).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let transport = transport();
    for expected in 1..=2 {
        let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
        outbound.body = vec![b'x'; 16 * 1024 * 1024].into();
        let result = transport.send(outbound).await;
        assert_eq!((result.status, &result.response_body[..]), (Some(413), &b"long"[..]), "{result:?}");
        assert_eq!(result.failure, None);
        // The rest of the request would be taken for the next one.
        assert_eq!(server.accepted(), expected);
    }
}

#[tokio::test]
async fn a_request_is_sent_to_its_end_while_its_answer_is_read() {
    let body = 16 * 1024 * 1024;
    let server = Server::start(move |mut stream, _| async move {
        let mut beginning = [0; 1024];
        stream.read_exact(&mut beginning).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        // The head alone is known to be longer than a hundred bytes, and shorter than a thousand.
        let mut rest = vec![0; body - 1024];
        stream.read_exact(&mut rest).await.unwrap();
        stream.write_all(b"done").await.unwrap();
        closed(&mut stream).await;
    })
    .await;
    let transport = transport();
    let mut outbound = outbound(transport.endpoint(&server.url(), &EndpointTls::default()).unwrap());
    outbound.body = vec![b'x'; body].into();
    let result = transport.send(outbound).await;
    assert_ok(&result);
    assert_eq!(result.response_body, "done");
}
