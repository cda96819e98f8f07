//! What every answer carries: the request's id, and problems written out.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::{extract::Request, response::Response};
use hookseal::Timestamp;
use http::{HeaderName, HeaderValue};
use tower::{Layer, Service};

use crate::{limits, problem::Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts an [`Envelope`] around a service.
#[derive(Debug, Clone)]
pub(crate) struct EnvelopeLayer {
    ids: Arc<RequestIds>,
}

/// A service whose answers carry the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Envelope<S> {
    inner: S,
    ids: Arc<RequestIds>,
}

impl EnvelopeLayer {
    /// For a server that starts now.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { ids: Arc::new(RequestIds { started: now.as_unix_millis(), next: AtomicU64::new(1) }) }
    }
}

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Envelope<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Envelope { inner, ids: Arc::clone(&self.ids) }
    }
}

impl<S> Service<Request> for Envelope<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = self.ids.of(&request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(problem) = response.extensions_mut().remove::<Problem>() {
                problem.write(id.to_str().unwrap_or_default(), &mut response);
            }
            response.headers_mut().insert(REQUEST_ID, id);
            Ok(response)
        })
    }
}

/// Names requests: they need to be told apart in a log, and nothing more.
#[derive(Debug)]
struct RequestIds {
    /// When the server started, in Unix milliseconds: what tells its ids from those of its other runs.
    started: i64,
    next: AtomicU64,
}

impl RequestIds {
    /// The id that the client gave, where it can stand in a log, or a new one.
    fn of(&self, request: &Request) -> HeaderValue {
        if let Some(given) = request.headers().get(REQUEST_ID)
            && is_plain(given)
        {
            return given.clone();
        }
        let id = format!("{:011x}-{:x}", self.started, self.next.fetch_add(1, Relaxed));
        HeaderValue::from_maybe_shared(bytes::Bytes::from(id))
            .expect("invariant: hexadecimal digits are visible")
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    (1..=limits::REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn id_for(given: Option<&[u8]>) -> String {
        let ids = RequestIds { started: 1_750_000_000_000, next: AtomicU64::new(31) };
        let mut request = Request::new(Body::empty());
        if let Some(given) = given {
            request.headers_mut().insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
        }
        ids.of(&request).to_str().unwrap().to_owned()
    }

    #[test]
    fn takes_a_plain_id_over_and_makes_one_otherwise() {
        let made = "197746c7400-1f".to_owned();
        assert_eq!(id_for(None).len(), made.len());
        assert_eq!(id_for(Some(b"abc-123")), "abc-123");
        assert_eq!(id_for(Some("x".repeat(128).as_bytes())), "x".repeat(128));
        for odd in [&b""[..], b"a b", "ä".as_bytes(), "x".repeat(129).as_bytes()] {
            assert_eq!(id_for(Some(odd)), id_for(None));
        }
    }
}
