//! Opening a connection: resolve, check every address, connect to exactly those, and shake hands.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hookseal_engine::ports::Endpoint;
use hookseal_engine::{Failure, FailureKind};
use ipnet::IpNet;
use rustls::RootCertStore;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::AddressPolicy;
use crate::course::{Course, Route, Stage};
use crate::failure;
use crate::limits::{CONNECT_ADDRESSES_MAX, TLS_SESSIONS_MAX};
use crate::link::Link;
use crate::proxy::{EgressProxy, Target};
use crate::resolve::{self, Resolve, ResolveError, SystemResolver};
use crate::shared::Shared;
use crate::socket::{Socket, Wire};
use crate::tls::{self, Offer, Tls};
use crate::transport::{TransportBuildError, TransportConfig};

/// A new connection.
pub(crate) enum Dialed {
    /// For one request at a time.
    Own(Box<Link>),
    /// For several at once.
    Shared(Shared),
}

/// A socket on which requests can go out.
struct Opened {
    socket: Socket,
    route: Route,
    is_http2: bool,
}

/// Opens connections, and is the only thing that does.
pub(crate) struct Dialer {
    pub(crate) policy: AddressPolicy,
    resolver: Arc<dyn Resolve>,
    /// What the operator trusts.
    pub(crate) roots: Arc<RootCertStore>,
    tls: Tls,
    egress: Option<Egress>,
}

/// The operator's proxy, and when it is asked.
struct Egress {
    proxy: EgressProxy,
    /// Its name in words, without credentials.
    shown: Arc<str>,
    is_trusted: bool,
    bypass: Vec<IpNet>,
}

impl Egress {
    /// Whether the proxy finds the endpoint's addresses, and is trusted to check them. That an `http` endpoint is in an
    /// allowed network is the operator's rule, and nobody else's to check.
    fn resolves(&self, endpoint: &Endpoint) -> bool {
        let is_name =
            endpoint.host.parse::<IpAddr>().is_err() && resolve::localhost(&endpoint.host).is_none();
        self.is_trusted && endpoint.tls && is_name
    }

    fn bypasses(&self, address: IpAddr) -> bool {
        self.bypass.iter().any(|network| network.contains(&address))
    }
}

