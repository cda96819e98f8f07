//! A transport that sends nothing: it notes what it was given and answers as it was told.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use hookseal_engine::{
    AttemptResult, EndpointTls, Failure, FailureKind, HttpVersion, Phases,
    ports::{Endpoint, EndpointError, Outbound, TlsPart, Transport},
};
use http::{HeaderValue, Uri};
use parking_lot::Mutex;
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct NotingTransport {
    sent: Mutex<Vec<Outbound>>,
    answers: Mutex<VecDeque<AttemptResult>>,
    /// While true, attempts wait.
    held: watch::Sender<bool>,
}

impl NotingTransport {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { sent: Mutex::default(), answers: Mutex::default(), held: watch::Sender::new(false) })
    }

    /// What the next attempt comes to; without one it is a 204.
    pub(crate) fn answer(&self, result: AttemptResult) {
        self.answers.lock().push_back(result);
    }

    /// Has attempts wait, or go on.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Outbound> {
        self.sent.lock().clone()
    }
}

/// An answer with this status and body.
pub(crate) fn answered(status: u16, body: &'static [u8]) -> AttemptResult {
    AttemptResult {
        status: Some(status),
        response_headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        response_body: body.into(),
        phases: Phases {
            connect: Some(Duration::from_micros(350)),
            first_byte: Some(Duration::from_millis(3)),
            total: Duration::from_micros(4250),
            ..Phases::default()
        },
        address: Some(([192, 0, 2, 7], 443).into()),
        http_version: Some(HttpVersion::Http2),
        proxy: Some("http://proxy.example:3128".to_owned()),
        ..AttemptResult::default()
    }
}

/// No answer at all.
pub(crate) fn refused() -> AttemptResult {
    AttemptResult {
        failure: Some(Failure::new(FailureKind::Connection, "connection refused")),
        phases: Phases { total: Duration::from_millis(1), ..Phases::default() },
        ..AttemptResult::default()
    }
}

#[async_trait]
impl Transport for NotingTransport {
    fn endpoint(&self, url: &str, tls: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        // Certificates are the real transport's to read; what stands for a bad one here is a text of its own.
        if tls.ca_certificates.as_deref() == Some("bad") {
            let detail = "is not a certificate in PEM".to_owned();
            return Err(EndpointError::Tls { part: TlsPart::CaCertificates, detail });
        }
        let uri: Uri = url.parse().map_err(|_| EndpointError::Malformed("it cannot be read"))?;
        let host = uri.host().ok_or(EndpointError::Malformed("it has no host"))?;
        if uri.scheme_str() != Some("https") {
            return Err(EndpointError::PlainHttp);
        }
        Ok(Arc::new(Endpoint {
            tls: true,
            host: host.to_owned(),
            port: 443,
            authority: HeaderValue::from_str(host).unwrap(),
            path_and_query: uri.path_and_query().unwrap().clone(),
            own_tls: None,
        }))
    }

    async fn send(&self, outbound: Outbound) -> AttemptResult {
        self.sent.lock().push(outbound);
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        self.answers.lock().pop_front().unwrap_or_else(|| answered(204, b""))
    }
}
