//! Whatever is done to it, the embedded store answers as the store in memory does.

use std::{collections::HashMap, fmt::Debug, sync::Arc, time::Duration};

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryId, DeliveryRef, DeliveryState, DisableReason, EventType, Failure,
    FailureKind, Health, NewEvent, Phases, ReplayId, ReplayRecord, ReplayState, ReplayWish, Scope,
    SubscriptionId, SubscriptionKey, SubscriptionStatus, Terms, Trigger, Wanted, Window,
    ports::{
        Store,
        store::{
            Batch, Claim, ClaimOrder, DeliveryFilter, End, Ended, EventFilter, HealthChange, NewReplay,
            NextStep, Outcome, Page, PruneStep, ReplayStep, StoreError, SubscriptionChange,
        },
    },
};
use hookseal_testkit::{MemoryStore, conformance::Harness};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    OnDisk,
    events::{START_MS, event_at, new_subscription, reference},
};

/// Subscriptions there are from the beginning, in turns of scope 1 and 2.
const SUBSCRIPTIONS: u64 = 4;

/// A step of a test. An [`Index`] picks from what there is by then.
#[derive(Debug, Clone)]
enum Step {
    Commit { events: Vec<Draft>, outcomes: Vec<(Index, Next)>, ended: Vec<(Index, bool)> },
    Health { subscription: Index, failures: u32, disable: Option<DisableReason> },
    Claim { subscription: Index, by_place: bool, limit: usize, bytes_max: usize, ahead_ms: u64 },
    ClaimOnly(Index),
    Release(Vec<Index>),
    Retry(Index),
    Cancel(Index),
    Expire { ahead_ms: u64, limit: usize },
    Later(Later),
    Status { subscription: Index, status: SubscriptionStatus },
    Delete { subscription: Index },
    List { subscription: Option<Index>, state: Option<DeliveryState>, limit: usize },
    Crash,
    Restart,
}

/// A step that has to do with what is long past.
#[derive(Debug, Clone)]
enum Later {
    Replay { subscription: Index, wanted: i64, back_ms: u64 },
    Advance { replay: Index, bounds: (usize, usize, usize) },
    EndReplay(Index),
    Prune { ahead_ms: u64, examined_max: usize, deliveries_max: usize },
}

/// An event to be made.
#[derive(Debug, Clone)]
struct Draft {
    second_scope: bool,
    name: Option<u8>,
    body: u8,
    targets: Vec<(Index, bool)>,
    /// Committed with the place of an earlier moment.
    late: bool,
    /// Milliseconds from its acceptance on.
    deliver_in: Option<u64>,
    expires_in: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Succeed,
    RetryIn(u64),
    GiveUp,
    Expire,
}

fn draft() -> impl Strategy<Value = Draft> {
    let targets = vec((any::<Index>(), any::<bool>()), 0..5);
    let window = (proptest::option::weighted(0.2, 0..400u64), proptest::option::weighted(0.4, 0..400u64));
    let name = proptest::option::weighted(0.3, 0..4u8);
    (any::<bool>(), name, 0..2u8, targets, proptest::bool::weighted(0.2), window).prop_map(
        |(second_scope, name, body, targets, late, (deliver_in, expires_in))| Draft {
            second_scope,
            name,
            body,
            targets,
            late,
            deliver_in,
            expires_in,
        },
    )
}

