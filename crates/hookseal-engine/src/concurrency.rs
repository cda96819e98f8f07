//! How many attempts one endpoint bears at once. Pure: a limit that follows from how long its attempts took.
//!
//! The owner's `max_in_flight` is the ceiling. Attempts are looked at in windows; where half of a window was slow
//! against the endpoint's own usual time, or refused for want of capacity, the limit goes down by a quarter, and
//! otherwise up by one (additive increase, multiplicative decrease: Chiu and Jain 1989). An endpoint that is slow but
//! even keeps all of its concurrency; one whose times grow with the load is given as much as it bears; one that is
//! slower for good is found out when next to nothing is under way, and has all of it back.

use std::time::Duration;

use crate::{AttemptResult, FailureKind, limits};

/// What one attempt says of the endpoint's load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How long it took.
    pub took: Duration,
    /// Whether the endpoint had no capacity for it: no answer in time, or 429 or 503.
    pub refused: bool,
}

impl Load {
    /// Reads it off what an attempt came to.
    pub fn of(result: &AttemptResult) -> Self {
        let timeout = result.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Timeout);
        Self { took: result.phases.total, refused: timeout || matches!(result.status, Some(429 | 503)) }
    }
}

/// The limit in force for one subscription.
#[derive(Debug, Clone)]
pub struct Concurrency {
    most: u32,
    limit: u32,
    /// Whether the limit grows with every answer, as it does after a standstill.
    ramping: bool,
    /// How long an attempt usually takes, in microseconds; `None` until a first window is over.
    usual: Option<u64>,
    window: Window,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    seen: u32,
    slow: u32,
    /// Of those that were answered: how many, and how long they took together, in microseconds.
    answered: u32,
    total: u64,
}

impl Concurrency {
    /// All that the owner allows, at once.
    pub fn full(most: u32) -> Self {
        Self { most, limit: most, ramping: false, usual: None, window: Window::default() }
    }

    /// Begins low and grows with every answer: after a standstill much waits, and the endpoint may not be what it was.
    pub fn ramp(&mut self) {
        self.limit = limits::RAMP_FIRST.min(self.most);
        self.ramping = true;
        self.window = Window::default();
    }

    /// Attempts that may be under way at once, at least 1.
    pub fn limit(&self) -> u32 {
        self.limit.max(1)
    }

    /// The owner allows this many now.
    pub fn allow(&mut self, most: u32) {
        // One that was not held back is not held back under the new ceiling either.
        self.limit = if self.limit == self.most { most } else { self.limit.min(most) };
        self.most = most;
    }

    /// An attempt is over that says something of the endpoint.
    pub fn ended(&mut self, load: Load) {
        let took = u64::try_from(load.took.as_micros()).unwrap_or(u64::MAX);
        let slow = load.refused || self.usual.is_some_and(|usual| took > slow_from(usual));
        self.window.seen += 1;
        self.window.slow += u32::from(slow);
        if !load.refused {
            self.window.answered += 1;
            self.window.total = self.window.total.saturating_add(took);
        }
        if self.ramping && !slow {
            self.limit = (self.limit + 1).min(self.most);
            self.ramping = self.limit < self.most;
        }
        if self.window.seen >= self.limit.max(limits::CONCURRENCY_SAMPLES_MIN) {
            self.judge();
        }
    }

    fn judge(&mut self) {
        let Window { seen, slow, answered, total } = std::mem::take(&mut self.window);
        let mean = total.checked_div(u64::from(answered));
        if slow * 2 < seen {
            self.limit = (self.limit + 1).min(self.most);
            self.usual = [self.usual, mean].into_iter().flatten().min();
            return;
        }
        if let Some(mean) = mean.filter(|_| self.limit <= limits::RAMP_FIRST) {
            // So slow with next to nothing under way is not the load: this is how long it usually takes by now.
            self.usual = Some(mean);
            self.ramping = true;
            return;
        }
        self.limit = (self.limit * 3 / 4).max(1);
        self.ramping = false;
    }
}

