//! When an endpoint that fails is left alone. Pure: a state machine over what its attempts came to.
//!
//! ```text
//!            10 failures in a row, or half of the recent attempts
//!   closed ─────────────────────────────────────────────────────> open
//!     ^                                                           │  ^
//!     │ the probe is answered                   its wait is over  v  │ the probe fails: a longer wait
//!     └───────────────────────────────────────────────────── half open
//! ```

use std::time::Duration;

use hookseal::Timestamp;

use crate::{AttemptResult, FailureKind, limits, outcome::jittered};

/// What an attempt says of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It is there and answers, be it with a refusal of this delivery.
    Answered,
    /// It is not there, does not answer in time, or says that it cannot take deliveries now.
    Failed,
    /// Nothing: the request was never made, was cut off here, or did not come past our own proxy.
    Nothing,
}

impl Reaction {
    /// Reads it off what an attempt came to.
    ///
    /// Only what speaks of the endpoint as a whole counts against it: no connection, no answer in time, 429 and 5xx.
    /// A 400 or 404 is a refusal of one delivery by an endpoint that works.
    pub fn of(result: &AttemptResult) -> Self {
        match result.failure.as_ref().map(|failure| failure.kind) {
            None => Self::Answered,
            Some(FailureKind::Status) if refuses_all(result.status) => Self::Failed,
            Some(FailureKind::Status | FailureKind::Redirect | FailureKind::ResponseTooLarge) => {
                Self::Answered
            }
            Some(
                FailureKind::Unsendable
                | FailureKind::AddressNotAllowed
                | FailureKind::Interrupted
                | FailureKind::Proxy,
            ) => Self::Nothing,
            Some(_) => Self::Failed,
        }
    }
}

/// Whether a status code speaks of the endpoint rather than of the delivery.
fn refuses_all(status: Option<u16>) -> bool {
    status.is_some_and(|status| status == 429 || (500..600).contains(&status))
}

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Attempts begin as rate and concurrency allow.
    Closed,
    /// None begins before this time.
    Open {
        /// When one attempt may find out how the endpoint is.
        next_probe_at: Timestamp,
    },
    /// One attempt is under way to find out how the endpoint is.
    HalfOpen,
}

impl BreakerState {
    /// Its name in the API: `closed`, `open`, `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// As many as there are.
    Any,
    /// One, as the probe.
    Probe,
    /// None before this time.
    NotBefore(Timestamp),
    /// None until the probe is over.
    NotNow,
}

/// Which stretch between two changes of a breaker an attempt began in. What it comes to counts in that stretch alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    stretch: u32,
    /// Whether the breaker permitted it; otherwise it began without asking.
    is_permitted: bool,
}

/// The breaker of one subscription. It begins closed, also after a restart.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: BreakerState,
    epoch: u32,
    /// Failures since the last answer.
    in_a_row: u32,
    /// The latest attempts, the newest in the lowest bit; 1 is a failure.
    recent: u32,
    /// How many of them there are.
    seen: u32,
    /// How often in a row it has opened, and so how long it stays open.
    openings: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: BreakerState::Closed, epoch: 0, in_a_row: 0, recent: 0, seen: 0, openings: 0 }
    }
}

