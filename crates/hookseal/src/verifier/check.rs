//! One verification, step by step.

use std::borrow::Cow;

use subtle::Choice;

use super::grammar::{Candidate, Group, Parsed};
use super::{KeySet, Mode, Verifier, extract, ports};
use crate::body::BodyReading;
use crate::document::{Document, query_value};
use crate::error::{ErrorKind, VerifyError};
use crate::few::Few;
use crate::key::{self, Key, RunningMac};
use crate::params::Params;
use crate::request::Request;
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigest, BodyDigestSource, DigestKind, Flags, Grammar, IdentityRule,
    IdentitySource, Scheme, SignatureRule, TimestampRule, TimestampSource, Value,
};
use crate::time::Timestamp;
use crate::values::{Signed, Values, adyen};
use crate::verified::{Identities, Identity, Verified};

/// The longest signature in bytes: ECDSA P-256 in DER, two integers of 33 bytes and their headers.
const MAX_SIGNATURE: usize = 72;

/// A request in the course of its verification.
pub(super) struct Verification<'v, 'r> {
    pub(super) verifier: &'v Verifier,
    /// The verifier's own, or those that were fetched for this request.
    pub(super) keys: &'v [KeySet],
    pub(super) scheme: &'v Scheme,
    pub(super) request: &'v Request<'r>,
    pub(super) document: Document<'r>,
}

/// What matched.
#[derive(Clone, Copy)]
pub(super) struct Match {
    secret: usize,
    reading: BodyReading,
    group: usize,
}

/// A candidate as bytes.
pub(super) struct Decoded {
    group: usize,
    bytes: Bytes,
}

enum Bytes {
    Short([u8; MAX_SIGNATURE], usize),
    Long(Vec<u8>),
}

impl<'v, 'r> Verification<'v, 'r> {
    pub(super) fn new(verifier: &'v Verifier, request: &'v Request<'r>, keys: &'v [KeySet]) -> Self {
        Self { verifier, keys, scheme: &verifier.scheme, request, document: Document::new(request.body) }
    }

