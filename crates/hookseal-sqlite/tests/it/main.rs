//! The embedded store: the rules of the port, crashes, and files that are not as they should be.

mod compare;
mod crash;
mod events;
mod opening;
mod reading;
mod recovery;
mod replay;
mod retention;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use hookseal_engine::ports::Store;
use hookseal_sqlite::{OpenOptions, SqliteStore};
use hookseal_testkit::conformance::Harness;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// A store in a directory of its own.
struct OnDisk {
    directory: TempDir,
    store: Arc<SqliteStore>,
}

fn open(directory: &Path) -> SqliteStore {
    let mut options = OpenOptions::new(directory);
    // No test stops the machine: what a process leaves behind is the same without waiting for the disk.
    options.sync = false;
    SqliteStore::open(&options).expect("the store opens")
}

/// Copies what a process leaves behind that stops at this moment, whatever it is doing.
///
/// A reader's snapshot keeps the database from growing beyond the log, which is copied first, so that it holds whatever
/// the database lacks. Where all of the log is in the database already the snapshot does not keep it from being emptied
/// or begun anew, and a copy could hold the beginning of the old one, which would be taken for what came last: then it is
/// done over.
fn copy_as_after_a_crash(file: &Path, to: &Path) {
    let log = |file: &Path| PathBuf::from(format!("{}-wal", file.display()));
    let copy = to.join(file.file_name().expect("a file has a name"));
    for _ in 0..COPIES_MAX {
        let reader =
            Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the file is read");
        reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").expect("a snapshot is taken");
        let before = generation(&log(file));
        fs::copy(log(file), log(&copy)).expect("the log is copied");
        fs::copy(file, &copy).expect("the database is copied");
        if generation(&log(file)) == before {
            return;
        }
    }
    panic!("the log was begun anew during each of {COPIES_MAX} copies");
}

/// Copies that are tried: each takes a moment, and a log is begun anew by far not as often.
const COPIES_MAX: usize = 100;

/// The header of a log, which has other salts each time it is begun anew (SQLite, "WAL-mode File Format"); less where it
/// was emptied.
fn generation(log: &Path) -> Vec<u8> {
    let mut header = Vec::new();
    let log = fs::File::open(log).expect("the log is read");
    log.take(32).read_to_end(&mut header).expect("the log is read");
    header
}

#[async_trait]
impl Harness for OnDisk {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let store = Arc::new(open(directory.path()));
        Self { directory, store }
    }

    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn crash(&mut self) {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        copy_as_after_a_crash(self.store.file(), directory.path());
        let store = Arc::new(open(directory.path()));
        *self = Self { directory, store };
    }

    async fn restart(&mut self) {
        self.store.close().await;
        self.store = Arc::new(open(self.directory.path()));
    }
}

hookseal_testkit::store_conformance!(OnDisk);
