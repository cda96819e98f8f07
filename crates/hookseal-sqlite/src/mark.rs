//! The place to recover from: below it, every delivery of every event has a row.
//!
//! It is written inside the transactions that make it true, now and then. The one that is stored may therefore be
//! too low, which costs a recovery some steps, and is never too high, which would lose deliveries.

use hookseal_engine::{SubscriptionKey, ports::store::StoreError};
use rusqlite::{Connection, params};

use crate::{
    errors::Doing,
    leases::{Lease, LeaseChanges, Leases},
    limits,
    writer::Writer,
};

/// What is known of the place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// As it is stored.
    pub(crate) stored: u64,
    /// The highest order of an event that is stored.
    pub(crate) highest: u64,
    /// The highest order of an event when the place was last written.
    pub(crate) written_at: u64,
    /// Whether what an earlier process left behind has been recovered; before that the place must not rise.
    pub(crate) recovered: bool,
}

impl Mark {
    /// Writes the place, where these changes ask for it, in the transaction that makes them. Returns the mark as it
    /// is once that is durable.
    pub(crate) fn advance(
        self,
        connection: &Connection,
        leases: &Leases,
        changes: &mut LeaseChanges,
        highest: u64,
    ) -> Result<Self, StoreError> {
        let mut next = Self { highest: self.highest.max(highest), ..self };
        // An event can be committed after a later one; then the place has to go down with it, at once.
        let taken = changes.taken.iter().map(|(_, lease)| lease.event.order()).min();
        let lowered = taken.filter(|order| *order < self.stored);
        let due = self.recovered && millis(next.highest) >= millis(self.written_at) + limits::MARK_EVERY_MS;
        if due {
            settle_stragglers(connection, leases, changes, next.highest)?;
            let lowest = leases.lowest_event(changes).unwrap_or(next.highest + 1);
            next = next.write(connection, lowest)?;
        } else if let Some(order) = lowered {
            next = next.write(connection, order)?;
        }
        Ok(next)
    }

    /// Writes the place.
    pub(crate) fn write(self, connection: &Connection, place: u64) -> Result<Self, StoreError> {
        let mut statement = connection
            .prepare_cached("UPDATE progress SET recover_from = ?1 WHERE one = 1")
            .doing("write the place to recover from")?;
        statement.execute([place.cast_signed()]).doing("write the place to recover from")?;
        Ok(Self { stored: place, written_at: self.highest, ..self })
    }
}

impl Writer {
    /// Writes the place as it is now.
    pub(crate) fn write_mark(&mut self) -> Result<(), StoreError> {
        let lowest =
            self.leases.lock().lowest_event(&LeaseChanges::default()).unwrap_or(self.mark.highest + 1);
        if self.mark.recovered && lowest != self.mark.stored {
            self.mark = self.transaction(|connection| self.mark.write(connection, lowest))?;
        }
        Ok(())
    }
}

/// Gives rows to deliveries that have waited in memory for long, so that they do not hold the place back.
fn settle_stragglers(
    connection: &Connection,
    leases: &Leases,
    changes: &mut LeaseChanges,
    highest: u64,
) -> Result<(), StoreError> {
    let before = millis(highest).saturating_sub(limits::STRAGGLER_AFTER_MS) << 12;
    for (order, lease) in leases.stragglers(before, limits::STRAGGLERS_PER_COMMIT) {
        if !changes.ended.contains(&order) {
            insert_waiting(connection, order, &lease)?;
            changes.settled.insert(order);
        }
    }
    Ok(())
}

/// Writes the row of a delivery that has none: it waits, due when its event is.
pub(crate) fn insert_waiting(connection: &Connection, order: u64, lease: &Lease) -> Result<(), StoreError> {
    let SubscriptionKey(subscription) = lease.subscription;
    connection
        .prepare_cached(
            "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, due, expires) \
             SELECT ?1, ?2, ord, 0, 0, 0, coalesce(deliver_at, accepted_at), expires_at FROM event \
             LEFT JOIN event_window ON event_window.event = ord WHERE ord = ?3 \
             ON CONFLICT (subscription, ord) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![subscription, order.cast_signed(), lease.event.order().cast_signed()])
        })
        .doing("write a waiting delivery")?;
    Ok(())
}

/// The milliseconds in an order.
pub(crate) const fn millis(order: u64) -> u64 {
    order >> 12
}
