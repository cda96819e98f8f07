//! The library through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod messages;
mod policy;
mod profiles;
mod properties;
mod redaction;
mod rotation;
mod sealing;
mod signing;
mod support;
mod vectors;
