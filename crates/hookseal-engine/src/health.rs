//! When a subscription is disabled. Pure.

use hookseal::Timestamp;

use crate::{DisableAfter, DisableReason, Health, OnGiveUp, Policy};

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
    },
}

/// The health after an attempt and, where the subscription is to be disabled, why.
///
/// A profile counts deliveries that fail in a row (Harvestr: "after repeated failures"); where it does not, five
/// days of failing without a success disable; and a subscription may choose its own rule. 410 Gone disables at once,
/// whatever the rule. An ordered subscription that may not go on without the delivery that goes first is disabled
/// where that one is given up.
pub fn after(health: Health, went: Went, policy: &Policy, now: Timestamp) -> (Health, Option<DisableReason>) {
    let Went::Badly { number, gone, given_up } = went else { return (Health::GOOD, None) };
    let health = Health {
        failures_in_a_row: health.failures_in_a_row.saturating_add(u32::from(number == 1)),
        failing_since: Some(health.failing_since.map_or(now, |since| since.min(now))),
    };
    let over = match policy.disable_after {
        DisableAfter::Failures(most) => health.failures_in_a_row >= most,
        DisableAfter::Time(most) => health.failing_since.is_some_and(|since| now.since(since) >= most),
        DisableAfter::Never => false,
    };
    let stops = given_up && policy.ordered == Some(OnGiveUp::Stop);
    let reason = match (gone, stops, over) {
        (true, ..) => Some(DisableReason::Gone),
        (_, true, _) => Some(DisableReason::GaveUp),
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
    use crate::{SubscriptionSettings, limits, test_support::settings};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
    const FIRST: Went = Went::Badly { number: 1, gone: false, given_up: false };

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
        let again = Went::Badly { number: 2, gone: false, given_up: false };
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
        let harmed = Health { failures_in_a_row: 99, failing_since: Some(NOW) };
        let hours = |hours: u64| NOW.saturating_add(Duration::from_secs(hours * 3600));
        let disabled = |policy: &Policy, now| after(harmed, FIRST, policy, now).1.is_some();
        assert!(!disabled(&rule(DisableAfter::Failures(101)), hours(1000)));
        assert!(disabled(&rule(DisableAfter::Failures(100)), NOW));
        let two_hours = rule(DisableAfter::Time(Duration::from_secs(7200)));
        assert!(!disabled(&two_hours, hours(1)) && disabled(&two_hours, hours(2)));
        assert!(!disabled(&rule(DisableAfter::Never), hours(100_000)));
        let gone = Went::Badly { number: 1, gone: true, given_up: false };
        assert_eq!(after(harmed, gone, &rule(DisableAfter::Never), NOW).1, Some(DisableReason::Gone));
    }

    #[test]
    fn an_ordered_subscription_stops_where_its_head_is_given_up_or_goes_on_as_it_chose() {
        let ordered = |ordered| {
            let own = SubscriptionSettings { ordered, ..settings("harmon") };
            Policy::resolve(Profile::builtin("harmon").unwrap().delivery(), &own)
        };
        let given_up = Went::Badly { number: 9, gone: false, given_up: true };
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
        let gone = Went::Badly { number: 1, gone: true, given_up: false };
        assert_eq!(after(Health::GOOD, gone, &policy("harmon"), NOW).1, Some(DisableReason::Gone));
    }
}
