//! The place to recover from: it keeps recoveries short, and misses nothing.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryState, NewEvent, Scope,
    ports::{
        Store,
        store::{Batch, Claim, ClaimOrder},
    },
};
use rusqlite::Connection;

use crate::{
    copy_as_after_a_crash,
    events::{event, new_subscription, reference, success},
    open,
};

/// The stored place, as another process would find it.
fn recover_from(store: &hookseal_sqlite::SqliteStore) -> i64 {
    let connection = Connection::open(store.file()).expect("the file opens");
    connection
        .query_row("SELECT recover_from FROM progress", [], |row| row.get(0))
        .expect("the place is read")
}

async fn commit(store: &impl Store, events: Vec<NewEvent>, done: &[&NewEvent]) {
    let outcomes = done.iter().map(|event| success(reference(event, 0), 1)).collect();
    store.commit(Batch { events, outcomes, ..Batch::default() }).await.expect("a batch is committed");
}

#[tokio::test]
async fn the_place_follows_what_is_done() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = open(directory.path());
    store.recover(Timestamp::from_unix_millis(0)).await.expect("the store recovers");
    let key = store.create_subscription(new_subscription(1)).await.expect("a subscription is created").key;
    let mut last = event(1, &[(key, true)]);
    commit(&store, vec![last.clone()], &[]).await;
    for seconds in 2..20 {
        let next = event(seconds, &[(key, true)]);
        commit(&store, vec![next.clone()], &[&last]).await;
        last = next;
    }
    assert_eq!(recover_from(&store), last.id.order() as i64, "only the last is not done");
    commit(&store, Vec::new(), &[&last]).await;
    store.close().await;
    let store = open(directory.path());
    assert_eq!(recover_from(&store), last.id.order() as i64 + 1);
}

#[tokio::test]
async fn a_straggler_does_not_hold_the_place_back() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = open(directory.path());
    store.recover(Timestamp::from_unix_millis(0)).await.expect("the store recovers");
    let key = store.create_subscription(new_subscription(1)).await.expect("a subscription is created").key;
    let stragglers = [event(1, &[(key, true)]), event(2, &[(key, true)])];
    commit(&store, stragglers.to_vec(), &[]).await;
    let mut last = event(3, &[(key, true)]);
    commit(&store, vec![last.clone()], &[]).await;
    for seconds in 4..30 {
        let next = event(seconds, &[(key, true)]);
        commit(&store, vec![next.clone()], &[&last]).await;
        last = next;
    }
    assert_eq!(recover_from(&store), last.id.order() as i64);

    // They are leased as before, and one of them is done while it is.
    for straggler in &stragglers {
        let record = store.delivery(Scope(1), straggler.delivery_id(0)).await.expect("a delivery is read");
        assert_eq!(record.map(|record| record.state), Some(DeliveryState::Leased));
    }
    commit(&store, Vec::new(), &[&stragglers[0]]).await;

    let copy = tempfile::tempdir().expect("there is room for a directory");
    copy_as_after_a_crash(store.file(), copy.path());
    let store = open(copy.path());
    let now = last.accepted_at;
    store.recover(now).await.expect("the store recovers");
    let order = ClaimOrder::Due;
    let claim = Claim { subscription: key, order, due_before: now, limit: 10, bytes_max: usize::MAX };
    let claimed = store.claim(claim).await.expect("deliveries are claimed").deliveries;
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.delivery.id).collect();
    assert_eq!(ids, [stragglers[1].delivery_id(0), last.delivery_id(0)]);
}
