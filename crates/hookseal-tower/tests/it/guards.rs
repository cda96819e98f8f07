//! The guard in memory, by the rules that every guard follows.

use std::time::Duration;

use hookseal_tower::{Claim, GuardError, MemoryGuard, ReplayGuard, ReplayKey};

use crate::support::NOW;

hookseal_tower::guard_conformance!(async { MemoryGuard::new() });

fn key(number: u8) -> ReplayKey {
    ReplayKey::from_bytes([number; 32])
}

#[tokio::test]
async fn a_full_guard_takes_nothing_until_something_has_expired() {
    let guard = MemoryGuard::with_entries(2);
    let (soon, later) =
        (NOW.saturating_add(Duration::from_secs(1)), NOW.saturating_add(Duration::from_secs(9)));
    assert!(matches!(guard.claim(key(1), NOW, soon).await, Ok(Claim::Taken(_))));
    assert!(matches!(guard.claim(key(2), NOW, later).await, Ok(Claim::Taken(_))));
    assert!(matches!(guard.claim(key(3), NOW, later).await, Err(GuardError::Full)));
    assert_eq!(guard.claim(key(2), NOW, later).await.unwrap(), Claim::InProgress);
    assert!(matches!(guard.claim(key(3), soon, later).await, Ok(Claim::Taken(_))));
    assert_eq!(guard.len(), 2);
}

#[tokio::test]
async fn what_has_expired_is_cleared_away() {
    let guard = MemoryGuard::new();
    let end = NOW.saturating_add(Duration::from_secs(1));
    for number in 0..100 {
        assert!(matches!(guard.claim(key(number), NOW, end).await, Ok(Claim::Taken(_))));
    }
    for number in 100..140 {
        let lease_end = end.saturating_add(Duration::from_secs(1));
        assert!(matches!(guard.claim(key(number), end, lease_end).await, Ok(Claim::Taken(_))));
    }
    assert_eq!(guard.len(), 40);
}

#[test]
fn a_key_shows_enough_to_be_told_apart() {
    assert_eq!(format!("{:?}", key(0xab)), "ReplayKey(abababababababab..)");
}
