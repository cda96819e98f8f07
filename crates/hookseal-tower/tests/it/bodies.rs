//! Bodies: bytes as they came, within a bound and in time.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};

use crate::support::{NOW, SECRET, builtin, count, good, post, post_body, receiver, signed};

/// A body that comes in these frames, and then ends, or never does.
struct Pieces {
    frames: std::vec::IntoIter<Result<Frame<Bytes>, io::Error>>,
    ends: bool,
    announced: Option<u64>,
}

impl Pieces {
    fn of(pieces: &[&'static str]) -> Self {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from(*piece)))).collect();
        Self { frames: frames.into_iter(), ends: true, announced: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.frames.next() {
            None if !self.ends => Poll::Pending,
            frame => Poll::Ready(frame),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// A request of these pieces that is signed as a whole.
fn in_pieces(pieces: &[&'static str]) -> Request<Pieces> {
    let whole = pieces.concat();
    post_body(&signed(builtin("harmon"), SECRET, NOW, whole.as_bytes()), Pieces::of(pieces))
}

#[tokio::test]
async fn a_body_is_verified_and_handed_on_as_it_came() {
    // Neither UTF-8 nor JSON, and gzip by its first bytes: nobody looks.
    let compressed: &[u8] =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    for body in [b"".as_slice(), b"\xef\xbb\xbf{}\r\n", b"\xff\xfe", compressed] {
        for content_type in
            [None, Some("text/plain; charset=x"), Some("application/x-www-form-urlencoded"), Some("?")]
        {
            let receiver = receiver("harmon").build().unwrap();
            let mut headers = signed(builtin("harmon"), SECRET, NOW, body);
            headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
            headers.extend(content_type.map(|value| ("content-type".to_owned(), value.to_owned())));
            let answer = count(&receiver, post(&headers, body)).await;
            assert_eq!(
                (answer.status, answer.body),
                (200, body.len().to_string()),
                "{body:?} {content_type:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_request_keeps_its_headers_and_its_method() {
    let receiver = receiver("harmon").build().unwrap();
    let mut headers = signed(builtin("harmon"), SECRET, NOW, b"{}");
    headers.push(("content-encoding".to_owned(), "br".to_owned()));
    let mut request = post(&headers, "{}");
    *request.method_mut() = http::Method::PUT;
    let answer = crate::support::call(
        &receiver,
        |request| async move {
            assert_eq!(
                (request.method().as_str(), &request.headers()["content-encoding"]),
                ("PUT", &"br".parse().unwrap())
            );
            assert_eq!(request.uri().path(), "/hooks");
            crate::support::counted(request).await
        },
        request,
    )
    .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together() {
    let receiver = receiver("harmon").build().unwrap();
    for pieces in [&["{\"a\"", ":", "1}"][..], &["", "{}", ""], &[""], &[], &["{}"]] {
        let answer = count(&receiver, in_pieces(pieces)).await;
        assert_eq!((answer.status, answer.body), (200, pieces.concat().len().to_string()), "{pieces:?}");
    }
}

#[tokio::test]
async fn trailers_are_left_behind() {
    let receiver = receiver("harmon").build().unwrap();
    let mut request = in_pieces(&["{}"]);
    let frames = vec![Ok(Frame::data(Bytes::from("{}"))), Ok(Frame::trailers(HeaderMap::new()))];
    request.body_mut().frames = frames.into_iter();
    assert_eq!(count(&receiver, request).await.status, 200);
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_bound() {
    let receiver = receiver("harmon").max_body(6).build().unwrap();
    assert_eq!(count(&receiver, in_pieces(&["123", "456"])).await.status, 200);
    for pieces in [&["123", "4567"][..], &["1234567"], &["1", "2", "3", "4", "5", "6", "7"]] {
        let answer = count(&receiver, in_pieces(pieces)).await;
        assert_eq!((answer.status, answer.header("content-type")), (413, Some("application/problem+json")));
        assert!(answer.body.contains(r#""code":"body_too_large""#), "{answer:?}");
    }
}

#[tokio::test]
async fn nothing_is_read_of_a_body_that_is_announced_as_too_long() {
    let receiver = receiver("harmon").max_body(6).build().unwrap();
    let mut request = in_pieces(&[]);
    *request.body_mut() = Pieces { ends: false, announced: Some(7), ..Pieces::of(&[]) };
    assert_eq!(count(&receiver, request).await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_not_waited_for() {
    let receiver = receiver("harmon").read_timeout(Duration::from_secs(7)).build().unwrap();
    let mut request = in_pieces(&["{", "}"]);
    request.body_mut().ends = false;
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let answer = count(&receiver, request).await;
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains(r#""code":"body_too_slow""#), "{answer:?}");
    let waited = tokio::time::sleep(Duration::ZERO).deadline() - start;
    assert!(waited >= Duration::from_secs(7) && waited < Duration::from_secs(8), "{waited:?}");
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_refused() {
    let receiver = receiver("harmon").build().unwrap();
    let mut request = in_pieces(&["{}"]);
    let frames = vec![Ok(Frame::data(Bytes::from("{}"))), Err(io::ErrorKind::ConnectionReset.into())];
    request.body_mut().frames = frames.into_iter();
    let answer = count(&receiver, request).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains(r#""code":"body_cut_short""#), "{answer:?}");
}

#[tokio::test]
async fn header_lines_are_bounded() {
    let receiver = receiver("harmon").max_headers(4).build().unwrap();
    let lines = |count: usize| {
        let mut request = good("harmon", b"{}");
        while request.headers().len() < count {
            request.headers_mut().append("x-other", "1".parse().unwrap());
        }
        request
    };
    assert_eq!(count(&receiver, lines(4)).await.status, 200);
    let answer = count(&receiver, lines(5)).await;
    assert_eq!(answer.status, 431);
    assert!(answer.body.contains(r#""code":"too_many_headers""#), "{answer:?}");
}
