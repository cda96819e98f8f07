//! Replays: durable jobs that make deliveries due again, a few at a time, as fast as their subscription takes them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hookseal::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Engine, EngineError, FieldProblem, Stopping};
use crate::{
    ReplayId, ReplayRecord, ReplayRequest, ReplayState, Replayable, Scope, SubscriptionId, SubscriptionKey,
    SubscriptionStatus, limits,
    ports::store::{Advanced, NewReplay, ReplayStep, StoreError},
};

/// The longest sleep while a replay waits for its deliveries to go out: some end in ways that nobody tells it.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The replays that run.
#[derive(Debug, Default)]
pub(super) struct Replays {
    running: Mutex<HashMap<SubscriptionKey, Running>>,
    /// How many there are: looked at for every commit, so that it costs nothing where there is none.
    count: AtomicUsize,
    /// Wakes the task that runs them.
    changed: Notify,
}

#[derive(Debug, Clone)]
struct Running {
    id: ReplayId,
    scope: Scope,
    creates: bool,
    /// Deliveries of the subscription that are to end before its next step.
    awaited: usize,
    /// Whether it cannot go on, and is to be ended as failed as soon as the store takes that.
    failed: bool,
}

impl Replays {
    fn insert(&self, replay: &ReplayRecord) {
        let running = Running {
            id: replay.id,
            scope: replay.scope,
            creates: replay.wish.wanted.holds(Replayable::Missing),
            awaited: 0,
            failed: false,
        };
        let mut all = self.running.lock();
        all.insert(replay.subscription, running);
        self.count.store(all.len(), Ordering::Relaxed);
        self.changed.notify_one();
    }

    fn remove(&self, key: SubscriptionKey, id: ReplayId) {
        let mut all = self.running.lock();
        if all.get(&key).is_some_and(|running| running.id == id) {
            all.remove(&key);
        }
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Notes that attempts of these subscriptions' deliveries are over.
    pub(super) fn note_ended(&self, keys: impl Iterator<Item = SubscriptionKey>) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut all = self.running.lock();
        for key in keys {
            if let Some(running) = all.get_mut(&key).filter(|running| running.awaited > 0) {
                running.awaited -= 1;
                if running.awaited == 0 {
                    self.changed.notify_one();
                }
            }
        }
    }

    /// Has all of them looked at again.
    pub(super) fn look_again(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.running.lock().values_mut().for_each(|running| running.awaited = 0);
            self.changed.notify_one();
        }
    }

    /// Whether any waits for deliveries to end. One that waits for its subscription to take deliveries is told.
    fn wait(&self) -> bool {
        self.running.lock().values().any(|running| running.awaited > 0)
    }

    fn set_failed(&self, key: SubscriptionKey, id: ReplayId) {
        if let Some(running) = self.running.lock().get_mut(&key).filter(|running| running.id == id) {
            running.failed = true;
        }
    }

    fn wait_for(&self, key: SubscriptionKey, deliveries: usize) {
        if let Some(running) = self.running.lock().get_mut(&key) {
            running.awaited = deliveries;
        }
    }
}

/// Runs replays, until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut stopping = engine.stopping.subscribe();
    loop {
        let changed = engine.replays.changed.notified();
        while engine.advance_and_rest().await {}
        let waits = engine.replays.wait();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
            () = changed => {}
            () = engine.clock.sleep(LOOK_AGAIN), if waits => engine.replays.look_again(),
        }
    }
}

impl Engine {
    /// Begins to send a subscription again what a stretch of time holds for it. Returns once the replay is durable; it
    /// goes on by itself, also over a restart, while the subscription is active.
    ///
    /// # Errors
    ///
    /// [`EngineError::Invalid`] where the time makes no sense, [`EngineError::Conflict`] where another replay of the
    /// subscription runs, [`EngineError::NotFound`].
    pub async fn start_replay(
        self: &Arc<Self>,
        scope: Scope,
        subscription: SubscriptionId,
        request: ReplayRequest,
    ) -> Result<ReplayRecord, EngineError> {
        if request.since >= request.until.unwrap_or_else(|| self.clock.now()) {
            let detail = "must lie before `until`, or before now".to_owned();
            return Err(EngineError::Invalid(FieldProblem { field: "since", detail }));
        }
        let subscriber = self.registry.read().by_id(scope, subscription).cloned();
        let key = subscriber.ok_or(EngineError::NotFound)?.subscription.key;
        // Every event that was handed in before has its place in the store then, and is seen.
        self.flushed().await.map_err(EngineError::Store)?;
        let id = ReplayId::from_parts(self.ids.reserve(self.clock.now(), 1), self.entropy.next_u64());
        let new = NewReplay { id, subscription: key, wish: request.of(id) };
        let replay = match self.store.create_replay(new).await {
            Ok(replay) => replay.ok_or(EngineError::NotFound)?,
            Err(StoreError::Conflict { what }) => return Err(EngineError::Conflict(what)),
            Err(error) => return Err(EngineError::Store(error)),
        };
        if replay.state == ReplayState::Running {
            self.replays.insert(&replay);
        }
        Ok(replay)
    }

