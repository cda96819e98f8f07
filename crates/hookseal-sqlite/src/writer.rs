//! The one writer: a thread that owns the only connection that writes, and does one command after the other.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::AtomicU32},
    thread::JoinHandle,
};

use hookseal_engine::{Scope, SubscriptionKey, ports::store::StoreError};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};

use crate::{
    checkpoint::Checkpointer,
    errors::{Doing, closed},
    leases::Leases,
    limits,
    mark::Mark,
};

/// What the writer is asked to do.
type Command = Box<dyn FnOnce(&mut Writer) + Send>;

/// The way to the writer's thread.
#[derive(Clone)]
pub(crate) struct WriterHandle {
    commands: mpsc::Sender<Command>,
}

impl WriterHandle {
    /// Has the writer do `work`, after all that was asked before, and returns what came of it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let command: Command = Box::new(move |writer| {
            let result = if writer.closed { Err(closed()) } else { work(writer) };
            // Whoever asked may have stopped waiting; what was done stays done.
            drop(answer.send(result));
        });
        self.commands.send(command).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// Starts the thread. It ends when the last handle is gone, or after a command has closed it.
pub(crate) fn spawn(
    writer: Writer,
    checkpoints: Connection,
) -> std::io::Result<(WriterHandle, JoinHandle<()>)> {
    let (commands, queue) = mpsc::channel::<Command>(limits::COMMANDS_MAX);
    let mut writer = writer;
    writer.checkpointer = Some(Checkpointer::spawn(checkpoints)?);
    let thread = std::thread::Builder::new().name("hookseal-sqlite".to_owned());
    let thread = thread.spawn(move || work(writer, queue))?;
    Ok((WriterHandle { commands }, thread))
}

/// Does commands while there are any; background work in the gaps, and now and then between commands. What of that
/// is left when the store is dropped is done after the next start.
fn work(mut writer: Writer, mut queue: mpsc::Receiver<Command>) {
    let mut since_chunk = 0;
    while !writer.closed {
        let command = match queue.try_recv() {
            Ok(command) => Some(command),
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) if writer.has_background_work() => None,
            Err(TryRecvError::Empty) => match queue.blocking_recv() {
                Some(command) => Some(command),
                None => break,
            },
        };
        let idle = command.is_none();
        if let Some(command) = command {
            command(&mut writer);
            writer.background_held = false;
            writer.watch_log();
            since_chunk += 1;
        }
        if idle || (since_chunk >= limits::COMMANDS_PER_CHUNK && writer.has_background_work()) {
            since_chunk = 0;
            writer.do_background_work();
        }
    }
}

/// What the writer knows of a subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) scope: Scope,
    /// Whether it is deleted.
    pub(crate) deleted: bool,
}

/// The state of the writer's thread.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) leases: Arc<Mutex<Leases>>,
    /// Every subscription there ever was.
    pub(crate) subscriptions: HashMap<SubscriptionKey, Known>,
    pub(crate) mark: Mark,
    /// Deleted subscriptions of which deliveries may still be pending in the table.
    pub(crate) cancelling: VecDeque<SubscriptionKey>,
    /// Whether the background work failed, and waits for the next command.
    pub(crate) background_held: bool,
    /// Pages in the write-ahead log.
    pub(crate) log_pages: Arc<AtomicU32>,
    pub(crate) checkpointer: Option<Checkpointer>,
    /// Whether the log is to be emptied, since it holds what was to be destroyed.
    pub(crate) purge_log: bool,
    pub(crate) closed: bool,
    /// The lock on the data directory. It comes last: the connection is closed by the time it is let go of.
    #[expect(dead_code, reason = "it is held, never used")]
    pub(crate) lock: std::fs::File,
}

