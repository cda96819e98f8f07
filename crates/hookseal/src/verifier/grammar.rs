//! Taking a signature apart: which texts are candidates, and what stands beside them.

use memchr::memchr;

use crate::error::{ErrorKind, VerifyError};
use crate::few::Few;
use crate::limits::{MAX_CANDIDATES, MAX_FIELD_BYTES};
use crate::params::Params;
use crate::request::{has_control, trim};
use crate::scheme::{DigestKind, Grammar, KeyPattern, Pairs};
use crate::verifier::Mode;

/// The signatures of a request that go with one timestamp.
#[derive(Clone, Copy, Default)]
pub(super) struct Group<'t> {
    /// The value of the timestamp's key.
    pub(super) timestamp: Option<&'t [u8]>,
    /// What lists the signed headers or components.
    pub(super) names: Option<&'t [u8]>,
    /// The digest that the message names.
    pub(super) digest: Option<DigestKind>,
    /// The algorithm that the signature's parameters name.
    pub(super) algorithm: Option<&'t str>,
}

/// A text that may be a signature, and the group that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'t> {
    pub(super) group: usize,
    pub(super) text: &'t [u8],
}

/// What the signature fields of a request hold.
#[derive(Default)]
pub(super) struct Parsed<'t> {
    pub(super) groups: Few<Group<'t>>,
    pub(super) candidates: Few<Candidate<'t>>,
}

/// How to take a field apart.
pub(super) struct Parser<'p, 't> {
    /// The name of the field, for messages.
    pub(super) place: &'p str,
    pub(super) grammar: &'p Grammar,
    /// The key of the timestamp among pairs.
    pub(super) timestamp_key: Option<&'p str>,
    /// The digests that a message may name.
    pub(super) allowed: &'p [DigestKind],
    pub(super) params: &'p Params,
    /// The value of `signature-input`, where the grammar has it.
    pub(super) input: Option<&'t [u8]>,
    pub(super) mode: Mode,
}

impl<'t> Parsed<'t> {
    pub(super) fn push(&mut self, group: Group<'t>, texts: impl Iterator<Item = &'t [u8]>) {
        let index = self.groups.len();
        self.groups.push(group);
        self.candidates.extend(texts.map(|text| Candidate { group: index, text }));
    }
}

