//! Simulating the engine: many seeds, or one to look at.

use std::{fmt::Write, fs, path::PathBuf, time::Duration};

use hookseal_testkit::simulation::{self, Invariant, Totals, Violation, run_many, seeds_in};

use crate::shell::{Done, commit, root, stopwatch};

/// Simulate the engine with everything that can go wrong; a seed leads to one run, always the same
#[derive(clap::Args)]
pub(crate) struct Simulate {
    /// Run this seed alone, and print what happens in it
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from", "record"])]
    seed: Option<u64>,
    /// How many seeds to run
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub(crate) seeds: u64,
    /// The first of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) from: u64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    pub(crate) jobs: usize,
    /// Write what came of it to crates/hookseal-testkit/SIMULATION.md
    #[arg(long)]
    pub(crate) record: bool,
}

impl Simulate {
    pub(crate) fn run(&self) -> Done {
        if let Some(seed) = self.seed {
            return one(seed);
        }
        let seeds = self.from..self.from + self.seeds;
        // What runs is what was there as it began.
        let commit = commit()?;
        let watch = stopwatch();
        let every = (self.seeds / 20).max(1);
        let totals = run_many(seeds.clone(), self.jobs, |runs| {
            if runs % every == 0 {
                println!("{runs} of {} runs, {} s", self.seeds, watch().as_secs());
            }
        });
        keep(&totals.broken)?;
        let command = format!("--from {} --seeds {} --jobs {}", self.from, self.seeds, self.jobs);
        let page = page(&command, &commit, &totals, watch())?;
        println!("{page}");
        if self.record {
            fs::write(testkit("SIMULATION.md"), page)?;
        }
        if totals.broken.is_empty() { Ok(()) } else { Err(broken(&totals.broken).into()) }
    }
}

fn testkit(file: &str) -> PathBuf {
    root().join("crates/hookseal-testkit").join(file)
}

/// One run, told call by call.
fn one(seed: u64) -> Done {
    let report = simulation::run_and_tell(seed);
    for line in &report.lines {
        println!("{line}");
    }
    println!("seed {seed}: trace {:016x}, {:?}", report.trace, report.seen);
    match report.violations.as_slice() {
        [] => Ok(()),
        broken => {
            let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
            Err(broken.join("\n").into())
        }
    }
}

/// Adds seeds that broke an invariant to the file of those that every test run repeats.
fn keep(broken: &[(u64, Violation)]) -> Done {
    let path = testkit("seeds.txt");
    let mut text = fs::read_to_string(&path)?;
    let known = seeds_in(&text);
    for (seed, violation) in broken.iter().filter(|(seed, _)| !known.contains(seed)) {
        writeln!(text, "{seed} # {}", violation.invariant)?;
    }
    Ok(fs::write(path, text)?)
}

fn broken(broken: &[(u64, Violation)]) -> String {
    let lines = broken.iter().map(|(seed, violation)| {
        format!("seed {seed}: {violation}\n  repeat it with: cargo xtask simulate --seed {seed}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn page(
    command: &str,
    commit: &str,
    totals: &Totals,
    took: Duration,
) -> Result<String, Box<dyn std::error::Error>> {
    let Totals { runs, broken, seen } = totals;
    let mut page = String::from("# Simulation\n\n");
    writeln!(
        page,
        "Written by `cargo xtask simulate {command} --record` on {} at commit {commit}: {}.\n",
        today()?,
        if broken.is_empty() { "every invariant held in every run" } else { "some broke an invariant" },
    )?;
    writeln!(page, "| | |\n|---|---:|")?;
    let rows: [(&str, u64); 15] = [
        ("runs, each from a seed of its own", *runs),
        ("runs that broke an invariant", broken.len() as u64),
        ("seconds", took.as_secs()),
        ("processes, ended by a crash or a stop", seen.lives),
        ("calls of ports, and answers", seen.calls),
        ("events accepted", seen.accepted),
        ("of these, published again and known", seen.duplicates),
        ("events refused for good", seen.refused),
        ("events not accepted, for now", seen.failed),
        ("attempts", seen.attempts),
        ("of these, failed", seen.attempts_failed),
        ("of these, not answered in time", seen.timeouts),
        ("of these, answered with `Retry-After`", seen.asked_to_wait),
        ("calls of the store that failed", seen.store_failed),
        ("calls of the store that were done and lost their answer", seen.store_lost),
    ];
    for (what, count) in rows {
        writeln!(page, "| {what} | {count} |")?;
    }
    writeln!(page, "\nIn each run these were judged:\n")?;
    for invariant in Invariant::ALL {
        writeln!(page, "- `{invariant}`")?;
    }
    for (seed, violation) in broken {
        writeln!(page, "\nSeed {seed}: {violation}")?;
    }
    Ok(page)
}

/// The date, as git writes it.
fn today() -> Result<String, Box<dyn std::error::Error>> {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