    /// Verifies the request: one signature after another where the body is a list of items that are each signed.
    pub(super) fn run(&self, now: Timestamp) -> Result<Verified<'r>, VerifyError> {
        if self.verifier.covers_items {
            for document in adyen::further_items(&self.document)? {
                Verification { document, ..*self }.run_one(now).map(drop)?;
            }
        }
        self.run_one(now)
    }

    fn run_one(&self, now: Timestamp) -> Result<Verified<'r>, VerifyError> {
        extract::required(self.request, &self.scheme.required)?;
        let Some(rule) = &self.scheme.signature else {
            return self.verified(Match::by_secret(0), None, Identity::Absent);
        };
        let mut fields = extract::Fields::default();
        extract::fields(self.request, &self.document, rule, &mut fields)?;
        if self.scheme.algorithm().is_some_and(Algorithm::is_shared_token) {
            let matched = self.check_token(&fields)?;
            return self.verified(matched, None, self.id()?);
        }
        self.certificate_url()?;
        let mut parsed = Parsed::default();
        extract::parse(self.verifier, rule, &fields, &mut parsed)?;
        if let Some(Algorithm::Jwt(algorithm)) = self.scheme.algorithm() {
            let (matched, timestamp) = self.check_json_web_token(algorithm, &parsed, now)?;
            return self.verified(matched, timestamp, self.id()?);
        }
        let mut decoded = Few::default();
        self.decode(rule, &parsed, &mut decoded)?;
        let late = self.reads_timestamp_late();
        let times = if late { Timestamps::None } else { self.timestamps(&parsed)? };
        let id = self.id()?;
        let matched = self.check_signatures(&parsed, &decoded, &times, id.known(), &self.verifier.params);
        let matched =
            matched.or_else(|error| self.check_ports(&parsed, &decoded, &times, id.known(), error))?;
        let times = if late { self.timestamps(&parsed)? } else { times };
        let timestamp = times.parsed(matched.group);
        self.check_clock(timestamp, now)?;
        self.check_body_digest()?;
        let event_type = self.event_type()?;
        let mut flags = self.verifier.flags;
        if let (Grammar::Dictionary, Some(group)) = (&rule.grammar, parsed.groups.nth(matched.group)) {
            flags.body_unsigned = !self.check_coverage(group, now)?;
        }
        Ok(self.proof(matched, timestamp, id, event_type, flags))
    }

    /// The candidates that decode to the right length. What does not is skipped beside others, as in Paddle's own
    /// test `h1=dummy`, and refused when nothing else is there.
    pub(super) fn decode(
        &self,
        rule: &SignatureRule,
        parsed: &Parsed<'_>,
        decoded: &mut Few<Decoded>,
    ) -> Result<(), VerifyError> {
        for Candidate { group, text } in parsed.candidates.iter() {
            if text.len() > 2 * MAX_SIGNATURE {
                decoded.extend(self.decode_long(rule, *group, text));
                continue;
            }
            let expected = match parsed.groups.nth(*group).and_then(|group| group.digest) {
                Some(digest) => Some(digest.length()),
                None => self.scheme.algorithm().and_then(Algorithm::signature_length),
            };
            // Decoded where it stays: to move bytes that were only just written costs as much as to decode them.
            decoded.push_filled(Decoded::empty(*group), |candidate| {
                let Bytes::Short(bytes, length) = &mut candidate.bytes else { return false };
                *length = rule.encoding.decode(text, self.verifier.mode, bytes).unwrap_or(0);
                expected.is_none_or(|expected| expected == *length) && *length > 0
            });
        }
        match decoded.is_empty() {
            true => {
                let problem = "the signature must have the encoding and the length that the profile says";
                Err(VerifyError::at(ErrorKind::MalformedSignature, rule.carrier.name(), problem))
            }
            false => Ok(()),
        }
    }

    /// Signatures of RSA are longer than any other, and the only ones whose length is the key's.
    fn decode_long(&self, rule: &SignatureRule, group: usize, text: &[u8]) -> Option<Decoded> {
        let rsa = match &self.scheme.algorithm {
            AlgorithmRule::Fixed(algorithm) => matches!(algorithm, Algorithm::RsaPkcs1(_)),
            AlgorithmRule::Named(_) => false,
            AlgorithmRule::Json { .. } => true,
        };
        let mut bytes = vec![0; text.len()];
        let length = rule.encoding.decode(text, self.verifier.mode, &mut bytes).filter(|_| rsa)?;
        bytes.truncate(length);
        Some(Decoded { group, bytes: Bytes::Long(bytes) })
    }

    /// The delivery id: at once where it stands in a header or is a part of what is signed, and otherwise for whoever
    /// asks the proof for it.
    pub(super) fn id(&self) -> Result<Identity<'r>, VerifyError> {
        let Some(rule) = &self.scheme.id else { return Ok(Identity::Absent) };
        let is_signed = self.verifier.covers_id;
        if matches!(rule.source, IdentitySource::Json(_)) && !is_signed {
            return Ok(Identity::InBody);
        }
        match extract::identity(self.request, &self.document, rule)? {
            Identity::Absent if is_signed => Err(VerifyError::at(
                ErrorKind::MissingId,
                rule.source.name(),
                "the delivery id is signed and needed",
            )),
            id => Ok(id),
        }
    }

    fn event_type(&self) -> Result<Identity<'r>, VerifyError> {
        match &self.scheme.event_type {
            None => Ok(Identity::Absent),
            Some(IdentityRule { source: IdentitySource::Json(_), .. }) => Ok(Identity::InBody),
            Some(rule) => extract::identity(self.request, &self.document, rule),
        }
    }

    fn check_signatures(
        &self,
        parsed: &Parsed<'_>,
        decoded: &Few<Decoded>,
        times: &Timestamps<'_>,
        id: &[u8],
        params: &Params,
    ) -> Result<Match, VerifyError> {
        for (group, fields) in parsed.groups.iter().enumerate() {
            if decoded.iter().all(|candidate| candidate.group != group) {
                continue;
            }
            let digest = self.named_digest()?.or(fields.digest);
            for (secret, keys) in self.keys.iter().enumerate() {
                let Some((algorithm, key)) = keys.key(digest) else { continue };
                for reading in self.scheme.readings.for_mode(self.verifier.mode) {
                    let values = self.values(times.text(group), id, fields, *reading, (key, params));
                    let candidates = decoded.iter().filter(|candidate| candidate.group == group);
                    if self.matches(*algorithm, key, &values, candidates)? {
                        return Ok(Match { secret, reading: *reading, group });
                    }
                }
            }
        }
        Err(VerifyError::new(ErrorKind::SignatureMismatch, "no secret makes any of the signatures"))
    }

    /// Checks the signatures over the URL with another port, where the scheme allows that in compat mode and the URL
    /// as it is does not match.
    fn check_ports(
        &self,
        parsed: &Parsed<'_>,
        decoded: &Few<Decoded>,
        times: &Timestamps<'_>,
        id: &[u8],
        error: VerifyError,
    ) -> Result<Match, VerifyError> {
        if !self.scheme.compat_ports || self.verifier.mode != Mode::Compat {
            return Err(error);
        }
        let url = self.verifier.params.text("url").unwrap_or(self.request.url);
        let matched = ports::variants(url).find_map(|url| {
            let params = self.verifier.params.clone().with("url", url);
            self.check_signatures(parsed, decoded, times, id, &params).ok()
        });
        matched.ok_or(error)
    }

    /// Whether the timestamp stands in a body that the signature covers as a whole: it is read once the signature
    /// holds, since until then the body may be anything.
    fn reads_timestamp_late(&self) -> bool {
        let source = self.scheme.timestamp.as_ref().map(|rule| &rule.source);
        matches!(source, Some(TimestampSource::Json(_)))
            && self.scheme.covers(&Value::Body)
            && !self.scheme.covers(&Value::Timestamp)
    }

    /// The digest that a value of the body names, where the scheme has it so.
    pub(super) fn named_digest(&self) -> Result<Option<DigestKind>, VerifyError> {
        match &self.scheme.algorithm {
            AlgorithmRule::Fixed(_) | AlgorithmRule::Named(_) => Ok(None),
            AlgorithmRule::Json { path, choices } => {
                extract::named_digest(self.verifier, &self.document, path, choices).map(Some)
            }
        }
    }

    fn values<'a>(
        &'a self,
        timestamp: &'a [u8],
        id: &'a [u8],
        fields: &Group<'a>,
        reading: BodyReading,
        (key, params): (&'a Key, &'a Params),
    ) -> Values<'a> {
        Values {
            timestamp,
            id,
            header_names: fields.names.unwrap_or_default(),
            request: *self.request,
            document: &self.document,
            reading,
            params,
            secret: match key {
                Key::Secret(secret) => Some(secret),
                Key::Mac(_) | Key::Public(_) => None,
            },
        }
    }

    fn matches<'d>(
        &self,
        algorithm: Algorithm,
        key: &Key,
        values: &Values<'_>,
        candidates: impl Iterator<Item = &'d Decoded>,
    ) -> Result<bool, VerifyError> {
        let signed = Signed { content: &self.scheme.content, values };
        let tag = match (algorithm, key) {
            (Algorithm::Hmac(_), Key::Mac(mac)) => mac.tag(signed)?,
            (Algorithm::Hash(digest), Key::Secret(_)) => RunningMac::plain(digest).tag(signed)?,
            (_, Key::Public(public)) => return self.public_matches(algorithm, public, values, candidates),
            (_, Key::Mac(_) | Key::Secret(_)) => return Ok(false),
        };
        // Every candidate is compared, so that the time says nothing of which one it was.
        let none = Choice::from(0);
        Ok(candidates.fold(none, |found, candidate| found | tag.matches(candidate.as_bytes())).into())
    }

    fn public_matches<'d>(
        &self,
        algorithm: Algorithm,
        public: &[u8],
        values: &Values<'_>,
        mut candidates: impl Iterator<Item = &'d Decoded>,
    ) -> Result<bool, VerifyError> {
        let algorithm: &dyn ring::signature::VerificationAlgorithm = match algorithm {
            Algorithm::Ed25519 => &ring::signature::ED25519,
            Algorithm::EcdsaP256Der => &ring::signature::ECDSA_P256_SHA256_ASN1,
            Algorithm::RsaPkcs1(DigestKind::Sha256) => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            // Only where the parameter `allow_sha1` is set.
            Algorithm::RsaPkcs1(DigestKind::Sha1) => {
                &ring::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
            }
            _ => return Ok(false),
        };
        let mut content = Vec::new();
        values.emit(&self.scheme.content, &mut |bytes| content.extend_from_slice(bytes))?;
        let key = ring::signature::UnparsedPublicKey::new(algorithm, public);
        // Nothing here is secret, so the first match ends it.
        Ok(candidates.any(|candidate| key.verify(&content, candidate.as_bytes()).is_ok()))
    }

    pub(super) fn check_clock(
        &self,
        timestamp: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let Some(timestamp) = timestamp else { return Ok(()) };
        if self.verifier.past.is_some_and(|past| now.since(timestamp) > past) {
            return Err(VerifyError::at(
                ErrorKind::TimestampTooOld,
                "timestamp",
                "it lies too far in the past",
            ));
        }
        if self.verifier.future.is_some_and(|future| timestamp.since(now) > future) {
            return Err(VerifyError::at(
                ErrorKind::TimestampTooNew,
                "timestamp",
                "it lies too far in the future",
            ));
        }
        Ok(())
    }

    fn check_body_digest(&self) -> Result<(), VerifyError> {
        match &self.scheme.body_digest {
            Some(rule @ BodyDigest { source: BodyDigestSource::Query(name), .. }) => {
                let url = self.verifier.params.text("url").unwrap_or(self.request.url);
                self.compare_body_digest(rule, name, query_value(url, name)?.as_deref())
            }
            Some(BodyDigest { source: BodyDigestSource::Claim(_), .. }) | None => Ok(()),
        }
    }

    pub(super) fn compare_body_digest(
        &self,
        rule: &BodyDigest,
        name: &str,
        text: Option<&[u8]>,
    ) -> Result<(), VerifyError> {
        let text = text.ok_or_else(|| {
            VerifyError::at(ErrorKind::MissingField, name, "the digest of the body is needed")
        })?;
        let mut bytes = [0; MAX_SIGNATURE];
        let length = rule.encoding.decode(text, self.verifier.mode, &mut bytes).unwrap_or(0);
        let actual = key::digest(rule.digest, |running| running.update(self.request.body));
        match actual.matches(&bytes[..length]).into() {
            true => Ok(()),
            false => {
                Err(VerifyError::at(ErrorKind::BodyHashMismatch, name, "the digest is that of another body"))
            }
        }
    }

    /// The proof, where what is verified is no signature over a content.
    fn verified(
        &self,
        matched: Match,
        timestamp: Option<Timestamp>,
        id: Identity<'r>,
    ) -> Result<Verified<'r>, VerifyError> {
        Ok(self.proof(matched, timestamp, id, self.event_type()?, self.verifier.flags))
    }

    #[inline]
    fn proof(
        &self,
        matched: Match,
        timestamp: Option<Timestamp>,
        id: Identity<'r>,
        event_type: Identity<'r>,
        flags: Flags,
    ) -> Verified<'r> {
        Verified {
            body: self.request.body,
            timestamp,
            identities: Identities::new(&self.verifier.scheme, id, event_type),
            matched_secret: matched.secret,
            matched_reading: matched.reading,
            matched_group: matched.group,
            flags,
        }
    }

    /// Reads the timestamps of all groups: one that is wrong is refused, whichever group matches.
    #[inline(always)]
    pub(super) fn timestamps<'t>(&self, parsed: &Parsed<'t>) -> Result<Timestamps<'t>, VerifyError>
    where
        'r: 't,
    {
        let Some(rule) = &self.scheme.timestamp else { return Ok(Timestamps::None) };
        if !matches!(rule.source, TimestampSource::Field(_)) {
            let text = extract::timestamp(self.request, &self.document, &rule.source)?;
            let text = text.ok_or_else(|| missing_timestamp(rule))?;
            let time = self.parse_timestamp(rule, &text)?;
            return Ok(Timestamps::One(text, time));
        }
        let read = |group: &Group<'t>| {
            let text =
                group.timestamp.filter(|text| !text.is_empty()).ok_or_else(|| missing_timestamp(rule))?;
            Ok((text, self.parse_timestamp(rule, text)?))
        };
        if let (Some(group), None) = (parsed.groups.nth(0), parsed.groups.nth(1)) {
            let (text, time) = read(group)?;
            return Ok(Timestamps::One(Cow::Borrowed(text), time));
        }
        parsed.groups.iter().map(read).collect::<Result<_, _>>().map(Timestamps::Each)
    }

    fn parse_timestamp(&self, rule: &TimestampRule, text: &[u8]) -> Result<Timestamp, VerifyError> {
        rule.parse(text, self.verifier.mode).map_err(|_| {
            VerifyError::at(ErrorKind::MalformedTimestamp, rule.source.name(), rule.format.expected())
        })
    }
}

