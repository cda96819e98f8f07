//! The delivery engine: decisions as pure functions, the ports they need, and the driver that runs them.
//!
//! - [`outcome`], [`health`], [`policy`], [`rate`], [`breaker`] and [`concurrency`] decide; [`dispatcher`] says which attempt begins next. They know
//!   neither clock nor randomness nor I/O: time and random numbers are arguments.
//! - [`ports`] are what the driver needs of the world: [`ports::Store`], [`ports::Transport`], [`ports::Clock`],
//!   [`ports::Entropy`].
//! - [`Engine`] is the driver.

mod attempt;
pub mod breaker;
mod challenge;
pub mod concurrency;
mod delivery;
pub mod dispatcher;
mod engine;
mod event;
pub mod health;
mod ids;
pub mod limits;
pub mod outcome;
pub mod policy;
pub mod ports;
pub mod rate;
mod registry;
mod replay;
mod settings;
mod subscriber;
mod subscription;
#[cfg(test)]
mod test_support;

pub use attempt::{AttemptResult, Failure, FailureKind, HttpVersion, Phases, RetryAfter};
pub use delivery::{AttemptRecord, DeliveryRecord, DeliveryRef, DeliveryState, Terms, Trigger};
pub use engine::{
    ChangeError, Engine, EngineError, FieldProblem, Parts, Pinged, Publish, PublishError, Published,
    Rotation, SecretChoice, SettingsChange, StartError, Stats,
};
pub use event::{
    EventRecord, EventType, EventTypeError, NewEvent, OperationalType, Payload, Target, Verdict, Window,
    target_order,
};
pub use ids::{AttemptId, DeliveryId, EventId, IdError, IdSource, KeyId, ReplayId, SubscriptionId};
pub use policy::Policy;
pub use replay::{ReplayRecord, ReplayRequest, ReplayState, ReplayWish, Replayable, Wanted};
pub use settings::{
    ClientIdentity, DisableAfter, DisableAfterError, EndpointTls, OnGiveUp, SubscriptionSettings,
};
pub use subscription::{
    ChallengeRecord, DisableReason, Health, Scope, Subscription, SubscriptionKey, SubscriptionSecret,
    SubscriptionStatus,
};
