//! Reading deliveries: those that have a row, and those that are only known through their event.

use std::collections::HashMap;

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRecord, DeliveryRef, DeliveryState, EventId, EventType, Scope, SubscriptionId,
    SubscriptionKey, Window,
    ports::store::{DeliveryFilter, Found, Page, StoreError},
    target_order,
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};

use super::{
    events::{EventHead, head_columns, head_tables, is_before},
    search::Search,
};
use crate::{
    errors::{Cells, Doing},
    leases::{LeaseView, Leases},
    rows::{DeliveryRow, delivery_columns, time, uuid},
};

/// A delivery that exists, with what its event says of it.
pub(crate) struct Located {
    pub(crate) key: DeliveryRef,
    event_type: EventType,
    accepted_at: Timestamp,
    window: Window,
}

impl Located {
    fn of(event: &EventHead, order: u64, subscription: SubscriptionKey) -> Self {
        Self {
            key: DeliveryRef {
                id: DeliveryId::derive(event.id, order),
                event: event.id,
                subscription,
                scope: event.scope,
            },
            event_type: event.event_type.clone(),
            accepted_at: event.accepted_at,
            window: event.window,
        }
    }
}

/// Finds a delivery by its id. Its place lies behind its event's and before any other event's, unless it was created
/// later: then it is written down whose it is.
pub(crate) fn locate(
    connection: &Connection,
    scope: Scope,
    id: DeliveryId,
) -> Result<Option<Located>, StoreError> {
    let Some(event) = EventHead::before(connection, id.order())? else { return Ok(None) };
    let index = usize::try_from(id.order() - event.id.order() - 1).unwrap_or(usize::MAX);
    let located = match event.targets.get(index) {
        Some(key) => Some(Located::of(&event, id.order(), *key)),
        None => late_at(connection, id.order())?,
    };
    Ok(located.filter(|located| located.key.id == id && located.key.scope == scope))
}

/// The delivery at this place that was created after its event was accepted.
fn late_at(connection: &Connection, order: u64) -> Result<Option<Located>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT ord, event, subscription FROM late_delivery WHERE ord = ?1")
        .doing("look for a late delivery")?;
    let mut rows = statement.query([order.cast_signed()]).doing("look for a late delivery")?;
    match rows.next().doing("look for a late delivery")? {
        Some(row) => late(connection, row).map(|(_, located)| Some(located)),
        None => Ok(None),
    }
}

/// Reads `ord, event, subscription` of a delivery that was created later, and its event.
fn late(connection: &Connection, row: &Row<'_>) -> Result<(EventHead, Located), StoreError> {
    let order: i64 = row.get(0).doing("read a late delivery")?;
    let cells = Cells::of(row, "late_delivery", order);
    let event: i64 = cells.value(1, "event")?;
    let key = SubscriptionKey(cells.value(2, "subscription")?);
    let event = EventHead::at(connection, event.cast_unsigned())?.ok_or_else(|| cells.corrupt("event"))?;
    let located = Located::of(&event, order.cast_unsigned(), key);
    Ok((event, located))
}

/// One delivery.
pub(crate) fn delivery(
    connection: &Connection,
    leases: &Mutex<Leases>,
    scope: Scope,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let view = leases.lock().view(id.order()..=id.order());
    let Some(located) = locate(connection, scope, id)? else { return Ok(None) };
    let row = DeliveryRow::find(connection, located.key.subscription, id.order())?;
    Records::new(connection, view).record(located, row).map(Some)
}

/// The deliveries of one event, in the order of its subscriptions.
pub(crate) fn of_event(
    connection: &Connection,
    leases: &Mutex<Leases>,
    scope: Scope,
    id: EventId,
) -> Result<Option<Vec<DeliveryRecord>>, StoreError> {
    let view = leases.lock().view_of_event(id);
    let Some(event) = EventHead::at(connection, id.order())? else { return Ok(None) };
    if event.id != id || event.scope != scope {
        return Ok(None);
    }
    let mut records = Records::new(connection, view);
    let deliveries = event.targets.iter().enumerate().map(|(index, key)| {
        let order = target_order(id, index);
        let row = DeliveryRow::find(connection, *key, order)?;
        records.record(Located::of(&event, order, *key), row)
    });
    let mut deliveries = deliveries.collect::<Result<Vec<_>, _>>()?;
    let mut statement = connection
        .prepare_cached("SELECT ord, event, subscription FROM late_delivery WHERE event = ?1 ORDER BY ord")
        .doing("read late deliveries")?;
    let mut rows = statement.query([id.order().cast_signed()]).doing("read late deliveries")?;
    while let Some(row) = rows.next().doing("read late deliveries")? {
        let (_, located) = late(connection, row)?;
        let row = DeliveryRow::find(connection, located.key.subscription, located.key.id.order())?;
        deliveries.push(records.record(located, row)?);
    }
    Ok(Some(deliveries))
}

