//! The transport itself: one attempt, from request to answer, within one deadline.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookseal_engine::ports::{Endpoint, EndpointError, Outbound, Transport};
use hookseal_engine::{AttemptResult, EndpointTls, Failure};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;

use crate::answer::Head;
use crate::course::{Course, Stage};
use crate::dial::{Dialed, Dialer};
use crate::limits::{
    IDLE_PER_ENDPOINT_DEFAULT, IDLE_TIMEOUT_DEFAULT, IDLE_TOTAL_DEFAULT, REPEATS_MAX, TURN_LOOK_INTERVAL,
    TURN_WAIT_MAX, TURN_WAIT_SHARE,
};
use crate::link::{Link, Unanswered};
use crate::pool::{Kept, Pool, PoolLimits};
use crate::proxy::EgressProxy;
use crate::resolve::Resolve;
use crate::shared::{BrokenExchange, Exchange, Shared};
use crate::{endpoint, failure, own_tls, request, tls};

/// What a transport may do, and what it keeps.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// Networks that deliveries may go to although they are not of the public internet, and without TLS.
    pub allow_networks: Vec<IpNet>,
    /// Networks that no delivery may go to, whatever else says so.
    pub deny_networks: Vec<IpNet>,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Idle connections kept for one endpoint (scheme, host and port).
    pub idle_per_endpoint: usize,
    /// Idle connections kept over all endpoints.
    pub idle_total: usize,
    /// Whether certificates are trusted that the system trusts.
    pub system_roots: bool,
    /// Certificates of authorities that are trusted besides.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The proxy that connections are asked of. It may be at any address.
    pub egress_proxy: Option<EgressProxy>,
    /// Whether the proxy checks addresses itself: the names of `https` endpoints are handed to it unresolved then.
    /// Otherwise they are resolved and checked here, and the proxy is handed the address.
    pub egress_proxy_trusted: bool,
    /// Networks that are connected to without the proxy, as far as addresses are known here.
    pub egress_proxy_bypass: Vec<IpNet>,
    /// What resolves names: the system's hosts file and name servers if `None`.
    pub resolver: Option<Arc<dyn Resolve>>,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            deny_networks: Vec::new(),
            idle_timeout: IDLE_TIMEOUT_DEFAULT,
            idle_per_endpoint: IDLE_PER_ENDPOINT_DEFAULT,
            idle_total: IDLE_TOTAL_DEFAULT,
            system_roots: true,
            extra_roots: Vec::new(),
            egress_proxy: None,
            egress_proxy_trusted: false,
            egress_proxy_bypass: Vec::new(),
            resolver: None,
        }
    }
}

/// Why a transport could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportBuildError {
    /// One of the extra roots is not a certificate that can stand for an authority.
    #[error("an extra root certificate cannot be used")]
    ExtraRoot(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}

/// Sends attempts over HTTP/1.1, or over HTTP/2 where an endpoint picks it during the TLS handshake, on connections that
/// it keeps.
///
/// Has to be used within a Tokio runtime with I/O and time.
pub struct HttpTransport {
    dialer: Dialer,
    pool: Arc<Pool>,
}

impl HttpTransport {
    /// Makes a transport. Reads the system's root certificates, hosts file and name servers, once; if there are none,
    /// attempts that need them fail and say so.
    ///
    /// # Errors
    ///
    /// [`TransportBuildError`], which is about the extra roots of the configuration in practice.
    pub fn new(config: TransportConfig) -> Result<Self, TransportBuildError> {
        let roots = Arc::new(tls::roots(&config)?);
        let limits = PoolLimits {
            idle_timeout: config.idle_timeout,
            per_endpoint: config.idle_per_endpoint,
            total: config.idle_total,
        };
        Ok(Self { dialer: Dialer::new(config, roots)?, pool: Arc::new(Pool::new(limits)) })
    }

