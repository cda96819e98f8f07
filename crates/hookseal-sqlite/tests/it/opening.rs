//! Files that are not as they should be, and a store that is in use.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use hookseal_engine::ports::{Store, store::Batch};
use hookseal_sqlite::{OpenError, OpenOptions, SqliteStore};
use rusqlite::Connection;

use crate::{events::event, open};

fn refused(directory: &Path) -> OpenError {
    SqliteStore::open(&OpenOptions::new(directory)).expect_err("the store does not open")
}

/// A directory with a store that was closed.
async fn closed_store() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = open(directory.path());
    store.close().await;
    directory
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let first = open(directory.path());
    let error = refused(directory.path());
    assert!(matches!(&error, OpenError::InUse { path } if path == directory.path()), "{error:?}");
    first.close().await;
    drop(open(directory.path()));
    drop(open(directory.path()));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = closed_store().await;
    let file = directory.path().join("hookseal.db");
    fs::write(&file, "this is not a database, but it is long enough to be one. ".repeat(100))
        .expect("it is written");
    let error = refused(directory.path());
    assert!(matches!(&error, OpenError::Damaged { path, .. } if *path == file), "{error:?}");
    assert!(error.to_string().contains("put a backup in their place"), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_refused() {
    let directory = closed_store().await;
    let file = directory.path().join("hookseal.db");
    let mut bytes = fs::read(&file).expect("the file is read");
    bytes[4096..8192].fill(0xa5);
    fs::write(&file, bytes).expect("it is written");
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let directory = closed_store().await;
    let file = directory.path().join("hookseal.db");
    let bytes = fs::read(&file).expect("the file is read");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("it is written");
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_later_schema_is_refused_and_left_as_it_is() {
    let directory = closed_store().await;
    let file = directory.path().join("hookseal.db");
    let version = |set: Option<u32>| {
        let connection = Connection::open(&file).expect("the file opens");
        if let Some(version) = set {
            connection.pragma_update(None, "user_version", version).expect("the version is set");
        }
        connection
            .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
            .expect("the version is read")
    };
    let known = version(None);
    version(Some(known + 1));
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::NewerSchema { found, known: k, .. } if found == k + 1), "{error:?}");
    assert_eq!(version(None), known + 1);
    version(Some(known));
    drop(open(directory.path()));
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let connection = Connection::open(directory.path().join("hookseal.db")).expect("the file opens");
    connection.execute_batch("CREATE TABLE theirs (a); PRAGMA user_version = 1").expect("a table is made");
    drop(connection);
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_refused() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("it is written");
    let error = refused(&file.join("data"));
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_stored_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().expect("there is room for a directory");
    let directory = parent.path().join("deep/data");
    let store = open(&directory);
    store.check().await.expect("the store can be written to");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in ["hookseal.db", "hookseal.db-wal", "lock"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    use hookseal_engine::{Scope, SubscriptionId, ports::store::StoreError};
    let directory = closed_store().await;
    let connection = Connection::open(directory.path().join("hookseal.db")).expect("the file opens");
    connection
        .execute(
            "INSERT INTO subscription (key, id, scope, endpoint_url, profile, headers, status, created_at, updated_at) \
             VALUES (77, ?1, 1, '', '', 'not JSON', 1, 0, 0)",
            [SubscriptionId::from_parts(1, 1).as_uuid().as_bytes()],
        )
        .expect("a row is written");
    drop(connection);
    let store = open(directory.path());
    let error =
        store.subscription(Scope(1), SubscriptionId::from_parts(1, 1)).await.expect_err("it cannot be read");
    match error {
        StoreError::Corrupt { table: "subscription", column: "headers", row } => assert_eq!(row, "77"),
        other => panic!("{other:?}"),
    }
}

/// Whatever byte of the header is wrong: the store is refused with words on what to do, or has everything it had.
#[tokio::test]
async fn a_header_with_a_wrong_byte_is_refused_or_harmless() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = open(directory.path());
    let kept = event(1, &[]);
    let batch = Batch { events: vec![kept.clone()], ..Batch::default() };
    store.commit(batch).await.expect("an event is stored");
    store.close().await;
    let file = directory.path().join("hookseal.db");
    let whole = fs::read(&file).expect("the file is read");
    for (place, mask) in (0..100).flat_map(|place| [(place, 0x01), (place, 0x80), (place, 0xff)]) {
        let damaged = tempfile::tempdir().expect("there is room for a directory");
        let mut bytes = whole.clone();
        bytes[place] ^= mask;
        fs::write(damaged.path().join("hookseal.db"), &bytes).expect("it is written");
        let mut options = OpenOptions::new(damaged.path());
        options.sync = false;
        match SqliteStore::open(&options) {
            Ok(store) => {
                let found = store.event(kept.scope, kept.id).await.expect("it is read");
                assert!(found.is_some(), "byte {place} ^ {mask:#x}: it opened, and the event is gone");
                store.close().await;
            }
            Err(OpenError::Damaged { .. } | OpenError::Foreign { .. } | OpenError::NewerSchema { .. }) => {
                let left = fs::read(damaged.path().join("hookseal.db")).expect("the file is read");
                assert!(left == bytes, "byte {place} ^ {mask:#x}: it was refused, and changed");
            }
            Err(error) => panic!("byte {place} ^ {mask:#x}: {error:?}"),
        }
    }
}

/// A page that was overwritten, wherever it is.
#[tokio::test]
async fn any_page_that_was_overwritten_is_refused() {
    let directory = closed_store().await;
    let file = directory.path().join("hookseal.db");
    let whole = fs::read(&file).expect("the file is read");
    assert!(whole.len() > 4 * 4096);
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(&file, bytes).expect("it is written");
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "page {page}: {error:?}");
    }
}
