//! Reading while deliveries change hands: each is there once, in a state that it had.

use std::{collections::BTreeSet, sync::Arc};

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryState, NewEvent, Scope, SubscriptionId,
    ports::{
        Store,
        store::{Batch, DeliveryFilter, Page},
    },
};
use hookseal_sqlite::SqliteStore;
use parking_lot::Mutex;

use crate::{
    events::{START_MS, event_at, new_subscription, reference, success},
    open,
};

const EVENTS: u64 = 1_500;

/// Every delivery of the subscription, page by page.
async fn list(store: &SqliteStore, subscription: Option<SubscriptionId>) -> Vec<(DeliveryId, DeliveryState)> {
    let filter = DeliveryFilter { subscription, ..DeliveryFilter::default() };
    let (mut all, mut page) = (Vec::new(), Page { limit: 1_000, after: None });
    loop {
        let found = store.deliveries(Scope(1), filter.clone(), page).await.expect("deliveries are listed");
        all.extend(found.rows.iter().map(|record| (record.key.id, record.state)));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_delivery_is_there_once_while_its_outcome_is_recorded() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let store = Arc::new(open(directory.path()));
    store.recover(Timestamp::from_unix_millis(START_MS as i64)).await.expect("the store recovers");
    let subscription =
        store.create_subscription(new_subscription(1)).await.expect("a subscription is created");
    let accepted = Arc::new(Mutex::new(BTreeSet::new()));
    let publisher = tokio::spawn({
        let (store, accepted, key) = (store.clone(), accepted.clone(), subscription.key);
        async move {
            let mut earlier: Option<NewEvent> = None;
            for number in 0..EVENTS {
                let event = event_at((START_MS << 12) + 4 * number, &[(key, true)]);
                let outcomes = earlier.iter().map(|event| success(reference(event, 0), 1)).collect();
                let batch = Batch { events: vec![event.clone()], outcomes, ..Batch::default() };
                store.commit(batch).await.expect("a batch is committed");
                accepted.lock().insert(event.delivery_id(0));
                earlier = Some(event);
            }
        }
    });
    let mut filters = [Some(subscription.id), None].into_iter().cycle();
    let mut done = false;
    while !done {
        done = publisher.is_finished();
        let before = accepted.lock().clone();
        let listed = list(&store, filters.next().flatten()).await;
        let ids: BTreeSet<_> = listed.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), listed.len(), "a delivery is listed twice");
        assert_eq!(before.difference(&ids).count(), 0, "a delivery is not listed");
        for (id, state) in listed {
            assert!(matches!(state, DeliveryState::Leased | DeliveryState::Succeeded), "{id} is {state:?}");
        }
    }
    publisher.await.expect("the publisher ends");
    assert_eq!(accepted.lock().len() as u64, EVENTS);
}
