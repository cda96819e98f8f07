//! Reading beside the writer: a few connections, each call a snapshot of its own.

pub(crate) mod attempts;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod replays;
mod search;
pub(crate) mod subscriptions;

use std::sync::Arc;

use hookseal_engine::ports::store::StoreError;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{
    errors::{bug, closed},
    leases::Leases,
    limits,
    writer::execute,
};

/// The reading connections and the leases that go with what they read.
pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    pub(crate) leases: Arc<Mutex<Leases>>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>, leases: Arc<Mutex<Leases>>) -> Self {
        Self { permits: Semaphore::new(connections.len()), idle: Mutex::new(connections), leases }
    }

    /// Reads on a thread that may block, waiting first for a connection to be free.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection, &Mutex<Leases>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.acquire().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let Some(connection) = readers.idle.lock().pop() else { return Err(closed()) };
            let borrowed = Borrowed { connection: Some(connection), readers: &readers };
            borrowed.snapshot(|connection| read(connection, &readers.leases))
        });
        let done = done.await.map_err(|error| bug(format!("a read ended early: {error}")));
        drop(permit);
        done?
    }

    /// Waits for the reads that are under way, refuses further ones, and closes the connections.
    pub(crate) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(limits::READERS_MAX as u32).await {
            self.permits.close();
            drop(all);
        }
        self.idle.lock().clear();
    }
}

/// A connection that finds its way back, also when the read panics.
struct Borrowed<'r> {
    connection: Option<Connection>,
    readers: &'r Readers,
}

impl Borrowed<'_> {
    /// Reads in one transaction: everything in it is of one moment.
    fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(closed()) };
        execute(connection, "BEGIN", "begin to read")?;
        let done = read(connection);
        execute(connection, "ROLLBACK", "end reading")?;
        done
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !connection.is_autocommit() {
            // A read that panicked left its transaction open, and an open one would keep the log from ending.
            drop(execute(&connection, "ROLLBACK", "end reading"));
        }
        self.readers.idle.lock().push(connection);
    }
}
