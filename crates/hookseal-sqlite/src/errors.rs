//! What SQLite reports, as the four things that a caller acts on.

use hookseal_engine::ports::store::StoreError;
use rusqlite::{Error, ErrorCode, Row, types::FromSql};

/// An error of a statement that was to do `what`.
pub(crate) fn store_error(what: &'static str, error: Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        return StoreError::Bug { what: what.to_owned(), source: Some(Box::new(error)) };
    };
    match code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Corrupt { table: "sqlite_schema", column: "file", row: error.to_string() }
        }
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted
        | ErrorCode::OutOfMemory
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly => StoreError::Unavailable { what, source: Some(Box::new(error)) },
        _ => StoreError::Bug { what: what.to_owned(), source: Some(Box::new(error)) },
    }
}

/// The store does not take calls any more.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable { what: "the store is closed", source: None }
}

/// Used wrongly.
pub(crate) fn bug(what: impl Into<String>) -> StoreError {
    StoreError::Bug { what: what.into(), source: None }
}

/// Says what a statement was for when it fails.
pub(crate) trait Doing<T> {
    /// The value, or the error of doing `what`.
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| store_error(what, error))
    }
}

/// A row of a table that is being read; it names the cell that cannot be.
pub(crate) struct Cells<'row> {
    row: &'row Row<'row>,
    table: &'static str,
    key: i64,
}

impl<'row> Cells<'row> {
    /// A row of `table`, called `key` in an error.
    pub(crate) fn of(row: &'row Row<'row>, table: &'static str, key: i64) -> Self {
        Self { row, table, key }
    }

    /// The value at `index`, which is that of `column`.
    pub(crate) fn value<T: FromSql>(&self, index: usize, column: &'static str) -> Result<T, StoreError> {
        self.row.get(index).map_err(|_| self.corrupt(column))
    }

    /// The value at `index`, read by `decode`; what it does not know is damage.
    pub(crate) fn decode<T: FromSql, U>(
        &self,
        index: usize,
        column: &'static str,
        decode: impl FnOnce(T) -> Option<U>,
    ) -> Result<U, StoreError> {
        decode(self.value(index, column)?).ok_or_else(|| self.corrupt(column))
    }

    /// As [`Cells::decode`], of a value that may be missing.
    pub(crate) fn decode_option<T: FromSql, U>(
        &self,
        index: usize,
        column: &'static str,
        decode: impl FnOnce(T) -> Option<U>,
    ) -> Result<Option<U>, StoreError> {
        match self.value::<Option<T>>(index, column)? {
            Some(value) => decode(value).map(Some).ok_or_else(|| self.corrupt(column)),
            None => Ok(None),
        }
    }

    /// The error that says that `column` cannot be read.
    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, row: self.key.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn code(code: i32) -> StoreError {
        store_error("write", Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn what_may_pass_is_unavailable_and_damage_is_not() {
        for passing in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED] {
            assert!(matches!(code(passing), StoreError::Unavailable { .. }), "{passing}");
        }
        for damage in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(code(damage), StoreError::Corrupt { .. }), "{damage}");
        }
        assert!(matches!(code(ffi::SQLITE_CONSTRAINT_CHECK), StoreError::Bug { .. }));
        assert!(matches!(store_error("read", Error::InvalidQuery), StoreError::Bug { .. }));
    }
}
