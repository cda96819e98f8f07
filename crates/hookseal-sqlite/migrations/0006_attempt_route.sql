-- What an attempt shows of how it went out: the version of HTTP of the answer, and the egress proxy.
ALTER TABLE attempt ADD COLUMN http_version INTEGER CHECK (http_version IN (10, 11, 20));
ALTER TABLE attempt ADD COLUMN proxy TEXT;
