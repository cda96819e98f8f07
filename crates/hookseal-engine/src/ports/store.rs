//! The store: what is durable, in batches.
//!
//! One suite of tests (`hookseal-testkit`) holds every store to the rules that are written here.

use async_trait::async_trait;
use hookseal::Timestamp;

use crate::{
    AttemptRecord, ChallengeRecord, DeliveryId, DeliveryRecord, DeliveryRef, DeliveryState, DisableReason,
    EventId, EventRecord, EventType, Health, KeyId, NewEvent, Payload, ReplayId, ReplayRecord, ReplayState,
    ReplayWish, Scope, Subscription, SubscriptionId, SubscriptionKey, SubscriptionSecret,
    SubscriptionSettings, SubscriptionStatus, Terms, Verdict,
};

/// Where events, deliveries and subscriptions are kept.
///
/// A call that returns `Ok` is durable: it survives the process and the machine stopping at once. A call that
/// returns `Err` has changed nothing, but for [`StoreError::Unavailable`], after which what was asked may have
/// happened; asking again is safe for every call.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Stores new events with their deliveries, and outcomes of earlier deliveries, in one transaction.
    ///
    /// An outcome is applied only while this node holds the delivery's lease, and where it is of the delivery's next
    /// attempt; the lease ends with it. An outcome of a delivery whose lease was lost, or of a subscription that is gone,
    /// is dropped, and so is one that was applied before: the delivery may be leased anew by then. The
    /// lease counts as well for deliveries that end without an attempt.
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError>;

    /// Leases deliveries of one subscription that are due, in the order that the claim names. A claim that fails has
    /// leased nothing, or what lapses by itself: nobody would know what to give back.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Gives leases back without an outcome: the deliveries are due again, at once, and keep their number of attempts.
    async fn release(&self, deliveries: Vec<DeliveryRef>) -> Result<(), StoreError>;

    /// To be called once, before all else: makes every delivery due again that was leased by a node that is gone
    /// (on an embedded store: all that were accepted and not recorded as done), and tells where deliveries wait.
    async fn recover(&self, now: Timestamp) -> Result<Recovered, StoreError>;

    /// Creates a subscription.
    async fn create_subscription(&self, new: NewSubscription) -> Result<Subscription, StoreError>;

    /// Writes what changed of a subscription; `None` where there is no such subscription.
    async fn change_subscription(
        &self,
        change: SubscriptionChange,
    ) -> Result<Option<Subscription>, StoreError>;

    /// Deletes a subscription with its secrets and cancels what waits for it, its replay included. Its deliveries stay
    /// readable.
    /// Returns whether there was one.
    async fn delete_subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// One subscription.
    async fn subscription(
        &self,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError>;

    /// The subscriptions of a scope, oldest first.
    async fn subscriptions(
        &self,
        scope: Scope,
        page: Page<SubscriptionId>,
    ) -> Result<Vec<Subscription>, StoreError>;

    /// The subscriptions of all scopes: what a node reads when it starts.
    async fn all_subscriptions(&self) -> Result<Vec<Subscription>, StoreError>;

    /// One event, with its body.
    async fn event(&self, scope: Scope, id: EventId) -> Result<Option<EventRecord>, StoreError>;

    /// The events of a scope, newest first, without their bodies.
    async fn events(
        &self,
        scope: Scope,
        filter: EventFilter,
        page: Page<EventId>,
    ) -> Result<Found<EventRecord, EventId>, StoreError>;

    /// The deliveries of one event, in the order of its subscriptions; `None` where there is no such event.
    async fn event_deliveries(
        &self,
        scope: Scope,
        id: EventId,
    ) -> Result<Option<Vec<DeliveryRecord>>, StoreError>;

    /// One delivery.
    async fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError>;

    /// The deliveries of a scope, newest first.
    async fn deliveries(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Found<DeliveryRecord, DeliveryId>, StoreError>;

    /// The attempts of one delivery, oldest first; `None` where there is no such delivery.
    async fn attempts(&self, scope: Scope, id: DeliveryId) -> Result<Option<Vec<AttemptRecord>>, StoreError>;

    /// Makes a delivery due at `now`, whatever became of it; it keeps its attempts, and its schedule begins anew. Leased
    /// ones are left as they are.
    async fn retry(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Retried, StoreError>;

    /// Calls a delivery off that waits and is not leased.
    async fn cancel(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> Result<Cancelled, StoreError>;

    /// Ends deliveries that wait, are not leased and whose time is over at `now`, at most `limit` of them. Those that
    /// someone asked for, and those of a subscription that is gone, are left as they are.
    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreError>;

    /// Creates a replay that runs. `None` where there is no such subscription; a conflict where another of its replays
    /// runs.
    async fn create_replay(&self, new: NewReplay) -> Result<Option<ReplayRecord>, StoreError>;

    /// Takes a replay a step further, in one transaction: it looks at events in the order of their places, makes due
    /// what is wanted of them, and writes how far it came. `None` where there is no such replay, or it has ended.
    ///
    /// A delivery keeps its id and attempts, its schedule begins anew, and it is due at once; one that is missing is
    /// created, due when its event is. Those that wait or are leased are left as they are.
    async fn advance_replay(&self, step: ReplayStep) -> Result<Option<Advanced>, StoreError>;

    /// Ends a replay that runs, in the state that is given. The replay, and whether it did run; `None` where there is
    /// no such replay.
    async fn end_replay(
        &self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: Timestamp,
    ) -> Result<Option<(ReplayRecord, bool)>, StoreError>;

    /// One replay.
    async fn replay(&self, scope: Scope, id: ReplayId) -> Result<Option<ReplayRecord>, StoreError>;

    /// The replays of one subscription, newest first.
    async fn replays(
        &self,
        scope: Scope,
        subscription: SubscriptionId,
        page: Page<ReplayId>,
    ) -> Result<Vec<ReplayRecord>, StoreError>;

    /// The replays of all scopes that run, oldest first: what a node reads when it starts.
    async fn running_replays(&self) -> Result<Vec<ReplayRecord>, StoreError>;

    /// Forgets old events whose deliveries have all ended before a moment, with all that belongs to them, and replays that
    /// ended before it. The newest event is kept.
    async fn prune(&self, step: PruneStep) -> Result<Pruned, StoreError>;

    /// Stores an API key.
    async fn add_key(&self, key: ApiKey) -> Result<(), StoreError>;

    /// All API keys, oldest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Whether the store can be written to, found out by doing so.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what is under way and closes; every later call fails.
    async fn close(&self);
}

/// Why a store did not do what it was asked. The four things that a caller acts on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot, for now: full, locked, unreachable. Try again.
    #[error("store unavailable: {what}")]
    Unavailable {
        /// What could not be done.
        what: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What was asked contradicts what is stored.
    #[error("conflict: {what}")]
    Conflict {
        /// What contradicts.
        what: &'static str,
    },
    /// What is stored cannot be read: the file is damaged, or another program's.
    #[error("store corrupt: {table}.{column} of {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        row: String,
    },
    /// It was used wrongly: a defect of this program.
    #[error("store misused: {what}")]
    Bug {
        /// What was wrong.
        what: String,
        /// What the store said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl StoreError {
    /// The same error once more, without its source: one refused batch is the answer to many.
    #[must_use]
    pub fn like(&self) -> Self {
        match self {
            Self::Unavailable { what, .. } => Self::Unavailable { what, source: None },
            Self::Conflict { what } => Self::Conflict { what },
            Self::Corrupt { table, column, row } => Self::Corrupt { table, column, row: row.clone() },
            Self::Bug { what, .. } => Self::Bug { what: what.clone(), source: None },
        }
    }
}

/// What one transaction makes durable.
#[derive(Debug, Default)]
pub struct Batch {
    /// New events with their deliveries.
    pub events: Vec<NewEvent>,
    /// Outcomes of deliveries that this node has leased.
    pub outcomes: Vec<Outcome>,
    /// Deliveries that this node has leased and that end without an attempt.
    pub ended: Vec<Ended>,
    /// Changes of subscriptions that follow from the outcomes.
    pub health: Vec<HealthChange>,
}

/// A delivery that ends without an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which delivery.
    pub delivery: DeliveryRef,
    /// How it ends.
    pub end: End,
    /// When.
    pub at: Timestamp,
}

/// How a delivery ends without an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its time was over.
    Expired,
    /// Its owner called it off.
    Cancelled,
}

impl End {
    /// The state that it leads to.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Expired => DeliveryState::Expired,
            Self::Cancelled => DeliveryState::Cancelled,
        }
    }
}