fn later() -> impl Strategy<Value = Later> {
    prop_oneof![
        2 => (any::<Index>(), 1..32i64, 0..2_000u64).prop_map(|(subscription, wanted, back_ms)| {
            Later::Replay { subscription, wanted, back_ms }
        }),
        4 => (any::<Index>(), (0..5usize, 0..9usize, 1..9usize))
            .prop_map(|(replay, bounds)| Later::Advance { replay, bounds }),
        1 => any::<Index>().prop_map(Later::EndReplay),
        1 => (0..2_000u64, 1..9usize, 1..9usize).prop_map(|(ahead_ms, examined_max, deliveries_max)| {
            Later::Prune { ahead_ms, examined_max, deliveries_max }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let next = prop_oneof![
        Just(Next::Succeed),
        (0..3_000u64).prop_map(Next::RetryIn),
        Just(Next::GiveUp),
        Just(Next::Expire),
    ];
    let status = proptest::sample::select(SubscriptionStatus::ALL.to_vec());
    let state = proptest::option::of(proptest::sample::select(DeliveryState::ALL.to_vec()));
    let reason = proptest::option::of(proptest::sample::select(DisableReason::ALL.to_vec()));
    prop_oneof![
        12 => (vec(draft(), 0..4), vec((any::<Index>(), next), 0..6), vec(any::<(Index, bool)>(), 0..3))
            .prop_map(|(events, outcomes, ended)| Step::Commit { events, outcomes, ended }),
        1 => (any::<Index>(), 0..9u32, reason)
            .prop_map(|(subscription, failures, disable)| Step::Health { subscription, failures, disable }),
        6 => (any::<Index>(), any::<bool>(), 0..5usize, 0..80usize, 0..4_000u64).prop_map(
            |(subscription, by_place, limit, bytes_max, ahead_ms)| {
                Step::Claim { subscription, by_place, limit, bytes_max, ahead_ms }
            }
        ),
        1 => any::<Index>().prop_map(Step::ClaimOnly),
        3 => vec(any::<Index>(), 0..4).prop_map(Step::Release),
        3 => any::<Index>().prop_map(Step::Retry),
        2 => any::<Index>().prop_map(Step::Cancel),
        8 => later().prop_map(Step::Later),
        3 => (0..600u64, 0..4usize).prop_map(|(ahead_ms, limit)| Step::Expire { ahead_ms, limit }),
        1 => (any::<Index>(), status).prop_map(|(subscription, status)| Step::Status { subscription, status }),
        1 => any::<Index>().prop_map(|subscription| Step::Delete { subscription }),
        3 => (proptest::option::of(any::<Index>()), state, 1..6usize)
            .prop_map(|(subscription, state, limit)| Step::List { subscription, state, limit }),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_step_comes_to_the_same(steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::start().await;
            for step in steps {
                pair.take(step).await;
            }
            pair.compare_all().await;
        });
    }
}

/// The two stores, and what was done to them.
struct Pair {
    disk: OnDisk,
    memory: Arc<MemoryStore>,
    subscriptions: Vec<(SubscriptionId, SubscriptionKey, Scope)>,
    deliveries: Vec<DeliveryRef>,
    replays: Vec<ReplayRecord>,
    /// What holds for those that were leased last.
    terms: HashMap<DeliveryId, Terms>,
    clock_ms: u64,
    order: u64,
    /// Places that were left free, for events that are committed late.
    spare: u64,
}

/// Asks both stores the same, and holds the answers against each other.
macro_rules! both {
    ($pair:expr, |$store:ident| $call:expr) => {{
        let disk = {
            let $store = &$pair.disk.store;
            comparable($call.await)
        };
        let memory = {
            let $store = &$pair.memory;
            comparable($call.await)
        };
        assert_eq!(disk, memory, "{}", stringify!($call));
        disk
    }};
}

/// An answer; of an error, only what a caller acts on.
fn comparable<T: Debug>(answer: Result<T, StoreError>) -> Result<T, &'static str> {
    answer.map_err(|error| match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Conflict { .. } => "conflict",
        StoreError::Corrupt { .. } => "corrupt",
        _ => "bug",
    })
}

