//! A guard against replays for receivers (feature `replay`), in a database of its own.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_tower::{Claim, ClaimId, GuardError, ReplayGuard, ReplayKey};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    limits,
    open::{OpenError, create_for_owner, failed, sync_directory},
};

/// Step `n` leads from version `n` to `n + 1`. What was released is never changed; a change is a further step.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/replay/0001_initial.sql")];
const VERSION: u32 = MIGRATIONS.len() as u32;
/// What marks a database as a guard's: "HkRp".
const APPLICATION_ID: i32 = 0x486b_5270;

/// Remembers deliveries in an SQLite database, across restarts and for every process of the machine that opens it.
///
/// Each call is on disk when it returns; calls that come together share a transaction and a sync. A claim whose process
/// stopped lapses when its lease ends. What has expired is cleared away by the claims that come after it. The size is
/// bounded; where the bound is reached, further claims fail with [`GuardError::Full`] until something expires.
///
/// ```no_run
/// use hookseal::{Profile, Secret};
/// use hookseal_sqlite::SqliteGuard;
/// use hookseal_tower::Receiver;
///
/// let guard = SqliteGuard::open("replay.db")?;
/// let profile = Profile::builtin("standard-webhooks").expect("built in");
/// let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
/// let receiver = Receiver::builder(profile).secret(secret).replay(guard).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteGuard {
    calls: mpsc::Sender<Box<dyn Call>>,
    file: PathBuf,
    pages_max: u64,
}

/// Something that the thread is asked to do.
trait Call: Send {
    /// Does it, as a part of a transaction.
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error>;

    /// Answers whoever asked, once the transaction is on disk, or failed.
    fn answer(self: Box<Self>, failed: Option<&Arc<rusqlite::Error>>);
}

struct Asked<T, W> {
    work: W,
    outcome: Option<Result<T, GuardError>>,
    answer: oneshot::Sender<Result<T, GuardError>>,
}

impl SqliteGuard {
    /// Opens the database, and makes it where it is not there, for its owner alone. Other processes may have it open.
    /// It takes up [`GUARD_BYTES_DEFAULT`](limits::GUARD_BYTES_DEFAULT) at most.
    ///
    /// # Errors
    /// [`OpenError`] where the file cannot be written to, is damaged, of a later version, or another program's.
    pub fn open(file: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_bounded(file, limits::GUARD_BYTES_DEFAULT)
    }

    /// As [`open`](Self::open), with about `bytes_max` bytes at most: some 130 for each delivery that is remembered.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_bounded(file: impl Into<PathBuf>, bytes_max: u64) -> Result<Self, OpenError> {
        let file = file.into();
        let connection = open(&file)?;
        let (calls, queue) = mpsc::channel(limits::COMMANDS_MAX);
        let thread = std::thread::Builder::new().name("hookseal-replay".to_owned());
        thread.spawn(move || work(connection, queue)).map_err(OpenError::Thread)?;
        Ok(Self { calls, file, pages_max: bytes_max / limits::GUARD_PAGE_BYTES })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Has the thread do `work`, and returns what came of it when it is on disk.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl Fn(&Transaction<'_>) -> Result<Result<T, GuardError>, rusqlite::Error> + Send + 'static,
    ) -> Result<T, GuardError> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Asked { work, outcome: None, answer });
        self.calls.send(call).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

#[async_trait]
impl ReplayGuard for SqliteGuard {
    async fn claim(&self, key: ReplayKey, now: Timestamp, lease_end: Timestamp) -> Result<Claim, GuardError> {
        let pages_max = self.pages_max;
        self.ask(move |transaction| {
            let full = pages_used(transaction)? >= pages_max;
            sweep(
                transaction,
                now,
                if full { limits::GUARD_SWEPT_WHEN_FULL } else { limits::GUARD_SWEPT_AT_ONCE },
            )?;
            match standing(transaction, key, now)? {
                Some(claim) => Ok(Ok(claim)),
                // What was swept stays so, and makes room for those that come later.
                None if full => Ok(Err(GuardError::Full)),
                None => take(transaction, key, lease_end).map(Ok),
            }
        })
        .await
    }

    async fn confirm(&self, key: ReplayKey, claim: ClaimId, keep_until: Timestamp) -> Result<(), GuardError> {
        self.ask(move |transaction| {
            let sql = "UPDATE replay SET done = 1, until = ?3 WHERE key = ?1 AND claim = ?2 AND done = 0";
            let mut statement = transaction.prepare_cached(sql)?;
            let changed = statement.execute(params![key.as_bytes(), claim.0, keep_until.as_unix_millis()])?;
            Ok(if changed == 1 { Ok(()) } else { Err(GuardError::Lapsed) })
        })
        .await
    }

    async fn release(&self, key: ReplayKey, claim: ClaimId) -> Result<(), GuardError> {
        self.ask(move |transaction| {
            let sql = "DELETE FROM replay WHERE key = ?1 AND claim = ?2 AND done = 0";
            transaction.prepare_cached(sql)?.execute(params![key.as_bytes(), claim.0])?;
            Ok(Ok(()))
        })
        .await
    }
}