/// From which time on, in microseconds, an attempt is slow for an endpoint that usually takes so long.
fn slow_from(usual: u64) -> u64 {
    let margin = limits::CONCURRENCY_MARGIN.as_micros() as u64;
    (usual.saturating_mul(2)).max(usual.saturating_add(margin))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Failure;

    fn took(millis: u64) -> Load {
        Load { took: Duration::from_millis(millis), refused: false }
    }

    const REFUSED: Load = Load { took: Duration::from_secs(15), refused: true };

    fn run(concurrency: &mut Concurrency, load: Load, times: u32) {
        (0..times).for_each(|_| concurrency.ended(load));
    }

    #[test]
    fn timeouts_bring_it_down_and_answers_up_again() {
        let mut concurrency = Concurrency::full(16);
        run(&mut concurrency, took(50), 200);
        run(&mut concurrency, REFUSED, 16);
        assert_eq!(concurrency.limit(), 12);
        run(&mut concurrency, REFUSED, 200);
        assert_eq!(concurrency.limit(), 1);
        run(&mut concurrency, took(50), 300);
        assert_eq!(concurrency.limit(), 16);
    }

    #[test]
    fn an_endpoint_that_slows_under_load_is_given_what_it_bears() {
        let mut concurrency = Concurrency::full(64);
        // 100 ms for up to eight at once, and in proportion for more.
        let time = |limit: u32| took(u64::from(limit.max(8)) * 100 / 8);
        run(&mut concurrency, took(100), 64);
        let mut limits = Vec::new();
        for _ in 0..2_000 {
            concurrency.ended(time(concurrency.limit()));
            limits.push(concurrency.limit());
        }
        let settled = &limits[1_000..];
        assert!(settled.iter().all(|limit| *limit <= 18), "twice the usual time at sixteen: {settled:?}");
        assert!(settled.iter().all(|limit| *limit >= 8), "never less than it bears: {settled:?}");
    }

    #[test]
    fn an_endpoint_that_is_slower_for_good_has_its_concurrency_back() {
        let mut concurrency = Concurrency::full(16);
        run(&mut concurrency, took(50), 200);
        run(&mut concurrency, took(400), 60);
        assert!(concurrency.limit() < 4);
        run(&mut concurrency, took(400), 60);
        assert_eq!(concurrency.limit(), 16);
    }

    #[test]
    fn one_slow_answer_in_ten_changes_nothing() {
        let mut concurrency = Concurrency::full(16);
        for _ in 0..100 {
            run(&mut concurrency, took(20), 9);
            run(&mut concurrency, took(5_000), 1);
            assert_eq!(concurrency.limit(), 16);
        }
    }

    #[test]
    fn after_a_standstill_it_begins_low_and_grows_with_every_answer() {
        let mut concurrency = Concurrency::full(16);
        concurrency.ramp();
        assert_eq!(concurrency.limit(), limits::RAMP_FIRST);
        run(&mut concurrency, took(50), 3);
        assert_eq!(concurrency.limit(), limits::RAMP_FIRST + 3);
        run(&mut concurrency, took(50), 20);
        assert_eq!(concurrency.limit(), 16);
    }

    #[test]
    fn it_follows_its_owners_ceiling() {
        let mut concurrency = Concurrency::full(4);
        concurrency.allow(9);
        assert_eq!(concurrency.limit(), 9);
        run(&mut concurrency, REFUSED, 10);
        concurrency.allow(200);
        assert_eq!(concurrency.limit(), 6, "what it was held back to stays");
        concurrency.allow(2);
        assert_eq!(concurrency.limit(), 2);
    }

    #[test]
    fn a_timeout_and_the_two_status_codes_are_refusals() {
        let answered = |status| AttemptResult { status: Some(status), ..AttemptResult::default() };
        assert!(Load::of(&answered(503)).refused && Load::of(&answered(429)).refused);
        assert!(!Load::of(&answered(500)).refused && !Load::of(&answered(200)).refused);
        let failure = Some(Failure::new(FailureKind::Timeout, "no answer"));
        assert!(Load::of(&AttemptResult { failure, ..AttemptResult::default() }).refused);
    }

    proptest! {
        /// However slow, an endpoint that takes about as long every time keeps all of its concurrency.
        #[test]
        fn an_even_endpoint_keeps_its_concurrency(millis in 0u64..10_000, most in 1u32..256, wobble: Vec<u64>) {
            let mut concurrency = Concurrency::full(most);
            for by in wobble {
                concurrency.ended(took(millis + by % (millis / 4 + 1)));
                prop_assert_eq!(concurrency.limit(), most);
            }
        }

        #[test]
        fn the_limit_is_never_above_the_ceiling_nor_below_one(
            loads in proptest::collection::vec((0u64..20_000, any::<bool>()), 0..500),
            most in 1u32..256,
        ) {
            let mut concurrency = Concurrency::full(most);
            concurrency.ramp();
            for (millis, refused) in loads {
                concurrency.ended(Load { refused, ..took(millis) });
                prop_assert!((1..=most).contains(&concurrency.limit()));
            }
        }
    }
}
