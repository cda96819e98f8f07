//! What a receiver answers. A sender learns whether a request verified, and never why it did not.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Checker, report::Outcome};

/// The answer to a request with this outcome: what the vendor's own sample receiver says, where its document has one
/// that says more than a status.
pub(super) fn answer(checker: &Checker, outcome: &Outcome, body: &[u8]) -> (StatusCode, Response) {
    let (status, text) = match (checker.chosen.profile.name(), outcome) {
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
    (status, response)
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
