//! Forgetting what ended long ago, in steps that are short.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, SubscriptionKey,
    ports::store::{PruneStep, Pruned, StoreError},
};
use rusqlite::{Connection, params};

use crate::{
    errors::Doing,
    read::{
        deliveries::deleted_at,
        events::{EventHead, head_columns, head_tables},
    },
    replays::all_places_of,
    rows::DeliveryRow,
    writer::Writer,
};

impl Writer {
    /// Forgets events of before a moment whose deliveries all ended before it, with all that belongs to them.
    pub(crate) fn prune(&mut self, step: &PruneStep) -> Result<Pruned, StoreError> {
        // The newest event stays, whatever its age: it holds the place that new ids come after.
        let end = place_of(step.before).min(self.mark.highest);
        let heads = heads(&self.connection, step, end)?;
        let whole = heads.len() < step.examined_max;
        let (mut over, mut deliveries, mut place) = (Vec::new(), 0, None);
        for event in heads {
            if deliveries >= step.deliveries_max {
                return self.forget(&over, place);
            }
            place = Some(event.id.order());
            if let Some(places) = ended_before(&self.connection, &event, step.before)? {
                deliveries += places.len();
                over.push((event, places));
            }
        }
        if whole {
            self.forget_replays(step.before)?;
            place = None;
        }
        self.forget(&over, place)
    }

    fn forget(
        &self,
        over: &[(EventHead, Vec<(SubscriptionKey, u64)>)],
        place: Option<u64>,
    ) -> Result<Pruned, StoreError> {
        if !over.is_empty() {
            self.transaction(|connection| {
                over.iter().try_for_each(|(event, places)| delete(connection, event.id.order(), places))
            })?;
        }
        Ok(Pruned { events: over.len(), place })
    }

    fn forget_replays(&self, before: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM replay WHERE state <> 0 AND finished_at < ?1 AND ord < ?2")
            .and_then(|mut statement| {
                let newest = self.mark.highest.cast_signed();
                statement.execute(params![before.as_unix_millis(), newest])
            })
            .doing("forget replays")?;
        Ok(())
    }
}

fn place_of(time: Timestamp) -> u64 {
    time.as_unix_millis().max(0).cast_unsigned() << 12
}

fn heads(connection: &Connection, step: &PruneStep, end: u64) -> Result<Vec<EventHead>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        head_columns!(),
        head_tables!(),
        " WHERE e.ord > ?1 AND e.ord < ?2 ORDER BY e.ord LIMIT ?3"
    );
    let limit = i64::try_from(step.examined_max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(SQL).doing("look for events to forget")?;
    let range = params![step.after.cast_signed(), end.cast_signed(), limit];
    let mut rows = statement.query(range).doing("look for events to forget")?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next().doing("look for events to forget")? {
        heads.push(EventHead::read(row)?);
    }
    Ok(heads)
}

/// The places of an event's deliveries, where all of them ended before this time.
fn ended_before(
    connection: &Connection,
    event: &EventHead,
    before: Timestamp,
) -> Result<Option<Vec<(SubscriptionKey, u64)>>, StoreError> {
    let places = all_places_of(connection, event)?;
    for (key, order) in &places {
        // One without a row is leased.
        let ended = match DeliveryRow::find(connection, *key, *order)? {
            // What waited for a subscription that was deleted ended then, be it marked by now or not.
            Some(row) if row.state == DeliveryState::Pending => deleted_at(connection, *key)?,
            Some(row) => row.finished_at,
            None => None,
        };
        if ended.is_none_or(|at| at >= before) {
            return Ok(None);
        }
    }
    Ok(Some(places))
}

fn delete(connection: &Connection, event: u64, places: &[(SubscriptionKey, u64)]) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM attempt WHERE subscription = ?1 AND ord = ?2",
        "DELETE FROM delivery WHERE subscription = ?1 AND ord = ?2",
    ] {
        let mut statement = connection.prepare_cached(sql).doing("forget deliveries")?;
        for (SubscriptionKey(key), order) in places {
            statement.execute(params![key, order.cast_signed()]).doing("forget deliveries")?;
        }
    }
    for sql in [
        "DELETE FROM late_delivery WHERE event = ?1",
        "DELETE FROM event_window WHERE event = ?1",
        "DELETE FROM event WHERE ord = ?1",
    ] {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([event.cast_signed()]))
            .doing("forget an event")?;
    }
    Ok(())
}
