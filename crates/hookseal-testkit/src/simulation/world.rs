//! What outlives a process: the plan, the clocks, the disk, and what the outside knows.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hookseal::Timestamp;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    Sabotage, Seen,
    ledger::{Ledger, Moment},
    plan::{End, Millis, Plan},
    random::Random,
    trace::Trace,
};
use crate::memory::MemoryStore;

/// The wall clock when a run begins.
const BEGINNING: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// All that is shared by the processes of a run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) seen: Mutex<Seen>,
    pub(super) trace: Mutex<Trace>,
    /// What the store, the network and those who use the engine draw from.
    pub(super) store_dice: Mutex<Random>,
    pub(super) network_dice: Mutex<Random>,
    pub(super) client_dice: Mutex<Random>,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>, keep_trace: bool) -> Self {
        Self {
            plan: Plan::of(seed),
            sabotage,
            ledger: Mutex::new(Ledger::new()),
            seen: Mutex::default(),
            trace: Mutex::new(Trace::new(keep_trace)),
            store_dice: Mutex::new(Random::stream(seed, "store")),
            network_dice: Mutex::new(Random::stream(seed, "network")),
            client_dice: Mutex::new(Random::stream(seed, "clients")),
        }
    }

    /// Whether the engine is broken in this way.
    pub(super) fn is_broken(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}

/// One process: an engine, its ports, and those who use it, from its start to its end.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) world: Arc<World>,
    /// Its number in the run.
    pub(super) number: u64,
    pub(super) disk: Arc<MemoryStore>,
    /// When it is to end; `None` for the one that stays.
    pub(super) end: Option<End>,
    began: Millis,
    start: Instant,
    dead: AtomicBool,
    death: Notify,
    calls: AtomicU64,
}

impl Life {
    /// A process that begins now. To be called within its runtime, whose time stands still.
    #[expect(clippy::disallowed_methods, reason = "the runtime's clock is paused: it is the simulated one")]
    pub(super) fn begin(
        world: Arc<World>,
        disk: Arc<MemoryStore>,
        number: u64,
        began: Millis,
        end: Option<End>,
    ) -> Arc<Self> {
        Arc::new(Self {
            world,
            number,
            disk,
            end,
            began,
            start: Instant::now(),
            dead: AtomicBool::new(false),
            death: Notify::new(),
            calls: AtomicU64::new(0),
        })
    }

    /// Simulated time since the run began.
    #[expect(clippy::disallowed_methods, reason = "the runtime's clock is paused: it is the simulated one")]
    pub(super) fn passed(&self) -> Millis {
        let passed = Instant::now().duration_since(self.start);
        self.began + u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    /// This moment, on both clocks.
    pub(super) fn now(&self) -> Moment {
        let passed = self.passed();
        let millis = BEGINNING.as_unix_millis() + passed as i64 + self.world.plan.offset(passed);
        let latest = BEGINNING.as_unix_millis() + self.world.plan.furthest(passed);
        let (wall, latest) = (Timestamp::from_unix_millis(millis), Timestamp::from_unix_millis(latest));
        Moment { passed, wall, latest }
    }

    /// Whether things still go wrong.
    pub(super) fn is_stormy(&self) -> bool {
        self.passed() < self.world.plan.storm
    }

    /// The process ends at once: nothing that it does from here on has an effect.
    pub(super) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.death.notify_one();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Returns when the process has ended.
    pub(super) async fn death(&self) {
        if !self.is_dead() {
            self.death.notified().await;
        }
    }

    /// Returns at once while the process lives, and never after.
    pub(super) async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Lets time pass, for as long as the process lives.
    pub(super) async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
        self.alive().await;
    }

    /// Counts a call of the store. Returns how the process ends with it, if it does.
    pub(super) fn count_call(&self) -> Option<bool> {
        let count = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.end {
            Some(End::AtCall { number, done }) if number == count && self.is_stormy() => Some(done),
            _ => None,
        }
    }

    /// Adds to the trace.
    pub(super) fn note(&self, what: fmt::Arguments<'_>) {
        let at = self.passed();
        self.world.trace.lock().note(at, what);
    }

    /// Has the run end where an invariant was seen not to hold.
    pub(super) fn end_if_violated(&self) {
        if !self.world.ledger.lock().violations.is_empty() {
            self.die();
        }
    }
}
