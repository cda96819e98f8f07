//! Guards against replays: what was handled is remembered, and not handled again.
//!
//! A guard knows a delivery by a [`ReplayKey`]. Before the handler runs the receiver *claims* the key; when the handler
//! succeeded it *confirms* the claim, and when it failed it *releases* it, so that the sender's next attempt runs. A
//! claim that is neither confirmed nor released, since the process stopped, lapses when its lease ends.

mod held;
mod key;
mod memory;

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use hookseal::Timestamp;

pub(crate) use held::{HeldClaim, Taking};
pub use key::ReplayKey;
pub(crate) use key::{Identity, replay_key};
pub use memory::MemoryGuard;

/// Remembers deliveries.
///
/// Of any number of claims of one key that are made at once, by however many threads, processes and machines share the
/// guard, exactly one is [taken](Claim::Taken). A guard that cannot promise that, or cannot be reached, answers with
/// an error, and the receiver with 503: nothing passes unguarded.
///
/// Guards have no clock of their own; `now` is the receiver's. An entry is there while `now` is before its end.
///
/// The rules are in the module `conformance` (feature `conformance`) as tests, for guards on other stores.
#[async_trait]
pub trait ReplayGuard: Send + Sync + 'static {
    /// Takes `key` until `lease_end` if nobody has it, or tells how it stands.
    ///
    /// # Errors
    /// [`GuardError::Full`] and [`GuardError::Unavailable`]. Nothing is taken then.
    async fn claim(&self, key: ReplayKey, now: Timestamp, lease_end: Timestamp) -> Result<Claim, GuardError>;

    /// Remembers `key` as done until `keep_until`.
    ///
    /// # Errors
    /// [`GuardError::Lapsed`] where `claim` has lapsed and another has taken the key or it is forgotten, and
    /// [`GuardError::Unavailable`]. The key is then as it was.
    async fn confirm(&self, key: ReplayKey, claim: ClaimId, keep_until: Timestamp) -> Result<(), GuardError>;

    /// Forgets `key`, where it is still held by `claim`; whatever became of it otherwise stays so.
    ///
    /// # Errors
    /// [`GuardError::Unavailable`]. The claim then lapses by itself.
    async fn release(&self, key: ReplayKey, claim: ClaimId) -> Result<(), GuardError>;
}

/// A guard that several receivers share.
#[async_trait]
impl<G: ReplayGuard + ?Sized> ReplayGuard for Arc<G> {
    async fn claim(&self, key: ReplayKey, now: Timestamp, lease_end: Timestamp) -> Result<Claim, GuardError> {
        G::claim(self, key, now, lease_end).await
    }

    async fn confirm(&self, key: ReplayKey, claim: ClaimId, keep_until: Timestamp) -> Result<(), GuardError> {
        G::confirm(self, key, claim, keep_until).await
    }

    async fn release(&self, key: ReplayKey, claim: ClaimId) -> Result<(), GuardError> {
        G::release(self, key, claim).await
    }
}

/// How a key stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// Nobody had it, and now the caller has.
    Taken(ClaimId),
    /// Another has it, and has not said what came of it.
    InProgress,
    /// It was confirmed.
    Done,
}

/// Which claim of a key: one that comes after a lapsed one has another id, so that the lapsed one changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClaimId(pub i64);

/// Why a guard did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// It has no room for a further key, and nothing in it has expired.
    #[error("the guard against replays is full")]
    Full,
    /// It does not answer. What was asked may be asked again.
    #[error("the guard against replays does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The claim is no longer there.
    #[error("the claim has lapsed")]
    Lapsed,
}
