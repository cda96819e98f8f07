//! Replays: steps that make deliveries due again, each in one transaction with how far it came.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRef, ReplayId, ReplayRecord, ReplayState, Scope, SubscriptionKey, Trigger,
    ports::store::{Advanced, NewReplay, ReplayStep, StoreError},
    target_order,
};
use rusqlite::{Connection, params};

use crate::{
    errors::{Cells, Doing},
    read::{
        events::{EventHead, head_columns, head_tables},
        replays,
    },
    retry::make_due,
    rows::DeliveryRow,
    subscriptions::types_json,
    writer::Writer,
};

impl Writer {
    /// Creates a replay. The same call again finds the one that it made.
    pub(crate) fn create_replay(&mut self, new: &NewReplay) -> Result<Option<ReplayRecord>, StoreError> {
        let known = self.subscriptions.get(&new.subscription).copied();
        let Some(known) = known.filter(|known| !known.deleted) else { return Ok(None) };
        if let Some(made) = replays::by_id(&self.connection, known.scope, new.id)? {
            return Ok(Some(made));
        }
        if replays::running_of(&self.connection, new.subscription)?.is_some() {
            return Err(StoreError::Conflict { what: "another replay of the subscription runs" });
        }
        let (first, _) = new.wish.places(new.id);
        self.transaction(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO replay (ord, nonce, subscription, since, until, wanted, event_types, state, place) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        new.id.order().cast_signed(),
                        new.id.nonce().cast_signed(),
                        new.subscription.0,
                        new.wish.since.as_unix_millis(),
                        new.wish.until.as_unix_millis(),
                        new.wish.wanted.code(),
                        new.wish.event_types.as_deref().map(types_json),
                        first.saturating_sub(1).cast_signed(),
                    ])
                })
                .doing("create a replay")?;
            replays::by_id(connection, known.scope, new.id)
        })
    }

    /// One step of a replay that runs.
    pub(crate) fn advance_replay(&mut self, step: &ReplayStep) -> Result<Option<Advanced>, StoreError> {
        let Some(replay) = replays::running(&self.connection, step.id)? else { return Ok(None) };
        let outstanding = outstanding(&self.connection, replay.subscription, step)?;
        let room = step.deliveries_max.min(step.outstanding_max - outstanding);
        if room == 0 {
            return Ok(Some(Advanced { replay, made_due: 0, outstanding }));
        }
        let (replay, made_due) = self.transaction(|connection| {
            let mut walk = Walk { connection, step, replay, room, made: 0, created: 0 };
            walk.run()?;
            write_progress(connection, &walk.replay)?;
            Ok((walk.replay, walk.made))
        })?;
        Ok(Some(Advanced { replay, made_due, outstanding }))
    }

    /// Ends a replay that runs; whether it did run.
    pub(crate) fn end_replay(
        &mut self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: Timestamp,
    ) -> Result<Option<(ReplayRecord, bool)>, StoreError> {
        let Some(mut replay) = replays::by_id(&self.connection, scope, id)? else { return Ok(None) };
        if replay.state != ReplayState::Running {
            return Ok(Some((replay, false)));
        }
        (replay.state, replay.finished_at) = (state, Some(now));
        self.transaction(|connection| write_progress(connection, &replay))?;
        Ok(Some((replay, true)))
    }
}

/// Ends what runs for a subscription that is being deleted.
pub(crate) fn cancel_replays_of(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE replay SET state = ?2, finished_at = ?3 WHERE subscription = ?1 AND state = 0",
        )
        .and_then(|mut statement| {
            statement.execute(params![key, ReplayState::Cancelled as u8, now.as_unix_millis()])
        })
        .doing("end a deleted subscription's replay")?;
    Ok(())
}

/// How many deliveries of a subscription are due and not done, counted no further than is of interest.
fn outstanding(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
    step: &ReplayStep,
) -> Result<usize, StoreError> {
    const SQL: &str = "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_pending \
                       WHERE subscription = ?1 AND state = 0 AND due <= ?2 LIMIT ?3)";
    let limit = i64::try_from(step.outstanding_max).unwrap_or(i64::MAX);
    let count: i64 = connection
        .prepare_cached(SQL)
        .and_then(|mut statement| {
            statement.query_row(params![key, step.now.as_unix_millis(), limit], |row| row.get(0))
        })
        .doing("count what is due")?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn write_progress(connection: &Connection, replay: &ReplayRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE replay SET state = ?2, place = ?3, examined = ?4, replayed = ?5, created = ?6, finished_at = ?7 \
             WHERE ord = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                replay.id.order().cast_signed(),
                replay.state as u8,
                replay.place.cast_signed(),
                replay.examined.cast_signed(),
                replay.replayed.cast_signed(),
                replay.created.cast_signed(),
                replay.finished_at.map(Timestamp::as_unix_millis),
            ])
        })
        .doing("write how far a replay came")?;
    Ok(())
}

