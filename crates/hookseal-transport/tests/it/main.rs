//! The transport against real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "what a test sets up is there, or the test fails")]

mod addresses;
mod answers;
mod authority;
mod connections;
mod deadlines;
mod http2;
mod keys;
mod own_tls;
mod proxies;
mod requests;
mod spellings;
mod support;
mod tls;
