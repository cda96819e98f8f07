//! Reading events.

use std::sync::Arc;

use axum::extract::State;
use hookseal_engine::{EventId, ports::store::EventFilter};
use http::StatusCode;

use super::{Answer, Id};
use crate::{
    api::Api,
    caller::Caller,
    problem::Problem,
    query::{NoQuery, Query},
    wire::{DeliveryView, EventView, List, json},
};

/// `GET /v1/events?type=&external_id=&since=&limit=&cursor=`: newest first, without payloads.
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, mut query: Query) -> Answer {
    let filter = EventFilter {
        event_type: query.event_type("type"),
        external_id: query.text("external_id"),
        since: query.time("since"),
    };
    let page = query.page();
    query.finish()?;
    let found = api.engine.store().events(caller.scope, filter, page).await?;
    let events = found.rows.iter().map(EventView::listed).collect();
    Ok(json(StatusCode::OK, &List::new(events, found.next)))
}

/// `GET /v1/events/{id}`: the event with its payload.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<EventId>,
    _: NoQuery,
) -> Answer {
    let event = api.engine.store().event(caller.scope, id).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &EventView::whole(&event)))
}

/// `GET /v1/events/{id}/deliveries`: one for each subscription that it matched.
pub(crate) async fn deliveries(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<EventId>,
    mut query: Query,
) -> Answer {
    let page = query.page();
    query.finish()?;
    let deliveries =
        api.engine.store().event_deliveries(caller.scope, id).await?.ok_or_else(Problem::not_found)?;
    let views = deliveries.iter().map(|delivery| (delivery.key.id, DeliveryView::of(delivery)));
    Ok(json(StatusCode::OK, &List::cut(views, page.limit, page.after.as_ref())))
}
