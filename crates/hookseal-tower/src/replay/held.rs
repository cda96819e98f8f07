//! A claim for as long as the handler runs.

use std::{fmt, sync::Arc};

use hookseal::Timestamp;

use super::{ClaimId, GuardError, ReplayGuard, ReplayKey};

/// A claim that was taken. When it is dropped without a word, because the handler panicked or its future was dropped,
/// it is released.
pub(crate) struct HeldClaim {
    held: Option<Held>,
}

struct Held {
    guard: Arc<dyn ReplayGuard>,
    key: ReplayKey,
    claim: ClaimId,
}

impl HeldClaim {
    pub(crate) fn new(guard: Arc<dyn ReplayGuard>, key: ReplayKey, claim: ClaimId) -> Self {
        Self { held: Some(Held { guard, key, claim }) }
    }

    /// Remembers the delivery as done.
    pub(crate) async fn confirm(mut self, keep_until: Timestamp) -> Result<(), GuardError> {
        match self.held.take() {
            Some(held) => held.guard.confirm(held.key, held.claim, keep_until).await,
            None => Ok(()),
        }
    }

    /// Lets the next attempt run.
    pub(crate) async fn release(mut self) -> Result<(), GuardError> {
        match self.held.take() {
            Some(held) => held.release().await,
            None => Ok(()),
        }
    }
}

impl Held {
    async fn release(self) -> Result<(), GuardError> {
        self.guard.release(self.key, self.claim).await
    }
}

impl Drop for HeldClaim {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        // Without a runtime nothing can be waited for, and the claim lapses when its lease ends.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = held.release().await {
                tracing::warn!(%error, "a claim was not released, and lapses when its lease ends");
            }
        });
    }
}

impl fmt::Debug for HeldClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldClaim").field("key", &self.held.as_ref().map(|held| held.key)).finish()
    }
}
