//! Where a signature stands and what it looks like there.

use super::{Encoding, JsonPath};
use crate::params::Params;

/// Where the signature stands, its grammar, and its encoding.
#[derive(Clone, Debug)]
pub(crate) struct SignatureRule {
    pub(crate) carrier: Carrier,
    /// Whether the header may stand on several lines, each with signatures.
    pub(crate) repeated: bool,
    pub(crate) grammar: Grammar,
    pub(crate) encoding: Encoding,
    pub(crate) rotation: Rotation,
    pub(crate) coverage: Coverage,
}

/// What a signature is written to cover, where each message says for itself which headers or components it covers.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    /// What it always covers.
    pub(crate) always: Vec<String>,
    /// The headers that it covers where the message has them.
    pub(crate) if_present: Vec<String>,
    /// The name of the signature in the two dictionaries.
    pub(crate) label: String,
    /// What stands after the components, in order.
    pub(crate) parameters: Vec<InputParameter>,
}

/// A parameter of `signature-input` (RFC 9421 section 2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InputParameter {
    /// The time of signing.
    Created,
    /// The parameter `keyid`, where it is set.
    KeyId,
    /// The name of the algorithm.
    Algorithm,
}

#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    /// One of these headers, or each of them.
    Headers(Vec<String>),
    /// Headers with this name and a number from 1 at its end.
    Numbered(String),
    /// A value of the body; with `*` in the path every one has to match.
    Json(JsonPath),
    /// A field of the body as a form.
    Form(String),
    /// A parameter of the URL's query.
    Query(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Grammar {
    /// The signature and nothing else.
    Bare,
    /// A text, and then one signature or a list of them.
    Prefix { prefix: String, separator: Option<u8> },
    /// Pairs of a key and a value.
    Pairs(Pairs),
    /// The name of a digest, `=`, and the signature.
    AlgorithmPrefix,
    /// Labels and byte sequences, with `signature-input` beside them (RFC 9421).
    Dictionary,
}

/// A list of keys and values such as `t=1,v1=...` or `v1,... v1,...`.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub(crate) separator: u8,
    pub(crate) assign: u8,
    /// The keys whose values are signatures.
    pub(crate) keys: KeyPattern,
    /// The key whose value is a list of header names, separated by spaces.
    pub(crate) names: Option<String>,
    /// Whether strict mode also allows spaces around items.
    pub(crate) trim: bool,
    /// What separates several groups of pairs, each with a timestamp of its own.
    pub(crate) groups: Option<u8>,
}

/// Which keys of pairs hold signatures.
#[derive(Clone, Debug)]
pub(crate) enum KeyPattern {
    /// One of these.
    Names(Vec<String>),
    /// This text and then digits alone, such as `v1`.
    Numbered(String),
    /// The value of this parameter; a list without it is for other keys than ours.
    Param(String),
}

/// How a signature is written while several signing secrets are active.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rotation {
    /// One signature, by the newest.
    Newest,
    /// One for each, under the same key, the newest first.
    Repeat,
    /// One for each, the newest as `v1`, the next as `v2`.
    Count,
}

impl InputParameter {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("created", Self::Created), ("keyid", Self::KeyId), ("alg", Self::Algorithm)];
}

impl Carrier {
    /// The header or field, for messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Headers(names) => names.first().map_or("signature", String::as_str),
            Self::Numbered(name) | Self::Form(name) | Self::Query(name) => name,
            Self::Json(path) => &path.0,
        }
    }
}

impl KeyPattern {
    /// The key under which the signature by the secret at `index` is written.
    pub(crate) fn written(&self, index: usize, rotation: Rotation, params: &Params) -> String {
        match self {
            Self::Names(names) => names.first().cloned().unwrap_or_default(),
            Self::Numbered(start) if rotation == Rotation::Count => format!("{start}{}", index + 1),
            Self::Numbered(start) => format!("{start}1"),
            Self::Param(name) => params.text(name).unwrap_or_default().to_owned(),
        }
    }
}
