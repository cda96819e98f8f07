//! What grows with the work: throughput, latency and memory beside more subscriptions, more stored deliveries, and
//! more that wait.

use std::time::Duration;

use serde_json::json;

use super::{
    Bed,
    driver::Load,
    isolation::{fill, peak_mb, with_dead_endpoint},
    machine,
    plot::{Line, Lines},
    report::{count, write_plot, write_section},
    system::{MEASURED, System},
};
use crate::shell::Done;

/// Clients that make subscriptions at once.
const MAKERS: u64 = 8;
/// By how much a cost may grow over a decade before its cause is to be named.
const GROWTH_MAX: f64 = 1.5;

/// Throughput, latency and memory as the work grows
#[derive(clap::Args)]
pub(super) struct Growth {
    /// Numbers of subscriptions, of which one is published to
    #[arg(long, value_delimiter = ',', default_value = "1,1000,100000")]
    subscriptions: Vec<u64>,
    /// Numbers of deliveries in the store; add 10000000 where there are 10 GB and half an hour
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000")]
    stored: Vec<u64>,
    /// Numbers of deliveries that wait for a dead endpoint
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000")]
    pending: Vec<u64>,
    /// Events of the measurement of throughput
    #[arg(long, default_value_t = 50_000)]
    events: u64,
}

