//! Running handshakes: what a receiver answers to a request that checks its endpoint.

use serde::Deserialize;
use serde_json::Value as Json;

use super::file::{Challenge, VectorFile};
use crate::handshake::{Answer, HandshakeRefusal, Handshakes, Sender};
use crate::profile::Profile;
use crate::request::Request;
use crate::secret::Secret;

/// What came of the handshakes of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChallengeReport {
    /// How many were answered as expected.
    pub passed: usize,
    /// Those that were not.
    pub failed: Vec<ChallengeResult>,
    /// The ids of those that no profile is there for.
    pub unknown: Vec<String>,
}

/// A handshake with another answer than the expected one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChallengeResult {
    /// The handshake.
    pub id: String,
    /// What was expected.
    pub expected: String,
    /// What was answered in its place.
    pub got: String,
}

/// An expected answer. What is absent is not compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: Option<u16>,
    content_type: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_json: Option<Json>,
    /// Whether there must be no answer at all.
    #[serde(default)]
    refused: bool,
    must_not_contain: Option<String>,
}

impl ChallengeReport {
    /// Whether every handshake passed; one that is unknown did not.
    pub fn all_passed(&self) -> bool {
        self.failed.is_empty() && self.unknown.is_empty()
    }
}

/// Runs every handshake of a file against the profile that `lookup` has for its name.
///
/// ```
/// use hookseal::Profile;
/// use hookseal::vectors::{self, VectorFile};
///
/// let file = VectorFile::parse(br#"{"format": "webhook-kat/1", "vectors": [], "challenges": [{
///     "id": "dropbox", "profile": "dropbox", "secret": null, "authenticated": false,
///     "request": {"method": "GET", "url": "https://h.test/?challenge=abc123"},
///     "response": {"status": 200, "body": "abc123"}
/// }]}"#)?;
/// let report = vectors::run_challenges(&file, |name| Profile::builtin(name).map(|profile| &**profile));
/// assert!(report.all_passed());
/// # Ok::<(), vectors::VectorFileError>(())
/// ```
pub fn run_challenges<'p>(
    file: &VectorFile,
    lookup: impl Fn(&str) -> Option<&'p Profile>,
) -> ChallengeReport {
    let mut report = ChallengeReport::default();
    for challenge in file.challenges() {
        match lookup(&challenge.profile).map(|profile| run_challenge(file, challenge, profile)) {
            None => report.unknown.push(challenge.id.clone()),
            Some(None) => report.passed += 1,
            Some(Some(failed)) => report.failed.push(failed),
        }
    }
    report
}

/// Runs one handshake of `file` and gives its outcome if that is not the expected one.
///
/// A handshake without a secret is run as that of a pending subscription. What a value of the request is compared with
/// is part of a receiver's configuration; where neither the handshake nor a vector of its profile gives that parameter,
/// the receiver is taken to be configured for what the request names.
pub fn run_challenge(file: &VectorFile, challenge: &Challenge, profile: &Profile) -> Option<ChallengeResult> {
    let got = answer(file, challenge, profile);
    let failed = |expected: String| {
        let (id, got) = (challenge.id.clone(), got.describe());
        Some(ChallengeResult { id, expected, got })
    };
    match serde_json::from_value::<Expected>(challenge.response.clone()) {
        Ok(expected) => expected.unmet(&got).and_then(failed),
        Err(error) => failed(format!("an answer that can be read ({error})")),
    }
}

/// What came of a request.
enum Got {
    Answer(Answer),
    Refusal(HandshakeRefusal),
    NoHandshake,
    Unconfigured,
}

fn answer(file: &VectorFile, challenge: &Challenge, profile: &Profile) -> Got {
    let secrets: Vec<Secret> = challenge.secret.iter().map(|secret| Secret::new(secret.as_str())).collect();
    let body = challenge.request.body();
    let request = Request {
        method: &challenge.request.method,
        url: &challenge.request.url,
        headers: &challenge.request.headers,
        body: &body,
    };
    let mut params = file.challenge_params(challenge);
    let Ok(handshakes) = Handshakes::new(profile, &secrets, &params) else { return Got::Unconfigured };
    let Some(handshake) = handshakes.find(&request) else { return Got::NoHandshake };
    for (name, value) in handshake.unconfigured(&request) {
        params.insert(name, value);
    }
    let Ok(handshakes) = Handshakes::new(profile, &secrets, &params) else { return Got::Unconfigured };
    let sender = if challenge.authenticated { Sender::Verified(0) } else { Sender::Anybody };
    match handshakes.find(&request).map(|handshake| handshake.answer_to(&request, sender)) {
        None => Got::NoHandshake,
        Some(Ok(answer)) => Got::Answer(answer),
        Some(Err(refusal)) => Got::Refusal(refusal),
    }
}

