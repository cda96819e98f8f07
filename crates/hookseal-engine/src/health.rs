//! When a subscription is disabled. Pure.

use hookseal::Timestamp;

use crate::{DisableReason, Health, Policy, limits};

/// How one attempt went, as far as a subscription's health is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// The endpoint took the delivery.
    Well,
    /// It did not.
    Badly {
        /// The attempt's number within its delivery: only the first makes one more failed delivery in a row.
        number: u32,
        /// Whether the endpoint said that it is gone (410).
        gone: bool,
    },
}

/// The health after an attempt and, where the subscription is to be disabled, why.
///
/// A profile counts deliveries that fail in a row (Harvestr: "after repeated failures"); where it does not, five
/// days of failing without a success disable. 410 Gone disables at once.
pub fn after(health: Health, went: Went, policy: &Policy, now: Timestamp) -> (Health, Option<DisableReason>) {
    let Went::Badly { number, gone } = went else { return (Health::GOOD, None) };
    let health = Health {
        failures_in_a_row: health.failures_in_a_row.saturating_add(u32::from(number == 1)),
        failing_since: Some(health.failing_since.map_or(now, |since| since.min(now))),
    };
    let over = match policy.disable_after_failures {
        Some(most) => health.failures_in_a_row >= most,
        None => health.failing_since.is_some_and(|since| now.since(since) >= limits::DISABLE_AFTER),
    };
    let reason = match (gone, over) {
        (true, _) => Some(DisableReason::Gone),
        (false, true) => Some(DisableReason::Errors),
        (false, false) => None,
    };
    (health, reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookseal::Profile;

    use super::*;
    use crate::test_support::settings;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
    const FIRST: Went = Went::Badly { number: 1, gone: false };

    fn policy(profile: &str) -> Policy {
        Policy::resolve(Profile::builtin(profile).unwrap().delivery(), &settings(profile))
    }

    #[test]
    fn harvestr_is_disabled_by_the_tenth_failed_delivery_in_a_row() {
        let policy = policy("harvestr");
        let mut health = Health::GOOD;
        for failed in 1..=10 {
            let (next, disable) = after(health, FIRST, &policy, NOW);
            assert_eq!(disable, (failed == 10).then_some(DisableReason::Errors), "after {failed}");
            health = next;
        }
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let policy = policy("harvestr");
        let nine = Health { failures_in_a_row: 9, failing_since: Some(NOW) };
        assert_eq!(after(nine, Went::Well, &policy, NOW), (Health::GOOD, None));
    }

    #[test]
    fn further_attempts_of_one_delivery_count_once() {
        let nine = Health { failures_in_a_row: 9, failing_since: Some(NOW) };
        let again = Went::Badly { number: 2, gone: false };
        assert_eq!(after(nine, again, &policy("harvestr"), NOW), (nine, None));
    }

    #[test]
    fn by_default_five_days_without_a_success_disable() {
        let policy = policy("standard-webhooks");
        let (health, disable) = after(Health::GOOD, FIRST, &policy, NOW);
        assert_eq!((health.failing_since, disable), (Some(NOW), None));
        let almost = NOW.saturating_add(limits::DISABLE_AFTER - Duration::from_millis(1));
        assert_eq!(after(health, FIRST, &policy, almost).1, None);
        let then = NOW.saturating_add(limits::DISABLE_AFTER);
        assert_eq!(after(health, FIRST, &policy, then).1, Some(DisableReason::Errors));
    }

    #[test]
    fn gone_disables_at_once() {
        let gone = Went::Badly { number: 1, gone: true };
        assert_eq!(after(Health::GOOD, gone, &policy("harmon"), NOW).1, Some(DisableReason::Gone));
    }
}
