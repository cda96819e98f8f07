//! When a subscription is disabled. Pure.

use hookseal::Timestamp;

use crate::{DisableAfter, DisableReason, Health, OnGiveUp, Policy, limits};

/// How one attempt went, as far as a subscription's health is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// The endpoint took the delivery.
    Well,
    /// It did not.
    Badly {
        /// The attempt's number since the delivery's schedule began: only the first makes one more failed delivery in
        /// a row.
        number: u32,
        /// Whether the endpoint said that it is gone (410).
        gone: bool,
        /// Whether the delivery is given up.
        given_up: bool,
        /// Whether the failure does not pass by itself.
        permanent: bool,
    },
}

/// The health after an attempt and, where the subscription is to be disabled, why.
///
/// A profile counts deliveries that fail in a row (Harvestr: "after repeated failures"); where it does not, five
/// days of failing without a success disable; and a subscription may choose its own rule. 410 Gone disables at once,
/// whatever the rule. So does an hour in which every attempt failed for a reason that does not pass by itself, unless the
/// subscription chose never to be disabled. An ordered subscription that may not go on without the delivery that goes
/// first is disabled where that one is given up.
pub fn after(health: Health, went: Went, policy: &Policy, now: Timestamp) -> (Health, Option<DisableReason>) {
    let Went::Badly { number, gone, given_up, permanent } = went else { return (Health::GOOD, None) };
    let first = |since: Option<Timestamp>| Some(since.map_or(now, |since| since.min(now)));
    let health = Health {
        failures_in_a_row: health.failures_in_a_row.saturating_add(u32::from(number == 1)),
        failing_since: first(health.failing_since),
        unreachable_in_a_row: match permanent {
            true => health.unreachable_in_a_row.saturating_add(1).min(limits::UNREACHABLE_ATTEMPTS),
            false => 0,
        },
        unreachable_since: first(health.unreachable_since).filter(|_| permanent),
        recovering: health.recovering,
    };
    let unreachable = policy.disable_after != DisableAfter::Never
        && health.unreachable_in_a_row >= limits::UNREACHABLE_ATTEMPTS
        && health.unreachable_since.is_some_and(|since| now.since(since) >= limits::UNREACHABLE_AFTER);
    let over = match policy.disable_after {
        DisableAfter::Failures(most) => health.failures_in_a_row >= most,
        DisableAfter::Time(most) => health.failing_since.is_some_and(|since| now.since(since) >= most),
        DisableAfter::Never => false,
    };
    let stops = given_up && policy.ordered == Some(OnGiveUp::Stop);
    let reason = match (gone, stops, unreachable, over) {
        (true, ..) => Some(DisableReason::Gone),
        (_, true, ..) => Some(DisableReason::GaveUp),
        (_, _, true, _) => Some(DisableReason::Unreachable),
        (.., true) => Some(DisableReason::Errors),
        _ => None,
    };
    (health, reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookseal::Profile;

    use super::*;
    use crate::{SubscriptionSettings, test_support::settings};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
    const FIRST: Went = Went::Badly { number: 1, gone: false, given_up: false, permanent: false };

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
        let nine = Health { failures_in_a_row: 9, failing_since: Some(NOW), ..Health::GOOD };
        assert_eq!(after(nine, Went::Well, &policy, NOW), (Health::GOOD, None));
    }

    #[test]
    fn further_attempts_of_one_delivery_count_once() {
        let nine = Health { failures_in_a_row: 9, failing_since: Some(NOW), ..Health::GOOD };
        let again = Went::Badly { number: 2, gone: false, given_up: false, permanent: false };
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
    fn a_subscription_chooses_when_it_is_disabled() {
        let rule = |rule| {
            let own = SubscriptionSettings { disable_after: Some(rule), ..settings("harvestr") };
            Policy::resolve(Profile::builtin("harvestr").unwrap().delivery(), &own)
        };
        let harmed = Health { failures_in_a_row: 99, failing_since: Some(NOW), ..Health::GOOD };
        let hours = |hours: u64| NOW.saturating_add(Duration::from_secs(hours * 3600));
        let disabled = |policy: &Policy, now| after(harmed, FIRST, policy, now).1.is_some();
        assert!(!disabled(&rule(DisableAfter::Failures(101)), hours(1000)));
        assert!(disabled(&rule(DisableAfter::Failures(100)), NOW));
        let two_hours = rule(DisableAfter::Time(Duration::from_secs(7200)));
        assert!(!disabled(&two_hours, hours(1)) && disabled(&two_hours, hours(2)));
        assert!(!disabled(&rule(DisableAfter::Never), hours(100_000)));
        let gone = Went::Badly { number: 1, gone: true, given_up: false, permanent: false };
        assert_eq!(after(harmed, gone, &rule(DisableAfter::Never), NOW).1, Some(DisableReason::Gone));
    }

    /// The disabling after attempts of one delivery at these minutes, each of them permanent or not.
    fn unreachable(policy: &Policy, attempts: &[(u64, bool)]) -> Vec<u64> {
        let (mut health, mut disabled) = (Health::GOOD, Vec::new());
        for (number, (minute, permanent)) in (1..).zip(attempts) {
            let now = NOW.saturating_add(Duration::from_secs(minute * 60));
            let went = Went::Badly { number, gone: false, given_up: false, permanent: *permanent };
            let (next, reason) = after(health, went, policy, now);
            assert!(reason.is_none() || reason == Some(DisableReason::Unreachable), "{reason:?}");
            disabled.extend(reason.map(|_| *minute));
            health = next;
        }
        disabled
    }

    #[test]
    fn an_hour_of_permanent_failures_disables() {
        let policy = policy("standard-webhooks");
        let fails = |minutes: &[u64]| minutes.iter().map(|minute| (*minute, true)).collect::<Vec<_>>();
        assert_eq!(unreachable(&policy, &fails(&[0, 1, 3, 18, 59])), [0; 0]);
        assert_eq!(unreachable(&policy, &fails(&[0, 1, 3, 18, 60])), [60]);
        assert_eq!(unreachable(&policy, &fails(&[0, 20, 40, 70, 71])), [71], "five attempts at least");
        let mut reached = fails(&[0, 1, 3, 18, 60]);
        reached[2].1 = false;
        assert_eq!(unreachable(&policy, &reached), [0; 0], "it was there in between");
    }

    #[test]
    fn whoever_never_wants_to_be_disabled_is_not_unreachable() {
        let own = SubscriptionSettings { disable_after: Some(DisableAfter::Never), ..settings("harmon") };
        let policy = Policy::resolve(Profile::builtin("harmon").unwrap().delivery(), &own);
        assert_eq!(unreachable(&policy, &[(0, true), (1, true), (2, true), (3, true), (6000, true)]), [0; 0]);
    }

    #[test]
    fn a_success_ends_recovering_and_a_failure_does_not() {
        let policy = policy("harmon");
        assert!(after(Health::RECOVERING, FIRST, &policy, NOW).0.recovering);
        assert_eq!(after(Health::RECOVERING, Went::Well, &policy, NOW), (Health::GOOD, None));
    }

    #[test]
    fn an_ordered_subscription_stops_where_its_head_is_given_up_or_goes_on_as_it_chose() {
        let ordered = |ordered| {
            let own = SubscriptionSettings { ordered, ..settings("harmon") };
            Policy::resolve(Profile::builtin("harmon").unwrap().delivery(), &own)
        };
        let given_up = Went::Badly { number: 9, gone: false, given_up: true, permanent: false };
        for (choice, expected) in
            [(Some(OnGiveUp::Stop), Some(DisableReason::GaveUp)), (Some(OnGiveUp::Skip), None), (None, None)]
        {
            assert_eq!(after(Health::GOOD, given_up, &ordered(choice), NOW).1, expected, "{choice:?}");
        }
        assert_eq!(
            after(Health::GOOD, FIRST, &ordered(Some(OnGiveUp::Stop)), NOW).1,
            None,
            "it is tried again"
        );
    }

    #[test]
    fn gone_disables_at_once() {
        let gone = Went::Badly { number: 1, gone: true, given_up: false, permanent: false };
        assert_eq!(after(Health::GOOD, gone, &policy("harmon"), NOW).1, Some(DisableReason::Gone));
    }
}
