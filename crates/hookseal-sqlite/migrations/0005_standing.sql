-- How a subscription stands: whether its endpoint can be reached at all, whether it recovers, and what came of its
-- challenge.

ALTER TABLE subscription ADD COLUMN unreachable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription ADD COLUMN unreachable_since INTEGER;
ALTER TABLE subscription ADD COLUMN recovering INTEGER NOT NULL DEFAULT 0 CHECK (recovering IN (0, 1));

-- The last time that its challenge was asked; `challenge_problem` is NULL where the answer was right.
ALTER TABLE subscription ADD COLUMN challenge_at INTEGER;
ALTER TABLE subscription ADD COLUMN challenge_tries INTEGER;
ALTER TABLE subscription ADD COLUMN challenge_status INTEGER;
ALTER TABLE subscription ADD COLUMN challenge_failure INTEGER;
ALTER TABLE subscription ADD COLUMN challenge_problem TEXT;

-- `disabled_because` 4: the endpoint cannot be reached. As in the step before, no row changes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'disabled_because BETWEEN 1 AND 3', 'disabled_because BETWEEN 1 AND 4')
    WHERE type = 'table' AND name = 'subscription';
PRAGMA writable_schema = RESET;
