//! A token bucket.

use hookseal::Timestamp;

/// Lets `per_second` attempts begin each second, and no more than a tenth of that at once (at least one).
///
/// It keeps the moment at which it will be full again, in microseconds, instead of a number of tokens (the "virtual
/// scheduling" form of the generic cell rate algorithm, ITU-T I.371), so that it is exact at any rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Microseconds that one token is worth.
    interval: i64,
    /// How far ahead of the clock the next token may be owed, in microseconds.
    tolerance: i64,
    /// When the next token is there without any debt, in unix microseconds.
    free_at: i64,
}

impl Bucket {
    /// A full bucket; `per_second` of 0 counts as 1.
    pub fn full(per_second: u32, now: Timestamp) -> Self {
        let interval = 1_000_000 / i64::from(per_second.max(1));
        let burst = i64::from(per_second / 10).max(1);
        Self { interval, tolerance: interval * (burst - 1), free_at: micros(now) }
    }

    /// Takes a token, or says when the next one is there.
    ///
    /// # Errors
    ///
    /// The earliest time at which to ask again.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let now = micros(now);
        // A clock that stepped back must not make the bucket wait for the old time to come again.
        let free_at = self.free_at.min(now + self.tolerance + self.interval);
        if free_at - self.tolerance > now {
            let at = (free_at - self.tolerance + 999).div_euclid(1000);
            return Err(Timestamp::from_unix_millis(at));
        }
        self.free_at = free_at.max(now) + self.interval;
        Ok(())
    }
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

    proptest! {
        #[test]
        fn the_rate_is_kept(rate in 1u32..10_000) {
            let begun = begun_within(rate, 10) as f64;
            let due = f64::from(rate) * 10.0;
            prop_assert!((begun - due).abs() <= due * 0.02 + 2.0, "{begun} of {due}");
        }

        #[test]
        fn a_clock_that_steps_back_holds_nothing_up(back in 0i64..1_000_000_000) {
            let start = Timestamp::from_unix_seconds(1_750_000_000);
            let mut bucket = Bucket::full(10, start);
            bucket.take(start).unwrap();
            let then = Timestamp::from_unix_millis(start.as_unix_millis() - back);
            if let Err(at) = bucket.take(then) {
                prop_assert!(at.since(then) <= Duration::from_millis(200));
            }
        }
    }
}
