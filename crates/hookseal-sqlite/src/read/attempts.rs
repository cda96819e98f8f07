//! Reading the attempts of a delivery.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryId, Failure, FailureKind, HttpVersion, Phases, RetryAfter, Scope,
    Trigger, ports::store::StoreError,
};
use rusqlite::{Connection, Row, params};

use super::deliveries::locate;
use crate::{
    errors::{Cells, Doing},
    rows::{DeliveryRow, time},
};

/// The attempts of one delivery, oldest first.
pub(crate) fn of_delivery(
    connection: &Connection,
    scope: Scope,
    id: DeliveryId,
) -> Result<Option<Vec<AttemptRecord>>, StoreError> {
    let Some(located) = locate(connection, scope, id)? else { return Ok(None) };
    let key = located.key.subscription;
    let mut statement = connection
        .prepare_cached(
            "SELECT number, cause, started_at, status, failure, detail, request_headers, response_headers, \
             response_body, truncated, retry_delay_ms, retry_at, dns_ns, connect_ns, tls_ns, first_byte_ns, \
             total_ns, address, http_version, proxy FROM attempt WHERE subscription = ?1 AND ord = ?2 ORDER BY number",
        )
        .doing("read attempts")?;
    let order = id.order().cast_signed();
    let mut rows = statement.query(params![key.0, order]).doing("read attempts")?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next().doing("read attempts")? {
        attempts.push(read(row, order)?);
    }
    attempts.extend(DeliveryRow::find(connection, key, id.order())?.as_ref().and_then(DeliveryRow::success));
    Ok(Some(attempts))
}

fn read(row: &Row<'_>, order: i64) -> Result<AttemptRecord, StoreError> {
    let cells = Cells::of(row, "attempt", order);
    let failure = match cells.decode_option(4, "failure", FailureKind::from_code)? {
        Some(kind) => Some(Failure { kind, detail: cells.value(5, "detail")? }),
        None => None,
    };
    let body: Vec<u8> = cells.value(8, "response_body")?;
    Ok(AttemptRecord {
        number: cells.value(0, "number")?,
        trigger: cells.decode(1, "cause", Trigger::from_code)?,
        started_at: time(cells.value(2, "started_at")?),
        result: AttemptResult {
            status: cells.value(3, "status")?,
            failure,
            request_headers: cells.decode(6, "request_headers", headers)?,
            response_headers: cells.decode(7, "response_headers", headers)?,
            response_body: Bytes::from(body),
            response_truncated: cells.value(9, "truncated")?,
            retry_after: retry_after(&cells)?,
            phases: phases(&cells)?,
            address: cells.decode_option(17, "address", |text: String| text.parse::<SocketAddr>().ok())?,
            http_version: cells.decode_option(18, "http_version", HttpVersion::from_code)?,
            proxy: cells.value(19, "proxy")?,
        },
    })
}

fn retry_after(cells: &Cells<'_>) -> Result<Option<RetryAfter>, StoreError> {
    let delay = cells.decode_option(10, "retry_delay_ms", |millis: i64| {
        u64::try_from(millis).ok().map(|millis| RetryAfter::Delay(Duration::from_millis(millis)))
    })?;
    let at = cells.value::<Option<i64>>(11, "retry_at")?.map(|millis| RetryAfter::At(time(millis)));
    Ok(delay.or(at))
}

fn phases(cells: &Cells<'_>) -> Result<Phases, StoreError> {
    let nanos = |nanos: i64| u64::try_from(nanos).ok().map(Duration::from_nanos);
    Ok(Phases {
        dns: cells.decode_option(12, "dns_ns", nanos)?,
        connect: cells.decode_option(13, "connect_ns", nanos)?,
        tls: cells.decode_option(14, "tls_ns", nanos)?,
        first_byte: cells.decode_option(15, "first_byte_ns", nanos)?,
        total: cells.decode(16, "total_ns", nanos)?,
    })
}

fn headers(json: String) -> Option<Vec<(String, String)>> {
    serde_json::from_str(&json).ok()
}
