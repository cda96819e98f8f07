//! SIGTERM under load: it ends in time, and nothing accepted is lost.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{Behaviour, Failed, Options, Server, Sink, wait_until};

/// Within which the server ends after SIGTERM.
const END: Duration = Duration::from_secs(15);

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Events that got a `202`.
    pub accepted: u64,
    /// Deliveries of an event that had been delivered before.
    pub duplicates: u64,
    /// How long the server took to end.
    pub ended_after: Duration,
}

/// Publishes to an endpoint that takes `answer_after` for each answer, sends SIGTERM in the middle, starts the
/// server again, and sees whether everything accepted arrives.
///
/// # Errors
///
/// [`Failed`] where it takes longer than 15 s, ends with an error, or loses something.
pub fn run(binary: &Path, data: &Path, events: u64, answer_after: Duration) -> Result<Report, Failed> {
    let sink = Sink::open(Behaviour::Answer(200, answer_after))?;
    let options = Options::new(binary, data);
    let mut server = Server::start(&options)?;
    let subscribed = server.client().post("/v1/webhooks", &json!({ "endpoint_url": sink.url() }))?;
    if subscribed.status != 201 {
        return Err(Failed::new(format!("subscribing: {subscribed:?}")));
    }
    let (accepted, ended_after) = publish_and_terminate(&mut server, events)?;
    let mut server = Server::start(&options)?;
    wait_until("everything accepted is delivered", Duration::from_secs(60), || {
        accepted.iter().all(|seq| sink.count(*seq) > 0)
    })?;
    server.terminate(END)?;
    Ok(Report { accepted: accepted.len() as u64, duplicates: sink.duplicates(), ended_after })
}

fn publish_and_terminate(server: &mut Server, events: u64) -> Result<(BTreeSet<u64>, Duration), Failed> {
    let (next, over, accepted) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let ended = std::thread::scope(|scope| {
        for _ in 0..8 {
            let mut client = server.client();
            let (next, over, accepted) = (&next, &over, &accepted);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let seq = next.fetch_add(1, Ordering::Relaxed);
                    let body = json!({ "type": "drain.test", "payload": { "seq": seq } });
                    match client.post("/v1/events", &body) {
                        Ok(answer) if answer.status == 202 => {
                            accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(seq);
                        }
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            });
        }
        let reached = wait_until("events are accepted", Duration::from_secs(60), || {
            accepted.lock().unwrap_or_else(PoisonError::into_inner).len() as u64 >= events
        });
        let ended = reached.and_then(|()| server.terminate(END));
        over.store(true, Ordering::Relaxed);
        ended
    });
    let (status, after) = ended?;
    if !status.success() {
        return Err(Failed::new(format!("the server ended with {status}")));
    }
    Ok((accepted.into_inner().unwrap_or_else(PoisonError::into_inner), after))
}
