//! From names to addresses. Nothing is checked here: what a resolver answers is checked where it is used.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver};

use crate::limits::{DNS_CACHE_ENTRIES_MAX, DNS_CACHE_NO_SUCH_NAME_TIME_MAX, DNS_CACHE_TIME_MAX};

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// All addresses of `host`, which is an absolute name in lower case without a trailing dot.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] by what a retry could change.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name does not exist.
    #[error("no such name")]
    NoSuchName,
    /// The name exists and has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The system names no name server to ask.
    #[error("the system has no usable name server")]
    NoNameServer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The lookup failed, for now.
    #[error("the lookup failed")]
    Lookup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The addresses of `localhost` and of the names below it, which nobody else answers for (RFC 6761 section 6.3).
pub(crate) fn localhost(host: &str) -> Option<[IpAddr; 2]> {
    let is_localhost =
        host.strip_suffix("localhost").is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    is_localhost.then_some([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
}

/// The system's resolver: `/etc/hosts`, then the name servers of `/etc/resolv.conf`, both read once.
///
/// Search domains are not applied, since a publisher's name means the same name everywhere.
pub(crate) struct SystemResolver {
    hosts: Hosts,
    /// What `/etc/resolv.conf` came to. Without name servers the hosts file still works.
    name_servers: Result<TokioResolver, String>,
}

impl SystemResolver {
    pub(crate) fn from_system() -> Self {
        Self {
            hosts: Hosts::from_system().unwrap_or_default(),
            name_servers: configured(TokioResolver::builder_tokio()),
        }
    }

    fn listed(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|lookup| lookup.answers().iter().filter_map(|r| r.data.ip_addr()).collect::<Vec<_>>())
            .collect()
    }
}

fn configured(
    builder: Result<ResolverBuilder<TokioRuntimeProvider>, NetError>,
) -> Result<TokioResolver, String> {
    let build = |mut builder: ResolverBuilder<TokioRuntimeProvider>| {
        let options = builder.options_mut();
        // The hosts file is looked at here: a name that stands in it for one family is not asked for in the other.
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = DNS_CACHE_ENTRIES_MAX;
        options.positive_max_ttl = Some(DNS_CACHE_TIME_MAX);
        options.negative_max_ttl = Some(DNS_CACHE_NO_SUCH_NAME_TIME_MAX);
        builder.build()
    };
    builder.and_then(build).map_err(|error| error.to_string())
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver").finish_non_exhaustive()
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut name = Name::from_ascii(host).map_err(|error| ResolveError::Lookup(error.into()))?;
        name.set_fqdn(true);
        let listed = self.listed(&name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        let name_servers =
            self.name_servers.as_ref().map_err(|error| ResolveError::NoNameServer(error.as_str().into()))?;
        match name_servers.lookup_ip(name).await {
            Ok(lookup) => Ok(lookup.iter().collect()),
            Err(error) if error.is_nx_domain() => Err(ResolveError::NoSuchName),
            Err(error) if error.is_no_records_found() => Err(ResolveError::NoAddress),
            Err(error) => Err(ResolveError::Lookup(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
    use tokio::net::UdpSocket;

    use super::*;

    fn resolver(hosts_file: &str) -> SystemResolver {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(hosts_file.as_bytes()).unwrap();
        SystemResolver { hosts, name_servers: Err("no nameservers found in config".to_owned()) }
    }

    #[tokio::test]
    async fn the_hosts_file_works_without_name_servers() {
        let resolver = resolver("10.1.2.3 receiver other\nfd00::7 receiver\n");
        let both: Vec<IpAddr> = vec!["10.1.2.3".parse().unwrap(), "fd00::7".parse().unwrap()];
        assert_eq!(resolver.resolve("receiver").await.unwrap(), both);
        assert_eq!(resolver.resolve("other").await.unwrap(), both[..1]);
    }

    #[tokio::test]
    async fn a_system_without_name_servers_says_so() {
        let error = resolver("").resolve("example.com").await.unwrap_err();
        assert!(matches!(error, ResolveError::NoNameServer(_)), "{error:?}");
    }

    const NO_ERROR: u8 = 0;
    const SERVER_FAILURE: u8 = 2;
    const NO_SUCH_NAME: u8 = 3;

    /// A name server on loopback that answers every query with this code, and queries for A with 10.1.2.3 if `has_a`.
    async fn name_server(code: u8, has_a: bool) -> SystemResolver {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                socket.send_to(&answer(&query[..length], code, has_a), from).await.unwrap();
            }
        });
        let mut connection = ConnectionConfig::udp();
        connection.port = port;
        let server = NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]);
        // A search domain would turn one name into several queries, and is not applied.
        let search = vec![Name::from_ascii("search.test.").unwrap()];
        let config = ResolverConfig::from_parts(None, search, vec![server]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        SystemResolver { hosts: Hosts::default(), name_servers: configured(Ok(builder)) }
    }

    /// A DNS message (RFC 1035 section 4.1) that answers `query`.
    fn answer(query: &[u8], code: u8, has_a: bool) -> Vec<u8> {
        let name_length = query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
        let question = &query[12..12 + name_length + 4];
        assert!(!question.windows(6).any(|part| part == b"search"), "a search domain was applied");
        let is_answered = has_a && question[name_length..name_length + 2] == [0, 1];
        let mut message = query[..2].to_vec();
        message.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(is_answered), 0, 0, 0, 0]);
        message.extend(question);
        if is_answered {
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3]);
        }
        message
    }

    #[tokio::test]
    async fn name_servers_are_asked() {
        let resolver = name_server(NO_ERROR, true).await;
        assert_eq!(resolver.resolve("hooks.test").await.unwrap(), ["10.1.2.3".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn what_name_servers_say_is_told_apart() {
        let error = async |code| name_server(code, false).await.resolve("hooks").await.unwrap_err();
        assert!(matches!(error(NO_SUCH_NAME).await, ResolveError::NoSuchName));
        assert!(matches!(error(NO_ERROR).await, ResolveError::NoAddress));
        assert!(matches!(error(SERVER_FAILURE).await, ResolveError::Lookup(_)));
    }

    #[test]
    fn localhost_is_this_machine() {
        for host in ["localhost", "api.localhost", "a.b.localhost"] {
            assert!(localhost(host).is_some(), "{host}");
        }
        for host in ["notlocalhost", "localhost.example", "local", ""] {
            assert!(localhost(host).is_none(), "{host}");
        }
    }
}
