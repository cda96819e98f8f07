//! Deterministic simulation: the engine's real driver, with a clock, a network and a store that come from a seed.
//!
//! A run has a storm and a calm. In the storm the store is slow, full, out of reach, or loses its answers; endpoints
//! hang, break, refuse, fail and ask for time; the wall clock steps; and the process ends, at a call of the store or
//! at any other moment, and begins again on the same disk. In the calm nothing fails any more, and everything has to
//! settle. The [`Invariant`]s are judged all the while, by what the outside saw and by what lies on the disk.
//!
//! Time is the paused clock of a tokio runtime with one thread: it passes when there is nothing else to do. The end of
//! a process is the end of its runtime, which drops every task at once. Whatever is drawn is drawn from the seed, so
//! that a run can be repeated, call by call: [`Report::trace`] is one number that stands for all of them.

mod broken;
mod clients;
mod clock;
mod invariant;
mod ledger;
mod many;
mod network;
mod plan;
mod random;
mod sabotage;
mod seen;
mod store;
mod trace;
mod world;

use std::{sync::Arc, time::Duration};

use hookseal::Profile;
use hookseal_engine::{Engine, Parts};
use parking_lot::Mutex;

use self::{
    clients::{BODY_BYTES, Client, LOOK_LONGEST, Work},
    clock::SimulatedClock,
    ledger::Ledger,
    network::SimulatedNetwork,
    plan::{End, Millis, SETTLING},
    store::SimulatedStore,
    world::{Life, World},
};
pub use self::{
    invariant::{Invariant, Violation},
    many::{Totals, run_many, seeds_in},
    sabotage::Sabotage,
    seen::Seen,
};
use crate::MemoryStore;

/// How long a stop may take at most: what is under way may end, is cut off, and is recorded; and the store takes its
/// time for each of these.
const DRAIN: Duration = Duration::from_secs(10);
/// See [`DRAIN`].
const STOP_MOST: Duration = Duration::from_secs(40);

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The invariants that did not hold: the first, and what was seen with it.
    pub violations: Vec<Violation>,
    /// A number that stands for every call of a port with its time.
    pub trace: u64,
    /// The calls themselves, where they were asked for.
    pub lines: Vec<String>,
    /// What happened.
    pub seen: Seen,
}

/// Runs the simulation of a seed.
pub fn run(seed: u64) -> Report {
    Run::new(seed, None, false).finish()
}

/// Runs the simulation of a seed, and keeps what happened as lines to read.
pub fn run_and_tell(seed: u64) -> Report {
    Run::new(seed, None, true).finish()
}

/// Runs the simulation of a seed on an engine that is broken.
pub fn run_broken(seed: u64, sabotage: Sabotage) -> Report {
    Run::new(seed, Some(sabotage), false).finish()
}

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// At once.
    Crashed,
    /// By being asked to.
    Stopped,
    /// All has settled, or should have.
    Over,
}

/// A run under way.
struct Run {
    world: Arc<World>,
    work: Arc<Mutex<Work>>,
    disk: Arc<MemoryStore>,
    passed: Millis,
    lives: u64,
}

impl Run {
    fn new(seed: u64, sabotage: Option<Sabotage>, tell: bool) -> Self {
        let world = Arc::new(World::new(seed, sabotage, tell));
        let work = Arc::new(Mutex::new(Work::of(&world.plan)));
        Self { world, work, disk: Arc::new(MemoryStore::new()), passed: 0, lives: 0 }
    }

    fn finish(mut self) -> Report {
        let mut ends = self.world.plan.ends.clone().into_iter();
        while self.live(ends.next()) != Ended::Over && self.world.ledger.lock().violations.is_empty() {
            self.disk = Arc::new(self.disk.after_crash());
        }
        let mut trace = self.world.trace.lock();
        let seen = Seen { lives: self.lives, calls: trace.calls(), ..self.world.seen.lock().clone() };
        Report {
            seed: self.world.plan.seed,
            violations: std::mem::take(&mut self.world.ledger.lock().violations),
            trace: trace.hash(),
            lines: trace.take_lines(),
            seen,
        }
    }

