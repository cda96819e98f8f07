//! Subscriptions: creating, reading, changing and deleting them, and test deliveries.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use hookseal_engine::{SettingsChange, Subscription, SubscriptionId, SubscriptionStatus};
use http::{HeaderValue, StatusCode, Uri, header};

use super::{
    Answer, Id, body, no_fields,
    settings::{self, Wishes},
};
use crate::{
    api::{Api, to_the_end},
    caller::Caller,
    problem::Problem,
    query::{NoQuery, Query},
    wire::{List, PingView, ValidationView, WebhookView, json},
};

/// `POST /v1/webhooks`: 201 with the subscription and, this once, its secret.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    _: NoQuery,
    uri: Uri,
    request: Body,
) -> Answer {
    let received = body(&api, request).await?;
    let (settings, secret) = Wishes::read(received.bytes())?.for_new(&api.engine)?;
    let engine = Arc::clone(&api.engine);
    let created =
        to_the_end(async move { engine.create_subscription(caller.scope, settings, secret).await }).await?;
    let mut response = with_secret(&api, StatusCode::CREATED, &created)?;
    let location = format!("{}/{}", uri.path().trim_end_matches('/'), created.id);
    let location = HeaderValue::try_from(location).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `POST /v1/webhooks/{id}/rotate`: 200 with the webhook and, this once, its new secret.
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    let received = body(&api, request).await?;
    let rotation = settings::rotation(received.bytes())?;
    let engine = Arc::clone(&api.engine);
    let rotated = to_the_end(async move { engine.rotate_secret(caller.scope, id, rotation).await }).await?;
    with_secret(&api, StatusCode::OK, &rotated)
}

/// A webhook with its newest secret, for those answers that show it once.
fn with_secret(api: &Api, status: StatusCode, subscription: &Subscription) -> Answer {
    let view = WebhookView::of(subscription).map_err(Problem::internal)?;
    let profiles = api.engine.profiles();
    let profile = profiles.iter().find(|profile| profile.name() == subscription.settings.profile);
    let view = view.with_signing_secret(subscription.secrets.first(), profile.map(|profile| &***profile));
    let mut response = json(status, &view);
    // It holds a secret: nothing on the way may keep it (RFC 9111 section 5.2.2.5).
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `GET /v1/webhooks?limit=&cursor=`: oldest first.
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, mut query: Query) -> Answer {
    let mut page = query.page();
    query.finish()?;
    let limit = page.limit;
    // One more than is shown tells whether there is a next page.
    page.limit += 1;
    let mut subscriptions = api.engine.store().subscriptions(caller.scope, page).await?;
    let more = subscriptions.len() > limit;
    subscriptions.truncate(limit);
    let next = subscriptions.last().filter(|_| more).map(|last| last.id);
    let views: Result<Vec<_>, _> = subscriptions.iter().map(WebhookView::of).collect();
    Ok(json(StatusCode::OK, &List::new(views.map_err(Problem::internal)?, next)))
}

/// `GET /v1/webhooks/{id}`.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
) -> Answer {
    let subscription = stored(&api, caller, id).await?;
    let view = WebhookView::of(&subscription).map_err(Problem::internal)?;
    Ok(json(StatusCode::OK, &view.with_queue(api.engine.queue_state(caller.scope, id))))
}

/// `PATCH /v1/webhooks/{id}`: what is absent stays, what is null goes back to its default.
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    let received = body(&api, request).await?;
    let wishes = Wishes::read(received.bytes())?;
    to_the_end(async move {
        let _changing = api.changing.lock().await;
        let subscription = stored(&api, caller, id).await?;
        let (settings, secret) = wishes.for_existing(&api.engine, subscription.settings)?;
        let change = SettingsChange { settings: Some(settings), secret, status: None };
        shown(&api.engine.change_subscription(caller.scope, id, change).await?)
    })
    .await
}

/// `DELETE /v1/webhooks/{id}`: 204; what waits for it is cancelled.
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    no_fields(&api, request).await?;
    let engine = Arc::clone(&api.engine);
    to_the_end(async move { engine.delete_subscription(caller.scope, id).await }).await?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `POST /v1/webhooks/{id}/pause`: deliveries wait until it is enabled.
pub(crate) async fn pause(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    become_status(api, caller, id, request, SubscriptionStatus::Paused).await
}

/// `POST /v1/webhooks/{id}/enable`: what waited is delivered.
pub(crate) async fn enable(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    become_status(api, caller, id, request, SubscriptionStatus::Active).await
}

/// `POST /v1/webhooks/{id}/ping`: 200 with what came of a signed test delivery, good or bad.
pub(crate) async fn ping(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    no_fields(&api, request).await?;
    let engine = Arc::clone(&api.engine);
    let pinged = to_the_end(async move { engine.ping(caller.scope, id).await }).await?;
    Ok(json(StatusCode::OK, &PingView::of(&pinged)))
}

/// `POST /v1/webhooks/{id}/validate`: 200 with what came of the challenge, right or wrong.
pub(crate) async fn validate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    no_fields(&api, request).await?;
    let engine = Arc::clone(&api.engine);
    let asked = to_the_end(async move { engine.validate(caller.scope, id).await }).await?;
    Ok(json(StatusCode::OK, &ValidationView::of(&asked)))
}

async fn become_status(
    api: Arc<Api>,
    caller: Caller,
    id: SubscriptionId,
    request: Body,
    status: SubscriptionStatus,
) -> Answer {
    no_fields(&api, request).await?;
    let change = SettingsChange { status: Some(status), ..SettingsChange::default() };
    let changed = async move { api.engine.change_subscription(caller.scope, id, change).await };
    shown(&to_the_end(changed).await?)
}

async fn stored(api: &Api, caller: Caller, id: SubscriptionId) -> Result<Subscription, Problem> {
    api.engine.store().subscription(caller.scope, id).await?.ok_or_else(Problem::not_found)
}

fn shown(subscription: &Subscription) -> Answer {
    Ok(json(StatusCode::OK, &WebhookView::of(subscription).map_err(Problem::internal)?))
}
