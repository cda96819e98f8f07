//! One open socket, plain or TLS, that counts what is read for the answer under way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use hookseal_engine::Failure;
use hookseal_engine::limits::RESPONSE_READ_BYTES_MAX;

use crate::tls;

/// Bytes that were read from a socket and how many may be, shared by the socket and the link that owns it.
///
/// A link with one request at a time counts from each request on; one that several share counts all along, and moves
/// the bound. Nothing else is ordered by these numbers, so that they need no ordering between threads.
#[derive(Debug)]
pub(crate) struct Meter {
    read: AtomicU64,
    allowed: AtomicU64,
    /// What TLS failed with while reading, for links whose protocol keeps only the words of it.
    tls_failure: OnceLock<Failure>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            read: AtomicU64::new(0),
            allowed: AtomicU64::new(RESPONSE_READ_BYTES_MAX as u64),
            tls_failure: OnceLock::new(),
        }
    }
}

impl Meter {
    pub(crate) fn reset(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Lets `bytes` more come than have come so far, but no more than `total` in all.
    pub(crate) fn allow_more(&self, bytes: u64, total: u64) {
        self.allowed.store(self.bytes_read().saturating_add(bytes).min(total), Ordering::Relaxed);
    }

    /// Whether more came than was allowed.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.bytes_read() > self.allowed.load(Ordering::Relaxed)
    }

    /// What TLS failed with while reading.
    pub(crate) fn tls_failure(&self) -> Option<&Failure> {
        self.tls_failure.get()
    }

    fn add(&self, bytes: usize) -> io::Result<()> {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.is_exceeded() { Err(io::Error::other(AnswerTooLong)) } else { Ok(()) }
    }

    fn note(&self, error: &io::Error) {
        if let Some(failure) = tls::tls_failure(error) {
            // The first one is what the others follow from.
            self.tls_failure.set(failure).ok();
        }
    }
}

/// More than [`RESPONSE_READ_BYTES_MAX`] came for one answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer and its framing are longer than {} KiB", RESPONSE_READ_BYTES_MAX / 1024)]
pub(crate) struct AnswerTooLong;

/// What leads to an endpoint, before TLS is spoken with it.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A connection to the endpoint, or through a proxy.
    Plain(TcpStream),
    /// One through a proxy to which TLS is spoken.
    Tls(Box<TlsStream<TcpStream>>),
}

/// An open socket to an endpoint.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    meter: Arc<Meter>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    TlsInTls(Box<TlsStream<Box<TlsStream<TcpStream>>>>),
}

impl Stream {
    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Send + Unpin)> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream),
            Self::TlsInTls(stream) => Pin::new(stream),
        }
    }
}

impl Socket {
    /// Without TLS to the endpoint.
    pub(crate) fn plain(wire: Wire) -> Self {
        Self::over(match wire {
            Wire::Plain(stream) => Stream::Plain(stream),
            Wire::Tls(stream) => Stream::Tls(stream),
        })
    }

    /// With TLS to the endpoint.
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::over(Stream::Tls(Box::new(stream)))
    }

    /// With TLS to the endpoint, within TLS to a proxy.
    pub(crate) fn tls_in_tls(stream: TlsStream<Box<TlsStream<TcpStream>>>) -> Self {
        Self::over(Stream::TlsInTls(Box::new(stream)))
    }

    fn over(stream: Stream) -> Self {
        Self { stream, meter: Arc::default() }
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::TlsInTls(stream) => Pin::new(stream).poll_read(cx, buf),
        });
        if let Err(error) = outcome {
            self.meter.note(&error);
            return Poll::Ready(Err(error));
        }
        Poll::Ready(self.meter.add(buf.filled().len() - before))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.writer().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.writer().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
            Stream::TlsInTls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.writer().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.writer().poll_shutdown(cx)
    }
}
