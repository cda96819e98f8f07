//! Egress proxies: small real ones, written here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hookseal_engine::ports::Transport;
use hookseal_engine::{EndpointTls, FailureKind};
use hookseal_transport::{EgressProxy, HttpTransport, TransportConfig};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::authority::{Authority, HOST, serve, serve_with, url};
use crate::support::{Names, Server, assert_failed, assert_ok, closed, config, outbound, post, read_request};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n";

/// What a proxy was asked for, word for word or byte for byte.
type Asked = Arc<Mutex<Vec<String>>>;

/// Connects the stream to `backend`, whatever was asked for: a test has no public address to connect to.
async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, backend: SocketAddr) {
    #[expect(clippy::disallowed_methods, reason = "this is what a proxy does")]
    let mut onward = TcpStream::connect(backend).await.unwrap();
    copy_bidirectional(&mut stream, &mut onward).await.ok();
}

async fn serve_connect(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &Asked,
    answers: &[&'static str],
    backend: SocketAddr,
) {
    let Some(head) = read_request(&mut stream).await else { return };
    let number = {
        let mut asked = asked.lock();
        asked.push(String::from_utf8(head).unwrap());
        asked.len() - 1
    };
    let answer = answers[number.min(answers.len() - 1)];
    stream.write_all(answer.as_bytes()).await.ok();
    stream.flush().await.ok();
    if answer.starts_with("HTTP/1.1 200") {
        tunnel(stream, backend).await;
    }
}

/// An HTTP proxy that answers as it is told, the last answer for all that follow.
async fn http_proxy(backend: SocketAddr, answers: &'static [&'static str]) -> (Server, Asked) {
    let asked = Asked::default();
    let notes = Arc::clone(&asked);
    let server = Server::start(move |stream, _| {
        let notes = Arc::clone(&notes);
        async move { serve_connect(stream, &notes, answers, backend).await }
    })
    .await;
    (server, asked)
}

/// A SOCKS 5 proxy that picks a `method` and answers with `reply`.
async fn socks_proxy(backend: SocketAddr, method: u8, reply: u8) -> (Server, Asked) {
    let asked = Asked::default();
    let notes = Arc::clone(&asked);
    let server = Server::start(move |mut stream, _| {
        let notes = Arc::clone(&notes);
        async move {
            let mut read = async |count: usize| {
                let mut bytes = vec![0; count];
                stream.read_exact(&mut bytes).await.unwrap();
                bytes
            };
            let count = read(2).await[1];
            let mut note = format!("offers {:?}", read(count.into()).await);
            stream.write_all(&[5, method]).await.unwrap();
            if method == 2 {
                let mut lengths = [0; 2];
                stream.read_exact(&mut lengths).await.unwrap();
                let mut user = vec![0; usize::from(lengths[1]) + 1];
                stream.read_exact(&mut user).await.unwrap();
                let mut password = vec![0; usize::from(user.pop().unwrap())];
                stream.read_exact(&mut password).await.unwrap();
                note +=
                    &format!(" {} {}", String::from_utf8_lossy(&user), String::from_utf8_lossy(&password));
                stream.write_all(&[1, u8::from(password != b"pass word")]).await.unwrap();
            }
            let mut head = [0; 4];
            if stream.read_exact(&mut head).await.is_err() {
                notes.lock().push(note);
                return;
            }
            assert_eq!(head[..3], [5, 1, 0]);
            let mut target = vec![0; if head[3] == 1 { 6 } else { 18 }];
            if head[3] == 3 {
                target = vec![0; usize::from(stream.read_u8().await.unwrap()) + 2];
            }
            stream.read_exact(&mut target).await.unwrap();
            let port = u16::from_be_bytes([target[target.len() - 2], target[target.len() - 1]]);
            let host = &target[..target.len() - 2];
            let host = if head[3] == 3 { String::from_utf8_lossy(host).into() } else { format!("{host:?}") };
            notes.lock().push(format!("{note} {host} {port}"));
            stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            if reply == 0 {
                tunnel(stream, backend).await;
            }
        }
    })
    .await;
    (server, asked)
}