impl Got {
    fn describe(&self) -> String {
        match self {
            Self::Answer(answer) => {
                format!("{} {:?} {:?}", answer.status, answer.headers, String::from_utf8_lossy(&answer.body))
            }
            Self::Refusal(refusal) => refusal.as_str().to_owned(),
            Self::NoHandshake => "no handshake".to_owned(),
            Self::Unconfigured => "invalid_secret".to_owned(),
        }
    }
}

impl Expected {
    /// The first thing that the outcome does not have.
    fn unmet(&self, got: &Got) -> Option<String> {
        let answer = match got {
            Got::Answer(answer) => answer,
            Got::Refusal(_) if self.refused => return None,
            Got::Refusal(_) | Got::NoHandshake | Got::Unconfigured if self.refused => {
                return Some("a refusal".to_owned());
            }
            Got::Refusal(_) | Got::NoHandshake | Got::Unconfigured => return Some("an answer".to_owned()),
        };
        if self.refused {
            return Some("a refusal".to_owned());
        }
        self.unmet_head(answer).or_else(|| self.unmet_body(answer))
    }

    fn unmet_head(&self, answer: &Answer) -> Option<String> {
        if let Some(status) = self.status.filter(|status| *status != answer.status) {
            return Some(format!("status {status}"));
        }
        let media_type = answer.header("content-type").and_then(|value| value.split(';').next());
        if let Some(expected) = &self.content_type
            && media_type != Some(expected)
        {
            return Some(format!("content-type {expected}"));
        }
        let missing = |(name, value): &&(String, String)| {
            answer.header(&name.to_ascii_lowercase()) != Some(value.as_str())
        };
        self.headers.iter().find(missing).map(|(name, value)| format!("{name}: {value}"))
    }

    fn unmet_body(&self, answer: &Answer) -> Option<String> {
        if let Some(body) = self.body.as_ref().filter(|body| body.as_bytes() != answer.body) {
            return Some(format!("body {body:?}"));
        }
        if let Some(json) = &self.body_json
            && serde_json::from_slice::<Json>(&answer.body).ok().as_ref() != Some(json)
        {
            return Some(format!("body {json}"));
        }
        let leaked = |text: &&String| {
            let in_headers = answer.headers.iter().any(|(_, value)| value.contains(text.as_str()));
            in_headers || String::from_utf8_lossy(&answer.body).contains(text.as_str())
        };
        self.must_not_contain.as_ref().filter(leaked).map(|text| format!("nothing that holds {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_expected_answer_counts() {
        let file = VectorFile::parse(
            br#"{"format": "webhook-kat/1", "vectors": [], "challenges": [{
                "id": "d", "profile": "dropbox", "secret": null, "authenticated": false, "response": {},
                "request": {"method": "GET", "url": "https://h.test/?challenge=abc123"}
            }]}"#,
        )
        .unwrap();
        let profile = Profile::builtin("dropbox").unwrap();
        let got = answer(&file, &file.challenges()[0], profile);
        let unmet = |expected: &str| serde_json::from_str::<Expected>(expected).unwrap().unmet(&got);
        assert_eq!(unmet(r#"{"status": 200, "content_type": "text/plain", "body": "abc123"}"#), None);
        for other in [
            r#"{"status": 204}"#,
            r#"{"content_type": "text/html"}"#,
            r#"{"headers": [["Allow", "POST"]]}"#,
            r#"{"body": "abc"}"#,
            r#"{"body_json": {}}"#,
            r#"{"refused": true}"#,
            r#"{"must_not_contain": "c12"}"#,
        ] {
            assert!(unmet(other).is_some(), "{other}");
        }
        assert!(serde_json::from_str::<Expected>(r#"{"surprise": 1}"#).is_err());
    }
}
