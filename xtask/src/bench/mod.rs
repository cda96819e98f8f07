//! Throughput beside `limit`, the least that any sender must do. Absolute figures drift with the machine; what
//! counts is the ratio within one run.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use hookseal_testkit::outside::{Failed, Options, Server, wait_until};
use serde_json::json;

use crate::shell::{Binary, Done, root, run_in, scratch};

/// Where the driver's endpoint listens.
const SINK: &str = "127.0.0.1:9911";
/// Where `limit` listens.
const LIMIT: &str = "127.0.0.1:9912";

/// Throughput beside the bare relay `limit`
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Rounds, each of `limit` and the server in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
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
    /// The processor of the system under test
    #[arg(long, default_value_t = 1)]
    system_processor: usize,
    /// The processor of the driver, which is the endpoint too
    #[arg(long, default_value_t = 0)]
    driver_processor: usize,
    #[command(flatten)]
    binary: Binary,
}

/// What the driver printed of one round.
#[derive(Debug, Clone)]
struct Round {
    delivered_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
    memory_mb: f64,
    duplicates: f64,
}

/// A column of the report: its head, and where its figure comes from.
type Column = (&'static str, fn(&Round) -> f64);

impl Bench {
    pub(crate) fn run(&self) -> Done {
        let binary = self.binary.path()?;
        let tools = self.build_tools()?;
        let (mut limit, mut system) = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            limit.push(self.limit(&tools)?);
            system.push(self.system(&binary, &tools)?);
            let last = |rounds: &[Round]| rounds.last().map_or(0.0, |round| round.delivered_per_s);
            let ratio = last(&system) / last(&limit);
            println!(
                "round {round}: limit {:.0}/s, hookseal {:.0}/s, ratio {ratio:.2}",
                last(&limit),
                last(&system)
            );
        }
        self.report(&limit, &system);
        Ok(())
    }

    fn build_tools(&self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let folder = root().join("bench");
        run_in(&folder, "cargo", &["build", "--release", "--locked", "--target-dir", "target"])?;
        Ok(folder.join("target/release"))
    }

    fn limit(&self, tools: &Path) -> Result<Round, Box<dyn std::error::Error>> {
        let fanout = self.fanout.to_string();
        let mut relay = Pinned::start(
            self.system_processor,
            &tools.join("limit"),
            &["--threads", "1", "--listen", LIMIT, "--to", SINK, "--fanout", &fanout],
        )?;
        wait_until("`limit` listens", Duration::from_secs(5), || TcpStream::connect(LIMIT).is_ok())?;
        let round = self.drive(tools, &format!("http://{LIMIT}/"), relay.pid(), &[]);
        relay.stop();
        round
    }

    fn system(&self, binary: &Path, tools: &Path) -> Result<Round, Box<dyn std::error::Error>> {
        let data = scratch("bench")?;
        let mut options = Options::new(binary, &data);
        options.processor = Some(self.system_processor);
        let mut server = Server::start(&options)?;
        let mut client = server.client();
        for _ in 0..self.fanout {
            let answer =
                client.post("/v1/webhooks", &json!({ "endpoint_url": format!("http://{SINK}/hook") }))?;
            if answer.status != 201 {
                return Err(format!("subscribing: {answer:?}").into());
            }
        }
        let url = format!("http://{}/v1/events", server.address());
        let key = format!("authorization: Bearer {}", server.key());
        let body = r#"{"type":"bench.event","payload":{"seq":{seq},"t":{t},"pad":"{pad}"}}"#;
        let round = self.drive(tools, &url, server.pid(), &["--header", &key, "--body", body])?;
        server.terminate(Duration::from_secs(15))?;
        std::fs::remove_dir_all(data)?;
        Ok(round)
    }

    fn drive(
        &self,
        tools: &Path,
        url: &str,
        pid: u32,
        more: &[&str],
    ) -> Result<Round, Box<dyn std::error::Error>> {
        let numbers =
            [self.events, self.connections, self.fanout, self.rate, u64::from(pid)].map(|n| n.to_string());
        let [events, connections, fanout, rate, pids] = &numbers;
        let output = Command::new("taskset")
            .args(["-c", &self.driver_processor.to_string()])
            .arg(tools.join("hookbench"))
            .args(["--url", url, "--n", events, "--conns", connections, "--fanout", fanout, "--rate", rate])
            .args(["--sink", SINK, "--pids", pids])
            .args(more)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the driver lost something or could not run: {text}{errors}").into());
        }
        parse(&text).ok_or_else(|| format!("the driver's report is not understood: {text}").into())
    }

    fn report(&self, limit: &[Round], system: &[Round]) {
        let columns: [Column; 6] = [
            ("delivered/s", |round| round.delivered_per_s),
            ("p50 ms", |round| round.p50_ms),
            ("p99 ms", |round| round.p99_ms),
            ("CPU us each", |round| round.cpu_us),
            ("memory MB", |round| round.memory_mb),
            ("duplicates", |round| round.duplicates),
        ];
        println!(
            "\nmedians of {} rounds of {} events, {} connections, fan-out {}, {}",
            self.rounds,
            self.events,
            self.connections,
            self.fanout,
            if self.rate == 0 { "closed loop".to_owned() } else { format!("{} events/s", self.rate) }
        );
        println!("| | {} |", columns.map(|(name, _)| name).join(" | "));
        println!("|---|{}", "---|".repeat(columns.len()));
        for (name, rounds) in [("limit", limit), ("hookseal", system)] {
            let cells = columns.map(|(_, column)| format!("{:.2}", median(rounds.iter().map(column))));
            println!("| {name} | {} |", cells.join(" | "));
        }
        let ratios =
            limit.iter().zip(system).map(|(limit, system)| system.delivered_per_s / limit.delivered_per_s);
        println!("ratio to limit: {:.3} (median of the rounds' ratios)", median(ratios));
    }
}

