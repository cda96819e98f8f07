//! One GET over HTTPS, within one deadline and one bound of bytes.

use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::ports::Endpoint;
use hookseal_engine::{Failure, FailureKind};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};

use super::error::KeyError;
use crate::course::{Course, Stage};
use crate::dial::Dialer;
use crate::failure;
use crate::limits::KEY_BYTES_MAX;
use crate::link::Link;

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
    let answer = link.send(request(endpoint)).await.map_err(|error| broken(&error, &link))?;
    let (head, mut body) = answer.into_parts();
    if head.status != StatusCode::OK {
        return Err(KeyError::Status(head.status.as_u16()));
    }
    course.enter(Stage::Reading);
    let body = read(&mut link, &mut body, course).await?;
    Ok(Download { body, lifetime: lifetime(&head.headers) })
}

async fn read(link: &mut Link, body: &mut Incoming, course: &mut Course) -> Result<Vec<u8>, KeyError> {
    // A length that is announced is taken at its word, and nothing of it is read.
    if body.size_hint().lower() > KEY_BYTES_MAX as u64 {
        return Err(KeyError::TooLarge);
    }
    let mut bytes = Vec::new();
    while !body.is_end_stream() {
        let Some(frame) = link.frame(body).await else { break };
        let frame = frame.map_err(|error| broken(&error, link))?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLarge);
        }
        course.read(data);
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

fn request(endpoint: &Endpoint) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = Uri::from(endpoint.path_and_query.clone());
    let headers = request.headers_mut();
    headers.insert(header::HOST, endpoint.authority.clone());
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("Hookseal/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    request
}

fn broken(error: &hyper::Error, link: &Link) -> KeyError {
    KeyError::Fetch(failure::of_exchange(error, link.has_answered()))
}

/// `max-age` of `cache-control`, or nothing where the answer is not to be kept without asking again.
fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
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
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            lifetime(&headers).map(|lifetime| lifetime.as_secs())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["public, max-age=19800, must-revalidate, no-transform"]), Some(19_800));
        assert_eq!(of(&["public", "Max-Age=\"60\""]), Some(60));
        assert_eq!(of(&["max-age=60, no-store"]), Some(0));
        assert_eq!(of(&["no-cache"]), Some(0));
        assert_eq!(of(&["s-maxage=5, max-age=soon, max-age=-1"]), None);
    }
}
