//! The embedded store of Hookseal, on SQLite.
