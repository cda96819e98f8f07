//! Replays: sending a webhook again what a stretch of time holds for it.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use hookseal::Timestamp;
use hookseal_engine::{
    EventType, ReplayId, ReplayRequest, Replayable, SubscriptionId, Wanted, limits as engine,
};
use http::StatusCode;
use serde_json::value::RawValue;

use super::{Answer, Id, body, no_fields};
use crate::{
    api::{Api, to_the_end},
    caller::Caller,
    object::{Object, Problems},
    problem::Problem,
    query::{NoQuery, Query},
    wire::{List, ReplayView, json},
};

const FIELDS: &[&str; 4] = &["since", "until", "status", "event_types"];

/// `POST /v1/webhooks/{id}/replay`: 202 with the replay, which goes on by itself.
pub(crate) async fn start(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    let received = body(&api, request).await?;
    let asked = read(received.bytes())?;
    let engine = Arc::clone(&api.engine);
    let replay = to_the_end(async move { engine.start_replay(caller.scope, id, asked).await }).await?;
    Ok(json(StatusCode::ACCEPTED, &ReplayView::of(&replay)))
}

/// `GET /v1/webhooks/{id}/replays?limit=&cursor=`: newest first.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    mut query: Query,
) -> Answer {
    let mut page = query.page();
    query.finish()?;
    let limit = page.limit;
    // One more than is shown tells whether there is a next page.
    page.limit += 1;
    let store = api.engine.store();
    let mut replays = store.replays(caller.scope, id, page).await?;
    if replays.is_empty() && store.subscription(caller.scope, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let more = replays.len() > limit;
    replays.truncate(limit);
    let next = replays.last().filter(|_| more).map(|last| last.id);
    Ok(json(StatusCode::OK, &List::new(replays.iter().map(ReplayView::of).collect(), next)))
}

/// `GET /v1/replays/{id}`.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ReplayId>,
    _: NoQuery,
) -> Answer {
    let replay = api.engine.store().replay(caller.scope, id).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &ReplayView::of(&replay)))
}

/// `POST /v1/replays/{id}/cancel`: 200 with the replay; what it made due by then is delivered.
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ReplayId>,
    _: NoQuery,
    request: Body,
) -> Answer {
    no_fields(&api, request).await?;
    let engine = Arc::clone(&api.engine);
    let replay = to_the_end(async move { engine.cancel_replay(caller.scope, id).await }).await?;
    Ok(json(StatusCode::OK, &ReplayView::of(&replay)))
}

fn read(text: &[u8]) -> Result<ReplayRequest, Problem> {
    let [since, until, status, event_types] = Object::parse(text, FIELDS)?.known()?;
    let mut problems = Problems::default();
    let from = problems.time("since", since);
    if from.is_none() && !problems.has("since") {
        problems.add("since", "is required, for example `2025-04-01T13:12:57Z`");
    }
    let until = problems.time("until", until);
    let wanted = read_wanted(&mut problems, status);
    let event_types = read_types(&mut problems, event_types);
    let asked =
        ReplayRequest { since: from.unwrap_or(Timestamp::from_unix_millis(0)), until, wanted, event_types };
    problems.unless(asked)
}

/// One status, or an array of them.
fn read_wanted(problems: &mut Problems, text: Option<&RawValue>) -> Wanted {
    let Some(text) = text.map(RawValue::get).filter(|text| *text != "null") else { return Wanted::DEFAULT };
    let names = match serde_json::from_str::<String>(text) {
        Ok(name) => Ok(vec![name]),
        Err(_) => serde_json::from_str::<Vec<String>>(text),
    };
    let known = names.ok().and_then(|names| {
        let known = names.iter().map(|name| Replayable::from_name(name));
        Wanted::of(known.collect::<Option<Vec<_>>>()?)
    });
    known.unwrap_or_else(|| {
        let all = Replayable::ALL.map(Replayable::as_str).join(", ");
        problems.add("status", format!("must be one of {all}, or an array of them"));
        Wanted::DEFAULT
    })
}

fn read_types(problems: &mut Problems, text: Option<&RawValue>) -> Option<Vec<EventType>> {
    let expected = format!("an array of 1 to {} event types", engine::EVENT_TYPES_MAX);
    let names = problems.read_or_null::<Vec<String>>("event_types", text, &expected)?;
    let fits = (1..=engine::EVENT_TYPES_MAX).contains(&names.len());
    let types: Option<Vec<_>> = names.into_iter().map(|name| EventType::new(name).ok()).collect();
    if !fits || types.is_none() {
        problems.add("event_types", format!("must be {expected}"));
    }
    types
}
