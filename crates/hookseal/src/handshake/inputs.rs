//! The values of a request that a handshake looks at.

use memchr::memmem;
use serde_json::Value as Json;

use super::HandshakeRefusal;
use super::rule::Source;
use crate::document::{Document, query_value, scalar};
use crate::limits::MAX_FIELD_BYTES;
use crate::request::{Line, Request};

/// A request whose values are looked up by name.
pub(crate) struct Inputs<'q> {
    request: &'q Request<'q>,
    document: Document<'q>,
}

/// What stands at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// Nothing.
    Absent,
    /// One text; a query parameter is decoded, once.
    Text(String),
    /// Something that is no one text: several lines, a list, control characters, too much.
    Unusable,
}

impl<'q> Inputs<'q> {
    pub(crate) fn new(request: &'q Request<'_>) -> Self {
        Self { request, document: Document::new(request.body) }
    }

    pub(crate) fn method(&self) -> &str {
        self.request.method
    }

    /// What stands at a place.
    pub(crate) fn look_up(&self, source: &Source) -> Input {
        match source {
            Source::Query(name) => match query_value(self.request.url, name) {
                Ok(None) => Input::Absent,
                Ok(Some(value)) => text(&value),
                Err(_) => Input::Unusable,
            },
            Source::Header(name) => match self.request.line(name) {
                Line::Absent => Input::Absent,
                Line::One(value) => text(value),
                Line::Several => Input::Unusable,
            },
            Source::Json(path) => self.json(&path.0),
        }
    }

    /// The text at a place that has to be there.
    pub(crate) fn text(&self, source: &Source) -> Result<String, HandshakeRefusal> {
        match self.look_up(source) {
            Input::Text(text) => Ok(text),
            Input::Absent | Input::Unusable => Err(HandshakeRefusal::Unusable { place: source.place() }),
        }
    }

    /// Whether the body can hold this text: most events are told from a handshake by that, without being parsed.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        memmem::find(self.request.body, text.as_bytes()).is_some()
    }

    fn json(&self, path: &str) -> Input {
        let Ok(document) = self.document.json() else { return Input::Absent };
        let found = path.split('.').try_fold(document, member);
        match found {
            None | Some(Json::Null) => Input::Absent,
            Some(Json::Bool(flag)) => Input::Text(flag.to_string()),
            Some(value) => scalar(value).map_or(Input::Unusable, |found| text(found.as_bytes())),
        }
    }
}

fn member<'j>(value: &'j Json, step: &str) -> Option<&'j Json> {
    match value {
        Json::Object(members) => members.get(step),
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

/// Text that can be given back: UTF-8 without control characters, and not endless.
fn text(bytes: &[u8]) -> Input {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= MAX_FIELD_BYTES && !text.chars().any(char::is_control) => {
            Input::Text(text.to_owned())
        }
        _ => Input::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::JsonPath;

    fn look_up(url: &str, body: &str, source: Source) -> Input {
        let headers = [("X-One", "a"), ("x-two", "b"), ("X-Two", "c")];
        let request = Request { method: "POST", url, headers: &headers, body: body.as_bytes() };
        Inputs::new(&request).look_up(&source)
    }

    #[test]
    fn query_values_are_decoded_exactly_once() {
        let query = |url: &str| look_up(url, "", Source::Query("t".to_owned()));
        assert_eq!(query("/?t=a%2520b"), Input::Text("a%20b".to_owned()));
        assert_eq!(query("/?t=a+b%2B"), Input::Text("a b+".to_owned()));
        assert_eq!(query("/?t="), Input::Text(String::new()));
        assert_eq!(query("/?u=1"), Input::Absent);
        for unusable in ["/?t=1&t=2", "/?t=a%0d%0ab", "/?t=%00", "/?t=%ff", "/?t=%C2%85"] {
            assert_eq!(query(unusable), Input::Unusable, "{unusable}");
        }
        assert_eq!(query(&format!("/?t={}", "a".repeat(MAX_FIELD_BYTES + 1))), Input::Unusable);
    }

    #[test]
    fn values_of_the_body_and_headers() {
        let json = |body: &str| look_up("", body, Source::Json(JsonPath("a.0.b".to_owned())));
        assert_eq!(json(r#"{"a":[{"b":1}]}"#), Input::Text("1".to_owned()));
        assert_eq!(json(r#"{"a":[{"b":true}]}"#), Input::Text("true".to_owned()));
        assert_eq!(json(r#"{"a":[{"b":{}}]}"#), Input::Unusable);
        assert_eq!(json(r#"{"a":[{"b":"\n"}]}"#), Input::Unusable);
        for absent in [r#"{"a":[{"b":null}]}"#, r#"{"a":[]}"#, r#"{"a":"b"}"#, "no json", ""] {
            assert_eq!(json(absent), Input::Absent, "{absent}");
        }
        assert_eq!(look_up("", "", Source::Header("x-one".to_owned())), Input::Text("a".to_owned()));
        assert_eq!(look_up("", "", Source::Header("x-two".to_owned())), Input::Unusable);
    }
}
