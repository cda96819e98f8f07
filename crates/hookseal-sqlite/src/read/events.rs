//! Reading events.

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    EventId, EventRecord, EventType, Payload, Scope, SubscriptionKey, Window,
    ports::store::{EventFilter, Found, Page, StoreError},
};
use rusqlite::{Connection, Row, params};

use super::search::Search;
use crate::{
    errors::{Cells, Doing},
    mark::millis,
    rows::time,
    targets,
};

/// The columns that [`EventHead::read`] reads, of [`head_tables!`].
macro_rules! head_columns {
    () => {
        "e.ord, e.nonce, e.scope, e.accepted_at, e.type, e.targets, w.deliver_at, w.expires_at"
    };
}
/// The tables of an event, by the names that [`head_columns!`] uses.
macro_rules! head_tables {
    () => {
        " FROM event AS e LEFT JOIN event_window AS w ON w.event = e.ord"
    };
}
pub(crate) use {head_columns, head_tables};

/// What a delivery needs of its event.
#[derive(Debug, Clone)]
pub(crate) struct EventHead {
    pub(crate) id: EventId,
    pub(crate) scope: Scope,
    pub(crate) accepted_at: Timestamp,
    pub(crate) window: Window,
    pub(crate) event_type: EventType,
    pub(crate) targets: Vec<SubscriptionKey>,
}

impl EventHead {
    /// Reads a row whose first columns are those of `head_columns!`.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let order: i64 = row.get(0).doing("read an event")?;
        let cells = Cells::of(row, "event", order);
        let nonce: i64 = cells.value(1, "nonce")?;
        Ok(Self {
            id: EventId::from_parts(order.cast_unsigned(), nonce.cast_unsigned()),
            scope: Scope(cells.value(2, "scope")?),
            accepted_at: time(cells.value(3, "accepted_at")?),
            event_type: cells.decode(4, "type", |text: String| EventType::new(text).ok())?,
            targets: cells.decode(5, "targets", |bytes: Vec<u8>| targets::decode(&bytes))?,
            window: Window {
                deliver_at: cells.value::<Option<i64>>(6, "deliver_at")?.map(time),
                expires_at: cells.value::<Option<i64>>(7, "expires_at")?.map(time),
            },
        })
    }

    /// The head of the event at this place.
    pub(crate) fn at(connection: &Connection, order: u64) -> Result<Option<Self>, StoreError> {
        const SQL: &str = concat!("SELECT ", head_columns!(), head_tables!(), " WHERE e.ord = ?1");
        Self::first(connection, SQL, order)
    }

    /// The head of the last event before this place.
    pub(crate) fn before(connection: &Connection, order: u64) -> Result<Option<Self>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            head_columns!(),
            head_tables!(),
            " WHERE e.ord < ?1 ORDER BY e.ord DESC LIMIT 1"
        );
        Self::first(connection, SQL, order)
    }

    fn first(connection: &Connection, sql: &str, order: u64) -> Result<Option<Self>, StoreError> {
        let mut statement = connection.prepare_cached(sql).doing("read an event")?;
        let mut rows = statement.query([order.cast_signed()]).doing("read an event")?;
        rows.next().doing("read an event")?.map(Self::read).transpose()
    }
}

/// One event, with its body.
pub(crate) fn event(
    connection: &Connection,
    scope: Scope,
    id: EventId,
) -> Result<Option<EventRecord>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        head_columns!(),
        ", e.content_type, e.external_id, length(e.body), e.body",
        head_tables!(),
        " WHERE e.ord = ?1 AND e.nonce = ?2 AND e.scope = ?3"
    );
    let mut statement = connection.prepare_cached(SQL).doing("read an event")?;
    let key = params![id.order().cast_signed(), id.nonce().cast_signed(), scope.0];
    let mut rows = statement.query(key).doing("read an event")?;
    let Some(row) = rows.next().doing("read an event")? else { return Ok(None) };
    let mut event = record(row)?;
    let body: Vec<u8> = Cells::of(row, "event", id.order().cast_signed()).value(11, "body")?;
    event.payload.body = Bytes::from(body);
    Ok(Some(event))
}

/// What [`record`] reads.
macro_rules! head {
    () => {
        concat!("SELECT ", head_columns!(), ", e.content_type, e.external_id, length(e.body)", head_tables!())
    };
}

/// The events of a scope, newest first, without their bodies.
pub(crate) fn search(
    connection: &Connection,
    scope: Scope,
    filter: &EventFilter,
    page: Page<EventId>,
) -> Result<Found<EventRecord, EventId>, StoreError> {
    let before = page.after.map_or(i64::MAX, |id| id.order().cast_signed());
    let mut statement;
    let mut rows = match &filter.external_id {
        // A publisher's id names one event at most, and has an index.
        Some(external_id) => {
            const SQL: &str = concat!(head!(), " WHERE e.ord < ?1 AND e.scope = ?2 AND e.external_id = ?3");
            statement = connection.prepare_cached(SQL).doing("search events")?;
            statement.query(params![before, scope.0, external_id]).doing("search events")?
        }
        None => {
            const SQL: &str = concat!(head!(), " WHERE e.ord < ?1 ORDER BY e.ord DESC");
            statement = connection.prepare_cached(SQL).doing("search events")?;
            statement.query([before]).doing("search events")?
        }
    };
    let mut search = Search::new(page.limit);
    while let Some(row) = rows.next().doing("search events")? {
        let order = row.get::<_, i64>(0).doing("search events")?.cast_unsigned();
        if filter.since.is_some_and(|since| is_before(order, since)) || !search.look(order) {
            break;
        }
        if row.get::<_, i32>(2).doing("search events")? == scope.0 {
            let event = record(row)?;
            if matches(&event, filter) && !search.take(order, event) {
                break;
            }
        }
    }
    Ok(search.found(|order, last| match last {
        Some(event) => event.id,
        None => EventId::from_parts(order, 0),
    }))
}

/// Whether an event at this place, and all before it, were accepted before `since`: an event's place is never
/// earlier than the moment of its acceptance.
pub(super) fn is_before(order: u64, since: Timestamp) -> bool {
    millis(order).cast_signed() < since.as_unix_millis()
}

fn matches(event: &EventRecord, filter: &EventFilter) -> bool {
    filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.payload.event_type)
        && filter.since.is_none_or(|since| event.accepted_at >= since)
}

/// An event without its body.
fn record(row: &Row<'_>) -> Result<EventRecord, StoreError> {
    let EventHead { id, scope, accepted_at, window, event_type, targets } = EventHead::read(row)?;
    let cells = Cells::of(row, "event", id.order().cast_signed());
    let content_type = cells.value(8, "content_type")?;
    Ok(EventRecord {
        id,
        scope,
        payload: Payload { event_type, content_type, body: Bytes::new() },
        body_bytes: cells.value::<i64>(10, "body")?.cast_unsigned(),
        external_id: cells.value(9, "external_id")?,
        accepted_at,
        window,
        deliveries: targets.len(),
    })
}
