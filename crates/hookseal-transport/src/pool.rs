//! Connections that are kept for the next request to the same endpoint.
//!
//! For one endpoint the connection that was used last is taken first, so that those beyond need grow old and go. Over
//! all endpoints the one that has been idle longest goes when there are too many. Both are cheap because a ticket,
//! given when a connection is parked, orders connections within an endpoint and over all of them alike.
//!
//! Connections that several requests share at once stand on [`Shelves`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hookseal_engine::ports::{Endpoint, OwnTls};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::limits::{IDLE_SWEEP_INTERVAL_MAX, IDLE_SWEEP_INTERVAL_MIN};
use crate::link::Link;
use crate::shared::Shared;
use crate::shelf::Shelves;
use crate::stopwatch::Stopwatch;

/// How many idle connections are kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolLimits {
    pub(crate) idle_timeout: Duration,
    pub(crate) per_endpoint: usize,
    pub(crate) total: usize,
}

impl PoolLimits {
    /// How many connections that are shared may be kept: half of all, so that neither kind is kept for lack of the
    /// other.
    pub(crate) fn shared(self) -> usize {
        self.total.div_ceil(2)
    }
}

/// A connection that was kept.
pub(crate) enum Kept {
    /// For one request at a time.
    Own(Box<Link>),
    /// Others may use it as well.
    Shared(Arc<Shared>),
}

/// The idle connections.
pub(crate) struct Pool {
    limits: PoolLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Idle<Box<Link>>,
    shelves: Shelves<Shared>,
    /// The task that drops what has been idle for too long. `None` while there is nothing to drop.
    sweeper: Option<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// A connection to this endpoint on which a request can be sent, if one was kept.
    pub(crate) fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Kept> {
        let origin = Origin(Arc::clone(endpoint));
        loop {
            let mut state = self.state.lock();
            let Some((mut link, parked)) = state.idle.take(&origin) else {
                let shared = endpoint.tls.then(|| state.shelves.take(&origin, Stopwatch::start()));
                return shared.flatten().map(Kept::Shared);
            };
            drop(state);
            if parked.elapsed() < self.limits.idle_timeout && link.is_ready() {
                return Some(Kept::Own(link));
            }
        }
    }

    /// A shared connection to this endpoint on which a request can be sent, if there is one.
    pub(crate) fn take_shared(&self, endpoint: &Arc<Endpoint>) -> Option<Arc<Shared>> {
        self.state.lock().shelves.take(&Origin(Arc::clone(endpoint)), Stopwatch::start())
    }

    /// Who holds this opens the next connection to an endpoint that is known to share them. `None` where it is not.
    pub(crate) fn turn(&self, endpoint: &Arc<Endpoint>) -> Option<Arc<tokio::sync::Mutex<()>>> {
        self.state.lock().shelves.turn(&Origin(Arc::clone(endpoint)))
    }

    /// Keeps a new connection from now on, and gives the one to use: another, if one with room came to be meanwhile.
    pub(crate) fn share(self: &Arc<Self>, endpoint: &Arc<Endpoint>, fresh: Shared) -> Arc<Shared> {
        let mut state = self.state.lock();
        let origin = Origin(Arc::clone(endpoint));
        let connection = state.shelves.place(origin, fresh, Stopwatch::start(), self.limits);
        self.ensure_sweeper(&mut state);
        connection
    }

    /// Keeps a connection for the next request, if its answer was read to the end and the endpoint leaves it open.
    pub(crate) fn park(self: &Arc<Self>, endpoint: &Arc<Endpoint>, mut link: Box<Link>) {
        if !link.is_ready() {
            return;
        }
        link.rest();
        let mut state = self.state.lock();
        let limits =
            PoolLimits { total: self.limits.total.saturating_sub(state.shelves.placed()), ..self.limits };
        let surplus = state.idle.park(Origin(Arc::clone(endpoint)), link, Stopwatch::start(), limits);
        self.ensure_sweeper(&mut state);
        // Closing a socket is a system call, and waits until the lock is given back.
        drop(state);
        drop(surplus);
    }

