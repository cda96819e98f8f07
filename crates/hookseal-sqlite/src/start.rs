//! What the writer reads before its first command.

use std::{
    collections::HashMap,
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use hookseal_engine::{Scope, SubscriptionKey, ports::store::StoreError};
use parking_lot::Mutex;
use rusqlite::{Connection, hooks::Wal};

use crate::{
    errors::Doing,
    leases::Leases,
    mark::Mark,
    recover::highest_event,
    writer::{Known, Writer},
};

impl Writer {
    /// A writer over an open database; the lock is held for as long as it lives.
    pub(crate) fn start(
        connection: Connection,
        lock: File,
        leases: Arc<Mutex<Leases>>,
    ) -> Result<Self, StoreError> {
        let log_pages = Arc::new(AtomicU32::new(0));
        Ok(Self {
            subscriptions: known_subscriptions(&connection)?,
            mark: mark(&connection)?,
            cancelling: cancelling(&connection)?.into(),
            connection: watch_log(connection, &log_pages)?,
            leases,
            background_held: false,
            log_pages,
            checkpointer: None,
            purge_log: false,
            closed: false,
            lock,
        })
    }
}

/// Has the connection count the pages of its log, and leaves checkpoints to [`crate::checkpoint`].
fn watch_log(mut connection: Connection, pages: &Arc<AtomicU32>) -> Result<Connection, StoreError> {
    let pages = Arc::clone(pages);
    let hook = move |_: &mut Wal, count: i32| {
        pages.store(count.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    };
    connection.wal_hook(Some(hook)).doing("watch the log")?;
    Ok(connection)
}

fn known_subscriptions(connection: &Connection) -> Result<HashMap<SubscriptionKey, Known>, StoreError> {
    let mut statement = connection
        .prepare("SELECT key, scope, deleted_at IS NOT NULL FROM subscription")
        .doing("read subscriptions")?;
    let known = statement.query_map([], |row| {
        Ok((SubscriptionKey(row.get(0)?), Known { scope: Scope(row.get(1)?), deleted: row.get(2)? }))
    });
    known.doing("read subscriptions")?.collect::<Result<_, _>>().doing("read subscriptions")
}

fn cancelling(connection: &Connection) -> Result<Vec<SubscriptionKey>, StoreError> {
    let mut statement = connection
        .prepare("SELECT key FROM subscription WHERE cancelling = 1")
        .doing("read subscriptions")?;
    let keys = statement.query_map([], |row| Ok(SubscriptionKey(row.get(0)?)));
    keys.doing("read subscriptions")?.collect::<Result<_, _>>().doing("read subscriptions")
}

fn mark(connection: &Connection) -> Result<Mark, StoreError> {
    let stored: i64 = connection
        .query_row("SELECT recover_from FROM progress WHERE one = 1", [], |row| row.get(0))
        .doing("read the place to recover from")?;
    let highest = highest_event(connection)?.map_or(0, |(order, _)| order);
    Ok(Mark { stored: stored.cast_unsigned(), highest, written_at: highest, recovered: false })
}
