//! `kill -9` under load: every event that got a `202` is delivered.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hookseal_engine::limits;
use serde_json::json;

use super::{Behaviour, Failed, Options, Server, Sink, wait_until};

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often the server is killed.
    pub rounds: u32,
    /// Events offered in each round.
    pub events: u64,
    /// Connections that publish.
    pub publishers: usize,
    /// Leads to the moments at which it is killed.
    pub seed: u64,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Times it was killed.
    pub kills: u32,
    /// Events that got a `202`.
    pub accepted: u64,
    /// Of those, how many were never delivered.
    pub lost: u64,
    /// Deliveries of an event that had been delivered before.
    pub duplicates: u64,
    /// The most duplicates that one kill led to.
    pub duplicates_of_one_kill: u64,
    /// What one kill may lead to: what was in flight, and one batch of outcomes that was not recorded yet.
    pub duplicates_allowed: u64,
}

/// Kills the server `plan.rounds` times while events are published, and starts it again on the same store.
///
/// # Errors
///
/// [`Failed`] where an accepted event was lost, or more was repeated than is allowed.
pub fn run(binary: &Path, data: &Path, plan: Plan) -> Result<Report, Failed> {
    let sink = Sink::open(Behaviour::Answer(200, Duration::ZERO))?;
    let options = Options::new(binary, data);
    let accepted = Mutex::new(BTreeSet::new());
    let mut report = Report {
        duplicates_allowed: u64::from(limits::MAX_IN_FLIGHT_DEFAULT) + limits::COMMIT_EVENTS_MAX as u64,
        ..Report::default()
    };
    let (mut random, mut seen_before) = (plan.seed | 1, 0);
    let mut server = Server::start(&options)?;
    subscribe(&server, &sink.url())?;
    for round in 0..plan.rounds {
        random = next_random(random);
        let moment = random % plan.events;
        publish(&mut server, &accepted, plan, u64::from(round) * plan.events, moment)?;
        server = Server::start(&options)?;
        wait_for_all(&sink, &accepted)?;
        let duplicates = sink.duplicates();
        report.duplicates_of_one_kill = report.duplicates_of_one_kill.max(duplicates - seen_before);
        seen_before = duplicates;
        report.kills += 1;
    }
    server.terminate(Duration::from_secs(15))?;
    let accepted = accepted.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.accepted = accepted.len() as u64;
    report.lost = accepted.iter().filter(|seq| sink.count(**seq) == 0).count() as u64;
    report.duplicates = sink.duplicates();
    judge(report)
}

fn judge(report: Report) -> Result<Report, Failed> {
    if report.lost > 0 {
        return Err(Failed::new(format!("accepted events were lost: {report:?}")));
    }
    if report.duplicates_of_one_kill > report.duplicates_allowed {
        return Err(Failed::new(format!("one kill repeated too much: {report:?}")));
    }
    if report.accepted == 0 {
        return Err(Failed::new("no event was accepted: nothing was tested"));
    }
    Ok(report)
}

fn subscribe(server: &Server, url: &str) -> Result<(), Failed> {
    let answer = server.client().post("/v1/webhooks", &json!({ "endpoint_url": url }))?;
    if answer.status == 201 { Ok(()) } else { Err(Failed::new(format!("subscribing: {answer:?}"))) }
}

/// Publishes from several connections until `moment` events were accepted, then kills the server under them.
fn publish(
    server: &mut Server,
    accepted: &Mutex<BTreeSet<u64>>,
    plan: Plan,
    first: u64,
    moment: u64,
) -> Result<(), Failed> {
    let (next, taken, over) = (AtomicU64::new(first), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..plan.publishers {
            let mut client = server.client();
            let (next, taken, over) = (&next, &taken, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let seq = next.fetch_add(1, Ordering::Relaxed);
                    if seq >= first + plan.events {
                        return;
                    }
                    let body = json!({ "type": "crash.test", "payload": { "seq": seq } });
                    if client.post("/v1/events", &body).is_ok_and(|answer| answer.status == 202) {
                        accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(seq);
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let reached = wait_until("events are accepted", Duration::from_secs(60), || {
            taken.load(Ordering::Relaxed) >= moment || next.load(Ordering::Relaxed) >= first + plan.events
        });
        let killed = server.kill();
        over.store(true, Ordering::Relaxed);
        reached.and(killed)
    })
}

fn wait_for_all(sink: &Sink, accepted: &Mutex<BTreeSet<u64>>) -> Result<(), Failed> {
    let accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
    wait_until("every accepted event is delivered", Duration::from_secs(60), || {
        accepted.iter().rev().all(|seq| sink.count(*seq) > 0)
    })
}

/// xorshift64 (Marsaglia 2003): the moments need to differ, not to be unpredictable.
fn next_random(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}