/// The deliveries of a scope, newest first.
pub(crate) fn search(
    connection: &Connection,
    leases: &Mutex<Leases>,
    scope: Scope,
    filter: &DeliveryFilter,
    page: Page<DeliveryId>,
) -> Result<Found<DeliveryRecord, DeliveryId>, StoreError> {
    let mut search = Search::new(page.limit);
    let before = page.after.map_or(u64::MAX >> 1, DeliveryId::order);
    // The leases come first: looking for the subscription already takes the snapshot.
    let mut view = leases.lock().view(0..=before);
    match filter.subscription {
        Some(id) => {
            if let Some(key) = key_of(connection, scope, id)? {
                view.retain(key);
                by_subscription(connection, view, key, filter, before, &mut search)?;
            }
        }
        None => by_event(connection, view, scope, filter, before, &mut search)?,
    }
    Ok(search.found(|order, last| match last {
        Some(record) => record.key.id,
        None => DeliveryId::from_parts(order, 0),
    }))
}

/// Walks the rows of one subscription, and beside them its leases of deliveries that have none.
fn by_subscription(
    connection: &Connection,
    mut view: LeaseView,
    key: SubscriptionKey,
    filter: &DeliveryFilter,
    before: u64,
    search: &mut Search<DeliveryRecord>,
) -> Result<(), StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM delivery AS d WHERE d.subscription = ?1 AND d.ord < ?2 ORDER BY d.ord DESC"
    );
    let mut fresh = std::mem::take(&mut view.fresh);
    fresh.retain(|(order, _)| *order < before);
    let mut records = Records::new(connection, view);
    let mut statement = connection.prepare_cached(SQL).doing("search deliveries")?;
    let mut rows = statement.query(params![key.0, before.cast_signed()]).doing("search deliveries")?;
    let mut row = rows.next().doing("search deliveries")?.map(DeliveryRow::read).transpose()?;
    loop {
        let leased = fresh.last().map(|(order, _)| *order);
        let stored = row.as_ref().map(|row| row.order);
        let Some(order) = stored.max(leased) else { return Ok(()) };
        // Of the same delivery, the row goes before the lease, which is older than what was read.
        let lease = fresh.pop_if(|(place, _)| *place == order).map(|(_, lease)| lease);
        let found = row.take_if(|row| row.order == order);
        if found.is_some() {
            row = rows.next().doing("search deliveries")?.map(DeliveryRow::read).transpose()?;
        }
        let event = found.as_ref().map(|found| found.event).or(lease.map(|lease| lease.event.order()));
        if filter.since.is_some_and(|since| is_before(order, since)) || !search.look(order) {
            return Ok(());
        }
        let Some(event) = event.map(|event| EventHead::at(connection, event)).transpose()?.flatten() else {
            return Err(StoreError::Corrupt { table: "delivery", column: "event", row: order.to_string() });
        };
        if !event_matches(&event, filter) {
            continue;
        }
        let record = records.record(Located::of(&event, order, key), found)?;
        if state_matches(&record, filter) && !search.take(order, record) {
            return Ok(());
        }
    }
}

/// Walks the events, and the deliveries of each.
fn by_event(
    connection: &Connection,
    view: LeaseView,
    scope: Scope,
    filter: &DeliveryFilter,
    before: u64,
    search: &mut Search<DeliveryRecord>,
) -> Result<(), StoreError> {
    let mut records = Records::new(connection, view);
    let mut statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            head_columns!(),
            head_tables!(),
            " WHERE e.ord < ?1 ORDER BY e.ord DESC"
        ))
        .doing("search deliveries")?;
    let mut rows = statement.query([before.cast_signed()]).doing("search deliveries")?;
    let mut late_statement = connection
        .prepare_cached("SELECT ord, event, subscription FROM late_delivery WHERE ord < ?1 ORDER BY ord DESC")
        .doing("search deliveries")?;
    let mut late_ones = LateOnes {
        connection,
        rows: late_statement.query([before.cast_signed()]).doing("search deliveries")?,
        next: None,
    };
    while let Some(row) = rows.next().doing("search deliveries")? {
        let event = EventHead::read(row)?;
        if !late_ones.down_to(event.id.order(), &mut records, scope, filter, search)?
            || filter.since.is_some_and(|since| is_before(event.id.order(), since))
        {
            return Ok(());
        }
        if event.scope != scope || !event_matches(&event, filter) || event.targets.is_empty() {
            // To go on behind this event is to go on before its first delivery.
            if !search.look(event.id.order() + 1) {
                return Ok(());
            }
            continue;
        }
        for (index, key) in event.targets.iter().enumerate().rev() {
            let order = target_order(event.id, index);
            if order >= before {
                continue;
            }
            if !search.look(order) {
                return Ok(());
            }
            let found = DeliveryRow::find(connection, *key, order)?;
            let record = records.record(Located::of(&event, order, *key), found)?;
            if state_matches(&record, filter) && !search.take(order, record) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Deliveries that were created after their events were accepted, newest first.
struct LateOnes<'s> {
    connection: &'s Connection,
    rows: Rows<'s>,
    /// The one that was read and not looked at.
    next: Option<(EventHead, Located)>,
}

impl LateOnes<'_> {
    /// Looks at those behind the place `order`; whether the search goes on.
    fn down_to(
        &mut self,
        order: u64,
        records: &mut Records<'_>,
        scope: Scope,
        filter: &DeliveryFilter,
        search: &mut Search<DeliveryRecord>,
    ) -> Result<bool, StoreError> {
        loop {
            if self.next.is_none() {
                let row = self.rows.next().doing("search deliveries")?;
                self.next = row.map(|row| late(self.connection, row)).transpose()?;
            }
            let behind = self.next.take_if(|(_, located)| located.key.id.order() > order);
            let Some((event, located)) = behind else { return Ok(true) };
            let (place, key) = (located.key.id.order(), located.key.subscription);
            if !search.look(place) {
                return Ok(false);
            }
            if event.scope != scope || !event_matches(&event, filter) {
                continue;
            }
            let row = DeliveryRow::find(self.connection, key, place)?;
            let record = records.record(located, row)?;
            if state_matches(&record, filter) && !search.take(place, record) {
                return Ok(false);
            }
        }
    }
}

