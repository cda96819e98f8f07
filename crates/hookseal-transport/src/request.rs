//! Writing a request: its head in HTTP/1.1 (RFC 9112), and the headers of one in HTTP/2.

use std::io::Write;

use hookseal_engine::ports::{Endpoint, Outbound};
use hookseal_engine::{Failure, FailureKind};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Uri, Version};

/// Checks that nothing is set which is the transport's own.
pub(crate) fn check(outbound: &Outbound) -> Result<(), Failure> {
    match outbound.headers.iter().find(|(name, _)| is_of_the_connection(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let detail = format!("the header `{name}` is the transport's own and cannot be set");
            Err(Failure::new(FailureKind::Unsendable, detail))
        }
    }
}

/// Whether a header frames the message or steers the connection (RFC 9110 section 7.6.1, RFC 9112 section 6).
fn is_of_the_connection(name: &HeaderName) -> bool {
    use header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    matches!(*name, CONNECTION | CONTENT_LENGTH | EXPECT | HOST | TE | TRAILER | TRANSFER_ENCODING | UPGRADE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// Writes the head of a delivery, with the headers that are the transport's own.
pub(crate) fn write_head(outbound: &Outbound, out: &mut Vec<u8>) {
    start_head(&outbound.method, &outbound.endpoint, out);
    out.extend_from_slice(b"content-length: ");
    // Writing to memory does not fail.
    let _ = write!(out, "{}", outbound.body.len());
    out.extend_from_slice(b"\r\n");
    for (name, value) in &outbound.headers {
        write_header(name, value, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the line of a request and its `host`. Lines of headers and an empty one are to follow.
pub(crate) fn start_head(method: &Method, endpoint: &Endpoint, out: &mut Vec<u8>) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(endpoint.path_and_query.as_str().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_header(&header::HOST, &endpoint.authority, out);
}

/// Writes the line of a header. Neither a name nor a value can hold the end of a line.
pub(crate) fn write_header(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The head of a delivery in HTTP/2, where the host stands in `:authority` (RFC 9113 section 8.3.1).
pub(crate) fn shared(outbound: &Outbound) -> Result<Request<()>, Failure> {
    let endpoint = &outbound.endpoint;
    let uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(endpoint.authority.as_bytes())
        .path_and_query(endpoint.path_and_query.clone())
        .build();
    let uri = uri.map_err(|_| {
        Failure::new(FailureKind::Unsendable, format!("`{}` cannot stand in a request", endpoint.host))
    })?;
    let mut headers = HeaderMap::with_capacity(outbound.headers.len() + 1);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(outbound.body.len()));
    for (name, value) in &outbound.headers {
        headers
            .try_append(name, value.clone())
            .map_err(|_| Failure::new(FailureKind::Unsendable, "there are too many headers"))?;
    }
    let mut request = Request::new(());
    *request.method_mut() = outbound.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}
