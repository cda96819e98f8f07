//! What a scheme says of itself, for pages and people.

use std::borrow::Cow;
use std::time::Duration;

use super::{
    AlgorithmRule, Carrier, DigestKind, Encoding, Grammar, IdentityRule, IdentitySource, Scheme,
    TimestampFormat, TimestampSource,
};
use crate::scheme::Algorithm;

/// How far a timestamp may lie from now, inclusive. `None` is any distance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Tolerance {
    /// How far in the past.
    pub past: Option<Duration>,
    /// How far in the future.
    pub future: Option<Duration>,
}

impl Scheme {
    /// The algorithm by its name in profiles, or all of those that a message may name, with commas between.
    pub fn algorithm_text(&self) -> Cow<'static, str> {
        let list = |names: Vec<&str>| Cow::Owned(names.join(", "));
        match &self.algorithm {
            AlgorithmRule::Fixed(algorithm) => Cow::Borrowed(algorithm.as_str()),
            AlgorithmRule::Named(digests) => {
                list(digests.iter().map(|digest| Algorithm::Hmac(*digest).as_str()).collect())
            }
            AlgorithmRule::Json { choices, .. } => {
                let name = |(_, digest): &(String, DigestKind)| Algorithm::RsaPkcs1(*digest).as_str();
                list(choices.iter().map(name).collect())
            }
        }
    }

    /// The signed content item by item, as a profile writes it: `{timestamp}`, `.`, `{body}`.
    pub fn content(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        self.content.iter().map(|piece| piece.text())
    }

    /// Where the signature stands, such as `x-slack-signature`, `x-docusign-signature-1`, `body signature.signature`;
    /// absent for the algorithm `none`.
    pub fn signature_place(&self) -> Option<String> {
        Some(match &self.signature.as_ref()?.carrier {
            Carrier::Headers(names) => names.join(", "),
            Carrier::Numbered(start) => format!("{start}1"),
            Carrier::Json(path) => format!("body {}", path.0),
            Carrier::Form(field) => format!("form {field}"),
            Carrier::Query(parameter) => format!("query {parameter}"),
        })
    }

    /// The shape of the signature by its name in profiles, such as `pairs`; absent for the algorithm `none`.
    pub fn signature_grammar(&self) -> Option<&'static str> {
        Some(match &self.signature.as_ref()?.grammar {
            Grammar::Bare => "bare",
            Grammar::Prefix { .. } => "prefix",
            Grammar::Pairs(_) => "pairs",
            Grammar::AlgorithmPrefix => "algorithm-prefix",
            Grammar::Dictionary => "dictionary",
        })
    }

    /// The encoding of the signature by its name in profiles, such as `base64`; absent where no content is signed.
    pub fn signature_encoding(&self) -> Option<&'static str> {
        let rule = self.signature.as_ref().filter(|_| !self.content.is_empty())?;
        Encoding::NAMES.iter().find(|(_, encoding)| *encoding == rule.encoding).map(|(name, _)| *name)
    }

    /// Whether the signature covers a timestamp. It is checked then, within [`tolerance`](Self::tolerance).
    pub fn signs_timestamp(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Where the timestamp stands, such as `x-slack-request-timestamp`, `t in the signature`, `body createdAt`.
    pub fn timestamp_place(&self) -> Option<String> {
        Some(match &self.timestamp.as_ref()?.source {
            TimestampSource::Header(name) => name.clone(),
            TimestampSource::Field(name) => format!("{name} in the signature"),
            TimestampSource::Json(path) => format!("body {}", path.0),
            TimestampSource::Claim(name) => format!("claim {name}"),
        })
    }

    /// The format of the timestamp by its name in profiles, such as `unix-seconds`.
    pub fn timestamp_format(&self) -> Option<&'static str> {
        let format = self.timestamp.as_ref()?.format;
        TimestampFormat::NAMES.iter().find(|(_, known)| *known == format).map(|(name, _)| *name)
    }

    /// How far the timestamp may lie from now; absent where none is signed.
    pub fn tolerance(&self) -> Option<Tolerance> {
        let rule = self.timestamp.as_ref()?;
        Some(Tolerance { past: rule.past, future: rule.future })
    }

    /// Where the delivery id stands, such as `webhook-id` or `body MessageId`, and whether the signature covers it.
    pub fn id_place(&self) -> Option<(String, bool)> {
        self.id.as_ref().map(place)
    }

    /// Where the event type stands, such as `x-github-event` or `body type`, and whether the signature covers it.
    pub fn event_type_place(&self) -> Option<(String, bool)> {
        self.event_type.as_ref().map(place)
    }

    /// The headers that must have one value, the names in lower case.
    pub fn required_headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.required.iter().map(|header| (header.name.as_str(), header.value.as_str()))
    }

    /// The parameters that a receiver configures for this scheme, beside `url`, which is read where the content has it.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        crate::verifier::params(self)
    }
}

fn place(rule: &IdentityRule) -> (String, bool) {
    let text = match &rule.source {
        IdentitySource::Header(name) => name.clone(),
        IdentitySource::Json(path) => format!("body {}", path.0),
    };
    (text, rule.covered)
}
