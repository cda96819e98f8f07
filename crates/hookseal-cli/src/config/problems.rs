//! What is wrong with the settings: everything at once, each with its place.

use std::fmt;

/// Everything that is wrong with the settings. `Display` writes one problem a line, and never the value of a secret.
#[derive(Debug, Default)]
pub(crate) struct ConfigProblems {
    problems: Vec<String>,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// The file, at a line and a column from 1.
    File {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
        /// The key.
        key: String,
    },
    /// Nowhere: it is the default.
    Default(&'static str),
}

impl ConfigProblems {
    /// Adds a problem.
    pub(super) fn add(&mut self, place: &dyn fmt::Display, message: impl fmt::Display) {
        self.problems.push(format!("{place}: {message}"));
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "{count} setting{} not right", if count == 1 { " is" } else { "s are" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigProblems {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(variable) => f.write_str(variable),
            Self::File { path, line, column, key } if key.is_empty() => write!(f, "{path}:{line}:{column}"),
            Self::File { path, line, column, key } => write!(f, "{path}:{line}:{column}: {key}"),
            Self::Default(key) => write!(f, "the default of {key}"),
        }
    }
}
