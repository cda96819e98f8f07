//! One GET over HTTPS, within one deadline and one bound of bytes.

use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::ports::Endpoint;
use hookseal_engine::{Failure, FailureKind};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use super::error::KeyError;
use crate::answer::Head;
use crate::course::{Course, Stage};
use crate::dial::Dialer;
use crate::limits::KEY_BYTES_MAX;
use crate::link::{Link, Unanswered};
use crate::{failure, request};

/// An answer of status 200.
pub(super) struct Download {
    pub(super) body: Vec<u8>,
    /// How long the answer says that it may be kept, where it does (RFC 9111 section 5.2.2).
    pub(super) lifetime: Option<Duration>,
}

impl Download {
    /// Fetches what is at the endpoint. Opens a connection for it and closes it: the next fetch is an hour away.
    pub(super) async fn get(
        dialer: &Dialer,
        endpoint: &Endpoint,
        timeout: Duration,
    ) -> Result<Self, KeyError> {
        let mut course = Course::start(timeout);
        let outcome = tokio::time::timeout(timeout, fetch(dialer, endpoint, &mut course)).await;
        outcome.unwrap_or_else(|_| {
            course.time_out();
            let too_late = || Failure::new(FailureKind::Timeout, "no whole answer in time");
            Err(KeyError::Fetch(course.finish().failure.unwrap_or_else(too_late)))
        })
    }
}

async fn fetch(dialer: &Dialer, endpoint: &Endpoint, course: &mut Course) -> Result<Download, KeyError> {
    let mut link = dialer.dial_http1(endpoint, course).await.map_err(KeyError::Fetch)?;
    course.enter(Stage::Waiting);
    let write_head = |out: &mut Vec<u8>| write_head(endpoint, out);
    let mut answer = None;
    let see = |head: &Head<'_>| answer = Some((head.status, lifetime(head.headers())));
    let sent = link.send(&Method::GET, write_head, Bytes::new(), see).await;
    sent.map_err(|error| broken(&error, &link))?;
    let (status, lifetime) = answer.unwrap_or_default();
    if status != StatusCode::OK {
        return Err(KeyError::Status(status.as_u16()));
    }
    course.enter(Stage::Reading);
    Ok(Download { body: read(&mut link, course).await?, lifetime })
}

async fn read(link: &mut Link, course: &mut Course) -> Result<Vec<u8>, KeyError> {
    // A length that is announced is taken at its word, and nothing of it is read.
    if link.expected() > KEY_BYTES_MAX as u64 {
        return Err(KeyError::TooLarge);
    }
    let mut bytes = Vec::new();
    loop {
        let data = match link.part().await {
            Ok(Some(data)) => data,
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(broken(&error, link)),
        };
        if bytes.len() + data.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLarge);
        }
        course.read(data);
        bytes.extend_from_slice(data);
    }
}

fn write_head(endpoint: &Endpoint, out: &mut Vec<u8>) {
    let user_agent = HeaderValue::from_static(concat!("Hookseal/", env!("CARGO_PKG_VERSION")));
    request::start_head(&Method::GET, endpoint, out);
    request::write_header(&header::ACCEPT, &HeaderValue::from_static("*/*"), out);
    request::write_header(&header::USER_AGENT, &user_agent, out);
    request::write_header(&header::CONNECTION, &HeaderValue::from_static("close"), out);
    out.extend_from_slice(b"\r\n");
}

fn broken(error: &Unanswered, link: &Link) -> KeyError {
    KeyError::Fetch(failure::of_exchange(error, link.has_answered()))
}

/// `max-age` of `cache-control`, or nothing where the answer is not to be kept without asking again.
fn lifetime<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Option<Duration> {
    let same = headers.filter(|(name, _)| name.eq_ignore_ascii_case(header::CACHE_CONTROL.as_str()));
    let texts = same.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let mut lifetime = None;
    for directive in texts.flat_map(|text| text.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" => {
                lifetime = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs).or(lifetime);
            }
            _ => {}
        }
    }
    lifetime
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_long_an_answer_may_be_kept() {
        let of = |values: &[&'static str]| {
            let headers = values.iter().map(|value| ("Cache-Control", value.as_bytes()));
            lifetime(headers).map(|lifetime| lifetime.as_secs())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["public, max-age=19800, must-revalidate, no-transform"]), Some(19_800));
        assert_eq!(of(&["public", "Max-Age=\"60\""]), Some(60));
        assert_eq!(of(&["max-age=60, no-store"]), Some(0));
        assert_eq!(of(&["no-cache"]), Some(0));
        assert_eq!(of(&["s-maxage=5, max-age=soon, max-age=-1"]), None);
    }
}
