//! The library through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod content;
mod infer;
mod handshakes;
mod explain;
mod messages;
mod needed_keys;
mod policy;
mod profiles;
mod properties;
mod redaction;
mod rotation;
mod samples;
mod signing;
mod support;
mod vectors;
