//! A handshake as a profile has it.

use subtle::{Choice, ConstantTimeEq};

use super::answer::{Action, Answer};
use super::inputs::{Input, Inputs};
use super::pattern::Pattern;
use super::refusal::HandshakeRefusal;
use super::template::{Escape, Filling, Template};
use crate::key::{self, KeyStep};
use crate::key_source::host_matches;
use crate::params::Params;
use crate::profile::Part;
use crate::scheme::{DigestKind, Encoding, JsonPath};
use crate::secret::Secret;

/// What a handshake looks like, what is checked, and what is answered.
#[derive(Debug)]
pub(crate) struct HandshakeRule {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) present: Vec<Source>,
    pub(crate) absent: Vec<Source>,
    pub(crate) equal: Vec<(Source, String)>,
    /// The part that the request has to verify by.
    pub(crate) signed_by: Option<Part>,
    /// Whether it is answered only while there is no secret.
    pub(crate) pending: bool,
    pub(crate) patterns: Vec<(Source, Pattern)>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) mac: Option<MacRule>,
    pub(crate) answer: AnswerRule,
    pub(crate) action: Option<ActionRule>,
}

/// A place in a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A parameter of the query.
    Query(String),
    /// A header, the name in lower case.
    Header(String),
    /// A value of the body.
    Json(JsonPath),
}

/// A value that has to be a configured one.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) source: Source,
    /// The first of these that is configured counts.
    pub(crate) with: Vec<Expected>,
}

/// What a value is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Expected {
    /// A parameter; of a list any.
    Param(String),
    /// Any of the secrets.
    Secret,
    /// Nothing, where none of the others is configured.
    Any,
}

/// The MAC of a value, for `{mac}`.
#[derive(Debug)]
pub(crate) struct MacRule {
    pub(crate) of: Source,
    pub(crate) digest: DigestKind,
    pub(crate) key: Vec<KeyStep>,
    pub(crate) encoding: Encoding,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct AnswerRule {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    /// A header is left out where the request does not have what it refers to.
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Template,
}

/// What is left to do.
#[derive(Debug)]
pub(crate) struct ActionRule {
    pub(crate) kind: ActionKind,
    pub(crate) value: Source,
}

#[derive(Debug)]
pub(crate) enum ActionKind {
    /// Fetch the URL, on one of these hosts, in which `*` stands for a label.
    Fetch(Vec<String>),
    /// Keep the secret.
    Store,
    /// Let a person confirm the secret.
    Confirm,
}

impl HandshakeRule {
    /// Whether a request is this handshake.
    pub(crate) fn matches(&self, inputs: &Inputs<'_>) -> bool {
        self.method == inputs.method()
            && self.can_be_in(inputs)
            && self.present.iter().all(|source| inputs.look_up(source) != Input::Absent)
            && self.absent.iter().all(|source| inputs.look_up(source) == Input::Absent)
            && self
                .equal
                .iter()
                .all(|(source, value)| matches!(inputs.look_up(source), Input::Text(text) if text == *value))
    }

    /// Whether the bytes of the body mention all that has to be in it.
    fn can_be_in(&self, inputs: &Inputs<'_>) -> bool {
        let names = self.present.iter().filter_map(Source::last_name);
        let values = self.equal.iter().filter(|(source, _)| matches!(source, Source::Json(_)));
        names.chain(values.map(|(_, value)| value.as_str())).all(|text| inputs.mentions(text))
    }

    /// Whether every value that is there has the form that is allowed.
    pub(crate) fn check_patterns(&self, inputs: &Inputs<'_>) -> Result<(), HandshakeRefusal> {
        for (source, pattern) in &self.patterns {
            match inputs.look_up(source) {
                Input::Absent => {}
                Input::Text(text) if pattern.matches(&text) => {}
                Input::Text(_) | Input::Unusable => {
                    return Err(HandshakeRefusal::Form { place: source.place() });
                }
            }
        }
        Ok(())
    }