impl Writer {
    /// Does `work` in one transaction that is durable when this returns `Ok`, and undone when it returns `Err`.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = &self.connection;
        execute(connection, "BEGIN IMMEDIATE", "begin a transaction")?;
        let done = work(connection).and_then(|value| {
            execute(connection, "COMMIT", "commit a transaction")?;
            Ok(value)
        });
        // SQLite itself ends the transaction on some errors, such as a full disk, but not on all.
        if done.is_err()
            && !connection.is_autocommit()
            && let Err(error) = execute(connection, "ROLLBACK", "roll back a transaction")
        {
            tracing::warn!(error = %error, "a transaction could not be rolled back");
        }
        done
    }

    /// Whether the store can be written to, found out by doing so.
    pub(crate) fn check(&mut self) -> Result<(), StoreError> {
        self.transaction(|connection| {
            execute(connection, "UPDATE progress SET probe = probe + 1 WHERE one = 1", "write a probe")
        })
    }

    /// Ends all that is under way. Nothing is lost where a step of it fails: the log holds what was committed.
    pub(crate) fn close(&mut self) {
        if let Err(error) = self.write_mark() {
            tracing::warn!(error = %error, "the place to recover from was not written; the next start walks further");
        }
        self.checkpointer = None;
        self.checkpoint_whole();
        self.closed = true;
    }

    fn has_background_work(&self) -> bool {
        !self.background_held && (self.purge_log || !self.cancelling.is_empty())
    }

    fn do_background_work(&mut self) {
        if self.purge_log {
            self.purge_log = !self.checkpoint_whole();
            self.background_held = self.purge_log;
        } else if let Err(error) = self.cancel_chunk() {
            self.background_held = true;
            tracing::warn!(error = %error, "cancelling what waits for a deleted subscription is put off");
        }
    }
}

