//! What one subscription's trouble costs another: a dead endpoint, and a million deliveries that wait for it.

use std::time::Duration;

use hookseal_testkit::outside::{Behaviour, Sink};
use serde_json::json;

use super::{
    Bed,
    driver::{Load, Round, status_kib},
    machine, median,
    report::{count, write_section},
    system::{MEASURED, System},
};
use crate::shell::Done;

/// The type of the events that go to the endpoint that never answers.
const DEAD: &str = "dead.event";
/// How much worse the healthy one's 99th percentile may become.
const RATIO_MAX: f64 = 1.5;
/// Resident memory that the server may take, in MB.
const MEMORY_MB_MAX: f64 = 100.0;
/// How long a start may take with everything in the store.
const START_MAX: Duration = Duration::from_secs(2);

/// How the healthy one is measured.
#[derive(clap::Args)]
pub(super) struct Healthy {
    /// Events a second to the healthy endpoint
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// Seconds of each measurement of it
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Measurements alone and beside
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

impl Healthy {
    /// The medians of the 50th and 99th percentile, in milliseconds.
    fn measure(&self, bed: &Bed, system: &System) -> Result<[f64; 2], Box<dyn std::error::Error>> {
        let load = Load::stream(self.rate, self.seconds);
        let rounds: Vec<Round> =
            (0..self.rounds.max(1)).map(|_| system.drive(bed, &load, MEASURED)).collect::<Result<_, _>>()?;
        Ok([median(rounds.iter().map(|round| round.p50_ms)), median(rounds.iter().map(|round| round.p99_ms))])
    }
}

/// A healthy endpoint beside a dead one for which 100,000 deliveries wait
#[derive(clap::Args)]
pub(super) struct Dead {
    /// Deliveries that wait for the dead endpoint
    #[arg(long, default_value_t = 100_000)]
    waiting: u64,
    #[command(flatten)]
    healthy: Healthy,
}

impl Dead {
    pub(super) fn run(&self, bed: &Bed, write: bool) -> Done {
        let (system, _sink) = with_dead_endpoint(bed, "bench-dead")?;
        let alone = self.healthy.measure(bed, &system)?;
        fill(bed, &system, self.waiting)?;
        let beside = self.healthy.measure(bed, &system)?;
        let ratio = beside[1] / alone[1];
        let text = format!(
            "```console\n$ cargo xtask bench dead\n```\n\n{}\n\n\
             {} deliveries wait for an endpoint that accepts connections and never answers. Beside it a healthy one gets {} \
             events a second: p50 {:.2} ms and p99 {:.2} ms alone, {:.2} and **{:.2} ms** beside it, **{ratio:.2} times** at the \
             99th percentile ({RATIO_MAX} wanted). Medians of {} measurements of {} s each.\n",
            machine::description(),
            count(self.waiting as f64),
            self.healthy.rate,
            alone[0],
            alone[1],
            beside[0],
            beside[1],
            self.healthy.rounds,
            self.healthy.seconds,
        );
        println!("\n{text}");
        system.end()?;
        if write {
            write_section("dead", &text)?;
        }
        judge(&[(ratio <= RATIO_MAX, format!("the healthy one's p99 is {ratio:.2} times what it is alone"))])
    }
}

/// A healthy endpoint beside 1,000,000 waiting deliveries
#[derive(clap::Args)]
pub(super) struct Pending {
    /// Deliveries that wait
    #[arg(long, default_value_t = 1_000_000)]
    waiting: u64,
    #[command(flatten)]
    healthy: Healthy,
}

impl Pending {
    pub(super) fn run(&self, bed: &Bed, write: bool) -> Done {
        let (mut system, _sink) = with_dead_endpoint(bed, "bench-pending")?;
        let alone = self.healthy.measure(bed, &system)?;
        fill(bed, &system, self.waiting)?;
        let full_mb = peak_mb(&system)?;
        let after_kill = system.restart(true)?;
        let after_end = system.restart(false)?;
        warm_up(bed, &system)?;
        let beside = self.healthy.measure(bed, &system)?;
        let peak_mb = peak_mb(&system)?.max(full_mb);
        let ratio = beside[1] / alone[1];
        let text = format!(
            "```console\n$ cargo xtask bench pending\n```\n\n{}\n\n\
             | {} deliveries wait for one subscription | | wanted |\n|---|---:|---:|\n\
             | memory at its highest | {peak_mb:.0} MB | {MEMORY_MB_MAX:.0} MB |\n\
             | start after `kill -9` | {:.2} s | {} s |\n| start after SIGTERM | {:.2} s | {} s |\n\
             | another's p50 / p99, alone | {:.2} / {:.2} ms | |\n| beside them | {:.2} / {:.2} ms | |\n\
             | p99 beside them, times alone | {ratio:.2} | {RATIO_MAX} |\n| store | {} MiB | |\n",
            machine::description(),
            count(self.waiting as f64),
            after_kill.as_secs_f64(),
            START_MAX.as_secs(),
            after_end.as_secs_f64(),
            START_MAX.as_secs(),
            alone[0],
            alone[1],
            beside[0],
            beside[1],
            count(system.store_bytes() as f64 / 1024.0 / 1024.0),
        );
        println!("\n{text}");
        system.end()?;
        if write {
            write_section("pending", &text)?;
        }
        let start = after_kill.max(after_end);
        judge(&[
            (ratio <= RATIO_MAX, format!("another's p99 is {ratio:.2} times what it is alone")),
            (peak_mb <= MEMORY_MB_MAX, format!("memory grew to {peak_mb:.0} MB")),
            (start <= START_MAX, format!("a start took {:.2} s", start.as_secs_f64())),
        ])
    }
}

/// A server with a healthy subscription and one whose endpoint accepts connections and never answers.
pub(super) fn with_dead_endpoint(
    bed: &Bed,
    name: &str,
) -> Result<(System, Sink), Box<dyn std::error::Error>> {
    let sink = Sink::open(Behaviour::Silence)?;
    let system = System::start(bed, name)?;
    system.subscribe_measured(&Load::PLAIN)?;
    system.subscribe(&sink.url(), DEAD, &json!({}))?;
    warm_up(bed, &system)?;
    Ok((system, sink))
}

/// The first connections are made, and the first pages read, before anything is measured.
fn warm_up(bed: &Bed, system: &System) -> Done {
    system.drive(bed, &Load::stream(200, 2), MEASURED)?;
    Ok(())
}

/// Publishes events to the dead endpoint, which nobody waits for.
pub(super) fn fill(bed: &Bed, system: &System, events: u64) -> Done {
    let load = Load { events, fanout: 0, batch: 100, ..Load::PLAIN };
    let round = system.drive(bed, &load, DEAD)?;
    println!("{} events accepted for the dead endpoint, {:.0}/s", count(events as f64), round.accepted_per_s);
    Ok(())
}

/// Resident memory of the server at its highest, in MB.
pub(super) fn peak_mb(system: &System) -> Result<f64, Box<dyn std::error::Error>> {
    Ok(status_kib(system.server().pid(), "VmHWM:")? as f64 / 1024.0)
}

/// Fails with what is not as wanted.
fn judge(wanted: &[(bool, String)]) -> Done {
    let missed: Vec<&str> = wanted.iter().filter(|(met, _)| !met).map(|(_, what)| what.as_str()).collect();
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ").into()) }
}
