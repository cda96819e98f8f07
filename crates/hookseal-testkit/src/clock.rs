//! A clock that stands still until it is moved.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hookseal::Timestamp;
use hookseal_engine::ports::Clock;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

/// A clock that moves when it is told to. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
    /// How many sleep.
    sleeping: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    wall: Timestamp,
    /// Time passed since the clock was made, whatever the wall clock was set to.
    passed: Duration,
    sleepers: Vec<Sleeper>,
}

#[derive(Debug)]
struct Sleeper {
    until: Duration,
    wake: oneshot::Sender<()>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        let state = State { wall: now, passed: Duration::ZERO, sleepers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), sleeping: watch::Sender::new(0) }
    }

    /// Lets time pass, and wakes those whose time has come, the earliest first.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock();
        state.wall = state.wall.saturating_add(by);
        state.passed += by;
        let passed = state.passed;
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            state.sleepers.drain(..).partition(|sleeper| sleeper.until <= passed);
        state.sleepers = waiting;
        due.sort_by_key(|sleeper| sleeper.until);
        for sleeper in due {
            // One that is gone needs no waking.
            let _ = sleeper.wake.send(());
        }
        self.count(&mut state);
    }

    /// Sets the wall clock, as an operator or NTP does. No time passes.
    pub fn step_to(&self, now: Timestamp) {
        self.state.lock().wall = now;
    }

    /// How long until the first sleeper is due; `None` where none sleeps.
    pub fn next_wake(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        self.count(&mut state);
        let first = state.sleepers.iter().map(|sleeper| sleeper.until).min()?;
        Some(first.saturating_sub(state.passed))
    }

    /// Waits until at least `count` sleep.
    pub async fn sleepers(&self, count: usize) {
        let mut sleeping = self.sleeping.subscribe();
        sleeping.wait_for(|sleeping| *sleeping >= count).await.expect("invariant: `self` holds the sender");
    }

    /// Forgets sleepers that were cancelled, and tells how many there are.
    fn count(&self, state: &mut State) {
        state.sleepers.retain(|sleeper| !sleeper.wake.is_closed());
        self.sleeping.send_replace(state.sleepers.len());
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().wall
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        {
            let mut state = self.state.lock();
            let until = state.passed + duration;
            state.sleepers.push(Sleeper { until, wake });
            self.count(&mut state);
        }
        woken.await.expect("invariant: a sleeper is dropped only when it was woken or cancelled");
    }
}
