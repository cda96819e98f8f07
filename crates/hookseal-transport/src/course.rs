//! What is known of an attempt so far, kept outside the future that the deadline may cut off at any point.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hookseal_engine::limits::{RESPONSE_HEADERS_KEPT_BYTES, RESPONSE_KEPT_BYTES};
use hookseal_engine::{AttemptResult, Failure, FailureKind, HttpVersion};
use http::header::{LOCATION, RETRY_AFTER};
use http::{StatusCode, Uri, Version};

use crate::stopwatch::Stopwatch;

/// The course of one attempt.
pub(crate) struct Course {
    result: AttemptResult,
    body: Vec<u8>,
    /// Bytes of the body that came, kept or not.
    body_read: usize,
    timeout: Duration,
    started: Stopwatch,
    stage: Stage,
    stage_started: Stopwatch,
}

/// How a connection leads to its endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The address; `None` where only a proxy knows it.
    pub(crate) address: Option<SocketAddr>,
    /// The proxy that the connection was asked of.
    pub(crate) proxy: Option<Arc<str>>,
}

/// What an attempt is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Resolving,
    Connecting,
    Handshaking,
    /// The request is being sent, and the head of the answer waited for.
    Waiting,
    Reading,
}

impl Course {
    pub(crate) fn start(timeout: Duration) -> Self {
        let now = Stopwatch::start();
        Self {
            result: AttemptResult::default(),
            body: Vec::new(),
            body_read: 0,
            timeout,
            started: now,
            stage: Stage::Starting,
            stage_started: now,
        }
    }

    /// How much of the deadline is left.
    pub(crate) fn remaining(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }

    pub(crate) fn enter(&mut self, stage: Stage) {
        let now = Stopwatch::start();
        self.close_stage(now);
        self.stage = stage;
        self.stage_started = now;
    }

    /// The connection is asked of this proxy, or of none.
    pub(crate) fn asks(&mut self, proxy: Option<&Arc<str>>) {
        self.result.proxy = proxy.map(ToString::to_string);
    }

    pub(crate) fn connected_by(&mut self, route: &Route) {
        self.result.address = route.address;
        self.result.proxy = route.proxy.as_deref().map(str::to_owned);
    }

    /// The connection came to nothing, and the attempt goes on without it.
    pub(crate) fn disconnected(&mut self) {
        self.result.address = None;
        self.result.proxy = None;
    }

    /// Takes in the head of the answer, of which names may come in any case. A redirect is a failure whatever follows, since it is not followed.
    pub(crate) fn answered<'h>(
        &mut self,
        version: Version,
        status: StatusCode,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) {
        self.result.http_version = Some(match version {
            Version::HTTP_2 => HttpVersion::Http2,
            Version::HTTP_10 => HttpVersion::Http10,
            _ => HttpVersion::Http11,
        });
        self.result.status = Some(status.as_u16());
        let (mut retry_after, mut location) = (None, None);
        let headers = headers.inspect(|(name, value)| {
            if name.eq_ignore_ascii_case(RETRY_AFTER.as_str()) {
                retry_after.get_or_insert(*value);
            } else if name.eq_ignore_ascii_case(LOCATION.as_str()) {
                location.get_or_insert(*value);
            }
        });
        self.result.response_headers = kept_headers(headers);
        self.result.retry_after = retry_after.and_then(crate::retry_after::parse);
        if status.is_redirection()
            && let Some(location) = location
        {
            self.result.failure = Some(Failure::new(FailureKind::Redirect, redirect_words(status, location)));
        }
    }

    /// Takes in bytes of the answer's body, and keeps them as far as there is room.
    pub(crate) fn read(&mut self, data: &[u8]) {
        let kept = data.len().min(RESPONSE_KEPT_BYTES - self.body.len());
        self.body.extend_from_slice(&data[..kept]);
        self.body_read += data.len();
        self.result.response_truncated |= kept < data.len();
    }

    /// Makes room for a body of about `bytes`.
    pub(crate) fn expect_body(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.body.reserve_exact(bytes.min(RESPONSE_KEPT_BYTES));
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.result.failure.get_or_insert(failure);
    }

    /// The deadline passed.
    ///
    /// A proxy that has given no connection by then may hang itself, or still be trying to reach the endpoint. It is
    /// held to be the one at fault: blaming the endpoints would have a proxy that hangs disable all of them at once,
    /// while one endpoint that a proxy cannot reach is still held to account when a delivery is given up.
    pub(crate) fn time_out(&mut self) {
        let kind = match (self.stage, &self.result.proxy) {
            (Stage::Connecting, Some(_)) => FailureKind::Proxy,
            _ => FailureKind::Timeout,
        };
        let reached = match self.stage {
            Stage::Starting | Stage::Resolving => "the name was still being resolved".to_owned(),
            Stage::Connecting => match &self.result.proxy {
                Some(proxy) => format!("the proxy {proxy} had not given a connection"),
                None => "the connection was still being opened".to_owned(),
            },
            Stage::Handshaking => "the TLS handshake was still under way".to_owned(),
            Stage::Waiting => "the endpoint had not begun to answer".to_owned(),
            Stage::Reading => format!("{} of the body had come", bytes_words(self.body_read)),
        };
        let detail = format!("no whole answer within {}: {reached}", duration_words(self.timeout));
        self.fail(Failure::new(kind, detail));
    }

    pub(crate) fn finish(mut self) -> AttemptResult {
        let now = Stopwatch::start();
        self.close_stage(now);
        self.result.phases.total = now.since(self.started);
        self.result.response_body = self.body.into();
        self.result
    }

    /// Notes how long the stage took, also if it did not come to its end; but a first byte that never came took no
    /// time.
    fn close_stage(&mut self, now: Stopwatch) {
        let took = Some(now.since(self.stage_started));
        let phases = &mut self.result.phases;
        match self.stage {
            Stage::Resolving => phases.dns = took,
            Stage::Connecting => phases.connect = took,
            Stage::Handshaking => phases.tls = took,
            Stage::Waiting if self.result.status.is_some() => phases.first_byte = took,
            Stage::Starting | Stage::Waiting | Stage::Reading => {}
        }
    }
}