    async fn attempt(&self, outbound: &Outbound, course: &mut Course) -> Result<(), Failure> {
        // Before anything is opened for it, since it may be what cannot be sent.
        request::check(outbound)?;
        let mut repeats = 0;
        loop {
            let (connection, is_kept) = self.connection(&outbound.endpoint, repeats == 0, course).await?;
            let broken = match self.exchange(connection, outbound, course).await {
                Ok(()) => return Ok(()),
                Err(broken) => broken,
            };
            let may_repeat = match broken.answered {
                Answered::Begun => false,
                // A kept connection may have been closed from the other side at any time before. Nothing came back on
                // it since, so that this is no answer of the endpoint's, and a new connection gets one.
                Answered::Nothing => is_kept,
                Answered::NotProcessed => true,
            };
            if !may_repeat || repeats == REPEATS_MAX {
                return Err(broken.failure);
            }
            tracing::debug!(host = %outbound.endpoint.host, why = %broken.failure.detail, "sending on another connection");
            repeats += 1;
            course.disconnected();
        }
    }

    /// A connection to the endpoint, and whether others used it before: a kept one, where that will do, or a new one.
    async fn connection(
        &self,
        endpoint: &Arc<Endpoint>,
        kept_will_do: bool,
        course: &mut Course,
    ) -> Result<(Kept, bool), Failure> {
        if let Some(kept) = kept_will_do.then(|| self.pool.take(endpoint)).flatten() {
            return Ok((kept, true));
        }
        // Where connections are known to be shared, one request opens the next one and the others wait for it.
        let turn = if endpoint.tls { self.pool.turn(endpoint) } else { None };
        let _turn = match &turn {
            Some(turn) => {
                course.enter(Stage::Connecting);
                match self.wait_for_turn(endpoint, turn, course.remaining()).await {
                    Waited::Room(shared) => return Ok((Kept::Shared(shared), true)),
                    Waited::Turn(turn) => Some(turn),
                    Waited::InVain => None,
                }
            }
            None => None,
        };
        Ok(match self.dialer.dial(endpoint, course).await? {
            Dialed::Own(link) => (Kept::Own(link), false),
            Dialed::Shared(fresh) => (Kept::Shared(self.pool.share(endpoint, fresh)), false),
        })
    }

    /// Waits for the turn to open a connection, or for room on one that is there, whichever comes first.
    ///
    /// Whoever has the turn may be waiting for an endpoint that does not answer, for as long as an attempt may take. The
    /// others do not lose theirs by that: after a part of the time that is left they go on by themselves.
    async fn wait_for_turn<'a>(
        &self,
        endpoint: &Arc<Endpoint>,
        turn: &'a tokio::sync::Mutex<()>,
        remaining: Duration,
    ) -> Waited<'a> {
        let mut wait = TURN_WAIT_MAX.min(remaining / TURN_WAIT_SHARE);
        // Kept over the looks, with its place in the queue.
        let mut locking = pin!(turn.lock());
        loop {
            let until_look = wait.min(TURN_LOOK_INTERVAL);
            let locked = tokio::time::timeout(until_look, locking.as_mut()).await;
            if let Some(shared) = self.pool.take_shared(endpoint) {
                return Waited::Room(shared);
            }
            if let Ok(turn) = locked {
                return Waited::Turn(turn);
            }
            wait -= until_look;
            if wait.is_zero() {
                return Waited::InVain;
            }
        }
    }

    async fn exchange(
        &self,
        connection: Kept,
        outbound: &Outbound,
        course: &mut Course,
    ) -> Result<(), Broken> {
        match connection {
            Kept::Own(link) => self.exchange_alone(link, outbound, course).await,
            Kept::Shared(connection) => exchange_shared(connection, outbound, course).await,
        }
    }

    /// Sends the request on a link and reads the answer. The link is kept if that was read to its end, and closed in
    /// any other case by being dropped.
    async fn exchange_alone(
        &self,
        mut link: Box<Link>,
        outbound: &Outbound,
        course: &mut Course,
    ) -> Result<(), Broken> {
        course.connected_by(link.route());
        course.enter(Stage::Waiting);
        let write_head = |out: &mut Vec<u8>| request::write_head(outbound, out);
        let see = |head: &Head<'_>| course.answered(head.version, head.status, head.headers());
        let sent = link.send(&outbound.method, write_head, outbound.body.clone(), see).await;
        sent.map_err(|error| Broken::of(&error, &link))?;
        course.enter(Stage::Reading);
        read_body(&mut link, course).await.map_err(|error| Broken::of(&error, &link))?;
        self.pool.park(&outbound.endpoint, link);
        Ok(())
    }
}

