//! What is forgotten makes room for what comes.

use std::fs;

use hookseal::Timestamp;
use hookseal_engine::{
    SubscriptionStatus,
    ports::{
        Store,
        store::{Batch, PruneStep},
    },
};

use crate::{
    OnDisk,
    events::{START_MS, event, new_subscription, reference, success},
};
use hookseal_testkit::conformance::Harness;

/// Events of one day in the test.
const A_DAY: u64 = 400;
/// Long enough for the log to have been copied into the database several times.
const DAYS: u64 = 80;
/// Days that are kept.
const KEPT: u64 = 3;

/// Day after day the same amount comes and is delivered, and what is older than three days is forgotten: the file does
/// not grow any more, and the oldest events and their attempts are gone.
#[tokio::test]
async fn case_12_with_retention_the_file_stops_growing() {
    let disk = OnDisk::start().await;
    let now = Timestamp::from_unix_millis(START_MS as i64);
    disk.store.recover(now).await.expect("it recovers");
    let made = disk.store.create_subscription(new_subscription(1)).await.expect("it is created");
    assert_eq!(made.status, SubscriptionStatus::Active);
    let mut sizes = Vec::new();
    for day in 0..DAYS {
        let mut events = Vec::new();
        for number in 0..A_DAY {
            let mut event = event(day * A_DAY + number, &[(made.key, true)]);
            event.payload.body = vec![b'x'; 1000].into();
            events.push(event);
        }
        let outcomes = events.iter().map(|event| success(reference(event, 0), 1)).collect();
        commit(&disk, Batch { events, ..Batch::default() }).await;
        commit(&disk, Batch { outcomes, ..Batch::default() }).await;
        if let Some(last) = (day + 1).checked_sub(KEPT) {
            forget(&disk, START_MS + last * A_DAY * 1000).await;
        }
        sizes.push(size(&disk));
    }
    let (settled, end) = (sizes[DAYS as usize / 2], sizes[DAYS as usize - 1]);
    assert!(end <= settled + settled / 20, "{sizes:?}");
    let oldest = event(0, &[]);
    assert!(disk.store.event(oldest.scope, oldest.id).await.expect("it is looked for").is_none());
    disk.store.close().await;
}

async fn commit(disk: &OnDisk, batch: Batch) {
    disk.store.commit(batch).await.expect("a batch is committed");
}

async fn forget(disk: &OnDisk, before_ms: u64) {
    let mut after = 0;
    loop {
        let before = Timestamp::from_unix_millis(before_ms as i64);
        let step = PruneStep { before, after, examined_max: 100, deliveries_max: 100 };
        let pruned = disk.store.prune(step).await.expect("events are forgotten");
        let Some(place) = pruned.place else { return };
        after = place;
    }
}

/// Of the database and its log.
fn size(disk: &OnDisk) -> u64 {
    let files = fs::read_dir(disk.directory.path()).expect("the folder is read");
    files.map(|file| file.expect("a file").metadata().expect("it is there").len()).sum()
}
