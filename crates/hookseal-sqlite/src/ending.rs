//! Ending deliveries that wait: called off by their owner, or because their time is over.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryState, Scope, SubscriptionKey,
    ports::store::{Cancelled, Expired, StoreError},
};
use rusqlite::{Connection, Row, params};

use crate::{
    errors::{Cells, Doing},
    limits,
    read::deliveries,
    rows::{DeliveryRow, time},
    writer::Writer,
};

/// What may expire and waits, the first to expire first. All of it stands in the index.
const EXPIRING: &str = "SELECT expires, subscription, ord FROM delivery INDEXED BY delivery_expiring \
                        WHERE state = 0 AND cause = 0 AND expires IS NOT NULL ORDER BY expires, ord";

impl Writer {
    /// Calls a delivery off that waits and is not leased.
    pub(crate) fn cancel(
        &mut self,
        scope: Scope,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        let Some(located) = deliveries::locate(&self.connection, scope, id)? else {
            return Ok(Cancelled::NotFound);
        };
        let key = located.key;
        if self.leases.lock().contains(id.order()) {
            return Ok(Cancelled::Leased(key));
        }
        let row = DeliveryRow::find(&self.connection, key.subscription, id.order())?;
        // Without a row and a lease it is of an event that was just deleted, or not recovered yet.
        let Some(row) = row else { return Ok(Cancelled::Leased(key)) };
        if row.state.is_final() {
            return Ok(Cancelled::Final(row.state));
        }
        if self.is_deleted(key.subscription) {
            return Ok(Cancelled::Final(DeliveryState::Cancelled));
        }
        self.transaction(|connection| {
            end(connection, key.subscription, id.order(), DeliveryState::Cancelled, now)
        })?;
        Ok(Cancelled::Done)
    }

    /// Ends what waits and whose time is over. What it finds of deleted subscriptions is cancelled, as it would be a little
    /// later anyway: passed over, it would stand in the way of every call until then.
    pub(crate) fn expire(&mut self, now: Timestamp, limit: usize) -> Result<Expired, StoreError> {
        let (mut over, mut gone, mut next) = (Vec::new(), Vec::new(), None);
        {
            let leases = self.leases.lock();
            let mut statement =
                self.connection.prepare_cached(EXPIRING).doing("look for what has expired")?;
            let mut rows = statement.query([]).doing("look for what has expired")?;
            while let Some(row) = rows.next().doing("look for what has expired")? {
                let (at, key, order) = expiring(row)?;
                if leases.contains(order) {
                    continue;
                }
                if self.is_deleted(key) && gone.len() < limits::CANCEL_CHUNK {
                    gone.push((key, order));
                    continue;
                }
                if at > now || over.len() == limit || self.is_deleted(key) {
                    next = Some(at);
                    break;
                }
                over.push((key, order));
            }
        }
        if !over.is_empty() || !gone.is_empty() {
            self.transaction(|connection| {
                let end = |(key, order): &_, state| end(connection, *key, *order, state, now);
                gone.iter().try_for_each(|one| end(one, DeliveryState::Cancelled))?;
                over.iter().try_for_each(|one| end(one, DeliveryState::Expired))
            })?;
        }
        Ok(Expired { ended: over.len(), next })
    }

    /// When the first of what waits expires.
    pub(crate) fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached(EXPIRING).doing("look for what expires")?;
        let mut rows = statement.query([]).doing("look for what expires")?;
        while let Some(row) = rows.next().doing("look for what expires")? {
            let (at, key, _) = expiring(row)?;
            if !self.is_deleted(key) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn is_deleted(&self, key: SubscriptionKey) -> bool {
        self.subscriptions.get(&key).is_none_or(|known| known.deleted)
    }
}

fn expiring(row: &Row<'_>) -> Result<(Timestamp, SubscriptionKey, u64), StoreError> {
    let order: i64 = row.get(2).doing("read what expires")?;
    let cells = Cells::of(row, "delivery", order);
    let key = SubscriptionKey(cells.value(1, "subscription")?);
    Ok((time(cells.value(0, "expires")?), key, order.cast_unsigned()))
}

/// Ends a delivery that waits: now, or as its subscription was deleted.
fn end(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
    order: u64,
    state: DeliveryState,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET state = ?3, due = NULL, expires = NULL, \
             finished_at = coalesce((SELECT deleted_at FROM subscription WHERE key = ?1), ?4) \
             WHERE subscription = ?1 AND ord = ?2 AND state = 0",
        )
        .and_then(|mut statement| {
            statement.execute(params![key, order.cast_signed(), state as u8, now.as_unix_millis()])
        })
        .doing("end a waiting delivery")?;
    Ok(())
}