impl Pair {
    async fn start() -> Self {
        let order = START_MS << 12;
        let mut pair = Self {
            disk: OnDisk::start().await,
            memory: Arc::new(MemoryStore::new()),
            subscriptions: Vec::new(),
            deliveries: Vec::new(),
            replays: Vec::new(),
            terms: HashMap::new(),
            clock_ms: START_MS,
            order,
            spare: order,
        };
        pair.recover().await;
        for number in 1..=SUBSCRIPTIONS {
            let mut new = new_subscription(number);
            new.scope = Scope(1 + (number % 2) as i32);
            let made = both!(pair, |store| store.create_subscription(new.clone())).expect("it is created");
            pair.subscriptions.push((made.id, made.key, made.scope));
        }
        pair
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.clock_ms as i64)
    }

    async fn recover(&mut self) {
        let now = self.now();
        both!(self, |store| store.recover(now)).expect("the stores recover");
    }

    async fn claim(&mut self, claim: Claim) {
        let claimed = both!(self, |store| store.claim(claim)).expect("deliveries are claimed");
        let terms = claimed.deliveries.iter().map(|claimed| (claimed.delivery.id, claimed.terms));
        self.terms.extend(terms);
    }

    async fn take(&mut self, step: Step) {
        // All within the time after which a row is written for whoever is slow: that shows in what is recovered.
        self.clock_ms += 20;
        let now = self.now();
        match step {
            Step::Commit { events, outcomes, ended } => self.commit(events, outcomes, ended).await,
            Step::Health { subscription, failures, disable } => {
                self.change_health(subscription, failures, disable).await;
            }
            Step::Claim { subscription, by_place, limit, bytes_max, ahead_ms } => {
                let due_before = now.saturating_add(Duration::from_millis(ahead_ms));
                let order = if by_place { ClaimOrder::Place } else { ClaimOrder::Due };
                let subscription = self.pick(subscription).1;
                self.claim(Claim { subscription, order, due_before, limit, bytes_max }).await;
            }
            Step::ClaimOnly(delivery) => {
                if let Some(DeliveryRef { id, subscription, .. }) = self.delivery(delivery) {
                    let order = ClaimOrder::Only(id);
                    self.claim(Claim { subscription, order, due_before: now, limit: 9, bytes_max: 9 }).await;
                }
            }
            Step::Release(deliveries) => {
                let deliveries: Vec<_> =
                    deliveries.into_iter().filter_map(|index| self.delivery(index)).collect();
                let _ = both!(self, |store| store.release(deliveries.clone()));
            }
            Step::Retry(delivery) => {
                if let Some(key) = self.delivery(delivery) {
                    let _ = both!(self, |store| store.retry(key.scope, key.id, now));
                }
            }
            Step::Cancel(delivery) => {
                if let Some(key) = self.delivery(delivery) {
                    let _ = both!(self, |store| store.cancel(key.scope, key.id, now));
                }
            }
            Step::Expire { ahead_ms, limit } => {
                let then = now.saturating_add(Duration::from_millis(ahead_ms));
                let _ = both!(self, |store| store.expire(then, limit));
            }
            Step::Later(later) => self.take_later(later).await,
            Step::Status { subscription, status } => {
                let (id, _, scope) = self.pick(subscription);
                let change =
                    SubscriptionChange { status: Some(status), ..SubscriptionChange::of(scope, id, now) };
                let _ = both!(self, |store| store.change_subscription(change.clone()));
            }
            Step::Delete { subscription } => {
                let (id, _, scope) = self.pick(subscription);
                let _ = both!(self, |store| store.delete_subscription(scope, id, now));
            }
            Step::List { subscription, state, limit } => {
                let subscription = subscription.map(|index| self.pick(index).0);
                let filter = DeliveryFilter { subscription, state, ..DeliveryFilter::default() };
                self.compare_pages(filter, limit).await;
            }
            Step::Crash => {
                self.disk.crash().await;
                self.memory = Arc::new(self.memory.after_crash());
                self.recover().await;
            }
            Step::Restart => {
                self.disk.restart().await;
                self.memory.close().await;
                self.memory = Arc::new(self.memory.after_crash());
                self.recover().await;
            }
        }
    }

    async fn change_health(&mut self, subscription: Index, failures: u32, disable: Option<DisableReason>) {
        let now = self.now();
        let health = Health {
            failures_in_a_row: failures,
            failing_since: (failures > 0).then_some(now),
            ..Health::GOOD
        };
        let change = HealthChange { subscription: self.pick(subscription).1, health, disable };
        let _ = both!(self, |store| store.commit(Batch { health: vec![change], ..Batch::default() }));
    }

    async fn take_later(&mut self, later: Later) {
        match later {
            Later::Replay { subscription, wanted, back_ms } => {
                self.replay(subscription, wanted, back_ms).await;
            }
            Later::Advance { replay, bounds } => self.advance(replay, bounds).await,
            Later::EndReplay(replay) => {
                if let Some(replay) = self.pick_replay(replay) {
                    let (state, now) = (ReplayState::Cancelled, self.now());
                    let _ = both!(self, |store| store.end_replay(replay.scope, replay.id, state, now));
                }
            }
            Later::Prune { ahead_ms, examined_max, deliveries_max } => {
                let before = self.now().saturating_add(Duration::from_millis(ahead_ms));
                let step = PruneStep { before, after: 0, examined_max, deliveries_max };
                let _ = both!(self, |store| store.prune(step));
            }
        }
    }

    async fn replay(&mut self, subscription: Index, wanted: i64, back_ms: u64) {
        let (_, key, _) = self.pick(subscription);
        let now = self.now();
        let new = NewReplay {
            id: ReplayId::from_parts(self.places(1), 5),
            subscription: key,
            wish: ReplayWish {
                since: now.saturating_sub(Duration::from_millis(back_ms)),
                until: now,
                wanted: Wanted::from_code(wanted).expect("five bits, not all of them clear"),
                event_types: None,
            },
        };
        if let Ok(Some(replay)) = both!(self, |store| store.create_replay(new.clone())) {
            self.replays.push(replay);
        }
    }

    async fn advance(&mut self, replay: Index, bounds: (usize, usize, usize)) {
        let Some(replay) = self.pick_replay(replay) else { return };
        let (deliveries_max, outstanding_max, examined_max) = bounds;
        let step = ReplayStep {
            id: replay.id,
            now: self.now(),
            deliveries_max,
            outstanding_max,
            examined_max,
            targets_max: 2 * examined_max,
            first_order: self.places(deliveries_max as u64),
            types: None,
        };
        let _ = both!(self, |store| store.advance_replay(step.clone()));
        // What it created is known by now as what is due of its subscription.
        let filter =
            DeliveryFilter { subscription: Some(replay.subscription_id), ..DeliveryFilter::default() };
        let page = Page { limit: usize::MAX, after: None };
        let found =
            both!(self, |store| store.deliveries(replay.scope, filter.clone(), page)).expect("listed");
        for record in found.rows {
            if !self.deliveries.contains(&record.key) {
                self.deliveries.push(record.key);
            }
        }
    }

    fn pick_replay(&self, index: Index) -> Option<ReplayRecord> {
        (!self.replays.is_empty()).then(|| index.get(&self.replays).clone())
    }

    /// So many places that no id has yet.
    fn places(&mut self, count: u64) -> u64 {
        let first = (self.order + 10).max(self.clock_ms << 12);
        self.order = first + count;
        first
    }

    async fn commit(&mut self, drafts: Vec<Draft>, outcomes: Vec<(Index, Next)>, ended: Vec<(Index, bool)>) {
        let outcomes: Vec<_> =
            outcomes.into_iter().filter_map(|(index, next)| self.outcome(index, next)).collect();
        let ended: Vec<_> =
            ended.into_iter().filter_map(|(index, cancelled)| self.ended(index, cancelled)).collect();
        let events: Vec<_> = drafts.into_iter().map(|draft| self.event(draft)).collect();
        let batch = || Batch {
            events: events.clone(),
            outcomes: outcomes.clone(),
            ended: ended.clone(),
            health: Vec::new(),
        };
        let committed = both!(self, |store| store.commit(batch())).expect("a batch is committed");
        for (event, verdict) in events.iter().zip(committed.verdicts) {
            if verdict == hookseal_engine::Verdict::Accepted {
                let new = (0..event.targets.len()).map(|index| reference(event, index));
                self.terms.extend(new.clone().map(|key| (key.id, event.terms())));
                self.deliveries.extend(new);
            }
        }
    }

    fn event(&mut self, draft: Draft) -> NewEvent {
        let scope = Scope(if draft.second_scope { 2 } else { 1 });
        let of_scope: Vec<_> = self.subscriptions.iter().filter(|(_, _, other)| *other == scope).collect();
        let target = |(index, leased): &(Index, bool)| (index.get(&of_scope).1, *leased);
        let targets: Vec<_> = draft.targets.iter().map(target).collect();
        let order = if draft.late {
            self.spare += 10;
            self.spare
        } else {
            self.order = (self.order + 10).max(self.clock_ms << 12);
            self.order
        };
        let mut event = event_at(order, &targets);
        let after =
            |ms: Option<u64>| ms.map(|ms| event.accepted_at.saturating_add(Duration::from_millis(ms)));
        event.window = Window { deliver_at: after(draft.deliver_in), expires_at: after(draft.expires_in) };
        event.scope = scope;
        event.external_id = draft.name.map(|name| format!("name-{name}"));
        event.payload.body = Bytes::from(vec![draft.body; 20]);
        event.payload.event_type = EventType::new(format!("type.{}", draft.body)).expect("a type");
        event
    }

    fn outcome(&self, index: Index, next: Next) -> Option<Outcome> {
        let delivery = self.delivery(index)?;
        let next = match next {
            Next::Succeed => NextStep::Succeeded,
            Next::GiveUp => NextStep::GiveUp,
            Next::Expire => NextStep::Expire,
            Next::RetryIn(ms) => NextStep::RetryAt(self.now().saturating_add(Duration::from_millis(ms))),
        };
        let failed = next != NextStep::Succeeded;
        let result = AttemptResult {
            status: Some(if failed { 500 } else { 200 }),
            failure: failed.then(|| Failure::new(FailureKind::Status, "no")),
            phases: Phases { total: Duration::from_micros(2_500), ..Phases::default() },
            ..AttemptResult::default()
        };
        // Numbers only have to ascend; the clock does.
        let number = (self.clock_ms - START_MS) as u32;
        let attempt = AttemptRecord { number, trigger: Trigger::Schedule, started_at: self.now(), result };
        // What a claim gives is written back: both stores keep it in ways of their own.
        let terms = self.terms.get(&delivery.id).copied().unwrap_or_default();
        Some(Outcome { delivery, attempt, next, terms })
    }

    fn ended(&self, index: Index, cancelled: bool) -> Option<Ended> {
        let end = if cancelled { End::Cancelled } else { End::Expired };
        Some(Ended { delivery: self.delivery(index)?, end, at: self.now() })
    }

    fn pick(&self, index: Index) -> (SubscriptionId, SubscriptionKey, Scope) {
        *index.get(&self.subscriptions)
    }

    fn delivery(&self, index: Index) -> Option<DeliveryRef> {
        (!self.deliveries.is_empty()).then(|| *index.get(&self.deliveries))
    }

    async fn compare_pages(&self, filter: DeliveryFilter, limit: usize) {
        for scope in [Scope(1), Scope(2)] {
            let mut page = Page { limit, after: None };
            while let Some(next) = both!(self, |store| store.deliveries(scope, filter.clone(), page))
                .expect("they are listed")
                .next
            {
                page.after = Some(next);
            }
        }
    }

    /// All that can be read.
    async fn compare_all(&self) {
        self.compare_pages(DeliveryFilter::default(), 7).await;
        let _ = both!(self, |store| store.all_subscriptions());
        for scope in [Scope(1), Scope(2)] {
            let page = Page { limit: usize::MAX, after: None };
            let events =
                both!(self, |store| store.events(scope, EventFilter::default(), page)).expect("listed");
            for event in events.rows {
                let _ = both!(self, |store| store.event(scope, event.id));
                let _ = both!(self, |store| store.event_deliveries(scope, event.id));
            }
        }
        let _ = both!(self, |store| store.running_replays());
        for (id, _, scope) in &self.subscriptions {
            let page = Page { limit: usize::MAX, after: None };
            let _ = both!(self, |store| store.replays(*scope, *id, page));
        }
        for key in &self.deliveries {
            let _ = both!(self, |store| store.delivery(key.scope, key.id));
            let _ = both!(self, |store| store.attempts(key.scope, key.id));
        }
    }
}
