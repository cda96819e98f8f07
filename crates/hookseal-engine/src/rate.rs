//! A token bucket.

use hookseal::Timestamp;

use crate::limits;

/// Lets `per_second` attempts begin each second, evenly.
///
/// It keeps the moment for which the next attempt is due, in microseconds, instead of a number of tokens (the
/// "virtual scheduling" form of the generic cell rate algorithm, ITU-T I.371), so that it is exact at any rate. An
/// attempt may begin up to [`limits::RATE_AHEAD`] before that moment: so a timer that is late by less than that loses
/// nothing, and no more than so much of the rate can come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Microseconds between two attempts.
    interval: i64,
    /// The moment for which the next attempt is due, in unix microseconds.
    due: i64,
    /// Attempts that did not ask and are not made up for yet: as many intervals may `due` lie further ahead.
    owed: i64,
}

/// See [`limits::RATE_AHEAD`], in microseconds.
const AHEAD: i64 = limits::RATE_AHEAD.as_micros() as i64;

impl Bucket {
    /// A bucket that lets the first attempt begin at once; `per_second` of 0 counts as 1.
    pub fn full(per_second: u32, now: Timestamp) -> Self {
        Self { interval: interval(per_second), due: micros(now), owed: 0 }
    }

    /// A bucket whose first attempt has a whole interval to wait: what was begun before `now` is not known, and must
    /// not add up with what begins after it to more than the rate.
    pub fn empty(per_second: u32, now: Timestamp) -> Self {
        let interval = interval(per_second);
        Self { interval, due: micros(now) + interval + AHEAD, owed: 0 }
    }

    /// Another rate from now on. What was begun at the old rate counts: no change lets more begin at once.
    pub fn change(&mut self, per_second: u32, now: Timestamp) {
        let now = micros(now);
        self.forget_old_time(now);
        let ahead = (self.due - now).max(0);
        self.interval = interval(per_second);
        self.due = now + ahead;
        self.forget_old_time(now);
    }

    /// Takes a token, or says when the next one is there.
    ///
    /// # Errors
    ///
    /// The earliest time at which to ask again.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let now = micros(now);
        self.forget_old_time(now);
        if self.due - AHEAD > now {
            return Err(Timestamp::from_unix_millis((self.due - AHEAD + 999).div_euclid(1000)));
        }
        self.due = self.due.max(now) + self.interval;
        Ok(())
    }

    /// An attempt begins without asking; those that ask make up for it.
    pub fn charge(&mut self, now: Timestamp) {
        let now = micros(now);
        self.forget_old_time(now);
        self.owed += 1;
        self.due = self.due.max(now) + self.interval;
    }

    /// A clock that stepped back must not make the bucket wait for the old time to come again, nor longer than what is
    /// owed takes; what time has passed for is made up for.
    fn forget_old_time(&mut self, now: i64) {
        self.due = self.due.min(now + AHEAD + self.interval * (1 + self.owed));
        let left = (self.due - now).max(0);
        self.owed = self.owed.min((left + self.interval - 1) / self.interval);
    }
}

fn interval(per_second: u32) -> i64 {
    1_000_000 / i64::from(per_second.max(1))
}

