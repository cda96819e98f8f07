//! Committing a batch: new events with their deliveries, and outcomes of earlier ones, in one transaction.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, EventId, NewEvent, SubscriptionKey, Target, Verdict, Window,
    ports::store::{Batch, Committed, StoreError},
    target_order,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::{
    errors::{Cells, Doing, bug},
    leases::{Lease, LeaseChanges},
    outcome::Recorder,
    targets,
    writer::{Known, Writer},
};

impl Writer {
    /// Makes a batch durable.
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let Batch { events, outcomes, ended, health } = batch;
        if events.is_empty() && outcomes.is_empty() && ended.is_empty() && health.is_empty() {
            return Ok(Committed::default());
        }
        let (verdicts, changes, mark) = self.transaction(|connection| {
            let mut changes = LeaseChanges::default();
            if !outcomes.is_empty() {
                let mut recorder = Recorder::prepare(connection)?;
                for outcome in outcomes {
                    self.record(&mut recorder, outcome, &mut changes)?;
                }
            }
            for ended in ended {
                self.record_end(connection, ended, &mut changes)?;
            }
            for change in health {
                self.change_health(connection, change)?;
            }
            let verdicts = self.accept_all(connection, events, &mut changes)?;
            let highest = highest(events, &verdicts);
            let mark = self.mark.advance(connection, &self.leases.lock(), &mut changes, highest)?;
            Ok((verdicts, changes, mark))
        })?;
        // Only now is it durable: the leases follow, and then the answer.
        self.leases.lock().apply(changes);
        self.mark = mark;
        Ok(Committed { verdicts })
    }

    fn accept_all(
        &self,
        connection: &Connection,
        events: &[NewEvent],
        changes: &mut LeaseChanges,
    ) -> Result<Vec<Verdict>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut accepting = Accepting::prepare(connection)?;
        events.iter().map(|event| self.accept(&mut accepting, event, changes)).collect()
    }

    fn accept(
        &self,
        accepting: &mut Accepting<'_>,
        event: &NewEvent,
        changes: &mut LeaseChanges,
    ) -> Result<Verdict, StoreError> {
        accepting.targets.clear();
        for target in &event.targets {
            self.known(event, target.subscription)?;
            targets::push(&mut accepting.targets, target.subscription);
        }
        if !accepting.insert_event(event)? {
            return self.accept_again(accepting, event, changes);
        }
        insert_window(accepting.connection, event)?;
        for (index, target) in event.targets.iter().enumerate() {
            self.take_target(accepting, event, index, target, changes)?;
        }
        Ok(Verdict::Accepted)
    }

    fn take_target(
        &self,
        accepting: &mut Accepting<'_>,
        event: &NewEvent,
        index: usize,
        target: &Target,
        changes: &mut LeaseChanges,
    ) -> Result<(), StoreError> {
        let order = target_order(event.id, index);
        if self.known(event, target.subscription)?.deleted {
            // The subscription went while the event was on its way here: it is stored as what it is, called off.
            accepting.insert_delivery(event, order, target.subscription, DeliveryState::Cancelled)
        } else if target.leased {
            let lease = Lease { event: event.id, subscription: target.subscription, attempts: 0 };
            changes.taken.push((order, lease));
            Ok(())
        } else {
            accepting.insert_delivery(event, order, target.subscription, DeliveryState::Pending)
        }
    }

    /// An event that was not inserted: its own id, or its publisher's, is there already.
    fn accept_again(
        &self,
        accepting: &Accepting<'_>,
        event: &NewEvent,
        changes: &mut LeaseChanges,
    ) -> Result<Verdict, StoreError> {
        let Some(earlier) = Earlier::find(accepting.connection, event)? else {
            return Err(bug(format!("the order of {} belongs to another event", event.id)));
        };
        if earlier.id != event.id {
            return Ok(if earlier.same_content {
                Verdict::Duplicate { of: earlier.id, deliveries: earlier.deliveries }
            } else {
                Verdict::Conflict { with: earlier.id }
            });
        }
        // The same call again, whose first answer got lost: what has no row yet is leased, as it was then.
        for (index, target) in event.targets.iter().enumerate().filter(|(_, target)| target.leased) {
            let order = target_order(event.id, index);
            if !has_row(accepting.connection, target.subscription, order)? {
                let lease = Lease { event: event.id, subscription: target.subscription, attempts: 0 };
                changes.taken.push((order, lease));
            }
        }
        Ok(Verdict::Accepted)
    }

    fn known(&self, event: &NewEvent, key: SubscriptionKey) -> Result<Known, StoreError> {
        let known = self.subscriptions.get(&key).copied();
        known
            .filter(|known| known.scope == event.scope)
            .ok_or_else(|| bug(format!("subscription {} is not in the scope of {}", key.0, event.id)))
    }
}

/// The statements of accepting, and room for the bytes of targets.
struct Accepting<'c> {
    connection: &'c Connection,
    event: CachedStatement<'c>,
    delivery: CachedStatement<'c>,
    targets: Vec<u8>,
}

