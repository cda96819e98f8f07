//! A connection to an endpoint that speaks HTTP/1.1.
//!
//! The connection's own state machine is not spawned as a task: whoever waits for its answer drives it. This saves two
//! wake-ups and a task switch a request, and whoever drops the link closes the connection at once. It also means that
//! answers and bodies become ready only while the connection is driven, so that they are asked without a waker: with
//! one, each would wake the task that is running already.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use hookseal_engine::limits::RESPONSE_HEAD_BYTES_MAX;

use crate::course::Route;
use crate::socket::{Meter, Socket};

/// An open connection, on which one request at a time goes out.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended. It is dropped then and not only left alone, because what waits
    /// for its answer hears of the end by that.
    connection: Option<Connection<TokioIo<Socket>, Full<Bytes>>>,
    meter: Arc<Meter>,
    route: Route,
}

impl Link {
    /// Speaks HTTP/1.1 on a socket that leads to an endpoint by `route`.
    pub(crate) async fn open(socket: Socket, route: Route) -> hyper::Result<Self> {
        let meter = socket.meter();
        let mut builder = Builder::new();
        builder.max_header_size(RESPONSE_HEAD_BYTES_MAX).max_buf_size(RESPONSE_HEAD_BYTES_MAX);
        #[expect(clippy::disallowed_methods, reason = "the socket goes to an address that has been checked")]
        let (sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
        Ok(Self { sender, connection: Some(connection), meter, route })
    }

    /// How the connection leads to the endpoint.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Whether a request can be sent now: the answer before was read to its end, and the endpoint has not closed.
    pub(crate) fn is_ready(&mut self) -> bool {
        drive(&mut self.connection, &mut unwoken());
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer. Interim answers (1xx) are skipped.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.meter.reset();
        let mut answer = pin!(self.sender.send_request(request));
        poll_fn(|cx| {
            drive(&mut self.connection, cx);
            answer.as_mut().poll(&mut unwoken())
        })
        .await
    }

    /// Whether anything came since the last request was sent.
    pub(crate) fn has_answered(&self) -> bool {
        self.meter.bytes_read() > 0
    }

    /// The next part of the body of an answer on this link, or `None` at its end.
    pub(crate) async fn frame(&mut self, body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        poll_fn(|cx| self.poll_frame(body, cx)).await
    }

    fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        // Asking the body first tells the connection to read on; what it then reads is there at the second time.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut unwoken()) {
            return Poll::Ready(frame);
        }
        drive(&mut self.connection, cx);
        Pin::new(body).poll_frame(&mut unwoken())
    }
}

fn unwoken() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn drive(connection: &mut Option<Connection<TokioIo<Socket>, Full<Bytes>>>, cx: &mut Context<'_>) {
    if let Some(running) = connection
        && let Poll::Ready(outcome) = Pin::new(running).poll(cx)
    {
        if let Err(error) = outcome {
            tracing::debug!(%error, "connection ended");
        }
        *connection = None;
    }
}
