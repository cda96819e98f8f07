//! A connection to an endpoint that speaks HTTP/2, which several requests share at once.
//!
//! A task drives it, since no single request could: whoever waits for an answer may leave while others still wait. The
//! task ends with the connection, or is ended when the last one lets go of it.
//!
//! What an endpoint can make this side keep or read is bounded: its windows by flow control, its heads by
//! `SETTINGS_MAX_HEADER_LIST_SIZE` (and with it the number of CONTINUATION frames), pushes not at all, and whatever it
//! sends besides by the [`Meter`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream};
use hookseal_engine::limits::{RESPONSE_HEAD_BYTES_MAX, RESPONSE_READ_BYTES_MAX};
use hookseal_engine::{Failure, FailureKind};
use http::{Request, Response};
use tokio::task::JoinHandle;

use crate::course::Route;
use crate::failure;
use crate::limits::{
    HTTP2_SEND_BUFFER_BYTES_MAX, HTTP2_STREAMS_MAX, HTTP2_UNASKED_BYTES_MAX, HTTP2_WINDOW_BYTES,
};
use crate::shelf::Shareable;
use crate::socket::{AnswerTooLong, Meter, Socket};

/// An open connection, on which several requests at once go out.
pub(crate) struct Shared {
    sender: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    meter: Arc<Meter>,
    /// Requests that were begun.
    begun: AtomicU64,
    /// Whether it is to take no more requests; those under way go on.
    retired: AtomicBool,
    route: Route,
}

impl Shared {
    /// Speaks HTTP/2 on a socket that leads to an endpoint by `route`.
    pub(crate) async fn open(socket: Socket, route: Route) -> Result<Self, h2::Error> {
        let meter = Arc::clone(socket.meter());
        meter.allow_more(HTTP2_UNASKED_BYTES_MAX, u64::MAX);
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(HTTP2_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_WINDOW_BYTES)
            .max_send_buffer_size(HTTP2_SEND_BUFFER_BYTES_MAX)
            .max_header_list_size(RESPONSE_HEAD_BYTES_MAX as u32);
        #[expect(clippy::disallowed_methods, reason = "the socket goes to an address that has been checked")]
        let (sender, connection) = builder.handshake(socket).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        let (begun, retired) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { sender, driver, meter, begun, retired, route })
    }

    /// Lets no further request begin here.
    fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Something of an answer was taken in, or an answer is waited for: the endpoint may go on sending. In all it may
    /// send as much as its answers may have together.
    fn allow_more(&self) {
        let answers = self.begun.load(Ordering::Relaxed).saturating_add(1);
        let total = answers.saturating_mul(RESPONSE_READ_BYTES_MAX as u64);
        self.meter.allow_more(HTTP2_UNASKED_BYTES_MAX, total);
    }
}

impl Shareable for Shared {
    fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.driver.is_finished()
    }

    fn has_room(&self, under_way: usize) -> bool {
        under_way < self.sender.current_max_send_streams().min(HTTP2_STREAMS_MAX)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody waits for anything on it any more. The task may be waiting for a peer that reads nothing.
        self.driver.abort();
    }
}

/// One request and its answer on a shared connection. Dropped before the end, it takes the request back.
pub(crate) struct Exchange {
    connection: Arc<Shared>,
    read_before: u64,
    body_read: usize,
    has_answered: bool,
    is_over: bool,
}

/// Why an exchange came to no whole answer.
pub(crate) struct BrokenExchange {
    pub(crate) failure: Failure,
    /// Whether the endpoint said that it did nothing with the request.
    pub(crate) is_unprocessed: bool,
    /// Whether anything came back on the connection after this request was begun, be it for another one.
    pub(crate) has_answered: bool,
}

impl Exchange {
    pub(crate) fn begin(connection: Arc<Shared>) -> Self {
        connection.begun.fetch_add(1, Ordering::Relaxed);
        connection.allow_more();
        let read_before = connection.meter.bytes_read();
        Self { connection, read_before, body_read: 0, has_answered: false, is_over: false }
    }

    /// How the connection leads to the endpoint.
    pub(crate) fn route(&self) -> &Route {
        &self.connection.route
    }

    /// Sends a request and waits for the head of its answer. Interim answers (1xx) are skipped.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Response<RecvStream>, BrokenExchange> {
        let answer = self.try_send(request, body).await.map_err(|error| self.broken(&error))?;
        self.has_answered = true;
        self.connection.allow_more();
        Ok(answer)
    }

    async fn try_send(&self, request: Request<()>, body: Bytes) -> Result<Response<RecvStream>, h2::Error> {
        let mut sender = self.connection.sender.clone().ready().await?;
        let (answer, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            // All of the body is in memory already; it is handed over whole, and goes out as the endpoint takes it.
            stream.send_data(body, true)?;
        }
        answer.await
    }

    /// The next part of the answer's body, or `None` at its end.
    pub(crate) async fn part(&mut self, body: &mut RecvStream) -> Option<Result<Bytes, BrokenExchange>> {
        let Some(part) = body.data().await else {
            self.is_over = true;
            return None;
        };
        let taken = part.and_then(|bytes| body.flow_control().release_capacity(bytes.len()).map(|()| bytes));
        let bytes = match taken {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(self.broken(&error))),
        };
        self.connection.allow_more();
        self.body_read += bytes.len();
        if self.body_read > RESPONSE_READ_BYTES_MAX {
            return Some(Err(self.too_long()));
        }
        Some(Ok(bytes))
    }

    fn broken(&mut self, error: &h2::Error) -> BrokenExchange {
        self.is_over = true;
        let is_reset = error.is_reset() && error.is_remote();
        let is_refused = is_reset && error.reason() == Some(Reason::REFUSED_STREAM);
        // Of a GOAWAY only those requests hear that it excludes.
        let is_excluded = error.is_go_away() && error.is_remote();
        let is_unprocessed = !self.has_answered && (is_refused || is_excluded);
        if is_unprocessed || !is_reset {
            self.connection.retire();
        }
        let meter = &self.connection.meter;
        if meter.is_exceeded() {
            return self.too_long();
        }
        let failure = match meter.tls_failure() {
            Some(failure) => failure.clone(),
            None => failure::of_shared_exchange(error, self.has_answered),
        };
        // Whatever came since the request was begun shows that the endpoint was still there, and may have acted on it.
        let has_answered = self.has_answered || !error.is_io() || meter.bytes_read() != self.read_before;
        BrokenExchange { failure, is_unprocessed, has_answered }
    }

    fn too_long(&self) -> BrokenExchange {
        let failure = Failure::new(FailureKind::ResponseTooLarge, AnswerTooLong.to_string());
        BrokenExchange { failure, is_unprocessed: false, has_answered: true }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Given up without a word from the other side: the connection may have died silently, and whoever came next
        // would wait in vain as well.
        if !self.is_over && self.connection.meter.bytes_read() == self.read_before {
            self.connection.retire();
        }
    }
}