    /// Whether every value that is compared is the configured one.
    pub(crate) fn check_comparisons(
        &self,
        inputs: &Inputs<'_>,
        secrets: &[Secret],
        params: &Params,
    ) -> Result<(), HandshakeRefusal> {
        for comparison in &self.comparisons {
            let place = || comparison.source.place();
            let Some(expected) = comparison.expected(secrets, params) else {
                return Err(HandshakeRefusal::Unconfigured { name: format!("what `{}` has to be", place()) });
            };
            let Some(expected) = expected else { continue };
            let given = inputs.text(&comparison.source)?;
            if !bool::from(is_one_of(given.as_bytes(), &expected)) {
                return Err(HandshakeRefusal::Mismatch { place: place() });
            }
        }
        Ok(())
    }
}

impl Comparison {
    /// The values of which one has to be there: none where nothing is configured, and `Some(None)` where anything
    /// is taken.
    fn expected<'e>(&self, secrets: &'e [Secret], params: &'e Params) -> Option<Option<Vec<&'e [u8]>>> {
        self.with.iter().find_map(|expected| match expected {
            Expected::Any => Some(None),
            Expected::Secret => {
                (!secrets.is_empty()).then(|| Some(secrets.iter().map(Secret::expose).collect()))
            }
            Expected::Param(name) => {
                let texts = params.list(name);
                (!texts.is_empty()).then(|| Some(texts.iter().map(|text| text.as_bytes()).collect()))
            }
        })
    }
}

#[cfg(feature = "vectors")]
impl Comparison {
    /// The first parameter that would be compared with, where nothing is configured.
    pub(crate) fn missing_param(&self, secrets: &[Secret], params: &Params) -> Option<&str> {
        if self.expected(secrets, params).is_some() {
            return None;
        }
        self.with.iter().find_map(|expected| match expected {
            Expected::Param(name) => Some(name.as_str()),
            Expected::Secret | Expected::Any => None,
        })
    }
}

/// Compares with every value in constant time. Digests have one length, so that the time does not tell that of the
/// secret. An empty value is never the right one.
pub(crate) fn is_one_of(given: &[u8], expected: &[&[u8]]) -> Choice {
    let digest = |bytes: &[u8]| key::digest(DigestKind::Sha256, |running| running.update(bytes));
    let given = digest(given);
    expected
        .iter()
        .filter(|value| !value.is_empty())
        .fold(Choice::from(0), |found, value| found | digest(value).as_bytes().ct_eq(given.as_bytes()))
}

impl AnswerRule {
    /// The answer with its references filled in.
    pub(crate) fn write(&self, filling: &Filling<'_>) -> Result<Answer, HandshakeRefusal> {
        let mut headers = vec![("x-content-type-options".to_owned(), "nosniff".to_owned())];
        if let Some(content_type) = &self.content_type {
            headers.push(("content-type".to_owned(), content_type.clone()));
        }
        for (name, value) in &self.headers {
            if value.is_filled_by(filling.inputs) {
                headers.push((name.clone(), header_value(name, value.write(filling, Escape::Plain)?)?));
            }
        }
        let body = self.body.write(filling, self.escape())?.into_bytes();
        Ok(Answer { status: self.status, headers, body, action: None })
    }

    /// How values are written into the body.
    pub(crate) fn escape(&self) -> Escape {
        match self.content_type.as_deref() {
            Some("application/json") => Escape::Json,
            _ => Escape::Plain,
        }
    }
}

/// A value that can stand in a header: visible ASCII, and spaces within.
fn header_value(name: &str, value: String) -> Result<String, HandshakeRefusal> {
    let visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    match visible && !value.is_empty() && value.trim() == value {
        true => Ok(value),
        false => Err(HandshakeRefusal::Unusable { place: name.to_owned() }),
    }
}

impl ActionRule {
    /// The action with its value.
    pub(crate) fn take(&self, inputs: &Inputs<'_>) -> Result<Action, HandshakeRefusal> {
        let value = inputs.text(&self.value)?;
        if value.is_empty() {
            return Err(HandshakeRefusal::Unusable { place: self.value.place() });
        }
        Ok(match &self.kind {
            ActionKind::Fetch(hosts) if is_trusted(&value, hosts) => Action::Fetch { url: value },
            ActionKind::Fetch(_) => {
                return Err(HandshakeRefusal::UntrustedUrl { place: self.value.place() });
            }
            ActionKind::Store => Action::Store { secret: Secret::new(value) },
            ActionKind::Confirm => Action::Confirm { secret: Secret::new(value) },
        })
    }
}

/// Whether a URL is `https` without user and port, in visible ASCII, and on one of the hosts.
fn is_trusted(url: &str, hosts: &[String]) -> bool {
    let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#', '\\']).next());
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic());
    visible && host.is_some_and(|host| hosts.iter().any(|pattern| host_matches(pattern, host)))
}

impl Source {
    /// What a source looks like, for messages.
    pub(crate) const EXPECTED: &'static str = "`query:NAME`, `header:NAME` or `json:PATH` is needed";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("query", name) => Some(Self::Query(name.to_owned())),
            ("header", name) => Some(Self::Header(name.to_ascii_lowercase())),
            ("json", path) => Some(Self::Json(JsonPath(path.to_owned()))),
            _ => None,
        }
    }

    /// The place by the name that a profile has for it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Query(name) => format!("query:{name}"),
            Self::Header(name) => format!("header:{name}"),
            Self::Json(path) => format!("json:{}", path.0),
        }
    }

    /// The last name on the way to a value of the body.
    fn last_name(&self) -> Option<&str> {
        match self {
            Self::Json(path) => path.0.rsplit('.').find(|step| step.parse::<usize>().is_err()),
            Self::Query(_) | Self::Header(_) => None,
        }
    }
}
