//! Known-answer vector files (`webhook-kat/1`): reading them, and running them against profiles.

mod challenge;
mod file;
mod run;

pub use challenge::{ChallengeReport, ChallengeResult, run_challenge, run_challenges};
pub use file::{Challenge, Expectation, Vector, VectorFile, VectorFileError, VectorRequest};
pub use run::{Outcome, Report, SchemeReport, VectorResult, run, run_one};
