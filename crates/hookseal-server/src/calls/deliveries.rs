//! Reading deliveries, asking for another attempt, and calling one off.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use hookseal_engine::{DeliveryId, DeliveryState, ports::store::DeliveryFilter};
use http::StatusCode;

use super::{Answer, Id, no_fields};
use crate::{
    api::{Api, to_the_end},
    caller::Caller,
    problem::Problem,
    query::{NoQuery, Query},
    wire::{AttemptView, DeliveryView, List, json},
};

/// `GET /v1/deliveries?webhook=&status=&event_type=&since=&limit=&cursor=`: newest first.
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, mut query: Query) -> Answer {
    let names = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
    let filter = DeliveryFilter {
        subscription: query.read("webhook", "the id of a webhook", |text| text.parse().ok()),
        state: query.read("status", &format!("one of {names}"), DeliveryState::from_name),
        event_type: query.event_type("event_type"),
        since: query.time("since"),
    };
    let page = query.page();
    query.finish()?;
    let found = api.engine.store().deliveries(caller.scope, filter, page).await?;
    let deliveries = found.rows.iter().map(DeliveryView::of).collect();
    Ok(json(StatusCode::OK, &List::new(deliveries, found.next)))
}

/// `GET /v1/deliveries/{id}`.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<DeliveryId>,
    _: NoQuery,
) -> Answer {
    found(&api, caller, id, StatusCode::OK).await
}

/// `GET /v1/deliveries/{id}/attempts`: oldest first.
pub(crate) async fn attempts(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<DeliveryId>,
    mut query: Query,
) -> Answer {
    let page = query.page();
    query.finish()?;
    let attempts = api.engine.store().attempts(caller.scope, id).await?.ok_or_else(Problem::not_found)?;
    let views = attempts.iter().map(|attempt| (attempt.id(id), AttemptView::of(id, attempt)));
    Ok(json(StatusCode::OK, &List::cut(views, page.limit, page.after.as_ref())))
}

/// `POST /v1/deliveries/{id}/retry`: 202 with the delivery, which is due now whatever became of it.
pub(crate) async fn retry(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<DeliveryId>,
    _: NoQuery,
    body: Body,
) -> Answer {
    no_fields(&api, body).await?;
    let engine = Arc::clone(&api.engine);
    to_the_end(async move { engine.retry_delivery(caller.scope, id).await }).await?;
    found(&api, caller, id, StatusCode::ACCEPTED).await
}

/// `POST /v1/deliveries/{id}/cancel`: 200 with the delivery, of which no attempt begins any more.
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<DeliveryId>,
    _: NoQuery,
    body: Body,
) -> Answer {
    no_fields(&api, body).await?;
    let engine = Arc::clone(&api.engine);
    to_the_end(async move { engine.cancel_delivery(caller.scope, id).await }).await?;
    found(&api, caller, id, StatusCode::OK).await
}

async fn found(api: &Api, caller: Caller, id: DeliveryId, status: StatusCode) -> Answer {
    let delivery = api.engine.store().delivery(caller.scope, id).await?.ok_or_else(Problem::not_found)?;
    Ok(json(status, &DeliveryView::of(&delivery)))
}