/// The timestamps of the groups.
pub(super) enum Timestamps<'t> {
    None,
    /// One for all.
    One(Cow<'t, [u8]>, Timestamp),
    Each(Vec<(&'t [u8], Timestamp)>),
}

impl Timestamps<'_> {
    pub(super) fn text(&self, group: usize) -> &[u8] {
        match self {
            Self::None => &[],
            Self::One(text, _) => text,
            Self::Each(times) => times.get(group).map_or(&[][..], |(text, _)| text),
        }
    }

    fn parsed(&self, group: usize) -> Option<Timestamp> {
        match self {
            Self::None => None,
            Self::One(_, time) => Some(*time),
            Self::Each(times) => Some(times[group].1),
        }
    }
}

impl Match {
    /// For schemes without a signature over a content.
    pub(super) fn by_secret(secret: usize) -> Self {
        Self { secret, reading: BodyReading::Raw, group: 0 }
    }
}

impl Decoded {
    fn empty(group: usize) -> Self {
        Self { group, bytes: Bytes::Short([0; MAX_SIGNATURE], 0) }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Short(bytes, length) => &bytes[..*length],
            Bytes::Long(bytes) => bytes,
        }
    }
}

fn missing_timestamp(rule: &TimestampRule) -> VerifyError {
    VerifyError::at(ErrorKind::MissingTimestamp, rule.source.name(), rule.format.expected())
}
