//! What every test starts from: an engine on a store in memory, a clock that stands still, and the API over it.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use bytes::Bytes;
use hookseal::{Profile, Secret, Timestamp};
use hookseal_engine::{Engine, Parts, ports::Store};
use hookseal_server::{Keyring, ServerConfig, router};
use hookseal_testkit::{ManualClock, MemoryStore, SeededEntropy};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::transport::NotingTransport;

pub(crate) const LIVE: &str = "hs_live_0123456789abcdefghijklmnop";
pub(crate) const TEST: &str = "hs_test_0123456789abcdefghijklmnop";
pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// The most that a test waits for something that happens in the background.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) app: Router,
    pub(crate) transport: Arc<NotingTransport>,
    pub(crate) clock: ManualClock,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ServerConfig::default()).await
    }

    pub(crate) async fn with(config: ServerConfig) -> Self {
        let (clock, transport) = (ManualClock::at(START), NotingTransport::new());
        let engine = Engine::start(Parts {
            store: Arc::new(MemoryStore::new()),
            transport: transport.clone(),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(7)),
            profiles: Profile::builtins().cloned().collect(),
            body_bytes_max: config.body_bytes_max,
            user_agent: None,
        })
        .await
        .unwrap();
        let keys = operator_keys(engine.store()).await;
        let app = router(Arc::clone(&engine), keys, config);
        Self { engine, app, transport, clock }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Calls with a key and a body.
    pub(crate) async fn call(&self, key: &str, method: Method, path: &str, body: impl Into<Body>) -> Reply {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(LIVE, Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.call(LIVE, Method::POST, path, body).await
    }

    /// Creates a subscription and gives its id.
    pub(crate) async fn webhook(&self, body: &'static str) -> String {
        let reply = self.post("/v1/webhooks", body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Publishes an event and gives its id.
    pub(crate) async fn event(&self, body: &'static str) -> String {
        let reply = self.post("/v1/events", body).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a path shows a value, at most for as long as [`PATIENCE`].
    pub(crate) async fn until(&self, path: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let value = self.get(path).await.json();
                if shows(&value) {
                    return value;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(value) => value,
            Err(_) => panic!("{path} shows {:?}", self.get(path).await.json()),
        }
    }
}

/// An operator key for each mode.
pub(crate) async fn operator_keys(store: &dyn Store) -> Keyring {
    let (mut keys, entropy) = (Keyring::load(store).await.unwrap(), SeededEntropy::new(1));
    for key in [LIVE, TEST] {
        let given = Secret::new(key);
        assert_eq!(keys.ensure_operator(store, Some(&given), START, &entropy).await.unwrap(), None);
    }
    keys
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The body's text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The `code` of a problem, once it is found to be a whole one.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem["code"].as_str().unwrap().to_owned()
    }

    /// Status and body, indented, for snapshots.
    pub(crate) fn pretty(&self) -> String {
        format!("{}\n{}", self.status, serde_json::to_string_pretty(&self.json()).unwrap())
    }
}