fn proxied(authority: &Authority, proxy: &str, change: impl FnOnce(&mut TransportConfig)) -> HttpTransport {
    authority.transport(|config| {
        config.egress_proxy = Some(EgressProxy::parse(proxy).unwrap());
        change(config);
    })
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_the_checked_address_and_the_endpoint_is_spoken_to_within() {
    let authority = Authority::new();
    let (server, handshakes) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let transport = proxied(&authority, &format!("http://us%40er:pass%20word@{}", proxy.address), |_| {});
    for number in 0..5 {
        let result = post(&transport, &url(&server)).await;
        assert_ok(&result);
        assert_eq!(result.proxy, Some(format!("http://{}", proxy.address)));
        assert_eq!(result.address, Some(server.address));
        assert_eq!(
            (result.phases.connect.is_some(), result.phases.tls.is_some()),
            (number == 0, number == 0)
        );
    }
    // Basic, of `us@er:pass word`.
    let expected = format!(
        "CONNECT {0} HTTP/1.1\r\nhost: {0}\r\nproxy-authorization: Basic dXNAZXI6cGFzcyB3b3Jk\r\n\r\n",
        server.address
    );
    assert_eq!(*asked.lock(), [expected]);
    assert_eq!(handshakes.all(), 1, "the certificate was checked for {HOST}");
}

#[tokio::test]
async fn an_endpoint_without_tls_is_reached_by_a_tunnel_too() {
    let server = Server::answering(OK).await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let config = TransportConfig {
        egress_proxy: Some(EgressProxy::parse(&format!("http://user:s3cret@{}", proxy.address)).unwrap()),
        ..config()
    };
    let result = post(&HttpTransport::new(config).unwrap(), &server.url()).await;
    assert_ok(&result);
    assert!(asked.lock()[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)));
    assert!(!format!("{result:?}").contains("s3cret"));
}

#[tokio::test]
async fn http_2_goes_through_a_proxy() {
    let authority = Authority::new();
    let (server, _) = serve_with(authority.issue_http2(), |stream, _| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_response(http::Response::new(()), true).unwrap();
        }
    })
    .await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let transport = proxied(&authority, &format!("http://{}", proxy.address), |_| {});
    for _ in 0..3 {
        let result = post(&transport, &url(&server)).await;
        assert_ok(&result);
        assert_eq!(result.http_version.map(|version| version.as_str()), Some("HTTP/2"));
    }
    assert_eq!(asked.lock().len(), 1);
}