    /// One process, from its start to its end.
    fn live(&mut self, end: Option<End>) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("invariant: a runtime without I/O needs nothing of the system");
        let (world, work) = (Arc::clone(&self.world), Arc::clone(&self.work));
        let (disk, number, began) = (Arc::clone(&self.disk), self.lives, self.passed);
        let (ended, life) = runtime.block_on(async move {
            let life = Life::begin(world, disk, number, began, end);
            let ended = tokio::select! {
                biased;
                () = life.death() => Ended::Crashed,
                ended = live(&life, work) => ended,
            };
            life.note(format_args!("life {number} has {ended:?}"));
            (ended, life)
        });
        self.passed = runtime.block_on(async { life.passed() });
        let now = runtime.block_on(async { life.now() });
        drop(runtime);
        self.lives += 1;
        // The runtime is gone, and all tasks with it: whoever still holds the life has outlived it.
        let left = Arc::strong_count(&life) - 1;
        self.world.ledger.lock().demand(left == 0, Invariant::CrashEndsAll, now, || {
            format!("{left} holders of the process outlive it")
        });
        ended
    }
}

/// What a process does.
async fn live(life: &Arc<Life>, work: Arc<Mutex<Work>>) -> Ended {
    life.world.ledger.lock().life_begins(&life.disk, life.now());
    let Some(engine) = start(life).await else { return Ended::Crashed };
    if life.world.is_broken(Sabotage::OutlivesACrash) {
        std::mem::forget(Arc::clone(&engine));
    }
    let client =
        Client { life: Arc::clone(life), engine: Arc::clone(&engine), work, changing: Arc::default() };
    for _ in 0..life.world.plan.publishers {
        tokio::spawn(client.clone().publish_all());
    }
    tokio::spawn(client.clone().own());
    let storm = Duration::from_millis(life.world.plan.storm.saturating_sub(life.passed()));
    match life.end {
        Some(End::After(after)) => {
            life.sleep(Duration::from_millis(after).min(storm)).await;
            life.die();
            Ended::Crashed
        }
        Some(End::Stopped(after)) => {
            life.sleep(Duration::from_millis(after).min(storm)).await;
            stop(life, &engine).await
        }
        Some(End::AtCall { .. }) | None => {
            life.sleep(storm).await;
            settle(life, &client).await;
            stop(life, &engine).await;
            Ended::Over
        }
    }
}

/// Starts an engine. `None` where the store did not let it: its supervisor tries again in a second.
async fn start(life: &Arc<Life>) -> Option<Arc<Engine>> {
    let parts = Parts {
        store: Arc::new(SimulatedStore(Arc::clone(life))),
        transport: Arc::new(SimulatedNetwork(Arc::clone(life))),
        clock: Arc::new(SimulatedClock(Arc::clone(life))),
        entropy: Arc::new(clock::entropy(life)),
        profiles: Profile::builtins().cloned().collect(),
        body_bytes_max: BODY_BYTES,
        user_agent: None,
    };
    match Engine::start(parts).await {
        Ok(engine) => Some(engine),
        Err(error) => {
            life.note(format_args!("the engine does not start: {error}"));
            life.sleep(Duration::from_secs(1)).await;
            None
        }
    }
}

/// Has an engine stop, which ends within its time.
async fn stop(life: &Arc<Life>, engine: &Arc<Engine>) -> Ended {
    let stopped = tokio::select! {
        biased;
        () = engine.stop(DRAIN) => true,
        () = life.sleep(STOP_MOST) => false,
    };
    life.world.ledger.lock().demand(stopped, Invariant::NeverStuck, life.now(), || {
        format!("the engine did not stop within {} s", STOP_MOST.as_secs())
    });
    Ended::Stopped
}

/// The calm: waits until nothing is left to be done, and judges what is there.
async fn settle(life: &Arc<Life>, client: &Client) {
    client.enable_some().await;
    let end = life.passed() + SETTLING.as_millis() as Millis;
    let mut wait = 1000;
    while !Ledger::is_settled(&life.disk) && life.passed() < end {
        life.sleep(Duration::from_millis(wait)).await;
        wait = (wait * 2).min(LOOK_LONGEST);
        life.world.ledger.lock().nothing_lies_in_memory(&life.disk, life.now());
        life.end_if_violated();
        life.alive().await;
    }
    life.world.ledger.lock().ended(&life.disk, life.now());
}
