//! Every bound of the transport, with its unit and its reason. Bounds of answers are the engine's:
//! `hookseal_engine::limits`.

use std::time::Duration;

use hookseal_engine::limits::{
    BODY_BYTES_MAX, MAX_IN_FLIGHT_MAX, RESPONSE_HEAD_BYTES_MAX, RESPONSE_KEPT_BYTES, RESPONSE_READ_BYTES_MAX,
};

/// How long an idle connection is kept, unless configured otherwise. Most servers close theirs after 60 s or more.
pub const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Idle connections kept for one endpoint, unless configured otherwise: as many as one subscription may have attempts
/// under way. With fewer, a busy one closes connections that it needs a moment later.
pub const IDLE_PER_ENDPOINT_DEFAULT: usize = MAX_IN_FLIGHT_MAX as usize;
/// Idle connections kept over all endpoints, unless configured otherwise. Each costs a file descriptor and up to 10 KiB,
/// with TLS up to 30 KiB, most of it buffers: 60 MiB at worst.
pub const IDLE_TOTAL_DEFAULT: usize = 2048;
/// The longest time between two looks for connections that have been idle for too long.
pub const IDLE_SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(15);
/// The shortest, so that an idle timeout of nothing is not a busy loop.
pub const IDLE_SWEEP_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Requests under way at once on one HTTP/2 connection, where the endpoint admits more. What is lost with one
/// connection, and what waits behind one lost packet, stays small by that.
pub const HTTP2_STREAMS_MAX: usize = 100;
/// Bytes of answers' bodies that may come on an HTTP/2 connection, or for one answer, before they are taken in: what
/// flow control lets an endpoint make this side keep. Answers are mostly smaller.
pub const HTTP2_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes that may come on an HTTP/2 connection while nothing is taken in of any answer: heads, interim answers, settings
/// and pings. A head of [`RESPONSE_HEAD_BYTES_MAX`] and a full window fit; what an endpoint can make this side decode
/// in vain is bounded.
pub const HTTP2_UNASKED_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of bodies that wait to be sent on one HTTP/2 stream: the largest body there is.
pub const HTTP2_SEND_BUFFER_BYTES_MAX: usize = BODY_BYTES_MAX;
/// How often a request is sent again within its attempt, because its connection turned out closed before an answer
/// or because an HTTP/2 endpoint said that it did nothing with it.
pub const REPEATS_MAX: u32 = 2;

/// How long a request waits while another one opens a connection for both. A connection is mostly there in half a
/// second; one that takes longer may never come.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(1);
/// The part of what is left of its deadline that a request waits so at most, as a divisor: most of it is left to open a
/// connection after all.
pub const TURN_WAIT_SHARE: u32 = 4;
/// How often a request that waits so looks for room on the connections that are there: an answer that ends makes some.
pub const TURN_LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Headers of an answer, which no server has half as many of.
pub const RESPONSE_HEADERS_MAX: usize = 100;
/// Bytes that are read at once of an answer in HTTP/1.1. Most are shorter than that in all.
pub const READ_BYTES: usize = 4 * 1024;
/// Bytes of a body up to which it is copied behind its head, to go out with it in one piece.
pub const INLINE_BODY_BYTES_MAX: usize = 8 * 1024;
/// Bytes of each of the two buffers that an idle connection keeps.
pub const BUFFER_KEPT_BYTES_MAX: usize = 4 * 1024;

/// Addresses of one name that are tried in an attempt. All of them are checked.
pub const CONNECT_ADDRESSES_MAX: usize = 8;

/// Answers that the resolver keeps.
pub const DNS_CACHE_ENTRIES_MAX: u64 = 8192;
/// How long the resolver keeps an answer, whatever its own lifetime, so that an endpoint can move.
pub const DNS_CACHE_TIME_MAX: Duration = Duration::from_secs(300);
/// How long the resolver keeps the answer that a name does not exist.
pub const DNS_CACHE_NO_SUCH_NAME_TIME_MAX: Duration = Duration::from_secs(30);