/// A step under way: over the events from where the last one ended.
struct Walk<'c> {
    connection: &'c Connection,
    step: &'c ReplayStep,
    replay: ReplayRecord,
    /// Deliveries that it may make due.
    room: usize,
    made: usize,
    created: u64,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            head_columns!(),
            head_tables!(),
            " WHERE e.ord > ?1 AND e.ord < ?2 ORDER BY e.ord"
        );
        let (_, end) = self.replay.wish.places(self.replay.id);
        let mut statement = self.connection.prepare_cached(SQL).doing("look for events to replay")?;
        let places = params![self.replay.place.cast_signed(), end.cast_signed()];
        let mut rows = statement.query(places).doing("look for events to replay")?;
        let mut targets = 0;
        for _ in 0..self.step.examined_max {
            if targets >= self.step.targets_max {
                break;
            }
            let Some(row) = rows.next().doing("look for events to replay")? else {
                self.replay.state = ReplayState::Done;
                self.replay.finished_at = Some(self.step.now);
                return Ok(());
            };
            let event = EventHead::read(row)?;
            if event.scope == self.replay.scope {
                if !self.take(&event)? {
                    return Ok(());
                }
                self.replay.examined += 1;
            }
            self.replay.place = event.id.order();
            targets += event.targets.len();
        }
        Ok(())
    }

    /// Makes due what of an event is to be sent again; `false` where there is no room for it in this step.
    fn take(&mut self, event: &EventHead) -> Result<bool, StoreError> {
        if !self.replay.wish.takes(&event.event_type) {
            return Ok(true);
        }
        let places = places_of(self.connection, event, self.replay.subscription)?;
        if places.is_empty() {
            return self.take_missing(event);
        }
        let mut again = Vec::new();
        for order in places {
            // One without a row is under way.
            let row = DeliveryRow::find(self.connection, self.replay.subscription, order)?;
            again.extend(row.filter(|row| self.replay.wish.wanted.holds_state(row.state)));
        }
        if self.made > 0 && !again.is_empty() && self.made + again.len() > self.room {
            return Ok(false);
        }
        for row in again {
            let key = self.reference(event, row.order);
            make_due(self.connection, key, Some(&row), self.step.now, Trigger::Replay)?;
            self.count_one();
        }
        Ok(true)
    }

    fn take_missing(&mut self, event: &EventHead) -> Result<bool, StoreError> {
        if !self.replay.wish.misses(&event.event_type, self.step.types.as_deref()) {
            return Ok(true);
        }
        if self.made >= self.room {
            return Ok(false);
        }
        let order = self.step.first_order + self.created;
        insert_late(self.connection, order, event, self.replay.subscription)?;
        let due = event.window.deliver_at.map_or(self.step.now, |at| at.max(self.step.now));
        make_due(self.connection, self.reference(event, order), None, due, Trigger::Replay)?;
        self.created += 1;
        self.replay.created += 1;
        self.count_one();
        Ok(true)
    }

    fn reference(&self, event: &EventHead, order: u64) -> DeliveryRef {
        let subscription = self.replay.subscription;
        let id = DeliveryId::derive(event.id, order);
        DeliveryRef { id, event: event.id, subscription, scope: event.scope }
    }

    fn count_one(&mut self) {
        self.made += 1;
        self.replay.replayed += 1;
    }
}

/// The places of an event's deliveries to one subscription.
fn places_of(
    connection: &Connection,
    event: &EventHead,
    key: SubscriptionKey,
) -> Result<Vec<u64>, StoreError> {
    let all = all_places_of(connection, event)?;
    Ok(all.into_iter().filter(|(subscription, _)| *subscription == key).map(|(_, order)| order).collect())
}

/// All deliveries of an event: the subscription and the place of each.
pub(crate) fn all_places_of(
    connection: &Connection,
    event: &EventHead,
) -> Result<Vec<(SubscriptionKey, u64)>, StoreError> {
    let accepted = event.targets.iter().enumerate();
    let mut places: Vec<_> = accepted.map(|(index, key)| (*key, target_order(event.id, index))).collect();
    let mut statement = connection
        .prepare_cached("SELECT ord, subscription FROM late_delivery WHERE event = ?1 ORDER BY ord")
        .doing("look for late deliveries")?;
    let order = event.id.order().cast_signed();
    let mut rows = statement.query([order]).doing("look for late deliveries")?;
    while let Some(row) = rows.next().doing("look for late deliveries")? {
        let cells = Cells::of(row, "late_delivery", order);
        let place: i64 = cells.value(0, "ord")?;
        places.push((SubscriptionKey(cells.value(1, "subscription")?), place.cast_unsigned()));
    }
    Ok(places)
}

fn insert_late(
    connection: &Connection,
    order: u64,
    event: &EventHead,
    SubscriptionKey(key): SubscriptionKey,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO late_delivery (ord, event, subscription) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| {
            statement.execute(params![order.cast_signed(), event.id.order().cast_signed(), key])
        })
        .doing("store a late delivery")?;
    Ok(())
}
