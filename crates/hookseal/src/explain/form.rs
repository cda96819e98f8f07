//! Signatures in another encoding, of another digest, in other words around them, or in another header.

mod digits;
mod loose;

use std::sync::Arc;

use digits::{Read, read};
use loose::Loose;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding, names};
use crate::scheme::{
    Algorithm, AlgorithmRule, DigestKind, Encoding, Grammar, Scheme, SignatureRule, TimestampSource,
};
use crate::verifier::Verifier;

/// How many headers are searched for signatures.
const MAX_HEADERS: usize = 24;

/// Headers that are on every request and hold no signature.
const ORDINARY: [&str; 8] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "user-agent",
];

/// The changes to the form of the signature, the likeliest first.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let (Some(rule), Some(own)) = (&scheme.signature, names::signature(scheme)) else { return Vec::new() };
    let signs = scheme.algorithm().is_none_or(Algorithm::signs_content);
    if !signs || matches!(rule.grammar, Grammar::Dictionary) {
        return Vec::new();
    }
    let accepted = accepted(question, scheme);
    let mut forms = Forms { question, scheme, rule, own: &own, accepted, changes: Vec::new() };
    let present = names::present(&question.request);
    let others = names::alike(&own, &present).into_iter().chain(present.iter().cloned());
    let mut headers = vec![own.clone()];
    for name in others.filter(|name| !ORDINARY.contains(&name.as_str())) {
        if !headers.contains(&name) && headers.len() < MAX_HEADERS {
            headers.push(name);
        }
    }
    headers.iter().for_each(|header| forms.search(header));
    forms.changes
}

/// The texts that the verifier takes for signatures.
fn accepted(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Vec<u8>> {
    let options = question.options;
    let verifier =
        Verifier::of_scheme(Arc::clone(scheme), question.secrets, options.mode, options.params.clone());
    let inspection = verifier.ok().and_then(|verifier| verifier.inspect(&question.request).ok());
    inspection.map(|inspection| inspection.candidates).unwrap_or_default()
}

struct Forms<'f> {
    question: &'f Question<'f>,
    scheme: &'f Scheme,
    rule: &'f SignatureRule,
    own: &'f str,
    accepted: Vec<Vec<u8>>,
    changes: Vec<Change>,
}

