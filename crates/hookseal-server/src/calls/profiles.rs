//! Reading profiles.

use std::{convert::Infallible, str::FromStr, sync::Arc};

use axum::extract::State;
use http::StatusCode;

use super::{Answer, Id};
use crate::{
    api::Api,
    caller::Caller,
    problem::Problem,
    query::{NoQuery, Query},
    wire::{List, ProfileSummary, ProfileView, json},
};

/// The name of a profile; one that does not exist names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// `GET /v1/profiles`: by name.
pub(crate) async fn list(State(api): State<Arc<Api>>, _: Caller, mut query: Query) -> Answer {
    let page = query.page::<ProfileName>();
    query.finish()?;
    let profiles = api.engine.profiles();
    let views = profiles.iter().map(|profile| (profile.name(), ProfileSummary::of(profile)));
    let after = page.after.as_ref().map(|ProfileName(name)| name.as_str());
    Ok(json(StatusCode::OK, &List::cut(views, page.limit, after.as_ref())))
}

/// `GET /v1/profiles/{name}`: with the TOML that it was read from.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: Caller,
    Id(ProfileName(name)): Id<ProfileName>,
    _: NoQuery,
) -> Answer {
    let profiles = api.engine.profiles();
    let profile =
        profiles.into_iter().find(|profile| profile.name() == name).ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &ProfileView::of(profile)))
}
