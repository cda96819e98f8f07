//! A process that stops at any moment loses nothing that it acknowledged.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, NewEvent, Scope, SubscriptionKey, Verdict,
    ports::{Store, store::Batch},
};
use hookseal_sqlite::SqliteStore;
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::{
    copy_as_after_a_crash,
    events::{START_MS, event_at, new_subscription, reference, success},
    open,
};

/// Events of one commit.
const BATCH: u64 = 16;
/// So large that the log is copied into the database, and begun anew, several times while a test runs.
const BODY_BYTES: usize = 6_000;

/// What was acknowledged: the orders of events, and whether each one's delivery was recorded as done.
type Acknowledged = BTreeMap<u64, bool>;

/// The batch of this number: each event leased for a subscription.
fn batch(number: u64, key: SubscriptionKey) -> Vec<NewEvent> {
    let first = ((START_MS + number * 50) << 12) + 1;
    let event = |index| {
        let mut event = event_at(first + 2 * index, &[(key, true)]);
        event.payload.body = Bytes::from(vec![index as u8; BODY_BYTES]);
        event
    };
    (0..BATCH).map(event).collect()
}

/// Commits batches, in each of which every second delivery of the batch before is recorded as done, and calls
/// `acknowledged` after every commit with what is durable now. Ends when that returns `false`.
async fn publish(
    store: &SqliteStore,
    from: u64,
    mut acknowledged: impl FnMut(&[NewEvent], &[NewEvent]) -> bool,
) {
    let key = store.create_subscription(new_subscription(1)).await.expect("the subscription is there").key;
    let mut done: Vec<NewEvent> = Vec::new();
    for number in from.. {
        let events = batch(number, key);
        let outcomes = done.iter().map(|event| success(reference(event, 0), 1)).collect();
        let committed = store.commit(Batch { events: events.clone(), outcomes, ..Batch::default() }).await;
        let committed = committed.expect("a batch is committed");
        assert!(committed.verdicts.iter().all(|verdict| *verdict == Verdict::Accepted));
        if !acknowledged(&events, &done) {
            return;
        }
        done = events.into_iter().step_by(2).collect();
    }
}

