//! Reading replays.

use hookseal_engine::{
    ReplayId, ReplayRecord, ReplayState, ReplayWish, Scope, SubscriptionId, SubscriptionKey, Wanted,
    ports::store::{Page, StoreError},
};
use rusqlite::{Connection, Params, Row, params};

use super::subscriptions::types;
use crate::{
    errors::{Cells, Doing},
    rows::{time, uuid},
};

/// What [`read`] reads.
macro_rules! replays {
    () => {
        "SELECT r.ord, r.nonce, r.subscription, s.id, s.scope, r.since, r.until, r.wanted, r.event_types, r.state, \
         r.place, r.examined, r.replayed, r.created, r.finished_at \
         FROM replay AS r JOIN subscription AS s ON s.key = r.subscription"
    };
}

/// One replay.
pub(crate) fn by_id(
    connection: &Connection,
    scope: Scope,
    id: ReplayId,
) -> Result<Option<ReplayRecord>, StoreError> {
    const SQL: &str = concat!(replays!(), " WHERE r.ord = ?1 AND r.nonce = ?2 AND s.scope = ?3");
    let key = params![id.order().cast_signed(), id.nonce().cast_signed(), scope.0];
    Ok(query(connection, SQL, key)?.pop())
}

/// The replays of one subscription, newest first; those of one that was deleted stay readable.
pub(crate) fn page(
    connection: &Connection,
    scope: Scope,
    subscription: SubscriptionId,
    page: Page<ReplayId>,
) -> Result<Vec<ReplayRecord>, StoreError> {
    const SQL: &str =
        concat!(replays!(), " WHERE s.id = ?1 AND s.scope = ?2 AND r.ord < ?3 ORDER BY r.ord DESC LIMIT ?4");
    let before = page.after.map_or(i64::MAX, |id| id.order().cast_signed());
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    query(connection, SQL, params![subscription.as_uuid().as_bytes(), scope.0, before, limit])
}

/// All replays that run, oldest first.
pub(crate) fn all_running(connection: &Connection) -> Result<Vec<ReplayRecord>, StoreError> {
    const SQL: &str = concat!(replays!(), " WHERE r.state = 0 ORDER BY r.ord");
    query(connection, SQL, [])
}

/// A replay, where it runs.
pub(crate) fn running(connection: &Connection, id: ReplayId) -> Result<Option<ReplayRecord>, StoreError> {
    const SQL: &str = concat!(replays!(), " WHERE r.ord = ?1 AND r.nonce = ?2 AND r.state = 0");
    let found = query(connection, SQL, params![id.order().cast_signed(), id.nonce().cast_signed()]);
    Ok(found?.pop())
}

/// The replay that runs for a subscription.
pub(crate) fn running_of(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
) -> Result<Option<ReplayRecord>, StoreError> {
    const SQL: &str = concat!(replays!(), " WHERE r.subscription = ?1 AND r.state = 0");
    Ok(query(connection, SQL, [key])?.pop())
}

fn query(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<ReplayRecord>, StoreError> {
    let mut statement = connection.prepare_cached(sql).doing("read replays")?;
    let mut rows = statement.query(params).doing("read replays")?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().doing("read replays")? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<ReplayRecord, StoreError> {
    let order: i64 = row.get(0).doing("read a replay")?;
    let cells = Cells::of(row, "replay", order);
    let number = |index, column| cells.value::<i64>(index, column).map(i64::cast_unsigned);
    Ok(ReplayRecord {
        id: ReplayId::from_parts(order.cast_unsigned(), number(1, "nonce")?),
        subscription: SubscriptionKey(cells.value(2, "subscription")?),
        subscription_id: SubscriptionId::from_uuid(cells.decode(3, "subscription", uuid)?),
        scope: Scope(cells.value(4, "subscription")?),
        wish: ReplayWish {
            since: time(cells.value(5, "since")?),
            until: time(cells.value(6, "until")?),
            wanted: cells.decode(7, "wanted", Wanted::from_code)?,
            event_types: cells.decode_option(8, "event_types", types)?,
        },
        state: cells.decode(9, "state", ReplayState::from_code)?,
        place: number(10, "place")?,
        examined: number(11, "examined")?,
        replayed: number(12, "replayed")?,
        created: number(13, "created")?,
        finished_at: cells.value::<Option<i64>>(14, "finished_at")?.map(time),
    })
}
