//! Signed requests, receivers that stand still in time, and a log in memory.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use hookseal::{Message, Params, Part, Profile, Secret, SignedHeaders, Signer, Timestamp};
use hookseal_tower::{Clock, Receiver, ReceiverBuilder, Verified};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use tower::{Layer, ServiceExt};
use tracing_subscriber::fmt::MakeWriter;

/// When the tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

pub(crate) const SECRET: &str = "a-secret-of-the-tests";

/// A clock that stands still until it is set.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicI64>);

impl SetClock {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_unix_millis())))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.as_unix_millis(), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn builtin(name: &str) -> &'static Arc<Profile> {
    Profile::builtin(name).unwrap()
}

/// A receiver of a built-in profile with the secret of the tests, at the time of the tests.
pub(crate) fn receiver(profile: &str) -> ReceiverBuilder {
    Receiver::builder(builtin(profile)).secret(Secret::new(SECRET)).clock(SetClock::at(NOW))
}

/// The headers with which a profile signs a body.
pub(crate) fn signed(profile: &Profile, secret: &str, now: Timestamp, body: &[u8]) -> Vec<(String, String)> {
    let signer = Signer::new(profile, Part::Delivery, &[Secret::new(secret)], &Params::new()).unwrap();
    let mut headers = SignedHeaders::new();
    let message = Message::new(now, "dlv_1", body).with_event_type("order.confirmed");
    signer.sign(&message, &mut headers).unwrap();
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A request with these headers and this body.
pub(crate) fn post(headers: &[(String, String)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    post_body(headers, Full::new(body.into()))
}

/// A request with these headers and a body of any kind.
pub(crate) fn post_body<B>(headers: &[(String, String)], body: B) -> Request<B> {
    let mut request = Request::post("/hooks");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(body).unwrap()
}

/// A request that a receiver of the tests takes.
pub(crate) fn good(profile: &str, body: &'static [u8]) -> Request<Full<Bytes>> {
    let headers = signed(builtin(profile), SECRET, NOW, body);
    post(&headers, body)
}

/// What a receiver before this handler answers to a request.
pub(crate) async fn call<B, H, F>(receiver: &Receiver, handler: H, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    H: Fn(Request<Full<Bytes>>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let handler = move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    };
    let service = receiver.layer().layer(tower::service_fn(handler));
    let response = service.oneshot(request).await.unwrap();
    Answer::of(response).await
}

/// What a receiver answers whose handler says how many bytes it was given.
pub(crate) async fn count<B>(receiver: &Receiver, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    call(receiver, |request| async move { counted(request).await }, request).await
}

/// An answer of the number of bytes, which are the same in the proof and in the request.
pub(crate) async fn counted(request: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
    let verified = Verified::of(request.extensions()).cloned().unwrap();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(verified.body(), &body);
    status(StatusCode::OK, &body.len().to_string())
}

pub(crate) fn status(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(text.to_owned()))).unwrap()
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of<B>(response: Response<B>) -> Self
    where
        B: Body,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = response.into_parts();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// A log in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Logs everything of this thread until the guard is dropped.
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
