use crate::{EventId, ports::store::StoreError};

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What an earlier run left could not be taken up.
    #[error("recovering the store")]
    Recover(#[source] StoreError),
    /// The subscriptions could not be read.
    #[error("reading the subscriptions")]
    Subscriptions(#[source] StoreError),
    /// The replays that run could not be read.
    #[error("reading the replays")]
    Replays(#[source] StoreError),
}

/// Why an event was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Its body is longer than is allowed.
    #[error("the body has {bytes} bytes, {most} are allowed")]
    BodyTooLarge {
        /// Its length.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// Its type is one of those that tell of what happens here.
    #[error("the type is reserved for what Hookseal itself tells of")]
    Reserved,
    /// Its publisher's id is not one.
    #[error("an event's id has 1 to 128 of `A-Z a-z 0-9 _ . : -`")]
    ExternalId,
    /// Its media type cannot be sent as a header.
    #[error("the content type is not a header value")]
    ContentType,
    /// It is put off for longer than is allowed.
    #[error("lies more than {} days ahead", crate::limits::DELIVER_AT_AHEAD_MAX.as_secs() / 86_400)]
    DeliverAt,
    /// It would expire before it is delivered.
    #[error("{0}")]
    ExpiresAt(&'static str),
    /// The publisher's id was used for another type or other bytes.
    #[error("the id belongs to another event, {with}")]
    Conflict {
        /// That event.
        with: EventId,
    },
    /// It would lead to more deliveries than is allowed.
    #[error("the event matches {matched} subscriptions, {most} are allowed")]
    FanOut {
        /// How many it matches.
        matched: usize,
        /// The bound.
        most: usize,
    },
    /// It could not be made durable; it may be published again.
    #[error("the event could not be stored")]
    Store(#[source] StoreError),
    /// It was not made durable in time; it may be published again, best with an id.
    #[error("the event was not stored within {} s", crate::limits::ACCEPT_TIMEOUT.as_secs())]
    Timeout,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// A field of a request that is not right, and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as the API names it.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Why a subscription was not created or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// What was asked for is not right; every problem that was found.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<FieldProblem>),
    /// There is no such subscription.
    #[error("there is no such subscription")]
    NotFound,
    /// It could not be stored.
    #[error("the subscription could not be stored")]
    Store(#[source] StoreError),
}

/// Why something that was asked of a delivery or subscription was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(&'static str),
    /// A field of what was asked is not right.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(FieldProblem),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}
