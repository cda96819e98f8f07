-- The guard against replays: one row for each delivery that is being handled, or was.
CREATE TABLE replay (
    -- Never given twice, so that a claim that lapsed is not mistaken for the one that came after it.
    claim INTEGER PRIMARY KEY AUTOINCREMENT,
    key   BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
    -- 0: being handled; 1: handled.
    done  INTEGER NOT NULL CHECK (done IN (0, 1)),
    -- Milliseconds since the Unix epoch. From then on the row means nothing: the lease has ended, or the delivery
    -- need not be remembered any longer.
    until INTEGER NOT NULL
) STRICT;

CREATE INDEX replay_until ON replay (until);
