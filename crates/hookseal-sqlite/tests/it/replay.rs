//! The guard against replays: its rules, crashes, several processes, and files that are not as they should be.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use hookseal::Timestamp;
use hookseal_sqlite::{OpenError, SqliteGuard};
use hookseal_tower::{Claim, GuardError, ReplayGuard, ReplayKey};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::copy_as_after_a_crash;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const LEASE: Duration = Duration::from_secs(60);
const KEPT: Duration = Duration::from_secs(3600);

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a directory")
}

fn open(folder: &Path) -> SqliteGuard {
    SqliteGuard::open(file(folder)).expect("the guard opens")
}

fn file(folder: &Path) -> PathBuf {
    folder.join("replay.db")
}

fn key(number: u8) -> ReplayKey {
    ReplayKey::from_bytes([number; 32])
}

async fn claim(guard: &SqliteGuard, number: u8, now: Timestamp) -> Claim {
    guard.claim(key(number), now, now.saturating_add(LEASE)).await.expect("the guard answers")
}

/// Claims a key and confirms it.
async fn handle(guard: &SqliteGuard, number: u8) {
    let Claim::Taken(id) = claim(guard, number, NOW).await else { panic!("the key is free") };
    guard.confirm(key(number), id, NOW.saturating_add(KEPT)).await.expect("the claim is held");
}

/// A guard that keeps its folder.
struct OnDisk(SqliteGuard, #[expect(dead_code, reason = "it is held, never used")] TempDir);

/// As the two processes of one machine: each call goes to the other of two guards on one file.
struct TwoOnOneFile(
    [SqliteGuard; 2],
    std::sync::atomic::AtomicUsize,
    #[expect(dead_code, reason = "it is held")] TempDir,
);

impl OnDisk {
    async fn start() -> Self {
        let folder = folder();
        Self(open(folder.path()), folder)
    }
}

impl TwoOnOneFile {
    async fn start() -> Self {
        let folder = folder();
        Self([open(folder.path()), open(folder.path())], Default::default(), folder)
    }

    fn next(&self) -> &SqliteGuard {
        &self.0[self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2]
    }
}

macro_rules! forward {
    ($name:ident, |$this:ident| $guard:expr) => {
        #[async_trait::async_trait]
        impl ReplayGuard for $name {
            async fn claim(
                &self,
                key: ReplayKey,
                now: Timestamp,
                lease_end: Timestamp,
            ) -> Result<Claim, GuardError> {
                let $this = self;
                $guard.claim(key, now, lease_end).await
            }

            async fn confirm(
                &self,
                key: ReplayKey,
                claim: hookseal_tower::ClaimId,
                keep_until: Timestamp,
            ) -> Result<(), GuardError> {
                let $this = self;
                $guard.confirm(key, claim, keep_until).await
            }

            async fn release(
                &self,
                key: ReplayKey,
                claim: hookseal_tower::ClaimId,
            ) -> Result<(), GuardError> {
                let $this = self;
                $guard.release(key, claim).await
            }
        }
    };
}

forward!(OnDisk, |this| this.0);
forward!(TwoOnOneFile, |this| this.next());

mod one_process {
    hookseal_tower::guard_conformance!(super::OnDisk::start());
}

mod two_processes {
    hookseal_tower::guard_conformance!(super::TwoOnOneFile::start());
}

#[tokio::test]
async fn what_was_handled_outlives_a_restart() {
    let folder = folder();
    let guard = open(folder.path());
    handle(&guard, 1).await;
    drop(guard);
    assert_eq!(claim(&open(folder.path()), 1, NOW).await, Claim::Done);
}

#[tokio::test]
async fn after_a_crash_what_was_handled_is_done_and_what_was_not_lapses() {
    let (folder, after) = (folder(), folder());
    let guard = open(folder.path());
    handle(&guard, 1).await;
    assert!(matches!(claim(&guard, 2, NOW).await, Claim::Taken(_)));
    copy_as_after_a_crash(&file(folder.path()), after.path());

    let guard = open(after.path());
    assert_eq!(claim(&guard, 1, NOW).await, Claim::Done);
    assert_eq!(claim(&guard, 2, NOW).await, Claim::InProgress);
    let lapsed = NOW.saturating_add(LEASE);
    assert!(matches!(claim(&guard, 2, lapsed).await, Claim::Taken(_)));
    assert_eq!(claim(&guard, 2, lapsed).await, Claim::InProgress);
}

#[tokio::test]
async fn what_has_expired_is_cleared_away() {
    let folder = folder();
    let guard = open(folder.path());
    for number in 0..20 {
        handle(&guard, number).await;
    }
    let later = NOW.saturating_add(KEPT);
    for number in 100..105 {
        claim(&guard, number, later).await;
    }
    drop(guard);
    let connection = Connection::open(file(folder.path())).unwrap();
    let left: i64 = connection.query_row("SELECT count(*) FROM replay", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 5);
}

#[tokio::test]
async fn a_full_guard_takes_nothing_until_something_has_expired() {
    let folder = folder();
    let guard = SqliteGuard::open_bounded(file(folder.path()), 64 * 1024).unwrap();
    let mut taken = 0_u64;
    let refused = loop {
        let bytes = spread(taken);
        match guard.claim(bytes, NOW, NOW.saturating_add(LEASE)).await {
            Ok(Claim::Taken(id)) => guard.confirm(bytes, id, NOW.saturating_add(KEPT)).await.unwrap(),
            refused => break refused,
        }
        taken += 1;
        assert!(taken < 10_000, "it never fills up");
    };
    assert!(matches!(refused, Err(GuardError::Full)), "{refused:?}");
    assert_eq!(guard.claim(spread(0), NOW, NOW).await.unwrap(), Claim::Done);
    let later = NOW.saturating_add(KEPT);
    let mut attempts = 0;
    while !matches!(guard.claim(key(1), later, later.saturating_add(LEASE)).await, Ok(Claim::Taken(_))) {
        attempts += 1;
        assert!(attempts < 10, "nothing is cleared away");
    }
}

/// Keys that are spread as digests are.
fn spread(number: u64) -> ReplayKey {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(27);
        chunk.copy_from_slice(&state.to_le_bytes());
    }
    ReplayKey::from_bytes(bytes)
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let folder = folder();
    let path = file(folder.path());
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert!(matches!(SqliteGuard::open(&path), Err(OpenError::Foreign { .. })));

    fs::write(&path, b"this is no database, and long enough to be looked at as one").unwrap();
    assert!(matches!(SqliteGuard::open(&path), Err(OpenError::Damaged { .. })));

    let missing = folder.path().join("missing").join("replay.db");
    assert!(matches!(SqliteGuard::open(missing), Err(OpenError::NotWritable { .. })));
}

#[test]
fn a_later_version_is_refused() {
    let folder = folder();
    drop(open(folder.path()));
    let connection = Connection::open(file(folder.path())).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteGuard::open(file(folder.path()));
    assert!(matches!(refused, Err(OpenError::NewerSchema { found: 99, known: 1, .. })), "{refused:?}");
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let guard = open(folder.path());
    let mode = fs::metadata(guard.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
