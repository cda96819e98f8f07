//! Checkpoints: copying the write-ahead log into the database, so that the log can begin anew.
//!
//! The bulk is copied by a thread of its own, beside the writer, which commits meanwhile. What it added by then is
//! little; the writer copies that itself, between two commands, and its next commit begins the log anew.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Sender},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::{limits, writer::Writer};

/// The thread that copies. It ends when this is dropped.
pub(crate) struct Checkpointer {
    wake: Option<Sender<()>>,
    progress: Arc<Mutex<Progress>>,
    thread: Option<JoinHandle<()>>,
}

/// How far a checkpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// None is under way.
    Idle,
    /// The thread copies.
    Copying,
    /// The thread has copied; what came since is the writer's to copy.
    Copied,
}

impl Checkpointer {
    /// Starts the thread.
    pub(crate) fn spawn(connection: Connection) -> std::io::Result<Self> {
        let (wake, woken) = mpsc::channel();
        let progress = Arc::new(Mutex::new(Progress::Idle));
        let thread = std::thread::Builder::new().name("hookseal-sqlite-log".to_owned());
        let thread = thread.spawn({
            let progress = Arc::clone(&progress);
            move || {
                while woken.recv().is_ok() {
                    checkpoint(&connection, "PRAGMA wal_checkpoint(PASSIVE)");
                    *progress.lock() = Progress::Copied;
                }
            }
        })?;
        Ok(Self { wake: Some(wake), progress, thread: Some(thread) })
    }

    /// Has the log copied, unless that is under way; whether it has been, and the rest is the writer's.
    fn copy(&self) -> bool {
        let mut progress = self.progress.lock();
        match *progress {
            Progress::Idle => {
                *progress = Progress::Copying;
                // The thread ends only when this is dropped, or with a panic; then the writer copies alone.
                self.wake.as_ref().is_none_or(|wake| wake.send(()).is_err())
            }
            Progress::Copying => false,
            Progress::Copied => {
                *progress = Progress::Idle;
                true
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Writer {
    /// Looks at the log's length after a command, and has it copied into the database when it is long.
    pub(crate) fn watch_log(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < limits::LOG_PAGES_CHECKPOINT {
            return;
        }
        let copied = self.checkpointer.as_ref().is_none_or(Checkpointer::copy);
        if copied || pages >= limits::LOG_PAGES_MAX {
            self.run_checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
        }
    }

    /// Copies the whole log and empties its file, unless a reader needs it just now; whether it did.
    pub(crate) fn checkpoint_whole(&mut self) -> bool {
        self.run_checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    fn run_checkpoint(&mut self, pragma: &str) -> bool {
        let whole = checkpoint(&self.connection, pragma);
        if whole {
            self.log_pages.store(0, Ordering::Relaxed);
        }
        whole
    }
}

/// Runs a checkpoint; whether all of the log was copied. A failure loses nothing: the log stays.
fn checkpoint(connection: &Connection, pragma: &str) -> bool {
    let counts = connection.query_row(pragma, [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    match counts {
        Ok((busy, pages, copied)) => busy == 0 && pages == copied,
        Err(error) => {
            tracing::warn!(error = %error, "the write-ahead log could not be copied into the database");
            false
        }
    }
}
