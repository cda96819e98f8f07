//! Which path leads to which call.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use hookseal_engine::Engine;

use crate::{
    Keyring, ServerConfig,
    api::Api,
    caller::TENANT_PATH,
    calls::{batch, deliveries, events, health, profiles, publish, replays, webhooks},
    envelope::Envelope,
    problem::{Code, Problem},
};

/// The HTTP API, version 1, over an engine.
///
/// Every call below `/v1` needs one of `keys`, acts in that key's scope, and stands a second time below
/// `/v1/tenants/default` for the operator's key. What each takes and answers is in `docs/api.md`.
pub fn router(engine: Arc<Engine>, keys: Keyring, config: ServerConfig) -> Router {
    let api = Api::new(engine, keys, config);
    let quick = Router::new()
        .merge(quick_calls("/v1"))
        .merge(quick_calls(TENANT_PATH))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), in_time));
    let routes = Router::new()
        .merge(quick)
        .merge(slow_calls("/v1"))
        .merge(slow_calls(TENANT_PATH))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(&api));
    Router::new().fallback_service(Envelope::new(api, routes))
}

/// The calls that are answered within the request timeout.
fn quick_calls(base: &str) -> Router<Arc<Api>> {
    let routes: [(&str, MethodRouter<Arc<Api>>); 18] = [
        ("/webhooks", post(webhooks::create).get(webhooks::list)),
        ("/webhooks/{id}", get(webhooks::show).patch(webhooks::change).delete(webhooks::delete)),
        ("/webhooks/{id}/pause", post(webhooks::pause)),
        ("/webhooks/{id}/enable", post(webhooks::enable)),
        ("/webhooks/{id}/rotate", post(webhooks::rotate)),
        ("/webhooks/{id}/replay", post(replays::start)),
        ("/webhooks/{id}/replays", get(replays::list)),
        ("/replays/{id}", get(replays::show)),
        ("/replays/{id}/cancel", post(replays::cancel)),
        ("/events", get(events::list)),
        ("/events/{id}", get(events::show)),
        ("/events/{id}/deliveries", get(events::deliveries)),
        ("/deliveries", get(deliveries::list)),
        ("/deliveries/{id}", get(deliveries::show)),
        ("/deliveries/{id}/attempts", get(deliveries::attempts)),
        ("/deliveries/{id}/retry", post(deliveries::retry)),
        ("/deliveries/{id}/cancel", post(deliveries::cancel)),
        ("/profiles", get(profiles::list)),
    ];
    let routes = routes.into_iter().chain([("/profiles/{id}", get(profiles::show))]);
    routes.fold(Router::new(), |router, (path, calls)| router.route(&format!("{base}{path}"), calls))
}

/// The calls that have deadlines of their own: of the commit, and of the subscription's attempts.
fn slow_calls(base: &str) -> Router<Arc<Api>> {
    Router::new()
        .route(&format!("{base}/events"), post(publish::publish))
        .route(&format!("{base}/events/batch"), post(batch::publish))
        .route(&format!("{base}/webhooks/{{id}}/ping"), post(webhooks::ping))
        .route(&format!("{base}/webhooks/{{id}}/validate"), post(webhooks::validate))
}

async fn in_time(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let timeout = api.config.request_timeout;
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timed_out(timeout.as_secs()).into_response(),
    }
}

async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "there is no such path")
}

async fn no_such_method() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "this path does not take this method; `Allow` lists those that it takes",
    )
}
