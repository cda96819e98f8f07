//! Asking for another attempt of a delivery, whatever became of it.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, Scope, Trigger,
    ports::store::{Retried, StoreError},
};
use rusqlite::{Connection, params};

use crate::{errors::Doing, outcome::insert_attempt, read::deliveries, rows::DeliveryRow, writer::Writer};

impl Writer {
    /// Makes a delivery due at `now`.
    pub(crate) fn retry(
        &mut self,
        scope: Scope,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Retried, StoreError> {
        let Some(located) = deliveries::locate(&self.connection, scope, id)? else {
            return Ok(Retried::NotFound);
        };
        let key = located.key;
        if self.subscriptions.get(&key.subscription).is_none_or(|known| known.deleted) {
            return Ok(Retried::SubscriptionGone);
        }
        if self.leases.lock().contains(id.order()) {
            return Ok(Retried::Leased);
        }
        let row = DeliveryRow::find(&self.connection, key.subscription, id.order())?;
        self.transaction(|connection| make_due(connection, key, row.as_ref(), now, Trigger::Manual))?;
        Ok(Retried::Due(key))
    }
}

/// Makes a delivery due, whatever became of it; its schedule begins anew. `row` is the one that it has.
pub(crate) fn make_due(
    connection: &Connection,
    key: DeliveryRef,
    row: Option<&DeliveryRow>,
    due: Timestamp,
    cause: Trigger,
) -> Result<(), StoreError> {
    // The row is the only record of a success; before it is overwritten it becomes an attempt of its own.
    if let Some(success) = row.and_then(DeliveryRow::success) {
        insert_attempt(connection, key.subscription, key.id.order(), &success)?;
    }
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, due, expires) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, (SELECT expires_at FROM event_window WHERE event = ?3)) \
             ON CONFLICT (subscription, ord) DO UPDATE SET state = excluded.state, \
             cause = excluded.cause, due = excluded.due, finished_at = NULL, \
             expires = excluded.expires, schedule_from = attempts",
        )
        .doing("make a delivery due")?;
    statement
        .execute(params![
            key.subscription.0,
            key.id.order().cast_signed(),
            key.event.order().cast_signed(),
            DeliveryState::Pending as u8,
            cause as u8,
            due.as_unix_millis(),
        ])
        .doing("make a delivery due")?;
    Ok(())
}
