//! Texts with references, as answers have them.

use super::HandshakeRefusal;
use super::inputs::{Input, Inputs};
use super::rule::Source;
use crate::params::Params;

/// A text with references: `{query:NAME}`, `{header:NAME}`, `{json:PATH}`, `{param:NAME}` and `{mac}`. A brace that
/// is meant as such is doubled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Literal(String),
    Input(Source),
    Param(String),
    Mac,
}

/// What the references stand for.
pub(crate) struct Filling<'f> {
    pub(crate) inputs: &'f Inputs<'f>,
    pub(crate) params: &'f Params,
    pub(crate) mac: Option<&'f str>,
}

/// How a value is written so that it stays within its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Escape {
    /// As it is.
    Plain,
    /// As within a JSON string (RFC 8259 section 7).
    Json,
}

impl Template {
    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
                literal.push_str(&brace[..1]);
                rest = after;
                continue;
            }
            let (name, after) = brace
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'))
                .ok_or("a `{` and its `}` make a reference; a brace that is meant as such is doubled")?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::parse(name).ok_or(
                "the references here are {query:...}, {header:...}, {json:...}, {param:...} and {mac}",
            )?);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// Whether it gives back something of the request.
    pub(crate) fn reflects(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Input(_)))
    }

    /// Whether it holds the MAC.
    pub(crate) fn has_mac(&self) -> bool {
        self.0.contains(&Part::Mac)
    }

    /// Its text, if it has no references.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The literal parts.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether the request has every value that it refers to.
    pub(crate) fn is_filled_by(&self, inputs: &Inputs<'_>) -> bool {
        self.0.iter().all(|part| match part {
            Part::Input(source) => inputs.look_up(source) != Input::Absent,
            _ => true,
        })
    }

    /// Its text with every reference filled in.
    pub(crate) fn write(&self, filling: &Filling<'_>, escape: Escape) -> Result<String, HandshakeRefusal> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Input(source) => escape.push(&filling.inputs.text(source)?, &mut out),
                Part::Param(name) => escape.push(param(filling.params, name)?, &mut out),
                Part::Mac => escape.push(filling.mac.unwrap_or_default(), &mut out),
            }
        }
        Ok(out)
    }
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None => (name == "mac").then_some(Self::Mac),
            Some((_, "")) => None,
            Some(("param", param)) => Some(Self::Param(param.to_owned())),
            Some(_) => Source::parse(name).map(Self::Input),
        }
    }
}

impl Escape {
    fn push(self, value: &str, out: &mut String) {
        match self {
            Self::Plain => out.push_str(value),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

/// A parameter that an answer needs.
fn param<'p>(params: &'p Params, name: &str) -> Result<&'p str, HandshakeRefusal> {
    params
        .text(name)
        .ok_or_else(|| HandshakeRefusal::Unconfigured { name: format!("the parameter `{name}`") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    fn write(template: &str, escape: Escape) -> Result<String, HandshakeRefusal> {
        let headers = [("x-a", "\"<\\")];
        let request = Request { method: "GET", url: "/?q={mac}", headers: &headers, body: b"" };
        let (inputs, params) = (Inputs::new(&request), Params::new().with("p", "pp"));
        let filling = Filling { inputs: &inputs, params: &params, mac: Some("MAC") };
        Template::parse(template).unwrap().write(&filling, escape)
    }

    #[test]
    fn fills_in_one_pass_and_escapes() {
        let json = r#"{{"a":"{query:q}","b":"{mac}","c":"{header:x-a}","d":"{param:p}"}}"#;
        let expected = r#"{"a":"{mac}","b":"MAC","c":"\"<\\","d":"pp"}"#;
        assert_eq!(write(json, Escape::Json).unwrap(), expected);
        assert_eq!(write("{param:p}|{mac}", Escape::Plain).unwrap(), "pp|MAC");
        assert_eq!(
            write("{param:other}", Escape::Plain).unwrap_err(),
            HandshakeRefusal::Unconfigured { name: "the parameter `other`".to_owned() }
        );
        assert!(write("{query:other}", Escape::Plain).is_err());
    }

    #[test]
    fn refuses_what_is_no_reference() {
        for text in ["{", "}", "{}", "{mac", "{other}", "{json:}", "{mac:x}", "a}b", "{{{"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert_eq!(Template::parse("{{}}").unwrap().literal(), Some("{}"));
        assert_eq!(Template::parse("").unwrap().literal(), Some(""));
    }
}
