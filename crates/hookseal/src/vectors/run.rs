//! Running vectors.

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::{Vector, VectorFile};
use crate::error::ErrorKind;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verifier::{Mode, ToleranceOverride, Verifier, VerifyOptions};

/// What came of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The results by scheme id.
    pub schemes: BTreeMap<String, SchemeReport>,
}

/// What came of the vectors of one scheme.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemeReport {
    /// How many had the expected outcome.
    pub passed: usize,
    /// Those that had another one.
    pub failed: Vec<VectorResult>,
    /// The ids of those that no profile is there for.
    pub unknown: Vec<String>,
}

/// A vector with another outcome than the expected one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VectorResult {
    /// The vector.
    pub id: String,
    /// The mode in which it was run.
    pub mode: Mode,
    /// The outcome.
    pub got: Outcome,
    /// The name of the expected outcome.
    pub expected: String,
}

/// The outcome of a verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It verified.
    Valid,
    /// It did not.
    Error(ErrorKind),
}

impl Outcome {
    /// The name in vector files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Error(kind) => kind.as_str(),
        }
    }
}

impl Report {
    /// Whether every vector passed; one that is unknown did not.
    pub fn all_passed(&self) -> bool {
        self.schemes.values().all(|scheme| scheme.failed.is_empty() && scheme.unknown.is_empty())
    }
}

/// Runs every vector of a file against the profile that `lookup` has for its scheme id, in its mode, or in both where
/// it names none.
///
/// ```
/// use hookseal::Profile;
/// use hookseal::vectors::{self, VectorFile};
///
/// let file = VectorFile::parse(br#"{"format": "webhook-kat/1", "vectors": [{
///     "id": "harmon-missing", "scheme": "harmon", "secret": "s", "now_unix": 0, "expect": "missing_signature",
///     "request": {"method": "POST", "headers": [], "body_utf8": "{}"}
/// }]}"#)?;
/// let report = vectors::run(&file, |scheme| {
///     Profile::builtins().find_map(|profile| Some((&**profile, profile.scheme_for(scheme)?)))
/// });
/// assert!(report.all_passed());
/// # Ok::<(), vectors::VectorFileError>(())
/// ```
pub fn run<'p>(file: &VectorFile, lookup: impl Fn(&str) -> Option<(&'p Profile, Part)>) -> Report {
    let mut report = Report::default();
    for vector in file.vectors() {
        let scheme = report.schemes.entry(vector.scheme.clone()).or_default();
        match lookup(&vector.scheme) {
            None => scheme.unknown.push(vector.id.clone()),
            Some((profile, part)) => match run_one(vector, profile, part) {
                None => scheme.passed += 1,
                Some(failed) => scheme.failed.push(failed),
            },
        }
    }
    report
}

/// Runs one vector in each of its modes and gives the first outcome that is not the expected one.
pub fn run_one(vector: &Vector, profile: &Profile, part: Part) -> Option<VectorResult> {
    let modes: &[Mode] = match vector.mode.as_deref() {
        Some("strict") => &[Mode::Strict],
        Some("compat") => &[Mode::Compat],
        _ => &[Mode::Strict, Mode::Compat],
    };
    let result = |mode: &Mode| {
        let got = outcome(vector, profile, part, *mode);
        (got.as_str() != vector.expect.0).then(|| VectorResult {
            id: vector.id.clone(),
            mode: *mode,
            got,
            expected: vector.expect.0.clone(),
        })
    };
    modes.iter().find_map(result)
}

fn outcome(vector: &Vector, profile: &Profile, part: Part, mode: Mode) -> Outcome {
    let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let tolerance = match vector.tolerance_s {
        None => ToleranceOverride::Profile,
        Some(None) => ToleranceOverride::Off,
        Some(Some(seconds)) => ToleranceOverride::Both(Duration::from_secs(seconds)),
    };
    let params: Params = vector.params();
    let verifier = match Verifier::new(profile, part, &secrets, VerifyOptions { mode, tolerance, params }) {
        Ok(verifier) => verifier,
        Err(error) => return Outcome::Error(error.kind()),
    };
    let body = vector.request.body();
    let request = Request {
        method: &vector.request.method,
        url: &vector.request.url,
        headers: &vector.request.headers,
        body: &body,
    };
    match verifier.verify(&request, Timestamp::from_unix_seconds(vector.now_unix)) {
        Ok(_) => Outcome::Valid,
        Err(error) => Outcome::Error(error.kind()),
    }
}
