//! Configuration values of a receiver that a profile refers to by name.

use std::collections::BTreeMap;

/// Values by name that belong to the endpoint rather than to the profile: its public `url`, a `webhook_id`, the
/// `audience` of a token.
///
/// ```
/// use hookseal::Params;
///
/// let params = Params::new().with("url", "https://shop.example/hooks").with("allow_sha1", false);
/// assert_eq!(params.text("url"), Some("https://shop.example/hooks"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Params {
    values: BTreeMap<String, ParamValue>,
}

/// A configuration value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParamValue {
    /// A text.
    Text(String),
    /// A switch.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

impl Params {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// These values and one more; a name that was there is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<ParamValue>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets a value; a name that was there is replaced.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<ParamValue>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<&ParamValue> {
        self.values.get(name)
    }

    /// The value of a name if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            ParamValue::Text(text) => Some(text),
            ParamValue::Flag(_) | ParamValue::List(_) => None,
        }
    }

    /// Whether the value of a name is the switch `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name) == Some(&ParamValue::Flag(true))
    }

    /// The texts of a name: a list, or one text as a list of one; empty if there is neither.
    pub fn list(&self, name: &str) -> &[String] {
        match self.value(name) {
            Some(ParamValue::List(texts)) => texts,
            Some(ParamValue::Text(text)) => std::slice::from_ref(text),
            Some(ParamValue::Flag(_)) | None => &[],
        }
    }
}

impl ParamValue {
    /// Reads a value as a command line gives it: JSON `true`, `false`, a string or a list of strings is that value,
    /// and any other text is a text.
    pub fn from_argument(argument: &str) -> Self {
        match serde_json::from_str(argument) {
            Ok(serde_json::Value::Bool(flag)) => Self::Flag(flag),
            Ok(serde_json::Value::String(text)) => Self::Text(text),
            Ok(serde_json::Value::Array(items)) => {
                let texts: Option<Vec<String>> =
                    items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                texts.map_or_else(|| Self::Text(argument.to_owned()), Self::List)
            }
            _ => Self::Text(argument.to_owned()),
        }
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ParamValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for ParamValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for ParamValue {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_arguments_as_json_where_they_are() {
        assert_eq!(ParamValue::from_argument("true"), ParamValue::Flag(true));
        assert_eq!(ParamValue::from_argument(r#""true""#), ParamValue::from("true"));
        assert_eq!(ParamValue::from_argument(r#"["a","b"]"#), ParamValue::List(vec!["a".into(), "b".into()]));
        assert_eq!(ParamValue::from_argument("https://a.example"), ParamValue::from("https://a.example"));
        assert_eq!(ParamValue::from_argument("17"), ParamValue::from("17"));
        assert_eq!(ParamValue::from_argument("[1]"), ParamValue::from("[1]"));
    }
}
