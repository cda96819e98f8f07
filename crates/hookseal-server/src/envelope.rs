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

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use hookseal::Timestamp;
use http::{HeaderName, HeaderValue, Method};
use tower::Service;

use crate::{api::Api, calls::publish, limits, problem::Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The API's outside: every answer carries the request's id, and every problem is written out.
///
/// Publishing is what most requests are, so it is recognised here, ahead of the router, which would box and clone its
/// way to the same call.
#[derive(Clone)]
pub(crate) struct Envelope {
    api: Arc<Api>,
    routes: Router,
    ids: Arc<RequestIds>,
}

impl Envelope {
    /// Around these routes, for a server that starts now.
    pub(crate) fn new(api: Arc<Api>, routes: Router) -> Self {
        let ids = Arc::new(RequestIds::since(api.engine.now()));
        Self { api, routes, ids }
    }
}

impl Service<Request> for Envelope {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = self.ids.of(&request);
        if request.method() == Method::POST && request.uri().path() == publish::PATH {
            let api = Arc::clone(&self.api);
            return Box::pin(
                async move { Ok(sealed(publish::request(api, request).await.into_response(), id)) },
            );
        }
        let answer = self.routes.call(request);
        Box::pin(async move { Ok(sealed(answer.await?, id)) })
    }
}

fn sealed(mut response: Response, id: HeaderValue) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.write(id.to_str().unwrap_or_default(), &mut response);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Names requests: they need to be told apart in a log, and nothing more.
#[derive(Debug)]
struct RequestIds {
    /// When the server started, in Unix milliseconds and hexadecimal: what tells its ids from those of other runs.
    started: String,
    next: AtomicU64,
}

impl RequestIds {
    fn since(started: Timestamp) -> Self {
        Self { started: format!("{:011x}-", started.as_unix_millis()), next: AtomicU64::new(1) }
    }

    /// The id that the client gave, where it can stand in a log, or a new one.
    fn of(&self, request: &Request) -> HeaderValue {
        if let Some(given) = request.headers().get(REQUEST_ID)
            && is_plain(given)
        {
            return given.clone();
        }
        let id = format!("{}{:x}", self.started, self.next.fetch_add(1, Relaxed));
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
        let ids = RequestIds::since(Timestamp::from_unix_millis(1_750_000_000_000));
        let mut request = Request::new(Body::empty());
        if let Some(given) = given {
            request.headers_mut().insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
        }
        ids.of(&request).to_str().unwrap().to_owned()
    }

    #[test]
    fn takes_a_plain_id_over_and_makes_one_otherwise() {
        assert_eq!(id_for(None), "1977420dc00-1");
        assert_eq!(id_for(Some(b"abc-123")), "abc-123");
        assert_eq!(id_for(Some("x".repeat(128).as_bytes())), "x".repeat(128));
        for odd in [&b""[..], b"a b", "ä".as_bytes(), "x".repeat(129).as_bytes()] {
            assert_eq!(id_for(Some(odd)), id_for(None));
        }
    }
}
