//! Recording what attempts came to. A success is one narrow row; a failure is kept in full.

use std::time::Duration;

use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryState, Terms, Trigger,
    ports::store::{Ended, HealthChange, NextStep, Outcome, StoreError},
};
use hookseal_engine::{RetryAfter, SubscriptionKey, SubscriptionStatus};
use rusqlite::{CachedStatement, Connection, params};

use crate::{
    errors::Doing,
    leases::{Lease, LeaseChanges},
    writer::Writer,
};

impl Writer {
    /// Records one outcome, unless the delivery's lease was lost.
    pub(crate) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        outcome: &Outcome,
        changes: &mut LeaseChanges,
    ) -> Result<(), StoreError> {
        // One that was applied before, and is offered again because its answer was lost, is not of the next attempt.
        let next = |lease: &Lease| outcome.attempt.number == lease.attempts + 1;
        let held = self.leases.lock().of(&outcome.delivery).is_some_and(next);
        if !held || !changes.ended.insert(outcome.delivery.id.order()) {
            return Ok(());
        }
        recorder.write_delivery(outcome)?;
        if outcome.next != NextStep::Succeeded {
            let order = outcome.delivery.id.order();
            insert_attempt(recorder.connection, outcome.delivery.subscription, order, &outcome.attempt)?;
        }
        Ok(())
    }

    /// Records the end of a delivery that was not attempted, unless its lease was lost.
    pub(crate) fn record_end(
        &self,
        connection: &Connection,
        ended: &Ended,
        changes: &mut LeaseChanges,
    ) -> Result<(), StoreError> {
        let held = self.leases.lock().of(&ended.delivery).is_some();
        if !held || !changes.ended.insert(ended.delivery.id.order()) {
            return Ok(());
        }
        connection
            .prepare_cached(
                "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, finished_at) \
                 VALUES (?1, ?2, ?3, ?4, 0, 0, ?5) ON CONFLICT (subscription, ord) DO UPDATE SET \
                 state = excluded.state, due = NULL, expires = NULL, finished_at = excluded.finished_at",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    ended.delivery.subscription.0,
                    ended.delivery.id.order().cast_signed(),
                    ended.delivery.event.order().cast_signed(),
                    ended.end.state() as u8,
                    ended.at.as_unix_millis(),
                ])
            })
            .doing("end a delivery")?;
        Ok(())
    }

    /// Writes a subscription's health, unless the subscription is gone.
    pub(crate) fn change_health(
        &self,
        connection: &Connection,
        change: &HealthChange,
    ) -> Result<(), StoreError> {
        let mut statement = connection
            .prepare_cached(
                "UPDATE subscription SET failures = ?2, failing_since = ?3, unreachable = ?6, unreachable_since = ?7, \
                 recovering = ?8, \
                 status = CASE WHEN ?4 IS NULL THEN status ELSE ?5 END, \
                 disabled_because = coalesce(?4, disabled_because) \
                 WHERE key = ?1 AND deleted_at IS NULL",
            )
            .doing("write a subscription's health")?;
        statement
            .execute(params![
                change.subscription.0,
                change.health.failures_in_a_row,
                change.health.failing_since.map(Timestamp::as_unix_millis),
                change.disable.map(|reason| reason as u8),
                SubscriptionStatus::TooManyErrors as u8,
                change.health.unreachable_in_a_row,
                change.health.unreachable_since.map(Timestamp::as_unix_millis),
                change.health.recovering,
            ])
            .doing("write a subscription's health")?;
        Ok(())
    }
}

/// The statement that writes a delivery's row after an attempt. It writes all columns, so that it makes no
/// difference whether there was a row.
pub(crate) struct Recorder<'c> {
    connection: &'c Connection,
    delivery: CachedStatement<'c>,
}

