//! What came of one request, as a line for people and as JSON.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use hookseal::{Action, HandshakeRefusal, Timestamp, VerifyError, explain::Explanation};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use super::forward::Forwarded;
use crate::commands::{explain::Named, proof::Proof};

/// One request and what came of it.
#[derive(Debug)]
pub(crate) struct Report {
    /// The name of the profile that it was verified by.
    pub(crate) profile: String,
    /// How many secrets there are.
    pub(crate) secrets: usize,
    /// Its method.
    pub(crate) method: Method,
    /// Its path and query.
    pub(crate) path: String,
    /// Its header lines.
    pub(crate) headers: HeaderMap,
    /// The bytes of its body; none where they were not read.
    pub(crate) body: Bytes,
    /// What it was answered.
    pub(crate) status: StatusCode,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// What came of sending it on, where it was.
    pub(crate) forwarded: Option<Forwarded>,
    /// When it came.
    pub(crate) received: Timestamp,
    /// Why it did not verify, where that was looked for.
    pub(crate) explanation: Option<Explanation>,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It verified.
    Verified(Proof),
    /// It did not.
    Refused(VerifyError),
    /// The vendor's key that it needs is not there: for this reason, so that nothing can be said of it for now.
    NoKey(String),
    /// There is no secret to verify it with until a handshake brings one.
    NoSecret,
    /// It is a handshake, and was answered.
    Handshake {
        /// Its name.
        name: String,
        /// What is left to do.
        action: Option<Action>,
    },
    /// It is a handshake, and was refused.
    HandshakeRefused {
        /// Its name.
        name: String,
        /// Why.
        refusal: HandshakeRefusal,
    },
    /// Its body is longer than the bound.
    TooLong,
    /// Its body did not come to its end.
    CutShort,
    /// It went to another path.
    OtherPath,
}

/// A report as JSON.
#[derive(Serialize)]
pub(super) struct Line<'r> {
    verified: bool,
    status: u16,
    method: &'r str,
    path: &'r str,
    body_bytes: usize,
    error: Option<&'static str>,
    detail: Option<String>,
    proof: Option<&'r Proof>,
    handshake: Option<&'r str>,
    action: Option<ActionLine<'r>>,
    forwarded: Option<&'r Forwarded>,
    explanation: Option<Vec<Named<'r>>>,
}

/// What is left to do, as JSON. It is for the person who listens: a secret is in it, as it is theirs to keep.
#[derive(Serialize)]
struct ActionLine<'r> {
    kind: &'static str,
    value: Cow<'r, str>,
}

impl Report {
    /// The report as JSON has it.
    pub(super) fn line(&self) -> Line<'_> {
        let proof = match &self.outcome {
            Outcome::Verified(proof) => Some(proof),
            _ => None,
        };
        let (error, detail) = self.outcome.error().unzip();
        Line {
            verified: proof.is_some(),
            status: self.status.as_u16(),
            method: self.method.as_str(),
            path: &self.path,
            body_bytes: self.body.len(),
            error,
            detail,
            proof,
            handshake: self.outcome.handshake(),
            action: self.outcome.action().map(ActionLine::new),
            forwarded: self.forwarded.as_ref(),
            explanation: self.explanation.as_ref().map(|why| why.findings().iter().map(Named::new).collect()),
        }
    }
}

