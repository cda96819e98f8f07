//! Reading a JSON object field by field, so that every problem can be named at once and values keep their bytes.

use std::{borrow::Cow, fmt};

use hookseal::Timestamp;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    limits,
    problem::{Code, FieldDetail, Problem},
    query,
};

/// A JSON object: the text of each field that a call knows, and the names of those that it does not.
#[derive(Debug)]
pub(crate) struct Object<'a, const N: usize> {
    values: [Option<&'a RawValue>; N],
    unknown: Vec<String>,
}

/// A field that may be absent, null, or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given<T> {
    Absent,
    Null,
    Value(T),
}

/// The problems of a request's fields.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldDetail>);

impl<'a, const N: usize> Object<'a, N> {
    /// Reads a text as an object with these fields.
    ///
    /// # Errors
    ///
    /// Malformed JSON, anything but an object, a field that stands twice: with line and column.
    pub(crate) fn parse(text: &'a [u8], names: &'static [&'static str; N]) -> Result<Self, Problem> {
        let mut json = serde_json::Deserializer::from_slice(text);
        let object = Fields(names).deserialize(&mut json);
        let object = object.and_then(|object| json.end().map(|()| object));
        object.map_err(|error| Problem::new(Code::MalformedJson, format!("the body cannot be read: {error}")))
    }

    /// The texts of the fields, in the order of the names.
    ///
    /// # Errors
    ///
    /// Fields that the call does not know, each by its name.
    pub(crate) fn known(self) -> Result<[Option<&'a RawValue>; N], Problem> {
        if self.unknown.is_empty() {
            return Ok(self.values);
        }
        let detail =
            |name| FieldDetail { field: Cow::Owned(name), detail: "there is no such field".to_owned() };
        let fields = self.unknown.into_iter().map(detail).collect();
        Err(Problem::of_fields(
            Code::UnknownField,
            "the body has fields that this call does not know",
            fields,
        ))
    }
}

impl Problems {
    /// Notes what would be right of a field.
    pub(crate) fn add(&mut self, field: &'static str, detail: impl Into<String>) {
        self.0.push(FieldDetail { field: Cow::Borrowed(field), detail: detail.into() });
    }

    /// Reads a field. Where it is not `expected`, that is noted and the field counts as absent.
    pub(crate) fn read<'a, T: Deserialize<'a>>(
        &mut self,
        field: &'static str,
        text: Option<&'a RawValue>,
        expected: &str,
    ) -> Given<T> {
        let Some(text) = text.map(RawValue::get) else { return Given::Absent };
        if text == "null" {
            return Given::Null;
        }
        match serde_json::from_str(text) {
            Ok(value) => Given::Value(value),
            Err(_) => {
                self.add(field, format!("must be {expected}"));
                Given::Absent
            }
        }
    }

    /// Reads a field for which null means the same as leaving it out.
    pub(crate) fn read_or_null<'a, T: Deserialize<'a>>(
        &mut self,
        field: &'static str,
        text: Option<&'a RawValue>,
        expected: &str,
    ) -> Option<T> {
        match self.read(field, text, expected) {
            Given::Value(value) => Some(value),
            Given::Null | Given::Absent => None,
        }
    }

    /// Reads a time, for which null means the same as leaving it out.
    pub(crate) fn time(&mut self, field: &'static str, text: Option<&RawValue>) -> Option<Timestamp> {
        let text = self.read_or_null::<String>(field, text, query::TIME)?;
        let time = Timestamp::parse_rfc3339(&text).ok();
        if time.is_none() {
            self.add(field, format!("must be {}", query::TIME));
        }
        time
    }

    /// Whether nothing was noted.
    pub(crate) fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something was noted of this field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|problem| problem.field == field)
    }

    /// What was noted, as one problem.
    pub(crate) fn problem(self) -> Problem {
        Problem::invalid_fields(self.0)
    }

    /// `value`, unless something was noted.
    pub(crate) fn unless<T>(self, value: T) -> Result<T, Problem> {
        if self.0.is_empty() { Ok(value) } else { Err(self.problem()) }
    }
}

struct Fields<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Fields<N> {
    type Value = Object<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = Object<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object { values: [None; N], unknown: Vec::new() };
        while let Some(Name(name)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            match self.0.iter().position(|known| *known == name) {
                Some(index) if object.values[index].is_some() => {
                    return Err(A::Error::custom(format_args!("the field `{name}` stands twice")));
                }
                Some(index) => object.values[index] = Some(value),
                None if object.unknown.len() < limits::PROBLEMS_MAX => object.unknown.push(name.into_owned()),
                None => {}
            }
        }
        Ok(object)
    }
}

/// A field's name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str; 2] = &["payload", "type"];

    fn check(text: &str, payload: Option<&str>) {
        let object =
            Object::parse(text.as_bytes(), NAMES).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
        let [found, _] = object.known().unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
        assert_eq!(found.map(RawValue::get), payload, "{text}");
    }

    #[test]
    fn values_keep_their_bytes() {
        check(
            r#" { "payload" :  { "b": 1.0,"a" :1e0,  "a":"\u00e9\/" } , "type":1 } "#,
            Some(r#"{ "b": 1.0,"a" :1e0,  "a":"\u00e9\/" }"#),
        );
        check(r#"{"payload":null}"#, Some("null"));
        check(r#"{"p\u0061yload":[ ]}"#, Some("[ ]"));
        check("{}", None);
    }

    #[test]
    fn says_where_it_cannot_be_read() {
        for (text, why) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("[]", "invalid type: sequence, expected an object"),
            ("{\n\"type\": }", "expected value at line 2 column 9"),
            (r#"{"type":1,"type":2}"#, "the field `type` stands twice"),
            ("{} {}", "trailing characters at line 1 column 4"),
        ] {
            let problem = Object::parse(text.as_bytes(), NAMES).map(drop).unwrap_err();
            assert!(format!("{problem:?}").contains(why), "{text}: {problem:?}");
        }
    }

    #[test]
    fn nesting_without_end_is_no_danger() {
        let text = format!(r#"{{"payload":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(Object::parse(text.as_bytes(), NAMES).is_ok());
    }
}
