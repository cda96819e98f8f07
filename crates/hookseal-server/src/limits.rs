//! Every bound of the HTTP server, with its unit and its reason.

use std::time::Duration;

/// Within which a request's body must have come, and most calls be answered, unless the operator chooses otherwise.
pub const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Connections at once, unless the operator chooses otherwise. Each costs about 16 KiB of buffers and one file.
pub const CONNECTIONS_DEFAULT: usize = 4096;
/// Bytes of a request's line and headers, unless the operator chooses otherwise: as much as common servers take.
pub const HEAD_BYTES_DEFAULT: usize = 32 * 1024;
/// How long a connection may do nothing, unless the operator chooses otherwise. Longer than the minute for which
/// clients and proxies usually keep connections, so that it is they who close them.
pub const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(75);
/// How long requests under way may take to end when the server stops, unless the operator chooses otherwise.
pub const DRAIN_DEFAULT: Duration = Duration::from_secs(10);
/// How long the server waits before it accepts again after the system refused a connection, for want of file
/// descriptors as a rule.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes read from a connection at once.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a request that publishes an event, besides the event's body.
pub const PUBLISH_AROUND_BYTES_MAX: usize = 64 * 1024;
/// Events of one batch.
pub const BATCH_EVENTS_MAX: usize = 1000;
/// Bytes of a request that publishes a batch.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of the batches that are read and published at once; others wait their turn. Each takes up to twice its bytes.
pub const BATCHES_BYTES_AT_ONCE: usize = 4 * BATCH_BYTES_MAX;
/// What a batch counts for at least: a thousand events that are short take more memory than their bytes.
pub const BATCH_BYTES_COUNTED_MIN: usize = 1024 * 1024;
/// Bytes of every other request: a subscription with a thousand event types, its headers and its metadata fit.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Characters of a request's id that is taken over from the client.
pub const REQUEST_ID_CHARS_MAX: usize = 128;
/// Characters of a query string.
pub const QUERY_CHARS_MAX: usize = 4096;
/// Bytes of a secret that a subscription's owner brings: the PEM of an RSA key of 8,192 bits fits.
pub const SECRET_BYTES_MAX: usize = 8 * 1024;
/// Names of unknown fields and other problems that one answer lists.
pub const PROBLEMS_MAX: usize = 32;

/// Characters of an operator's key that is given, at least.
pub const OPERATOR_KEY_CHARS_MIN: usize = 32;
/// Characters of an API key at most: what is longer is not looked up.
pub const KEY_CHARS_MAX: usize = 512;

/// For how long an answer of `/readyz` holds. It needs no key, and finding out writes to the store.
pub const READY_HOLDS: Duration = Duration::from_secs(1);
/// Seconds after which a client is asked to come again when the store does not answer.
pub const RETRY_AFTER_S: u32 = 1;
