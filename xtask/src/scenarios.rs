//! The scenarios in which the server is killed, stopped, and badly treated, on the release build.

use std::time::Duration;

use hookseal_testkit::outside::{crash, drain, durable, hostile};

use crate::shell::{Binary, Done, root, scratch};

/// Kill the server with SIGKILL under load
#[derive(clap::Args)]
pub(crate) struct Crash {
    /// How often it is killed
    #[arg(long, default_value_t = 20)]
    pub(crate) rounds: u32,
    /// Events offered in each round
    #[arg(long, default_value_t = 2000)]
    pub(crate) events: u64,
    /// Leads to the moments at which it is killed
    #[arg(long, default_value_t = 20_261_121)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) binary: Binary,
}

impl Crash {
    pub(crate) fn run(&self) -> Done {
        let binary = self.binary.path()?;
        let data = scratch("crash")?;
        let plan = crash::Plan { rounds: self.rounds, events: self.events, publishers: 16, seed: self.seed };
        let report = crash::run(&binary, &data, plan)?;
        println!(
            "crash: killed {} times; {} accepted, {} lost; {} delivered again, {} by one kill at most ({} allowed)",
            report.kills,
            report.accepted,
            report.lost,
            report.duplicates,
            report.duplicates_of_one_kill,
            report.duplicates_allowed
        );
        Ok(std::fs::remove_dir_all(data)?)
    }
}

/// Send SIGTERM under load
#[derive(clap::Args)]
pub(crate) struct Drain {
    /// Events accepted before the signal
    #[arg(long, default_value_t = 1000)]
    pub(crate) events: u64,
    /// Milliseconds that the endpoint takes for each answer
    #[arg(long, default_value_t = 20)]
    pub(crate) answer_after_ms: u64,
    #[command(flatten)]
    pub(crate) binary: Binary,
}

impl Drain {
    pub(crate) fn run(&self) -> Done {
        let binary = self.binary.path()?;
        let data = scratch("drain")?;
        let report = drain::run(&binary, &data, self.events, Duration::from_millis(self.answer_after_ms))?;
        println!(
            "drain: ended {:.2} s after SIGTERM; {} accepted, all delivered, {} of them again",
            report.ended_after.as_secs_f64(),
            report.accepted,
            report.duplicates
        );
        Ok(std::fs::remove_dir_all(data)?)
    }
}

/// Endpoints that mean harm
#[derive(clap::Args)]
pub(crate) struct Hostile {
    /// Events to the healthy subscription in each measurement, at 200 a second
    #[arg(long, default_value_t = 2000)]
    pub(crate) events: u64,
    /// Print the healthy subscription's latency without judging it: where other things run at the same time
    #[arg(long)]
    pub(crate) no_latency: bool,
    #[command(flatten)]
    pub(crate) binary: Binary,
}

impl Hostile {
    pub(crate) fn run(&self) -> Done {
        let binary = self.binary.path()?;
        let data = scratch("hostile")?;
        let report = hostile::run(&binary, &data, self.events, !self.no_latency)?;
        for (name, reason, ms) in &report.reasons {
            println!("hostile: {name}: {reason} ({ms} ms)");
        }
        println!(
            "hostile: healthy p99 {:.2} ms alone, {:.2} ms beside them; memory grew by {} KiB",
            report.alone_p99.as_secs_f64() * 1e3,
            report.beside_p99.as_secs_f64() * 1e3,
            report.grown_kib
        );
        Ok(std::fs::remove_dir_all(data)?)
    }
}

/// A disk that is slow, fails or is full
#[derive(clap::Args, Default)]
pub(crate) struct Durable {
    #[command(flatten)]
    pub(crate) binary: Binary,
}

impl Durable {
    pub(crate) fn run(&self) -> Done {
        let binary = self.binary.path()?;
        let folder = scratch("durable")?;
        let report = durable::run(&binary, &folder, &root().join("tests/shim/syncshim.c"))?;
        println!(
            "durable: a sync held back for 500 ms: 202 after {} ms; failing: {}; full: {}; then it went on by itself",
            report.held_answer_after.as_millis(),
            report.failing_status,
            report.full_status
        );
        Ok(std::fs::remove_dir_all(folder)?)
    }
}
