//! One signing, step by step.

use super::Signer;
use super::covered::{self, Sent};
use super::prepare::{Material, SigningKey};
use super::stamp::Stamp;
use super::token;
use crate::document::Document;
use crate::error::SignError;
use crate::key::{Key, PrivateKey, RunningMac, Unsigned};
use crate::message::Message;
use crate::params::Params;
use crate::profile::check_header_value;
use crate::request::{Headers, Request};
use crate::scheme::{
    Algorithm, AlgorithmRule, Grammar, IdentityRule, IdentitySource, Pairs, Scheme, SignatureRule,
    TimestampRule, TimestampSource,
};
use crate::signed_headers::SignedHeaders;
use crate::values::{Signed, Values};

/// A message in the course of its signing.
pub(super) struct Signing<'s, 'm> {
    signer: &'s Signer,
    pub(super) scheme: &'s Scheme,
    rule: &'s SignatureRule,
    pub(super) params: &'s Params,
    pub(super) message: &'s Message<'m>,
    document: Document<'m>,
    stamp: Option<Stamp<'m>>,
    algorithm: Algorithm,
}

/// What the content of a signature takes from the headers.
#[derive(Clone, Copy)]
struct HeaderValues<'a> {
    lines: &'a dyn Headers,
    /// The list of headers, or the value of a member of `signature-input`.
    names: &'a str,
}

impl<'s, 'm> Signing<'s, 'm> {
    pub(super) fn new(
        signer: &'s Signer,
        scheme: &'s Scheme,
        rule: &'s SignatureRule,
        params: &'s Params,
        message: &'s Message<'m>,
    ) -> Result<Self, SignError> {
        let document = Document::new(message.body);
        let stamp = match &scheme.timestamp {
            Some(rule) => Some(Stamp::new(rule, message, &document)?),
            None if message.timestamp_text.is_some() => return Err(SignError::NoTimestamp),
            None => None,
        };
        let algorithm = match &scheme.algorithm {
            AlgorithmRule::Json { path, choices } => {
                let named = document.value(path).map_err(SignError::Content)?;
                let digest = choices.iter().find(|(name, _)| Some(name) == named.as_ref());
                digest.map(|(_, digest)| Algorithm::RsaPkcs1(*digest)).ok_or(SignError::Algorithm)?
            }
            AlgorithmRule::Fixed(_) | AlgorithmRule::Named(_) => signer.algorithm,
        };
        Ok(Self { signer, scheme, rule, params, message, document, stamp, algorithm })
    }

    /// Appends every header, the signature's own as the last.
    pub(super) fn write(&self, header: &str, out: &mut SignedHeaders) -> Result<(), SignError> {
        if self.signer.covers_headers {
            let text = self.write_apart(out)?;
            return out.push(header, |value| copy(&text, value));
        }
        self.write_companions(out)?;
        let values = HeaderValues { lines: &NoHeaders, names: "" };
        out.push(header, |text| self.write_signatures(values, text))
    }

    /// Appends the headers beside the signature's own, and gives the value of that.
    pub(super) fn write_apart(&self, out: &mut SignedHeaders) -> Result<String, SignError> {
        let from = out.len();
        self.write_companions(out)?;
        let coverage = &self.rule.coverage;
        let mut names = String::new();
        if let Grammar::Dictionary = self.rule.grammar {
            const DIGEST: &str = "content-digest";
            let covers = |list: &[String]| list.iter().any(|name| name == DIGEST);
            if covers(&coverage.always) && !self.sent(out, from).has(DIGEST) {
                out.push(DIGEST, |text| copy(&covered::content_digest(self.message.body), text))?;
            }
            names = coverage.input(&self.sent(out, from), self.stamp(), self.algorithm, self.params)?;
            out.push("signature-input", |text| {
                text.extend([coverage.label.as_str(), "=", names.as_str()]);
                Ok::<(), SignError>(())
            })?;
        } else if let Grammar::Pairs(Pairs { names: Some(_), .. }) = self.rule.grammar {
            names = coverage.list(&self.sent(out, from))?;
        }
        let mut text = String::new();
        self.write_signatures(HeaderValues { lines: &self.sent(out, from), names: &names }, &mut text)?;
        Ok(text)
    }

    fn sent<'a>(&'a self, written: &'a SignedHeaders, from: usize) -> Sent<'a> {
        Sent { written, from, message: self.message.headers }
    }

