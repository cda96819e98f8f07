//! The library's bounds. Every input that a stranger can grow has one.

use std::time::Duration;

/// Most signatures that are read from one request. More is [`malformed_signature`](crate::ErrorKind).
///
/// A rotation needs two, a careful one three; the bound keeps a request from buying unbounded MAC comparisons.
pub const MAX_CANDIDATES: usize = 32;

/// Most signatures that are written into one header, one for each signing secret.
pub const MAX_SIGNING_SECRETS: usize = 8;

/// Most secrets that a verifier holds. Each costs one MAC for every request that does not match.
pub const MAX_VERIFYING_SECRETS: usize = 16;

/// Most bytes in the value of a header, field or parameter that takes part in verification.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Most bytes in a profile document.
pub const MAX_PROFILE_BYTES: usize = 64 * 1024;

/// Longest chain of `extends`; a built-in profile extends nothing, so one step is all there is.
pub const MAX_EXTENDS: usize = 1;

/// The tolerance of a timestamp in each direction where a profile names none.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Most digits in a numeric timestamp: 15 digits of milliseconds reach the year 33658, and fit an `i64`.
pub const MAX_TIMESTAMP_DIGITS: usize = 15;

/// Most bytes that [`explain`](crate::explain) hashes or rewrites for one answer: about a hundred times a body of
/// 256 KiB, which takes less than 100 ms.
#[cfg(feature = "explain")]
pub const EXPLAIN_BUDGET_BYTES: u64 = 24 * 1024 * 1024;

// The receiver of our own rotation must be able to read what the signer writes.
const _: () = assert!(MAX_SIGNING_SECRETS <= MAX_CANDIDATES);