impl Dialer {
    /// What may be dialled, as the configuration says, with these roots to trust.
    pub(crate) fn new(
        config: TransportConfig,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, TransportBuildError> {
        Ok(Self {
            policy: AddressPolicy::new(&config.allow_networks, &config.deny_networks),
            resolver: config.resolver.unwrap_or_else(|| Arc::new(SystemResolver::from_system())),
            tls: Tls::new(Arc::clone(&roots), None, TLS_SESSIONS_MAX).map_err(TransportBuildError::Tls)?,
            roots,
            egress: config.egress_proxy.map(|proxy| Egress {
                shown: proxy.to_string().into(),
                proxy,
                is_trusted: config.egress_proxy_trusted,
                bypass: config.egress_proxy_bypass,
            }),
        })
    }

    /// Opens a connection to the endpoint, which picks the protocol. Its host is resolved and every address checked
    /// each time, so that a name that was changed since the last connection gains nothing by that.
    pub(crate) async fn dial(&self, endpoint: &Endpoint, course: &mut Course) -> Result<Dialed, Failure> {
        let Opened { socket, route, is_http2 } = self.open(endpoint, Offer::Both, course).await?;
        if is_http2 {
            let opened = Shared::open(socket, route).await;
            return opened.map(Dialed::Shared).map_err(|error| failure::of_shared_exchange(&error, false));
        }
        Ok(Dialed::Own(Box::new(Link::new(socket, route))))
    }

    /// As [`Dialer::dial`], and speaks HTTP/1.1.
    pub(crate) async fn dial_http1(&self, endpoint: &Endpoint, course: &mut Course) -> Result<Link, Failure> {
        let Opened { socket, route, .. } = self.open(endpoint, Offer::Http1, course).await?;
        Ok(Link::new(socket, route))
    }

    async fn open(&self, endpoint: &Endpoint, offer: Offer, course: &mut Course) -> Result<Opened, Failure> {
        let (wire, route) = self.wire(endpoint, course).await?;
        course.connected_by(&route);
        let (socket, is_http2) = if endpoint.tls {
            course.enter(Stage::Handshaking);
            let tls = self.tls_for(endpoint)?;
            match wire {
                Wire::Plain(tcp) => {
                    let stream = tls.handshake(&endpoint.host, tcp, offer).await?;
                    let is_http2 = tls::picked_http2(&stream);
                    (Socket::tls(stream), is_http2)
                }
                Wire::Tls(inner) => {
                    let stream = tls.handshake(&endpoint.host, inner, offer).await?;
                    let is_http2 = tls::picked_http2(&stream);
                    (Socket::tls_in_tls(stream), is_http2)
                }
            }
        } else {
            (Socket::plain(wire), false)
        };
        tracing::debug!(host = %endpoint.host, ?route, tls = endpoint.tls, is_http2, "connected");
        Ok(Opened { socket, route, is_http2 })
    }

    /// What leads to the endpoint: a connection to it, or one that a proxy gave.
    async fn wire(&self, endpoint: &Endpoint, course: &mut Course) -> Result<(Wire, Route), Failure> {
        if let Some(egress) = self.egress.as_ref().filter(|egress| egress.resolves(endpoint)) {
            course.enter(Stage::Connecting);
            course.asks(Some(&egress.shown));
            let target = Target::Name(&endpoint.host, endpoint.port);
            let wire = self.ask(egress, &target, course).await?;
            return Ok((wire, Route { address: None, proxy: Some(Arc::clone(&egress.shown)) }));
        }
        let addresses = self.addresses(endpoint, course).await?;
        course.enter(Stage::Connecting);
        let mut last_failure = None;
        for (place, address) in addresses.iter().enumerate() {
            let address = SocketAddr::new(*address, endpoint.port);
            match self.try_address(address, addresses.len() - place, course).await {
                Ok(opened) => return Ok(opened),
                // Another address changes nothing about the proxy.
                Err(failure) if failure.kind == FailureKind::Proxy => return Err(failure),
                Err(failure) => last_failure = Some(failure.detail),
            }
        }
        let last_failure = last_failure.unwrap_or_else(|| "there is no address to connect to".to_owned());
        let detail = match addresses.len() {
            0 | 1 => last_failure,
            several => format!("none of {several} addresses could be connected to: {last_failure}"),
        };
        Err(Failure::new(FailureKind::Connection, detail))
    }

    /// Connects to one address, itself or through the proxy. Each of the addresses that are left has an equal share of
    /// the time that is left, so that a dead one does not use up all of it; the last has the rest.
    async fn try_address(
        &self,
        address: SocketAddr,
        addresses_left: usize,
        course: &mut Course,
    ) -> Result<(Wire, Route), Failure> {
        let egress = self.egress.as_ref().filter(|egress| !egress.bypasses(address.ip()));
        course.asks(egress.map(|egress| &egress.shown));
        let share = course.remaining() / u32::try_from(addresses_left).unwrap_or(u32::MAX);
        let opening = async {
            match egress {
                Some(egress) => self.ask(egress, &Target::Address(address), course).await,
                None => connect(address)
                    .await
                    .map(Wire::Plain)
                    .map_err(|error| Failure::new(FailureKind::Connection, connect_words(address, &error))),
            }
        };
        let opened = if addresses_left == 1 {
            // Here the attempt's own deadline is the one that strikes.
            opening.await
        } else {
            let too_late = || connect_words(address, &io::ErrorKind::TimedOut.into());
            timeout(share, opening)
                .await
                .unwrap_or_else(|_| Err(Failure::new(FailureKind::Connection, too_late())))
        };
        let route = Route { address: Some(address), proxy: egress.map(|egress| Arc::clone(&egress.shown)) };
        opened.map(|wire| (wire, route)).inspect_err(|failure| {
            tracing::debug!(%address, why = %failure.detail, "could not connect");
        })
    }

    /// Asks the proxy for a connection. Where the proxy is may be anywhere: the operator named it.
    async fn ask(&self, egress: &Egress, target: &Target<'_>, course: &Course) -> Result<Wire, Failure> {
        let proxy = &egress.proxy;
        let addresses = match proxy.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => match resolve::localhost(&proxy.host) {
                Some(loopback) => loopback.to_vec(),
                None => self.resolver.resolve(&proxy.host).await.map_err(|error| {
                    proxy.fault(format_args!("could not be resolved: {}", failure::chain(&error)))
                })?,
            },
        };
        let mut tcp = Err(io::ErrorKind::NotFound.into());
        for (place, address) in addresses.iter().enumerate() {
            let share = course.remaining() / u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
            let connecting = connect(SocketAddr::new(*address, proxy.port));
            tcp = timeout(share, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            if tcp.is_ok() {
                break;
            }
        }
        let mut tcp = tcp.map_err(|error| proxy.fault(format_args!("could not be connected to: {error}")))?;
        if !proxy.speaks_tls() {
            proxy.ask(&mut tcp, target).await?;
            return Ok(Wire::Plain(tcp));
        }
        let handshake = self.tls.handshake(&proxy.host, tcp, Offer::Http1).await;
        let mut tls = handshake.map_err(|failure| {
            proxy.fault(format_args!("could not be spoken to in TLS, as an endpoint: {}", failure.detail))
        })?;
        proxy.ask(&mut tls, target).await?;
        Ok(Wire::Tls(Box::new(tls)))
    }

    /// What TLS to the endpoint is made with.
    fn tls_for<'a>(&'a self, endpoint: &'a Endpoint) -> Result<&'a Tls, Failure> {
        let Some(own) = &endpoint.own_tls else { return Ok(&self.tls) };
        // Never the operator's in the place of what cannot be had: that would trust what the subscription does not.
        own.made().ok_or_else(|| {
            Failure::new(FailureKind::Unsendable, "its certificates were made ready by another transport")
        })
    }

    /// The addresses to connect to, every one of them allowed.
    async fn addresses(&self, endpoint: &Endpoint, course: &mut Course) -> Result<Vec<IpAddr>, Failure> {
        if let Ok(address) = endpoint.host.parse::<IpAddr>() {
            self.check(endpoint, address)?;
            return Ok(vec![address]);
        }
        if let Some(loopback) = resolve::localhost(&endpoint.host) {
            // Nobody can point this name elsewhere, so that one loopback address being allowed is enough.
            let allowed: Vec<_> =
                loopback.into_iter().filter(|address| self.check(endpoint, *address).is_ok()).collect();
            return if allowed.is_empty() { Err(not_allowed(endpoint, loopback[0])) } else { Ok(allowed) };
        }
        course.enter(Stage::Resolving);
        let resolved = self.resolver.resolve(&endpoint.host).await;
        let addresses = resolved.map_err(|error| resolve_failure(&endpoint.host, &error))?;
        if addresses.is_empty() {
            return Err(resolve_failure(&endpoint.host, &ResolveError::NoAddress));
        }
        for address in &addresses {
            self.check(endpoint, *address)?;
        }
        Ok(interleave(addresses))
    }

    fn check(&self, endpoint: &Endpoint, address: IpAddr) -> Result<(), Failure> {
        let is_allowed =
            if endpoint.tls { self.policy.admits(address) } else { self.policy.admits_plain_http(address) };
        if is_allowed { Ok(()) } else { Err(not_allowed(endpoint, address)) }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what comes here has been checked, or is the operator's proxy"
    )]
    let tcp = TcpStream::connect(address).await?;
    // Requests are written whole. Waiting for more to send would only delay them.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%address, %error, "TCP_NODELAY could not be set");
    }
    Ok(tcp)
}

