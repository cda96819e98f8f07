//! Endpoints that behave as they are told, and what sends to them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookseal_engine::ports::{Endpoint, Outbound, Transport};
use hookseal_engine::{AttemptResult, EndpointTls, FailureKind};
use hookseal_transport::{HttpTransport, Resolve, ResolveError, TransportConfig};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// No test waits for longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An endpoint on loopback.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Runs `serve` for every connection, with its number from 0.
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_on("127.0.0.1:0", serve).await
    }

    pub(crate) async fn start_on<F>(
        address: &str,
        serve: impl Fn(TcpStream, usize) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, number));
            }
        });
        Self { address, accepted }
    }

    /// Answers every request on every connection with the same bytes.
    pub(crate) async fn answering(answer: impl Into<Bytes>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                while read_request(&mut stream).await.is_some() && stream.write_all(&answer).await.is_ok() {}
            }
        })
        .await
    }

    /// Reads one request on every connection, writes these bytes and closes.
    pub(crate) async fn answering_once(answer: impl Into<Bytes>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await;
                stream.write_all(&answer).await.ok();
                stream.shutdown().await.ok();
            }
        })
        .await
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

/// One whole request as it came, or `None` when the connection is closed before there is one.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.map_or(0, |text| text.parse().unwrap());
            if request.len() >= end + 4 + length {
                return Some(request);
            }
        }
        match stream.read_buf(&mut request).await {
            Ok(n) if n > 0 => {}
            _ => return None,
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Waits until the other side closes; discards what comes until then.
pub(crate) async fn closed(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
}

/// Waits until a condition holds, for as long as anything in these tests may take.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never came: {what}"));
}

pub(crate) fn config() -> TransportConfig {
    TransportConfig {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        system_roots: false,
        ..TransportConfig::default()
    }
}

pub(crate) fn transport() -> HttpTransport {
    HttpTransport::new(config()).unwrap()
}

pub(crate) fn outbound(endpoint: Arc<Endpoint>) -> Outbound {
    let (method, body) = (http::Method::POST, Bytes::from_static(b"{}"));
    Outbound { endpoint, method, headers: Vec::new(), body, timeout: PATIENCE }
}

pub(crate) async fn post_with(transport: &HttpTransport, url: &str, tls: &EndpointTls) -> AttemptResult {
    transport.send(outbound(transport.endpoint(url, tls).unwrap())).await
}

pub(crate) async fn post(transport: &HttpTransport, url: &str) -> AttemptResult {
    post_with(transport, url, &EndpointTls::default()).await
}

/// Posts from 16 senders at once, 1,008 times in all.
pub(crate) async fn post_a_thousand_times(transport: HttpTransport, url: String) {
    let transport = Arc::new(transport);
    let mut senders = JoinSet::new();
    for _ in 0..16 {
        let (transport, url) = (Arc::clone(&transport), url.clone());
        senders.spawn(async move {
            for _ in 0..63 {
                assert_ok(&post(&transport, &url).await);
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
}

/// Posts with a fresh transport to an endpoint that answers with these bytes and closes.
pub(crate) async fn answer_to(answer: impl Into<Bytes>) -> AttemptResult {
    let server = Server::answering_once(answer).await;
    post(&transport(), &server.url()).await
}

#[track_caller]
pub(crate) fn assert_failed(result: &AttemptResult, kind: FailureKind, words: &str) {
    let failure = result.failure.as_ref().unwrap_or_else(|| panic!("no failure: {result:?}"));
    assert_eq!(failure.kind, kind, "{failure:?}");
    assert!(failure.detail.contains(words), "{failure:?}");
    assert!(!failure.detail.ends_with('.') && failure.detail.len() < 300, "{failure:?}");
}

#[track_caller]
pub(crate) fn assert_ok(result: &AttemptResult) {
    assert_eq!((result.status, &result.failure), (Some(200), &None), "{result:?}");
}

/// A resolver that answers as it is told, in turn; the last answer stays.
#[derive(Debug, Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub(crate) asked: AtomicUsize,
}

impl Names {
    pub(crate) fn new(host: &str, answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        let answers = answers.iter().map(parse).collect();
        Arc::new(Self {
            answers: Mutex::new(HashMap::from([(host.to_owned(), answers)])),
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock();
        let answers = answers.get_mut(host).ok_or(ResolveError::NoSuchName)?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}