#[tokio::test]
async fn addresses_are_checked_although_a_proxy_connects() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let with = |addresses: &[&str]| {
        let names = Names::new(HOST, &[addresses]);
        proxied(&authority, &format!("http://{}", proxy.address), |config| {
            config.allow_networks = Vec::new();
            config.resolver = Some(names);
        })
    };
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"] {
        let result = post(&with(&[address]), &format!("https://{HOST}/")).await;
        assert_failed(&result, FailureKind::AddressNotAllowed, address);
    }
    assert!(asked.lock().is_empty());
    // The proxy itself is at 127.0.0.1, which no endpoint may be.
    let result = post(&with(&["8.8.8.8"]), &format!("https://{HOST}/")).await;
    assert_ok(&result);
    assert_eq!(result.address, Some("8.8.8.8:443".parse().unwrap()));
    assert!(asked.lock()[0].starts_with("CONNECT 8.8.8.8:443 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_trusted_proxy_is_handed_the_name() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let names = Names::new(HOST, &[&["127.0.0.1"]]);
    let resolver = Arc::clone(&names);
    let transport = proxied(&authority, &format!("http://{}", proxy.address), |config| {
        config.egress_proxy_trusted = true;
        config.resolver = Some(resolver);
    });
    let result = post(&transport, &url(&server)).await;
    assert_ok(&result);
    assert_eq!((result.address, result.phases.dns), (None, None));
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
    let expected = format!("CONNECT {HOST}:{} HTTP/1.1\r\n", server.address.port());
    assert!(asked.lock()[0].starts_with(&expected));
    // An address that is written out is checked here all the same, and so is whatever goes without TLS.
    let refused = transport.endpoint("https://10.0.0.1/", &EndpointTls::default());
    assert!(refused.is_err());
    let plain = outbound(transport.endpoint("http://other.test/", &EndpointTls::default()).unwrap());
    assert_failed(&transport.send(plain).await, FailureKind::DnsNoSuchName, "other.test");
    assert_eq!(asked.lock().len(), 1);
}

#[tokio::test]
async fn tls_is_spoken_to_an_https_proxy_and_again_within() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let asked = Asked::default();
    let (notes, backend) = (Arc::clone(&asked), server.address);
    let (proxy, _) = serve_with(authority.issue(&["127.0.0.1"], |_| {}), move |stream, _| {
        let notes = Arc::clone(&notes);
        async move { serve_connect(stream, &notes, &[ESTABLISHED], backend).await }
    })
    .await;
    let transport = proxied(&authority, &format!("https://{}", proxy.address), |_| {});
    for _ in 0..3 {
        assert_ok(&post(&transport, &url(&server)).await);
    }
    assert_eq!(asked.lock().len(), 1);

    let strangers = Authority::named("A stranger");
    let (proxy, _) = serve_with(strangers.issue(&["127.0.0.1"], |_| {}), |_, _| async {}).await;
    let transport = proxied(&authority, &format!("https://{}", proxy.address), |_| {});
    let result = post(&transport, &url(&server)).await;
    assert_failed(&result, FailureKind::Proxy, "could not be spoken to in TLS");
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_checked_address() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let port = server.address.port();
    let (proxy, asked) = socks_proxy(server.address, 0, 0).await;
    let transport = proxied(&authority, &format!("socks5://{}", proxy.address), |_| {});
    let result = post(&transport, &url(&server)).await;
    assert_ok(&result);
    assert_eq!(result.address, Some(server.address));
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(*asked.lock(), [format!("offers [0] [127, 0, 0, 1] {port}")]);

    let (proxy, asked) = socks_proxy(server.address, 2, 0).await;
    let transport = proxied(&authority, &format!("socks5://user:pass%20word@{}", proxy.address), |_| {});
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(*asked.lock(), [format!("offers [0, 2] user pass word [127, 0, 0, 1] {port}")]);

    let (proxy, asked) = socks_proxy(server.address, 0, 0).await;
    let transport = proxied(&authority, &format!("socks5h://{}", proxy.address), |config| {
        config.egress_proxy_trusted = true;
    });
    assert_ok(&post(&transport, &url(&server)).await);
    assert_eq!(*asked.lock(), [format!("offers [0] {HOST} {port}")]);
}