/// The addresses that are tried, in turns of family, so that a family that does not work here costs one try. IPv4 comes
/// first: where IPv6 is broken it is mostly broken silently, by time, and where IPv4 is missing it fails at once.
fn interleave(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut fours, mut sixes): (Vec<_>, Vec<_>) =
        addresses.into_iter().map(|address| address.to_canonical()).partition(IpAddr::is_ipv4);
    fours.truncate(CONNECT_ADDRESSES_MAX);
    sixes.truncate(CONNECT_ADDRESSES_MAX);
    let mut sixes = sixes.into_iter();
    let mut turns = Vec::with_capacity(fours.len() + sixes.len());
    for four in fours {
        turns.push(four);
        turns.extend(sixes.next());
    }
    turns.extend(sixes);
    turns.truncate(CONNECT_ADDRESSES_MAX);
    turns
}

fn not_allowed(endpoint: &Endpoint, address: IpAddr) -> Failure {
    let host = &endpoint.host;
    let subject = if host.parse::<IpAddr>().is_ok() {
        format!("the address {address}")
    } else {
        format!("{host} resolves to {address}, which")
    };
    let rule = if endpoint.tls {
        "is not allowed"
    } else {
        "is in no network that the operator allows; without TLS nothing else is allowed"
    };
    Failure::new(FailureKind::AddressNotAllowed, format!("{subject} {rule}"))
}

fn resolve_failure(host: &str, error: &ResolveError) -> Failure {
    let kind = match error {
        ResolveError::NoSuchName => FailureKind::DnsNoSuchName,
        _ => FailureKind::Dns,
    };
    Failure::new(kind, format!("{host} could not be resolved: {}", failure::chain(error)))
}

fn connect_words(address: SocketAddr, error: &io::Error) -> String {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => format!("{address} refused the connection"),
        K::NetworkUnreachable | K::HostUnreachable => format!("{address} cannot be reached from here"),
        K::TimedOut => format!("{address} did not answer"),
        _ => format!("{address} could not be connected to: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &str| list.split(' ').map(|a| a.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(interleave(parse("::1 ::2 ::3 10.0.0.1")), parse("10.0.0.1 ::1 ::2 ::3"));
        assert_eq!(interleave(parse("10.0.0.1 10.0.0.2 ::1")), parse("10.0.0.1 ::1 10.0.0.2"));
        assert_eq!(interleave(parse("::ffff:10.0.0.1 ::1")), parse("10.0.0.1 ::1"));
        let many = (0..100).map(|i| IpAddr::from([10, 0, 0, i])).collect();
        assert_eq!(interleave(many).len(), CONNECT_ADDRESSES_MAX);
    }
}
