//! The rules of a guard against replays, as tests that every guard passes.
//!
//! [`guard_conformance!`](crate::guard_conformance) makes one test of each, for a guard of your own:
//!
//! ```text
//! hookseal_tower::guard_conformance!(async { MyGuard::connect().await });
//! ```
//!
//! Each begins with an empty guard.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use hookseal::Timestamp;

use crate::{Claim, ClaimId, GuardError, ReplayGuard, ReplayKey};

/// The time at which the tests happen.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
/// When a lease ends that begins now.
const LEASE_END: Timestamp = Timestamp::from_unix_seconds(1_750_000_060);
/// Until when is remembered what is confirmed.
const KEEP_UNTIL: Timestamp = Timestamp::from_unix_seconds(1_750_003_600);
const BEFORE: Duration = Duration::from_millis(1);
/// Threads that claim at the same time.
const THREADS: usize = 8;

/// Makes a test of every rule. The argument is a future that gives an empty guard.
///
/// The crate that uses it needs tokio with its macros and the multi-thread runtime.
#[macro_export]
macro_rules! guard_conformance {
    ($guard:expr) => {
        $crate::guard_conformance! { @cases $guard;
            a_key_is_taken_once
            a_confirmed_key_is_done
            a_released_key_is_taken_again
            a_claim_lapses_when_its_lease_ends
            a_lapsed_key_is_taken_among_many_that_have_lapsed
            a_lapsed_claim_changes_nothing_of_the_next
            a_released_claim_cannot_be_confirmed
            a_done_key_stays_done
            a_done_key_is_forgotten_at_its_end
            keys_do_not_touch_each_other
            claims_of_a_key_have_ids_of_their_own
            of_many_threads_exactly_one_takes_a_key
            many_threads_take_many_keys
            a_lapsed_key_is_taken_by_exactly_one_of_many_threads
        }
    };
    (@cases $guard:expr; $($case:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::conformance::$case(&$guard.await).await;
        })*
    };
}

fn key(number: usize) -> ReplayKey {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    ReplayKey::from_bytes(bytes)
}

async fn claim_at(guard: &impl ReplayGuard, number: usize, now: Timestamp) -> Claim {
    guard.claim(key(number), now, LEASE_END).await.expect("the guard answers")
}

async fn take(guard: &impl ReplayGuard, number: usize) -> ClaimId {
    match claim_at(guard, number, NOW).await {
        Claim::Taken(claim) => claim,
        other => panic!("the key is free and was not taken: {other:?}"),
    }
}

async fn confirm(guard: &impl ReplayGuard, number: usize, claim: ClaimId) {
    guard.confirm(key(number), claim, KEEP_UNTIL).await.expect("the claim is held");
}

fn is_taken(claim: Claim) -> bool {
    matches!(claim, Claim::Taken(_))
}

/// A key that is claimed is in progress for everybody else.
pub async fn a_key_is_taken_once(guard: &impl ReplayGuard) {
    take(guard, 1).await;
    assert_eq!(claim_at(guard, 1, NOW).await, Claim::InProgress);
    assert_eq!(claim_at(guard, 1, LEASE_END.saturating_sub(BEFORE)).await, Claim::InProgress);
}

/// A key that is confirmed is done.
pub async fn a_confirmed_key_is_done(guard: &impl ReplayGuard) {
    let claim = take(guard, 1).await;
    confirm(guard, 1, claim).await;
    assert_eq!(claim_at(guard, 1, NOW).await, Claim::Done);
    // The end of the lease means nothing any more.
    assert_eq!(claim_at(guard, 1, LEASE_END).await, Claim::Done);
}

/// A key that is released is free.
pub async fn a_released_key_is_taken_again(guard: &impl ReplayGuard) {
    let claim = take(guard, 1).await;
    guard.release(key(1), claim).await.expect("the guard answers");
    take(guard, 1).await;
}

/// A claim whose process stopped is free from the end of its lease on, and not before.
pub async fn a_claim_lapses_when_its_lease_ends(guard: &impl ReplayGuard) {
    take(guard, 1).await;
    assert_eq!(claim_at(guard, 1, LEASE_END.saturating_sub(BEFORE)).await, Claim::InProgress);
    let again = guard.claim(key(1), LEASE_END, LEASE_END.saturating_add(BEFORE)).await;
    assert!(is_taken(again.expect("the guard answers")));
}

/// What has lapsed is free even where a guard has not cleared it away yet.
pub async fn a_lapsed_key_is_taken_among_many_that_have_lapsed(guard: &impl ReplayGuard) {
    for number in 10..50 {
        let claim = guard.claim(key(number), NOW, NOW.saturating_add(BEFORE)).await;
        assert!(is_taken(claim.expect("the guard answers")));
    }
    take(guard, 1).await;
    let again = guard.claim(key(1), LEASE_END, LEASE_END.saturating_add(BEFORE)).await;
    assert!(is_taken(again.expect("the guard answers")));
}

