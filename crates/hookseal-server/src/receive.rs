//! Reading a request's body, within its bounds of bytes and time.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::problem::{Code, Problem};

/// A request's body.
pub(crate) struct Received {
    bytes: Bytes,
    /// Whether the memory is the connection's own read buffer.
    borrowed: bool,
}

impl Received {
    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A part of it, to be kept for longer than the request. `part` must lie within [`bytes`](Self::bytes).
    ///
    /// A body that came in one piece lies in the connection's read buffer, and a reference would keep all of that:
    /// 8 KiB and more for an event of 500 bytes, and a new buffer for the connection's next request. That is copied.
    /// A body that was put together here is shared.
    pub(crate) fn keep(&self, part: &[u8]) -> Bytes {
        if self.borrowed { Bytes::copy_from_slice(part) } else { self.bytes.slice_ref(part) }
    }
}

/// Reads a body.
///
/// # Errors
///
/// [`Problem`], where it is longer than `bytes_max` (found before it is read where its length is announced), does not
/// come within `timeout`, or is broken off.
pub(crate) async fn receive(body: Body, bytes_max: usize, timeout: Duration) -> Result<Received, Problem> {
    match tokio::time::timeout(timeout, read(body, bytes_max)).await {
        Ok(received) => received,
        Err(_) => Err(Problem::new(
            Code::RequestTimeout,
            format!("the request's body did not come within {} s", timeout.as_secs_f32()),
        )),
    }
}

async fn read(mut body: Body, bytes_max: usize) -> Result<Received, Problem> {
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Err(Problem::too_large(bytes_max));
    }
    let first = next_piece(&mut body).await?.unwrap_or_default();
    if first.len() > bytes_max {
        return Err(Problem::too_large(bytes_max));
    }
    if body.is_end_stream() {
        return Ok(Received { bytes: first, borrowed: true });
    }
    let mut whole = BytesMut::with_capacity((announced as usize).max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(piece) = next_piece(&mut body).await? {
        if whole.len() + piece.len() > bytes_max {
            return Err(Problem::too_large(bytes_max));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Received { bytes: whole.freeze(), borrowed: false })
}

/// The next bytes, without trailers, which no call has a use for.
async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => return Ok(Some(data)),
            Ok(Err(_trailers)) => {}
            Err(_) => return Err(Problem::new(Code::IncompleteBody, "the request's body is not whole")),
        }
    }
    Ok(None)
}
