//! What goes over the wire. The engine's types know nothing of it.

mod attempt;
mod batch;
mod delivery;
mod event;
mod profile;
mod replay;
mod webhook;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hookseal::Timestamp;
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};

pub(crate) use self::{
    attempt::{AttemptView, PingView},
    batch::{Verdict, Verdicts},
    delivery::DeliveryView,
    event::EventView,
    profile::{ProfileSummary, ProfileView},
    replay::ReplayView,
    webhook::{MASK, ValidationView, WebhookView},
};
use crate::problem::Problem;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    data: Vec<T>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn new(data: Vec<T>, next: Option<impl ToString>) -> Self {
        Self { data, next: next.map(|id| id.to_string()) }
    }

    /// A page of a list that is at hand as a whole, each item with what names it.
    ///
    /// A cursor that names no item leads to an empty page.
    pub(crate) fn cut<Id: PartialEq + ToString>(
        items: impl Iterator<Item = (Id, T)>,
        limit: usize,
        after: Option<&Id>,
    ) -> Self {
        let mut items = items.peekable();
        if let Some(after) = after {
            while items.next_if(|(id, _)| id != after).is_some() {}
            items.next();
        }
        let (ids, data): (Vec<_>, Vec<_>) = items.by_ref().take(limit).unzip();
        let next = items.peek().and(ids.last());
        Self { next: next.map(ToString::to_string), data }
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => json_text(status, text.into()),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// An answer with a body that is JSON already.
pub(crate) fn json_text(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Writes a time as RFC 3339 in UTC with milliseconds.
fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Writes a time that may be absent.
fn time_or_null<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(limit: usize, after: Option<u32>) -> (Vec<u32>, Option<String>) {
        let List { data, next } =
            List::cut([1, 2, 3].into_iter().map(|n| (n, n * 10)), limit, after.as_ref());
        (data, next)
    }

    #[test]
    fn pages_meet_and_end() {
        assert_eq!(cut(2, None), (vec![10, 20], Some("2".to_owned())));
        assert_eq!(cut(2, Some(2)), (vec![30], None));
        assert_eq!(cut(3, None), (vec![10, 20, 30], None));
        assert_eq!(cut(2, Some(9)), (vec![], None));
    }
}
