//! What a receiver answers. A sender learns whether a request verified, and never why it did not.

use axum::{body::Body, response::Response};
use hookseal::Answer;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Checker, forward::Returned, report::Outcome};

/// The answer to a request with this outcome: that of the handshake, or what the vendor's own sample receiver says,
/// where its document has one that says more than a status.
pub(super) fn respond(
    checker: &Checker,
    outcome: &Outcome,
    handshake: Option<Answer>,
    body: &[u8],
) -> Response {
    if let Some(answer) = handshake {
        return write(&answer);
    }
    let profile = &checker.chosen.profile;
    if let (Outcome::Verified(_), Some(answer)) = (outcome, profile.acknowledgement()) {
        return write(answer);
    }
    let (status, text) = match (profile.name(), outcome) {
        ("harbor-node", Outcome::Verified(_)) => (StatusCode::ACCEPTED, Execution::of(body).acknowledge()),
        ("harbor-node", Outcome::Refused(_)) => (outcome.status(), Execution::REFUSED.to_owned()),
        (_, outcome) => (outcome.status(), String::new()),
    };
    let json = !text.is_empty();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    if json {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// The answer of the target, passed back.
pub(super) fn pass_back(returned: Returned) -> Response {
    let mut response = Response::new(Body::from(returned.body));
    *response.status_mut() = returned.status;
    *response.headers_mut() = returned.headers;
    response
}

fn write(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    // Both are within what HTTP has; what were not, a sender is told nothing by.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What Harbor Node's sample receiver reads of a verified body ("Callback Receiver Verification"). What is not there
/// is left out of the answer, as the sample does.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Execution {
    execution: ExecutionId,
    event: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExecutionId {
    #[serde(rename = "executionId")]
    id: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Acknowledged {
    ok: bool,
    #[serde(rename = "executionId", skip_serializing_if = "Option::is_none")]
    execution_id: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<serde_json::Value>,
}

impl Execution {
    /// The sample also names a reason; a stranger is told none here.
    const REFUSED: &str = r#"{"ok":false}"#;

    fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn acknowledge(self) -> String {
        let acknowledged = Acknowledged { ok: true, execution_id: self.execution.id, event: self.event };
        serde_json::to_string(&acknowledged).unwrap_or_else(|_| r#"{"ok":true}"#.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledges_an_execution_as_the_document_does() {
        for (body, answer) in [
            (
                r#"{"event":"execution.completed","execution":{"executionId":"exec_1"}}"#,
                r#"{"ok":true,"executionId":"exec_1","event":"execution.completed"}"#,
            ),
            (r#"{"event":"a","execution":{}}"#, r#"{"ok":true,"event":"a"}"#),
            (r"{}", r#"{"ok":true}"#),
            ("no json", r#"{"ok":true}"#),
        ] {
            assert_eq!(Execution::of(body.as_bytes()).acknowledge(), answer);
        }
    }
}
