//! From an answer to a challenge, what becomes of its subscription. Pure: no clock, no randomness, no store.

use std::time::Duration;

use hookseal::{Challenge, ChallengeRefusal, ChallengeReply};

use crate::{AttemptResult, FailureKind, Subscription, SubscriptionStatus, limits};

/// What an answer to a challenge is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Why it is of no use, where it is not; that its status code is none that answers is `Status`.
    pub(crate) failure: Option<FailureKind>,
    /// What is wrong with it, in words; `None` where it is right.
    pub(crate) problem: Option<String>,
}

/// Judges what came back by the profile's rule.
pub(crate) fn judge(challenge: &Challenge, token: &str, result: &AttemptResult) -> Verdict {
    let wrong = |failure, problem| Verdict { failure, problem: Some(problem) };
    let status = match (&result.failure, result.status) {
        (Some(failure), _) => return wrong(Some(failure.kind), failure.detail.clone()),
        (None, None) => return wrong(Some(FailureKind::Protocol), "there was no answer".to_owned()),
        (None, Some(status)) => status,
    };
    let reply = ChallengeReply { status, headers: &result.response_headers, body: &result.response_body };
    match challenge.check(token, reply) {
        Ok(()) => Verdict { failure: None, problem: None },
        Err(refusal) => {
            let is_status = matches!(refusal, ChallengeRefusal::Status { .. });
            wrong(is_status.then_some(FailureKind::Status), refusal.to_string())
        }
    }
}

/// What follows from one try of a challenge that is asked until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The endpoint has proved itself.
    Passed,
    /// It is asked again after this long.
    Again(Duration),
    /// It is not asked any more.
    Failed,
}

/// Decides that. `tries` counts this one.
pub(crate) fn next(passed: bool, tries: u32) -> Next {
    let wait = limits::CHALLENGE_SCHEDULE.get(tries.saturating_sub(1) as usize);
    match (passed, wait) {
        (true, _) => Next::Passed,
        (false, Some(wait)) => Next::Again(*wait),
        (false, None) => Next::Failed,
    }
}

/// The status that a try leads to; `None` where it stays. A wrong answer takes down nobody, and a right one holds up
/// nobody's pause.
pub(crate) fn status_after(status: SubscriptionStatus, next: Next) -> Option<SubscriptionStatus> {
    use SubscriptionStatus::{Active, ChallengeFailed, Pending};
    match (status, next) {
        (Pending | ChallengeFailed, Next::Passed) => Some(Active),
        (Pending, Next::Failed) => Some(ChallengeFailed),
        _ => None,
    }
}

/// What a change by its owner means to how a subscription has proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The status that it has then.
    pub(crate) status: SubscriptionStatus,
    /// Whether what came of its challenge is forgotten, and one that is being asked begins anew.
    pub(crate) anew: bool,
}

/// Decides that. `moved` says whether it goes to another endpoint or follows another profile, `has_challenge` whether
/// its profile has one by then, `asked` which status its owner wants, if any.
pub(crate) fn after_change(
    before: &Subscription,
    asked: Option<SubscriptionStatus>,
    moved: bool,
    has_challenge: bool,
) -> Standing {
    use SubscriptionStatus::{Active, ChallengeFailed, Paused, Pending, TooManyErrors};
    let passed = before.challenge.as_ref().is_some_and(|record| record.passed());
    let proved = !has_challenge || (passed && !moved);
    let was_active = before.status == Active && !moved;
    let status = match asked.unwrap_or(before.status) {
        Active | Pending | ChallengeFailed if proved || was_active => Active,
        ChallengeFailed if !moved => ChallengeFailed,
        Active | Pending | ChallengeFailed => Pending,
        held @ (Paused | TooManyErrors) => held,
    };
    Standing { status, anew: moved || (asked.is_some() && status == Pending) }
}

#[cfg(test)]
mod tests {
    use SubscriptionStatus::{Active, ChallengeFailed, Paused, Pending, TooManyErrors};
    use hookseal::{Profile, Timestamp};

    use super::*;
    use crate::{
        ChallengeRecord, Failure, Health, Scope, SubscriptionId, SubscriptionKey, test_support::settings,
    };

