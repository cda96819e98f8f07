//! Driving a load: `hookbench` posts the events and is the endpoint too, so that everything comes from one clock.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use hookseal_testkit::outside::Failed;

use super::Bed;

/// Where the driver's endpoint listens.
pub(super) const SINK: &str = "127.0.0.1:9911";

/// What is published, and how the endpoint behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Events of a round.
    pub(super) events: u64,
    /// Connections that publish.
    pub(super) connections: u64,
    /// Subscriptions that each event goes to.
    pub(super) fanout: u64,
    /// Events a second (open loop); 0 means as fast as the connections go.
    pub(super) rate: u64,
    /// Bytes of the body beyond some hundred.
    pub(super) pad: u64,
    /// Events in one request.
    pub(super) batch: u64,
    /// Whether the endpoint speaks TLS.
    pub(super) tls: bool,
    /// What the endpoint waits before it answers, in milliseconds.
    pub(super) sink_ms: u64,
    /// Of the requests, every one that this divides fails; 0: none.
    pub(super) fail_every: u64,
    /// Whether events have publisher's ids.
    pub(super) ids: bool,
}

impl Load {
    /// Events of 500 bytes to one subscription, as fast as 64 connections go.
    pub(super) const PLAIN: Self = Self {
        events: 300_000,
        connections: 64,
        fanout: 1,
        rate: 0,
        pad: 400,
        batch: 1,
        tls: false,
        sink_ms: 0,
        fail_every: 0,
        ids: false,
    };

    /// A stream of so many events a second, for so many seconds.
    pub(super) fn stream(rate: u64, seconds: u64) -> Self {
        Self { events: rate * seconds, rate, ..Self::PLAIN }
    }
}

/// What the driver printed of one round, and what the system's kernel counters say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    pub(super) accepted_per_s: f64,
    pub(super) delivered_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) cpu_us: f64,
    /// Anonymous memory at the end.
    pub(super) memory_mb: f64,
    /// Resident memory at its highest, the program's own pages included.
    pub(super) peak_mb: f64,
    /// Kibibytes that the system had written to disk for each event.
    pub(super) written_kib: f64,
    pub(super) duplicates: f64,
}

/// The body of an event of this type, as the driver fills it in.
pub(super) fn body(event_type: &str, ids: bool) -> String {
    let id = if ids { r#""id":"order-{seq}","# } else { "" };
    format!(r#"{{"type":"{event_type}",{id}"payload":{{"seq":{{seq}},"t":{{t}},"pad":"{{pad}}"}}}}"#)
}

/// Where to publish, and as whom.
pub(super) struct To<'a> {
    pub(super) url: String,
    /// Arguments of the driver: headers and the body, where they are not its own.
    pub(super) arguments: Vec<String>,
    /// The process whose cost it is.
    pub(super) pid: u32,
    /// A folder with a certificate, where the endpoint speaks TLS.
    pub(super) certificate: Option<&'a Path>,
}

impl Bed {
    /// Drives one round.
    pub(super) fn drive(&self, load: &Load, to: &To<'_>) -> Result<Round, Box<dyn std::error::Error>> {
        let written = written_bytes(to.pid);
        let mut command = self.on(self.driver_processor, "hookbench");
        command.args(["--url", &to.url, "--sink", SINK, "--pids", &to.pid.to_string()]);
        for (flag, value) in [
            ("--n", load.events),
            ("--conns", load.connections),
            ("--fanout", load.fanout),
            ("--rate", load.rate),
            ("--pad", load.pad),
            ("--batch", load.batch),
            ("--sink-ms", load.sink_ms),
            ("--sink-fail-every", load.fail_every),
        ] {
            command.args([flag, &value.to_string()]);
        }
        command.args(&to.arguments);
        if let Some(folder) = to.certificate.filter(|_| load.tls) {
            command.arg("--sink-tls").arg(folder);
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the driver lost something or could not run: {text}{errors}").into());
        }
        let mut round =
            parse(&text).ok_or_else(|| format!("the driver's report is not understood: {text}"))?;
        let written = written_bytes(to.pid).saturating_sub(written);
        round.written_kib = written as f64 / 1024.0 / load.events as f64;
        round.peak_mb = status_kib(to.pid, "VmHWM:")? as f64 / 1024.0;
        Ok(round)
    }

    /// A command of the tools, held to a processor.
    pub(super) fn on(&self, processor: usize, tool: &str) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", &processor.to_string()]).arg(self.tools.join(tool));
        command
    }
}

/// Bytes that a process had written to disk, as far as the kernel says.
fn written_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
}

/// A line of a process's status, in kibibytes.
///
/// # Errors
///
/// Where the process is gone.
pub(super) fn status_kib(pid: u32, label: &str) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(label));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failed::new(format!("{label} is not in /proc")))
}

/// A program held to one processor; killed when dropped.
pub(super) struct Pinned(Child);

impl Pinned {
    pub(super) fn start(mut command: Command) -> Result<Self, Failed> {
        Ok(Self(command.stdout(Stdio::null()).spawn()?))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Reads the driver's three lines.
fn parse(text: &str) -> Option<Round> {
    let line = |head: &str| text.lines().find(|line| line.starts_with(head));
    let (accepted, delivered, system) = (line("accepted ")?, line("delivered ")?, line("system cpu")?);
    Some(Round {
        accepted_per_s: number_before(accepted, "/s;")?,
        // Where no delivery was waited for there is no time to divide by.
        delivered_per_s: if delivered.contains(" = NaN/s;") {
            f64::NAN
        } else {
            number_before(delivered, "/s;")?
        },
        p50_ms: number_after(delivered, "p50 ")?,
        p99_ms: number_after(delivered, "p99 ")?,
        cpu_us: number_after(system, "s = ")?,
        memory_mb: number_after(system, "rss ")?,
        peak_mb: f64::NAN,
        written_kib: f64::NAN,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_report_is_understood() {
        let text = "accepted 100 (refused 0) in 1.00 s = 117/s; accept ms p50 0.20 p99 0.70 max 1.0\n\
                    delivered 100 of 100 in 1.00 s = 65432/s; end-to-end ms p50 0.25 p90 0.30 p99 0.75 max 2.0; duplicates 3 unread 0\n\
                    system cpu 1.50 s = 15.2 us a delivery; anon rss 21 MB\n";
        let round = parse(text).unwrap();
        assert_eq!((round.delivered_per_s, round.p50_ms, round.p99_ms), (65432.0, 0.25, 0.75));
        assert_eq!((round.cpu_us, round.memory_mb, round.duplicates), (15.2, 21.0, 3.0));
        assert_eq!(round.accepted_per_s, 117.0);
    }

    #[test]
    fn a_body_is_json_once_it_is_filled_in() {
        for ids in [false, true] {
            let filled = body("a.b", ids).replace("{seq}", "7").replace("{t}", "8").replace("{pad}", "x");
            let value: serde_json::Value = serde_json::from_str(&filled).unwrap();
            assert_eq!(value["payload"]["seq"], 7);
            assert_eq!(value.get("id").is_some(), ids);
        }
    }
}
