//! What an event costs in the store: accepted in one commit, recorded as delivered in the next.
//!
//! Prints microseconds for each event, of wall time and of the process's CPU time, for several sizes of a batch.
//! `cargo run --release -p hookseal-sqlite --example commit_cost [DIRECTORY [SUBSCRIPTIONS]]`

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryRef, EventId, EventType, IdSource, NewEvent, Payload, Phases,
    Scope, SubscriptionId, SubscriptionKey, SubscriptionSettings, SubscriptionStatus, Target, Terms, Trigger,
    Window,
    ports::{
        Store,
        store::{Batch, NewSubscription, NextStep, Outcome},
    },
};
use hookseal_sqlite::{OpenOptions, SqliteStore};

const START_MS: i64 = 1_800_000_000_000;
const BODY_BYTES: usize = 500;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let subscriptions = arguments.next().map_or(Ok(1), |count| count.parse())?;
    for sync in [false, true] {
        for size in [1, 16, 64, 256] {
            let directory = tempfile::tempdir_in(&root)?;
            let mut options = OpenOptions::new(directory.path());
            options.sync = sync;
            let bench = Bench::start(SqliteStore::open(&options)?, subscriptions).await?;
            bench.run(size, if sync { 2_000.min(200 * size) } else { 60_000 }, sync).await?;
        }
    }
    Ok(())
}

struct Bench {
    store: SqliteStore,
    ids: IdSource,
    keys: Vec<SubscriptionKey>,
    payload: Payload,
}

impl Bench {
    async fn start(store: SqliteStore, subscriptions: usize) -> Result<Self, Failure> {
        let ids = IdSource::new(0);
        let now = Timestamp::from_unix_millis(START_MS);
        store.recover(now).await?;
        let mut keys = Vec::new();
        for _ in 0..subscriptions {
            let made = store.create_subscription(NewSubscription {
                id: SubscriptionId::from_parts(ids.reserve(now, 1), 1),
                scope: Scope::DEFAULT_LIVE,
                settings: settings(),
                secrets: Vec::new(),
                status: SubscriptionStatus::Active,
                created_at: now,
            });
            keys.push(made.await?.key);
        }
        let event_type = EventType::new("order.confirmed")?;
        let body = Bytes::from(vec![b'x'; BODY_BYTES]);
        Ok(Self { store, ids, keys, payload: Payload { event_type, content_type: None, body } })
    }

    #[expect(
        clippy::print_stdout,
        clippy::disallowed_methods,
        reason = "it measures, and says what it measured"
    )]
    async fn run(self, size: usize, events: usize, sync: bool) -> Result<(), Failure> {
        let (wall, cpu) = (std::time::Instant::now(), cpu_time()?);
        let mut earlier = Vec::new();
        for batch in 0..events / size {
            let now = Timestamp::from_unix_millis(START_MS + batch as i64);
            let events: Vec<NewEvent> =
                (0..size).map(|index| self.event(now, batch * size + index)).collect();
            let outcomes = earlier.iter().map(|event| outcome(event, now)).collect();
            let accepted = events.clone();
            self.store.commit(Batch { events, outcomes, ..Batch::default() }).await?;
            earlier = accepted;
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / (events / size * size) as f64;
        println!(
            "synchronous={} batch={size:<4} events={events:<6} wall={:>7.1} us cpu={:>7.1} us each",
            if sync { "FULL" } else { "OFF " },
            each(wall.elapsed()),
            each(cpu_time()? - cpu),
        );
        self.store.close().await;
        Ok(())
    }

    fn event(&self, now: Timestamp, number: usize) -> NewEvent {
        let id = EventId::from_parts(self.ids.reserve(now, 2), number as u64);
        let subscription = self.keys[number % self.keys.len()];
        NewEvent {
            id,
            scope: Scope::DEFAULT_LIVE,
            payload: self.payload.clone(),
            external_id: None,
            accepted_at: now,
            window: Window::default(),
            targets: vec![Target { subscription, leased: true }],
        }
    }
}

fn outcome(event: &NewEvent, now: Timestamp) -> Outcome {
    let delivery = DeliveryRef {
        id: event.delivery_id(0),
        event: event.id,
        subscription: event.targets[0].subscription,
        scope: event.scope,
    };
    let phases = Phases { total: Duration::from_millis(3), ..Phases::default() };
    let result = AttemptResult { status: Some(200), phases, ..AttemptResult::default() };
    let attempt = AttemptRecord { number: 1, trigger: Trigger::Schedule, started_at: now, result };
    Outcome { delivery, attempt, next: NextStep::Succeeded, terms: Terms::default() }
}

fn settings() -> SubscriptionSettings {
    SubscriptionSettings::new("https://example.com/hook", "standard-webhooks")
}

/// User and system time of the process: fields 14 and 15 of its `stat` (proc(5)) are too coarse, so that the
/// scheduler's own nanoseconds are summed over its threads.
fn cpu_time() -> Result<Duration, Failure> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = stat.split(' ').next().ok_or("no running time in schedstat")?;
        nanos += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}
