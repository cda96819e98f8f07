//! After a start: what was accepted and not recorded as done is made to wait again.

use hookseal::Timestamp;
use hookseal_engine::{
    KeyId, SubscriptionId, SubscriptionKey,
    ports::store::{Recovered, StoreError},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use crate::{
    errors::{Cells, Doing},
    rows::uuid,
    targets,
    writer::Writer,
};

impl Writer {
    /// Gives a row to every delivery that has none and is not leased by this process, and tells where any wait.
    pub(crate) fn recover(&mut self, now: Timestamp) -> Result<Recovered, StoreError> {
        let (resumed, mark) = self.transaction(|connection| {
            let resumed = self.resume(connection, now)?;
            let lowest = self.leases.lock().lowest_event(&Default::default());
            Ok((resumed, self.mark.write(connection, lowest.unwrap_or(self.mark.highest + 1))?))
        })?;
        self.mark = mark;
        self.mark.recovered = true;
        let (waiting, next_expiry) = (self.waiting()?, self.next_expiry()?);
        Ok(Recovered { waiting, next_expiry, highest_order: self.highest_order()?, resumed })
    }

    /// Walks the events from the mark on.
    fn resume(&self, connection: &Connection, now: Timestamp) -> Result<u64, StoreError> {
        let mut events = connection
            .prepare_cached(
                "SELECT ord, targets, expires_at FROM event LEFT JOIN event_window ON event_window.event = ord \
                 WHERE ord >= ?1 ORDER BY ord",
            )
            .doing("look for unfinished events")?;
        let mut insert = connection
            .prepare_cached(
                "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, due, finished_at, expires) \
                 VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?7) ON CONFLICT (subscription, ord) DO NOTHING",
            )
            .doing("prepare to resume deliveries")?;
        let mut rows = events.query([self.mark.stored.cast_signed()]).doing("look for unfinished events")?;
        let mut resumed = 0;
        while let Some(row) = rows.next().doing("look for unfinished events")? {
            resumed += self.resume_event(row, &mut insert, now)?;
        }
        Ok(resumed)
    }

    fn resume_event(
        &self,
        row: &Row<'_>,
        insert: &mut CachedStatement<'_>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let event: i64 = row.get(0).doing("read an unfinished event")?;
        let cells = Cells::of(row, "event", event);
        let keys = cells.decode(1, "targets", |bytes: Vec<u8>| targets::decode(&bytes))?;
        let expires: Option<i64> = cells.value(2, "expires_at")?;
        let mut resumed = 0;
        for (order, key) in (event + 1..).zip(keys) {
            if self.leases.lock().contains(order.cast_unsigned()) {
                continue;
            }
            let gone = self.subscriptions.get(&key).is_none_or(|known| known.deleted);
            let now = now.as_unix_millis();
            let (state, due, finished_at) = if gone { (5, None, Some(now)) } else { (0, Some(now), None) };
            let inserted = insert
                .execute(params![key.0, order, event, state, due, finished_at, expires.filter(|_| !gone)])
                .doing("resume a delivery")?;
            resumed += if gone { 0 } else { inserted as u64 };
        }
        Ok(resumed)
    }

    fn waiting(&self) -> Result<Vec<(SubscriptionKey, Timestamp)>, StoreError> {
        let leases = self.leases.lock();
        let mut keys: Vec<_> = self.subscriptions.iter().filter(|(_, known)| !known.deleted).collect();
        keys.sort_unstable_by_key(|(key, _)| **key);
        let mut waiting = Vec::new();
        for (key, _) in keys {
            if let Some(due) = self.first_due(*key, &leases)? {
                waiting.push((*key, due));
            }
        }
        Ok(waiting)
    }

    /// The highest order of any id that is stored. The deliveries that an event was accepted with come after it, and
    /// before the next event.
    fn highest_order(&self) -> Result<u64, StoreError> {
        let mut highest = highest_event(&self.connection)?.map_or(0, |(_, last)| last);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT (SELECT max(id) FROM subscription), (SELECT max(id) FROM api_key), \
                 max((SELECT coalesce(max(ord), 0) FROM late_delivery), (SELECT coalesce(max(ord), 0) FROM replay))",
            )
            .doing("look for the highest id")?;
        let mut rows = statement.query([]).doing("look for the highest id")?;
        if let Some(row) = rows.next().doing("look for the highest id")? {
            let subscription = Cells::of(row, "subscription", 0).decode_option(0, "id", uuid)?;
            let key = Cells::of(row, "api_key", 0).decode_option(1, "id", uuid)?;
            highest = highest.max(subscription.map_or(0, |id| SubscriptionId::from_uuid(id).order()));
            let later: i64 = Cells::of(row, "replay", 0).value(2, "ord")?;
            highest = highest.max(later.cast_unsigned());
            highest = highest.max(key.map_or(0, |id| KeyId::from_uuid(id).order()));
        }
        Ok(highest)
    }
}

/// The order of the latest event, and that of its last delivery.
pub(crate) fn highest_event(connection: &Connection) -> Result<Option<(u64, u64)>, StoreError> {
    connection
        .prepare_cached("SELECT ord, targets FROM event ORDER BY ord DESC LIMIT 1")
        .and_then(|mut statement| {
            let found = statement.query_row([], |row| {
                let targets: Vec<u8> = row.get(1)?;
                let order = row.get::<_, i64>(0)?.cast_unsigned();
                Ok((order, order + targets::count(&targets) as u64))
            });
            found.optional()
        })
        .doing("look for the latest event")
}