    fn write_companions(&self, out: &mut SignedHeaders) -> Result<(), SignError> {
        if let Some(id) = &self.scheme.id {
            write_id(id, self.message.id, out)?;
        }
        if let Some(TimestampRule { source: TimestampSource::Header(name), .. }) = &self.scheme.timestamp {
            out.push(name, |text| copy(self.stamp(), text))?;
        }
        for header in &self.scheme.required {
            out.push(&header.name, |text| copy(&header.value, text))?;
        }
        for (name, value) in &self.scheme.headers {
            // What the message brings itself is not written a second time.
            if !self.message.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                out.push(name, |text| value.write(self.message, self.params, text))?;
            }
        }
        Ok(())
    }

    /// Appends the value of the signature's header or field.
    fn write_signatures(&self, headers: HeaderValues<'_>, out: &mut String) -> Result<(), SignError> {
        let mut separator = match &self.rule.grammar {
            Grammar::Pairs(pairs) => self.write_leading_pairs(pairs, headers.names, out),
            Grammar::Bare | Grammar::Prefix { .. } | Grammar::AlgorithmPrefix | Grammar::Dictionary => None,
        };
        for key in &self.signer.keys {
            out.extend(separator);
            out.push_str(&key.label);
            self.write_signature(headers, key, out)?;
            separator = match &self.rule.grammar {
                Grammar::Pairs(pairs) => Some(char::from(pairs.separator)),
                Grammar::Prefix { separator, .. } => separator.map(char::from),
                Grammar::Bare | Grammar::AlgorithmPrefix | Grammar::Dictionary => None,
            };
        }
        if let Grammar::Dictionary = self.rule.grammar {
            out.push(':');
        }
        Ok(())
    }

    /// Appends `t=...` and the list of headers where they stand among the pairs, and says what separates them from
    /// the next.
    fn write_leading_pairs(&self, pairs: &Pairs, names: &str, out: &mut String) -> Option<char> {
        let separator = char::from(pairs.separator);
        let time = match &self.scheme.timestamp {
            Some(TimestampRule { source: TimestampSource::Field(name), .. }) => Some((name, self.stamp())),
            _ => None,
        };
        let list = pairs.names.as_ref().map(|name| (name, names));
        let mut before = None;
        for (name, value) in [time, list].into_iter().flatten() {
            out.extend(before);
            out.push_str(name);
            out.push(char::from(pairs.assign));
            out.push_str(value);
            before = Some(separator);
        }
        before
    }

    fn write_signature(
        &self,
        headers: HeaderValues<'_>,
        signing: &SigningKey,
        out: &mut String,
    ) -> Result<(), SignError> {
        if let Algorithm::Jwt(algorithm) = self.algorithm {
            return token::write(self, algorithm, signing, out);
        }
        let key = match &signing.key {
            Material::Shared(Key::Secret(secret)) if self.algorithm.is_shared_token() => {
                return token::write_shared(self.algorithm, secret, out);
            }
            Material::Shared(key) => key,
            Material::Private(private) => {
                let mut content = Vec::new();
                self.values(headers, None)
                    .emit(&self.scheme.content, &mut |bytes| content.extend_from_slice(bytes))
                    .map_err(SignError::Content)?;
                self.rule.encoding.encode(&self.sign_with(private, &content)?, out);
                return Ok(());
            }
        };
        let signed = Signed { content: &self.scheme.content, values: &self.values(headers, Some(key)) };
        let tag = match (self.algorithm, key) {
            (Algorithm::Hash(digest), _) => RunningMac::plain(digest).tag(signed),
            (_, Key::Mac(mac)) => mac.tag(signed),
            // `Key::prepare` makes these for other algorithms alone.
            (_, Key::Secret(_) | Key::Public(_)) => return Err(SignError::Algorithm),
        };
        self.rule.encoding.encode(tag.map_err(SignError::Content)?.as_bytes(), out);
        Ok(())
    }

    pub(super) fn sign_with(&self, private: &PrivateKey, content: &[u8]) -> Result<Vec<u8>, SignError> {
        private.sign(self.algorithm, content).map_err(|unsigned| match unsigned {
            Unsigned::Algorithm => SignError::Algorithm,
            Unsigned::Randomness => SignError::Randomness,
        })
    }

    /// What the content of a signature takes from the message.
    fn values<'a>(&'a self, headers: HeaderValues<'a>, key: Option<&'a Key>) -> Values<'a> {
        let message = self.message;
        Values {
            timestamp: self.stamp().as_bytes(),
            id: message.id.as_bytes(),
            header_names: headers.names.as_bytes(),
            request: Request {
                method: message.method,
                url: message.url,
                headers: headers.lines,
                body: message.body,
            },
            document: &self.document,
            reading: self.scheme.readings.strict[0],
            params: self.params,
            secret: match key {
                Some(Key::Secret(secret)) => Some(secret),
                Some(Key::Mac(_) | Key::Public(_)) | None => None,
            },
        }
    }

    /// The timestamp as it is written, empty where there is none.
    pub(super) fn stamp(&self) -> &str {
        self.stamp.as_ref().map_or("", Stamp::as_str)
    }
}

/// A message whose headers take no part.
struct NoHeaders;

impl Headers for NoHeaders {
    fn lines<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {}
}

fn write_id(rule: &IdentityRule, id: &str, out: &mut SignedHeaders) -> Result<(), SignError> {
    let (IdentitySource::Header(name), true) = (&rule.source, rule.covered) else { return Ok(()) };
    check_header_value("id", id)?;
    if let Some(character) = rule.forbidden.map(char::from).filter(|character| id.contains(*character)) {
        return Err(SignError::Separator { character });
    }
    out.push(name, |text| copy(id, text))
}

pub(super) fn copy(value: &str, out: &mut String) -> Result<(), SignError> {
    out.push_str(value);
    Ok(())
}
