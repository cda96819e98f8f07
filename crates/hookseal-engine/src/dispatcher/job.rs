//! What goes into the dispatcher and comes out of it.

use std::{sync::Arc, time::Duration};

use hookseal::Timestamp;

use crate::{
    AttemptResult, DeliveryRef, Payload, SubscriptionKey, Terms, Trigger,
    breaker::{BreakerState, Epoch, Reaction},
    concurrency::Load,
    ports::store::ClaimOrder,
};

/// A delivery in memory, ready to be attempted.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which delivery.
    pub delivery: DeliveryRef,
    /// What it carries, shared with the event's other deliveries.
    pub payload: Arc<Payload>,
    /// Attempts made before.
    pub attempts: u32,
    /// Why it is attempted.
    pub trigger: Trigger,
    /// What holds for it.
    pub terms: Terms,
}

impl Job {
    pub(super) fn bytes(&self) -> usize {
        self.payload.body.len()
    }

    pub(super) fn order(&self) -> u64 {
        self.delivery.id.order()
    }
}

/// How a subscription's queue may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRules {
    /// Whether attempts may begin at all.
    pub active: bool,
    /// Attempts under way at once at most.
    pub max_in_flight: u32,
    /// Attempts begun per second at most.
    pub rate_limit_per_s: Option<u32>,
    /// Whether deliveries go out one at a time in the order of their places, each only once the outcome of the one
    /// before it is recorded.
    pub ordered: bool,
}

/// What is known of a subscription as its queue is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// Whether it was there before this process: what was begun for it lately is not known.
    pub from_before: bool,
    /// Whether its latest attempts failed.
    pub failing: bool,
}

/// An attempt that begins.
#[derive(Debug)]
pub struct Begun {
    /// Of what.
    pub job: Job,
    /// To be handed back with [`super::Dispatcher::finished`].
    pub epoch: Epoch,
}

/// How an attempt ended, as far as what begins next is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// What it says of the endpoint.
    pub reaction: Reaction,
    /// How long it took, and whether it was refused for want of capacity.
    pub load: Load,
    /// Any random number.
    pub jitter: u64,
}

impl Ended {
    /// Reads it off what an attempt came to.
    pub fn of(result: &AttemptResult, jitter: u64) -> Self {
        Self { reaction: Reaction::of(result), load: Load::of(result), jitter }
    }

    /// The end of an attempt that was never made, or was cut off here.
    pub const NOTHING: Self =
        Self { reaction: Reaction::Nothing, load: Load { took: Duration::ZERO, refused: false }, jitter: 0 };
}

/// A wish to read deliveries back from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimWish {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// Which come first.
    pub order: ClaimOrder,
    /// How many at most.
    pub limit: usize,
}

/// A delivery that waits in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When it is due.
    pub due: Timestamp,
    /// Its place, or a lower one where it is not known.
    pub order: u64,
}

/// How a subscription's queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Attempts under way.
    pub in_flight: u32,
    /// Attempts that may be under way at once, as it is now.
    pub concurrency: u32,
    /// Deliveries that wait in memory.
    pub in_memory: usize,
    /// Its breaker.
    pub breaker: BreakerState,
}
