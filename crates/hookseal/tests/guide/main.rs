//! The guides: their code runs against known answers, and their pages are as they should be.

mod cases;
mod pages;
mod runtimes;
mod samples;