    fn harvestr() -> &'static Challenge {
        Profile::builtin("harvestr").unwrap().challenge().unwrap()
    }

    fn subscription(status: SubscriptionStatus, problem: Option<Option<&str>>) -> Subscription {
        let at = Timestamp::from_unix_seconds(1_750_000_000);
        Subscription {
            id: SubscriptionId::from_parts(1, 1),
            key: SubscriptionKey(1),
            scope: Scope::DEFAULT_LIVE,
            settings: settings("harvestr"),
            secrets: Vec::new(),
            status,
            disabled_because: None,
            health: Health::GOOD,
            challenge: problem.map(|problem| ChallengeRecord {
                at,
                tries: 1,
                status: Some(200),
                failure: None,
                problem: problem.map(str::to_owned),
            }),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn the_profile_says_which_codes_answer() {
        for (status, right) in [(199, false), (200, true), (208, true), (209, false), (401, false)] {
            let result = AttemptResult { status: Some(status), ..AttemptResult::default() };
            let verdict = judge(harvestr(), "t", &result);
            assert_eq!(verdict.problem.is_none(), right, "{status}: {verdict:?}");
            assert_eq!(verdict.failure, (!right).then_some(FailureKind::Status), "{status}");
        }
    }

    #[test]
    fn an_answer_that_was_cut_short_is_none() {
        let failure = Failure::new(FailureKind::Timeout, "no whole answer within 5 s");
        let result = AttemptResult { status: Some(200), failure: Some(failure), ..AttemptResult::default() };
        let verdict = judge(harvestr(), "t", &result);
        assert_eq!(verdict.failure, Some(FailureKind::Timeout));
        assert_eq!(verdict.problem.as_deref(), Some("no whole answer within 5 s"));
        assert!(judge(harvestr(), "t", &AttemptResult::default()).problem.is_some());
    }

    #[test]
    fn it_is_asked_again_as_often_as_the_schedule_has_waits() {
        let waits = limits::CHALLENGE_SCHEDULE;
        for (tries, wait) in (1..).zip(waits) {
            assert_eq!(next(false, tries), Next::Again(wait));
            assert_eq!(next(true, tries), Next::Passed);
        }
        assert_eq!(next(false, waits.len() as u32 + 1), Next::Failed);
        assert_eq!(next(false, u32::MAX), Next::Failed);
        assert_eq!(next(true, u32::MAX), Next::Passed);
    }

    #[test]
    fn only_those_that_have_to_prove_themselves_are_moved_by_an_answer() {
        let again = Next::Again(Duration::from_secs(1));
        for status in SubscriptionStatus::ALL {
            assert_eq!(status_after(status, again), None, "{status:?}");
            let right = matches!(status, Pending | ChallengeFailed).then_some(Active);
            assert_eq!(status_after(status, Next::Passed), right, "{status:?}");
            let wrong = (status == Pending).then_some(ChallengeFailed);
            assert_eq!(status_after(status, Next::Failed), wrong, "{status:?}");
        }
    }

    #[test]
    fn who_has_not_proved_itself_is_not_enabled() {
        let (right, wrong) = (Some(None), Some(Some("answered 500")));
        let cases = [
            (Paused, right, Active),
            (Paused, wrong, Pending),
            (Paused, None, Pending),
            (TooManyErrors, right, Active),
            (TooManyErrors, None, Pending),
            (ChallengeFailed, wrong, Pending),
            (Pending, None, Pending),
            (Active, right, Active),
            // A wrong answer when its owner asks by hand takes none down that is active, and neither does enabling it.
            (Active, wrong, Active),
            (Active, None, Active),
        ];
        for (status, record, expected) in cases {
            let standing = after_change(&subscription(status, record), Some(Active), false, true);
            let anew = expected == Pending;
            assert_eq!(standing, Standing { status: expected, anew }, "{status:?} {record:?}");
            let without = after_change(&subscription(status, record), Some(Active), false, false);
            assert_eq!(without, Standing { status: Active, anew: false }, "{status:?} {record:?}");
        }
    }

    #[test]
    fn another_endpoint_has_to_prove_itself_anew() {
        let right = Some(None);
        for (status, expected) in [
            (Active, Pending),
            (Pending, Pending),
            (ChallengeFailed, Pending),
            (Paused, Paused),
            (TooManyErrors, TooManyErrors),
        ] {
            let standing = after_change(&subscription(status, right), None, true, true);
            assert_eq!(standing, Standing { status: expected, anew: true }, "{status:?}");
        }
        for (status, expected) in
            [(Active, Active), (Pending, Active), (ChallengeFailed, Active), (Paused, Paused)]
        {
            let standing = after_change(&subscription(status, None), None, true, false);
            assert_eq!(standing, Standing { status: expected, anew: true }, "{status:?}");
        }
    }

    #[test]
    fn other_changes_leave_it_as_it_stands() {
        for (status, record) in [
            (Active, Some(None)),
            (Active, None),
            (Pending, None),
            (ChallengeFailed, Some(Some("no"))),
            (Paused, None),
        ] {
            let standing = after_change(&subscription(status, record), None, false, true);
            assert_eq!(standing, Standing { status, anew: false }, "{status:?}");
        }
        let paused = after_change(&subscription(Pending, None), Some(Paused), false, true);
        assert_eq!(paused, Standing { status: Paused, anew: false });
    }
}
