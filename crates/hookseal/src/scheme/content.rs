//! The signed content: literals and references, written as bytes in one pass.

use std::borrow::Cow;

use super::JsonPath;

/// A part of the signed content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    /// The bytes of a value.
    Value(Value),
}

/// What a reference stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// The timestamp as it is written.
    Timestamp,
    /// The delivery id.
    Id,
    /// The body, as the reading has it.
    Body,
    /// The decimal CRC-32 (IEEE 802.3) of the body.
    BodyCrc32,
    /// The lower-case hexadecimal SHA-256 of the body.
    BodySha256,
    /// The URL.
    Url,
    /// The method.
    Method,
    /// The secret as the vendor shows it.
    Secret,
    /// A header.
    Header(String),
    /// The list of header names in the signature header.
    SignedHeaderNames,
    /// The values of those headers, joined by `.`.
    SignedHeaderValues,
    /// A text or number of the body.
    Json(JsonPath),
    /// A field of the body as a form.
    Form(String),
    /// Every field of the body as a form: name and value, sorted, and each pair once.
    SortedForm,
    /// A parameter.
    Param(String),
    /// What a named canonicaliser makes of the body.
    Canonical(Canonical),
}

/// Canonical forms that are one vendor's own and no combination of the other values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Canonical {
    /// The signed fields of an Adyen notification item, joined by `:`.
    AdyenPayment,
    /// Contentful's canonical request.
    Contentful,
    /// The signature base of RFC 9421.
    Rfc9421,
    /// The signed fields of an Amazon SNS message.
    Sns,
}

/// References without an argument.
const PLAIN: &[(&str, Value)] = &[
    ("timestamp", Value::Timestamp),
    ("id", Value::Id),
    ("body", Value::Body),
    ("body:crc32", Value::BodyCrc32),
    ("body:sha256", Value::BodySha256),
    ("url", Value::Url),
    ("method", Value::Method),
    ("secret", Value::Secret),
    ("signed-header-names", Value::SignedHeaderNames),
    ("signed-header-values", Value::SignedHeaderValues),
    ("sorted-form", Value::SortedForm),
    ("canonical:adyen-payment", Value::Canonical(Canonical::AdyenPayment)),
    ("canonical:contentful", Value::Canonical(Canonical::Contentful)),
    ("canonical:rfc9421", Value::Canonical(Canonical::Rfc9421)),
    ("canonical:sns", Value::Canonical(Canonical::Sns)),
];

impl Piece {
    /// The item of `content` that stands for it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        let value = match self {
            Self::Literal(bytes) => return String::from_utf8_lossy(bytes),
            Self::Value(value) => value,
        };
        let with_argument = match value {
            Value::Header(name) => Some(("header", name)),
            Value::Json(JsonPath(path)) => Some(("json", path)),
            Value::Form(field) => Some(("form", field)),
            Value::Param(name) => Some(("param", name)),
            _ => None,
        };
        let plain = PLAIN.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name);
        Cow::Owned(match with_argument {
            Some((kind, argument)) => format!("{{{kind}:{argument}}}"),
            None => format!("{{{plain}}}"),
        })
    }

    /// Reads an item of a profile's `content`: `{...}` is a reference, anything without braces a literal.
    pub(crate) fn parse(item: &str) -> Result<Self, String> {
        let Some(name) = item.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return match item.contains(['{', '}']) {
                true => {
                    Err("a reference stands alone, as in [\"{timestamp}\", \".\", \"{body}\"]".to_owned())
                }
                false if item.is_empty() => Err("a literal has at least one byte".to_owned()),
                false => Ok(Self::Literal(item.as_bytes().to_vec())),
            };
        };
        if let Some((_, value)) = PLAIN.iter().find(|(known, _)| *known == name) {
            return Ok(Self::Value(value.clone()));
        }
        let with_argument = match name.split_once(':') {
            Some((_, "")) | None => None,
            Some(("header", header)) => Some(Value::Header(header.to_ascii_lowercase())),
            Some(("json", path)) => Some(Value::Json(JsonPath(path.to_owned()))),
            Some(("form", field)) => Some(Value::Form(field.to_owned())),
            Some(("param", param)) => Some(Value::Param(param.to_owned())),
            Some(_) => None,
        };
        with_argument.map(Self::Value).ok_or_else(|| {
            let plain = PLAIN.iter().map(|(known, _)| format!("{{{known}}}")).collect::<Vec<_>>().join(", ");
            format!("this reference is not known; there are {plain}, {{header:...}}, {{json:...}}, {{form:...}} and {{param:...}}")
        })
    }
}
