//! Listening: connections, their bounds, and how they end.
//!
//! The loop is our own because of what it bounds: connections at once, the bytes of a head, and how long a
//! connection may do nothing. The last is watched by one slow tick per connection. hyper's own
//! `header_read_timeout` arms and disarms a timer for each request, and leaves a client alone that asks for much and
//! reads nothing.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::MissedTickBehavior,
};
use tower::Service;

use crate::{ServerConfig, limits};

/// Ticks of a connection's watch in its idle timeout: it is over by a quarter of that at most.
const TICKS: u32 = 4;

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Connections end with the request that is under way.
    Draining,
    /// Connections end now.
    Cut,
}

/// Serves a router on a listener until `shutdown` is over: then it stops accepting at once, lets requests under way
/// end within [`ServerConfig::drain`], cuts off those that do not, and returns.
///
/// ```
/// use std::{io, sync::Arc};
///
/// use hookseal_engine::Engine;
/// use hookseal_server::{Keyring, ServerConfig, router, serve};
/// use tokio::net::TcpListener;
///
/// async fn run(engine: Arc<Engine>, keys: Keyring, stopped: impl Future<Output = ()>) -> io::Result<()> {
///     let config = ServerConfig::default();
///     let listener = TcpListener::bind("127.0.0.1:8040").await?;
///     serve(listener, router(engine, keys, config.clone()), &config, stopped).await
/// }
/// ```
///
/// # Errors
///
/// Where the listener is of no use. What goes wrong with one connection ends that connection alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.local_addr()?;
    let connections =
        u32::try_from(config.max_connections.max(1)).unwrap_or(u32::MAX).min(Semaphore::MAX_PERMITS as u32);
    let places = Arc::new(Semaphore::new(connections as usize));
    let phase = watch::Sender::new(Phase::Serving);
    let protocol = protocol(config);
    // Handlers get their state here, once, rather than with each request.
    let router: Router = router.with_state(());
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let connection = Connection {
            stream,
            router: router.clone(),
            protocol: protocol.clone(),
            idle_timeout: config.idle_timeout,
            phase: phase.subscribe(),
        };
        tokio::spawn(async move {
            connection.run().await;
            drop(place);
        });
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    if tokio::time::timeout(config.drain, places.acquire_many(connections)).await.is_err() {
        let left = connections as usize - places.available_permits();
        tracing::warn!(connections = left, "cutting off connections that did not end in time");
        phase.send_replace(Phase::Cut);
    }
    Ok(())
}

fn protocol(config: &ServerConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(None)
        .max_header_size(config.head_bytes_max)
        .max_buf_size(limits::READ_BYTES_MAX.max(config.head_bytes_max));
    builder
}

/// Waits for a place and then for a connection.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("invariant: the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a connection could not be accepted"
                );
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the connection that was to be accepted is at fault, and the next may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    stream: TcpStream,
    router: Router,
    protocol: http1::Builder,
    idle_timeout: Duration,
    phase: watch::Receiver<Phase>,
}

impl Connection {
    /// Answers requests until either side ends it, or nothing happens for too long.
    async fn run(self) {
        let Self { stream, router, protocol, idle_timeout, mut phase } = self;
        if stream.set_nodelay(true).is_err() {
            // It is gone already.
            return;
        }
        let activity = Activity::default();
        let service = service_fn(|request| answer(&router, &activity, request));
        let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
        let mut ticks = tokio::time::interval((idle_timeout / TICKS).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut idle = Idle::default();
        loop {
            tokio::select! {
                biased;
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended with an error");
                    }
                    return;
                }
                changed = phase.changed() => match *phase.borrow_and_update() {
                    Phase::Draining => connection.as_mut().graceful_shutdown(),
                    Phase::Cut => return,
                    // The server was dropped rather than shut down.
                    Phase::Serving if changed.is_err() => return,
                    Phase::Serving => {}
                },
                _ = ticks.tick() => if idle.is_over(&activity) { return },
            }
        }
    }
}

async fn answer(
    router: &Router,
    activity: &Activity,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    activity.under_way.store(true, Relaxed);
    let response = router.clone().call(request).await;
    activity.answered.fetch_add(1, Relaxed);
    activity.under_way.store(false, Relaxed);
    response
}

/// What happens on a connection.
#[derive(Debug, Default)]
struct Activity {
    under_way: AtomicBool,
    answered: AtomicU64,
}

/// For how many ticks nothing has happened on a connection.
#[derive(Debug, Default)]
struct Idle {
    ticks: u32,
    answered: u64,
}

impl Idle {
    /// Counts a tick. Whether no request has begun or been answered for longer than the timeout.
    fn is_over(&mut self, activity: &Activity) -> bool {
        let answered = activity.answered.load(Relaxed);
        if activity.under_way.load(Relaxed) || answered != self.answered {
            *self = Self { ticks: 0, answered };
            return false;
        }
        self.ticks += 1;
        // The first tick comes at once, and the second may follow an answer closely.
        self.ticks > TICKS + 1
    }
}
