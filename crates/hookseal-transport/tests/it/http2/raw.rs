//! An endpoint that writes and reads HTTP/2 frame by frame (RFC 9113), so that it can misbehave.

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;

/// `:status: 200` as a header block: an index into the static table (RFC 7541, appendix A).
pub(super) const STATUS_200: &[u8] = &[0x88];

pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) struct Raw(TlsStream<TcpStream>);

impl Raw {
    /// Reads the client's preface and sends settings, none of them set.
    pub(super) async fn accept(mut stream: TlsStream<TcpStream>) -> Self {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut raw = Self(stream);
        assert!(raw.send(SETTINGS, 0, 0, &[]).await);
        raw
    }

    /// The bytes of a frame.
    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Bytes {
        let mut bytes = Vec::new();
        bytes.put_uint(payload.len() as u64, 3);
        bytes.put_u8(kind);
        bytes.put_u8(flags);
        bytes.put_u32(stream);
        bytes.extend_from_slice(payload);
        bytes.into()
    }

    /// Sends a frame; whether that went out.
    pub(super) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&Self::frame(kind, flags, stream, payload)).await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// Writes the same bytes until the other side closes; how many went out.
    pub(super) async fn flood(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while self.write(bytes).await {
            sent += bytes.len();
        }
        sent
    }

    /// An answer of status 200 without a body.
    pub(super) async fn answer(&mut self, stream: u32) -> bool {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200).await
    }

    pub(super) async fn reset(&mut self, stream: u32, reason: u32) -> bool {
        self.send(RST_STREAM, 0, stream, &reason.to_be_bytes()).await
    }

    pub(super) async fn go_away(&mut self, last: u32) -> bool {
        self.send(GOAWAY, 0, 0, &[last.to_be_bytes(), 0_u32.to_be_bytes()].concat()).await
    }

    /// The next frame, or `None` when the connection was closed.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let mut payload =
            vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The stream of the next request that is there whole, or `None` when the connection was closed. Acknowledges
    /// settings meanwhile.
    pub(super) async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next().await?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => {
                    self.send(SETTINGS, ACK, 0, &[]).await;
                }
                HEADERS | DATA if frame.flags & END_STREAM != 0 => return Some(frame.stream),
                _ => {}
            }
        }
    }

    /// Answers every request until the connection is closed.
    pub(super) async fn answer_all(&mut self) {
        while let Some(stream) = self.request().await {
            self.answer(stream).await;
        }
    }
}