/// A cost, where it stands, and what it may come to without being worth a word.
type Cost = (&'static str, fn(&Point) -> f64, f64);

/// What may grow with the work, and should not.
const COSTS: [Cost; 4] = [
    ("CPU", |point| point.cpu_us, 0.0),
    ("p99", |point| point.p99_ms, 1.0),
    ("memory", |point| point.peak_mb, 50.0),
    ("start", |point| point.start.as_secs_f64(), 0.5),
];

/// What was measured at one point.
#[derive(Debug, Clone, Copy)]
struct Point {
    size: u64,
    delivered_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
    peak_mb: f64,
    start: Duration,
}

/// What grows, and what was measured along it.
struct Axis {
    name: &'static str,
    words: &'static str,
    points: Vec<Point>,
}

impl Growth {
    pub(super) fn run(&self, bed: &Bed, write: bool) -> Done {
        let axes = [
            Axis { name: "subscriptions", words: "subscriptions", points: self.along_subscriptions(bed)? },
            Axis { name: "stored", words: "deliveries stored", points: self.along_stored(bed)? },
            Axis { name: "pending", words: "deliveries waiting", points: self.along_pending(bed)? },
        ];
        let text = self.text(&axes);
        println!("\n{text}");
        if write {
            for axis in &axes {
                write_plot(&format!("growth-{}", axis.name), &axis.plot())?;
            }
            write_section("growth", &text)?;
        }
        Ok(())
    }

    /// Restarts the server and measures.
    fn measure(
        &self,
        bed: &Bed,
        system: &mut System,
        size: u64,
    ) -> Result<Point, Box<dyn std::error::Error>> {
        let start = system.restart(false)?;
        system.drive(bed, &Load::stream(200, 2), MEASURED)?;
        let stream = system.drive(bed, &Load::stream(200, 10), MEASURED)?;
        let flood = system.drive(bed, &Load { events: self.events, ..Load::PLAIN }, MEASURED)?;
        let point = Point {
            size,
            delivered_per_s: flood.delivered_per_s,
            p50_ms: stream.p50_ms,
            p99_ms: stream.p99_ms,
            cpu_us: flood.cpu_us,
            peak_mb: peak_mb(system)?,
            start,
        };
        println!("{point:?}");
        Ok(point)
    }

    fn along_subscriptions(&self, bed: &Bed) -> Result<Vec<Point>, Box<dyn std::error::Error>> {
        let mut points = Vec::new();
        for &size in &self.subscriptions {
            let mut system = System::start(bed, "bench-subscriptions")?;
            system.subscribe_measured(&Load::PLAIN)?;
            subscribe_idle(&system, size.saturating_sub(1))?;
            points.push(self.measure(bed, &mut system, size)?);
            system.end()?;
        }
        Ok(points)
    }

    fn along_stored(&self, bed: &Bed) -> Result<Vec<Point>, Box<dyn std::error::Error>> {
        let (mut points, mut stored) = (Vec::new(), 0);
        let mut system = System::start(bed, "bench-stored")?;
        system.subscribe_measured(&Load::PLAIN)?;
        for &size in &self.stored {
            let events = size.saturating_sub(stored);
            system.drive(bed, &Load { events, ..Load::PLAIN }, MEASURED)?;
            stored = size;
            points.push(self.measure(bed, &mut system, size)?);
        }
        system.end()?;
        Ok(points)
    }

    fn along_pending(&self, bed: &Bed) -> Result<Vec<Point>, Box<dyn std::error::Error>> {
        let (mut points, mut pending) = (Vec::new(), 0);
        let (mut system, _sink) = with_dead_endpoint(bed, "bench-growth")?;
        for &size in &self.pending {
            fill(bed, &system, size.saturating_sub(pending))?;
            pending = size;
            points.push(self.measure(bed, &mut system, size)?);
        }
        system.end()?;
        Ok(points)
    }

    fn text(&self, axes: &[Axis]) -> String {
        let mut text = format!(
            "```console\n$ cargo xtask bench growth\n```\n\n{}\n\n\
             At each size the server is started again; then {} events at 64 connections, and 200 events a second for 10 s, to one \
             subscription.\n\n| | | start s | delivered/s | CPU us each | p50 ms | p99 ms | memory MB |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|\n",
            machine::description(),
            count(self.events as f64),
        );
        for axis in axes {
            text += &axis.rows();
        }
        for axis in axes {
            text += &format!("\n![{}](plots/growth-{}.svg)", axis.words, axis.name);
        }
        text.push('\n');
        let grown: Vec<String> = axes.iter().flat_map(Axis::grown).collect();
        if grown.is_empty() {
            text + &format!("\nNothing grew by more than {GROWTH_MAX} times over a decade.\n")
        } else {
            text + &format!("\nOver a decade grew by more than {GROWTH_MAX} times: {}.\n", grown.join("; "))
        }
    }
}

impl Axis {
    fn rows(&self) -> String {
        let row = |point: &Point| {
            format!(
                "| {} | {} | {:.2} | {} | {:.1} | {:.2} | {:.2} | {:.0} |\n",
                self.words,
                count(point.size as f64),
                point.start.as_secs_f64(),
                count(point.delivered_per_s),
                point.cpu_us,
                point.p50_ms,
                point.p99_ms,
                point.peak_mb
            )
        };
        self.points.iter().map(row).collect()
    }

    /// Costs that grew by more than [`GROWTH_MAX`] times over one of the decades.
    fn grown(&self) -> Vec<String> {
        let mut grown = Vec::new();
        for (name, cost, floor) in COSTS {
            for pair in self.points.windows(2) {
                let decades = (pair[1].size as f64 / pair[0].size.max(1) as f64).log10();
                let [from, to] = [cost(&pair[0]), cost(&pair[1])].map(|cost| cost.max(floor));
                let each = (to / from).powf(1.0 / decades);
                if each > GROWTH_MAX {
                    let (from, to) = (count(pair[0].size as f64), count(pair[1].size as f64));
                    grown.push(format!("{name} from {from} to {to} {}, {each:.2} times", self.words));
                }
            }
        }
        grown
    }

    fn plot(&self) -> String {
        let line = |name: &str, value: fn(&Point) -> f64| Line {
            name: name.to_owned(),
            points: self.points.iter().map(|point| (point.size as f64, value(point))).collect(),
        };
        let series = vec![
            line("delivered a second", |point| point.delivered_per_s),
            line("p99 ms at 200/s", |point| point.p99_ms),
            line("memory MB", |point| point.peak_mb),
            line("start s", |point| point.start.as_secs_f64()),
        ];
        Lines { title: format!("as {} grow", self.words), axis: self.words.to_owned(), series }.svg()
    }
}

/// Makes subscriptions to events that nobody publishes.
fn subscribe_idle(system: &System, subscriptions: u64) -> Done {
    let make = |maker: u64| -> Result<(), String> {
        let mut client = system.server().client();
        for number in (maker..subscriptions).step_by(MAKERS as usize) {
            let body =
                json!({ "endpoint_url": "http://127.0.0.1:9/", "event_types": [format!("idle.{number}")] });
            let answer = client.post("/v1/webhooks", &body).map_err(|error| error.to_string())?;
            if answer.status != 201 {
                return Err(format!("subscribing: {answer:?}"));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS).map(|maker| scope.spawn(move || make(maker))).collect();
        makers
            .into_iter()
            .try_for_each(|maker| maker.join().map_err(|_| "a maker of subscriptions panicked".to_owned())?)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_within_a_decade_is_named() {
        let point = |size, cpu_us| Point {
            size,
            delivered_per_s: 1.0,
            p50_ms: 1.0,
            p99_ms: 1.0,
            cpu_us,
            peak_mb: 1.0,
            start: Duration::from_secs(1),
        };
        // Over two decades 2 times is 1.41 a decade, and 4 times is 2.
        for (cpu_us, named) in [(2.0, 0), (4.0, 1)] {
            let points = vec![point(10, 1.0), point(1000, cpu_us)];
            let axis = Axis { name: "x", words: "things", points };
            assert_eq!(axis.grown().len(), named, "{:?}", axis.grown());
        }
    }
}
