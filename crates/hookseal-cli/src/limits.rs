//! Every bound of the command line, with its unit and its reason.

use std::time::Duration;

/// Bytes of a body that `sign` and `verify` read: far beyond any webhook, and short of exhausting a machine.
pub(crate) const BODY_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a file that holds a secret: a certificate chain in PEM has a few thousand.
pub(crate) const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a profile document.
pub(crate) const PROFILE_FILE_BYTES_MAX: u64 = hookseal::limits::MAX_PROFILE_BYTES as u64;
/// Bytes of a file of known-answer vectors.
pub(crate) const VECTOR_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a configuration file.
pub(crate) const CONFIG_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of a body that `listen` reads: what a sender may send at most, and room for vendors who send more.
pub(crate) const RECEIVED_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Reports of received requests that wait to be printed.
pub(crate) const REPORTS_WAITING_MAX: usize = 1024;
/// Reports that may wait behind one that is being explained, which takes about a tenth of a second. With more, verdicts
/// are printed alone, so that the reports never fill up and answers never wait for them.
pub(crate) const EXPLAIN_WAITING_MAX: usize = 16;
/// How long `listen --forward` waits for the whole of its target's answer: a developer may be in a debugger.
pub(crate) const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long `trigger` waits for the whole of an answer.
pub(crate) const TRIGGER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that `trigger` prints: enough for a message, and no page.
pub(crate) const TRIGGER_ANSWER_BYTES_MAX: usize = 2 * 1024;
/// Events that one `trigger` sends: by hand, and not to measure anything.
pub(crate) const TRIGGER_COUNT_MAX: u32 = 1000;
/// How long a receiver lets requests under way end when it stops.
pub(crate) const RECEIVER_DRAIN: Duration = Duration::from_secs(2);

/// How long the server's requests under way may take to end when it stops; what the engine's
/// [`DRAIN`](hookseal_engine::limits::DRAIN) leaves of the whole stop.
pub(crate) const REQUESTS_DRAIN: Duration = Duration::from_secs(2);
/// How long a stop may take in all before the process ends without ceremony.
pub(crate) const STOP: Duration = Duration::from_secs(15);

/// The shortest time for which ended events can be kept: long enough to be read after they ended.
pub(crate) const RETENTION_MIN: Duration = Duration::from_secs(1);

/// Threads for blocking calls of the server, such as reading the store.
pub(crate) const BLOCKING_THREADS_MAX: usize = 8;

/// How long the demo waits for any one thing to come about.
pub(crate) const DEMO_WAIT: Duration = Duration::from_secs(20);
/// Bytes of an answer that the demo reads from its own server.
pub(crate) const DEMO_ANSWER_BYTES_MAX: usize = 1024 * 1024;

const _: () = {
    use hookseal_engine::limits::{BODY_BYTES_MAX, CUT, DRAIN};
    assert!(RECEIVED_BODY_BYTES_MAX >= BODY_BYTES_MAX, "a receiver takes whatever our sender sends");
    assert!(REQUESTS_DRAIN.as_millis() + DRAIN.as_millis() + CUT.as_millis() < STOP.as_millis());
};
