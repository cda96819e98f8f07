//! The calls: each reads its request, asks the engine, and writes the answer.

pub(crate) mod batch;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod profiles;
pub(crate) mod publish;
pub(crate) mod replays;
mod settings;
pub(crate) mod webhooks;

use std::{str::FromStr, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts, RawPathParams},
    response::Response,
};
use http::request::Parts;

use crate::{
    api::Api,
    limits,
    object::Object,
    problem::Problem,
    receive::{Received, receive},
};

/// What a call answers.
type Answer = Result<Response, Problem>;

/// The last id in a request's path. A text that is no id names nothing: not found.
pub(crate) struct Id<T>(T);

impl<T: FromStr + Send> FromRequestParts<Arc<Api>> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, api).await.map_err(|_| Problem::not_found())?;
        let (_, text) = params.iter().last().ok_or_else(Problem::not_found)?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// Reads the body of a call that is not the publishing of an event.
async fn body(api: &Api, body: Body) -> Result<Received, Problem> {
    receive(body, limits::REQUEST_BYTES_MAX, api.config.request_timeout).await
}

/// Reads the body of a call that takes no fields: nothing, or an empty object.
async fn no_fields(api: &Api, request: Body) -> Result<(), Problem> {
    let received = body(api, request).await?;
    if received.bytes().is_empty() {
        return Ok(());
    }
    Object::<0>::parse(received.bytes(), &[])?.known().map(drop)
}