impl Breaker {
    /// How it stands.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.state == BreakerState::Closed
    }

    /// Closes it as if nothing had happened. What is under way by then counts no more.
    pub fn reset(&mut self) {
        *self = Self { epoch: self.epoch.wrapping_add(1), ..Self::default() };
    }

    /// Whether an attempt may begin.
    pub fn permit(&self, now: Timestamp) -> Permit {
        match self.state {
            BreakerState::Closed => Permit::Any,
            BreakerState::HalfOpen => Permit::NotNow,
            // A clock that stepped back must not make it wait for the old time to come again.
            BreakerState::Open { next_probe_at }
                if next_probe_at <= now || next_probe_at.since(now) > longest_wait() =>
            {
                Permit::Probe
            }
            BreakerState::Open { next_probe_at } => Permit::NotBefore(next_probe_at),
        }
    }

    /// An attempt begins that was permitted.
    pub fn begin(&mut self, now: Timestamp) -> Epoch {
        if self.permit(now) == Permit::Probe {
            self.change(BreakerState::HalfOpen);
        }
        Epoch { stretch: self.epoch, is_permitted: true }
    }

    /// The stretch that an attempt belongs to which begins without asking.
    pub fn epoch(&self) -> Epoch {
        Epoch { stretch: self.epoch, is_permitted: false }
    }

    /// An attempt is over. `jitter` is any random number. Returns whether the breaker's state has changed.
    pub fn ended(&mut self, epoch: Epoch, reaction: Reaction, now: Timestamp, jitter: u64) -> bool {
        // What began before the last change tells of a time that is over.
        if epoch.stretch != self.epoch {
            return false;
        }
        // While a probe is under way its failure alone counts: not that of what began without asking.
        if !epoch.is_permitted && !self.is_closed() && reaction != Reaction::Answered {
            return false;
        }
        match (self.state, reaction) {
            (BreakerState::Closed, Reaction::Nothing) | (BreakerState::Open { .. }, Reaction::Failed) => {
                false
            }
            (BreakerState::Closed, _) => self.count(reaction == Reaction::Failed, now, jitter),
            (BreakerState::HalfOpen, Reaction::Failed) => self.open(now, jitter),
            // A probe that found out nothing is made again after the same wait.
            (BreakerState::HalfOpen, Reaction::Nothing) => {
                self.openings -= 1;
                self.open(now, jitter)
            }
            (BreakerState::Open { .. }, Reaction::Nothing) => false,
            // An attempt that somebody asked for closes it as well as the probe does.
            (BreakerState::HalfOpen | BreakerState::Open { .. }, Reaction::Answered) => {
                (self.in_a_row, self.recent, self.seen) = (0, 0, 0);
                self.change(BreakerState::Closed)
            }
        }
    }

    fn count(&mut self, failed: bool, now: Timestamp, jitter: u64) -> bool {
        self.recent = self.recent << 1 | u32::from(failed);
        self.seen = (self.seen + 1).min(limits::BREAKER_WINDOW);
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        let failures = (self.recent & (u32::MAX >> (u32::BITS - limits::BREAKER_WINDOW))).count_ones();
        let share = self.seen >= limits::BREAKER_RECENT_MIN
            && failures * 100 >= self.seen * limits::BREAKER_FAILED_PER_CENT;
        if failed && (self.in_a_row >= limits::BREAKER_FAILURES_IN_A_ROW || share) {
            return self.open(now, jitter);
        }
        if self.seen >= limits::BREAKER_RECENT_MIN {
            // It has held through a whole window: the next trouble is a new one.
            self.openings = 0;
        }
        false
    }

    fn open(&mut self, now: Timestamp, jitter: u64) -> bool {
        let doubled = limits::BREAKER_WAIT_FIRST * (1 << self.openings.min(16));
        let wait = jittered(doubled.min(limits::BREAKER_WAIT_LONGEST), jitter);
        self.openings = self.openings.saturating_add(1);
        self.change(BreakerState::Open { next_probe_at: now.saturating_add(wait) })
    }

    fn change(&mut self, state: BreakerState) -> bool {
        self.state = state;
        self.epoch = self.epoch.wrapping_add(1);
        true
    }
}

