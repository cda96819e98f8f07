//! Handshakes: the requests by which a vendor checks an endpoint.

use bytes::Bytes;
use hookseal::{Request, Verified};
use http::Response;
use http_body_util::Full;

use crate::receiver::Settings;

/// The answer to a request that is a handshake. Asked once before the request is verified, for handshakes that are not
/// signed, and once with the proof.
pub(crate) fn answer_handshake(
    _receiver: &Settings,
    _request: &Request<'_>,
    _verified: Option<&Verified<'_>>,
) -> Option<Response<Full<Bytes>>> {
    None
}
