//! The engine under simulation: many seeds, each the same run whenever it is run, and broken engines that are found out.

use hookseal_testkit::simulation::{self, Invariant, Sabotage};

/// Seeds that every test run goes through.
const SEEDS: u64 = 1000;
/// Seeds within which a broken engine must be found out.
const SEEDS_UNTIL_FOUND: u64 = 400;

#[test]
fn one_seed_run_twice_is_the_same_run() {
    for seed in 0..40 {
        let (one, two) = (simulation::run_and_tell(seed), simulation::run_and_tell(seed));
        let differs = one.lines.iter().zip(&two.lines).find(|(one, two)| one != two);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!((one.trace, &one.seen), (two.trace, &two.seen), "seed {seed}");
        assert_eq!(one.trace, simulation::run(seed).trace, "seed {seed}: keeping the lines changes nothing");
    }
}

#[test]
fn different_seeds_are_different_runs() {
    let mut traces: Vec<u64> = (0..40).map(|seed| simulation::run(seed).trace).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 40);
}

#[test]
fn a_thousand_seeds_break_nothing() {
    let totals = simulation::run_many(0..SEEDS, 2, |_| {});
    let told = totals.broken.iter().map(|(seed, violation)| {
        format!("seed {seed}: {violation}\n  repeat it with: cargo xtask simulate --seed {seed}")
    });
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    // What does not happen shows nothing.
    let seen = &totals.seen;
    assert!(seen.lives > SEEDS * 3 / 2, "{seen:?}");
    for (what, count) in [
        ("accepted", seen.accepted),
        ("duplicates", seen.duplicates),
        ("refused", seen.refused),
        ("failed", seen.failed),
        ("attempts", seen.attempts),
        ("attempts_failed", seen.attempts_failed),
        ("timeouts", seen.timeouts),
        ("asked_to_wait", seen.asked_to_wait),
        ("store_failed", seen.store_failed),
        ("store_lost", seen.store_lost),
    ] {
        assert!(count > SEEDS / 10, "{what} happened {count} times: {seen:?}");
    }
}

#[test]
fn seeds_that_once_broke_something_break_nothing() {
    let seeds = simulation::seeds_in(include_str!("../../seeds.txt"));
    assert!(!seeds.is_empty());
    for seed in seeds {
        let report = simulation::run(seed);
        assert_eq!(report.violations, [], "repeat it with: cargo xtask simulate --seed {seed}");
    }
}

#[test]
fn for_every_invariant_there_is_an_engine_that_breaks_it() {
    for invariant in Invariant::ALL {
        let broken = Sabotage::ALL.iter().any(|sabotage| sabotage.breaks() == *invariant);
        assert!(broken, "nothing breaks {invariant}");
    }
}
#[test]
fn every_broken_engine_is_found_out() {
    let found = |sabotage: Sabotage| {
        let breaks = |seed: &u64| {
            let violations = simulation::run_broken(*seed, sabotage).violations;
            violations.iter().any(|violation| violation.invariant == sabotage.breaks())
        };
        (0..SEEDS_UNTIL_FOUND).find(breaks)
    };
    let missed: Vec<_> = Sabotage::ALL.iter().filter(|sabotage| found(**sabotage).is_none()).collect();
    assert!(missed.is_empty(), "not found out within {SEEDS_UNTIL_FOUND} seeds: {missed:?}");
}