/// The longest that it stays open before a probe.
fn longest_wait() -> Duration {
    limits::BREAKER_WAIT_LONGEST * (100 + limits::RETRY_JITTER_PER_CENT as u32) / 100
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Failure;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    fn run(breaker: &mut Breaker, reaction: Reaction, times: u32) {
        for _ in 0..times {
            let epoch = breaker.begin(NOW);
            breaker.ended(epoch, reaction, NOW, 0);
        }
    }

    /// Opens a breaker and returns how long it then waits.
    fn wait(breaker: &Breaker, now: Timestamp) -> Duration {
        match breaker.state() {
            BreakerState::Open { next_probe_at } => next_probe_at.since(now),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ten_failures_in_a_row_open_it_and_nine_do_not() {
        let mut breaker = Breaker::default();
        run(&mut breaker, Reaction::Failed, 9);
        run(&mut breaker, Reaction::Answered, 1);
        run(&mut breaker, Reaction::Failed, 9);
        assert_eq!(breaker.state(), BreakerState::Closed);
        run(&mut breaker, Reaction::Failed, 1);
        assert_eq!(breaker.permit(NOW), Permit::NotBefore(after(4)));
    }

    #[test]
    fn half_of_twenty_open_it_and_of_fewer_do_not() {
        let mut breaker = Breaker::default();
        for _ in 0..9 {
            run(&mut breaker, Reaction::Answered, 1);
            run(&mut breaker, Reaction::Failed, 1);
        }
        run(&mut breaker, Reaction::Answered, 1);
        assert!(breaker.is_closed(), "nineteen");
        run(&mut breaker, Reaction::Failed, 1);
        assert!(!breaker.is_closed());
    }

    #[test]
    fn a_third_of_many_does_not_open_it() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            run(&mut breaker, Reaction::Answered, 2);
            run(&mut breaker, Reaction::Failed, 1);
        }
        assert!(breaker.is_closed());
    }

    #[test]
    fn waits_double_up_to_five_minutes_until_the_endpoint_answers() {
        let mut breaker = Breaker::default();
        run(&mut breaker, Reaction::Failed, 10);
        let mut now = NOW;
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            // No jitter is a fifth less.
            assert_eq!(wait(&breaker, now), Duration::from_secs(expected) * 4 / 5);
            now = now.saturating_add(wait(&breaker, now));
            assert_eq!(breaker.permit(now), Permit::Probe);
            let probe = breaker.begin(now);
            assert_eq!((breaker.state(), breaker.permit(now)), (BreakerState::HalfOpen, Permit::NotNow));
            assert!(breaker.ended(probe, Reaction::Failed, now, 0));
        }
        let probe = breaker.begin(after(10_000));
        assert!(breaker.ended(probe, Reaction::Answered, after(10_000), 0));
        assert!(breaker.is_closed());
        run(&mut breaker, Reaction::Failed, 10);
        assert!(wait(&breaker, NOW) > Duration::from_secs(200), "it has not held yet: the waits go on");
        let probe = breaker.begin(after(20_000));
        breaker.ended(probe, Reaction::Answered, after(20_000), 0);
        run(&mut breaker, Reaction::Answered, 20);
        run(&mut breaker, Reaction::Failed, 10);
        assert_eq!(wait(&breaker, NOW), Duration::from_secs(4), "it had held: they begin anew");
    }

    #[test]
    fn a_probe_that_found_out_nothing_is_made_again_after_the_same_wait() {
        let mut breaker = Breaker::default();
        run(&mut breaker, Reaction::Failed, 10);
        for _ in 0..3 {
            let probe = breaker.begin(after(100));
            breaker.ended(probe, Reaction::Nothing, after(100), 0);
            assert_eq!(wait(&breaker, after(100)), Duration::from_secs(4));
        }
    }

    #[test]
    fn an_attempt_from_before_it_opened_neither_closes_it_nor_counts_as_its_probe() {
        let mut breaker = Breaker::default();
        let early = breaker.begin(NOW);
        run(&mut breaker, Reaction::Failed, 10);
        assert!(!breaker.ended(early, Reaction::Answered, NOW, 0));
        let probe = breaker.begin(after(10));
        assert!(!breaker.ended(early, Reaction::Failed, after(10), 0));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(breaker.ended(probe, Reaction::Answered, after(10), 0));
    }

    #[test]
    fn an_attempt_that_was_asked_for_closes_it_and_makes_no_wait_longer() {
        let mut breaker = Breaker::default();
        run(&mut breaker, Reaction::Failed, 10);
        let asked = breaker.epoch();
        assert!(!breaker.ended(asked, Reaction::Failed, NOW, 0));
        assert_eq!(wait(&breaker, NOW), Duration::from_secs(4));
        assert!(breaker.ended(asked, Reaction::Answered, NOW, 0));
        assert!(breaker.is_closed());
    }

    #[test]
    fn what_was_under_way_when_it_was_reset_counts_no_more() {
        let mut breaker = Breaker::default();
        let early: Vec<_> = (0..10).map(|_| breaker.begin(NOW)).collect();
        breaker.reset();
        early.into_iter().for_each(|epoch| assert!(!breaker.ended(epoch, Reaction::Failed, NOW, 0)));
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_clock_that_steps_back_holds_no_probe_up() {
        let mut breaker = Breaker::default();
        run(&mut breaker, Reaction::Failed, 10);
        assert_eq!(breaker.permit(Timestamp::from_unix_seconds(1_749_000_000)), Permit::Probe);
    }

    #[test]
    fn only_what_speaks_of_the_endpoint_counts_against_it() {
        let with = |kind, status| AttemptResult {
            status,
            failure: Some(Failure::new(kind, "as the test says")),
            ..AttemptResult::default()
        };
        for status in [400, 401, 404, 410, 422] {
            assert_eq!(
                Reaction::of(&with(FailureKind::Status, Some(status))),
                Reaction::Answered,
                "{status}"
            );
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert_eq!(Reaction::of(&with(FailureKind::Status, Some(status))), Reaction::Failed, "{status}");
        }
        for kind in FailureKind::ALL {
            let expected = match kind {
                FailureKind::Status | FailureKind::Redirect | FailureKind::ResponseTooLarge => {
                    Reaction::Answered
                }
                FailureKind::Unsendable
                | FailureKind::AddressNotAllowed
                | FailureKind::Interrupted
                | FailureKind::Proxy => Reaction::Nothing,
                _ => Reaction::Failed,
            };
            assert_eq!(Reaction::of(&with(kind, None)), expected, "{kind:?}");
        }
        assert_eq!(Reaction::of(&AttemptResult::default()), Reaction::Answered);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Begin,
        End(usize, Reaction),
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let reaction = prop_oneof![1 => Just(Reaction::Answered), 3 => Just(Reaction::Failed), 1 => Just(Reaction::Nothing)];
        let step = prop_oneof![
            4 => Just(Step::Begin),
            4 => (0usize..8, reaction).prop_map(|(which, reaction)| Step::End(which, reaction)),
            1 => (0u64..400).prop_map(Step::Pass),
        ];
        proptest::collection::vec(step, 0..400)
    }

    proptest! {
        /// Whatever happens: at most one probe at a time, nothing else begins while it is not closed, no wait is
        /// longer than the longest, and no probe is ever ruled out for good.
        #[test]
        fn it_lets_one_probe_through_and_never_shuts_for_good(steps in steps(), jitter: u64) {
            let mut breaker = Breaker::default();
            let (mut under_way, mut now) = (Vec::new(), NOW);
            for step in steps {
                match step {
                    Step::Begin => if let Permit::Any | Permit::Probe = breaker.permit(now) {
                        let was_closed = breaker.is_closed();
                        under_way.push((breaker.begin(now), !was_closed));
                    },
                    Step::End(which, reaction) => if !under_way.is_empty() {
                        let (epoch, _) = under_way.remove(which % under_way.len());
                        breaker.ended(epoch, reaction, now, jitter);
                    },
                    Step::Pass(seconds) => now = now.saturating_add(Duration::from_secs(seconds)),
                }
                let probes = under_way.iter().filter(|(epoch, probe)| *probe && epoch.stretch == breaker.epoch).count();
                match breaker.state() {
                    BreakerState::HalfOpen => prop_assert_eq!(probes, 1),
                    BreakerState::Open { next_probe_at } => {
                        prop_assert!(next_probe_at.since(now) <= longest_wait());
                        prop_assert_eq!(breaker.permit(now.saturating_add(longest_wait())), Permit::Probe);
                    }
                    BreakerState::Closed => prop_assert_eq!(breaker.permit(now), Permit::Any),
                }
            }
        }
    }
}
