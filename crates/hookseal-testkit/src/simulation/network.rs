//! The network and the endpoints behind it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hookseal_engine::{
    AttemptResult, EndpointTls, Failure, FailureKind, Phases, RetryAfter,
    ports::{Endpoint, EndpointError, Outbound, Transport},
};

use super::{
    Sabotage,
    ledger::Ticket,
    plan::{Millis, Mood},
    random::Random,
    world::Life,
};

/// Delivers requests to the endpoints of the plan, or loses them.
pub(super) struct SimulatedNetwork(pub(super) Arc<Life>);

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is answered with this status.
    Answered { status: u16, retry_after: Option<RetryAfter> },
    /// The connection breaks. The endpoint may have seen the request, or not; the sender cannot tell.
    Broken,
    /// Nothing comes back.
    Silence,
}

#[async_trait]
impl Transport for SimulatedNetwork {
    fn endpoint(&self, url: &str, _: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        read_url(url)
    }

    async fn send(&self, outbound: Outbound) -> AttemptResult {
        self.0.alive().await;
        send(&self.0, outbound).await
    }
}

/// Endpoints of the simulation have URLs of one form.
fn read_url(url: &str) -> Result<Arc<Endpoint>, EndpointError> {
    let host = url.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/in"));
    let host = host.ok_or(EndpointError::Malformed("not an endpoint of the simulation"))?.to_owned();
    let authority = http::HeaderValue::from_str(&host).map_err(|_| EndpointError::Malformed("host"))?;
    let path_and_query = http::uri::PathAndQuery::from_static("/in");
    Ok(Arc::new(Endpoint { tls: true, host, port: 443, authority, path_and_query, own_tls: None }))
}

/// A request under way: it is over also when its sender drops it.
struct UnderWay {
    life: Arc<Life>,
    ticket: Option<Ticket>,
}

impl UnderWay {
    fn ends(&mut self, well: bool) {
        if let Some(ticket) = self.ticket.take().filter(|_| !self.life.is_dead()) {
            self.life.world.ledger.lock().ends(ticket, well);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.ends(false);
    }
}

async fn send(life: &Arc<Life>, outbound: Outbound) -> AttemptResult {
    let began = life.now();
    let ticket = life.world.ledger.lock().begins(&outbound, &life.disk, began);
    life.end_if_violated();
    let mut under_way = UnderWay { life: Arc::clone(life), ticket };
    let (fate, after) = fate(life, &ticket);
    let delivery = ticket.and_then(|ticket| ticket.delivery);
    life.note(format_args!("send {delivery:?} to {}: {fate:?}", outbound.endpoint.host));
    life.sleep(after.min(outbound.timeout)).await;
    let fate = if after < outbound.timeout { fate } else { Fate::Silence };
    if fate == Fate::Silence {
        life.sleep(outbound.timeout.saturating_sub(after)).await;
    }
    let total = Duration::from_millis(life.passed() - began.passed);
    let result = AttemptResult { phases: Phases { total, ..Phases::default() }, ..answer(fate) };
    let well = result.failure.is_none() && result.status.is_some_and(|status| status < 300);
    under_way.ends(well);
    life.world.seen.lock().sent(&result);
    if well && life.world.is_broken(Sabotage::SendsAgainAfterSuccess) {
        send_again(life, outbound);
    }
    result
}

fn answer(fate: Fate) -> AttemptResult {
    let failed = |kind, what: &str| AttemptResult {
        failure: Some(Failure::new(kind, what)),
        ..AttemptResult::default()
    };
    match fate {
        Fate::Answered { status, retry_after } => {
            AttemptResult { status: Some(status), retry_after, ..AttemptResult::default() }
        }
        Fate::Broken => failed(FailureKind::Connection, "the connection broke"),
        Fate::Silence => failed(FailureKind::Timeout, "no answer within the deadline"),
    }
}

/// What becomes of a request, and after how long.
fn fate(life: &Life, ticket: &Option<Ticket>) -> (Fate, Duration) {
    let mut dice = life.world.network_dice.lock();
    let endpoints = &life.world.plan.endpoints;
    let endpoint = &endpoints[ticket.map_or(0, |ticket| ticket.subscription) % endpoints.len()];
    let passed = life.passed();
    let mood = if passed < life.world.plan.storm { endpoint.mood(passed) } else { endpoint.calm };
    draw(mood, passed, life, &mut dice)
}

fn draw(mood: Mood, passed: Millis, life: &Life, dice: &mut Random) -> (Fate, Duration) {
    let answered = |status| Fate::Answered { status, retry_after: None };
    let soon = dice.millis(0, 120);
    let well = answered(*dice.pick(&[200, 200, 204]));
    match mood {
        Mood::Well => (well, soon),
        Mood::Slow(most) => (well, dice.millis(0, most)),
        Mood::Failing(per_mille) if dice.chance(per_mille) => {
            (answered(*dice.pick(&[500, 503, 404, 302])), soon)
        }
        Mood::Failing(_) => (well, soon),
        Mood::Busy(seconds) => {
            let wait = Duration::from_secs(dice.between(0, seconds));
            let at = RetryAfter::At(life.now().wall.saturating_add(wait));
            let retry_after = Some(*dice.pick(&[RetryAfter::Delay(wait), at]));
            (Fate::Answered { status: *dice.pick(&[429, 503]), retry_after }, soon)
        }
        Mood::Lossy if dice.chance(500) => (Fate::Broken, soon),
        Mood::Lossy => (well, soon),
        Mood::Hanging => (Fate::Silence, soon),
        Mood::Refusing => (Fate::Broken, Duration::ZERO),
        Mood::Leaving if passed.is_multiple_of(5) => (answered(410), soon),
        Mood::Leaving => (well, soon),
    }
}

/// The broken engine that sends once more what has succeeded.
fn send_again(life: &Arc<Life>, outbound: Outbound) {
    let life = Arc::clone(life);
    tokio::spawn(async move {
        life.sleep(Duration::from_secs(15)).await;
        let now = life.now();
        let ticket = life.world.ledger.lock().begins(&outbound, &life.disk, now);
        if let Some(ticket) = ticket {
            life.world.ledger.lock().ends(ticket, true);
        }
        life.end_if_violated();
    });
}