/// The answer to a [`Batch`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// A verdict for each event, in their order.
    pub verdicts: Vec<Verdict>,
}

/// An attempt of a delivery and what follows from it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which delivery.
    pub delivery: DeliveryRef,
    /// The attempt that was made.
    pub attempt: AttemptRecord,
    /// What becomes of the delivery.
    pub next: NextStep,
    /// What holds for it until its next attempt, where there is one.
    pub terms: Terms,
}

impl Outcome {
    /// Drops what no store keeps of an attempt that succeeded: what came back beyond its status. A batch is copied on
    /// its way to the store, and so would that be.
    pub(crate) fn make_compact(&mut self) {
        if self.next == NextStep::Succeeded {
            let result = &mut self.attempt.result;
            result.response_headers = Vec::new();
            result.response_body = bytes::Bytes::new();
        }
    }
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The endpoint took it.
    Succeeded,
    /// It is tried again at this time.
    RetryAt(Timestamp),
    /// It is given up.
    GiveUp,
    /// It would be tried again, but only when its time is over.
    Expire,
}

/// The new health of a subscription and, where it is disabled, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthChange {
    /// Which subscription.
    pub subscription: SubscriptionKey,
    /// How it stands now.
    pub health: Health,
    /// Whether it is disabled with this change.
    pub disable: Option<DisableReason>,
}