    fn ensure_sweeper(self: &Arc<Self>, state: &mut State) {
        // A sweeper has finished without saying so if its runtime was shut down.
        if state.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.sweeper = Some(tokio::spawn(sweep(Arc::downgrade(self), self.limits.idle_timeout)));
        }
    }

    /// Drops what has been idle for too long; returns whether there is anything left.
    fn sweep(&self) -> bool {
        let mut state = self.state.lock();
        let now = Stopwatch::start();
        let expired = state.idle.expire(now, self.limits.idle_timeout);
        state.shelves.expire(now, self.limits.idle_timeout);
        let is_done = state.idle.by_ticket.is_empty() && state.shelves.is_empty();
        if is_done {
            // Under the same lock as the look, so that a connection parked next starts a new sweeper.
            state.sweeper = None;
        }
        drop(state);
        drop(expired);
        !is_done
    }
}

async fn sweep(pool: Weak<Pool>, idle_timeout: Duration) {
    let interval = (idle_timeout / 4).clamp(IDLE_SWEEP_INTERVAL_MIN, IDLE_SWEEP_INTERVAL_MAX);
    loop {
        tokio::time::sleep(interval).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}

/// What is idle, generic so that its order can be tested without sockets.
struct Idle<T> {
    /// Everything, in the order of parking.
    by_ticket: BTreeMap<u64, Parked<T>>,
    /// The tickets of each origin, in the order of parking. Origins without tickets stay for a while, so that a busy
    /// one is not inserted and removed with every request; there are never more than twice as many as connections.
    by_origin: HashMap<Origin, VecDeque<u64>>,
    next_ticket: u64,
}

struct Parked<T> {
    link: T,
    origin: Origin,
    since: Stopwatch,
}

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self { by_ticket: BTreeMap::new(), by_origin: HashMap::new(), next_ticket: 0 }
    }
}

impl<T> Idle<T> {
    /// Takes what was parked last for this origin, and when that was.
    fn take(&mut self, origin: &Origin) -> Option<(T, Stopwatch)> {
        let ticket = self.by_origin.get_mut(origin)?.pop_back()?;
        let parked = self.by_ticket.remove(&ticket)?;
        Some((parked.link, parked.since))
    }

    /// Parks a link; returns the one that has to go for it.
    fn park(&mut self, origin: Origin, link: T, now: Stopwatch, limits: PoolLimits) -> Option<T> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let tickets = self.by_origin.entry(origin.clone()).or_default();
        tickets.push_back(ticket);
        let surplus = if tickets.len() > limits.per_endpoint { tickets.pop_front() } else { None };
        self.by_ticket.insert(ticket, Parked { link, origin, since: now });
        if self.by_origin.len() > 2 * limits.total {
            self.by_origin.retain(|_, tickets| !tickets.is_empty());
        }
        match surplus {
            Some(ticket) => self.by_ticket.remove(&ticket).map(|parked| parked.link),
            None if self.by_ticket.len() > limits.total => self.take_oldest(),
            None => None,
        }
    }

    /// Takes everything that was parked `idle_timeout` ago or earlier.
    fn expire(&mut self, now: Stopwatch, idle_timeout: Duration) -> Vec<T> {
        let mut expired = Vec::new();
        while self.by_ticket.first_key_value().is_some_and(|(_, p)| now.since(p.since) >= idle_timeout) {
            expired.extend(self.take_oldest());
        }
        self.by_origin.retain(|_, tickets| !tickets.is_empty());
        expired
    }

    fn take_oldest(&mut self) -> Option<T> {
        let (_, parked) = self.by_ticket.pop_first()?;
        // The oldest of all is the oldest of its origin.
        if let Some(tickets) = self.by_origin.get_mut(&parked.origin) {
            tickets.pop_front();
        }
        Some(parked.link)
    }
}

/// What connections are shared by: an endpoint without its path. Nothing is shared over different certificates, since
/// an endpoint may know by them who is speaking.
#[derive(Clone)]
pub(crate) struct Origin(Arc<Endpoint>);

