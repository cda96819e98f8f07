//! Every bound of the store, with its unit and its reason.

use std::time::Duration;

/// Commands that wait for the writer. Beyond it callers wait, which is what slows publishers down.
pub const COMMANDS_MAX: usize = 256;
/// Connections that read beside the writer.
pub const READERS_MAX: usize = 4;
/// KiB of pages that the writer's connection keeps in memory.
pub const WRITER_CACHE_KIB: i64 = 6 * 1024;
/// KiB of pages that each reading connection keeps in memory.
pub const READER_CACHE_KIB: i64 = 1024;
/// KiB of pages that the connection keeps that copies the log into the database.
pub const CHECKPOINT_CACHE_KIB: i64 = 256;
/// Prepared statements that a connection keeps.
pub const STATEMENTS_MAX: usize = 64;

/// Rows that one call of a search looks at; then it says where to go on.
pub const EXAMINED_MAX: usize = 5_000;

/// Pages (of 4 KiB) in the write-ahead log from which on it is copied into the database, beside the writer.
pub const LOG_PAGES_CHECKPOINT: u32 = 4_096;
/// Pages in the write-ahead log from which on the writer itself finishes the copying, however busy it is: 64 MiB.
pub const LOG_PAGES_MAX: u32 = 16_384;
/// Bytes that the log's file is cut down to when it is begun anew.
pub const LOG_BYTES_KEPT: u64 = 4096 * (LOG_PAGES_MAX as u64);
/// How long a connection waits for another's lock. Only the writer writes, so that this is never used up.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Deliveries of a deleted subscription that are cancelled at once, between other commands.
pub const CANCEL_CHUNK: usize = 500;
/// Commands that go first, while others wait, before one chunk of background work is done.
pub const COMMANDS_PER_CHUNK: u32 = 32;

/// Milliseconds of accepted events after which the place to recover from is written anew.
pub const MARK_EVERY_MS: u64 = 1_000;
/// Milliseconds of later events after which a delivery that is still unrecorded gets a row, so that a recovery
/// has little more than this to walk through: a start walks some 300,000 events a second, and 60,000 are accepted in one.
pub const STRAGGLER_AFTER_MS: u64 = 2_000;
/// Such deliveries that one transaction writes rows for: some milliseconds of it, and a few times what it takes for the
/// queue of one dead endpoint.
pub const STRAGGLERS_PER_COMMIT: usize = 1_024;

/// Bytes of a database that is checked as a whole when it is opened; of a larger one only the head is.
pub const CHECKED_WHOLE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Calls of the guard against replays that one transaction, and so one sync of the disk, takes together.
#[cfg(feature = "replay")]
pub const GUARD_CALLS_PER_COMMIT: usize = 64;
/// Bytes of a page of the guard against replays, which is SQLite's own choice.
#[cfg(feature = "replay")]
pub(crate) const GUARD_PAGE_BYTES: u64 = 4096;
/// Bytes that the guard against replays takes up, unless it is opened otherwise: 1 GiB, some eight million deliveries.
#[cfg(feature = "replay")]
pub const GUARD_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
/// Expired entries that one claim clears away. More than one, so that what has expired is always gone before what
/// comes.
#[cfg(feature = "replay")]
pub const GUARD_SWEPT_AT_ONCE: u32 = 4;
/// Expired entries that one claim clears away where the guard is full.
#[cfg(feature = "replay")]
pub const GUARD_SWEPT_WHEN_FULL: u32 = 256;

const _: () = {
    assert!(LOG_PAGES_CHECKPOINT < LOG_PAGES_MAX);
    assert!(MARK_EVERY_MS < STRAGGLER_AFTER_MS);
    let caches = WRITER_CACHE_KIB + READER_CACHE_KIB * READERS_MAX as i64 + CHECKPOINT_CACHE_KIB;
    assert!(caches <= 16 * 1024, "the store keeps its pages within 16 MiB");
};