/// A wish for deliveries of one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// Which of them, and in which order.
    pub order: ClaimOrder,
    /// Those due at this time or before.
    pub due_before: Timestamp,
    /// How many at most.
    pub limit: usize,
    /// How many bytes of bodies at most; one delivery is given whatever its size.
    pub bytes_max: usize,
}

/// Which deliveries a claim is for, and in which order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimOrder {
    /// All, the longest due first, and those that are due together by their places.
    Due,
    /// All, by their places, up to the first that is not due: none may go before it.
    Place,
    /// This one alone.
    Only(DeliveryId),
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The deliveries, leased to this node.
    pub deliveries: Vec<ClaimedDelivery>,
    /// When the next of those that were left is due, possibly in the past; `None` where none is left. The next is the
    /// next in the order of the claim.
    pub next_due: Option<Timestamp>,
    /// The place of that delivery: the order of its id.
    pub next_order: Option<u64>,
}

/// A delivery with all that an attempt needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Which delivery.
    pub delivery: DeliveryRef,
    /// What it carries.
    pub payload: Payload,
    /// Attempts made so far.
    pub attempts: u32,
    /// Why this attempt is made.
    pub trigger: crate::Trigger,
    /// What holds for it.
    pub terms: Terms,
}

/// What a store knows when it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// For each subscription that has deliveries waiting, when the first is due.
    pub waiting: Vec<(SubscriptionKey, Timestamp)>,
    /// When the first of those that wait expires.
    pub next_expiry: Option<Timestamp>,
    /// The highest order that any id in the store has; new ids must be above it.
    pub highest_order: u64,
    /// Deliveries that were accepted or under way and had no outcome recorded: they are attempted again.
    pub resumed: u64,
}

/// A subscription to be created.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Tenant and mode.
    pub scope: Scope,
    /// What its owner chose.
    pub settings: SubscriptionSettings,
    /// Secrets, newest first.
    pub secrets: Vec<SubscriptionSecret>,
    /// Its first status.
    pub status: SubscriptionStatus,
    /// When.
    pub created_at: Timestamp,
}

/// What changes of a subscription; what is `None` stays.
#[derive(Debug, Clone)]
pub struct SubscriptionChange {
    /// Tenant and mode.
    pub scope: Scope,
    /// Which.
    pub id: SubscriptionId,
    /// When.
    pub now: Timestamp,
    /// New settings.
    pub settings: Option<SubscriptionSettings>,
    /// New secrets, newest first; those not named are destroyed.
    pub secrets: Option<Vec<SubscriptionSecret>>,
    /// A new status; leaving `TooManyErrors` also forgets the reason, and the health becomes
    /// [`Health::RECOVERING`].
    pub status: Option<SubscriptionStatus>,
    /// What came of its challenge; `Some(None)` forgets what did.
    pub challenge: Option<Option<ChallengeRecord>>,
}

