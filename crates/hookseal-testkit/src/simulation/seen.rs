//! What happened in a run, counted: a simulation in which nothing goes wrong would show nothing.

use hookseal_engine::{AttemptResult, FailureKind, PublishError, Published};

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Processes.
    pub lives: u64,
    /// Calls of ports, and what came of them.
    pub calls: u64,
    /// Calls of `publish` that were answered with an acceptance.
    pub accepted: u64,
    /// Of these, those of an event that was accepted before.
    pub duplicates: u64,
    /// Calls of `publish` that were refused for good.
    pub refused: u64,
    /// Calls of `publish` that failed and may be made again.
    pub failed: u64,
    /// Attempts that were answered, or failed.
    pub attempts: u64,
    /// Attempts that failed.
    pub attempts_failed: u64,
    /// Attempts that nobody answered in time.
    pub timeouts: u64,
    /// Attempts that were answered with `Retry-After`.
    pub asked_to_wait: u64,
    /// Calls of the store that failed without an effect.
    pub store_failed: u64,
    /// Calls of the store whose answer was lost.
    pub store_lost: u64,
}

impl Seen {
    /// Adds what happened in another run.
    pub fn add(&mut self, other: &Self) {
        let Self { lives, calls, accepted, duplicates, refused, failed, .. } = other;
        self.lives += lives;
        self.calls += calls;
        self.accepted += accepted;
        self.duplicates += duplicates;
        self.refused += refused;
        self.failed += failed;
        self.attempts += other.attempts;
        self.attempts_failed += other.attempts_failed;
        self.timeouts += other.timeouts;
        self.asked_to_wait += other.asked_to_wait;
        self.store_failed += other.store_failed;
        self.store_lost += other.store_lost;
    }

    pub(super) fn store(&mut self, failed: bool, lost: bool) {
        self.store_failed += u64::from(failed);
        self.store_lost += u64::from(lost);
    }

    pub(super) fn sent(&mut self, result: &AttemptResult) {
        let kind = result.failure.as_ref().map(|failure| failure.kind);
        self.attempts += 1;
        self.attempts_failed += u64::from(kind.is_some() || result.status.is_none_or(|status| status >= 300));
        self.timeouts += u64::from(kind == Some(FailureKind::Timeout));
        self.asked_to_wait += u64::from(result.retry_after.is_some());
    }

    pub(super) fn published(&mut self, answer: &Result<Published, PublishError>) {
        match answer {
            Ok(published) => {
                self.accepted += 1;
                self.duplicates += u64::from(published.duplicate);
            }
            Err(PublishError::Store(_) | PublishError::Timeout | PublishError::Stopping) => self.failed += 1,
            Err(_) => self.refused += 1,
        }
    }
}
