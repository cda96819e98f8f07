//! How the process ends.

use std::process::ExitCode;

use crate::{
    commands::{
        demo::DemoError, guide::GuideError, listen::ListenError, profiles::ProfilesError, serve::ServeError,
        sign::SignCommandError, trigger::TriggerError, vectors::VectorsError, verify::VerifyCommandError,
    },
    output::OutputError,
};

/// The exit status of the process. Its numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: done, or valid.
    Good,
    /// 1: not valid, or could not be done.
    Bad,
    /// 2: the arguments or the configuration are not right.
    Usage,
    /// 128 and the number of the signal that ended it at once, as shells write it.
    Signalled(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Good => 0,
            Status::Bad => 1,
            Status::Usage => 2,
            Status::Signalled(number) => 128 + number,
        })
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommandError {
    /// `sign` failed.
    #[error(transparent)]
    Sign(#[from] SignCommandError),
    /// `verify` failed.
    #[error(transparent)]
    Verify(#[from] VerifyCommandError),
    /// `profiles` failed.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// `guide` failed.
    #[error(transparent)]
    Guide(#[from] GuideError),
    /// `vectors` failed.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// `serve` failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// `listen` failed.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// `trigger` failed.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    /// `demo` failed.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl CommandError {
    /// What the process ends with: 2 where other arguments or settings would help, 1 where they would not.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Sign(_) | Self::Verify(_) | Self::Profiles(_) | Self::Guide(_) | Self::Vectors(_) => {
                Status::Usage
            }
            Self::Serve(error) => error.status(),
            Self::Listen(error) => error.status(),
            Self::Trigger(error) => error.status(),
            Self::Demo(_) | Self::Output(_) => Status::Bad,
        }
    }
}
