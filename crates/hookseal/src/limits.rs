//! The library's bounds. Every input that a stranger can grow has one.

use std::time::Duration;

/// Most signatures that are read from one request. More is [`malformed_signature`](crate::ErrorKind).
///
/// A rotation needs two, a careful one three; the bound keeps a request from buying unbounded MAC comparisons.
pub const MAX_CANDIDATES: usize = 32;

/// Highest number at the end of a numbered header, such as `X-DocuSign-Signature-100`: as many keys as `DocuSign`
/// allows. How many of them are read is bounded by [`MAX_CANDIDATES`].
pub const MAX_NUMBERED_HEADERS: usize = 100;

/// Most signatures that are written into one header, one for each signing secret.
pub const MAX_SIGNING_SECRETS: usize = 8;

/// Most secrets that a verifier holds. Each costs one MAC for every request that does not match.
pub const MAX_VERIFYING_SECRETS: usize = 16;

/// Most bytes in the value of a header, field or parameter that takes part in verification.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Most keys that are tried of those that were fetched for one request. A vendor publishes two or three while it
/// changes from one to the next.
pub const MAX_FETCHED_KEYS: usize = 16;

/// Most bytes in the URL of a key that a request names. Those of vendors have less than 200.
pub const MAX_KEY_URL_BYTES: usize = 2048;

/// Most bytes in the id of a key that a token names. Those of vendors are UUIDs and digests in hexadecimal.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// Most bytes in a profile document.
pub const MAX_PROFILE_BYTES: usize = 64 * 1024;

/// Most answers to a challenge of which a profile takes any. Those of vendors have two.
pub const MAX_CHALLENGE_ANSWERS: usize = 8;

/// Longest chain of `extends`; a built-in profile extends nothing, so one step is all there is.
pub const MAX_EXTENDS: usize = 1;

/// The tolerance of a timestamp in each direction where a profile names none.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// How long a JSON Web Token is valid where a scheme has an `exp`: an hour, as Google's are.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Most digits in a numeric timestamp: 15 digits of milliseconds reach the year 33658, and fit an `i64`.
pub const MAX_TIMESTAMP_DIGITS: usize = 15;

/// Most layouts that an inference tries unless it is told otherwise: a few seconds of one core.
#[cfg(feature = "infer")]
pub const MAX_INFER_LAYOUTS: u64 = 8_000_000;

/// Most bytes that an inference hashes unless it is told otherwise: with a long body this ends it before
/// `MAX_INFER_LAYOUTS` does.
#[cfg(feature = "infer")]
pub const MAX_INFER_HASHED_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Most captured requests that one inference compares.
#[cfg(feature = "infer")]
pub const MAX_INFER_REQUESTS: usize = 32;

/// Most schemes that one inference reports: where more fit, the requests say too little to choose.
#[cfg(feature = "infer")]
pub const MAX_INFER_CANDIDATES: usize = 16;
/// Most work that [`explain`](crate::explain) does for one answer, in bytes that are hashed by SHA-256; what is slower than
/// that counts for more. It is about two hundred times a body of 256 KiB, and what it takes is measured by the example
/// `explain_cost`.
#[cfg(feature = "explain")]
pub const EXPLAIN_BUDGET_BYTES: u64 = 56 * 1024 * 1024;

// The receiver of our own rotation must be able to read what the signer writes.
const _: () = assert!(MAX_SIGNING_SECRETS <= MAX_CANDIDATES);
