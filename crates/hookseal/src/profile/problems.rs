//! What is wrong with a profile document: everything at once, each with its place.

use std::fmt;
use std::ops::Range;

/// Everything that is wrong with a profile document. `Display` writes one problem a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileErrors {
    problems: Vec<ProfileProblem>,
}

/// One thing that is wrong with a profile document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileProblem {
    line: usize,
    column: usize,
    path: String,
    message: String,
}

impl ProfileErrors {
    pub(super) fn new(source: &str, mut found: Vec<Found>) -> Self {
        found.sort_by_key(|problem| problem.span.start);
        let problems = found.into_iter().map(|problem| problem.locate(source)).collect();
        Self { problems }
    }

    /// The problems in the order of the document. There is at least one.
    pub fn problems(&self) -> &[ProfileProblem] {
        &self.problems
    }
}

impl fmt::Display for ProfileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ProfileErrors {}

impl ProfileProblem {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The path of the key, such as `scheme.signature.header`; empty where the document itself is meant.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong and what would be right, as one clause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ProfileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A problem before its place is worked out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) span: Range<usize>,
    pub(super) path: String,
    pub(super) message: String,
}

impl Found {
    fn locate(self, source: &str) -> ProfileProblem {
        let end = source.floor_char_boundary(self.span.start.min(source.len()));
        let before = &source[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ProfileProblem {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            path: self.path,
            message: self.message,
        }
    }
}
