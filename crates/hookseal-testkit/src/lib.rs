//! Tests for Hookseal's ports: the store conformance suite, an in-memory store, a simulated clock.
