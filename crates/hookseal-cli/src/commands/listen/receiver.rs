//! The receiver itself: raw bytes in, verified, answered.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{Request, State},
    response::Response,
    serve::ListenerExt,
};
use bytes::Bytes;
use hookseal::Headers;
use hookseal_engine::ports::Clock;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Checker, answer,
    report::{Outcome, Report},
};
use crate::{limits, ports::SystemClock};

/// The receiver's address cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address}; another program may be listening there, choose another port")]
pub(crate) struct ReceiverError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// A running receiver.
pub(crate) struct Receiver {
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Receiver {
    /// Starts a receiver, which reports each request before it answers it.
    ///
    /// # Errors
    ///
    /// [`ReceiverError`] where the address cannot be listened at.
    pub(crate) async fn start(
        address: SocketAddr,
        checker: Checker,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, ReceiverError> {
        let failed = |source| ReceiverError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // An answer is one small write: waiting for more to send with it only costs time.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let state = Arc::new(Receiving { checker, reports });
        let router = Router::new().fallback(receive).with_state(state);
        let (shutdown, asked) = oneshot::channel();
        let shutdown_asked = async { drop::<Result<(), _>>(asked.await) };
        let serving = tokio::spawn(async {
            axum::serve(listener, router).with_graceful_shutdown(shutdown_asked).await
        });
        Ok(Self { address, shutdown, serving })
    }

    /// Where it listens, with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: accepts nothing more, and lets requests under way end within a bound.
    pub(crate) async fn stop(mut self) {
        drop(self.shutdown);
        if tokio::time::timeout(limits::RECEIVER_DRAIN, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

struct Receiving {
    checker: Checker,
    reports: mpsc::Sender<Report>,
}

async fn receive(State(receiving): State<Arc<Receiving>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let received = SystemClock.now();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let checker = &receiving.checker;
    let mut answer = None;
    let (outcome, body) = match checker.answers(head.uri.path()) {
        false => (Outcome::OtherPath, Bytes::new()),
        true => match read(body).await {
            Err(outcome) => (outcome, Bytes::new()),
            Ok(body) => {
                let (method, headers) = (head.method.as_str(), &Lines(&head.headers));
                let request = || hookseal::Request { method, url: &path, headers, body: &body };
                let (outcome, given) = checker.check(&request).await;
                answer = given;
                (outcome, body)
            }
        },
    };
    let (response, forwarded) = match checker.forward.as_ref().filter(|forward| forward.takes(&outcome)) {
        None => (answer::respond(checker, &outcome, answer, &body), None),
        Some(forward) => {
            let sent = forward.send(&head.method, head.uri.query(), &head.headers, body.clone());
            let (forwarded, returned) = sent.await;
            (answer::pass_back(returned), Some(forwarded))
        }
    };
    let report = Report {
        profile: checker.chosen.profile.name().to_owned(),
        secrets: checker.secrets,
        method: head.method,
        path,
        headers: head.headers,
        body,
        status: response.status(),
        outcome,
        forwarded,
        received,
        explanation: None,
    };
    // Whoever read the reports is gone when the process is about to end; the answer is due all the same.
    let _ = receiving.reports.send(report).await;
    response
}

/// The bytes of a body as they came, or why they are not there.
async fn read(body: Body) -> Result<Bytes, Outcome> {
    // A length that is announced is taken at its word, and nothing of it is read.
    if body.size_hint().lower() > limits::RECEIVED_BODY_BYTES_MAX as u64 {
        return Err(Outcome::TooLong);
    }
    match Limited::new(body, limits::RECEIVED_BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Outcome::TooLong),
        Err(_) => Err(Outcome::CutShort),
    }
}

/// A header map as the library reads headers: every line of a name.
pub(super) struct Lines<'h>(pub(super) &'h HeaderMap);

impl Headers for Lines<'_> {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        self.0.get_all(name).into_iter().for_each(|value| found(value.as_bytes()));
    }

    fn names<'h>(&'h self, found: &mut dyn FnMut(&'h str)) {
        self.0.keys().for_each(|name| found(name.as_str()));
    }
}