    /// Calls a replay off. What it made due by then is delivered.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`]; [`EngineError::Conflict`] where it had ended.
    pub async fn cancel_replay(
        self: &Arc<Self>,
        scope: Scope,
        id: ReplayId,
    ) -> Result<ReplayRecord, EngineError> {
        let ended = self.store.end_replay(scope, id, ReplayState::Cancelled, self.clock.now()).await;
        let (replay, changed) = ended.map_err(EngineError::Store)?.ok_or(EngineError::NotFound)?;
        if !changed {
            return Err(EngineError::Conflict("the replay has ended before"));
        }
        self.replays.remove(replay.subscription, id);
        Ok(replay)
    }

    /// Takes up what ran when an earlier process ended.
    pub(super) fn resume_replays(&self, replays: &[ReplayRecord]) {
        replays.iter().for_each(|replay| self.replays.insert(replay));
    }

    /// A step of each replay, then a rest of as long as they took, for those whose events wait to be stored. Returns whether
    /// any may go on.
    async fn advance_and_rest(self: &Arc<Self>) -> bool {
        let began = self.clock.now();
        let again = self.advance_replays().await;
        let rest = self.clock.now().since(began).min(limits::REPLAY_REST_MAX);
        if again && !rest.is_zero() {
            self.clock.sleep(rest).await;
        }
        again
    }

    /// One step of each replay that can go on. Returns whether any may go on.
    async fn advance_replays(self: &Arc<Self>) -> bool {
        let ready: Vec<_> = {
            let all = self.replays.running.lock();
            let ready = all.iter().filter(|(_, running)| running.awaited == 0);
            ready.map(|(key, running)| (*key, running.clone())).collect()
        };
        let mut again = false;
        for (key, Running { id, scope, creates, failed, .. }) in ready {
            if failed {
                self.end_failed(scope, key, id).await;
                continue;
            }
            // A subscription that takes no deliveries is looked at again when that changes.
            let Some(subscriber) = self.subscriber(key) else {
                self.replays.remove(key, id);
                continue;
            };
            let active = subscriber.standing().lock().status == SubscriptionStatus::Active;
            if !active || *self.stopping.borrow() != Stopping::No {
                continue;
            }
            let now = self.clock.now();
            let places = if creates { limits::REPLAY_STEP as u64 } else { 1 };
            let step = ReplayStep {
                id,
                now,
                deliveries_max: limits::REPLAY_STEP,
                outstanding_max: limits::REPLAY_OUTSTANDING_MAX,
                examined_max: limits::REPLAY_EXAMINED_MAX,
                targets_max: limits::REPLAY_TARGETS_MAX,
                first_order: self.ids.reserve(now, places),
                types: subscriber.subscription.settings.event_types.clone(),
            };
            again |= match self.store.advance_replay(step).await {
                Ok(advanced) => self.replay_advanced(key, id, advanced, now),
                Err(error) => self.replay_failed(scope, key, id, &error).await,
            };
        }
        again
    }

    /// Takes in what a step came to. Returns whether the next may follow at once.
    fn replay_advanced(
        self: &Arc<Self>,
        key: SubscriptionKey,
        id: ReplayId,
        advanced: Option<Advanced>,
        now: Timestamp,
    ) -> bool {
        let Some(Advanced { replay, made_due, outstanding }) = advanced else {
            self.replays.remove(key, id);
            return false;
        };
        let (waiting, runs) = (outstanding + made_due, replay.state == ReplayState::Running);
        let full = waiting >= limits::REPLAY_OUTSTANDING_MAX;
        if !runs {
            self.replays.remove(key, id);
        } else if full {
            // Said before the first of them can end.
            self.replays.wait_for(key, (waiting / 2).max(1));
        }
        if made_due > 0 {
            // What is published meanwhile need not wait behind them.
            self.dispatcher.lock().store_changed(key, now);
            self.pump();
        }
        runs && !full
    }

    /// What cannot be read ends a replay; what may pass puts it off.
    async fn replay_failed(
        self: &Arc<Self>,
        scope: Scope,
        key: SubscriptionKey,
        id: ReplayId,
        error: &StoreError,
    ) -> bool {
        tracing::error!(replay = %id, error = error as &dyn std::error::Error, "a replay could not go on");
        if matches!(error, StoreError::Unavailable { .. }) {
            self.replays.wait_for(key, usize::MAX);
        } else {
            self.replays.set_failed(key, id);
            self.end_failed(scope, key, id).await;
        }
        false
    }

    /// Ends what cannot go on. Where the store does not take that now it is asked again: no other replay of the
    /// subscription can be started before.
    async fn end_failed(&self, scope: Scope, key: SubscriptionKey, id: ReplayId) {
        match self.store.end_replay(scope, id, ReplayState::Failed, self.clock.now()).await {
            Ok(_) => self.replays.remove(key, id),
            Err(error) => {
                tracing::error!(replay = %id, error = &error as &dyn std::error::Error, "a replay could not be ended");
                self.replays.wait_for(key, usize::MAX);
            }
        }
    }
}
