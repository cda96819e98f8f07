//! Writing subscriptions and their secrets.

use hookseal::Timestamp;
use hookseal_engine::{
    ChallengeRecord, ClientIdentity, EventType, Health, Scope, Subscription, SubscriptionId, SubscriptionKey,
    SubscriptionSecret, SubscriptionSettings, SubscriptionStatus,
    ports::store::{NewSubscription, StoreError, SubscriptionChange},
};
use rusqlite::{Connection, params};

use crate::{
    errors::Doing,
    leases::{LeaseChanges, LeaseView},
    limits,
    read::subscriptions::{self, by_id},
    replays::cancel_replays_of,
    writer::{Known, Writer},
};

impl Writer {
    /// Creates a subscription. The same call again finds the one that it made.
    pub(crate) fn create_subscription(&mut self, new: NewSubscription) -> Result<Subscription, StoreError> {
        if subscriptions::id_taken(&self.connection, new.id)? {
            return match by_id(&self.connection, new.scope, new.id)? {
                Some(made) if is_of(&made, &new) => Ok(made),
                _ => Err(StoreError::Conflict { what: "the subscription's id is taken" }),
            };
        }
        let key = self.transaction(|connection| {
            let key = SubscriptionKey(insert(connection, &new)?);
            insert_secrets(connection, key, &new.secrets)?;
            if let Some(client) = &new.settings.tls.client {
                insert_client(connection, key, client)?;
            }
            Ok(key)
        })?;
        self.subscriptions.insert(key, Known { scope: new.scope, deleted: false });
        Ok(Subscription {
            id: new.id,
            key,
            scope: new.scope,
            settings: new.settings,
            secrets: new.secrets,
            status: new.status,
            disabled_because: None,
            health: Health::GOOD,
            challenge: None,
            created_at: new.created_at,
            updated_at: new.created_at,
        })
    }

    /// Writes what changed of a subscription.
    pub(crate) fn change_subscription(
        &mut self,
        change: &SubscriptionChange,
    ) -> Result<Option<Subscription>, StoreError> {
        let Some(before) = by_id(&self.connection, change.scope, change.id)? else { return Ok(None) };
        let client = change.settings.as_ref().map(|settings| settings.tls.client.as_ref());
        let client = client.filter(|client| *client != before.settings.tls.client.as_ref());
        let destroys = change.secrets.is_some() || client.is_some();
        let changed = self.destroying(destroys, |connection| {
            if let Some(settings) = &change.settings {
                update_settings(connection, before.key, settings)?;
            }
            if let Some(client) = client {
                delete_client(connection, before.key)?;
                client.map_or(Ok(()), |client| insert_client(connection, before.key, client))?;
            }
            if let Some(secrets) = &change.secrets {
                delete_secrets(connection, before.key)?;
                insert_secrets(connection, before.key, secrets)?;
            }
            if let Some(status) = change.status {
                update_status(connection, &before, status)?;
            }
            if let Some(challenge) = &change.challenge {
                update_challenge(connection, before.key, challenge.as_ref())?;
            }
            connection
                .prepare_cached("UPDATE subscription SET updated_at = ?2 WHERE key = ?1")
                .and_then(|mut statement| {
                    statement.execute(params![before.key.0, change.now.as_unix_millis()])
                })
                .doing("write a subscription")?;
            by_id(connection, change.scope, change.id)
        })?;
        Ok(changed)
    }

    /// Deletes a subscription and its secrets, and ends the leases of its deliveries. What waits in the table counts
    /// as cancelled from now on, and is marked so in chunks, between other commands.
    pub(crate) fn delete_subscription(
        &mut self,
        scope: Scope,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(Subscription { key, .. }) = by_id(&self.connection, scope, id)? else { return Ok(false) };
        let LeaseView { fresh, claimed } = self.leases.lock().view_of(key);
        self.destroying(true, |connection| {
            mark_deleted(connection, key, now)?;
            delete_secrets(connection, key)?;
            delete_client(connection, key)?;
            cancel_replays_of(connection, key, now)?;
            let mut cancel = connection
                .prepare_cached(
                    "INSERT INTO delivery (subscription, ord, event, state, attempts, cause, finished_at) \
                     VALUES (?1, ?2, ?3, 5, 0, 0, ?4) ON CONFLICT DO NOTHING",
                )
                .doing("cancel a leased delivery")?;
            for (order, lease) in &fresh {
                let (order, event) = (order.cast_signed(), lease.event.order().cast_signed());
                cancel
                    .execute(params![key.0, order, event, now.as_unix_millis()])
                    .doing("cancel a leased delivery")?;
            }
            Ok(())
        })?;
        let ended = fresh.into_iter().chain(claimed).map(|(order, _)| order).collect();
        self.leases.lock().apply(LeaseChanges { ended, ..LeaseChanges::default() });
        self.subscriptions.insert(key, Known { scope, deleted: true });
        self.cancelling.push_back(key);
        Ok(true)
    }

