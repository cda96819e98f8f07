//! Reading a body within its bounds of bytes and time.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use crate::{limits, refusal::Refusal};

/// Reads a body as it came over the wire. Its encoding and its type are the handler's; trailers are left behind.
pub(crate) async fn read<B: Body>(body: B, bytes_max: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    // A length that is announced is taken at its word, and nothing of it is read.
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let ahead = usize::try_from(announced).unwrap_or(usize::MAX).min(limits::BODY_BYTES_AHEAD_MAX);
    tokio::time::timeout(timeout, collect(body, bytes_max, ahead)).await.unwrap_or(Err(Refusal::BodyTooSlow))
}

async fn collect<B: Body>(body: B, bytes_max: usize, ahead: usize) -> Result<Bytes, Refusal> {
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Refusal::BodyCutShort) };
        let Ok(mut data) = frame.into_data() else { continue };
        let length = data.remaining();
        if first.len() + whole.len() + length > bytes_max {
            return Err(Refusal::BodyTooLarge);
        }
        // Most bodies come in one piece, which is shared rather than copied.
        if first.is_empty() && whole.is_empty() {
            first = data.copy_to_bytes(length);
            continue;
        }
        if whole.is_empty() {
            whole.reserve(ahead.max(first.len() + length));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.put(data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
