//! Every bound of the transport, with its unit and its reason. Bounds of answers are the engine's:
//! `hookseal_engine::limits`.

use std::time::Duration;

use hookseal_engine::limits::{RESPONSE_HEAD_BYTES_MAX, RESPONSE_KEPT_BYTES, RESPONSE_READ_BYTES_MAX};

/// How long an idle connection is kept, unless configured otherwise. Most servers close theirs after 60 s or more.
pub const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Idle connections kept for one endpoint, unless configured otherwise.
pub const IDLE_PER_ENDPOINT_DEFAULT: usize = 64;
/// Idle connections kept over all endpoints, unless configured otherwise. Each costs a file descriptor and 15 to 20
/// KiB, with TLS 25 to 30 KiB, most of it buffers: 60 MiB at worst.
pub const IDLE_TOTAL_DEFAULT: usize = 2048;
/// The longest time between two looks for connections that have been idle for too long.
pub const IDLE_SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(15);
/// The shortest, so that an idle timeout of nothing is not a busy loop.
pub const IDLE_SWEEP_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Addresses of one name that are tried in an attempt. All of them are checked.
pub const CONNECT_ADDRESSES_MAX: usize = 8;

/// Answers that the resolver keeps.
pub const DNS_CACHE_ENTRIES_MAX: u64 = 8192;
/// How long the resolver keeps an answer, whatever its own lifetime, so that an endpoint can move.
pub const DNS_CACHE_TIME_MAX: Duration = Duration::from_secs(300);
/// How long the resolver keeps the answer that a name does not exist.
pub const DNS_CACHE_NO_SUCH_NAME_TIME_MAX: Duration = Duration::from_secs(30);

/// Endpoints whose TLS sessions are kept, so that the next handshake is a short one.
pub const TLS_SESSIONS_MAX: usize = 1024;

const _: () = {
    // A body that comes in chunks of one byte takes six bytes for each that counts.
    assert!(RESPONSE_HEAD_BYTES_MAX + 7 * RESPONSE_KEPT_BYTES <= RESPONSE_READ_BYTES_MAX);
    assert!(RESPONSE_HEAD_BYTES_MAX >= 8192, "hyper's smallest read buffer");
    assert!(IDLE_PER_ENDPOINT_DEFAULT <= IDLE_TOTAL_DEFAULT);
    assert!(CONNECT_ADDRESSES_MAX > 0);
};
