use std::time::Duration;

use hookseal_engine::limits as engine;

use crate::limits;

/// What an operator chooses of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Bytes of an event's body at most: what the engine was given as its bound. A request that publishes one may be
    /// a third longer, which base64 takes, and 64 KiB more.
    pub body_bytes_max: usize,
    /// Within which a request's body must have come, and within which a call other than publishing and test
    /// deliveries must be answered: those two have deadlines of their own.
    pub request_timeout: Duration,
    /// Connections at once; those beyond it wait to be accepted.
    pub max_connections: usize,
    /// Bytes of a request's line and headers together.
    pub head_bytes_max: usize,
    /// How long a connection may stay open without a whole request head arriving on it, or an answer leaving it.
    pub idle_timeout: Duration,
    /// How long requests under way may take to end when the server stops; what takes longer is cut off.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: engine::BODY_BYTES_DEFAULT,
            request_timeout: limits::REQUEST_TIMEOUT_DEFAULT,
            max_connections: limits::CONNECTIONS_DEFAULT,
            head_bytes_max: limits::HEAD_BYTES_DEFAULT,
            idle_timeout: limits::IDLE_TIMEOUT_DEFAULT,
            drain: limits::DRAIN_DEFAULT,
        }
    }
}

impl ServerConfig {
    /// Bytes of a request that publishes an event: the body as base64, and what stands around it.
    pub(crate) fn publish_bytes_max(&self) -> usize {
        self.body_bytes_max.div_ceil(3) * 4 + limits::PUBLISH_AROUND_BYTES_MAX
    }
}
