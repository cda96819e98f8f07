//! A claim for as long as the handler runs.

use std::{fmt, future::Future, sync::Arc};

use hookseal::Timestamp;

use super::{Claim, ClaimId, GuardError, ReplayGuard, ReplayKey};

/// A claim that was taken. When it is dropped without a word, because the handler panicked or its future was dropped,
/// it is released.
pub(crate) struct HeldClaim {
    held: Option<Held>,
}

/// What came of claiming a key.
pub(crate) enum Taking {
    Taken(HeldClaim),
    InProgress,
    Done,
}

struct Held {
    guard: Arc<dyn ReplayGuard>,
    key: ReplayKey,
    claim: ClaimId,
}

impl HeldClaim {
    /// Claims a key. A claim that is taken after the caller has gone is released.
    pub(crate) async fn take(
        guard: &Arc<dyn ReplayGuard>,
        key: ReplayKey,
        now: Timestamp,
        lease_end: Timestamp,
    ) -> Result<Taking, GuardError> {
        let guard = Arc::clone(guard);
        to_the_end(async move {
            Ok(match guard.claim(key, now, lease_end).await? {
                Claim::Taken(claim) => Taking::Taken(Self { held: Some(Held { guard, key, claim }) }),
                Claim::InProgress => Taking::InProgress,
                Claim::Done => Taking::Done,
            })
        })
        .await
    }

    /// Remembers the delivery as done.
    pub(crate) async fn confirm(mut self, keep_until: Timestamp) -> Result<(), GuardError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        to_the_end(async move { held.guard.confirm(held.key, held.claim, keep_until).await }).await
    }

    /// Lets the next attempt run.
    pub(crate) async fn release(mut self) -> Result<(), GuardError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        to_the_end(held.release()).await
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

/// Runs a call of the guard to its end whatever becomes of the request: a sender that hangs up ends the request, and
/// would leave half a call behind.
async fn to_the_end<T: Send + 'static>(
    call: impl Future<Output = Result<T, GuardError>> + Send + 'static,
) -> Result<T, GuardError> {
    tokio::spawn(call).await.unwrap_or_else(|gone| Err(GuardError::Unavailable(Box::new(gone))))
}
