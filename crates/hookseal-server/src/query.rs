//! Query strings and pages.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query as Pairs};
use hookseal::Timestamp;
use hookseal_engine::{EventType, limits as engine, ports::store::Page};
use http::{Uri, request::Parts};

use crate::{
    limits,
    problem::{Code, FieldDetail, Problem},
};

/// What a time is expected to be.
pub(crate) const TIME: &str = "a time such as `2025-04-01T13:12:57Z` (RFC 3339)";

/// The parameters of a request's query. Each is taken by its name; what is left at the end is unknown.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    problems: Vec<FieldDetail>,
}

/// A query without parameters: those of a call that knows none.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.uri.query() {
            None => Ok(Self),
            Some(_) => Query::of(&parts.uri)?.finish().map(|()| Self),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

impl Query {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        if uri.query().is_some_and(|query| query.len() > limits::QUERY_CHARS_MAX) {
            let detail = format!("the query is longer than {} characters", limits::QUERY_CHARS_MAX);
            return Err(Problem::new(Code::InvalidParameter, detail));
        }
        match Pairs::try_from_uri(uri) {
            Ok(Pairs(pairs)) => Ok(Self { pairs, problems: Vec::new() }),
            Err(_) => Err(Problem::new(Code::InvalidParameter, "the query is not form-encoded UTF-8")),
        }
    }

    /// Takes a parameter as text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let index = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.swap_remove(index);
        if self.pairs.iter().any(|(key, _)| key == name) {
            self.pairs.retain(|(key, _)| key != name);
            self.problem(name, "stands more than once".to_owned());
            return None;
        }
        Some(value)
    }

    /// Takes a parameter as what `read` makes of it.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = read(&text);
        if value.is_none() {
            self.problem(name, format!("must be {expected}"));
        }
        value
    }

    /// Takes a parameter that is an event's type.
    pub(crate) fn event_type(&mut self, name: &'static str) -> Option<EventType> {
        self.read(name, "an event's type", |text| EventType::new(text).ok())
    }

    /// Takes a parameter that is a time.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, TIME, |text| Timestamp::parse_rfc3339(text).ok())
    }

    /// Takes `limit` and `cursor`.
    pub(crate) fn page<Id: FromStr>(&mut self) -> Page<Id> {
        let expected = format!("a whole number from 1 to {}", engine::PAGE_MAX);
        let fits = |limit: &usize| (1..=engine::PAGE_MAX).contains(limit);
        let limit = self.read("limit", &expected, |text| text.parse().ok().filter(fits));
        let after = self.read("cursor", "the `next` of an earlier page", |text| text.parse().ok());
        Page { limit: limit.unwrap_or(engine::PAGE_DEFAULT), after }
    }

    /// To be called when every known parameter was taken.
    ///
    /// # Errors
    ///
    /// What was wrong with those, and which are not known.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if !self.pairs.is_empty() {
            let detail = |name| FieldDetail { field: name, detail: "there is no such parameter".to_owned() };
            let unknown = self.pairs.into_iter().map(|(name, _)| detail(name.into())).collect();
            return Err(Problem::of_fields(
                Code::UnknownParameter,
                "the query has parameters that this call does not know",
                unknown,
            ));
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Problem::of_fields(
            Code::InvalidParameter,
            "some parameters are not as they should be",
            self.problems,
        ))
    }

    fn problem(&mut self, name: &'static str, detail: String) {
        self.problems.push(FieldDetail { field: name.into(), detail });
    }
}