fn micros(at: Timestamp) -> i64 {
    at.as_unix_millis().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn begun_within(rate: u32, seconds: u64) -> usize {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        let end = start.saturating_add(Duration::from_secs(seconds));
        let (mut bucket, mut now, mut begun) = (Bucket::full(rate, start), start, 0);
        while now < end {
            match bucket.take(now) {
                Ok(()) => begun += 1,
                Err(at) => now = at,
            }
        }
        begun
    }

    #[test]
    fn ten_a_second_are_a_hundred_in_ten_seconds() {
        assert!((98..=102).contains(&begun_within(10, 10)), "{}", begun_within(10, 10));
    }

    /// When attempts begin at `rate`, by a timer that is always `late`, from a bucket that stands as it does after a
    /// start: milliseconds from `start` up to `until`.
    fn begun(rate: u32, late: Duration, start: Timestamp, until: Timestamp) -> Vec<i64> {
        let (mut bucket, mut now, mut begun) = (Bucket::empty(rate, start), start, Vec::new());
        while now < until {
            match bucket.take(now) {
                Ok(()) => begun.push(now.as_unix_millis()),
                Err(at) => now = at.saturating_add(late),
            }
        }
        begun
    }

    #[test]
    fn timers_that_are_late_lose_nothing() {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        for rate in [1, 10, 100, 1_000] {
            let until = start.saturating_add(Duration::from_secs(10));
            let count = begun(rate, Duration::from_millis(15), start, until).len();
            let due = rate as usize * 10;
            assert!(count.abs_diff(due) <= due / 50 + 1, "{count} of {due}");
        }
    }

    #[test]
    fn an_attempt_that_did_not_ask_is_made_up_for() {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        let mut bucket = Bucket::full(10, start);
        bucket.charge(start);
        assert_eq!(bucket.take(start).unwrap_err().since(start), Duration::from_millis(80));
    }

    #[test]
    fn as_many_as_did_not_ask_are_made_up_for() {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        for charges in 1..50 {
            let mut bucket = Bucket::full(10, start);
            (0..charges).for_each(|_| bucket.charge(start));
            let at = bucket.take(start).unwrap_err();
            assert_eq!(at.since(start), Duration::from_millis(100 * charges - 20));
            bucket.take(at).unwrap();
            assert_eq!(bucket.take(at).unwrap_err().since(at), Duration::from_millis(100), "as before them");
        }
    }

    #[test]
    fn what_was_made_up_for_is_not_owed_when_the_clock_steps_back() {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        let mut bucket = Bucket::full(10, start);
        (0..20).for_each(|_| bucket.charge(start));
        let later = start.saturating_add(Duration::from_secs(5));
        bucket.take(later).unwrap();
        let at = bucket.take(start).unwrap_err();
        assert!(at.since(start) <= Duration::from_millis(200), "{at:?}");
    }

    #[test]
    fn a_change_of_the_rate_lets_nothing_through_at_once() {
        let start = Timestamp::from_unix_seconds(1_750_000_000);
        let mut bucket = Bucket::full(1, start);
        bucket.take(start).unwrap();
        for rate in [1, 1, 1] {
            bucket.change(rate, start);
            assert_eq!(bucket.take(start).unwrap_err().since(start), Duration::from_millis(980));
        }
        bucket.change(10, start);
        assert_eq!(bucket.take(start).unwrap_err().since(start), Duration::from_millis(100));
    }

    proptest! {
        #[test]
        fn the_rate_is_kept(rate in 1u32..10_000) {
            let begun = begun_within(rate, 10) as f64;
            let due = f64::from(rate) * 10.0;
            prop_assert!((begun - due).abs() <= due * 0.02 + 2.0, "{begun} of {due}");
        }

        /// A process begins attempts, stops at any moment, and another begins where it has stopped.
        #[test]
        fn no_second_has_more_than_the_rate_also_across_restarts(
            rate in 1u32..500,
            stops in proptest::collection::vec(0u64..2_000, 1..5),
        ) {
            let (mut start, mut all) = (Timestamp::from_unix_seconds(1_750_000_000), Vec::new());
            for millis in stops {
                let stop = start.saturating_add(Duration::from_millis(millis));
                all.extend(begun(rate, Duration::ZERO, start, stop));
                start = stop;
            }
            // What may be early may be early at either end of a second, and a millisecond is the clock's own grain.
            let most = rate as usize + (rate as usize * 42).div_ceil(1_000) + 1;
            for (from, next) in all.iter().zip(all.iter().skip(most)) {
                prop_assert!(next - from >= 1_000, "more than {most} within a second at {rate}");
            }
        }

        #[test]
        fn a_clock_that_steps_back_holds_nothing_up(back in 0i64..1_000_000_000) {
            let start = Timestamp::from_unix_seconds(1_750_000_000);
            let mut bucket = Bucket::full(10, start);
            bucket.take(start).unwrap();
            let then = Timestamp::from_unix_millis(start.as_unix_millis() - back);
            if let Err(at) = bucket.take(then) {
                prop_assert!(at.since(then) <= Duration::from_millis(200));
                prop_assert_eq!(bucket.take(at), Ok(()), "whoever comes when told to gets a token");
            }
        }
    }
}
