//! API keys: only their hashes are here.

use hookseal_engine::{
    KeyId, Scope,
    ports::store::{ApiKey, StoreError},
};
use rusqlite::{Connection, params};

use crate::{
    errors::{Cells, Doing},
    rows::{time, uuid},
    writer::Writer,
};

impl Writer {
    /// Stores a key. The same call again changes nothing.
    pub(crate) fn add_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let inserted = self.transaction(|connection| {
            let mut statement = connection
                .prepare_cached(
                    "INSERT INTO api_key (id, hash, scope, operator, name, created_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                )
                .doing("store a key")?;
            let (id, created_at) = (key.id.as_uuid(), key.created_at.as_unix_millis());
            statement
                .execute(params![id.as_bytes(), key.hash, key.scope.0, key.operator, key.name, created_at])
                .doing("store a key")
        })?;
        if inserted == 0 && !all(&self.connection)?.contains(key) {
            return Err(StoreError::Conflict { what: "the key, or its id, is there already" });
        }
        Ok(())
    }
}

/// All keys, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<ApiKey>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, hash, scope, operator, name, created_at FROM api_key ORDER BY id")
        .doing("read keys")?;
    let mut rows = statement.query([]).doing("read keys")?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().doing("read keys")? {
        let cells = Cells::of(row, "api_key", keys.len() as i64);
        keys.push(ApiKey {
            id: KeyId::from_uuid(cells.decode(0, "id", uuid)?),
            hash: cells.value(1, "hash")?,
            scope: Scope(cells.value(2, "scope")?),
            operator: cells.value(3, "operator")?,
            name: cells.value(4, "name")?,
            created_at: time(cells.value(5, "created_at")?),
        });
    }
    Ok(keys)
}
