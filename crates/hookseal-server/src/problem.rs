//! Errors as clients see them: problem details (RFC 9457) with a stable code.

use std::{borrow::Cow, error::Error, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hookseal_engine::{
    ChangeError, EngineError, FieldProblem, PublishError, limits as engine, ports::store::StoreError,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::limits;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident;)*) => {
        /// What a client can tell problems apart by. Names never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All codes, in the order of their status.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the API.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The status code that it goes with.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not a JSON object, or holds a field twice.
    MalformedJson = "malformed_json", BAD_REQUEST;
    /// The body ended early or was not framed as HTTP has it.
    IncompleteBody = "incomplete_body", BAD_REQUEST;
    /// The body has fields that the call does not know.
    UnknownField = "unknown_field", BAD_REQUEST;
    /// The query has parameters that the call does not know.
    UnknownParameter = "unknown_parameter", BAD_REQUEST;
    /// A parameter of the query is not as it should be.
    InvalidParameter = "invalid_parameter", BAD_REQUEST;
    /// There is no key, or none that is known.
    Unauthorized = "unauthorized", UNAUTHORIZED;
    /// The key does not reach so far.
    Forbidden = "forbidden", FORBIDDEN;
    /// There is no such thing in the key's tenant and mode.
    NotFound = "not_found", NOT_FOUND;
    /// There is such a path, but not with this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The body did not come in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT;
    /// It cannot be done as things stand.
    Conflict = "conflict", CONFLICT;
    /// The publisher's id belongs to another event.
    EventConflict = "event_conflict", CONFLICT;
    /// The request, or the event's body, is longer than is allowed.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    /// Fields are not as they should be; `problems` lists each.
    InvalidFields = "invalid_fields", UNPROCESSABLE_ENTITY;
    /// The event matches more subscriptions than is allowed.
    TooManyDeliveries = "too_many_deliveries", UNPROCESSABLE_ENTITY;
    /// Something failed that should not, and the log says what.
    Internal = "internal", INTERNAL_SERVER_ERROR;
    /// The store does not answer; the request may be sent again.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE;
    /// The server is stopping; the request may be sent again.
    Stopping = "stopping", SERVICE_UNAVAILABLE;
}

/// An answer that says what went wrong.
///
/// As a response it is a status and nothing else until [`Envelope`](crate::envelope) writes it out, which knows the
/// request's id and logs the cause.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    fields: Vec<FieldDetail>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// One field, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldDetail {
    pub(crate) field: Cow<'static, str>,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), cause: None }
    }

    /// With fields named one by one.
    pub(crate) fn of_fields(code: Code, detail: &'static str, mut fields: Vec<FieldDetail>) -> Self {
        fields.truncate(limits::PROBLEMS_MAX);
        Self { fields, ..Self::new(code, detail) }
    }

    /// Fields that are not as they should be.
    pub(crate) fn invalid_fields(fields: Vec<FieldDetail>) -> Self {
        Self::of_fields(Code::InvalidFields, "some fields are not as they should be", fields)
    }

    /// Nothing of that name, for this caller.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "there is no such resource in the key's tenant and mode")
    }

    /// A longer body than is allowed.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(
            Code::BodyTooLarge,
            format!("the request's body is longer than {bytes_max} bytes, which is the most"),
        )
    }

    /// A defect: the client learns nothing but the request's id, the log the cause.
    pub(crate) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Code::Internal, "something failed inside the server; its log has the request's id")
            .because(cause)
    }

    /// The problem as a part of an answer that is none: the answer's own id is that of the request. Its cause goes to
    /// the log.
    pub(crate) fn within_answer(&self) -> impl Serialize + '_ {
        if let Some(cause) = &self.cause {
            tracing::error!(
                code = self.code.as_str(),
                error = &**cause as &dyn Error,
                "a part of a request failed"
            );
        }
        self.document(None)
    }

    fn document<'a>(&'a self, request_id: Option<&'a str>) -> Document<'a> {
        let status = self.code.status();
        Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id,
            problems: &self.fields,
        }
    }

    fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }

    /// Writes the problem out, and its cause to the log.
    pub(crate) fn write(&self, request_id: &str, response: &mut Response) {
        if let Some(cause) = &self.cause {
            tracing::error!(
                request_id,
                code = self.code.as_str(),
                error = &**cause as &dyn Error,
                "a request failed"
            );
        }
        let document = self.document(Some(request_id));
        let text = serde_json::to_vec(&document).expect("invariant: strings and numbers are always JSON");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // The router has given the empty body's length by now.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        match self.code {
            Code::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Code::StoreUnavailable | Code::Stopping => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER_S));
            }
            _ => {}
        }
        *response.body_mut() = Body::from(text);
    }
}

/// RFC 9457 section 3. With `about:blank` the title is that of the status (section 4.2.1); `code` says the rest.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [FieldDetail],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<FieldProblem> for FieldDetail {
    fn from(problem: FieldProblem) -> Self {
        Self { field: problem.field.into(), detail: problem.detail }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                Self::new(Code::StoreUnavailable, "the store does not answer; send the request again")
                    .because(error)
            }
            StoreError::Conflict { what } => Self::new(Code::Conflict, what),
            other => Self::internal(other),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let field = |field, error: &PublishError| {
            Self::invalid_fields(vec![FieldDetail { field: Cow::Borrowed(field), detail: error.to_string() }])
        };
        match error {
            PublishError::BodyTooLarge { .. } => Self::new(Code::BodyTooLarge, error.to_string()),
            PublishError::Reserved => field("type", &error),
            PublishError::ExternalId => field("id", &error),
            PublishError::ContentType => field("content_type", &error),
            PublishError::DeliverAt => field("deliver_at", &error),
            PublishError::ExpiresAt(_) => field("expires_at", &error),
            PublishError::Conflict { .. } => Self::new(Code::EventConflict, error.to_string()),
            PublishError::FanOut { .. } => Self::new(Code::TooManyDeliveries, error.to_string()),
            PublishError::Store(error) => error.into(),
            PublishError::Timeout => Self::timed_out(engine::ACCEPT_TIMEOUT.as_secs()),
            PublishError::Stopping => Self::stopping(),
            other => Self::internal(other),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(fields) => {
                Self::invalid_fields(fields.into_iter().map(FieldDetail::from).collect())
            }
            ChangeError::NotFound => Self::not_found(),
            ChangeError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound => Self::not_found(),
            EngineError::Conflict(why) => Self::new(Code::Conflict, why),
            EngineError::Invalid(problem) => Self::invalid_fields(vec![problem.into()]),
            EngineError::Store(error) => error.into(),
            EngineError::Stopping => Self::stopping(),
            other => Self::internal(other),
        }
    }
}

impl Problem {
    /// The store took longer than a client is kept waiting.
    pub(crate) fn timed_out(seconds: u64) -> Self {
        Self::new(
            Code::StoreUnavailable,
            format!("the store did not answer within {seconds} s; send the request again"),
        )
    }

    fn stopping() -> Self {
        Self::new(Code::Stopping, "the server is stopping; send the request again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference names every code with its status, and none besides.
    #[test]
    fn the_reference_lists_the_codes() {
        let reference = include_str!("../../../docs/api.md");
        for code in Code::ALL {
            let row = format!("| {} | `{}` |", code.status().as_u16(), code.as_str());
            assert!(reference.contains(&row), "docs/api.md lacks the row {row}");
        }
        let rows = reference.lines().filter(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            cells.next().is_some_and(|cell| cell.parse::<u16>().is_ok_and(|status| status >= 400))
        });
        assert_eq!(rows.count(), Code::ALL.len());
    }
}
