//! Receivers through their public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod building;
mod examples;
mod extracting;
mod guards;
mod handshakes;
mod keys;
mod logs;
mod replays;
mod sockets;
mod support;
mod vectors;
mod wire;