    /// Marks some of the deliveries as cancelled that waited for a deleted subscription.
    pub(crate) fn cancel_chunk(&mut self) -> Result<(), StoreError> {
        let Some(key) = self.cancelling.front().copied() else { return Ok(()) };
        let finished = self.transaction(|connection| {
            let cancelled = connection
                .prepare_cached(
                    "UPDATE delivery SET state = 5, due = NULL, expires = NULL, \
                     finished_at = (SELECT deleted_at FROM subscription WHERE key = ?1) \
                     WHERE subscription = ?1 AND ord IN (SELECT ord FROM delivery INDEXED BY delivery_pending \
                     WHERE subscription = ?1 AND state = 0 LIMIT ?2)",
                )
                .and_then(|mut statement| statement.execute(params![key.0, limits::CANCEL_CHUNK as i64]))
                .doing("cancel deliveries")?;
            let finished = cancelled < limits::CANCEL_CHUNK;
            if finished {
                connection
                    .prepare_cached("UPDATE subscription SET cancelling = 0 WHERE key = ?1")
                    .and_then(|mut statement| statement.execute([key.0]))
                    .doing("end cancelling")?;
            }
            Ok(finished)
        })?;
        if finished {
            self.cancelling.pop_front();
        }
        Ok(())
    }

    /// A transaction whose deletions overwrite what they delete, in the database and then in the log.
    fn destroying<T>(
        &mut self,
        destroys: bool,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !destroys {
            return self.transaction(work);
        }
        secure_delete(&self.connection, true)?;
        let done = self.transaction(work);
        self.purge_log |= done.is_ok();
        secure_delete(&self.connection, false)?;
        done
    }
}

/// Whether a subscription is what a call to create it would have made.
fn is_of(made: &Subscription, new: &NewSubscription) -> bool {
    made.settings == new.settings
        && made.secrets == new.secrets
        && made.status == new.status
        && made.created_at == new.created_at
}

fn secure_delete(connection: &Connection, on: bool) -> Result<(), StoreError> {
    connection
        .query_row(
            if on { "PRAGMA secure_delete = ON" } else { "PRAGMA secure_delete = OFF" },
            [],
            |_| Ok(()),
        )
        .doing("choose how to delete")
}

fn insert(connection: &Connection, new: &NewSubscription) -> Result<i64, StoreError> {
    let created_at = new.created_at.as_unix_millis();
    connection
        .prepare_cached(
            "INSERT INTO subscription (id, scope, endpoint_url, profile, headers, status, created_at, updated_at) \
             VALUES (?1, ?2, '', '', '', ?3, ?4, ?4)",
        )
        .and_then(|mut statement| {
            let id = new.id.as_uuid();
            statement.execute(params![id.as_bytes(), new.scope.0, new.status as u8, created_at])
        })
        .doing("create a subscription")?;
    let key = connection.last_insert_rowid();
    update_settings(connection, SubscriptionKey(key), &new.settings)?;
    Ok(key)
}

fn update_settings(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
    settings: &SubscriptionSettings,
) -> Result<(), StoreError> {
    let types = settings.event_types.as_deref().map(types_json);
    connection
        .prepare_cached(
            "UPDATE subscription SET endpoint_url = ?2, event_types = ?3, profile = ?4, description = ?5, \
             headers = ?6, timeout_ms = ?7, rate_limit_per_s = ?8, max_in_flight = ?9, retry_schedule_s = ?10, \
             metadata = ?11, success = ?12, disable_after = ?13, on_give_up = ?14, ca_certificates = ?15 \
             WHERE key = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                key,
                settings.endpoint_url,
                types,
                settings.profile,
                settings.description,
                json(&settings.headers),
                settings.timeout_ms,
                settings.rate_limit_per_s,
                settings.max_in_flight,
                settings.retry_schedule_s.as_ref().map(json),
                settings.metadata,
                settings.success.as_ref().map(ToString::to_string),
                settings.disable_after.as_ref().map(ToString::to_string),
                settings.ordered.map(|choice| choice as u8),
                settings.tls.ca_certificates,
            ])
        })
        .doing("write a subscription's settings")?;
    Ok(())
}