fn event_matches(event: &EventHead, filter: &DeliveryFilter) -> bool {
    filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
        && filter.since.is_none_or(|since| event.accepted_at >= since)
}

fn state_matches(record: &DeliveryRecord, filter: &DeliveryFilter) -> bool {
    filter.state.is_none_or(|state| state == record.state)
}

/// The key of a subscription, deleted ones included: their deliveries stay readable.
fn key_of(
    connection: &Connection,
    scope: Scope,
    id: SubscriptionId,
) -> Result<Option<SubscriptionKey>, StoreError> {
    connection
        .prepare_cached("SELECT key FROM subscription WHERE id = ?1 AND scope = ?2")
        .and_then(|mut statement| {
            let key = statement.query_row(params![id.as_uuid().as_bytes(), scope.0], |row| row.get(0));
            key.map(SubscriptionKey).optional()
        })
        .doing("look for a subscription")
}

/// What a delivery's record needs of its subscription.
#[derive(Debug, Clone, Copy)]
struct Owner {
    id: SubscriptionId,
    deleted_at: Option<Timestamp>,
}

/// Makes records, from a snapshot of the database and the leases of just before.
struct Records<'c> {
    connection: &'c Connection,
    leases: LeaseView,
    owners: HashMap<SubscriptionKey, Owner>,
}

impl<'c> Records<'c> {
    fn new(connection: &'c Connection, leases: LeaseView) -> Self {
        Self { connection, leases, owners: HashMap::new() }
    }

    fn record(&mut self, located: Located, row: Option<DeliveryRow>) -> Result<DeliveryRecord, StoreError> {
        let owner = self.owner(located.key.subscription)?;
        let mut record = DeliveryRecord {
            key: located.key,
            subscription_id: owner.id,
            event_type: located.event_type,
            state: DeliveryState::Leased,
            attempts: 0,
            due_at: None,
            created_at: located.accepted_at,
            window: located.window,
            finished_at: None,
            last_status: None,
            last_failure: None,
            last_duration_ms: None,
        };
        let Some(row) = row else { return Ok(record) };
        record.state = row.state;
        record.attempts = row.attempts;
        record.due_at = row.due;
        record.finished_at = row.finished_at;
        record.last_status = row.status;
        record.last_failure = row.failure;
        record.last_duration_ms = row.duration_ms;
        if row.state == DeliveryState::Pending {
            if owner.deleted_at.is_some() {
                record.state = DeliveryState::Cancelled;
                record.due_at = None;
                record.finished_at = owner.deleted_at;
            } else if self.leases.holds(row.order, row.attempts) {
                record.state = DeliveryState::Leased;
                record.due_at = None;
            }
        }
        Ok(record)
    }

    fn owner(&mut self, key: SubscriptionKey) -> Result<Owner, StoreError> {
        if let Some(owner) = self.owners.get(&key) {
            return Ok(*owner);
        }
        let owner = read_owner(self.connection, key)?;
        self.owners.insert(key, owner);
        Ok(owner)
    }
}

/// When a delivery's subscription was deleted.
pub(crate) fn deleted_at(
    connection: &Connection,
    key: SubscriptionKey,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(read_owner(connection, key)?.deleted_at)
}

fn read_owner(connection: &Connection, key: SubscriptionKey) -> Result<Owner, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, deleted_at FROM subscription WHERE key = ?1")
        .doing("read a delivery's subscription")?;
    let mut rows = statement.query([key.0]).doing("read a delivery's subscription")?;
    let Some(row) = rows.next().doing("read a delivery's subscription")? else {
        return Err(StoreError::Corrupt { table: "subscription", column: "key", row: key.0.to_string() });
    };
    let cells = Cells::of(row, "subscription", key.0);
    Ok(Owner {
        id: SubscriptionId::from_uuid(cells.decode(0, "id", uuid)?),
        deleted_at: cells.value::<Option<i64>>(1, "deleted_at")?.map(time),
    })
}
