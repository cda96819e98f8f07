-- The life of events and deliveries over time: later delivery, expiry, replays.

-- When events may be delivered. Only those that are put off or expire have a row, so that others cost nothing.
CREATE TABLE event_window (
    event      INTEGER PRIMARY KEY,
    deliver_at INTEGER,
    expires_at INTEGER,
    CHECK (deliver_at IS NOT NULL OR expires_at IS NOT NULL)
) STRICT;

-- Deliveries that an event was given after it was accepted. Their place is not next to their event's.
CREATE TABLE late_delivery (
    ord          INTEGER PRIMARY KEY,
    event        INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    UNIQUE (event, subscription)
) STRICT;

-- `wanted` is a set of bits, `place` that of the last event that was looked at.
CREATE TABLE replay (
    ord          INTEGER PRIMARY KEY,
    nonce        INTEGER NOT NULL,
    subscription INTEGER NOT NULL REFERENCES subscription (key),
    since        INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    wanted       INTEGER NOT NULL CHECK (wanted BETWEEN 1 AND 31),
    event_types  TEXT,
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    place        INTEGER NOT NULL,
    examined     INTEGER NOT NULL DEFAULT 0,
    replayed     INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL DEFAULT 0,
    finished_at  INTEGER,
    CHECK ((state = 0) = (finished_at IS NULL))
) STRICT;

CREATE INDEX replay_of_subscription ON replay (subscription, ord);
CREATE UNIQUE INDEX replay_running ON replay (subscription) WHERE state = 0;

-- `expires` and `schedule_from` (attempts that had been made when the schedule began anew) say something of what
-- waits; other rows leave them empty. `cause` 3 is a replay.
ALTER TABLE delivery RENAME TO delivery_before;

CREATE TABLE delivery (
    subscription  INTEGER NOT NULL,
    ord           INTEGER NOT NULL,
    event         INTEGER NOT NULL,
    state         INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5 AND state <> 1),
    attempts      INTEGER NOT NULL,
    cause         INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 3),
    due           INTEGER,
    finished_at   INTEGER,
    status        INTEGER,
    failure       INTEGER,
    duration_ms   INTEGER,
    schedule_from INTEGER NOT NULL DEFAULT 0,
    expires       INTEGER,
    PRIMARY KEY (subscription, ord),
    CHECK ((state = 0) = (due IS NOT NULL)),
    CHECK ((state = 0) = (finished_at IS NULL)),
    CHECK (state = 0 OR expires IS NULL)
) STRICT, WITHOUT ROWID;

INSERT INTO delivery
    (subscription, ord, event, state, attempts, cause, due, finished_at, status, failure, duration_ms)
    SELECT subscription, ord, event, state, attempts, cause, due, finished_at, status, failure, duration_ms
    FROM delivery_before;

DROP TABLE delivery_before;

CREATE INDEX delivery_pending ON delivery (subscription, due, ord) WHERE state = 0;
CREATE INDEX delivery_expiring ON delivery (expires, ord) WHERE state = 0 AND cause = 0 AND expires IS NOT NULL;

ALTER TABLE attempt RENAME TO attempt_before;

CREATE TABLE attempt (
    subscription     INTEGER NOT NULL,
    ord              INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    cause            INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 3),
    started_at       INTEGER NOT NULL,
    status           INTEGER,
    failure          INTEGER,
    detail           TEXT,
    request_headers  TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body    BLOB NOT NULL,
    truncated        INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    retry_delay_ms   INTEGER,
    retry_at         INTEGER,
    dns_ns           INTEGER,
    connect_ns       INTEGER,
    tls_ns           INTEGER,
    first_byte_ns    INTEGER,
    total_ns         INTEGER NOT NULL,
    address          TEXT,
    PRIMARY KEY (subscription, ord, number),
    CHECK ((failure IS NULL) = (detail IS NULL)),
    CHECK (retry_delay_ms IS NULL OR retry_at IS NULL)
) STRICT, WITHOUT ROWID;

INSERT INTO attempt SELECT * FROM attempt_before;

DROP TABLE attempt_before;