/// Leaving `TooManyErrors` forgets why, and the health is that of whoever recovers.
fn update_status(
    connection: &Connection,
    before: &Subscription,
    status: SubscriptionStatus,
) -> Result<(), StoreError> {
    let leaves = before.status == SubscriptionStatus::TooManyErrors && status != before.status;
    connection
        .prepare_cached(
            "UPDATE subscription SET status = ?2, \
             disabled_because = CASE WHEN ?3 THEN NULL ELSE disabled_because END, \
             failures = CASE WHEN ?3 THEN 0 ELSE failures END, \
             failing_since = CASE WHEN ?3 THEN NULL ELSE failing_since END, \
             unreachable = CASE WHEN ?3 THEN 0 ELSE unreachable END, \
             unreachable_since = CASE WHEN ?3 THEN NULL ELSE unreachable_since END, \
             recovering = CASE WHEN ?3 THEN 1 ELSE recovering END WHERE key = ?1",
        )
        .and_then(|mut statement| statement.execute(params![before.key.0, status as u8, leaves]))
        .doing("write a subscription's status")?;
    Ok(())
}

fn update_challenge(
    connection: &Connection,
    SubscriptionKey(key): SubscriptionKey,
    challenge: Option<&ChallengeRecord>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE subscription SET challenge_at = ?2, challenge_tries = ?3, challenge_status = ?4, \
             challenge_failure = ?5, challenge_problem = ?6 WHERE key = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                key,
                challenge.map(|challenge| challenge.at.as_unix_millis()),
                challenge.map(|challenge| challenge.tries),
                challenge.and_then(|challenge| challenge.status),
                challenge.and_then(|challenge| challenge.failure).map(|kind| kind as u8),
                challenge.and_then(|challenge| challenge.problem.as_deref()),
            ])
        })
        .doing("write what came of a challenge")?;
    Ok(())
}

/// What could hold a secret goes with the secrets; the rest stays for those who read the deliveries.
fn mark_deleted(connection: &Connection, key: SubscriptionKey, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE subscription SET deleted_at = ?2, updated_at = ?2, cancelling = 1, headers = '[]', \
             endpoint_url = '' WHERE key = ?1",
        )
        .and_then(|mut statement| statement.execute(params![key.0, now.as_unix_millis()]))
        .doing("delete a subscription")?;
    Ok(())
}

fn insert_secrets(
    connection: &Connection,
    key: SubscriptionKey,
    secrets: &[SubscriptionSecret],
) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO secret (subscription, place, secret, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .doing("store a secret")?;
    for (place, secret) in (0i64..).zip(secrets) {
        let created_at = secret.created_at.as_unix_millis();
        let expires_at = secret.expires_at.map(Timestamp::as_unix_millis);
        let stored = statement.execute(params![key.0, place, secret.secret.expose(), created_at, expires_at]);
        // The statement is kept prepared, and must not keep the secret with it.
        statement.clear_bindings();
        stored.doing("store a secret")?;
    }
    Ok(())
}

fn delete_secrets(connection: &Connection, SubscriptionKey(key): SubscriptionKey) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM secret WHERE subscription = ?1")
        .and_then(|mut statement| statement.execute([key]))
        .doing("destroy secrets")?;
    Ok(())
}

fn insert_client(
    connection: &Connection,
    key: SubscriptionKey,
    client: &ClientIdentity,
) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("INSERT INTO client_identity (subscription, certificate, key) VALUES (?1, ?2, ?3)")
        .doing("store a client certificate")?;
    let stored = statement.execute(params![key.0, client.certificate, client.key.expose()]);
    // As with secrets: the statement outlives this call, and the key must not.
    statement.clear_bindings();
    stored.doing("store a client certificate")?;
    Ok(())
}

fn delete_client(connection: &Connection, SubscriptionKey(key): SubscriptionKey) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM client_identity WHERE subscription = ?1")
        .and_then(|mut statement| statement.execute([key]))
        .doing("destroy a client certificate")?;
    Ok(())
}

/// Event types as they are kept: a JSON array.
pub(crate) fn types_json(types: &[EventType]) -> String {
    json(&types.iter().map(EventType::as_str).collect::<Vec<_>>())
}

/// Lists of settings as JSON.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("invariant: lists of strings and numbers are always JSON")
}
