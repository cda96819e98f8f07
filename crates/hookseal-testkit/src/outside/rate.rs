//! A rate limit, by the endpoint's own clock: nothing of it is lost, and nothing is gained by a restart.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Behaviour, Failed, Options, Server, Sink, now, wait_until};

/// Attempts a second.
const RATE: usize = 10;
/// How long is counted.
const WINDOW: Duration = Duration::from_secs(10);
/// When the server is stopped, and started again at once.
const RESTART: Duration = Duration::from_secs(4);

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Requests within the first ten seconds, from the first one on.
    pub in_ten_seconds: usize,
    /// Requests within the ten seconds that had most.
    pub most_in_ten_seconds: usize,
    /// For how long there was no server.
    pub down: Duration,
}

/// Publishes more than a rate of 10/s lets through in fourteen seconds and counts what comes; with `restart`, the
/// server is stopped and started in between.
///
/// # Errors
///
/// [`Failed`] where the server does not do its part.
pub fn run(binary: &Path, data: &Path, restart: bool) -> Result<Report, Failed> {
    let sink = Sink::open(Behaviour::Answer(200, Duration::ZERO))?;
    let options = Options::new(binary, data);
    let mut server = Server::start(&options)?;
    let mut client = server.client();
    let wishes = json!({ "endpoint_url": sink.url(), "rate_limit_per_s": RATE });
    let subscribed = client.post("/v1/webhooks", &wishes)?;
    if subscribed.status != 201 {
        return Err(Failed::new(format!("subscribing: {subscribed:?}")));
    }
    for seq in 0..RATE * 15 {
        let answer = client.post("/v1/events", &json!({ "type": "rate.test", "payload": { "seq": seq } }))?;
        if answer.status != 202 {
            return Err(Failed::new(format!("publishing: {answer:?}")));
        }
    }
    wait_until("the first comes", Duration::from_secs(10), || sink.requests() > 0)?;
    let begun = now();
    let mut down = Duration::ZERO;
    if restart {
        wait_until("it is time for the restart", WINDOW, || begun.elapsed() >= RESTART)?;
        let stopped = now();
        server.terminate(Duration::from_secs(15))?;
        server = Server::start(&options)?;
        down = stopped.elapsed();
    }
    wait_until("twelve seconds are over", WINDOW * 2, || begun.elapsed() >= WINDOW + Duration::from_secs(2))?;
    let arrivals: Vec<Instant> = sink.take_arrivals().into_iter().map(|(_, at)| at).collect();
    server.terminate(Duration::from_secs(15))?;
    let within = |from: &Instant| {
        arrivals.iter().filter(|at| *from <= **at && at.duration_since(*from) < WINDOW).count()
    };
    Ok(Report {
        in_ten_seconds: arrivals.first().map_or(0, within),
        most_in_ten_seconds: arrivals.iter().map(within).max().unwrap_or(0),
        down,
    })
}
