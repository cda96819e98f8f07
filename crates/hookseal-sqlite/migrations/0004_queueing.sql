-- Deliveries that go out in the order of their places, and subscriptions that stop where one of them is given up.

-- What waits, by its place. Only what waits stands in it.
CREATE INDEX delivery_pending_place ON delivery (subscription, ord) WHERE state = 0;

-- `disabled_because` 3: the first of an ordered subscription's deliveries was given up. A table whose rows stay as they
-- are is not built anew for a check (https://sqlite.org/lang_altertable.html, section 8).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'disabled_because BETWEEN 1 AND 2', 'disabled_because BETWEEN 1 AND 3')
    WHERE type = 'table' AND name = 'subscription';
PRAGMA writable_schema = RESET;
