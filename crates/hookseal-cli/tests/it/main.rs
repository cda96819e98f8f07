//! The binary as its users have it: arguments in, lines and exit status out.

#![expect(clippy::unwrap_used, reason = "what keeps a test from going on has failed it")]

mod demo;
mod explain;
mod fetched_keys;
mod forward;
mod guide;
mod help;
mod infer;
mod listen;
mod network;
mod profiles;
mod serve;
mod sign_verify;
mod support;
mod target;
mod trigger;
mod vectors;
