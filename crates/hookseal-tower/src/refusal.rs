//! What a sender is told when its request does not reach the handler. Whatever is wrong with a signature, it is told
//! the same.

use bytes::Bytes;
use hookseal::{ErrorKind, HandshakeRefusal, VerifyError};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::{handshake::ActionError, keys::KeySourceError, limits, replay::GuardError};

/// Why a request did not reach the handler.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It did not verify.
    #[error("{}", .0.kind().as_str())]
    NotVerified(VerifyError),
    /// There is no secret yet, and it is not the handshake that brings one.
    #[error("pending")]
    Pending,
    /// It is a handshake that is not answered.
    #[error("{}", .0.as_str())]
    Handshake(HandshakeRefusal),
    /// It is a handshake, and what it asks for was not done.
    #[error("handshake_action_failed")]
    Action(#[source] ActionError),
    /// The key that it names could not be had.
    #[error("key_unavailable")]
    KeyUnavailable(#[source] KeySourceError),
    /// Its body is longer than the bound.
    #[error("body_too_large")]
    BodyTooLarge,
    /// Its body did not come in time.
    #[error("body_too_slow")]
    BodyTooSlow,
    /// Its body did not come to its end.
    #[error("body_cut_short")]
    BodyCutShort,
    /// It has more header lines than the bound.
    #[error("too_many_headers")]
    TooManyHeaders,
    /// The same delivery is being handled.
    #[error("in_progress")]
    InProgress,
    /// The guard against replays did not say whether it is new.
    #[error("guard_failed")]
    GuardFailed(#[source] GuardError),
}

impl Refusal {
    /// Writes to the log what the sender is not told. Nothing of it is a secret or text from the request.
    pub(crate) fn log(&self, source: &str) {
        let kind = self.to_string();
        match self {
            Self::NotVerified(error) => {
                tracing::warn!(source, kind, detail = error.detail(), "a webhook was refused");
            }
            Self::InProgress => {
                tracing::info!(source, kind, "a webhook came again while it was being handled");
            }
            Self::GuardFailed(error) => {
                tracing::error!(source, kind, cause = chain(error), "a webhook could not be taken");
            }
            Self::KeyUnavailable(error) => {
                tracing::error!(source, kind, cause = chain(error), "a webhook could not be verified");
            }
            Self::Action(error) => {
                tracing::error!(source, kind, cause = chain(error), "a handshake could not be completed");
            }
            Self::Handshake(refusal) => {
                tracing::warn!(source, kind, detail = %refusal, "a handshake was refused");
            }
            Self::Pending
            | Self::BodyTooLarge
            | Self::BodyTooSlow
            | Self::BodyCutShort
            | Self::TooManyHeaders => {
                tracing::warn!(source, kind, "a webhook was refused");
            }
        }
    }

    /// The answer. `development` adds why, for the eyes of whoever writes a receiver.
    pub(crate) fn answer(&self, development: bool) -> Response<Full<Bytes>> {
        let (status, problem) = match self {
            Self::NotVerified(error) if development => {
                return json(StatusCode::UNAUTHORIZED, "application/json", reason(error).into());
            }
            Self::NotVerified(_) | Self::Pending | Self::Handshake(HandshakeRefusal::NotVerified) => {
                (StatusCode::UNAUTHORIZED, NOT_VERIFIED)
            }
            Self::Handshake(_) => (StatusCode::NOT_FOUND, NOT_FOUND),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, BODY_TOO_LARGE),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, BODY_TOO_SLOW),
            Self::BodyCutShort => (StatusCode::BAD_REQUEST, BODY_CUT_SHORT),
            Self::TooManyHeaders => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_MANY_HEADERS),
            Self::KeyUnavailable(_) | Self::Action(_) | Self::InProgress | Self::GuardFailed(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
            }
        };
        let mut response = json(status, "application/problem+json", Bytes::from_static(problem.as_bytes()));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(limits::RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

// Problem details (RFC 9457), written out: each is the same bytes every time.
const NOT_VERIFIED: &str = r#"{"title":"the request did not verify","status":401,"code":"not_verified"}"#;
const NOT_FOUND: &str = r#"{"title":"there is no such thing","status":404,"code":"not_found"}"#;
const BODY_TOO_LARGE: &str = r#"{"title":"the body is too large","status":413,"code":"body_too_large"}"#;
const BODY_TOO_SLOW: &str =
    r#"{"title":"the body did not come in time","status":408,"code":"body_too_slow"}"#;
const BODY_CUT_SHORT: &str = r#"{"title":"the body is not whole","status":400,"code":"body_cut_short"}"#;
const TOO_MANY_HEADERS: &str =
    r#"{"title":"there are too many headers","status":431,"code":"too_many_headers"}"#;
const UNAVAILABLE: &str = r#"{"title":"send the request again later","status":503,"code":"unavailable"}"#;

/// An answer with a body of JSON.
pub(crate) fn json(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The reason as Harbor Node's sample receiver gives it ("Callback Receiver Verification"), with the kind and the
/// detail beside it. Both come from the profile and hold nothing that JSON would have to escape but quotes.
fn reason(error: &VerifyError) -> String {
    let reason = match error.kind() {
        ErrorKind::MissingSignature
        | ErrorKind::MissingTimestamp
        | ErrorKind::MissingId
        | ErrorKind::MissingField
        | ErrorKind::UnsupportedVersion => "missing_signature_headers",
        ErrorKind::MalformedTimestamp | ErrorKind::TimestampTooOld | ErrorKind::TimestampTooNew => {
            "timestamp_out_of_window"
        }
        _ => "signature_mismatch",
    };
    let (kind, detail) = (error.kind().as_str(), escape(&error.detail()));
    format!(r#"{{"ok":false,"reason":"{reason}","kind":"{kind}","detail":"{detail}"}}"#)
}

/// A text as JSON has it between quotes (RFC 8259 section 7).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            control if control.is_control() => escaped.push_str(&format!("\\u{:04x}", control as u32)),
            other => escaped.push(other),
        }
    }
    escaped
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