/// Reads the answer's body to its end, and keeps the beginning.
///
/// What does not fit is read and dropped, so that a long answer is still an answer and its connection is used again. How
/// much is read at all is bounded by the socket: beyond that the answer is a failure, whatever its status says.
async fn read_body(link: &mut Link, course: &mut Course) -> Result<(), Unanswered> {
    course.expect_body(link.expected());
    while let Some(data) = link.part().await? {
        course.read(data);
    }
    Ok(())
}

/// Sends the request on a connection that others use at the same time, and reads the answer.
async fn exchange_shared(
    connection: Arc<Shared>,
    outbound: &Outbound,
    course: &mut Course,
) -> Result<(), Broken> {
    let request = request::shared(outbound)?;
    let mut exchange = Exchange::begin(connection);
    course.connected_by(exchange.route());
    course.enter(Stage::Waiting);
    let (head, mut body) = exchange.send(request, outbound.body.clone()).await?.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    course.answered(head.version, head.status, headers);
    course.enter(Stage::Reading);
    while let Some(part) = exchange.part(&mut body).await {
        course.read(&part?);
    }
    Ok(())
}

#[async_trait]
impl Transport for HttpTransport {
    fn endpoint(&self, url: &str, tls: &EndpointTls) -> Result<Arc<Endpoint>, EndpointError> {
        let mut endpoint = endpoint::parse(url, &self.dialer.policy)?;
        if endpoint.tls {
            endpoint.own_tls = own_tls::make(tls, &self.dialer.roots)?;
        } else {
            own_tls::check_without_tls(tls)?;
        }
        Ok(Arc::new(endpoint))
    }

    async fn send(&self, outbound: Outbound) -> AttemptResult {
        let mut course = Course::start(outbound.timeout);
        match tokio::time::timeout(outbound.timeout, self.attempt(&outbound, &mut course)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => course.fail(failure),
            Err(_) => course.time_out(),
        }
        course.finish()
    }
}

/// What came of waiting for the turn to open a connection.
enum Waited<'a> {
    /// A connection with room for one more request.
    Room(Arc<Shared>),
    /// The turn.
    Turn(tokio::sync::MutexGuard<'a, ()>),
    /// Nothing in time.
    InVain,
}

/// An exchange that came to no whole answer.
struct Broken {
    failure: Failure,
    answered: Answered,
}

/// What came back before an exchange broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// Nothing at all.
    Nothing,
    /// That the endpoint did nothing with the request (RFC 9113 section 8.7).
    NotProcessed,
    /// Part of an answer, or something else that shows that the endpoint was there and may have acted on the request.
    Begun,
}

impl Broken {
    fn of(error: &Unanswered, link: &Link) -> Self {
        let has_answered = link.has_answered();
        let answered = if has_answered { Answered::Begun } else { Answered::Nothing };
        Self { failure: failure::of_exchange(error, has_answered), answered }
    }
}

impl From<BrokenExchange> for Broken {
    fn from(broken: BrokenExchange) -> Self {
        let answered = match broken {
            BrokenExchange { is_unprocessed: true, .. } => Answered::NotProcessed,
            BrokenExchange { has_answered: false, .. } => Answered::Nothing,
            _ => Answered::Begun,
        };
        Self { failure: broken.failure, answered }
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self { failure, answered: Answered::Begun }
    }
}
