//! What came of one request, as a line for people and as JSON.

use std::fmt;

use bytes::Bytes;
use hookseal::VerifyError;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::commands::proof::Proof;

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
}

/// What came of a request.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It verified.
    Verified(Proof),
    /// It did not.
    Refused(VerifyError),
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
        }
    }
}

impl Outcome {
    /// The stable name of what is wrong, and its detail.
    pub(crate) fn error(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Verified(_) => None,
            Self::Refused(error) => Some((error.kind().as_str(), error.detail())),
            Self::TooLong => Some(("body_too_large", "the body is longer than is read".to_owned())),
            Self::CutShort => Some(("body_cut_short", "the body did not come to its end".to_owned())),
            Self::OtherPath => Some(("not_found", "the path is another than `--path`".to_owned())),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, .. } = self;
        let (status, bytes) = (status.as_u16(), self.body.len());
        let Outcome::Verified(proof) = &self.outcome else {
            let (error, detail) = self.outcome.error().unwrap_or_default();
            return write!(f, "refused   {status}  {method} {path}  {bytes} bytes  {error}: {detail}");
        };
        write!(f, "verified  {status}  {method} {path}  {bytes} bytes")?;
        if self.secrets > 1 {
            write!(f, "  by secret {} of {}", proof.secret + 1, self.secrets)?;
        }
        for (name, signed, claimed) in [
            ("type", &proof.event_type, &proof.unauthenticated.event_type),
            ("id", &proof.id, &proof.unauthenticated.id),
        ] {
            if let Some(value) = signed {
                write!(f, "  {name} {value}")?;
            }
            // What a stranger wrote may hold control characters, which are no business of a terminal.
            if let Some(value) = claimed {
                write!(f, "  {name} {} (unauthenticated)", value.escape_debug())?;
            }
        }
        Ok(())
    }
}
