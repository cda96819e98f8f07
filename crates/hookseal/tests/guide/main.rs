//! The guides: their code runs against known answers, and their pages are as they should be.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what keeps a test from going on has failed it, and what was run is said aloud"
)]

mod cases;
mod pages;
mod runtimes;
mod samples;
