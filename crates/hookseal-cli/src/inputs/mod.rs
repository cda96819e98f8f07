//! Reading what arguments refer to. Everything here is about what the person at the keyboard gave, never about a
//! request's validity.

mod captured;
mod duration;
mod file;
mod headers;
mod params;
mod profile;
mod secrets;
mod time;
mod tolerance;

use std::{ffi::OsString, io, path::PathBuf};

pub(crate) use captured::{Captured, CapturedError};
pub(crate) use duration::{Seconds, duration};
pub(crate) use file::{body, bounded as read_file};
pub(crate) use headers::headers;
pub(crate) use params::params;
pub(crate) use profile::{Chosen, profile, profile_part};
pub(crate) use secrets::secrets;
pub(crate) use time::time;
pub(crate) use tolerance::tolerance;

use crate::cli::{JudgeArgs, ModeArg, OtherSecretArgs, SecretArgs};

/// An argument that is not right. Never shows a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InputError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is longer than the bound.
    #[error("{} is longer than {most} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        most: u64,
    },
    /// A profile's document is not text.
    #[error("{} is not UTF-8", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A name is neither a built-in profile nor a file.
    #[error("`{}` is neither a profile nor a file; the profiles are {known}", .name.display())]
    UnknownProfile {
        /// What was given.
        name: OsString,
        /// What would be right.
        known: String,
    },
    /// A profile's document is not right.
    #[error("{} is not a profile:\n{problems}", .path.display())]
    Profile {
        /// The file.
        path: PathBuf,
        /// Every problem, one a line.
        problems: hookseal::ProfileErrors,
    },
    /// The profile has no challenge, and its scheme was asked for.
    #[error("the profile `{profile}` has no challenge")]
    NoChallenge {
        /// The profile.
        profile: String,
    },
    /// One argument asks for the events' scheme and another for the challenge's.
    #[error("`{scheme}` is the scheme of events, and `--challenge` asks for the other")]
    Contradiction {
        /// The scheme.
        scheme: String,
    },
    /// The environment variable of a secret is not set.
    #[error("the environment variable `{}` is not set", .name.display())]
    UnsetVariable {
        /// The variable.
        name: OsString,
    },
    /// A header has no `:`, or no name before it. The argument is not shown, as headers hold credentials.
    #[error("header {number} is not of the form `name: value`")]
    Header {
        /// Which of the given headers, from 1.
        number: usize,
    },
    /// A file does not hold a request.
    #[error("{} is not a request: {problem}", .path.display())]
    Captured {
        /// The file.
        path: PathBuf,
        /// What is not right.
        problem: CapturedError,
    },
    /// A parameter has no `=`, or no name before it.
    #[error("parameter {number} is not of the form NAME=VALUE")]
    Param {
        /// Which of the given parameters, from 1.
        number: usize,
    },
    /// A time is neither unix seconds nor RFC 3339.
    #[error("`{text}` is not a time: unix seconds, or RFC 3339 with a zone such as 2025-04-01T13:12:57Z")]
    Time {
        /// What was given.
        text: String,
    },
    /// A tolerance is neither a duration nor `off`.
    #[error("`{text}` is not a tolerance: a number and ms, s, m, h or d such as 300s, or `off`")]
    Tolerance {
        /// What was given.
        text: String,
    },
}

impl OtherSecretArgs {
    /// The same as arguments for active secrets, which are read in the same way.
    pub(crate) fn as_secrets(&self) -> SecretArgs {
        SecretArgs {
            values: self.other_values.clone(),
            files: self.other_files.clone(),
            variables: Vec::new(),
        }
    }
}

impl JudgeArgs {
    /// The mode as the library has it.
    pub(crate) fn mode(&self) -> hookseal::Mode {
        match self.mode {
            ModeArg::Strict => hookseal::Mode::Strict,
            ModeArg::Compat => hookseal::Mode::Compat,
        }
    }
}