impl<'c> Accepting<'c> {
    fn prepare(connection: &'c Connection) -> Result<Self, StoreError> {
        let event = connection.prepare_cached(
            "INSERT INTO event (ord, nonce, scope, accepted_at, type, content_type, external_id, targets, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        );
        let delivery = connection.prepare_cached(
            "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, due, finished_at, expires) \
             VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?7)",
        );
        Ok(Self {
            connection,
            event: event.doing("prepare to store events")?,
            delivery: delivery.doing("prepare to store deliveries")?,
            targets: Vec::new(),
        })
    }

    /// Inserts the event with the targets that were put ready; whether it was new.
    fn insert_event(&mut self, event: &NewEvent) -> Result<bool, StoreError> {
        let rows = self.event.execute(params![
            event.id.order().cast_signed(),
            event.id.nonce().cast_signed(),
            event.scope.0,
            event.accepted_at.as_unix_millis(),
            event.payload.event_type.as_str(),
            event.payload.content_type,
            event.external_id,
            self.targets,
            &*event.payload.body,
        ]);
        Ok(rows.doing("store an event")? == 1)
    }

    fn insert_delivery(
        &mut self,
        event: &NewEvent,
        order: u64,
        key: SubscriptionKey,
        state: DeliveryState,
    ) -> Result<(), StoreError> {
        let (due, finished_at, expires) = match state.is_final() {
            true => (None, Some(event.accepted_at), None),
            false => (Some(event.due_at()), None, event.window.expires_at),
        };
        self.delivery
            .execute(params![
                key.0,
                order.cast_signed(),
                event.id.order().cast_signed(),
                state as u8,
                due.map(Timestamp::as_unix_millis),
                finished_at.map(Timestamp::as_unix_millis),
                expires.map(Timestamp::as_unix_millis),
            ])
            .doing("store a delivery")?;
        Ok(())
    }
}

/// Writes when an event may be delivered, where it says so.
fn insert_window(connection: &Connection, event: &NewEvent) -> Result<(), StoreError> {
    let Window { deliver_at, expires_at } = event.window;
    if deliver_at.is_none() && expires_at.is_none() {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO event_window (event, deliver_at, expires_at) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| {
            statement.execute(params![
                event.id.order().cast_signed(),
                deliver_at.map(Timestamp::as_unix_millis),
                expires_at.map(Timestamp::as_unix_millis),
            ])
        })
        .doing("store when an event is delivered")?;
    Ok(())
}

/// An event that has the id, or the publisher's id, of one that was offered.
struct Earlier {
    id: EventId,
    same_content: bool,
    deliveries: usize,
}

impl Earlier {
    fn find(connection: &Connection, event: &NewEvent) -> Result<Option<Self>, StoreError> {
        const COLUMNS: &str = "SELECT ord, nonce, type, targets, body FROM event";
        if let Some(external_id) = &event.external_id {
            let sql = format!("{COLUMNS} WHERE scope = ?1 AND external_id = ?2");
            let found = Self::query(connection, &sql, params![event.scope.0, external_id], event)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let sql = format!("{COLUMNS} WHERE ord = ?1 AND nonce = ?2 AND scope = ?3");
        let (order, nonce) = (event.id.order().cast_signed(), event.id.nonce().cast_signed());
        Self::query(connection, &sql, params![order, nonce, event.scope.0], event)
    }

    fn query(
        connection: &Connection,
        sql: &str,
        params: impl rusqlite::Params,
        event: &NewEvent,
    ) -> Result<Option<Self>, StoreError> {
        let mut statement = connection.prepare_cached(sql).doing("look for an earlier event")?;
        let found = statement.query_row(params, |row| {
            let order: i64 = row.get(0)?;
            Ok(Self::decode(&Cells::of(row, "event", order), order, event))
        });
        found.optional().doing("look for an earlier event")?.transpose()
    }

    fn decode(cells: &Cells<'_>, order: i64, event: &NewEvent) -> Result<Self, StoreError> {
        let nonce: i64 = cells.value(1, "nonce")?;
        let event_type: String = cells.value(2, "type")?;
        let targets: Vec<u8> = cells.value(3, "targets")?;
        let body: Vec<u8> = cells.value(4, "body")?;
        Ok(Self {
            id: EventId::from_parts(order.cast_unsigned(), nonce.cast_unsigned()),
            same_content: event_type == event.payload.event_type.as_str() && body == event.payload.body,
            deliveries: targets::count(&targets),
        })
    }
}

/// The highest place of an event that is stored now. One that was turned away as a duplicate takes no place.
fn highest(events: &[NewEvent], verdicts: &[Verdict]) -> u64 {
    let stored = events.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Accepted);
    stored.map(|(event, _)| event.id.order()).max().unwrap_or(0)
}

/// Whether a delivery has a row.
pub(crate) fn has_row(connection: &Connection, key: SubscriptionKey, order: u64) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM delivery WHERE subscription = ?1 AND ord = ?2")
        .and_then(|mut statement| statement.exists(params![key.0, order.cast_signed()]))
        .doing("look for a delivery")
}
