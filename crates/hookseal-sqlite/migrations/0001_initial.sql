-- Rows are narrow on purpose: their width is most of what an event costs.
--
-- `ord` is the ascending part of an id, `nonce` its random part; together they are the id. A delivery's nonce is
-- derived from its event's and is not kept. Times are milliseconds since the Unix epoch.
--
-- Checks of what is written for every event are ranges: a list of more than two values is a table of its own,
-- built anew for every row.

CREATE TABLE scope (
    id     INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    mode   TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    UNIQUE (tenant, mode)
) STRICT;

INSERT INTO scope (id, tenant, mode) VALUES (1, 'default', 'live'), (2, 'default', 'test');

CREATE TABLE api_key (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scope      INTEGER NOT NULL REFERENCES scope (id),
    operator   INTEGER NOT NULL CHECK (operator IN (0, 1)),
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A deleted subscription keeps its row, so that its deliveries can still name it.
CREATE TABLE subscription (
    key              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    scope            INTEGER NOT NULL REFERENCES scope (id),
    endpoint_url     TEXT NOT NULL,
    event_types      TEXT,
    profile          TEXT NOT NULL,
    description      TEXT,
    headers          TEXT NOT NULL,
    timeout_ms       INTEGER,
    rate_limit_per_s INTEGER,
    max_in_flight    INTEGER,
    retry_schedule_s TEXT,
    metadata         TEXT,
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    disabled_because INTEGER CHECK (disabled_because BETWEEN 1 AND 2),
    failures         INTEGER NOT NULL DEFAULT 0,
    failing_since    INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    deleted_at       INTEGER,
    -- Whether deliveries of a deleted subscription may still wait to be marked as cancelled.
    cancelling       INTEGER NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)),
    CHECK (disabled_because IS NULL OR status = 3)
) STRICT;

CREATE INDEX subscription_of_scope ON subscription (scope, id) WHERE deleted_at IS NULL;

CREATE TABLE secret (
    subscription INTEGER NOT NULL REFERENCES subscription (key),
    place        INTEGER NOT NULL,
    secret       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (subscription, place)
) STRICT, WITHOUT ROWID;

-- `targets` are the keys of the subscriptions, each a varint: delivery `k` has the place `ord + 1 + k`. It stands
-- before the body, so that reading it never leads to overflow pages.
CREATE TABLE event (
    ord          INTEGER PRIMARY KEY,
    nonce        INTEGER NOT NULL,
    scope        INTEGER NOT NULL,
    accepted_at  INTEGER NOT NULL,
    type         TEXT NOT NULL,
    content_type TEXT,
    external_id  TEXT,
    targets      BLOB NOT NULL,
    body         BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX event_external_id ON event (scope, external_id) WHERE external_id IS NOT NULL;

-- A delivery without a row is one that was leased as it was accepted, and of which nothing is recorded yet. The
-- state `leased` (1) is never written: leases live in memory and end with the process.
-- `cause` is why the next attempt is made while the state is 0, and why the last was made otherwise.
CREATE TABLE delivery (
    subscription INTEGER NOT NULL,
    ord          INTEGER NOT NULL,
    event        INTEGER NOT NULL,
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5 AND state <> 1),
    attempts     INTEGER NOT NULL,
    cause        INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 2),
    due          INTEGER,
    finished_at  INTEGER,
    status       INTEGER,
    failure      INTEGER,
    duration_ms  INTEGER,
    PRIMARY KEY (subscription, ord),
    CHECK ((state = 0) = (due IS NOT NULL)),
    CHECK ((state = 0) = (finished_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_pending ON delivery (subscription, due, ord) WHERE state = 0;

-- Attempts that failed, in full. A success is rebuilt from its delivery's row, and gets a row here only when the
-- delivery is sent again.
CREATE TABLE attempt (
    subscription     INTEGER NOT NULL,
    ord              INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    cause            INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 2),
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

-- One row. `recover_from`: no event below this place has a delivery without a row. It may lag, and never leads.
CREATE TABLE progress (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    recover_from INTEGER NOT NULL,
    probe        INTEGER NOT NULL
) STRICT;

INSERT INTO progress (one, recover_from, probe) VALUES (1, 0, 0);
