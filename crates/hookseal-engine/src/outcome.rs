//! From what an attempt came to, what becomes of its delivery. Pure: no clock, no randomness, no store.

use std::time::Duration;

use hookseal::Timestamp;

use crate::{
    AttemptResult, Failure, FailureKind, Policy, RetryAfter, Trigger, limits, ports::store::NextStep,
};

/// What an attempt leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the delivery.
    pub next: NextStep,
    /// Whether the endpoint said that it is gone for good (410).
    pub gone: bool,
}

/// Decides what becomes of a delivery.
///
/// `tries` counts the attempts since its schedule began, this one included; `jitter` is any random number. A test delivery is never tried again. After a
/// failure the schedule's wait is moved by up to 20 % either way; `Retry-After` of a 429 or 503 (RFC 9110 section
/// 10.2.3) makes it longer, up to 24 hours, never shorter.
pub fn decide(
    policy: &Policy,
    tries: u32,
    trigger: Trigger,
    result: &AttemptResult,
    now: Timestamp,
    jitter: u64,
) -> Decision {
    let gone = result.status == Some(410);
    if is_success(policy, result) {
        return Decision { next: NextStep::Succeeded, gone: false };
    }
    let wait = match trigger {
        Trigger::Ping => None,
        Trigger::Schedule | Trigger::Manual | Trigger::Replay => {
            policy.schedule.get(tries.saturating_sub(1) as usize)
        }
    };
    let next = match wait {
        None => NextStep::GiveUp,
        Some(wait) => {
            let asked = asked_for(result, now).unwrap_or(Duration::ZERO);
            NextStep::RetryAt(now.saturating_add(jittered(*wait, jitter).max(asked)))
        }
    };
    Decision { next, gone }
}

/// What becomes of a delivery that expires: it is not tried again from then on.
pub fn before_expiry(next: NextStep, expires_at: Option<Timestamp>) -> NextStep {
    match (next, expires_at) {
        (NextStep::RetryAt(at), Some(over)) if at >= over => NextStep::Expire,
        _ => next,
    }
}

/// Whether an attempt counts as a success: a whole answer with a status code that the policy accepts.
pub fn is_success(policy: &Policy, result: &AttemptResult) -> bool {
    result.failure.is_none() && result.status.is_some_and(|status| policy.success.contains(status))
}

/// Names what was wrong with an answer that came back whole, where its status code is not a success.
pub fn explain_status(policy: &Policy, result: &mut AttemptResult) {
    if let (None, Some(status)) = (&result.failure, result.status)
        && !policy.success.contains(status)
    {
        let detail = format!("answered {status}, and {} counts as a success", policy.success);
        result.failure = Some(Failure::new(FailureKind::Status, detail));
    }
}

/// Moves a wait by up to [`limits::RETRY_JITTER_PER_CENT`] either way, evenly, by a random number.
pub fn jittered(wait: Duration, jitter: u64) -> Duration {
    let millis = wait.as_millis().min(u128::from(u64::MAX >> 8)) as u64;
    let spread = millis * limits::RETRY_JITTER_PER_CENT / 100;
    Duration::from_millis(millis - spread + jitter % (2 * spread + 1))
}