/// The headers, in their order, without those that no longer fit into what is kept of them.
fn kept_headers<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Vec<(String, String)> {
    let mut room = RESPONSE_HEADERS_KEPT_BYTES;
    let kept = headers.filter_map(|(name, value)| {
        // Replacing what is not UTF-8 can make a value longer, so that it is measured afterwards.
        let value = String::from_utf8_lossy(value);
        room = room.checked_sub(name.len() + value.len())?;
        Some((name.to_ascii_lowercase(), value.into_owned()))
    });
    kept.collect()
}

/// Only the host of the location is named: its path and query may hold what is secret.
fn redirect_words(status: StatusCode, location: &[u8]) -> String {
    let uri = Uri::try_from(location).ok();
    let host = uri.as_ref().and_then(Uri::host).map_or_else(String::new, |host| format!(" to {host}"));
    format!("the endpoint answered {status} with a redirect{host}, which is not followed")
}

fn bytes_words(bytes: usize) -> String {
    match bytes {
        0 => "nothing".to_owned(),
        1 => "1 byte".to_owned(),
        2..1024 => format!("{bytes} bytes"),
        // Tenths of a KiB by integers: at most 1 MiB is read.
        _ => format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024),
    }
}

fn duration_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) { format!("{} s", millis / 1000) } else { format!("{millis} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_up_to_their_bound() {
        let (huge, long) = ("v".repeat(9000), "v".repeat(1000));
        let mut headers: Vec<(&str, &[u8])> = vec![("X-Odd", b"caf\xe9"), ("x-huge", huge.as_bytes())];
        headers.extend([("x-long", long.as_bytes()); 20]);
        let kept = kept_headers(headers.into_iter());
        assert_eq!(kept[0], ("x-odd".to_owned(), "caf\u{fffd}".to_owned()));
        assert_eq!(kept.len(), 1 + (RESPONSE_HEADERS_KEPT_BYTES - "x-oddcaf\u{fffd}".len()) / 1006);
    }

    #[test]
    fn a_timeout_says_how_far_it_came() {
        let mut course = Course::start(Duration::from_millis(1500));
        course.enter(Stage::Connecting);
        course.time_out();
        let result = course.finish();
        let failure = result.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert_eq!(failure.detail, "no whole answer within 1500 ms: the connection was still being opened");
        assert!(result.phases.connect.is_some() && result.phases.first_byte.is_none());

        let mut course = Course::start(Duration::from_secs(5));
        course.enter(Stage::Waiting);
        course.answered(Version::HTTP_11, StatusCode::OK, std::iter::empty());
        course.enter(Stage::Reading);
        course.read(&[0; 1280]);
        course.time_out();
        let result = course.finish();
        assert_eq!(
            result.failure.unwrap().detail,
            "no whole answer within 5 s: 1.2 KiB of the body had come"
        );
        assert_eq!((result.status, result.response_body.len()), (Some(200), 1280));
        assert!(result.phases.first_byte.is_some());
    }

    #[test]
    fn a_redirect_names_the_host_and_no_more() {
        let words = |location: &str| redirect_words(StatusCode::FOUND, location.as_bytes());
        assert_eq!(
            words("https://user:pw@other.example/path?token=s3cret"),
            "the endpoint answered 302 Found with a redirect to other.example, which is not followed"
        );
        assert!(!words("/path?token=s3cret").contains("s3cret"));
        assert!(!words("::: s3cret").contains("s3cret"));
    }
}