/// A handler that outlived its lease neither ends nor frees the claim of the one that came after it.
pub async fn a_lapsed_claim_changes_nothing_of_the_next(guard: &impl ReplayGuard) {
    let lapsed = take(guard, 1).await;
    let later = LEASE_END.saturating_add(Duration::from_secs(60));
    let next = guard.claim(key(1), LEASE_END, later).await.expect("the guard answers");
    let Claim::Taken(next) = next else { panic!("a lapsed key was not taken: {next:?}") };
    let confirmed = guard.confirm(key(1), lapsed, KEEP_UNTIL).await;
    assert!(matches!(confirmed, Err(GuardError::Lapsed)), "{confirmed:?}");
    guard.release(key(1), lapsed).await.expect("the guard answers");
    assert_eq!(claim_at(guard, 1, LEASE_END).await, Claim::InProgress);
    confirm(guard, 1, next).await;
    assert_eq!(claim_at(guard, 1, LEASE_END).await, Claim::Done);
}

/// A claim that was released is no claim.
pub async fn a_released_claim_cannot_be_confirmed(guard: &impl ReplayGuard) {
    let claim = take(guard, 1).await;
    guard.release(key(1), claim).await.expect("the guard answers");
    let confirmed = guard.confirm(key(1), claim, KEEP_UNTIL).await;
    assert!(matches!(confirmed, Err(GuardError::Lapsed)), "{confirmed:?}");
    take(guard, 1).await;
}

/// What is done cannot be released, not even by the claim that did it.
pub async fn a_done_key_stays_done(guard: &impl ReplayGuard) {
    let claim = take(guard, 1).await;
    confirm(guard, 1, claim).await;
    guard.release(key(1), claim).await.expect("the guard answers");
    assert_eq!(claim_at(guard, 1, NOW).await, Claim::Done);
}

/// What is done is remembered until its end, and not beyond.
pub async fn a_done_key_is_forgotten_at_its_end(guard: &impl ReplayGuard) {
    let claim = take(guard, 1).await;
    confirm(guard, 1, claim).await;
    assert_eq!(claim_at(guard, 1, KEEP_UNTIL.saturating_sub(BEFORE)).await, Claim::Done);
    let again = guard.claim(key(1), KEEP_UNTIL, KEEP_UNTIL.saturating_add(BEFORE)).await;
    assert!(is_taken(again.expect("the guard answers")));
}

/// Each key stands for itself.
pub async fn keys_do_not_touch_each_other(guard: &impl ReplayGuard) {
    let (one, two) = (take(guard, 1).await, take(guard, 2).await);
    confirm(guard, 1, one).await;
    guard.release(key(1), two).await.expect("the guard answers");
    assert_eq!(claim_at(guard, 1, NOW).await, Claim::Done);
    assert_eq!(claim_at(guard, 2, NOW).await, Claim::InProgress);
    take(guard, 3).await;
}

/// A claim is never mistaken for an earlier one of the same key.
pub async fn claims_of_a_key_have_ids_of_their_own(guard: &impl ReplayGuard) {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let claim = take(guard, 1).await;
        assert!(!seen.contains(&claim), "{claim:?} was given twice");
        guard.release(key(1), claim).await.expect("the guard answers");
        seen.push(claim);
    }
}

/// Of claims that are made at the same moment one is taken.
pub async fn of_many_threads_exactly_one_takes_a_key(guard: &impl ReplayGuard) {
    for round in 0..20 {
        let claims = at_once(|_| guard.claim(key(round), NOW, LEASE_END));
        let taken = claims.iter().filter(|claim| is_taken(**claim)).count();
        assert_eq!(taken, 1, "round {round}: {claims:?}");
        let waiting = claims.iter().filter(|claim| **claim == Claim::InProgress).count();
        assert_eq!(waiting, THREADS - 1, "round {round}: {claims:?}");
    }
}

/// Claims of different keys do not get into each other's way.
pub async fn many_threads_take_many_keys(guard: &impl ReplayGuard) {
    let claims = at_once(|thread| async move {
        let claim = guard.claim(key(thread), NOW, LEASE_END).await?;
        if let Claim::Taken(id) = claim {
            guard.confirm(key(thread), id, KEEP_UNTIL).await?;
        }
        Ok(claim)
    });
    assert!(claims.iter().all(|claim| is_taken(*claim)), "{claims:?}");
    for thread in 0..THREADS {
        assert_eq!(claim_at(guard, thread, NOW).await, Claim::Done);
    }
}

/// Of claims that are made when a lease has ended one is taken.
pub async fn a_lapsed_key_is_taken_by_exactly_one_of_many_threads(guard: &impl ReplayGuard) {
    take(guard, 1).await;
    let claims = at_once(|_| guard.claim(key(1), LEASE_END, KEEP_UNTIL));
    assert_eq!(claims.iter().filter(|claim| is_taken(**claim)).count(), 1, "{claims:?}");
}

/// Calls `act` in as many threads, each with a runtime of its own, as nearly at the same moment as can be.
fn at_once<F>(act: impl Fn(usize) -> F + Sync) -> Vec<Claim>
where
    F: Future<Output = Result<Claim, GuardError>>,
{
    let start = Arc::new(Barrier::new(THREADS));
    thread::scope(|scope| {
        let spawn = |number: usize| {
            let (start, act) = (Arc::clone(&start), &act);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                let runtime = runtime.expect("a runtime can be had");
                start.wait();
                runtime.block_on(act(number)).expect("the guard answers")
            })
        };
        let threads: Vec<_> = (0..THREADS).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}