fn asked_for(result: &AttemptResult, now: Timestamp) -> Option<Duration> {
    if !matches!(result.status, Some(429 | 503)) {
        return None;
    }
    let wait = match result.retry_after? {
        RetryAfter::Delay(wait) => wait,
        RetryAfter::At(then) => then.since(now),
    };
    Some(wait.min(limits::RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use hookseal::Profile;
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::settings;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

    fn policy() -> Policy {
        let profile = Profile::builtin("standard-webhooks").unwrap();
        Policy::resolve(profile.delivery(), &settings("standard-webhooks"))
    }

    fn answered(status: u16) -> AttemptResult {
        AttemptResult { status: Some(status), ..AttemptResult::default() }
    }

    #[test]
    fn success_codes_are_the_profiles() {
        let harvestr = Profile::builtin("harvestr").unwrap();
        let policy = Policy::resolve(harvestr.delivery(), &settings("harvestr"));
        for (status, success) in
            [(199, false), (200, true), (208, true), (209, false), (226, false), (301, false)]
        {
            assert_eq!(is_success(&policy, &answered(status)), success, "{status}");
        }
    }

    #[test]
    fn success_codes_are_a_subscriptions_own_where_it_lists_some() {
        let own = crate::SubscriptionSettings {
            success: Some("204, 410".parse().unwrap()),
            ..settings("standard-webhooks")
        };
        let policy = Policy::resolve(Profile::builtin("standard-webhooks").unwrap().delivery(), &own);
        for (status, success) in [(200, false), (204, true), (410, true)] {
            assert_eq!(is_success(&policy, &answered(status)), success, "{status}");
        }
        assert!(!decide(&policy, 1, Trigger::Schedule, &answered(410), NOW, 0).gone, "a success is not gone");
    }

    #[test]
    fn a_success_cut_short_is_none() {
        let mut result = answered(200);
        result.failure = Some(Failure::new(FailureKind::Timeout, "no whole answer within 5 s"));
        assert_ne!(decide(&policy(), 1, Trigger::Schedule, &result, NOW, 0).next, NextStep::Succeeded);
    }

    #[test]
    fn a_ping_is_never_tried_again() {
        assert_eq!(decide(&policy(), 1, Trigger::Ping, &answered(500), NOW, 0).next, NextStep::GiveUp);
    }

    #[test]
    fn retry_after_counts_on_429_and_503_alone() {
        let wait = |status, asked| {
            let result = AttemptResult { retry_after: Some(RetryAfter::Delay(asked)), ..answered(status) };
            match decide(&policy(), 1, Trigger::Schedule, &result, NOW, 0).next {
                NextStep::RetryAt(at) => at.since(NOW),
                other => panic!("{other:?}"),
            }
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(wait(503, hour), hour);
        assert_eq!(wait(429, hour), hour);
        assert_eq!(wait(500, hour), Duration::from_secs(4));
        assert_eq!(
            wait(429, Duration::from_secs(1)),
            Duration::from_secs(4),
            "never shorter than the schedule"
        );
        assert_eq!(wait(429, 100 * hour), limits::RETRY_AFTER_MAX);
    }

    #[test]
    fn what_would_be_tried_after_its_expiry_expires() {
        let (retry, later) = (NextStep::RetryAt(NOW), NOW.saturating_add(Duration::from_millis(1)));
        assert_eq!(before_expiry(retry, None), retry);
        assert_eq!(before_expiry(retry, Some(later)), retry);
        assert_eq!(before_expiry(retry, Some(NOW)), NextStep::Expire);
        assert_eq!(before_expiry(NextStep::Succeeded, Some(NOW)), NextStep::Succeeded);
        assert_eq!(before_expiry(NextStep::GiveUp, Some(NOW)), NextStep::GiveUp);
    }

    #[test]
    fn gone_is_told_apart() {
        assert!(decide(&policy(), 1, Trigger::Schedule, &answered(410), NOW, 0).gone);
        assert!(!decide(&policy(), 1, Trigger::Schedule, &answered(404), NOW, 0).gone);
    }

    proptest! {
        #[test]
        fn every_delivery_ends(number in 1u32..100, status in 100u16..=999, jitter: u64) {
            let policy = policy();
            let decision = decide(&policy, number, Trigger::Schedule, &answered(status), NOW, jitter);
            match decision.next {
                NextStep::Succeeded => prop_assert!((200..300).contains(&status)),
                NextStep::RetryAt(at) => {
                    prop_assert!((number as usize) <= policy.schedule.len());
                    prop_assert!(at > NOW);
                }
                NextStep::Expire => prop_assert!(false, "it has no expiry"),
                NextStep::GiveUp => prop_assert!(number as usize > policy.schedule.len()),
            }
        }

        #[test]
        fn jitter_stays_within_a_fifth(millis in 0u64..700_000_000, jitter: u64) {
            let moved = jittered(Duration::from_millis(millis), jitter).as_millis() as u64;
            prop_assert!(moved >= millis - millis / 5 && moved <= millis + millis / 5, "{millis} -> {moved}");
        }

        #[test]
        fn waits_grow_with_the_schedule_before_jitter(number in 1u32..8) {
            let at = |number| match decide(&policy(), number, Trigger::Schedule, &answered(500), NOW, 0).next {
                NextStep::RetryAt(at) => at,
                other => panic!("{other:?}"),
            };
            prop_assert!(at(number) < at(number + 1));
        }
    }
}
