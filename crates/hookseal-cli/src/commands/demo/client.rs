//! A client for the demo's own server and receivers, which all listen on this machine.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::limits;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    /// The connection was not made.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The request was not answered.
    #[error("no answer")]
    Exchange(#[source] hyper::Error),
    /// The answer did not come to its end within the bound.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request holds what HTTP cannot carry.
    #[error("not a request")]
    Request(#[from] http::Error),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body.
    pub(super) body: Bytes,
}

/// Posts a body with these headers, on a connection of its own, and reads the answer.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Bytes,
) -> Result<Answer, ClientError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, address.to_string())
        .body(Full::new(body))?;
    request.headers_mut().extend(headers);
    let mut sender = connect(address).await?;
    let response = sender.send_request(request).await.map_err(ClientError::Exchange)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), limits::DEMO_ANSWER_BYTES_MAX).collect().await;
    Ok(Answer { status, body: body.map_err(ClientError::Answer)?.to_bytes() })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the transport is for endpoints that tenants name; this goes to sockets that this process listens on"
)]
async fn connect(
    address: SocketAddr,
) -> Result<hyper::client::conn::http1::SendRequest<Full<Bytes>>, ClientError> {
    let stream = TcpStream::connect(address).await.map_err(ClientError::Connect)?;
    stream.set_nodelay(true).map_err(ClientError::Connect)?;
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Exchange)?;
    // It ends with the answer, as the sender goes away then; how, the exchange has told.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}
