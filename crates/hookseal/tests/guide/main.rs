//! The guides: their code runs against known answers, and their pages are as they should be.

mod cases;
mod runtimes;
mod samples;