/// TLS sessions that are kept, so that the next handshake is a short one: eight for each of 128 endpoints.
pub const TLS_SESSIONS_MAX: usize = 1024;
/// TLS sessions that are kept for a subscription with certificates of its own: those of its one endpoint. The room is
/// taken at once, for each of these subscriptions.
pub const OWN_TLS_SESSIONS_MAX: usize = 8;

/// Certificates of authorities that a subscription trusts, or of its own chain. A chain has three or four, and while an
/// authority is replaced there are two.
pub const CERTIFICATES_PER_SETTING_MAX: usize = 16;

/// Bytes of the user name and of the password for a proxy: what SOCKS 5 can carry (RFC 1929).
pub const PROXY_CREDENTIAL_BYTES_MAX: usize = 255;
/// Bytes of the head with which a proxy answers. They have some hundred; pages that explain a refusal come after it.
pub const PROXY_HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long fetching a key may take, from resolving to the last byte, unless configured otherwise. A sender waits for
/// its answer meanwhile, often for no more than 10 s.
pub const KEY_FETCH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// Bytes of a certificate file or key set. Those of vendors have 2 to 6 KiB.
pub const KEY_BYTES_MAX: usize = 64 * 1024;
/// Keys of one set; what comes after them is left out. Vendors publish two to five.
pub const KEYS_PER_SET_MAX: usize = 64;
/// Certificates of one file, the signing one included. A chain has three or four.
pub const CERTIFICATES_PER_FILE_MAX: usize = 8;

/// How long keys are kept where the answer does not say. A key that is revoked is trusted for no longer than that.
pub const KEY_LIFETIME_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// The shortest time that an answer can have its keys kept: what is not to be cached is fetched once a minute.
pub const KEY_LIFETIME_MIN: Duration = Duration::from_secs(60);
/// The longest, whatever an answer says: a revoked key is gone after a day.
pub const KEY_LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after fetching a set, for whatever reason, it is not fetched again for a key that it does not hold. A
/// stranger can make up as many key ids as he likes.
pub const KEY_REFETCH_PAUSE: Duration = Duration::from_secs(60);
/// How long a key that could not be fetched is not asked for again. Senders retry after longer than that.
pub const KEY_FAILURE_TIME: Duration = Duration::from_secs(30);
/// Certificates and keys that are asked for at one vendor in a [`KEY_REFETCH_PAUSE`] without ever having been good. A
/// stranger can make up URLs of a trusted host, too.
pub const UNPROVEN_KEYS_MAX: u32 = 10;

/// Keys and key sets that are kept. Only what was found good takes a place; each has 1 to 64 KiB, mostly 2.
pub const KEY_SOURCES_MAX: usize = 256;
/// Failures that are remembered, and vendors whose [`UNPROVEN_KEYS_MAX`] is counted.
pub const KEY_FAILURES_MAX: usize = 1024;

const _: () = {
    assert!(KEY_LIFETIME_MIN.as_secs() <= KEY_LIFETIME_DEFAULT.as_secs());
    assert!(KEY_LIFETIME_DEFAULT.as_secs() <= KEY_LIFETIME_MAX.as_secs());
    assert!(KEY_BYTES_MAX <= RESPONSE_READ_BYTES_MAX, "the socket lets through what the fetcher judges");
    // A body that comes in chunks of one byte takes six bytes for each that counts.
    assert!(RESPONSE_HEAD_BYTES_MAX + 7 * RESPONSE_KEPT_BYTES <= RESPONSE_READ_BYTES_MAX);
    assert!(READ_BYTES <= BUFFER_KEPT_BYTES_MAX && READ_BYTES <= RESPONSE_HEAD_BYTES_MAX);
    assert!(RESPONSE_HEAD_BYTES_MAX as u64 + HTTP2_WINDOW_BYTES as u64 <= HTTP2_UNASKED_BYTES_MAX);
    assert!(HTTP2_UNASKED_BYTES_MAX <= RESPONSE_READ_BYTES_MAX as u64);
    assert!(IDLE_PER_ENDPOINT_DEFAULT <= IDLE_TOTAL_DEFAULT);
    assert!(CONNECT_ADDRESSES_MAX > 0);
    assert!(TURN_WAIT_SHARE > 1 && !TURN_LOOK_INTERVAL.is_zero());
};
