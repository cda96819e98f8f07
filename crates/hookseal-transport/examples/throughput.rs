//! Measures requests a second on one core, against a sink on loopback that answers without looking.
//!
//! `cargo run --release -p hookseal-transport --example throughput [SECONDS] [CONNECTIONS]`. The sink runs in a thread
//! of its own; the sending runtime has one thread, whose time is what is measured.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::EndpointTls;
use hookseal_engine::ports::{Outbound, Transport};
use hookseal_transport::{HttpTransport, TransportConfig};
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
const BODY: [u8; 500] = [b'x'; 500];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || sink(listener));

    let raw = run(seconds, bare(address, connections))?;
    report("bare socket", raw, seconds);
    let config =
        TransportConfig { allow_networks: vec!["127.0.0.0/8".parse()?], ..TransportConfig::default() };
    let transport = Arc::new(HttpTransport::new(config)?);
    let sent = run(seconds, through_transport(transport, address, connections))?;
    report("transport", sent, seconds);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn report(what: &str, (requests, cpu): (u64, Duration), seconds: u64) {
    let micros = cpu.as_secs_f64() * 1e6 / requests as f64;
    println!("{what}: {} requests/s, {micros:.1} us CPU each", requests / seconds);
}

/// Runs senders for a while on one thread; returns how many requests they made and the CPU time of that thread.
fn run(
    seconds: u64,
    start: impl FnOnce(Arc<AtomicU64>),
) -> Result<(u64, Duration), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = Arc::new(AtomicU64::new(0));
    let before = thread_cpu()?;
    runtime.block_on(async {
        start(Arc::clone(&count));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    });
    Ok((count.load(Ordering::Relaxed), thread_cpu()?.saturating_sub(before)))
}

/// CPU time of this thread so far, from the scheduler's own count of nanoseconds (Linux).
fn thread_cpu() -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn through_transport(
    transport: Arc<HttpTransport>,
    address: std::net::SocketAddr,
    connections: usize,
) -> impl FnOnce(Arc<AtomicU64>) {
    move |count| {
        for _ in 0..connections {
            let (transport, count) = (Arc::clone(&transport), Arc::clone(&count));
            tokio::spawn(async move {
                let Ok(endpoint) =
                    transport.endpoint(&format!("http://{address}/hook"), &EndpointTls::default())
                else {
                    return;
                };
                let headers: Vec<_> = HEADERS
                    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .into();
                loop {
                    let outbound = Outbound {
                        endpoint: Arc::clone(&endpoint),
                        method: http::Method::POST,
                        headers: headers.clone(),
                        body: Bytes::from_static(&BODY),
                        timeout: Duration::from_secs(15),
                    };
                    let result = transport.send(outbound).await;
                    assert_eq!(result.status, Some(200), "{result:?}");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
}

const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("user-agent", "Hookseal/0.1"),
    ("webhook-id", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"),
    ("webhook-timestamp", "1674087231"),
    ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
];

/// The least there is: the same bytes on a socket, and one read.
#[expect(clippy::disallowed_methods, reason = "this is what the transport is compared with")]
fn bare(address: std::net::SocketAddr, connections: usize) -> impl FnOnce(Arc<AtomicU64>) {
    move |count| {
        let mut request = format!("POST /hook HTTP/1.1\r\nhost: {address}\r\ncontent-length: 500\r\n");
        for (name, value) in HEADERS {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&"x".repeat(500));
        for _ in 0..connections {
            let (request, count) = (request.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return };
                let mut answer = [0; 1024];
                while stream.write_all(request.as_bytes()).await.is_ok()
                    && stream.read(&mut answer).await.is_ok_and(|n| n == ANSWER.len())
                {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
}

/// Answers every request with the same bytes. Each is small and comes whole, so that one read is one request.
fn sink(listener: TcpListener) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        listener.set_nonblocking(true).ok();
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|n| n > 0)
                    && stream.write_all(ANSWER).await.is_ok()
                {}
            });
        }
    });
}
