//! Checkpoints: copying the write-ahead log into the database, so that the log can begin anew.
//!
//! The bulk is copied by a thread of its own, beside the writer, which commits meanwhile. What it added by then is
//! little; the writer copies that itself, between two commands, and its next commit begins the log anew.

use std::{
    sync::{
        atomic::Ordering,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;

use crate::writer::Writer;

/// The thread that copies. It ends when this is dropped.
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread; `done` is called after each copying.
    pub(crate) fn spawn(connection: Connection, done: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("hookseal-sqlite-log".to_owned());
        let thread = thread.spawn(move || {
            while woken.recv().is_ok() {
                checkpoint(&connection, "PRAGMA wal_checkpoint(PASSIVE)");
                done();
            }
        })?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Has the log copied, unless that is under way.
    pub(crate) fn wake(&self) {
        if let Some(Err(TrySendError::Disconnected(()))) = self.wake.as_ref().map(|wake| wake.try_send(())) {
            tracing::warn!("the thread that copies the write-ahead log has ended; the writer does it alone");
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
    /// Copies what is left of the log, so that the next commit begins it anew.
    pub(crate) fn finish_checkpoint(&mut self) {
        if checkpoint(&self.connection, "PRAGMA wal_checkpoint(PASSIVE)") {
            self.log_pages.store(0, Ordering::Relaxed);
        }
    }

    /// Copies the whole log and empties its file, unless a reader needs it just now.
    pub(crate) fn checkpoint_whole(&mut self) {
        if checkpoint(&self.connection, "PRAGMA wal_checkpoint(TRUNCATE)") {
            self.log_pages.store(0, Ordering::Relaxed);
        }
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