impl fmt::Debug for SqliteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteGuard").field("file", &self.file).finish_non_exhaustive()
    }
}

fn open(file: &Path) -> Result<Connection, OpenError> {
    let not_writable = |source| OpenError::NotWritable { path: file.to_owned(), source };
    create_for_owner(file).map_err(not_writable)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(file, flags).map_err(|source| failed(file, "open", source))?;
    configure(&connection).map_err(|source| failed(file, "configure", source))?;
    migrate(file, &mut connection)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_directory(folder.unwrap_or(Path::new("."))).map_err(not_writable)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(limits::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "page_size", limits::GUARD_PAGE_BYTES.cast_signed())?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", -limits::READER_CACHE_KIB)
}

/// Brings the schema up to date, in one transaction, since another process may be doing the same.
fn migrate(file: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let fail = |source| failed(file, "migrate", source);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let pragma =
        |name: &str| transaction.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let (application, version) =
        (pragma("application_id").map_err(fail)?, pragma("user_version").map_err(fail)?.cast_unsigned());
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fail)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: file.to_owned() });
    }
    if version > VERSION {
        return Err(OpenError::NewerSchema { path: file.to_owned(), found: version, known: VERSION });
    }
    for sql in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(sql).map_err(fail)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(fail)?;
    transaction.commit().map_err(fail)
}

/// Does calls while there are any, those that wait together in one transaction. Ends when the last guard is gone.
fn work(mut connection: Connection, mut queue: mpsc::Receiver<Box<dyn Call>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut calls = vec![first];
        while calls.len() < limits::GUARD_CALLS_PER_COMMIT
            && let Ok(call) = queue.try_recv()
        {
            calls.push(call);
        }
        let failed = commit(&mut connection, &mut calls).err().map(Arc::new);
        calls.into_iter().for_each(|call| call.answer(failed.as_ref()));
    }
}

/// Does calls in one transaction. When one of them fails, nothing was done.
fn commit(connection: &mut Connection, calls: &mut [Box<dyn Call>]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    calls.iter_mut().try_for_each(|call| call.run(&transaction))?;
    transaction.commit()
}

/// Clears expired rows away, the first to expire first.
fn sweep(transaction: &Transaction<'_>, now: Timestamp, rows_max: u32) -> Result<(), rusqlite::Error> {
    let sql = "DELETE FROM replay WHERE claim IN (SELECT claim FROM replay WHERE until <= ?1 ORDER BY until LIMIT ?2)";
    transaction.prepare_cached(sql)?.execute(params![now.as_unix_millis(), rows_max])?;
    Ok(())
}

/// How a key stands, if anybody has it.
fn standing(
    transaction: &Transaction<'_>,
    key: ReplayKey,
    now: Timestamp,
) -> Result<Option<Claim>, rusqlite::Error> {
    let mut statement =
        transaction.prepare_cached("SELECT done FROM replay WHERE key = ?1 AND until > ?2")?;
    let done =
        statement.query_row(params![key.as_bytes(), now.as_unix_millis()], |row| row.get(0)).optional()?;
    Ok(done.map(|done: bool| if done { Claim::Done } else { Claim::InProgress }))
}

/// Takes a key that nobody has any more.
fn take(
    transaction: &Transaction<'_>,
    key: ReplayKey,
    lease_end: Timestamp,
) -> Result<Claim, rusqlite::Error> {
    transaction.prepare_cached("DELETE FROM replay WHERE key = ?1")?.execute(params![key.as_bytes()])?;
    let sql = "INSERT INTO replay (key, done, until) VALUES (?1, 0, ?2)";
    transaction.prepare_cached(sql)?.execute(params![key.as_bytes(), lease_end.as_unix_millis()])?;
    Ok(Claim::Taken(ClaimId(transaction.last_insert_rowid())))
}

/// Pages of the database that hold something.
fn pages_used(transaction: &Transaction<'_>) -> Result<u64, rusqlite::Error> {
    let pragma = |sql: &str| transaction.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    Ok((pragma("PRAGMA page_count")? - pragma("PRAGMA freelist_count")?).unsigned_abs())
}

impl<T, W> Call for Asked<T, W>
where
    T: Send,
    W: Fn(&Transaction<'_>) -> Result<Result<T, GuardError>, rusqlite::Error> + Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        self.outcome = Some((self.work)(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failed: Option<&Arc<rusqlite::Error>>) {
        let outcome = match failed {
            Some(error) => Err(guard_error(error)),
            None => self.outcome.unwrap_or_else(|| Err(stopped())),
        };
        // Whoever asked may have stopped waiting; what was done stays done.
        drop(self.answer.send(outcome));
    }
}

fn guard_error(error: &Arc<rusqlite::Error>) -> GuardError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => GuardError::Full,
        _ => GuardError::Unavailable(Box::new(Arc::clone(error))),
    }
}

/// The guard's thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the guard's thread has ended")]
struct Stopped;

fn stopped() -> GuardError {
    GuardError::Unavailable(Box::new(Stopped))
}
