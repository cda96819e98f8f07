//! Many seeds.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{Seen, Violation, run};

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Runs that were made.
    pub runs: u64,
    /// The seeds whose run broke an invariant, and the first that it broke, in the order of the seeds.
    pub broken: Vec<(u64, Violation)>,
    /// What happened in all of them.
    pub seen: Seen,
}

/// Seeds whose run broke an invariant before the rest is left out.
const BROKEN_MAX: usize = 20;

/// Runs seeds on so many threads, and calls `progress` with the number of runs so far after every one of them.
///
/// Ends early where too many seeds break an invariant.
pub fn run_many(seeds: Range<u64>, threads: usize, progress: impl Fn(u64) + Sync) -> Totals {
    let next = AtomicU64::new(seeds.start);
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || totals.lock().broken.len() >= BROKEN_MAX {
                        return;
                    }
                    let mut report = run(seed);
                    let mut totals = totals.lock();
                    totals.runs += 1;
                    totals.seen.add(&report.seen);
                    if !report.violations.is_empty() {
                        totals.broken.push((seed, report.violations.swap_remove(0)));
                    }
                    progress(totals.runs);
                }
            });
        }
    });
    let mut totals = totals.into_inner();
    totals.broken.sort_by_key(|(seed, _)| *seed);
    totals
}

/// The seeds of a file: a number at the beginning of each line, `#` for the rest.
pub fn seeds_in(text: &str) -> Vec<u64> {
    let lines = text.lines().filter_map(|line| line.split('#').next()?.trim().parse().ok());
    lines.collect()
}
