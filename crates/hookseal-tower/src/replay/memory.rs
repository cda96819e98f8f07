//! A guard in the memory of one process.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use hookseal::Timestamp;
use parking_lot::Mutex;

use super::{Claim, ClaimId, GuardError, ReplayGuard, ReplayKey};
use crate::limits;

/// Remembers deliveries in memory, for a receiver that is one process and may forget when it stops: after a restart, a
/// request that is replayed within the tolerance is handled again.
///
/// It holds a bounded number of entries. What has expired makes room; when nothing has, a further claim fails with
/// [`GuardError::Full`] and the sender is asked to come again, since forgetting something earlier would open the door
/// that the guard is there to close. Only requests that verified take an entry.
#[derive(Debug)]
pub struct MemoryGuard {
    entries_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<ReplayKey, Entry>,
    /// Every entry by its end, the first to expire first.
    ends: BTreeSet<(Timestamp, ReplayKey)>,
    last_claim: i64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Absent when it is done.
    claim: Option<ClaimId>,
    end: Timestamp,
}

impl MemoryGuard {
    /// A guard of [`MEMORY_ENTRIES_DEFAULT`](limits::MEMORY_ENTRIES_DEFAULT) entries.
    pub fn new() -> Self {
        Self::with_entries(limits::MEMORY_ENTRIES_DEFAULT)
    }

    /// A guard of at most `entries_max` entries, of about 120 bytes each. It needs as many as deliveries come within
    /// the tolerances and the retry horizon.
    pub fn with_entries(entries_max: usize) -> Self {
        Self { entries_max, state: Mutex::default() }
    }

    /// How many entries there are, expired ones included.
    pub fn len(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemoryGuard {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ReplayGuard for MemoryGuard {
    async fn claim(&self, key: ReplayKey, now: Timestamp, lease_end: Timestamp) -> Result<Claim, GuardError> {
        let mut state = self.state.lock();
        state.sweep(now);
        match state.entries.get(&key) {
            Some(Entry { claim: Some(_), end }) if now < *end => return Ok(Claim::InProgress),
            Some(Entry { claim: None, end }) if now < *end => return Ok(Claim::Done),
            Some(_) => state.remove(key),
            None => {}
        }
        if state.entries.len() >= self.entries_max {
            return Err(GuardError::Full);
        }
        state.last_claim += 1;
        let claim = ClaimId(state.last_claim);
        state.insert(key, Entry { claim: Some(claim), end: lease_end });
        Ok(Claim::Taken(claim))
    }

    async fn confirm(&self, key: ReplayKey, claim: ClaimId, keep_until: Timestamp) -> Result<(), GuardError> {
        let mut state = self.state.lock();
        if !state.is_held(key, claim) {
            return Err(GuardError::Lapsed);
        }
        state.remove(key);
        state.insert(key, Entry { claim: None, end: keep_until });
        Ok(())
    }

    async fn release(&self, key: ReplayKey, claim: ClaimId) -> Result<(), GuardError> {
        let mut state = self.state.lock();
        if state.is_held(key, claim) {
            state.remove(key);
        }
        Ok(())
    }
}

impl State {
    fn is_held(&self, key: ReplayKey, claim: ClaimId) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.claim == Some(claim))
    }

    fn insert(&mut self, key: ReplayKey, entry: Entry) {
        self.entries.insert(key, entry);
        self.ends.insert((entry.end, key));
    }

    fn remove(&mut self, key: ReplayKey) {
        if let Some(entry) = self.entries.remove(&key) {
            self.ends.remove(&(entry.end, key));
        }
    }

    /// Clears some of what has expired away.
    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..limits::SWEPT_AT_ONCE {
            match self.ends.first() {
                Some((end, key)) if *end <= now => self.remove(*key),
                _ => return,
            }
        }
    }
}
