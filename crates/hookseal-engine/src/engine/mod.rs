//! The driver: it runs the decisions over the ports. What is decided here is only when to do what.
//!
//! ```text
//! publish ──> committer ──> store            one transaction for all that has come together
//!                 │
//!                 └──> dispatcher ──> attempts ──> transport
//!                          ^              │
//!   wakeups, refills ──────┘              └──> committer (outcomes)
//! ```

mod attempts;
mod challenges;
mod committer;
mod deliveries;
mod error;
mod expiry;
mod operational;
mod pings;
mod publish;
mod refill;
mod replays;
mod retention;
mod rotation;
mod subscriptions;
mod unsure;

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use hookseal::{Profile, Timestamp};
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use self::{challenges::Challenges, committer::Entry, expiry::Expiry, pings::Pings, replays::Replays};
pub use self::{
    error::{ChangeError, EngineError, FieldProblem, PublishError, StartError},
    publish::{Publish, Published},
    rotation::Rotation,
    subscriptions::{Pinged, SecretChoice, SettingsChange},
};
use crate::{
    IdSource, SubscriptionId, SubscriptionKey,
    dispatcher::{Dispatcher, Job, QueueState, Waiting},
    limits,
    ports::{Clock, Entropy, Store, Transport},
    registry::Registry,
    subscriber::Subscriber,
};

/// What an engine is put together from.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// How attempts are sent.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// The profiles that subscriptions may name.
    pub profiles: Vec<Arc<Profile>>,
    /// Bytes that an event's body may have at most.
    pub body_bytes_max: usize,
    /// The User-Agent of profiles that say none: up to `USER_AGENT_CHARS_MAX` visible characters. Hookseal and its
    /// version if `None`.
    pub user_agent: Option<String>,
}

/// A running engine.
pub struct Engine {
    store: Arc<dyn Store>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    profiles: HashMap<String, Arc<Profile>>,
    body_bytes_max: usize,
    user_agent: Option<String>,
    ids: IdSource,
    registry: RwLock<Registry>,
    /// One change of subscriptions at a time, so that memory never falls behind the store.
    changing: tokio::sync::Mutex<()>,
    /// One claim or return of leases at a time: a return that is asked for again, its answer lost, must not give back
    /// what was claimed in between.
    leasing: tokio::sync::Mutex<()>,
    dispatcher: Mutex<Dispatcher>,
    entries: mpsc::UnboundedSender<Entry>,
    accepting: Arc<Semaphore>,
    expiry: Expiry,
    replays: Replays,
    /// Test deliveries under way.
    pings: Arc<Pings>,
    challenges: Challenges,
    /// Wakes the task that waits for secrets to end.
    secrets_end: Notify,
    /// Wakes the task that waits for what comes due.
    refill: Notify,
    /// Wakes whoever waits for the last attempt to be over.
    idle: Notify,
    stopping: watch::Sender<Stopping>,
    counters: Counters,
}

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stopping {
    /// It runs.
    No,
    /// Nothing new begins; what is under way may end.
    Draining,
    /// What is under way is cut off.
    Cut,
}

/// What has happened since the start.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    attempts: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    store_failures: AtomicU64,
}

/// What has happened since the engine started, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Events accepted.
    pub accepted: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Deliveries that succeeded.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Commits that the store refused.
    pub store_failures: u64,
    /// Attempts under way, and outcomes and ends not recorded yet.
    pub unrecorded: usize,
    /// Attempts under way.
    pub in_flight: usize,
    /// Deliveries that wait in memory.
    pub in_memory: usize,
    /// Subscriptions whose breaker is not closed.
    pub open_breakers: usize,
    /// Subscriptions in memory.
    pub subscriptions: usize,
}

