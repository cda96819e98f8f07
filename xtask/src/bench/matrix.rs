//! The rows of the comparison: the main one, and others in which one thing is different.

use std::time::Duration;

use hookseal_testkit::outside::Failed;

use super::{
    Bed,
    disk::{self, Sync},
    driver::{Load, Round},
    median, report,
    system::{limit_round, round, syncs_per_event},
};
use crate::shell::Done;

/// Rounds of every row but the main one.
const ROUNDS_OF_OTHERS: usize = 3;
/// Seconds of a round at a fixed rate.
const STREAM_SECONDS: u64 = 5;

/// One load, and how often it is measured.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) load: Load,
    pub(super) rounds: usize,
    /// Whether `limit` can take the load too. Where it cannot, the main row's figure stands beside it.
    pub(super) limit: bool,
}

/// What was measured of a row.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) limit: Vec<Round>,
    pub(super) system: Vec<Round>,
    /// Idle syncs, timed in every round of a stream.
    pub(super) syncs: Vec<Duration>,
}

impl Measured {
    /// What an idle sync took meanwhile.
    pub(super) fn idle_sync(&self) -> Sync {
        disk::summary(&mut self.syncs.clone())
    }

    /// The median of a figure of the server.
    pub(super) fn system(&self, figure: fn(&Round) -> f64) -> f64 {
        median(self.system.iter().map(figure))
    }

    /// The median of a figure of `limit`; not a number where it did not run.
    pub(super) fn limit(&self, figure: fn(&Round) -> f64) -> f64 {
        median(self.limit.iter().map(figure))
    }

    /// The median of the rounds' ratios.
    pub(super) fn ratio(&self) -> f64 {
        let rounds = self.limit.iter().zip(&self.system);
        median(rounds.map(|(limit, system)| system.delivered_per_s / limit.delivered_per_s))
    }
}

/// All that a run came to.
pub(super) struct Results {
    pub(super) throughput: Vec<Measured>,
    pub(super) latency: Vec<Measured>,
    pub(super) syncs_per_event: f64,
}

/// The rows of throughput. All but the main one take a share of its events.
fn throughput_rows(rounds: usize, events: u64) -> Vec<Row> {
    let other = |name, load: Load, limit| Row { name, load, rounds: rounds.min(ROUNDS_OF_OTHERS), limit };
    let share = |part: u64| Load { events: (events / part).max(100), ..Load::PLAIN };
    vec![
        Row { name: "64 connections", load: share(1), rounds, limit: true },
        other("256 connections", Load { connections: 256, ..share(3) }, true),
        other("fan-out 10", Load { fanout: 10, ..share(10) }, true),
        other("fan-out 100", Load { fanout: 100, ..share(100) }, true),
        other("bodies of 16 KiB", Load { pad: 16 * 1024 - 100, ..share(10) }, true),
        other("the endpoint answers after 50 ms", Load { sink_ms: 50, ..share(50) }, true),
        other("the endpoint speaks TLS", Load { tls: true, ..share(6) }, false),
        other(
            "every tenth answer is a 500, tried again after 1 s",
            Load { fail_every: 10, ..share(3) },
            false,
        ),
        other("batches of 100", Load { batch: 100, ..share(3) }, false),
        other("publisher's ids", Load { ids: true, ..share(3) }, false),
    ]
}

fn latency_rows(rounds: usize) -> Vec<Row> {
    let stream = |name, rate| Row { name, load: Load::stream(rate, STREAM_SECONDS), rounds, limit: true };
    vec![stream("100 events/s", 100), stream("1,000 events/s", 1_000), stream("5,000 events/s", 5_000)]
}

/// The whole comparison.
pub(super) fn whole(bed: &Bed, rounds: usize, events: u64, write: bool) -> Done {
    let mut throughput = Vec::new();
    for row in throughput_rows(rounds, events) {
        throughput.push(measure(bed, row)?);
    }
    let latency =
        latency_rows(rounds).into_iter().map(|row| measure(bed, row)).collect::<Result<Vec<_>, _>>()?;
    let syncs = syncs_per_event(bed, &Load { events: (events / 10).max(100), ..Load::PLAIN })?;
    let results = Results { throughput, latency, syncs_per_event: syncs };
    println!("\n{}", report::comparison(&results));
    if write { report::write_comparison(&results) } else { Ok(()) }
}

/// The main row alone, in a minute.
pub(super) fn quick(bed: &Bed) -> Done {
    let load = Load { events: 100_000, ..Load::PLAIN };
    let measured = measure(bed, Row { name: "64 connections", load, rounds: 3, limit: true })?;
    println!("\n{}", report::throughput_table(&[measured]));
    Ok(())
}

fn measure(bed: &Bed, row: Row) -> Result<Measured, Box<dyn std::error::Error>> {
    let (mut limit, mut system, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=row.rounds {
        if row.load.rate > 0 {
            syncs.extend(disk::idle_syncs(bed)?);
        }
        if row.limit {
            limit.push(limit_round(bed, &row.load)?);
        }
        system.push(round(bed, &row.load)?);
        let (limit, system): (Option<&Round>, _) = (limit.last(), system.last());
        let system = system.ok_or_else(|| Failed::new("a round without a result"))?;
        println!("{} {number}: {}", row.name, report::in_a_line(limit, system));
    }
    Ok(Measured { row, limit, system, syncs })
}

/// One load of your own beside `limit`
#[derive(clap::Args)]
pub(super) struct Own {
    /// Events of a round
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Connections that publish
    #[arg(long, default_value_t = 64)]
    connections: u64,
    /// Subscriptions that each event goes to
    #[arg(long, default_value_t = 1)]
    fanout: u64,
    /// Events a second (open loop); 0 means as fast as the connections go
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Rounds, each of `limit` and the server in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Own {
    pub(super) fn run(&self, bed: &Bed) -> Done {
        let Self { events, connections, fanout, rate, rounds } = *self;
        let load = Load { events, connections, fanout, rate, ..Load::PLAIN };
        let measured = measure(bed, Row { name: "own load", load, rounds: rounds.max(1), limit: true })?;
        let of_what = if rate > 0 { report::latency_table } else { report::throughput_table };
        println!("\n{}", of_what(&[measured]));
        Ok(())
    }
}
