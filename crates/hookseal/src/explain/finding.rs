//! What an explanation is made of, and how it reads.

use std::fmt;

use super::Code;
use crate::error::{ErrorKind, SecretError, VerifyError};

/// Why a request does not verify.
///
/// `Display` writes it for people, on several lines. Neither that nor anything else here shows a secret, a digest that
/// would have matched, or a value from the request other than the names of its headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    pub(super) outcome: Outcome,
    pub(super) findings: Vec<Finding>,
    pub(super) effort: Effort,
}

/// The verdict that is explained.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The request verifies, and there is nothing to explain.
    Valid,
    /// The request does not verify.
    Invalid(VerifyError),
    /// Nothing can be verified with these secrets and parameters.
    Unusable(SecretError),
}

/// One difference between what the profile expects and what was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    code: Code,
    evidence: Evidence,
    sentence: String,
    details: Vec<(&'static str, String)>,
}

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Evidence {
    /// With this difference, and the other proven ones, the signature is right.
    Proven,
    /// Seen in the request or the configuration, and likely to matter.
    Observed,
}

/// How far the search went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Effort {
    /// How many differences, alone or in pairs, were tried.
    pub trials: u64,
    /// At most this many bytes were hashed or rewritten; a computation that does not depend on the length of the
    /// body counts as some kilobytes.
    pub bytes: u64,
    /// Whether the search ended because its budget was used up: there are differences that were not tried.
    pub cut: bool,
}

impl Explanation {
    /// The verdict that is explained.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether the request verifies.
    pub fn is_valid(&self) -> bool {
        self.outcome == Outcome::Valid
    }

    /// What is different, the most telling first. Those that are [proven](Evidence::Proven) hold together.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the signature was found to be right but for the proven findings.
    pub fn is_proven(&self) -> bool {
        self.findings.iter().any(|finding| finding.evidence == Evidence::Proven)
    }

    /// How far the search went.
    pub fn effort(&self) -> Effort {
        self.effort
    }
}

impl Outcome {
    /// The stable name: `valid`, or that of the [`ErrorKind`].
    pub fn as_str(&self) -> &'static str {
        self.error_kind().map_or("valid", ErrorKind::as_str)
    }

    /// The kind of the error, unless the request verifies.
    pub fn error_kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Valid => None,
            Self::Invalid(error) => Some(error.kind()),
            Self::Unusable(error) => Some(error.kind()),
        }
    }
}

impl Finding {
    pub(super) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self { code, evidence: Evidence::Observed, sentence: sentence.into(), details: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }

    pub(super) fn saying(self, sentence: String) -> Self {
        Self { sentence, ..self }
    }

    pub(super) fn proven(self) -> Self {
        Self { evidence: Evidence::Proven, ..self }
    }

    /// What is different.
    pub fn code(&self) -> Code {
        self.code
    }

    /// How sure it is.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// The same in words, with the remedy.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Particulars by name, such as `header`, `profile` or `position`; a position is a byte, counted from 0.
    pub fn details(&self) -> impl ExactSizeIterator<Item = (&'static str, &str)> {
        self.details.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of a particular.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Evidence {
    /// The stable name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Observed => "observed",
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Valid => return f.write_str("The request verifies."),
            Outcome::Invalid(error) => write!(f, "The request does not verify: {error}.")?,
            Outcome::Unusable(error) => write!(f, "Nothing can be verified: {error}.")?,
        }
        let proven = self.findings.iter().filter(|finding| finding.evidence == Evidence::Proven).count();
        match proven {
            0 if self.findings.is_empty() => {}
            0 => f.write_str("\nWhat was noticed:")?,
            1 => f.write_str("\nWhy:")?,
            _ => f.write_str("\nWhy, all of it together:")?,
        }
        for finding in &self.findings {
            write!(f, "\n- {} [{}]", finding.sentence, finding.code)?;
        }
        if proven == 0 {
            self.write_unexplained(f)?;
        }
        Ok(())
    }
}

impl Explanation {
    fn write_unexplained(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effort.trials > 0 {
            write!(
                f,
                "\nNone of the {} usual differences that were tried makes this signature. Most likely \
                    the secret is another one (of another endpoint, environment or account), or the \
                    body is not what was signed.",
                self.effort.trials
            )?;
        }
        if self.effort.cut {
            f.write_str("\nThe body is long, so the search was cut: with a shorter one, more can be tried.")?;
        }
        Ok(())
    }
}
