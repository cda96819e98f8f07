//! Asking an HTTP proxy for a connection (RFC 9110 section 9.3.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Credentials, Refusal, Target};
use crate::limits::PROXY_HEAD_BYTES_MAX;

pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    target: &Target<'_>,
    credentials: Option<&Credentials>,
) -> Result<(), Refusal> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
    if let Some(Credentials { user, password }) = credentials {
        let pair = [user.as_bytes(), b":", password.expose()].concat();
        request.extend_from_slice(
            format!("proxy-authorization: Basic {}\r\n", STANDARD.encode(pair)).as_bytes(),
        );
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    let status = status(&read_head(stream).await?)?;
    let words = || status.to_string();
    match status.as_u16() {
        200..300 => Ok(()),
        407 => Err(Refusal::Credentials),
        500.. => Err(Refusal::Unreachable(words())),
        _ => Err(Refusal::Forbidden(words())),
    }
}

/// Reads the head of the answer and nothing after it: what follows a good one is the endpoint's.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_BYTES_MAX {
            return Err(Refusal::Protocol("the head of its answer is too long"));
        }
        let mut part = [0; 1024];
        match stream.read(&mut part).await? {
            0 => return Err(Refusal::Protocol("no whole answer")),
            read => head.extend_from_slice(&part[..read]),
        }
    }
    Ok(head)
}

fn status(head: &[u8]) -> Result<StatusCode, Refusal> {
    let end = head.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(head.len());
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(head);
    let (version, rest) = line.split_at_checked(9).ok_or(Refusal::Protocol("no HTTP"))?;
    if !matches!(version, b"HTTP/1.1 " | b"HTTP/1.0 ") {
        return Err(Refusal::Protocol("no HTTP/1.1"));
    }
    let status = rest.get(..3).and_then(|code| StatusCode::from_bytes(code).ok());
    let status = status.ok_or(Refusal::Protocol("no status"))?;
    // An endpoint does not speak first. What came here would be lost, or taken for its answer.
    if status.is_success() && head.len() > end + 4 {
        return Err(Refusal::Protocol("more than the head of an answer"));
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_a_whole_head_alone() {
        let read = |head: &str| status(head.as_bytes()).map_err(|refusal| format!("{refusal:?}"));
        assert_eq!(read("HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n"), Ok(StatusCode::OK));
        assert_eq!(read("HTTP/1.0 200\r\n\r\n"), Ok(StatusCode::OK));
        assert_eq!(read("HTTP/1.1 407 X\r\ncontent-length: 2\r\n\r\nno").map(|s| s.as_u16()), Ok(407));
        for head in [
            "HTTP/1.1 200 OK\r\n\r\nx",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(read(head).is_err(), "{head:?}");
        }
    }
}