impl Outcome {
    /// The status that tells a sender how it went.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Verified(_) | Self::Handshake { .. } => StatusCode::OK,
            Self::Refused(_) | Self::NoSecret => StatusCode::UNAUTHORIZED,
            // Its sender is to try again.
            Self::NoKey(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::HandshakeRefused { refusal, .. } => {
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::NOT_FOUND)
            }
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutShort => StatusCode::BAD_REQUEST,
            Self::OtherPath => StatusCode::NOT_FOUND,
        }
    }

    /// The stable name of what is wrong, and its detail.
    pub(crate) fn error(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Verified(_) | Self::Handshake { .. } => None,
            Self::Refused(error) => Some((error.kind().as_str(), error.detail())),
            Self::NoKey(detail) => Some(("no_key", detail.clone())),
            Self::NoSecret => {
                Some(("no_secret", "no secret was given, and none has come by a handshake".to_owned()))
            }
            Self::HandshakeRefused { name, refusal } => {
                Some((refusal.as_str(), format!("{name}: {refusal}")))
            }
            Self::TooLong => Some(("body_too_large", "the body is longer than is read".to_owned())),
            Self::CutShort => Some(("body_cut_short", "the body did not come to its end".to_owned())),
            Self::OtherPath => Some(("not_found", "the path is another than `--path`".to_owned())),
        }
    }

    fn handshake(&self) -> Option<&str> {
        match self {
            Self::Handshake { name, .. } | Self::HandshakeRefused { name, .. } => Some(name),
            _ => None,
        }
    }

    fn action(&self) -> Option<&Action> {
        match self {
            Self::Handshake { action, .. } => action.as_ref(),
            _ => None,
        }
    }
}

impl<'r> ActionLine<'r> {
    fn new(action: &'r Action) -> Self {
        let (kind, value) = match action {
            Action::Fetch { url } => ("fetch", Cow::Borrowed(url.as_str())),
            Action::Store { secret } => ("store", String::from_utf8_lossy(secret.expose())),
            Action::Confirm { secret } => ("confirm", String::from_utf8_lossy(secret.expose())),
            _ => ("other", Cow::Borrowed("")),
        };
        Self { kind, value }
    }

    /// What the person who listens is to do.
    fn words(&self) -> String {
        let value = self.value.escape_debug();
        match self.kind {
            "fetch" => format!("to confirm the subscription, fetch {value}"),
            "store" => format!("the secret from now on: start again with --secret {value}"),
            "confirm" => {
                format!("confirm this token with the vendor, then start again with --secret {value}")
            }
            _ => "something is left to do that this version does not know".to_owned(),
        }
    }
}

impl Report {
    /// What is wrong with a request, for people: the one place where that is said.
    fn write_failure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (error, detail) = self.outcome.error().unwrap_or_default();
        write!(f, "  {error}: {detail}")
    }

    /// Why it is so, on lines of its own. The first line of an explanation is the verdict, which stands there already.
    fn write_explanation(explanation: &Explanation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        explanation.to_string().lines().skip(1).try_for_each(|line| write!(f, "\n  {line}"))
    }

    fn write_proof(&self, proof: &Proof, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secrets > 1 {
            write!(f, "  by secret {} of {}", proof.secret + 1, self.secrets)?;
        }
        for (name, signed, claimed) in [
            ("type", &proof.event_type, &proof.unauthenticated.event_type),
            ("id", &proof.id, &proof.unauthenticated.id),
        ] {
            // Control characters are no business of a terminal, whoever wrote them.
            if let Some(value) = signed {
                write!(f, "  {name} {}", value.escape_debug())?;
            }
            if let Some(value) = claimed {
                write!(f, "  {name} {} (unauthenticated)", value.escape_debug())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, .. } = self;
        let (status, bytes) = (status.as_u16(), self.body.len());
        let verdict = match &self.outcome {
            Outcome::Verified(_) => "verified",
            Outcome::Handshake { .. } => "answered",
            _ => "refused ",
        };
        write!(f, "{verdict}  {status}  {method} {path}  {bytes} bytes")?;
        match &self.outcome {
            Outcome::Verified(proof) => self.write_proof(proof, f)?,
            Outcome::Handshake { name, .. } => write!(f, "  {name}")?,
            _ => self.write_failure(f)?,
        }
        if let Some(forwarded) = &self.forwarded {
            write!(f, "  {forwarded}")?;
        }
        if let Some(action) = self.outcome.action() {
            write!(f, "\n  {}", ActionLine::new(action).words())?;
        }
        match &self.explanation {
            Some(explanation) => Self::write_explanation(explanation, f),
            None => Ok(()),
        }
    }
}