impl SubscriptionChange {
    /// A change of nothing, to be filled in.
    pub fn of(scope: Scope, id: SubscriptionId, now: Timestamp) -> Self {
        Self { scope, id, now, settings: None, secrets: None, status: None, challenge: None }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    /// Rows at most.
    pub limit: usize,
    /// Only what stands after this id, in the list's order.
    pub after: Option<Id>,
}

/// A part of a list that is searched through.
///
/// A search looks at a bounded number of rows. Where that bound ends it, `next` says where to go on even though
/// `rows` may be fewer than asked for, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<Row, Id> {
    /// What was found.
    pub rows: Vec<Row>,
    /// From where to go on; `None` at the end of the list.
    pub next: Option<Id>,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this type.
    pub event_type: Option<EventType>,
    /// With this publisher's id.
    pub external_id: Option<String>,
    /// Accepted at this time or later.
    pub since: Option<Timestamp>,
}

/// Which deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// To this subscription.
    pub subscription: Option<SubscriptionId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of an event of this type.
    pub event_type: Option<EventType>,
    /// Of an event accepted at this time or later.
    pub since: Option<Timestamp>,
}

/// What came of asking for another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due now.
    Due(DeliveryRef),
    /// A worker holds it just now.
    Leased,
    /// There is no such delivery.
    NotFound,
    /// Its subscription is gone.
    SubscriptionGone,
}

/// What came of calling a delivery off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is called off.
    Done,
    /// A worker holds it just now.
    Leased(DeliveryRef),
    /// It had ended before.
    Final(DeliveryState),
    /// There is no such delivery.
    NotFound,
}

/// What expiring came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Deliveries that ended.
    pub ended: usize,
    /// When the next of those that wait and are not leased expires: in the past where there are more than the limit.
    pub next: Option<Timestamp>,
}

/// A replay to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReplay {
    /// Its id. Events whose place comes after it are none of its business.
    pub id: ReplayId,
    /// Whose deliveries.
    pub subscription: SubscriptionKey,
    /// What is to be sent again.
    pub wish: ReplayWish,
}

/// A step of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Which replay.
    pub id: ReplayId,
    /// When.
    pub now: Timestamp,
    /// Deliveries that it makes due at most; those of one event are taken together, whatever their number.
    pub deliveries_max: usize,
    /// Deliveries of the subscription that may be due and not done after it.
    pub outstanding_max: usize,
    /// Events that it looks at, at most, of whatever scope.
    pub examined_max: usize,
    /// Deliveries that the events it looks at led to as they were accepted, to whatever subscription: the event that
    /// reaches this number is the last of the step.
    pub targets_max: usize,
    /// The first of `deliveries_max` consecutive places that new deliveries may take.
    pub first_order: u64,
    /// The types that the subscription asks for; `None` means all.
    pub types: Option<Vec<EventType>>,
}

/// What a step of a replay came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advanced {
    /// The replay as it stands now.
    pub replay: ReplayRecord,
    /// Deliveries that this step made due.
    pub made_due: usize,
    /// Deliveries of the subscription that were due and not done before it, counted up to the step's bound. What was
    /// leased as it was accepted may be left out.
    pub outstanding: usize,
}

/// A step over the old events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneStep {
    /// Events of before this moment, that of their id, whose deliveries ended before it.
    pub before: Timestamp,
    /// Events behind this place.
    pub after: u64,
    /// How many events it looks at, at most.
    pub examined_max: usize,
    /// It ends when it has forgotten so many deliveries; those of one event are forgotten together.
    pub deliveries_max: usize,
}

/// What a step over the old events came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Events that are forgotten.
    pub events: usize,
    /// The place to go on from; `None` where there is no old event behind it.
    pub place: Option<u64>,
}

/// An API key as it is stored: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// The scope that it acts in.
    pub scope: Scope,
    /// Whether it is the operator's, and reaches everything.
    pub operator: bool,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}
