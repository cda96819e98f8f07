//! Checks, benchmarks and crash tests of Hookseal: `cargo xtask help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod bench;
mod check;
mod fuzz;
mod guides;
mod instructions;
mod libraries;
mod scenarios;
mod shell;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, benchmarks and crash tests of Hookseal.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must pass: format, lints, docs, tests, licences, and short runs of the scenarios below
    Check(check::Check),
    /// Run the code of the guides in every language; a runtime that is missing is a failure
    Guides(guides::Guides),
    /// Kill the server with SIGKILL under load; everything that got a 202 must arrive
    Crash(scenarios::Crash),
    /// Send SIGTERM under load; the server ends within 15 s and loses nothing
    Drain(scenarios::Drain),
    /// Endpoints that drip, flood, never answer or redirect; the others must not notice
    Hostile(scenarios::Hostile),
    /// A disk that is slow, fails or is full; no 202 before its commit
    Durable(scenarios::Durable),
    /// Sign for the libraries of vendors and of others, and verify what they sign
    Libraries(libraries::Libraries),
    /// Run every fuzz target for a while, starting from the known-answer vectors
    Fuzz(fuzz::Fuzz),
    /// Simulate the engine with everything that can go wrong; a failing seed is kept, and printed with its command
    Simulate(simulate::Simulate),
    /// Throughput, latency and cost beside the bare relay `limit`, each on one processor, in turn
    Bench(bench::Bench),
    /// Count the instructions of the steps of an event's way, and compare with what is recorded
    Instructions(instructions::Instructions),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Check(task) => task.run(),
        Task::Guides(task) => task.run(),
        Task::Crash(task) => task.run(),
        Task::Drain(task) => task.run(),
        Task::Hostile(task) => task.run(),
        Task::Durable(task) => task.run(),
        Task::Libraries(task) => task.run(),
        Task::Fuzz(task) => task.run(),
        Task::Simulate(task) => task.run(),
        Task::Bench(task) => task.run(),
        Task::Instructions(task) => task.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
