//! Rows as they are read: a delivery's, and small values that several tables share.

use std::time::Duration;

use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryState, FailureKind, Phases, SubscriptionKey, Trigger,
    ports::store::StoreError,
};
use rusqlite::{Connection, Row, params};

use uuid::Uuid;

use crate::errors::{Cells, Doing};

/// The columns that [`DeliveryRow::read`] reads, of a table that is called `d`.
macro_rules! delivery_columns {
    () => {
        "d.ord, d.event, d.state, d.attempts, d.cause, d.due, d.finished_at, d.status, d.failure, d.duration_ms"
    };
}
pub(crate) use delivery_columns;

/// A delivery's row.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    pub(crate) order: u64,
    /// The order of its event.
    pub(crate) event: u64,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: u32,
    pub(crate) cause: Trigger,
    pub(crate) due: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) status: Option<u16>,
    pub(crate) failure: Option<FailureKind>,
    pub(crate) duration_ms: Option<u32>,
}

impl DeliveryRow {
    /// The row of one delivery.
    pub(crate) fn find(
        connection: &Connection,
        SubscriptionKey(key): SubscriptionKey,
        order: u64,
    ) -> Result<Option<Self>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM delivery AS d WHERE d.subscription = ?1 AND d.ord = ?2"
        );
        let mut statement = connection.prepare_cached(SQL).doing("read a delivery")?;
        let mut rows = statement.query(params![key, order.cast_signed()]).doing("read a delivery")?;
        rows.next().doing("read a delivery")?.map(Self::read).transpose()
    }

    /// Reads a row whose first columns are those of `delivery_columns!`.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let order: i64 = row.get(0).doing("read a delivery")?;
        let cells = Cells::of(row, "delivery", order);
        Ok(Self {
            order: order.cast_unsigned(),
            event: cells.value::<i64>(1, "event")?.cast_unsigned(),
            state: cells.decode(2, "state", DeliveryState::from_code)?,
            attempts: cells.value(3, "attempts")?,
            cause: cells.decode(4, "cause", Trigger::from_code)?,
            due: cells.value::<Option<i64>>(5, "due")?.map(time),
            finished_at: cells.value::<Option<i64>>(6, "finished_at")?.map(time),
            status: cells.value(7, "status")?,
            failure: cells.decode_option(8, "failure", FailureKind::from_code)?,
            duration_ms: cells.value(9, "duration_ms")?,
        })
    }

    /// The attempt that succeeded, rebuilt, where the delivery has succeeded.
    pub(crate) fn success(&self) -> Option<AttemptRecord> {
        let finished_at = self.finished_at.filter(|_| self.state == DeliveryState::Succeeded)?;
        let total = Duration::from_millis(u64::from(self.duration_ms.unwrap_or(0)));
        Some(AttemptRecord {
            number: self.attempts,
            trigger: self.cause,
            started_at: finished_at.saturating_sub(total),
            result: AttemptResult {
                status: self.status,
                phases: Phases { total, ..Phases::default() },
                ..AttemptResult::default()
            },
        })
    }
}

/// A time as rows keep it.
pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

/// An id as rows keep it that are not found by its order.
pub(crate) fn uuid(bytes: [u8; 16]) -> Option<Uuid> {
    Some(Uuid::from_bytes(bytes))
}
