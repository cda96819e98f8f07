//! What is printed: results on standard output, complaints on standard error.

use std::{
    error::Error,
    fmt::{self, Display},
    io::{self, Write},
};

use serde::Serialize;

/// Standard output could not be written to.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written to")]
pub(crate) struct OutputError(#[source] io::Error);

/// Prints one line on standard output and flushes it, so that a reader at the other end of a pipe has it at once.
///
/// A reader that has gone away has seen what it wanted: that is no error, and what the command does goes on.
///
/// # Errors
///
/// [`OutputError`] where it cannot be written for another reason, such as a full disk.
pub(crate) fn line(text: impl Display) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError(error)),
        _ => Ok(()),
    }
}

/// Prints a value as one line of JSON on standard output.
///
/// # Errors
///
/// As [`line()`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), OutputError> {
    let text = serde_json::to_string(value).map_err(|error| OutputError(error.into()))?;
    line(text)
}

/// Prints an error with its causes on standard error. Nothing can be done where that fails.
pub(crate) fn complain(error: &dyn Error) {
    let _ = writeln!(io::stderr(), "hookseal: {}", Chain(error));
}

/// An error and its causes on one line.
pub(crate) struct Chain<'e>(pub(crate) &'e dyn Error);

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
