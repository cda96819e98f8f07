//! Reading subscriptions with their secrets.

use std::str::FromStr;

use hookseal::{Secret, Timestamp};
use hookseal_engine::{
    ChallengeRecord, ClientIdentity, DisableReason, EndpointTls, EventType, FailureKind, Health, OnGiveUp,
    Scope, Subscription, SubscriptionId, SubscriptionKey, SubscriptionSecret, SubscriptionSettings,
    SubscriptionStatus,
    ports::store::{Page, StoreError},
};
use rusqlite::{Connection, Params, Row, params};
use serde::de::DeserializeOwned;

use crate::{
    errors::{Cells, Doing},
    rows::{time, uuid},
};

/// All columns, in the order in which [`read`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT key, id, scope, endpoint_url, event_types, profile, description, headers, timeout_ms, \
             rate_limit_per_s, max_in_flight, retry_schedule_s, metadata, status, disabled_because, failures, \
             failing_since, created_at, updated_at, success, disable_after, on_give_up, ca_certificates, \
             unreachable, unreachable_since, recovering, challenge_at, challenge_tries, challenge_status, \
             challenge_failure, challenge_problem FROM subscription WHERE deleted_at IS NULL ",
            $rest
        )
    };
}

/// One subscription that is not deleted.
pub(crate) fn by_id(
    connection: &Connection,
    scope: Scope,
    id: SubscriptionId,
) -> Result<Option<Subscription>, StoreError> {
    let id = id.as_uuid();
    let found = query(connection, select!("AND id = ?1 AND scope = ?2"), params![id.as_bytes(), scope.0])?;
    Ok(found.into_iter().next())
}

/// The subscriptions of a scope, oldest first.
pub(crate) fn page(
    connection: &Connection,
    scope: Scope,
    page: Page<SubscriptionId>,
) -> Result<Vec<Subscription>, StoreError> {
    let after = page.after.map_or([0; 16], |id| id.as_uuid().into_bytes());
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    query(
        connection,
        select!("AND scope = ?1 AND id > ?2 ORDER BY id LIMIT ?3"),
        params![scope.0, after, limit],
    )
}

/// The subscriptions of all scopes, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Subscription>, StoreError> {
    query(connection, select!("ORDER BY id"), [])
}

/// Whether there is, or was, a subscription with this id in any scope.
pub(crate) fn id_taken(connection: &Connection, id: SubscriptionId) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM subscription WHERE id = ?1")
        .and_then(|mut statement| statement.exists([id.as_uuid().as_bytes()]))
        .doing("look for a subscription")
}

fn query(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Subscription>, StoreError> {
    let mut statement = connection.prepare_cached(sql).doing("read subscriptions")?;
    let mut rows = statement.query(params).doing("read subscriptions")?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().doing("read subscriptions")? {
        found.push(read(connection, row)?);
    }
    Ok(found)
}

fn read(connection: &Connection, row: &Row<'_>) -> Result<Subscription, StoreError> {
    let key: i64 = row.get(0).doing("read a subscription")?;
    let cells = Cells::of(row, "subscription", key);
    Ok(Subscription {
        id: SubscriptionId::from_uuid(cells.decode(1, "id", uuid)?),
        key: SubscriptionKey(key),
        scope: Scope(cells.value(2, "scope")?),
        settings: settings(connection, &cells, key)?,
        secrets: secrets(connection, key)?,
        status: cells.decode(13, "status", SubscriptionStatus::from_code)?,
        disabled_because: cells.decode_option(14, "disabled_because", DisableReason::from_code)?,
        health: Health {
            failures_in_a_row: cells.value(15, "failures")?,
            failing_since: cells.value::<Option<i64>>(16, "failing_since")?.map(time),
            unreachable_in_a_row: cells.value(23, "unreachable")?,
            unreachable_since: cells.value::<Option<i64>>(24, "unreachable_since")?.map(time),
            recovering: cells.value(25, "recovering")?,
        },
        challenge: challenge(&cells)?,
        created_at: time(cells.value(17, "created_at")?),
        updated_at: time(cells.value(18, "updated_at")?),
    })
}

/// Event types as they are kept: a JSON array.
pub(super) fn types(text: String) -> Option<Vec<EventType>> {
    let names: Vec<String> = json(text)?;
    names.into_iter().map(|name| EventType::new(name).ok()).collect()
}

fn settings(
    connection: &Connection,
    cells: &Cells<'_>,
    key: i64,
) -> Result<SubscriptionSettings, StoreError> {
    Ok(SubscriptionSettings {
        endpoint_url: cells.value(3, "endpoint_url")?,
        event_types: cells.decode_option(4, "event_types", types)?,
        profile: cells.value(5, "profile")?,
        description: cells.value(6, "description")?,
        headers: cells.decode(7, "headers", json)?,
        timeout_ms: cells.value(8, "timeout_ms")?,
        rate_limit_per_s: cells.value(9, "rate_limit_per_s")?,
        max_in_flight: cells.value(10, "max_in_flight")?,
        retry_schedule_s: cells.decode_option(11, "retry_schedule_s", json)?,
        metadata: cells.value(12, "metadata")?,
        success: cells.decode_option(19, "success", parsed)?,
        disable_after: cells.decode_option(20, "disable_after", parsed)?,
        ordered: cells.decode_option(21, "on_give_up", OnGiveUp::from_code)?,
        tls: EndpointTls {
            ca_certificates: cells.value(22, "ca_certificates")?,
            client: client(connection, key)?,
        },
    })
}

fn challenge(cells: &Cells<'_>) -> Result<Option<ChallengeRecord>, StoreError> {
    let Some(at) = cells.value::<Option<i64>>(26, "challenge_at")? else { return Ok(None) };
    Ok(Some(ChallengeRecord {
        at: time(at),
        tries: cells.value(27, "challenge_tries")?,
        status: cells.value(28, "challenge_status")?,
        failure: cells.decode_option(29, "challenge_failure", FailureKind::from_code)?,
        problem: cells.value(30, "challenge_problem")?,
    }))
}

fn client(connection: &Connection, key: i64) -> Result<Option<ClientIdentity>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT certificate, key FROM client_identity WHERE subscription = ?1")
        .doing("read a client certificate")?;
    let mut rows = statement.query([key]).doing("read a client certificate")?;
    let Some(row) = rows.next().doing("read a client certificate")? else { return Ok(None) };
    let cells = Cells::of(row, "client_identity", key);
    let secret = Secret::new(cells.value::<Vec<u8>>(1, "key")?);
    Ok(Some(ClientIdentity { certificate: cells.value(0, "certificate")?, key: secret }))
}

fn secrets(connection: &Connection, key: i64) -> Result<Vec<SubscriptionSecret>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT secret, created_at, expires_at FROM secret WHERE subscription = ?1 ORDER BY place",
        )
        .doing("read secrets")?;
    let mut rows = statement.query([key]).doing("read secrets")?;
    let mut secrets = Vec::new();
    while let Some(row) = rows.next().doing("read secrets")? {
        let cells = Cells::of(row, "secret", key);
        let created_at: Timestamp = time(cells.value(1, "created_at")?);
        secrets.push(SubscriptionSecret {
            secret: Secret::new(cells.value::<Vec<u8>>(0, "secret")?),
            created_at,
            expires_at: cells.value::<Option<i64>>(2, "expires_at")?.map(time),
        });
    }
    Ok(secrets)
}

fn parsed<T: FromStr>(text: String) -> Option<T> {
    text.parse().ok()
}

fn json<T: DeserializeOwned>(text: String) -> Option<T> {
    serde_json::from_str(&text).ok()
}