/// A program held to one processor; killed when dropped.
struct Pinned(Child);

impl Pinned {
    fn start(processor: usize, program: &Path, arguments: &[&str]) -> Result<Self, Failed> {
        let child = Command::new("taskset")
            .args(["-c", &processor.to_string()])
            .arg(program)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn stop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads the driver's three lines.
fn parse(text: &str) -> Option<Round> {
    let lines: Vec<String> = BufReader::new(text.as_bytes()).lines().map_while(Result::ok).collect();
    let delivered = lines.iter().find(|line| line.starts_with("delivered "))?;
    let system = lines.iter().find(|line| line.starts_with("system cpu"))?;
    Some(Round {
        delivered_per_s: number_before(delivered, "/s;")?,
        p50_ms: number_after(delivered, "p50 ")?,
        p99_ms: number_after(delivered, "p99 ")?,
        cpu_us: number_after(system, "s = ")?,
        memory_mb: number_after(system, "rss ")?,
        duplicates: number_after(delivered, "duplicates ")?,
    })
}

fn number_after(line: &str, label: &str) -> Option<f64> {
    let (_, rest) = line.split_once(label)?;
    rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.parse().ok()
}

fn number_before(line: &str, label: &str) -> Option<f64> {
    let (before, _) = line.split_once(label)?;
    before.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?.parse().ok()
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_report_is_understood() {
        let text = "accepted 100 (refused 0) in 1.00 s = 100/s; accept ms p50 0.20 p99 0.70 max 1.0\n\
                    delivered 100 of 100 in 1.00 s = 65432/s; end-to-end ms p50 0.25 p90 0.30 p99 0.75 max 2.0; duplicates 3 unread 0\n\
                    system cpu 1.50 s = 15.2 us a delivery; anon rss 21 MB\n";
        let round = parse(text).unwrap();
        assert_eq!((round.delivered_per_s, round.p50_ms, round.p99_ms), (65432.0, 0.25, 0.75));
        assert_eq!((round.cpu_us, round.memory_mb, round.duplicates), (15.2, 21.0, 3.0));
    }
}