impl<'t> Parser<'_, 't> {
    /// Adds what `field` holds. The field is not empty.
    pub(super) fn parse(&self, field: &'t [u8], parsed: &mut Parsed<'t>) -> Result<(), VerifyError> {
        if field.len() > MAX_FIELD_BYTES {
            return Err(self.malformed("the value is longer than the bound"));
        }
        if has_control(field) {
            return Err(self.malformed("the value holds control characters"));
        }
        match self.grammar {
            Grammar::Bare => parsed.push(Group::default(), std::iter::once(field)),
            Grammar::Prefix { prefix, separator } => self.prefixed(field, prefix, *separator, parsed)?,
            Grammar::Pairs(pairs) => self.groups(field, pairs, parsed)?,
            Grammar::AlgorithmPrefix => self.named(field, parsed)?,
            Grammar::Dictionary => self.dictionary(field, parsed)?,
        }
        match parsed.candidates.len() {
            0..=MAX_CANDIDATES => Ok(()),
            _ => Err(self.malformed("there are more signatures than the bound")),
        }
    }

    fn prefixed(
        &self,
        field: &'t [u8],
        prefix: &str,
        separator: Option<u8>,
        parsed: &mut Parsed<'t>,
    ) -> Result<(), VerifyError> {
        let (start, rest) = field
            .split_at_checked(prefix.len())
            .ok_or_else(|| self.malformed("the value begins with the prefix of the profile"))?;
        let fits = match self.mode {
            Mode::Strict => start == prefix.as_bytes(),
            Mode::Compat => start.eq_ignore_ascii_case(prefix.as_bytes()),
        };
        if !fits {
            return Err(self.malformed("the value begins with the prefix of the profile"));
        }
        match separator {
            None => parsed.push(Group::default(), std::iter::once(rest)),
            Some(separator) => {
                let lenient = self.mode == Mode::Compat;
                let items = split(rest, separator).map(|item| if lenient { trim(item) } else { item });
                parsed.push(Group::default(), items);
            }
        }
        Ok(())
    }

    fn named(&self, field: &'t [u8], parsed: &mut Parsed<'t>) -> Result<(), VerifyError> {
        let (name, rest) = memchr(b'=', field)
            .map(|at| (&field[..at], &field[at + 1..]))
            .ok_or_else(|| self.malformed("the value is a digest's name, `=` and a signature"))?;
        let is_named = |known: &str| match self.mode {
            Mode::Strict => known.as_bytes() == name,
            Mode::Compat => known.as_bytes().eq_ignore_ascii_case(name),
        };
        let digest = DigestKind::NAMES.iter().find(|(known, _)| is_named(known)).map(|(_, digest)| *digest);
        let allowed = digest.filter(|digest| {
            self.allowed.contains(digest) && (*digest != DigestKind::Sha1 || self.params.flag("allow_sha1"))
        });
        if allowed.is_none() {
            let problem = "the algorithm that the message names is not allowed";
            return Err(VerifyError::at(ErrorKind::UnsupportedAlgorithm, self.place, problem));
        }
        parsed.push(Group { digest: allowed, ..Group::default() }, std::iter::once(rest));
        Ok(())
    }

    fn groups(&self, field: &'t [u8], pairs: &Pairs, parsed: &mut Parsed<'t>) -> Result<(), VerifyError> {
        let before = parsed.candidates.len();
        match pairs.groups {
            None => self.pairs(field, pairs, parsed)?,
            Some(separator) => {
                split(field, separator).try_for_each(|group| self.pairs(group, pairs, parsed))?
            }
        }
        if parsed.candidates.len() > before {
            return Ok(());
        }
        Err(match pairs.keys {
            KeyPattern::Param(_) => {
                VerifyError::at(ErrorKind::UnknownKey, self.place, "a signature for our key is needed")
            }
            KeyPattern::Names(_) | KeyPattern::Numbered(_) => VerifyError::at(
                ErrorKind::UnsupportedVersion,
                self.place,
                "a signature of an accepted version is needed",
            ),
        })
    }

    fn pairs(&self, field: &'t [u8], pairs: &Pairs, parsed: &mut Parsed<'t>) -> Result<(), VerifyError> {
        let index = parsed.groups.len();
        let mut group = Group::default();
        let lenient = pairs.trim || self.mode == Mode::Compat;
        for item in split(field, pairs.separator) {
            let item = if lenient { trim(item) } else { item };
            if item.is_empty() && lenient && pairs.separator == b' ' {
                continue;
            }
            let (key, value) = self.pair(item, pairs.assign)?;
            if self.timestamp_key.is_some_and(|name| name.as_bytes() == key) {
                self.set_once(&mut group.timestamp, value)?;
            } else if pairs.names.as_deref().is_some_and(|name| name.as_bytes() == key) {
                self.set_once(&mut group.names, value)?;
            } else if self.is_signature(&pairs.keys, key) {
                parsed.candidates.push(Candidate { group: index, text: value });
            }
        }
        parsed.groups.push(group);
        Ok(())
    }

    /// Splits at the first `assign`: base64 may hold it again at its end.
    fn pair(&self, item: &'t [u8], assign: u8) -> Result<(&'t [u8], &'t [u8]), VerifyError> {
        // Keys are short, so that a search in wide steps would only begin.
        let at = item.iter().position(|byte| *byte == assign);
        let at = at.ok_or_else(|| self.malformed("each item is a key and a value"))?;
        Ok((&item[..at], &item[at + 1..]))
    }

    fn set_once(&self, field: &mut Option<&'t [u8]>, value: &'t [u8]) -> Result<(), VerifyError> {
        match field.replace(value) {
            None => Ok(()),
            Some(_) => Err(VerifyError::at(ErrorKind::DuplicateField, self.place, "a key must stand once")),
        }
    }

    fn is_signature(&self, keys: &KeyPattern, key: &[u8]) -> bool {
        match keys {
            KeyPattern::Names(names) => names.iter().any(|name| name.as_bytes() == key),
            KeyPattern::Numbered(start) => key
                .strip_prefix(start.as_bytes())
                .is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)),
            KeyPattern::Param(name) => self.params.text(name).is_some_and(|own| own.as_bytes() == key),
        }
    }

    fn malformed(&self, problem: &'static str) -> VerifyError {
        VerifyError::at(ErrorKind::MalformedSignature, self.place, problem)
    }
}

/// The parts between separators; one more than there are separators.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = match memchr(separator, text) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(part)
    })
}
