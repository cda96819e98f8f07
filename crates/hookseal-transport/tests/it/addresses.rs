//! Where deliveries go, and where they do not.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use hookseal_engine::ports::{EndpointError, Transport};
use hookseal_engine::{EndpointTls, FailureKind};
use hookseal_transport::{HttpTransport, Resolve, ResolveError, TransportConfig};
use ipnet::IpNet;
use tokio::io::AsyncWriteExt;

use crate::support::{
    Names, Server, assert_failed, assert_ok, config, outbound, post, read_request, transport,
};

const OK_CLOSE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

fn networks(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|network| network.parse().unwrap()).collect()
}

fn resolving(names: Arc<dyn Resolve>, allow: &[&str], deny: &[&str]) -> HttpTransport {
    let config = TransportConfig {
        allow_networks: networks(allow),
        deny_networks: networks(deny),
        resolver: Some(names),
        ..config()
    };
    HttpTransport::new(config).unwrap()
}

fn closed_to_loopback() -> HttpTransport {
    HttpTransport::new(TransportConfig { allow_networks: Vec::new(), ..config() }).unwrap()
}

#[tokio::test]
async fn case_09_a_name_that_flips_gains_nothing() {
    let server = Server::answering(OK_CLOSE).await;
    let port = server.address.port();
    let forbidden = Server::start_on(&format!("127.6.6.6:{port}"), |_, _| async {}).await;
    let names = Names::new("flip.test", &[&["127.0.0.1"], &["127.6.6.6"], &["127.0.0.1"]]);
    let transport = resolving(Arc::clone(&names) as _, &["127.0.0.1/32"], &[]);
    let url = format!("http://flip.test:{port}/");
    assert_ok(&post(&transport, &url).await);
    let result = post(&transport, &url).await;
    assert_failed(&result, FailureKind::AddressNotAllowed, "flip.test resolves to 127.6.6.6");
    assert_eq!((result.status, result.address), (None, None));
    assert_ok(&post(&transport, &url).await);
    assert_eq!((server.accepted(), forbidden.accepted()), (2, 0));
    assert_eq!(names.asked.load(Ordering::SeqCst), 3, "every connection is resolved anew");
}

#[tokio::test]
async fn a_name_that_flips_behind_a_kept_connection_gains_nothing() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let transport =
        resolving(Names::new("flip.test", &[&["127.0.0.1"], &["127.6.6.6"]]), &["127.0.0.1/32"], &[]);
    let url = format!("http://flip.test:{}/", server.address.port());
    assert_ok(&post(&transport, &url).await);
    let result = post(&transport, &url).await;
    assert_failed(&result, FailureKind::AddressNotAllowed, "127.6.6.6");
    assert_eq!((result.status, result.address), (None, None));
}

