//! A connection to an endpoint that speaks HTTP/1.1, for one request at a time.
//!
//! No task of its own drives it: whoever waits for the answer does, and whoever drops the link closes the connection.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use hookseal_engine::limits::RESPONSE_HEAD_BYTES_MAX;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::{
    answer::{Framed, Framing, Head, Malformed, Next, empty_lines, read_head},
    course::Route,
    limits::{BUFFER_KEPT_BYTES_MAX, INLINE_BODY_BYTES_MAX, READ_BYTES},
    socket::{Meter, Socket},
};

/// An open connection, on which one request at a time goes out.
pub(crate) struct Link {
    socket: Socket,
    route: Route,
    sending: Sending,
    /// What came and has not been taken in, from `taken` on.
    input: Vec<u8>,
    taken: usize,
    /// What is left of the answer's body.
    body: Framing,
    /// Whether another request may follow the answer.
    keeps: bool,
}

/// Why an exchange came to no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The endpoint closed it.
    #[error("the connection was closed")]
    Closed,
    /// What came is not HTTP/1.1.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Link {
    /// Speaks HTTP/1.1 on a socket that leads to an endpoint by `route`.
    pub(crate) fn new(socket: Socket, route: Route) -> Self {
        let (input, body) = (Vec::new(), Framing::Length(0));
        Self { socket, route, sending: Sending::default(), input, taken: 0, body, keeps: true }
    }

    /// How the connection leads to the endpoint.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Whether anything came since the last request was sent.
    pub(crate) fn has_answered(&self) -> bool {
        self.meter().bytes_read() > 0
    }

    /// The bytes of the answer's body that are still to come, as far as that is known.
    pub(crate) fn expected(&self) -> u64 {
        self.body.expected()
    }

    fn meter(&self) -> &Meter {
        self.socket.meter()
    }

    /// Whether a request can be sent now: the answer before was read to its end and allows it, all of its request had
    /// been sent, and the endpoint has neither closed nor said anything since.
    pub(crate) fn is_ready(&mut self) -> bool {
        let is_done = self.keeps && self.body == Framing::Length(0) && self.sending.is_flushed;
        is_done && self.taken == self.input.len() && self.poll_read(&mut unwoken()).is_pending()
    }

    /// Lets go of the request's body, and of the memory of what was large. For a link that is kept and may not be used for
    /// a while.
    pub(crate) fn rest(&mut self) {
        self.sending.body = Bytes::new();
        for buffer in [&mut self.input, &mut self.sending.head] {
            if buffer.capacity() > BUFFER_KEPT_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
    }

    /// Sends a request, whose head `write_head` writes, and waits for the head of its answer, which `see` is shown.
    /// Interim answers (1xx) are skipped.
    ///
    /// The answer may begin before the request was sent whole; the rest is sent while the answer is read.
    pub(crate) async fn send(
        &mut self,
        method: &Method,
        write_head: impl FnOnce(&mut Vec<u8>),
        body: Bytes,
        mut see: impl FnMut(&Head<'_>),
    ) -> Result<(), Unanswered> {
        self.meter().reset();
        self.sending.begin(write_head, body);
        self.input.clear();
        self.taken = 0;
        let mut looked = 0;
        loop {
            let empty = empty_lines(&self.input[self.taken..]);
            if empty > 0 {
                self.taken += empty;
                looked = 0;
            }
            let waiting = &self.input[self.taken..];
            if is_worth_a_look(waiting, looked) {
                let framed = read_head(waiting, method, |head, framed| {
                    if !framed.is_interim {
                        see(head);
                    }
                })?;
                if let Some(Framed { head, is_interim, body, keeps }) = framed {
                    (self.body, self.keeps) = (body, keeps);
                    self.taken += head;
                    looked = 0;
                    if is_interim {
                        continue;
                    }
                    return Ok(());
                }
            }
            looked = self.input.len() - self.taken;
            self.more().await?;
        }
    }

    /// The next part of the body of the answer, or `None` at its end.
    pub(crate) async fn part(&mut self) -> Result<Option<&[u8]>, Unanswered> {
        loop {
            match self.body.next(&self.input[self.taken..])? {
                Next::Data(range) => {
                    let start = self.taken + range.start;
                    self.taken += range.end;
                    return Ok(Some(&self.input[start..self.taken]));
                }
                Next::End(length) => {
                    self.taken += length;
                    self.body = Framing::Length(0);
                    return Ok(None);
                }
                Next::Nothing => self.taken = self.input.len(),
            }
            match self.more().await {
                Ok(()) => {}
                Err(Unanswered::Closed) if self.body.ends_with_connection() => {
                    self.body = Framing::Length(0);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends on, and waits until more came.
    async fn more(&mut self) -> Result<(), Unanswered> {
        poll_fn(|cx| {
            // Whether or not it goes on: an endpoint may answer before it has read all of the request.
            let _ = self.sending.poll(&mut self.socket, cx);
            Poll::Ready(match ready!(self.poll_read(cx)) {
                // That it could not be sent to says more than that it then closed.
                Ok(0) => Err(self.sending.failed.take().map_or(Unanswered::Closed, Unanswered::Io)),
                Ok(_) => Ok(()),
                Err(error) => Err(Unanswered::Io(error)),
            })
        })
        .await
    }

    /// Reads more, and gives the bytes that came: none where the endpoint has closed.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.taken > 0 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        self.input.reserve(READ_BYTES);
        pin!(self.socket.read_buf(&mut self.input)).poll(cx)
    }
}

/// Whether bytes that came may be a whole head, of which so many were looked at before. One that comes byte by byte is
/// not read each time from its beginning; one that is none is found out at once.
fn is_worth_a_look(waiting: &[u8], looked: usize) -> bool {
    let fresh = &waiting[looked..];
    let is_first = looked == 0 && !fresh.is_empty();
    is_first || fresh.contains(&b'\n') || waiting.len() > RESPONSE_HEAD_BYTES_MAX
}

fn unwoken() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A request on its way.
#[derive(Default)]
struct Sending {
    /// The head, and the body behind it where that is short.
    head: Vec<u8>,
    /// The body where it is long.
    body: Bytes,
    /// Bytes of both that were sent.
    sent: usize,
    is_flushed: bool,
    /// What the connection failed with. What the endpoint says all the same is its answer.
    failed: Option<io::Error>,
}

impl Sending {
    fn begin(&mut self, write_head: impl FnOnce(&mut Vec<u8>), body: Bytes) {
        self.head.clear();
        write_head(&mut self.head);
        // A copy is cheaper than a second piece in the system call.
        if body.len() <= INLINE_BODY_BYTES_MAX {
            self.head.extend_from_slice(&body);
            self.body = Bytes::new();
        } else {
            self.body = body;
        }
        (self.sent, self.is_flushed, self.failed) = (0, false, None);
    }

    /// Whether nothing is left to be sent.
    fn is_done(&self) -> bool {
        self.sent == self.head.len() + self.body.len() && self.failed.is_none()
    }

    /// Sends on. Ready when there is nothing left to do, for whatever reason.
    fn poll(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_flushed || self.failed.is_some() {
            return Poll::Ready(());
        }
        match ready!(self.poll_written(Pin::new(socket), cx)) {
            Ok(()) => self.is_flushed = true,
            Err(error) => self.failed = Some(error),
        }
        Poll::Ready(())
    }

    fn poll_written(&mut self, mut socket: Pin<&mut Socket>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_done() {
            let head = self.head.get(self.sent..).unwrap_or_default();
            let body = &self.body[self.sent.saturating_sub(self.head.len())..];
            let sent = match (head, body) {
                (one, []) | ([], one) => socket.as_mut().poll_write(cx, one),
                (head, body) => {
                    socket.as_mut().poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)])
                }
            };
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
        }
        socket.poll_flush(cx)
    }
}