#[tokio::test]
async fn what_a_socks_proxy_refuses_says_whose_fault_it_is() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let cases = [
        ("", 0, 2, FailureKind::Proxy, "its rules do not allow it"),
        ("", 0, 5, FailureKind::Connection, "could not connect to 127.0.0.1:"),
        ("", 0, 4, FailureKind::Connection, "host unreachable"),
        ("", 0xff, 0, FailureKind::Proxy, "wants a user name and password"),
        ("user:s3cret@", 2, 0, FailureKind::Proxy, "wants a user name and password, or others"),
        ("", 2, 0, FailureKind::Proxy, "a method that was not offered"),
    ];
    for (user, method, reply, kind, words) in cases {
        let (proxy, _) = socks_proxy(server.address, method, reply).await;
        let transport = proxied(&authority, &format!("socks5://{user}{}", proxy.address), |_| {});
        let result = post(&transport, &url(&server)).await;
        assert_failed(&result, kind, words);
        assert_failed(&result, kind, &format!("the proxy socks5://{}", proxy.address));
        assert!(!format!("{result:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn what_an_http_proxy_refuses_says_whose_fault_it_is() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    const FORBIDDEN: &[&str] = &["HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno"];
    const WANTS: &[&str] = &["HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\n\r\n"];
    const BAD_GATEWAY: &[&str] = &["HTTP/1.1 502 Bad\r\n\r\n"];
    const NO_HTTP: &[&str] = &["SSH-2.0-OpenSSH\r\n\r\n"];
    const CLOSES: &[&str] = &[""];
    const MORE: &[&str] = &["HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"];
    let cases = [
        (FORBIDDEN, FailureKind::Proxy, "refused to connect to 127.0.0.1:"),
        (WANTS, FailureKind::Proxy, "wants a user name and password"),
        (BAD_GATEWAY, FailureKind::Connection, "could not connect to 127.0.0.1:"),
        (NO_HTTP, FailureKind::Proxy, "answered what cannot be understood"),
        (CLOSES, FailureKind::Proxy, "no whole answer"),
        (MORE, FailureKind::Proxy, "more than the head"),
    ];
    for (answers, kind, words) in cases {
        let (proxy, _) = http_proxy(server.address, answers).await;
        let transport = proxied(&authority, &format!("http://user:s3cret@{}", proxy.address), |_| {});
        let result = post(&transport, &url(&server)).await;
        assert_failed(&result, kind, words);
        assert_failed(&result, kind, &format!("the proxy http://{}", proxy.address));
        assert!(!format!("{result:?}").contains("s3cret"));
        assert_eq!(result.proxy, Some(format!("http://{}", proxy.address)));
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn another_address_is_asked_for_where_the_first_cannot_be_reached() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let (proxy, asked) = http_proxy(server.address, &["HTTP/1.1 504 Late\r\n\r\n", ESTABLISHED]).await;
    let transport = proxied(&authority, &format!("http://{}", proxy.address), |config| {
        config.resolver = Some(Names::new(HOST, &[&["127.0.0.5", "127.0.0.1"]]));
    });
    let result = post(&transport, &url(&server)).await;
    assert_ok(&result);
    assert_eq!((result.address, asked.lock().len()), (Some(server.address), 2));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_says_nothing_is_named() {
    let authority = Authority::new();
    let transport = proxied(&authority, "http://127.0.0.1:1", |_| {});
    let result = post(&transport, &format!("https://{HOST}/")).await;
    assert_failed(&result, FailureKind::Proxy, "the proxy http://127.0.0.1:1 could not be connected to");
    let transport = proxied(&authority, "http://nowhere.test:3128", |_| {});
    let result = post(&transport, &format!("https://{HOST}/")).await;
    assert_failed(&result, FailureKind::Proxy, "the proxy http://nowhere.test:3128 could not be resolved");

    let silent = Server::start(|mut stream, _| async move { closed(&mut stream).await }).await;
    let transport = proxied(&authority, &format!("http://{}", silent.address), |_| {});
    let tls = EndpointTls::default();
    let mut outbound = outbound(transport.endpoint(&format!("https://{HOST}/"), &tls).unwrap());
    outbound.timeout = Duration::from_millis(200);
    let result = transport.send(outbound).await;
    assert_failed(&result, FailureKind::Proxy, "no whole answer within 200 ms");
    assert_failed(&result, FailureKind::Proxy, &format!("the proxy http://{} had not", silent.address));
}

#[tokio::test]
async fn a_proxy_that_never_ends_its_answer_is_cut_off() {
    let authority = Authority::new();
    let endless = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.ok();
        while stream.write_all(b"x-more: and more\r\n").await.is_ok() {}
    })
    .await;
    let transport = proxied(&authority, &format!("http://{}", endless.address), |_| {});
    let result = post(&transport, &format!("https://{HOST}/")).await;
    assert_failed(&result, FailureKind::Proxy, "the head of its answer is too long");
}

#[tokio::test]
async fn some_networks_are_connected_to_without_the_proxy() {
    let authority = Authority::new();
    let (server, _) = serve(authority.issue(&[HOST], |_| {}), OK).await;
    let (proxy, asked) = http_proxy(server.address, &[ESTABLISHED]).await;
    let transport = proxied(&authority, &format!("http://{}", proxy.address), |config| {
        config.egress_proxy_bypass = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let result = post(&transport, &url(&server)).await;
    assert_ok(&result);
    assert_eq!((result.proxy, result.address), (None, Some(server.address)));
    assert!(asked.lock().is_empty());
}