#[tokio::test]
async fn one_address_that_is_not_allowed_is_enough() {
    let server = Server::answering(OK_CLOSE).await;
    let names = Names::new("mixed.test", &[&["127.0.0.1", "10.0.0.1"]]);
    let transport = resolving(names, &["127.0.0.0/8"], &[]);
    let result = post(&transport, &format!("http://mixed.test:{}/", server.address.port())).await;
    assert_failed(&result, FailureKind::AddressNotAllowed, "mixed.test resolves to 10.0.0.1");
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn names_of_addresses_that_are_not_allowed_are_refused() {
    let addresses = [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
    ];
    for address in addresses {
        let transport = resolving(Names::new("evil.test", &[&[address]]), &[], &[]);
        let result = post(&transport, "https://evil.test/").await;
        assert_failed(&result, FailureKind::AddressNotAllowed, "evil.test resolves to ");
        let address: IpAddr = address.parse().unwrap();
        assert_failed(&result, FailureKind::AddressNotAllowed, &address.to_string());
    }
}

#[tokio::test]
async fn a_denied_network_wins() {
    let server = Server::answering(OK_CLOSE).await;
    let port = server.address.port();
    let names = Names::new("hooks.test", &[&["127.0.0.1"]]);
    let transport = resolving(names, &["127.0.0.0/8"], &["127.0.0.1/32"]);
    let result = post(&transport, &format!("http://hooks.test:{port}/")).await;
    assert_failed(&result, FailureKind::AddressNotAllowed, "127.0.0.1");
    let literal = transport.endpoint(&format!("http://127.0.0.1:{port}/"), &EndpointTls::default());
    assert_eq!(literal, Err(EndpointError::AddressNotAllowed("127.0.0.1".parse().unwrap())));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn without_tls_only_allowed_networks_are_reached() {
    let transport = resolving(Names::new("public.test", &[&["8.8.8.8"]]), &["127.0.0.0/8"], &[]);
    let result = post(&transport, "http://public.test/").await;
    assert_failed(&result, FailureKind::AddressNotAllowed, "public.test resolves to 8.8.8.8");
    assert_eq!(transport.endpoint("http://8.8.8.8/", &EndpointTls::default()), Err(EndpointError::PlainHttp));
    assert_eq!(
        closed_to_loopback().endpoint("http://public.test/", &EndpointTls::default()),
        Err(EndpointError::PlainHttp)
    );
}

#[tokio::test]
async fn localhost_needs_to_be_allowed() {
    let server = Server::answering(OK_CLOSE).await;
    let closed = closed_to_loopback();
    for url in
        ["https://localhost/", "https://127.0.0.1/", "https://a.localhost/", "https://[::1]/", "https://0/"]
    {
        assert!(
            matches!(closed.endpoint(url, &EndpointTls::default()), Err(EndpointError::AddressNotAllowed(_))),
            "{url}"
        );
    }
    // Also where the endpoint was accepted by others before.
    let open = transport();
    let port = server.address.port();
    for host in ["localhost", "127.0.0.1", "LocalHost."] {
        let endpoint = open.endpoint(&format!("http://{host}:{port}/"), &EndpointTls::default()).unwrap();
        let result = closed.send(outbound(Arc::clone(&endpoint))).await;
        assert_failed(&result, FailureKind::AddressNotAllowed, "127.0.0.1");
        assert_eq!(server.accepted(), 0);
    }
    // 127.0.0.0/8 is enough, although the name is also ::1.
    assert_ok(&post(&open, &format!("http://localhost:{port}/")).await);
    assert_eq!(server.accepted(), 1);
}

/// A resolver that fails in one way.
#[derive(Debug)]
struct Failing(fn() -> ResolveError);

#[async_trait]
impl Resolve for Failing {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
        Err(self.0())
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_says_why() {
    type Case = (fn() -> ResolveError, FailureKind, &'static str);
    let cases: [Case; 4] = [
        (
            || ResolveError::NoSuchName,
            FailureKind::DnsNoSuchName,
            "hooks.test could not be resolved: no such name",
        ),
        (|| ResolveError::NoAddress, FailureKind::Dns, "no address"),
        (
            || ResolveError::NoNameServer("none found".into()),
            FailureKind::Dns,
            "no usable name server: none found",
        ),
        (|| ResolveError::Lookup("SERVFAIL".into()), FailureKind::Dns, "the lookup failed: SERVFAIL"),
    ];
    for (error, kind, words) in cases {
        let transport = resolving(Arc::new(Failing(error)), &[], &[]);
        let result = post(&transport, "https://hooks.test/").await;
        assert_failed(&result, kind, words);
        assert!(result.phases.dns.is_some() && result.phases.connect.is_none());
    }
    let transport = resolving(Names::new("empty.test", &[&[]]), &[], &[]);
    assert_failed(&post(&transport, "https://empty.test/").await, FailureKind::Dns, "no address");
}

#[tokio::test]
async fn addresses_are_not_looked_up() {
    let server = Server::answering(OK_CLOSE).await;
    let names = Names::new("unused.test", &[&[]]);
    let transport = resolving(Arc::clone(&names) as _, &["127.0.0.0/8"], &[]);
    let result = post(&transport, &format!("http://0x7f.1:{}/", server.address.port())).await;
    assert_ok(&result);
    assert!(result.phases.dns.is_none());
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
}