/// Opens what a process left behind, and holds it to what was acknowledged.
async fn verify(directory: &Path, acknowledged: &Acknowledged) {
    let store = open(directory);
    store.recover(Timestamp::from_unix_millis(START_MS as i64)).await.expect("the store recovers");
    for (order, done) in acknowledged {
        let id = event_at(*order, &[]).id;
        let event = store.event(Scope(1), id).await.expect("an event is read");
        let event = event.unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert_eq!(event.body_bytes, BODY_BYTES as u64);
        let deliveries = store.event_deliveries(Scope(1), id).await.expect("deliveries are read");
        let state = deliveries.expect("the event is there")[0].state;
        if *done {
            assert_eq!(state, DeliveryState::Succeeded, "{id} was recorded as done");
        } else {
            // It may have been done in a commit that was not acknowledged any more; it is never just leased.
            assert!(matches!(state, DeliveryState::Pending | DeliveryState::Succeeded), "{id} is {state:?}");
        }
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_at_any_moment_has_all_that_was_acknowledged() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = Arc::new(open(directory.path()));
    store.recover(Timestamp::from_unix_millis(START_MS as i64)).await.expect("the store recovers");
    let acknowledged = Arc::new(Mutex::new(Acknowledged::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn({
        let (store, acknowledged, stop) = (store.clone(), acknowledged.clone(), stop.clone());
        async move {
            let note = |events: &[NewEvent], done: &[NewEvent]| {
                let mut acknowledged = acknowledged.lock();
                acknowledged.extend(events.iter().map(|event| (event.id.order(), false)));
                acknowledged.extend(done.iter().map(|event| (event.id.order(), true)));
                !stop.load(Ordering::SeqCst)
            };
            publish(&store, 0, note).await;
        }
    });
    let mut left_behind = Vec::new();
    for copies in 1..=12 {
        while acknowledged.lock().len() < 90 * copies {
            tokio::task::yield_now().await;
        }
        let before = acknowledged.lock().clone();
        let copy = tempfile::tempdir().expect("there is room for a directory");
        copy_as_after_a_crash(store.file(), copy.path());
        left_behind.push((copy, before));
    }
    stop.store(true, Ordering::SeqCst);
    publisher.await.expect("the publisher ends");
    for (copy, before) in left_behind {
        verify(copy.path(), &before).await;
    }
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let mut acknowledged = Acknowledged::new();
    for round in 0..6 {
        let lines_until_killed = 3 + 37 * round;
        acknowledged.extend(run_until_killed(directory.path(), round * 10_000, lines_until_killed));
        verify(directory.path(), &acknowledged).await;
    }
    assert!(acknowledged.len() > 1_000, "the process got far enough: {}", acknowledged.len());
}

/// Runs [`child`] as a process of its own and kills it after so many lines of what it acknowledged.
fn run_until_killed(directory: &Path, from: u64, lines: u64) -> Acknowledged {
    let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["crash::child", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process starts");
    let mut orders = process.stdin.take().expect("invariant: it was piped");
    writeln!(orders, "{from} {}", directory.display()).expect("the process listens");
    drop(orders);
    let mut told = BufReader::new(process.stdout.take().expect("invariant: it was piped")).lines();
    let mut acknowledged = Acknowledged::new();
    let mut seen = 0;
    while seen < lines {
        let line = told.next().expect("the process goes on until it is killed").expect("it speaks UTF-8");
        seen += u64::from(note(&line, &mut acknowledged));
    }
    process.kill().expect("the process is killed");
    // What it still got to say before it was killed was acknowledged as well.
    for line in told.map_while(Result::ok) {
        note(&line, &mut acknowledged);
    }
    process.wait().expect("the process is gone");
    acknowledged
}

/// Reads `acknowledged ORDER,ORDER... done ORDER,...;`; whether it is such a line, and whole.
fn note(line: &str, acknowledged: &mut Acknowledged) -> bool {
    let Some(line) = line.split_once("acknowledged ").and_then(|(_, rest)| rest.strip_suffix(';')) else {
        return false;
    };
    let (accepted, done) = line.split_once(" done ").expect("a line has two parts");
    for (orders, is_done) in [(accepted, false), (done, true)] {
        let orders = orders.split(',').filter(|order| !order.is_empty());
        acknowledged.extend(orders.map(|order| (order.parse::<u64>().expect("an order"), is_done)));
    }
    true
}

/// Set in the environment of the process that is killed.
const CHILD: &str = "HOOKSEAL_TEST_IS_THE_CHILD";

/// The process that is killed. It is told on its standard input where to begin, and writes what is acknowledged.
/// Among the other tests it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells its own process apart")]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut orders = String::new();
    std::io::stdin().read_to_string(&mut orders).expect("orders are given");
    let Some((from, directory)) = orders.trim_end().split_once(' ') else { return };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is built");
    runtime.block_on(async {
        let store = open(Path::new(directory));
        store.recover(Timestamp::from_unix_millis(START_MS as i64)).await.expect("the store recovers");
        let list = |events: &[NewEvent]| {
            events.iter().map(|event| event.id.order().to_string()).collect::<Vec<_>>().join(",")
        };
        let tell = |events: &[NewEvent], done: &[NewEvent]| {
            let line = format!("acknowledged {} done {};\n", list(events), list(done));
            std::io::stdout().write_all(line.as_bytes()).is_ok()
        };
        publish(&store, from.parse().expect("a number"), tell).await;
    });
}

/// What stands for a crash in all of these tests is one: a log that is emptied or begun anew while it is copied would be
/// taken for a later state than the database's.
#[test]
fn a_copy_is_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("one.db");
    let writer = Connection::open(&file).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    writer.execute_batch("CREATE TABLE page (number INTEGER PRIMARY KEY, n INTEGER, room BLOB)").unwrap();
    for number in 0..PAGES {
        writer.execute("INSERT INTO page VALUES (?1, 0, zeroblob(3000))", [number]).unwrap();
    }
    let (committed, is_over) = (&AtomicI64::new(0), &AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for n in 1.. {
                writer.execute("UPDATE page SET n = ?1", [n]).unwrap();
                committed.store(n, Ordering::SeqCst);
                if n % 3 == 0 {
                    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                }
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let copies = (0..200).map(|_| {
            let before = committed.load(Ordering::SeqCst);
            let to = tempfile::tempdir().unwrap();
            copy_as_after_a_crash(&file, to.path());
            let copy = Connection::open(to.path().join("one.db")).unwrap();
            let found: (i64, i64) = copy
                .query_row("SELECT min(n), max(n) FROM page", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            (before, found)
        });
        let wrong =
            copies.filter(|(before, (least, most))| least != most || least < before).collect::<Vec<_>>();
        is_over.store(true, Ordering::SeqCst);
        assert!(wrong.is_empty(), "{} of 200: {wrong:?}", wrong.len());
    });
}

/// Pages of the database that is copied.
const PAGES: i64 = 200;
