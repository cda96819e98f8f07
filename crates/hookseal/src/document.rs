//! Values within a body: JSON by path, and forms.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value as Json;

use crate::error::{ErrorKind, VerifyError};
use crate::scheme::JsonPath;

/// A body that is parsed when a value of it is needed, and at most once.
pub(crate) struct Document<'r> {
    body: &'r [u8],
    json: OnceCell<Option<Json>>,
}

impl<'r> Document<'r> {
    pub(crate) fn new(body: &'r [u8]) -> Self {
        Self { body, json: OnceCell::new() }
    }

    /// The same body, read as another value.
    pub(crate) fn with_json(&self, json: Json) -> Self {
        Self { body: self.body, json: OnceCell::from(Some(json)) }
    }

    /// The texts and numbers at a path, as text; none where the path leads nowhere.
    pub(crate) fn values(&self, path: &JsonPath) -> Result<Vec<String>, VerifyError> {
        let mut found = Vec::new();
        let steps: Vec<&str> = path.0.split('.').collect();
        collect(self.json()?, &steps, &mut found);
        Ok(found)
    }

    /// The one text or number at a path.
    pub(crate) fn value(&self, path: &JsonPath) -> Result<Option<String>, VerifyError> {
        Ok(self.values(path)?.into_iter().next())
    }

    /// The whole document.
    pub(crate) fn json(&self) -> Result<&Json, VerifyError> {
        let parsed = self.json.get_or_init(|| serde_json::from_slice(self.body).ok());
        parsed.as_ref().ok_or_else(|| VerifyError::new(ErrorKind::MalformedBody, "the body is to be JSON"))
    }

    /// The fields of the body as a form, decoded, in their order.
    pub(crate) fn form(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        form_pairs(self.body)
    }

    /// The one value of a form's field.
    pub(crate) fn form_value(&self, field: &str) -> Result<Option<Vec<u8>>, VerifyError> {
        single(self.form(), field)
    }
}

/// The one value of a parameter in a URL's query.
pub(crate) fn query_value(url: &str, parameter: &str) -> Result<Option<Vec<u8>>, VerifyError> {
    let without_fragment = url.split('#').next().unwrap_or("");
    let Some((_, query)) = without_fragment.split_once('?') else { return Ok(None) };
    single(form_pairs(query.as_bytes()), parameter)
}

fn single(pairs: Vec<(Vec<u8>, Vec<u8>)>, name: &str) -> Result<Option<Vec<u8>>, VerifyError> {
    let mut values = pairs.into_iter().filter(|(field, _)| field == name.as_bytes()).map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        Some(_) => Err(VerifyError::at(ErrorKind::DuplicateField, name, "the field stands once")),
        None => Ok(first),
    }
}

/// `application/x-www-form-urlencoded` (WHATWG URL section 5.1).
pub(crate) fn form_pairs(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |part: &[u8]| {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        (percent_decode(name), percent_decode(halves.next().unwrap_or_default()))
    };
    text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(pair).collect()
}

pub(crate) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        out.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Adds what lies at the path; `every` item of a list that has nothing there is as good as one with a wrong value,
/// so it adds an empty text.
fn collect(value: &Json, path: &[&str], found: &mut Vec<String>) {
    let Some((step, rest)) = path.split_first() else {
        found.extend(scalar(value).map(Cow::into_owned));
        return;
    };
    match value {
        Json::Array(items) if *step == "*" => {
            for item in items {
                let before = found.len();
                collect(item, rest, found);
                if found.len() == before {
                    found.push(String::new());
                }
            }
        }
        Json::Array(items) => {
            let item = step.parse::<usize>().ok().and_then(|index| items.get(index));
            item.into_iter().for_each(|item| collect(item, rest, found));
        }
        Json::Object(members) => {
            members.get(*step).into_iter().for_each(|member| collect(member, rest, found))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A text or a number as text; everything else has no one form.
pub(crate) fn scalar(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(body: &str, path: &str) -> Vec<String> {
        Document::new(body.as_bytes()).values(&JsonPath(path.to_owned())).unwrap()
    }

    #[test]
    fn walks_paths() {
        let body = r#"{"a":{"b":["x",{"c":17}]},"d":[{"e":"1"},{},{"e":"2"}],"f":true}"#;
        assert_eq!(values(body, "a.b.0"), ["x"]);
        assert_eq!(values(body, "a.b.1.c"), ["17"]);
        assert_eq!(values(body, "d.*.e"), ["1", "", "2"]);
        assert!(values(body, "a.b").is_empty());
        assert!(values(body, "a.z").is_empty());
        assert!(values(body, "f").is_empty());
        assert!(Document::new(b"{").value(&JsonPath("a".to_owned())).is_err());
    }

    #[test]
    fn reads_forms_and_queries() {
        let form = Document::new(b"a=1%2B2&b=x+y&&c&a%zz=%4");
        let expected: [(&[u8], &[u8]); 4] = [(b"a", b"1+2"), (b"b", b"x y"), (b"c", b""), (b"a%zz", b"%4")];
        assert_eq!(form.form(), expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
        assert_eq!(query_value("https://h.test/?a=1&b=2#a=3", "a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(query_value("https://h.test/", "a").unwrap(), None);
        assert!(query_value("https://h.test/?a=1&a=1", "a").is_err());
    }
}
