//! The binary `hookseal`: sign, verify, deliver and receive webhooks.
//!
//! This crate puts the others together: it alone names the concrete store, the real clock and the real randomness.
//!
//! - [`cli`] is what can be written on the command line, and nothing of what it means.
//! - [`inputs`] reads what the arguments refer to: files, environment variables, times, headers.
//! - [`config`] is the one registry of the server's settings, and how they are read.
//! - [`commands`] does what is asked, one module for each command.
//! - [`ports`] are the clock, the randomness and the environment of this process.

mod cli;
mod commands;
mod config;
mod error;
mod inputs;
mod limits;
mod output;
mod ports;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// What a delivery allocates is small, short-lived and freed on another thread, which is what this allocator is made
/// for: chosen by measurement, see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(status) => status.into(),
        Err(error) => {
            output::complain(&error);
            error.status().into()
        }
    }
}
