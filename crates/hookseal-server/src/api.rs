//! What every call has at hand.

use std::sync::Arc;

use hookseal::Timestamp;
use hookseal_engine::Engine;
use tokio::sync::{Mutex, Semaphore};

use crate::{Keyring, ServerConfig, limits, problem::Problem};

/// What every call has at hand.
pub(crate) struct Api {
    pub(crate) engine: Arc<Engine>,
    pub(crate) keys: Keyring,
    pub(crate) config: ServerConfig,
    /// One change of a subscription at a time: each reads what there is and writes it back whole.
    pub(crate) changing: Mutex<()>,
    /// The room for batches of events, in units of [`limits::BATCH_BYTES_COUNTED_MIN`].
    pub(crate) batches: Semaphore,
    /// When the store was last found to be writable, or not.
    pub(crate) checked: Mutex<Option<(Timestamp, bool)>>,
}

impl Api {
    pub(crate) fn new(engine: Arc<Engine>, keys: Keyring, config: ServerConfig) -> Arc<Self> {
        Arc::new(Self {
            engine,
            keys,
            config,
            changing: Mutex::default(),
            batches: Semaphore::new(limits::BATCHES_BYTES_AT_ONCE / limits::BATCH_BYTES_COUNTED_MIN),
            checked: Mutex::default(),
        })
    }
}

/// Runs a change to its end, whatever becomes of the request: a client that hangs up half-way must not leave the
/// engine's memory behind its store.
///
/// # Errors
///
/// What the change says, or an internal problem where it panicked.
pub(crate) async fn to_the_end<T, E>(
    change: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    match tokio::spawn(change).await {
        Ok(result) => Ok(result?),
        Err(panicked) => Err(Problem::internal(panicked)),
    }
}
