//! Every bound of a receiver, with its unit and its reason.

use std::time::Duration;

/// Bytes of a request's body, unless the receiver is built otherwise. Most senders stop at 256 KiB; those that send
/// more say so in their documents (GitHub: 25 MB).
pub const BODY_BYTES_DEFAULT: usize = 1024 * 1024;
/// Bytes that are set aside for a body before any of it has come: an announced length is only a claim.
pub(crate) const BODY_BYTES_AHEAD_MAX: usize = 64 * 1024;
/// Within which a body must have come as a whole, unless the receiver is built otherwise. Senders themselves give an
/// attempt 5 to 30 seconds, most of which belong to the handler.
pub const READ_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Header lines of a request, unless the receiver is built otherwise. Proxies add a dozen to the sender's dozen.
pub const HEADER_LINES_DEFAULT: usize = 100;

/// How long a claim is held for a handler that has not ended, unless the receiver is built otherwise. It has to be
/// longer than any handler takes: after it, the same delivery may run beside the first.
pub const LEASE_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// For how long a sender may try a delivery again, unless the receiver is built otherwise: 72 hours, which are Stripe's
/// three days and more than most.
pub const RETRY_HORIZON_DEFAULT: Duration = Duration::from_secs(72 * 3600);
/// What counts as the tolerance where a timestamp may be as old as it likes: 30 days. Nothing can be remembered for
/// ever; what is replayed after that is taken for new.
pub const TOLERANCE_WHERE_UNLIMITED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Seconds after which a sender is asked to come again while its delivery is being handled, or the guard is down.
pub(crate) const RETRY_AFTER: &str = "5";

/// Entries of a guard in memory, unless it is built otherwise: about 32 MiB.
pub const MEMORY_ENTRIES_DEFAULT: usize = 256 * 1024;
/// Expired entries that one claim clears away. More than one, so that what has expired is always gone before what
/// comes; few, so that no request pays for all.
pub(crate) const SWEPT_AT_ONCE: usize = 4;

const _: () = assert!(BODY_BYTES_AHEAD_MAX <= BODY_BYTES_DEFAULT);
