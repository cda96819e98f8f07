//! The library through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod challenges;
mod content;
mod explain;
mod handshakes;
mod infer;
mod messages;
mod needed_keys;
mod policy;
mod profiles;
mod properties;
mod redaction;
mod rotation;
mod safety;
mod samples;
mod sealing;
mod signing;
mod support;
mod variations;
mod vectors;
