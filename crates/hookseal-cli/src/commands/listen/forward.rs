//! Sending a request on as it came.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hookseal_engine::{
    AttemptResult,
    ports::{Endpoint, Outbound, Transport},
};
use hookseal_transport::HttpTransport;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, uri::PathAndQuery};
use serde::Serialize;

use super::report::Outcome;
use crate::{
    commands::outbound::{self, OutboundError, is_of_the_connection, millis},
    limits,
};

/// Where requests are sent on to.
pub(crate) struct Forward {
    transport: HttpTransport,
    endpoint: Arc<Endpoint>,
    url: String,
    /// Whether what does not verify is sent on as well.
    unverified: bool,
}

/// What came of sending a request on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Forwarded {
    /// The status of the answer, where there was one.
    pub(crate) status: Option<u16>,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Why there was no whole answer: the kind.
    pub(crate) error: Option<&'static str>,
    /// The same in words.
    pub(crate) detail: Option<String>,
}

/// The answer of the target, as far as it is passed back.
pub(super) struct Returned {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Forward {
    /// # Errors
    ///
    /// The URL is none that can be sent to, or there are no sockets.
    pub(super) fn new(url: &str, unverified: bool) -> Result<Self, OutboundError> {
        let transport = outbound::transport()?;
        let endpoint = outbound::target(&transport, url)?;
        Ok(Self { transport, endpoint, url: url.to_owned(), unverified })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a request with this outcome is sent on. Handshakes are answered here and never are.
    pub(super) fn takes(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Verified(_) => true,
            Outcome::Refused(_) | Outcome::NoSecret => self.unverified,
            _ => false,
        }
    }

    /// Sends a request on: its method, its headers but those of the connection, and the bytes of its body. The query
    /// goes along, as it may be signed.
    pub(super) async fn send(
        &self,
        method: &Method,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> (Forwarded, Returned) {
        let headers = headers
            .iter()
            .filter(|(name, _)| !is_of_the_connection(name) && !is_listed_by_connection(headers, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let endpoint = match query {
            Some(query) => self.with_query(query),
            None => Arc::clone(&self.endpoint),
        };
        let (method, timeout) = (method.clone(), limits::FORWARD_TIMEOUT);
        let result = self.transport.send(Outbound { endpoint, method, headers, body, timeout }).await;
        (Forwarded::new(&result), Returned::new(result))
    }

    fn with_query(&self, query: &str) -> Arc<Endpoint> {
        let own = &self.endpoint.path_and_query;
        let separator = if own.query().is_some() { '&' } else { '?' };
        match PathAndQuery::try_from(format!("{own}{separator}{query}")) {
            Ok(path_and_query) => Arc::new(Endpoint { path_and_query, ..(*self.endpoint).clone() }),
            // What was received as a query is one.
            Err(_) => Arc::clone(&self.endpoint),
        }
    }
}

/// Whether `connection` names a header, which is then no part of the message (RFC 9110 section 7.6.1).
fn is_listed_by_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    let lines = headers.get_all(http::header::CONNECTION).into_iter();
    let mut names = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    names.any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()))
}

impl Forwarded {
    fn new(result: &AttemptResult) -> Self {
        // A redirect is an answer like any other: whoever sent the request may follow it.
        let failure = result.failure.as_ref().filter(|_| !is_whole(result));
        Self {
            status: result.status.filter(|_| failure.is_none()),
            duration_ms: millis(result.phases.total),
            error: failure.map(|failure| failure.kind.as_str()),
            detail: failure.map(|failure| failure.detail.clone()),
        }
    }
}

impl Returned {
    fn new(result: AttemptResult) -> Self {
        let whole = is_whole(&result);
        let status = result.status.filter(|_| whole).and_then(|status| StatusCode::from_u16(status).ok());
        let Some(status) = status else {
            return Self { status: StatusCode::BAD_GATEWAY, headers: HeaderMap::new(), body: Bytes::new() };
        };
        // Of a longer body only the beginning is there, which is worse than nothing.
        let body = if result.response_truncated { Bytes::new() } else { result.response_body };
        let mut headers = HeaderMap::new();
        for (name, value) in &result.response_headers {
            let header = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
            if let (Ok(name), Ok(value)) = header
                && !is_of_the_connection(&name)
                && !(body.is_empty() && name == http::header::CONTENT_ENCODING)
            {
                headers.append(name, value);
            }
        }
        Self { status, headers, body }
    }
}

/// Whether an answer came to its end.
fn is_whole(result: &AttemptResult) -> bool {
    use hookseal_engine::FailureKind::{Redirect, Status};
    let kind = result.failure.as_ref().map(|failure| failure.kind);
    result.status.is_some() && matches!(kind, None | Some(Redirect | Status))
}

impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.error) {
            (Some(status), _) => write!(f, "forwarded {status} in {} ms", self.duration_ms),
            (None, error) => {
                let (error, detail) = (error.unwrap_or("failed"), self.detail.as_deref().unwrap_or_default());
                write!(f, "not forwarded, {error}: {}", detail.escape_debug())
            }
        }
    }
}