impl Origin {
    fn parts(&self) -> (bool, u16, &str, Option<&OwnTls>) {
        let Endpoint { tls, port, host, own_tls, .. } = &*self.0;
        (*tls, *port, host, own_tls.as_ref())
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.parts() == other.parts()
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hookseal_engine::EndpointTls;
    use http::HeaderValue;
    use http::uri::PathAndQuery;

    use super::*;

    pub(crate) const LIMITS: PoolLimits =
        PoolLimits { idle_timeout: Duration::from_secs(60), per_endpoint: 2, total: 4 };

    pub(crate) fn origin(host: &str) -> Origin {
        origin_of(true, host, 443, "/")
    }

    fn origin_of(tls: bool, host: &str, port: u16, path: &'static str) -> Origin {
        Origin(Arc::new(Endpoint {
            tls,
            host: host.to_owned(),
            port,
            authority: HeaderValue::from_str(host).unwrap(),
            path_and_query: PathAndQuery::from_static(path),
            own_tls: None,
        }))
    }

    fn park(idle: &mut Idle<u32>, host: &str, link: u32) -> Option<u32> {
        idle.park(origin(host), link, Stopwatch::start(), LIMITS)
    }

    fn take(idle: &mut Idle<u32>, host: &str) -> Option<u32> {
        idle.take(&origin(host)).map(|(link, _)| link)
    }

    #[test]
    fn the_one_parked_last_is_taken_first() {
        let mut idle = Idle::default();
        assert_eq!(park(&mut idle, "a", 1), None);
        assert_eq!(park(&mut idle, "a", 2), None);
        assert_eq!(take(&mut idle, "b"), None);
        assert_eq!(
            (take(&mut idle, "a"), take(&mut idle, "a"), take(&mut idle, "a")),
            (Some(2), Some(1), None)
        );
    }

    #[test]
    fn paths_share_connections_and_schemes_and_ports_do_not() {
        let mut idle = Idle::default();
        idle.park(origin_of(true, "a", 443, "/x"), 1, Stopwatch::start(), LIMITS);
        assert!(idle.take(&origin_of(false, "a", 443, "/x")).is_none());
        assert!(idle.take(&origin_of(true, "a", 444, "/x")).is_none());
        assert!(idle.take(&origin_of(true, "a", 443, "/y")).is_some());
    }

    #[test]
    fn other_certificates_share_nothing() {
        let with = |certificate: &str| {
            let tls = EndpointTls { ca_certificates: Some(certificate.to_owned()), client: None };
            let Origin(endpoint) = origin("a");
            Origin(Arc::new(Endpoint { own_tls: Some(OwnTls::new(tls, ())), ..(*endpoint).clone() }))
        };
        let mut idle = Idle::default();
        idle.park(with("x"), 1, Stopwatch::start(), LIMITS);
        assert!(idle.take(&origin("a")).is_none() && idle.take(&with("y")).is_none());
        assert!(idle.take(&with("x")).is_some());
    }

    #[test]
    fn an_endpoint_keeps_no_more_than_its_share() {
        let mut idle = Idle::default();
        assert_eq!(
            (park(&mut idle, "a", 1), park(&mut idle, "a", 2), park(&mut idle, "a", 3)),
            (None, None, Some(1))
        );
        assert_eq!(
            (take(&mut idle, "a"), take(&mut idle, "a"), take(&mut idle, "a")),
            (Some(3), Some(2), None)
        );
    }

    #[test]
    fn the_oldest_of_all_goes_when_there_are_too_many() {
        let mut idle = Idle::default();
        for (host, link) in [("a", 1), ("b", 2), ("c", 3), ("a", 4)] {
            assert_eq!(park(&mut idle, host, link), None);
        }
        assert_eq!(park(&mut idle, "d", 5), Some(1));
        assert_eq!(park(&mut idle, "e", 6), Some(2));
        assert_eq!((take(&mut idle, "a"), take(&mut idle, "a"), take(&mut idle, "b")), (Some(4), None, None));
    }

    #[test]
    fn what_was_idle_for_too_long_goes() {
        let mut idle = Idle::default();
        park(&mut idle, "a", 1);
        park(&mut idle, "b", 2);
        assert!(idle.expire(Stopwatch::start(), LIMITS.idle_timeout).is_empty());
        assert_eq!(idle.expire(Stopwatch::start(), Duration::ZERO), [1, 2]);
        assert!(idle.by_ticket.is_empty() && idle.by_origin.is_empty());
    }

    #[test]
    fn origins_that_came_and_went_are_forgotten() {
        let mut idle = Idle::default();
        for i in 0..10_000 {
            park(&mut idle, &format!("host-{i}"), i);
            take(&mut idle, &format!("host-{i}"));
            assert!(idle.by_origin.len() <= 2 * LIMITS.total, "{i}");
        }
    }

    #[test]
    fn nothing_is_kept_where_nothing_may_be() {
        let mut idle = Idle::default();
        let a = origin("a");
        assert_eq!(idle.park(a.clone(), 1, Stopwatch::start(), PoolLimits { total: 0, ..LIMITS }), Some(1));
        assert_eq!(
            idle.park(a.clone(), 2, Stopwatch::start(), PoolLimits { per_endpoint: 0, ..LIMITS }),
            Some(2)
        );
        assert!(idle.take(&a).is_none());
    }
}
