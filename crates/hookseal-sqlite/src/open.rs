//! Opening the store: the directory, the lock, the file, its schema, and the connections.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::{
    limits,
    schema::{self, Identity},
};

/// Where the store is, and how careful it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The data directory. It is made where it is not there, for its owner alone.
    pub directory: PathBuf,
    /// Whether every commit reaches the disk before it is acknowledged. Without it a machine that stops may lose
    /// the last commits; it is there to be measured against.
    pub sync: bool,
}

impl OpenOptions {
    /// The store in this directory, each commit on disk before it is acknowledged.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), sync: true }
    }
}

/// Why the store was not opened, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be made or written to.
    #[error("cannot write to the data directory {}; give it to the user that runs this, or choose another", path.display())]
    NotWritable {
        /// The directory, or the file in it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has the store open.
    #[error("the data directory {} is in use by another process; stop that one, or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the database {} is damaged ({detail}); move it and its -wal file away and put a backup in their place", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The file was written by a later version of this program.
    #[error("the database {} has schema {found}, and this program knows {known} at most; start the newer program that wrote it", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The latest version that is known here.
        known: u32,
    },
    /// The file belongs to another program.
    #[error("the database {} belongs to another program; choose another directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite could not do it, for a reason that may pass.
    #[error("cannot {step} the database {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        step: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a thread for the store")]
    Thread(#[source] io::Error),
    /// What is stored could not be read.
    #[error("cannot read the store")]
    Read(#[source] hookseal_engine::ports::store::StoreError),
}

/// An open database: the lock on its directory and where it is.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) writer: Connection,
    pub(crate) file: PathBuf,
    /// Held for as long as the store is open; the system lets go of it when the process ends, however it ends.
    pub(crate) lock: File,
}

/// Opens the database, and brings its schema up to date.
pub(crate) fn open(options: &OpenOptions) -> Result<Opened, OpenError> {
    let directory = &options.directory;
    make_directory(directory)?;
    let lock = lock(directory)?;
    let file = directory.join("hookseal.db");
    create_for_owner(&file).map_err(|source| OpenError::NotWritable { path: file.clone(), source })?;
    let mut writer = Connection::open_with_flags(&file, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))
        .map_err(|source| failed(&file, "open", source))?;
    let identity = inspect(&file, &writer)?;
    configure_writer(&writer, options.sync).map_err(|source| failed(&file, "configure", source))?;
    schema::migrate(&mut writer, identity.version).map_err(|source| failed(&file, "migrate", source))?;
    sync_directory(directory).map_err(|source| OpenError::NotWritable { path: directory.clone(), source })?;
    Ok(Opened { writer, file, lock })
}

/// A further connection, that only reads.
pub(crate) fn reader(file: &Path) -> Result<Connection, OpenError> {
    let connect = || {
        let reader = Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        configure(&reader, limits::READER_CACHE_KIB)?;
        Ok(reader)
    };
    connect().map_err(|source| failed(file, "read", source))
}

/// A further connection, that copies the log into the database.
pub(crate) fn checkpointer(file: &Path, sync: bool) -> Result<Connection, OpenError> {
    let connect = || {
        let connection = Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        configure(&connection, limits::CHECKPOINT_CACHE_KIB)?;
        connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "OFF" })?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(connection)
    };
    connect().map_err(|source| failed(file, "open", source))
}

fn make_directory(directory: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| OpenError::NotWritable { path: directory.to_owned(), source })
}

/// Takes the lock that says that one process, and only one, has the store open.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let file =
        create_for_owner(&path).map_err(|source| OpenError::NotWritable { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::NotWritable { path, source }),
    }
}

/// Opens a file for writing and makes it where it is not there, readable by its owner alone: it will hold secrets.
/// SQLite gives its log the same permissions.
pub(crate) fn create_for_owner(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes the names of new files as durable as what is in them.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Refuses a file that is damaged, of a later version, or another program's.
fn inspect(file: &Path, connection: &Connection) -> Result<Identity, OpenError> {
    let path = || file.to_owned();
    let identity = schema::identity(connection).map_err(|source| failed(file, "read", source))?;
    let Identity { application, version, empty } = identity;
    if !empty && application != schema::APPLICATION_ID {
        return Err(OpenError::Foreign { path: path() });
    }
    if version > schema::VERSION {
        return Err(OpenError::NewerSchema { path: path(), found: version, known: schema::VERSION });
    }
    let bytes = fs::metadata(file).map_err(|source| OpenError::NotWritable { path: path(), source })?.len();
    if bytes <= limits::CHECKED_WHOLE_BYTES_MAX {
        let found: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|source| failed(file, "check", source))?;
        if found != "ok" {
            return Err(OpenError::Damaged { path: path(), detail: found });
        }
    }
    Ok(identity)
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn configure(connection: &Connection, cache_kib: i64) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(limits::BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(limits::STATEMENTS_MAX);
    // Without this promise SQLite prepares a kept statement anew whenever a parameter changes that its plan might
    // depend on: reading a delivery back was mostly that.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", "OFF")
}

fn configure_writer(connection: &Connection, sync: bool) -> Result<(), rusqlite::Error> {
    configure(connection, limits::WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "OFF" })?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", limits::LOG_BYTES_KEPT.cast_signed())
}

/// What SQLite's error means for whoever starts the server.
pub(crate) fn failed(file: &Path, step: &'static str, source: rusqlite::Error) -> OpenError {
    let path = file.to_owned();
    match source.sqlite_error_code() {
        // No code: a value was not of its type. Unknown: a statement of ours made no sense to SQLite. Either met a header
        // or a schema that is not the one it was written for.
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
            OpenError::Damaged { path, detail: source.to_string() }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            OpenError::NotWritable { path, source: io::Error::other(source) }
        }
        _ => OpenError::Failed { path, step, source },
    }
}
