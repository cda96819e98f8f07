//! The guides: their code runs against known answers, and their pages are as they should be.

#![expect(clippy::unwrap_used, reason = "what keeps a test from going on has failed it")]

mod cases;
mod pages;
mod runtimes;
mod samples;