impl Engine {
    /// Recovers what an earlier run left, and starts.
    ///
    /// # Errors
    ///
    /// [`StartError`] where the store cannot be read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StartError> {
        let now = parts.clock.now();
        let recovered = parts.store.recover(now).await.map_err(StartError::Recover)?;
        let subscriptions = parts.store.all_subscriptions().await.map_err(StartError::Subscriptions)?;
        let replays = parts.store.running_replays().await.map_err(StartError::Replays)?;
        let (entries, queue) = mpsc::unbounded_channel();
        let engine = Arc::new(Self {
            store: parts.store,
            transport: parts.transport,
            clock: parts.clock,
            entropy: parts.entropy,
            profiles: parts.profiles.into_iter().map(|p| (p.name().to_owned(), p)).collect(),
            body_bytes_max: parts.body_bytes_max.min(limits::BODY_BYTES_MAX),
            user_agent: parts.user_agent,
            ids: IdSource::new(recovered.highest_order),
            registry: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            leasing: tokio::sync::Mutex::default(),
            dispatcher: Mutex::new(Dispatcher::new()),
            entries,
            accepting: Arc::new(Semaphore::new(limits::ACCEPTING_BYTES_MAX)),
            expiry: Expiry::default(),
            replays: Replays::default(),
            pings: Arc::default(),
            challenges: Challenges::default(),
            secrets_end: Notify::new(),
            refill: Notify::new(),
            idle: Notify::new(),
            stopping: watch::Sender::new(Stopping::No),
            counters: Counters::default(),
        });
        for subscription in subscriptions {
            engine.enlist(subscription, true);
        }
        {
            let mut dispatcher = engine.dispatcher.lock();
            for (key, due) in recovered.waiting {
                // Which of them comes first is not known: an ordered queue asks before it begins anything.
                dispatcher.stored(key, Waiting { due, order: 0 }, due <= now, now);
            }
        }
        if recovered.resumed > 0 {
            tracing::info!(
                deliveries = recovered.resumed,
                "resuming deliveries that an earlier run did not finish"
            );
        }
        tokio::spawn(committer::run(Arc::clone(&engine), queue));
        if let Some(first) = recovered.next_expiry {
            engine.note_expiry(first);
        }
        tokio::spawn(refill::run(Arc::clone(&engine)));
        tokio::spawn(expiry::run(Arc::clone(&engine)));
        engine.resume_replays(&replays);
        tokio::spawn(replays::run(Arc::clone(&engine)));
        tokio::spawn(rotation::run(Arc::clone(&engine)));
        engine.refill.notify_one();
        Ok(engine)
    }

    /// Stops: begins nothing more, lets attempts under way end within `drain`, cuts off those that do not, records
    /// all outcomes and closes the store. What was cut off or waited is attempted again by the next run.
    pub async fn stop(&self, drain: Duration) {
        self.dispatcher.lock().stop();
        self.stopping.send_replace(Stopping::Draining);
        if !self.is_idle_within(drain).await {
            let cut = self.dispatcher.lock().in_flight();
            tracing::warn!(attempts = cut, "cutting off attempts that did not end in time; they stay due");
            self.stopping.send_replace(Stopping::Cut);
            self.is_idle_within(limits::CUT).await;
        }
        if !self.flush().await {
            tracing::error!("outcomes could not be recorded before the end; their deliveries are made again");
        }
        self.store.close().await;
    }

    /// What has happened so far.
    pub fn stats(&self) -> Stats {
        use std::sync::atomic::Ordering::Relaxed;
        // Before the dispatcher is locked: whoever deletes a subscription locks them in this order.
        let subscriptions = self.registry.read().len();
        let dispatcher = self.dispatcher.lock();
        Stats {
            accepted: self.counters.accepted.load(Relaxed),
            attempts: self.counters.attempts.load(Relaxed),
            succeeded: self.counters.succeeded.load(Relaxed),
            failed: self.counters.failed.load(Relaxed),
            store_failures: self.counters.store_failures.load(Relaxed),
            unrecorded: dispatcher.unrecorded(),
            in_flight: dispatcher.in_flight(),
            in_memory: dispatcher.in_memory(),
            open_breakers: dispatcher.open_breakers(),
            subscriptions,
        }
    }

    /// How the queue of a subscription stands; `None` where there is no such subscription in memory.
    pub fn queue_state(&self, scope: crate::Scope, id: SubscriptionId) -> Option<QueueState> {
        let key = self.registry.read().by_id(scope, id)?.subscription.key;
        self.dispatcher.lock().state(key)
    }

    /// The time as the engine sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The profiles that subscriptions may name, by name.
    pub fn profiles(&self) -> Vec<&Arc<Profile>> {
        let mut profiles: Vec<_> = self.profiles.values().collect();
        profiles.sort_by_key(|profile| profile.name());
        profiles
    }

    /// The store, for reading.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Waits until no attempt is under way, at most so long. Returns whether that came about.
    async fn is_idle_within(&self, most: Duration) -> bool {
        let idle = async {
            loop {
                let notified = self.idle.notified();
                if self.dispatcher.lock().in_flight() == 0 {
                    return;
                }
                notified.await;
            }
        };
        tokio::select! {
            biased;
            () = idle => true,
            () = self.clock.sleep(most) => false,
        }
    }

    fn subscriber(&self, key: SubscriptionKey) -> Option<Arc<Subscriber>> {
        self.registry.read().subscriber(key).cloned()
    }

    /// Begins every attempt that may begin, and has what waits in the store looked after.
    fn pump(self: &Arc<Self>) {
        let now = self.clock.now();
        loop {
            let begun = self.dispatcher.lock().next_attempt(now);
            match begun {
                Some(begun) => drop(tokio::spawn(attempts::run(Arc::clone(self), begun))),
                None => break,
            }
        }
        self.look_after_store(self.dispatcher.lock());
    }

    /// Has what goes back to the store taken there, and what waits in it looked after.
    fn look_after_store(self: &Arc<Self>, mut dispatcher: MutexGuard<'_, Dispatcher>) {
        let returns = dispatcher.take_returns();
        if dispatcher.needs_looking_after() {
            self.refill.notify_one();
        }
        drop(dispatcher);
        if !returns.is_empty() {
            let engine = Arc::clone(self);
            tokio::spawn(async move { engine.release(returns).await });
        }
    }

    /// Gives leases back: what was leased is due again. In pieces, between which others get at the store.
    async fn release(self: &Arc<Self>, jobs: Vec<Job>) {
        let deliveries: Vec<_> = jobs.iter().map(|job| job.delivery).collect();
        let expires_at = jobs.iter().filter_map(|job| job.terms.expires_at).min();
        drop(jobs);
        for piece in deliveries.chunks(limits::CLAIM_DELIVERIES_MAX) {
            if self.give_back(piece).await.is_none() {
                return;
            }
            let now = self.clock.now();
            let mut dispatcher = self.dispatcher.lock();
            for delivery in piece {
                dispatcher.returned(delivery, now);
            }
        }
        if let Some(first) = expires_at {
            self.note_expiry(first);
        }
        self.pump();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
