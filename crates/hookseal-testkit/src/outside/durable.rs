//! No `202` before its commit: the disk is made slow, then broken, then whole again, under a running server.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{Behaviour, Disk, Failed, Server, Sink, now, wait_until};

/// How long the disk holds a sync back.
const HELD: Duration = Duration::from_millis(500);

/// What was seen.
#[derive(Debug, Clone)]
pub struct Report {
    /// How long the answer took while every sync was held back for 500 ms.
    pub held_answer_after: Duration,
    /// The status code while every sync failed.
    pub failing_status: u16,
    /// The status code while the disk was full.
    pub full_status: u16,
}

/// Runs the scenario with the shim in `shim_source`, which is compiled into `folder`.
///
/// # Errors
///
/// [`Failed`] where an answer came too soon, said yes when it had to say no, or the server did not go on by itself.
pub fn run(binary: &Path, folder: &Path, shim_source: &Path) -> Result<Report, Failed> {
    let disk = Disk::compile(folder, shim_source)?;
    let options = disk.options(binary);
    let sink = Sink::open(Behaviour::Answer(200, Duration::ZERO))?;
    let mut server = Server::start(&options)?;
    let subscribed = server.client().post("/v1/webhooks", &json!({ "endpoint_url": sink.url() }))?;
    if subscribed.status != 201 {
        return Err(Failed::new(format!("subscribing: {subscribed:?}")));
    }
    disk.set(&format!("delay {}", HELD.as_millis()))?;
    let held_answer_after = held(&server, &sink)?;
    disk.set("fail")?;
    let failing_status = refused(&server, 3)?;
    disk.set("pass")?;
    goes_on(&server, &sink, 100)?;
    disk.set("full")?;
    let full_status = refused(&server, 4)?;
    disk.set("pass")?;
    goes_on(&server, &sink, 200)?;
    server.terminate(Duration::from_secs(15))?;
    Ok(Report { held_answer_after, failing_status, full_status })
}

fn publish(server: &Server, seq: u64) -> Result<u16, Failed> {
    let body = json!({ "type": "durable.test", "payload": { "seq": seq } });
    Ok(server.client().post("/v1/events", &body)?.status)
}

/// While syncs are held back no answer comes sooner, and nothing is sent to the endpoint.
fn held(server: &Server, sink: &Sink) -> Result<Duration, Failed> {
    let begun = now();
    let status = publish(server, 1)?;
    let took = begun.elapsed();
    if status != 202 || took < HELD {
        return Err(Failed::new(format!("answered {status} after {took:?} while a sync takes {HELD:?}")));
    }
    let arrived = || sink.count(1) > 0;
    wait_until("the event arrives", Duration::from_secs(10), arrived)?;
    let at = sink.take_arrivals().first().map(|(_, at)| *at);
    match at {
        Some(at) if at.duration_since(begun) >= HELD => Ok(took),
        at => Err(Failed::new(format!("delivered at {at:?}, before it was durable"))),
    }
}

fn refused(server: &Server, seq: u64) -> Result<u16, Failed> {
    let status = publish(server, seq)?;
    if status == 503 {
        Ok(status)
    } else {
        Err(Failed::new(format!("answered {status} while nothing can be stored")))
    }
}

/// Once the disk is whole again the server goes on by itself.
fn goes_on(server: &Server, sink: &Sink, seq: u64) -> Result<(), Failed> {
    wait_until("the server goes on by itself", Duration::from_secs(10), || {
        publish(server, seq).is_ok_and(|s| s == 202)
    })?;
    wait_until("what it accepts arrives", Duration::from_secs(10), || sink.count(seq) > 0)
}
