//! The schema, in numbered steps that are applied once each.

use rusqlite::{Connection, Error, TransactionBehavior};

/// Step `n` leads from version `n` to `n + 1`. What was released is never changed; a change is a further step.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_settings.sql"),
    include_str!("../migrations/0003_event_life.sql"),
    include_str!("../migrations/0004_queueing.sql"),
    include_str!("../migrations/0005_standing.sql"),
    include_str!("../migrations/0006_attempt_route.sql"),
];

/// The version that this program reads and writes.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// What marks a database as Hookseal's: "HkSl".
pub(crate) const APPLICATION_ID: i32 = 0x486b_536c;

/// What a database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) application: i32,
    pub(crate) version: u32,
    /// Whether nothing is in it.
    pub(crate) empty: bool,
}

/// Reads what a database says of itself.
pub(crate) fn identity(connection: &Connection) -> Result<Identity, Error> {
    Ok(Identity {
        application: connection.query_row("PRAGMA application_id", [], |row| row.get(0))?,
        version: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        empty: connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?,
    })
}

/// Brings a database from `version` to [`VERSION`], each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, version: u32) -> Result<(), Error> {
    for (step, sql) in (0u32..).zip(MIGRATIONS).skip(version as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hookseal::{Secret, Timestamp};
    use hookseal_engine::{
        DeliveryState, DisableReason, HttpVersion, OnGiveUp, ReplayState, Replayable, SubscriptionSecret,
        SubscriptionSettings, SubscriptionStatus, Trigger, Wanted,
    };

    use super::*;

    fn empty() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0).unwrap();
        connection
    }

    /// The numbers between -2 and 20 with which this statement writes a row.
    fn allowed(connection: &Connection, sql: &str) -> Vec<i64> {
        (-2..=20).filter(|code| connection.execute(sql, [code]).is_ok()).collect()
    }

    #[test]
    fn the_tables_allow_what_the_engine_knows() {
        let connection = empty();
        let insert = "INSERT OR REPLACE INTO";
        // Leases live in memory: that state alone is never written.
        let states = DeliveryState::ALL.into_iter().filter(|state| *state != DeliveryState::Leased);
        let sql = "delivery (subscription, ord, event, state, attempts, cause, due, finished_at) VALUES \
                   (1, 1, 1, ?1, 0, 0, iif(?1 = 0, 5, NULL), iif(?1 = 0, NULL, 5))";
        let expected: Vec<_> = states.map(|state| state as i64).collect();
        assert_eq!(allowed(&connection, &format!("{insert} {sql}")), expected);

        let triggers = Trigger::ALL.map(|trigger| trigger as i64);
        let sql =
            "delivery (subscription, ord, event, state, attempts, cause, due) VALUES (1, 1, 1, 0, 0, ?1, 5)";
        assert_eq!(allowed(&connection, &format!("{insert} {sql}")), triggers);
        let sql = "attempt (subscription, ord, number, cause, started_at, request_headers, response_headers, \
                   response_body, truncated, total_ns) VALUES (1, 1, 1, ?1, 0, '', '', x'', 0, 0)";
        assert_eq!(allowed(&connection, &format!("{insert} {sql}")), triggers);

        let sql = "attempt (subscription, ord, number, cause, started_at, request_headers, response_headers, \
                   response_body, truncated, total_ns, http_version) VALUES (1, 1, 1, 0, 0, '', '', x'', 0, 0, ?1)";
        assert_eq!(allowed(&connection, &format!("{insert} {sql}")), HttpVersion::ALL.map(|v| v as i64));

        let columns = "subscription (key, id, scope, endpoint_url, profile, headers, created_at, updated_at";
        let sql = format!("{insert} {columns}, status) VALUES (1, zeroblob(16), 1, '', '', '', 0, 0, ?1)");
        assert_eq!(allowed(&connection, &sql), SubscriptionStatus::ALL.map(|status| status as i64));
        let sql = format!(
            "{insert} {columns}, status, disabled_because) VALUES (1, zeroblob(16), 1, '', '', '', 0, 0, 3, ?1)"
        );
        assert_eq!(allowed(&connection, &sql), DisableReason::ALL.map(|reason| reason as i64));
        let sql = format!(
            "{insert} {columns}, status, on_give_up) VALUES (1, zeroblob(16), 1, '', '', '', 0, 0, 1, ?1)"
        );
        assert_eq!(allowed(&connection, &sql), OnGiveUp::ALL.map(|choice| choice as i64));
        let sql = format!(
            "{insert} replay (ord, nonce, subscription, since, until, wanted, place, state, finished_at) \
             VALUES (1, 1, 1, 0, 1, 1, 0, ?1, iif(?1 = 0, NULL, 5))"
        );
        assert_eq!(allowed(&connection, &sql), ReplayState::ALL.map(|state| state as i64));
        let sql = format!(
            "{insert} replay (ord, nonce, subscription, since, until, wanted, place, state) \
             VALUES (1, 1, 1, 0, 1, ?1, 0, 0)"
        );
        let all = Wanted::of(Replayable::ALL).unwrap().code();
        assert_eq!(allowed(&connection, &sql), (1..=20).collect::<Vec<_>>());
        assert!(connection.execute(&sql, [all]).is_ok() && connection.execute(&sql, [all + 1]).is_err());
    }

    /// A data directory of an earlier version opens, and what is in it stays.
    #[test]
    fn later_steps_keep_what_was_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        let rows = "INSERT INTO subscription (key, id, scope, endpoint_url, profile, headers, status, failures, \
                    created_at, updated_at) VALUES (7, zeroblob(16), 1, 'https://example.com/', 'harmon', '[]', 1, 3, 8, 9); \
                    INSERT INTO secret (subscription, place, secret, created_at) VALUES (7, 0, x'616263', 8); \
                    INSERT INTO delivery (subscription, ord, event, state, attempts, cause, due) VALUES (7, 5, 4, 0, 1, 1, 99); \
                    INSERT INTO attempt (subscription, ord, number, cause, started_at, request_headers, response_headers, \
                    response_body, truncated, total_ns) VALUES (7, 5, 1, 2, 3, '[]', '[]', x'00', 0, 17);";
        connection.execute_batch(rows).unwrap();
        migrate(&mut connection, 1).unwrap();
        assert_eq!(identity(&connection).unwrap().version, VERSION);
        let all = crate::read::subscriptions::all(&connection).unwrap();
        let [kept] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((kept.key.0, kept.health.failures_in_a_row, kept.updated_at.as_unix_millis()), (7, 3, 9));
        assert_eq!(kept.settings, SubscriptionSettings::new("https://example.com/", "harmon"));
        let secret = SubscriptionSecret::new(Secret::new("abc"), Timestamp::from_unix_millis(8));
        assert_eq!(kept.secrets, [secret]);
        let row = crate::rows::DeliveryRow::find(&connection, kept.key, 5).unwrap().unwrap();
        assert_eq!((row.state, row.attempts, row.cause), (DeliveryState::Pending, 1, Trigger::Manual));
        assert_eq!(row.due.map(Timestamp::as_unix_millis), Some(99));
        let attempt = connection.query_row("SELECT ord, cause, total_ns FROM attempt", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        assert_eq!(attempt.unwrap(), (5, 2, 17));
    }

    #[test]
    fn the_literals_in_statements_are_what_the_engine_means() {
        assert_eq!((DeliveryState::Pending as i64, DeliveryState::Cancelled as i64), (0, 5));
        assert_eq!(DeliveryState::Expired as i64, 4);
        assert_eq!((Trigger::Schedule as i64, SubscriptionStatus::TooManyErrors as i64), (0, 3));
    }

    #[test]
    fn a_pending_delivery_is_due_and_a_final_one_is_finished() {
        let connection = empty();
        let insert = |state: i64, due: Option<i64>, finished_at: Option<i64>| {
            connection.execute(
                "INSERT OR REPLACE INTO delivery (subscription, ord, event, state, attempts, cause, due, finished_at) \
                 VALUES (1, 1, 1, ?1, 0, 0, ?2, ?3)",
                rusqlite::params![state, due, finished_at],
            )
        };
        assert!(insert(0, Some(5), None).is_ok());
        assert!(insert(2, None, Some(5)).is_ok());
        for (state, due, finished_at) in
            [(0, None, None), (0, Some(5), Some(5)), (2, Some(5), Some(5)), (3, None, None)]
        {
            assert!(insert(state, due, finished_at).is_err(), "{state} {due:?} {finished_at:?}");
        }
    }
}
