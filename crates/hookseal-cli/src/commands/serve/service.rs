//! The server put together: store, transport, engine, keys, HTTP.

use std::{io, net::SocketAddr, sync::Arc};

use hookseal::Profile;
use hookseal_engine::{
    Engine, Parts, StartError, limits as engine_limits,
    ports::{Clock, store::StoreError},
};
use hookseal_server::{KeyError, Keyring, ServerConfig};
use hookseal_sqlite::{OpenError, OpenOptions, SqliteStore};
use hookseal_transport::{HttpTransport, TransportBuildError, TransportConfig};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    config::Config,
    limits,
    ports::{EntropyError, OsEntropy, SystemClock},
};

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServiceError {
    /// The address cannot be listened at.
    #[error(
        "cannot listen at {address}; another program may be listening there, choose another address (`--listen`)"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// What an earlier run left cannot be taken up.
    #[error("the engine cannot start")]
    Engine(#[from] StartError),
    /// The API keys cannot be read.
    #[error("the API keys cannot be read")]
    Keys(#[source] StoreError),
    /// The operator's key is not right.
    #[error("the setting `operator_key` is not right")]
    Key(#[from] KeyError),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Deliveries cannot be sent.
    #[error("deliveries cannot be sent")]
    Transport(#[from] TransportBuildError),
    /// The HTTP server ended by itself.
    #[error("the HTTP server ended")]
    Ended(#[source] io::Error),
}

impl ServiceError {
    /// Whether another setting would help.
    pub(crate) fn is_about_settings(&self) -> bool {
        matches!(self, Self::Key(error) if !matches!(error, KeyError::Store(_)))
    }
}

/// A running server.
pub(crate) struct Service {
    address: SocketAddr,
    new_operator_key: Option<String>,
    engine: Arc<Engine>,
    shutdown: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Service {
    /// Starts a server: from then on it delivers and answers.
    ///
    /// # Errors
    ///
    /// [`ServiceError`], which says what would help. Nothing runs then.
    pub(crate) async fn start(config: &Config) -> Result<Self, ServiceError> {
        // The port comes first: a key that is made is shown once, and must not be lost because a port is taken.
        let (listener, address) = listen(config.listen).await?;
        let clock = SystemClock;
        let entropy = Arc::new(OsEntropy::new()?);
        let transport = HttpTransport::new(TransportConfig {
            allow_networks: config.allow_networks.clone(),
            deny_networks: config.deny_networks.clone(),
            egress_proxy: config.egress_proxy.clone(),
            egress_proxy_trusted: config.egress_proxy_trusted,
            egress_proxy_bypass: config.egress_proxy_bypass.clone(),
            ..TransportConfig::default()
        })?;
        let store = SqliteStore::open(&OpenOptions::new(&config.data))?;
        let engine = Engine::start(Parts {
            store: Arc::new(store),
            transport: Arc::new(transport),
            clock: Arc::new(clock),
            entropy: Arc::clone(&entropy) as _,
            profiles: Profile::builtins().cloned().collect(),
            body_bytes_max: config.max_body,
            user_agent: Some(config.user_agent.clone()),
        })
        .await?;
        let (keys, new_operator_key) = match keys(config, &engine, &clock, &entropy).await {
            Ok(keys) => keys,
            Err(error) => {
                engine.stop(std::time::Duration::ZERO).await;
                return Err(error);
            }
        };
        if let Some(retention) = config.retention {
            engine.forget_after(retention);
        }
        let server = ServerConfig {
            body_bytes_max: config.max_body,
            drain: limits::REQUESTS_DRAIN,
            ..ServerConfig::default()
        };
        let router = hookseal_server::router(Arc::clone(&engine), keys, server.clone());
        let (shutdown, asked) = oneshot::channel();
        // The sender going away asks for the end as well.
        let shutdown_asked = async { drop(asked.await) };
        let serving =
            tokio::spawn(
                async move { hookseal_server::serve(listener, router, &server, shutdown_asked).await },
            );
        Ok(Self { address, new_operator_key, engine, shutdown, serving })
    }

    /// Where it listens, with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operator's key if it was made at this start; it can be shown now and never again.
    pub(crate) fn new_operator_key(&self) -> Option<&str> {
        self.new_operator_key.as_deref()
    }

    /// Returns when the HTTP server ends without being asked to.
    pub(crate) async fn failure(&mut self) -> ServiceError {
        ServiceError::Ended(match (&mut self.serving).await {
            Ok(Ok(())) => io::Error::other("it returned"),
            Ok(Err(error)) => error,
            Err(error) => io::Error::other(error),
        })
    }

    /// Stops: accepts nothing more, lets requests and then attempts under way end within their bounds, and closes the
    /// store.
    pub(crate) async fn stop(self) {
        drop(self.shutdown);
        if let Ok(Err(error)) = self.serving.await {
            tracing::error!(error = &error as &dyn std::error::Error, "the HTTP server ended with an error");
        }
        self.engine.stop(engine_limits::DRAIN).await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServiceError> {
    let failed = |source| ServiceError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn keys(
    config: &Config,
    engine: &Engine,
    clock: &SystemClock,
    entropy: &OsEntropy,
) -> Result<(Keyring, Option<String>), ServiceError> {
    let mut keys = Keyring::load(engine.store()).await.map_err(ServiceError::Keys)?;
    let made =
        keys.ensure_operator(engine.store(), config.operator_key.as_ref(), clock.now(), entropy).await?;
    Ok((keys, made))
}
