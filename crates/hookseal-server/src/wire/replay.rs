use hookseal::Timestamp;
use hookseal_engine::{EventType, ReplayRecord, Replayable};
use serde::Serialize;

/// A replay, and how far it has come.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayView<'a> {
    id: String,
    webhook_id: String,
    state: &'static str,
    #[serde(serialize_with = "super::time")]
    since: Timestamp,
    #[serde(serialize_with = "super::time")]
    until: Timestamp,
    /// What is sent again.
    status: Vec<&'static str>,
    event_types: Option<Vec<&'a str>>,
    /// Events that it looked at.
    examined: u64,
    /// Deliveries that it made due, new ones included.
    replayed: u64,
    /// New ones among them.
    created: u64,
    /// The moment of the last event that it looked at, between `since` and `until`.
    #[serde(serialize_with = "super::time_or_null")]
    position: Option<Timestamp>,
    #[serde(serialize_with = "super::time")]
    created_at: Timestamp,
    #[serde(serialize_with = "super::time_or_null")]
    finished_at: Option<Timestamp>,
}

impl<'a> ReplayView<'a> {
    pub(crate) fn of(replay: &'a ReplayRecord) -> Self {
        let types = replay.wish.event_types.as_ref();
        Self {
            id: replay.id.to_string(),
            webhook_id: replay.subscription_id.to_string(),
            state: replay.state.as_str(),
            since: replay.wish.since,
            until: replay.wish.until,
            status: replay.wish.wanted.members().map(Replayable::as_str).collect(),
            event_types: types.map(|types| types.iter().map(EventType::as_str).collect()),
            examined: replay.examined,
            replayed: replay.replayed,
            created: replay.created,
            position: replay.position(),
            created_at: replay.id.timestamp(),
            finished_at: replay.finished_at,
        }
    }
}