impl Forms<'_> {
    /// Offers every text of a header that may be a signature.
    fn search(&mut self, header: &str) {
        let Some(value) = names::value(&self.question.request, header) else { return };
        let loose = Loose::read(value);
        for token in &loose.tokens {
            for read in read(token) {
                if let Some(algorithm) = self.algorithm(&read.bytes) {
                    self.offer(header, value, &loose, token, &read, algorithm);
                }
            }
        }
    }

    /// The algorithm whose signatures have this form: the scheme's own, or HMAC with another digest.
    fn algorithm(&self, bytes: &[u8]) -> Option<Algorithm> {
        let with_length =
            |digests: &[DigestKind]| digests.iter().copied().find(|digest| digest.length() == bytes.len());
        const DIGESTS: [DigestKind; 4] =
            [DigestKind::Sha1, DigestKind::Sha256, DigestKind::Sha384, DigestKind::Sha512];
        match &self.scheme.algorithm {
            AlgorithmRule::Fixed(Algorithm::Hmac(_)) => with_length(&DIGESTS).map(Algorithm::Hmac),
            AlgorithmRule::Named(digests) => with_length(digests).map(Algorithm::Hmac),
            AlgorithmRule::Fixed(own) => match own.signature_length() {
                Some(length) => (length == bytes.len()).then_some(*own),
                None => Some(*own),
            },
            AlgorithmRule::Json { choices, .. } => {
                choices.first().map(|(_, digest)| Algorithm::RsaPkcs1(*digest))
            }
        }
    }

    fn offer(
        &mut self,
        header: &str,
        value: &[u8],
        loose: &Loose<'_>,
        token: &[u8],
        read: &Read,
        algorithm: Algorithm,
    ) {
        let mut text = String::new();
        self.rule.encoding.encode(&read.bytes, &mut text);
        let is_own = header == self.own;
        let in_place = is_own && self.accepted.iter().any(|accepted| accepted == token);
        let value = match in_place {
            true => substitute(value, token, text.as_bytes()),
            false => match self.rebuild(&text, algorithm, loose) {
                Some(value) => value,
                None => return,
            },
        };
        let mut change = Change { findings: Vec::new(), edits: Vec::new() };
        if !is_own {
            change.findings.push(self.in_other_header(header));
        }
        change.findings.extend(self.encoding_finding(token, read));
        if let AlgorithmRule::Fixed(own) = &self.scheme.algorithm
            && *own != algorithm
        {
            change.findings.push(algorithm_finding(*own, algorithm));
            change.edits.push(Edit::Algorithm(algorithm));
        }
        if change.findings.is_empty() && !in_place {
            change.findings.push(self.grammar_finding());
        }
        if let (Some(stamp), Some(name), false) = (loose.stamp, self.scheme.timestamp_header(), is_own)
            && names::value(&self.question.request, name).is_none()
        {
            change.edits.push(Edit::Header { name: name.to_owned(), value: stamp.to_vec() });
        }
        if !change.findings.is_empty() {
            change.edits.push(Edit::Header { name: self.own.to_owned(), value });
            self.changes.push(change);
        }
    }

    /// The signature as the profile has it in its header.
    fn rebuild(&self, signature: &str, algorithm: Algorithm, loose: &Loose<'_>) -> Option<Vec<u8>> {
        let value = match &self.rule.grammar {
            Grammar::Bare => signature.to_owned(),
            Grammar::Prefix { prefix, .. } => format!("{prefix}{signature}"),
            Grammar::AlgorithmPrefix => match algorithm {
                Algorithm::Hmac(digest) => format!("{}={signature}", digest.name()),
                _ => return None,
            },
            Grammar::Pairs(pairs) => {
                let key = pairs.keys.written(0, self.rule.rotation, &self.question.options.params);
                let (assign, separator) = (char::from(pairs.assign), char::from(pairs.separator));
                let stamp = match self.scheme.timestamp.as_ref().map(|rule| &rule.source) {
                    Some(TimestampSource::Field(name)) => {
                        let stamp = self.stamp(loose)?;
                        format!("{name}{assign}{stamp}{separator}")
                    }
                    _ => String::new(),
                };
                format!("{stamp}{key}{assign}{signature}")
            }
            Grammar::Dictionary => return None,
        };
        Some(value.into_bytes())
    }

    /// The timestamp beside the signature, or in any header that has one.
    fn stamp(&self, loose: &Loose<'_>) -> Option<String> {
        let beside = loose.stamp.map(<[u8]>::to_vec);
        let elsewhere = || {
            let present = names::present(&self.question.request);
            let mut named = present.iter().filter(|name| name.contains("timestamp"));
            names::value(&self.question.request, named.next()?).map(<[u8]>::to_vec)
        };
        String::from_utf8(beside.or_else(elsewhere)?).ok()
    }

    fn in_other_header(&self, header: &str) -> Finding {
        let sentence = format!(
            "The signature stands in the header `{header}`, and the profile reads `{}`. A proxy or a framework renamed it, or the sender uses another name: give it its name back, or set `header` under `[scheme.signature]`.",
            self.own
        );
        Finding::new(Code::SignatureInOtherHeader, sentence).with("header", header).with("expected", self.own)
    }

    fn encoding_finding(&self, token: &[u8], read: &Read) -> Option<Finding> {
        let own = self.rule.encoding;
        let own_name =
            Encoding::NAMES.iter().find(|(_, encoding)| *encoding == own).map_or("", |(name, _)| name);
        let hexadecimal = matches!(own, Encoding::Hex | Encoding::HexLower);
        if read.layers > 1 {
            let sentence = format!(
                "The signature is encoded twice ({}), and the profile has it once, as {own_name}. Encode the bytes of the digest, not its text.",
                read.encoding
            );
            return Some(Finding::new(Code::SignatureDoubleEncoded, sentence).with("found", read.encoding));
        }
        match (read.encoding, hexadecimal) {
            ("hex", true) if own == Encoding::HexLower && token.iter().any(u8::is_ascii_uppercase) => {
                let sentence = "The signature is written with upper-case digits, and this vendor writes and compares lower-case ones. Write it in lower case, or verify with mode `compat`.";
                Some(Finding::new(Code::SignatureUpperCase, sentence))
            }
            ("hex", true) => None,
            (found, _) if found == own_name => None,
            (found, _) => {
                let sentence = format!(
                    "The signature is right and written as {found}, where the profile has {own_name}. Write it as {own_name}, or set `encoding` under `[scheme.signature]`."
                );
                Some(
                    Finding::new(Code::SignatureEncoding, sentence)
                        .with("found", found)
                        .with("expected", own_name),
                )
            }
        }
    }

    fn grammar_finding(&self) -> Finding {
        let expected = match &self.rule.grammar {
            Grammar::Bare => "the signature and nothing else".to_owned(),
            Grammar::Prefix { prefix, .. } => format!("`{prefix}` and the signature"),
            Grammar::AlgorithmPrefix => "the name of a digest, `=` and the signature".to_owned(),
            Grammar::Pairs(pairs) => {
                let key = pairs.keys.written(0, self.rule.rotation, &self.question.options.params);
                format!(
                    "pairs such as `{key}{}...`, separated by `{}`",
                    char::from(pairs.assign),
                    char::from(pairs.separator)
                )
            }
            Grammar::Dictionary => "a dictionary".to_owned(),
        };
        let sentence = format!(
            "The signature in `{}` is right, and what stands around it is not as the profile has it: {expected}. Write the header as the vendor documents it: prefix, version, separators.",
            self.own
        );
        Finding::new(Code::SignatureGrammar, sentence).with("header", self.own)
    }
}

fn algorithm_finding(own: Algorithm, found: Algorithm) -> Finding {
    let sentence = format!(
        "The signature is made with {}, and the profile has {}. Sign with the profile's algorithm, or set `algorithm` under `[scheme]`.",
        found.as_str(),
        own.as_str()
    );
    Finding::new(Code::SignatureAlgorithm, sentence)
        .with("found", found.as_str())
        .with("expected", own.as_str())
}

/// The value with the first `from` replaced.
fn substitute(value: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match value.windows(from.len().max(1)).position(|window| window == from) {
        Some(at) => [&value[..at], to, &value[at + from.len()..]].concat(),
        None => value.to_vec(),
    }
}
