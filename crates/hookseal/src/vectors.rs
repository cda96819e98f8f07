//! Known-answer vector files (`webhook-kat/1`): reading them, and running them against profiles.

mod file;
mod run;

pub use file::{Challenge, Expectation, Vector, VectorFile, VectorFileError, VectorRequest};
pub use run::{Outcome, Report, SchemeReport, VectorResult, run, run_one};
