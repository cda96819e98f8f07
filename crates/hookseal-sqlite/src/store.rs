//! The store: calls go to the writer's thread, or to a connection that reads beside it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, DeliveryId, DeliveryRecord, DeliveryRef, EventId, EventRecord, ReplayId, ReplayRecord,
    ReplayState, Scope, Subscription, SubscriptionId,
    ports::store::{
        Advanced, ApiKey, Batch, Cancelled, Claim, Claimed, Committed, DeliveryFilter, EventFilter, Expired,
        Found, NewReplay, NewSubscription, Page, PruneStep, Pruned, Recovered, ReplayStep, Retried, Store,
        StoreError, SubscriptionChange,
    },
};
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::{
    errors::closed,
    keys,
    leases::Leases,
    limits,
    open::{self, OpenError, OpenOptions, Opened},
    read::{Readers, attempts, deliveries, events, replays, subscriptions},
    writer::{self, Writer, WriterHandle},
};

/// The embedded store: one SQLite database in a directory, open in one process at a time.
///
/// Dropping it without [`Store::close`] loses nothing; it finishes what it was asked to do, and blocks until then.
///
/// ```
/// use hookseal::Timestamp;
/// use hookseal_engine::ports::Store;
/// use hookseal_sqlite::{OpenOptions, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let parent = tempfile::tempdir()?;
/// # let directory = parent.path().join("hookseal-data");
/// let store = SqliteStore::open(&OpenOptions::new(directory))?;
/// let recovered = store.recover(Timestamp::from_unix_seconds(1_800_000_000)).await?;
/// assert_eq!(recovered.resumed, 0);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    /// `None` once the store is being dropped.
    writer: Option<WriterHandle>,
    readers: Arc<Readers>,
    thread: Mutex<Option<JoinHandle<()>>>,
    file: PathBuf,
}

impl SqliteStore {
    /// Opens the store, and makes it where it is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose text says what to do.
    pub fn open(options: &OpenOptions) -> Result<Self, OpenError> {
        let Opened { writer, file, lock } = open::open(options)?;
        let leases = Arc::new(Mutex::new(Leases::default()));
        let writer = Writer::start(writer, lock, Arc::clone(&leases)).map_err(OpenError::Read)?;
        let readers = (0..limits::READERS_MAX).map(|_| open::reader(&file)).collect::<Result<_, _>>()?;
        let checkpoints = open::checkpointer(&file, options.sync)?;
        let (writer, thread) = writer::spawn(writer, checkpoints).map_err(OpenError::Thread)?;
        Ok(Self {
            writer: Some(writer),
            readers: Arc::new(Readers::new(readers, leases)),
            thread: Mutex::new(Some(thread)),
            file,
        })
    }

    /// The database's file; beside it, with the same name and `-wal` behind it, lies its log.
    pub fn file(&self) -> &Path {
        &self.file
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.writer {
            Some(writer) => writer.run(work).await,
            None => Err(closed()),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Mutex<Leases>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(work).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        drop(self.writer.take());
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.write(move |writer| writer.commit(&batch)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.write(move |writer| writer.claim(&claim)).await
    }

    async fn release(&self, deliveries: Vec<DeliveryRef>) -> Result<(), StoreError> {
        self.write(move |writer| writer.release(&deliveries)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Recovered, StoreError> {
        self.write(move |writer| writer.recover(now)).await
    }

    async fn create_subscription(&self, new: NewSubscription) -> Result<Subscription, StoreError> {
        self.write(move |writer| writer.create_subscription(new)).await
    }

    async fn change_subscription(
        &self,
        change: SubscriptionChange,
    ) -> Result<Option<Subscription>, StoreError> {
        self.write(move |writer| writer.change_subscription(&change)).await
    }

    async fn delete_subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |writer| writer.delete_subscription(scope, id, now)).await
    }

    async fn subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        self.read(move |connection, _| subscriptions::by_id(connection, scope, id)).await
    }

    async fn subscriptions(
        &self,
        scope: Scope,
        page: Page<SubscriptionId>,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.read(move |connection, _| subscriptions::page(connection, scope, page)).await
    }

    async fn all_subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        self.read(|connection, _| subscriptions::all(connection)).await
    }

    async fn event(&self, scope: Scope, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        self.read(move |connection, _| events::event(connection, scope, id)).await
    }

    async fn events(
        &self,
        scope: Scope,
        filter: EventFilter,
        page: Page<EventId>,
    ) -> Result<Found<EventRecord, EventId>, StoreError> {
        self.read(move |connection, _| events::search(connection, scope, &filter, page)).await
    }

    async fn event_deliveries(
        &self,
        scope: Scope,
        id: EventId,
    ) -> Result<Option<Vec<DeliveryRecord>>, StoreError> {
        self.read(move |connection, leases| deliveries::of_event(connection, leases, scope, id)).await
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        self.read(move |connection, leases| deliveries::delivery(connection, leases, scope, id)).await
    }

    async fn deliveries(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Found<DeliveryRecord, DeliveryId>, StoreError> {
        self.read(move |connection, leases| deliveries::search(connection, leases, scope, &filter, page))
            .await
    }

    async fn attempts(&self, scope: Scope, id: DeliveryId) -> Result<Option<Vec<AttemptRecord>>, StoreError> {
        self.read(move |connection, _| attempts::of_delivery(connection, scope, id)).await
    }

    async fn retry(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Retried, StoreError> {
        self.write(move |writer| writer.retry(scope, id, now)).await
    }

    async fn cancel(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Cancelled, StoreError> {
        self.write(move |writer| writer.cancel(scope, id, now)).await
    }

    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreError> {
        self.write(move |writer| writer.expire(now, limit)).await
    }

    async fn create_replay(&self, new: NewReplay) -> Result<Option<ReplayRecord>, StoreError> {
        self.write(move |writer| writer.create_replay(&new)).await
    }

    async fn advance_replay(&self, step: ReplayStep) -> Result<Option<Advanced>, StoreError> {
        self.write(move |writer| writer.advance_replay(&step)).await
    }

    async fn end_replay(
        &self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: Timestamp,
    ) -> Result<Option<(ReplayRecord, bool)>, StoreError> {
        self.write(move |writer| writer.end_replay(scope, id, state, now)).await
    }

    async fn replay(&self, scope: Scope, id: ReplayId) -> Result<Option<ReplayRecord>, StoreError> {
        self.read(move |connection, _| replays::by_id(connection, scope, id)).await
    }

    async fn replays(
        &self,
        scope: Scope,
        subscription: SubscriptionId,
        page: Page<ReplayId>,
    ) -> Result<Vec<ReplayRecord>, StoreError> {
        self.read(move |connection, _| replays::page(connection, scope, subscription, page)).await
    }

    async fn running_replays(&self) -> Result<Vec<ReplayRecord>, StoreError> {
        self.read(|connection, _| replays::all_running(connection)).await
    }

    async fn prune(&self, step: PruneStep) -> Result<Pruned, StoreError> {
        self.write(move |writer| writer.prune(&step)).await
    }

    async fn add_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.write(move |writer| writer.add_key(&key)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(|connection, _| keys::all(connection)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.write(Writer::check).await
    }

    async fn close(&self) {
        self.readers.close().await;
        let closing = self.write(|writer| {
            writer.close();
            Ok(())
        });
        // An error says that it was closed before.
        drop(closing.await);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}
