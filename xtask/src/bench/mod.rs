//! Throughput, latency and cost, beside `limit`, the least that any sender must do. Absolute figures drift with the
//! machine; what counts is the ratio within one run.

mod disk;
mod driver;
mod growth;
mod isolation;
mod machine;
mod matrix;
mod plot;
mod report;
mod system;

use std::path::PathBuf;

use crate::shell::{Binary, Done, root, run_in};

/// Throughput, latency and cost beside the bare relay `limit`, each on one processor, in turn
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    scenario: Option<Scenario>,
    /// Rounds of the main row, each of `limit` and the server in turn; the others make at most three
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Events of a round of the main row; the others take shares of it
    #[arg(long, default_value_t = 300_000)]
    events: u64,
    /// The main row alone, three rounds of 100,000 events; nothing is written
    #[arg(long)]
    quick: bool,
    /// Print only, and leave the page and its plots as they are
    #[arg(long)]
    no_write: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Subcommand)]
enum Scenario {
    /// One load of your own beside `limit`
    Row(matrix::Own),
    /// A healthy endpoint beside a dead one for which 100,000 deliveries wait
    Dead(isolation::Dead),
    /// A healthy endpoint beside 1,000,000 waiting deliveries, memory, and the start with them in the store
    Pending(isolation::Pending),
    /// Throughput, latency and memory as subscriptions, stored and waiting deliveries grow
    Growth(growth::Growth),
    /// Times idle syncs, for the other scenarios
    #[command(hide = true)]
    IdleSync,
}

/// What runs where.
#[derive(clap::Args)]
struct Place {
    /// The processor of the system under test
    #[arg(long, default_value_t = 1)]
    system_processor: usize,
    /// The processor of the driver, which is the endpoint too
    #[arg(long, default_value_t = 0)]
    driver_processor: usize,
    #[command(flatten)]
    binary: Binary,
}

/// The programs of a run, built, and where they run.
struct Bed {
    binary: PathBuf,
    tools: PathBuf,
    system_processor: usize,
    driver_processor: usize,
}

impl Place {
    fn bed(&self) -> Result<Bed, Box<dyn std::error::Error>> {
        let binary = self.binary.path()?;
        let folder = root().join("bench");
        run_in(&folder, "cargo", &["build", "--release", "--locked", "--target-dir", "target"])?;
        let tools = folder.join("target/release");
        let (system_processor, driver_processor) = (self.system_processor, self.driver_processor);
        Ok(Bed { binary, tools, system_processor, driver_processor })
    }
}

impl Bench {
    pub(crate) fn run(&self) -> Done {
        if matches!(self.scenario, Some(Scenario::IdleSync)) {
            return disk::print_idle_syncs();
        }
        let bed = self.place.bed()?;
        let write = !self.no_write && !self.quick;
        match &self.scenario {
            None if self.quick => matrix::quick(&bed),
            None => matrix::whole(&bed, self.rounds.max(1), self.events, write),
            Some(Scenario::Row(own)) => own.run(&bed),
            Some(Scenario::Dead(dead)) => dead.run(&bed, write),
            Some(Scenario::Pending(pending)) => pending.run(&bed, write),
            Some(Scenario::Growth(growth)) => growth.run(&bed, write),
            Some(Scenario::IdleSync) => Ok(()),
        }
    }
}

/// The middle one of some numbers; not a number where there are none.
fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_nothing_is_no_number() {
        assert!(median(std::iter::empty()).is_nan());
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
    }
}
