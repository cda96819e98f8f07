-- What else the owner of a subscription may choose, and secrets that go at a time.

-- Status codes as `200-208, 410`.
ALTER TABLE subscription ADD COLUMN success TEXT;
-- `10` failed deliveries in a row, a time such as `5d`, or `never`.
ALTER TABLE subscription ADD COLUMN disable_after TEXT;
-- NULL where deliveries go out in any order; 1 stop, 2 skip where the first is given up.
ALTER TABLE subscription ADD COLUMN on_give_up INTEGER CHECK (on_give_up BETWEEN 1 AND 2);
-- Certificates in PEM.
ALTER TABLE subscription ADD COLUMN ca_certificates TEXT;

-- A client certificate and its private key, in PEM.
CREATE TABLE client_identity (
    subscription INTEGER PRIMARY KEY REFERENCES subscription (key),
    certificate  TEXT NOT NULL,
    key          BLOB NOT NULL
) STRICT;

ALTER TABLE secret ADD COLUMN expires_at INTEGER;