impl<'c> Recorder<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> Result<Self, StoreError> {
        let delivery = connection.prepare_cached(
            "INSERT OR REPLACE INTO delivery (subscription, ord, event, state, attempts, cause, due, finished_at, \
             status, failure, duration_ms, schedule_from, expires) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        );
        Ok(Self { connection, delivery: delivery.doing("prepare to record outcomes")? })
    }

    fn write_delivery(&mut self, outcome: &Outcome) -> Result<(), StoreError> {
        let attempt = &outcome.attempt;
        let duration_ms = whole_millis(attempt.result.phases.total).min(i64::from(u32::MAX));
        let ended = attempt.started_at.as_unix_millis().saturating_add(duration_ms);
        let (state, cause, due, finished_at) = match outcome.next {
            NextStep::Succeeded => (DeliveryState::Succeeded, attempt.trigger, None, Some(ended)),
            NextStep::GiveUp => (DeliveryState::Failed, attempt.trigger, None, Some(ended)),
            NextStep::Expire => (DeliveryState::Expired, attempt.trigger, None, Some(ended)),
            NextStep::RetryAt(due) => {
                (DeliveryState::Pending, Trigger::Schedule, Some(due.as_unix_millis()), None)
            }
        };
        // What has ended has no terms any more.
        let terms = if state.is_final() { Terms::default() } else { outcome.terms };
        self.delivery
            .execute(params![
                outcome.delivery.subscription.0,
                outcome.delivery.id.order().cast_signed(),
                outcome.delivery.event.order().cast_signed(),
                state as u8,
                attempt.number,
                cause as u8,
                due,
                finished_at,
                attempt.result.status,
                attempt.result.failure.as_ref().map(|failure| failure.kind as u8),
                duration_ms,
                terms.schedule_from,
                terms.expires_at.map(Timestamp::as_unix_millis),
            ])
            .doing("record an outcome")?;
        Ok(())
    }
}

/// Writes an attempt in full. One that is there already is the same one.
pub(crate) fn insert_attempt(
    connection: &Connection,
    SubscriptionKey(subscription): SubscriptionKey,
    order: u64,
    attempt: &AttemptRecord,
) -> Result<(), StoreError> {
    let AttemptResult { failure, phases, retry_after, .. } = &attempt.result;
    let (retry_delay, retry_at) = match retry_after {
        Some(RetryAfter::Delay(delay)) => (Some(whole_millis(*delay)), None),
        Some(RetryAfter::At(at)) => (None, Some(at.as_unix_millis())),
        None => (None, None),
    };
    let mut statement = connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempt (subscription, ord, number, cause, started_at, status, failure, detail, \
             request_headers, response_headers, response_body, truncated, retry_delay_ms, retry_at, dns_ns, \
             connect_ns, tls_ns, first_byte_ns, total_ns, address, http_version, proxy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
             ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        )
        .doing("store an attempt")?;
    statement
        .execute(params![
            subscription,
            order.cast_signed(),
            attempt.number,
            attempt.trigger as u8,
            attempt.started_at.as_unix_millis(),
            attempt.result.status,
            failure.as_ref().map(|failure| failure.kind as u8),
            failure.as_ref().map(|failure| failure.detail.as_str()),
            headers_json(&attempt.result.request_headers),
            headers_json(&attempt.result.response_headers),
            &*attempt.result.response_body,
            attempt.result.response_truncated,
            retry_delay,
            retry_at,
            phases.dns.map(nanos),
            phases.connect.map(nanos),
            phases.tls.map(nanos),
            phases.first_byte.map(nanos),
            nanos(phases.total),
            attempt.result.address.map(|address| address.to_string()),
            attempt.result.http_version.map(|version| version as u8),
            attempt.result.proxy,
        ])
        .doing("store an attempt")?;
    Ok(())
}

/// Headers as a JSON array of pairs.
fn headers_json(headers: &[(String, String)]) -> String {
    serde_json::to_string(headers).expect("invariant: pairs of strings are always JSON")
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