/// Runs a statement that is kept prepared and returns nothing.
pub(crate) fn execute(connection: &Connection, sql: &str, what: &'static str) -> Result<(), StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).doing(what)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hookseal::Timestamp;
    use hookseal_engine::{
        DeliveryId, EventId, EventType, NewEvent, Payload, SubscriptionId, SubscriptionSettings,
        SubscriptionStatus, Target, Verdict, Window,
        ports::store::{Batch, Claim, ClaimOrder, NewSubscription},
    };
    use rusqlite::StatementStatus;

    use super::*;
    use crate::open::{OpenOptions, Opened, open};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn writer(directory: &std::path::Path) -> Writer {
        let Opened { writer, lock, .. } = open(&OpenOptions::new(directory)).unwrap();
        let mut writer = Writer::start(writer, lock, Arc::default()).unwrap();
        writer.recover(NOW).unwrap();
        writer
    }

    fn event(number: u64, targets: Vec<Target>) -> NewEvent {
        let body = Bytes::from(vec![b'x'; 50_000]);
        let event_type = EventType::new("order.confirmed").unwrap();
        NewEvent {
            id: EventId::from_parts((1_800_000_000_000 << 12) + number * 10, number),
            scope: Scope(1),
            payload: Payload { event_type, content_type: None, body },
            external_id: None,
            accepted_at: NOW,
            window: Window::default(),
            targets,
        }
    }

    fn subscription(writer: &mut Writer) -> SubscriptionKey {
        let settings = SubscriptionSettings::new("https://example.com/", "stripe");
        let new = NewSubscription {
            id: SubscriptionId::from_parts(7, 7),
            scope: Scope(1),
            settings,
            secrets: Vec::new(),
            status: SubscriptionStatus::Active,
            created_at: NOW,
        };
        writer.create_subscription(new).unwrap().key
    }

    fn rows(writer: &Writer, table: &str) -> i64 {
        writer.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_full_disk_refuses_and_the_store_goes_on_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(directory.path());
        let subscription = subscription(&mut writer);
        let targets = vec![Target { subscription, leased: true }, Target { subscription, leased: false }];
        writer.connection.pragma_update(None, "max_page_count", 80).unwrap();
        let mut accepted = 0;
        let refused = loop {
            let events = (0..2).map(|index| event(accepted + index, targets.clone())).collect();
            match writer.commit(&Batch { events, ..Batch::default() }) {
                Ok(_) => accepted += 2,
                Err(error) => break error,
            }
            assert!(accepted < 100, "the limit holds");
        };
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
        assert_eq!((rows(&writer, "event"), rows(&writer, "delivery")), (accepted as i64, accepted as i64));
        let place =
            DeliveryId::derive(event(accepted, Vec::new()).id, event(accepted, Vec::new()).id.order() + 1);
        assert!(!writer.leases.lock().contains(place.order()), "what was refused is not leased");

        writer.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        let events = vec![event(accepted, targets)];
        let committed = writer.commit(&Batch { events, ..Batch::default() }).unwrap();
        assert_eq!(committed.verdicts, [Verdict::Accepted]);
        assert!(writer.leases.lock().contains(place.order()));
    }

    #[test]
    fn a_kept_statement_is_prepared_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(directory.path());
        let subscription = subscription(&mut writer);
        let targets = vec![Target { subscription, leased: false }; 3];
        writer.commit(&Batch { events: vec![event(1, targets)], ..Batch::default() }).unwrap();
        let order = ClaimOrder::Due;
        let claim = Claim { subscription, due_before: NOW, limit: 1, bytes_max: usize::MAX, order };
        for _ in 0..3 {
            assert_eq!(writer.claim(&claim).unwrap().deliveries.len(), 1);
        }
        let statement = writer.connection.prepare_cached(crate::claim::LOAD).unwrap();
        let count = |status| statement.get_status(status);
        assert_eq!((count(StatementStatus::Run), count(StatementStatus::RePrepare)), (3, 0));
    }

    #[test]
    fn a_deletion_is_finished_in_chunks() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(directory.path());
        let subscription = subscription(&mut writer);
        let waiting = 3 * limits::CANCEL_CHUNK / 2;
        let targets = vec![Target { subscription, leased: false }; waiting];
        writer.commit(&Batch { events: vec![event(1, targets)], ..Batch::default() }).unwrap();
        assert!(writer.delete_subscription(Scope(1), SubscriptionId::from_parts(7, 7), NOW).unwrap());
        let pending = |writer: &Writer| rows(writer, "delivery WHERE state = 0");
        assert_eq!(pending(&writer), waiting as i64);
        writer.cancel_chunk().unwrap();
        assert_eq!(pending(&writer), (waiting - limits::CANCEL_CHUNK) as i64);
        drop(writer);

        let mut writer = self::writer(directory.path());
        assert_eq!(writer.cancelling, [subscription]);
        writer.cancel_chunk().unwrap();
        assert_eq!((pending(&writer), writer.cancelling.len()), (0, 0));
        assert_eq!(rows(&writer, "delivery WHERE state = 5 AND finished_at = 1800000000000"), waiting as i64);
        drop(writer);
        assert!(self::writer(directory.path()).cancelling.is_empty());
    }

    #[test]
    fn expiring_looks_at_what_was_deleted_in_chunks() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(directory.path());
        let subscription = subscription(&mut writer);
        let waiting = 3 * limits::CANCEL_CHUNK / 2;
        let mut event = event(1, vec![Target { subscription, leased: false }; waiting]);
        let over = NOW.saturating_add(std::time::Duration::from_secs(1));
        event.window.expires_at = Some(over);
        writer.commit(&Batch { events: vec![event], ..Batch::default() }).unwrap();
        writer.delete_subscription(Scope(1), SubscriptionId::from_parts(7, 7), NOW).unwrap();
        let pending = |writer: &Writer| rows(writer, "delivery WHERE state = 0");
        let first = writer.expire(over, 10).unwrap();
        assert_eq!((first.ended, first.next), (0, Some(over)), "the rest is for the next call");
        assert_eq!(pending(&writer), (waiting - limits::CANCEL_CHUNK) as i64);
        let second = writer.expire(over, 10).unwrap();
        assert_eq!((second.ended, second.next, pending(&writer)), (0, None, 0));
        assert_eq!(rows(&writer, "delivery WHERE state = 5 AND finished_at = 1800000000000"), waiting as i64);
    }

    #[test]
    fn destroyed_secrets_are_in_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = writer(directory.path());
        subscription(&mut writer);
        let secret = hookseal::Secret::new("whsec_to_be_found_nowhere");
        let mut settings = SubscriptionSettings::new("https://example.com/", "stripe");
        settings.tls.client =
            Some(hookseal_engine::ClientIdentity { certificate: "public".to_owned(), key: secret.clone() });
        let id = SubscriptionId::from_parts(7, 7);
        let mut change = hookseal_engine::ports::store::SubscriptionChange::of(Scope(1), id, NOW);
        change.secrets = Some(vec![hookseal_engine::SubscriptionSecret::new(secret, NOW)]);
        change.settings = Some(settings);
        writer.change_subscription(&change).unwrap();
        let found = || {
            let files =
                std::fs::read_dir(directory.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()));
            let holds =
                |bytes: Vec<u8>| bytes.windows(25).any(|window| window == b"whsec_to_be_found_nowhere");
            files.map(Result::unwrap).any(holds)
        };
        assert!(found(), "it is there before");
        writer.delete_subscription(Scope(1), id, NOW).unwrap();
        while writer.has_background_work() {
            writer.do_background_work();
        }
        assert!(!found());
    }
}
