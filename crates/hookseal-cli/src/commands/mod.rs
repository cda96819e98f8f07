//! What each command does.

pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod guide;
pub(crate) mod infer;
mod judge;
pub(crate) mod listen;
mod outbound;
pub(crate) mod profiles;
mod proof;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod trigger;
pub(crate) mod vectors;
pub(crate) mod verify;

use crate::{
    cli::Command,
    error::{CommandError, Status},
};

/// Does what was asked.
///
/// # Errors
///
/// Why it was not done; [`CommandError::status`] is what the process ends with.
pub(crate) fn run(command: Command) -> Result<Status, CommandError> {
    match command {
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Infer(arguments) => infer::run(&arguments),
        Command::Profiles(arguments) => profiles::run(&arguments),
        Command::Guide(arguments) => guide::run(&arguments),
        Command::Vectors(arguments) => vectors::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Listen(arguments) => listen::run(&arguments),
        Command::Trigger(arguments) => trigger::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
