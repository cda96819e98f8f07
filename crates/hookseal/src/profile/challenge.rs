//! The request that checks an endpoint before events are sent to it.

use std::sync::Arc;

use super::{Part, StatusSet};
use crate::handshake::{Inputs, Source, is_one_of};
use crate::request::Request;
use crate::scheme::Scheme;

/// What stands for the token.
pub(super) const TOKEN: &str = "{token}";

/// A challenge: a request with a random token, and what counts as the answer to it.
///
/// A token is letters, digits, `_` and `-` alone: it needs no escaping in a URL, a header or JSON.
#[derive(Debug)]
pub struct Challenge {
    /// A scheme of its own, where it has one.
    pub(super) scheme: Option<Arc<Scheme>>,
    pub(super) signed_by: Option<Part>,
    pub(super) method: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) success: StatusSet,
    /// Any of these is right; where there is none the status code is all that counts.
    pub(super) answers: Vec<AnswerRule>,
}

/// One way to answer: what stands where.
#[derive(Debug)]
pub(super) struct AnswerRule {
    /// The body as a whole where there is none.
    pub(super) place: Option<Source>,
    pub(super) equal: String,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct ChallengeReply<'r> {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: &'r [(String, String)],
    /// The body, or as much of it as was kept.
    pub body: &'r [u8],
}

/// Why a reply is no answer to a challenge. `Display` is one clause for a person, and repeats nothing of the reply but
/// its status code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeRefusal {
    /// The status code is none that answers.
    #[error("answered {status}, and {expected} answers the challenge")]
    Status {
        /// The status code.
        status: u16,
        /// Those that answer.
        expected: StatusSet,
    },
    /// What has to come back did not.
    #[error("answered {status}, but {wrong}")]
    Answer {
        /// The status code, which was right.
        status: u16,
        /// Where it was looked for, and what was to stand there.
        wrong: String,
    },
}

impl Challenge {
    /// The scheme of its own that signs it, where it has one.
    pub fn scheme(&self) -> Option<&Scheme> {
        self.scheme.as_deref()
    }

    /// The part of the profile that signs it; `None` where nothing does.
    pub fn signed_by(&self) -> Option<Part> {
        self.signed_by
    }

    /// The method of the request: `POST`, `GET`, `HEAD` or `OPTIONS`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target of the request: path and query of the endpoint, and what the challenge has in its query.
    pub fn target(&self, path_and_query: &str, token: &str) -> String {
        let mut target = path_and_query.to_owned();
        for (name, value) in &self.query {
            let separator = match target.split_once('?') {
                None => "?",
                Some((_, "")) => "",
                Some(_) => "&",
            };
            target.push_str(separator);
            target.push_str(name);
            target.push('=');
            target.push_str(&value.replace(TOKEN, token));
        }
        target
    }

    /// The body of the request, which may be empty.
    pub fn body(&self, token: &str) -> Vec<u8> {
        self.body.replace(TOKEN, token).into_bytes()
    }

    /// The headers that are sent beside the signature, the names in lower case.
    pub fn headers<'c>(&'c self, token: &'c str) -> impl Iterator<Item = (&'c str, String)> {
        self.headers.iter().map(move |(name, value)| (name.as_str(), value.replace(TOKEN, token)))
    }

    /// The status codes that answer the challenge.
    pub fn success(&self) -> &StatusSet {
        &self.success
    }

    /// Whether a reply answers the challenge. What has to come back is compared in constant time.
    ///
    /// ```
    /// use hookseal::{ChallengeReply, Profile};
    ///
    /// let slack = Profile::builtin("slack").and_then(|slack| slack.challenge()).expect("built in");
    /// let reply = |body| ChallengeReply { status: 200, headers: &[], body };
    /// assert!(slack.check("3eZb", reply(b"3eZb\n")).is_ok());
    /// assert!(slack.check("3eZb", reply(br#"{"challenge":"3eZb"}"#)).is_ok());
    /// assert!(slack.check("3eZb", reply(b"ok")).is_err());
    /// ```
    ///
    /// # Errors
    /// [`ChallengeRefusal`], which says what is not as it should be.
    pub fn check(&self, token: &str, reply: ChallengeReply<'_>) -> Result<(), ChallengeRefusal> {
        if !self.success.contains(reply.status) {
            return Err(ChallengeRefusal::Status { status: reply.status, expected: self.success.clone() });
        }
        let headers: Vec<_> =
            reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request { method: "", url: "", headers: &headers, body: reply.body };
        let inputs = Inputs::new(&request);
        if self.answers.is_empty() || self.answers.iter().any(|rule| rule.is_met(&inputs, reply.body, token))
        {
            return Ok(());
        }
        Err(ChallengeRefusal::Answer { status: reply.status, wrong: self.describe("is not") })
    }

    /// What a right answer holds beside its status code, in words; `None` where the code is all that counts.
    pub fn expected(&self) -> Option<String> {
        (!self.answers.is_empty()).then(|| self.describe("is"))
    }

    /// What stands where, or does not: one clause for each place.
    fn describe(&self, verb: &str) -> String {
        let clauses = self.answers.chunk_by(|one, next| one.place == next.place).map(|rules| {
            let values: Vec<_> = rules.iter().map(AnswerRule::value).collect();
            format!("{} {verb} {}", rules[0].place(), values.join(" or "))
        });
        let joint = if verb == "is" { ", or " } else { ", and " };
        clauses.collect::<Vec<_>>().join(joint)
    }
}

impl AnswerRule {
    fn is_met(&self, inputs: &Inputs<'_>, body: &[u8], token: &str) -> bool {
        let expected = self.equal.replace(TOKEN, token);
        let given = match &self.place {
            // White space around it is what frameworks and editors add.
            None => Ok(body.trim_ascii().to_vec()),
            Some(place) => inputs.text(place).map(String::into_bytes),
        };
        given.is_ok_and(|given| is_one_of(&given, &[expected.as_bytes()]).into())
    }

    /// Where it stands, in words.
    fn place(&self) -> String {
        match &self.place {
            None => "the body".to_owned(),
            Some(Source::Header(name)) => format!("the header `{name}`"),
            Some(place) => format!("`{}` in the body's JSON", place.place().trim_start_matches("json:")),
        }
    }

    /// What stands there, in words.
    fn value(&self) -> String {
        match self.equal.as_str() {
            TOKEN => "the token that was sent".to_owned(),
            text => format!("`{text}`"),
        }
    }
}
