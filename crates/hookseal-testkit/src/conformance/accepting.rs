//! Events and their deliveries are stored, once.

use bytes::Bytes;
use hookseal_engine::{
    DeliveryState, NewEvent, SubscriptionKey, Target, Verdict,
    ports::store::{Batch, EventFilter, StoreError},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, everything, kind, leased, parked, success},
};

/// An event and its deliveries are there when the commit returns.
pub async fn an_accepted_event_is_there_with_its_deliveries<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(1, vec![parked(&one), leased(&two)]).await;

    let stored =
        world.store.event(LIVE, event.id).await.expect("an event is read").expect("the event is there");
    assert_eq!((stored.id, stored.scope, stored.accepted_at), (event.id, LIVE, at(1)));
    assert_eq!((stored.payload, stored.deliveries), (event.payload.clone(), 2));
    assert_eq!((stored.body_bytes, stored.external_id), (event.payload.body.len() as u64, None));

    let of_event = world.store.event_deliveries(LIVE, event.id).await.expect("deliveries are read");
    let of_event = of_event.expect("the event is there");
    let ids: Vec<_> = of_event.iter().map(|delivery| delivery.subscription_id).collect();
    assert_eq!(ids, [one.id, two.id]);
    for (index, record) in of_event.iter().enumerate() {
        assert_eq!(record.key, delivery(&event, index));
        assert_eq!((record.attempts, record.created_at, record.finished_at), (0, at(1), None));
        assert_eq!((record.last_status, record.last_failure, record.last_duration_ms), (None, None, None));
        assert_eq!(record.event_type, event.payload.event_type);
        assert_eq!(world.attempts(record.key).await, []);
    }
}

/// An event that matches nothing is stored all the same.
pub async fn an_event_without_targets_is_kept<H: Harness>(world: World<H>) {
    let event = world.publish(1, Vec::new()).await;
    let stored =
        world.store.event(LIVE, event.id).await.expect("an event is read").expect("the event is there");
    assert_eq!(stored.deliveries, 0);
    assert_eq!(
        world.store.event_deliveries(LIVE, event.id).await.expect("deliveries are read"),
        Some(Vec::new())
    );
}

/// The lease of a target is taken with the commit where that is asked for; other targets wait, due at once.
pub async fn a_leased_target_is_leased_and_a_parked_one_waits<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(5, vec![leased(&one), parked(&two), leased(&two)]).await;
    let first = world.read(delivery(&event, 0)).await;
    let second = world.read(delivery(&event, 1)).await;
    assert_eq!((first.state, first.due_at), (DeliveryState::Leased, None));
    assert_eq!((second.state, second.due_at), (DeliveryState::Pending, Some(at(5))));
    assert_eq!(world.state(delivery(&event, 2)).await, DeliveryState::Leased);
    assert_eq!(world.claimed(one.key, 9).await, []);
    assert_eq!(world.claimed(two.key, 9).await, [event.delivery_id(1)]);
}

/// The same publisher's id, type and bytes again are a duplicate; another type or other bytes are a conflict.
pub async fn a_publishers_id_is_taken_once<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let first = named(&world, "order-1", vec![leased(&subscription), parked(&subscription)]);
    let again = named(&world, "order-1", vec![leased(&subscription)]);
    let mut other_bytes = named(&world, "order-1", Vec::new());
    other_bytes.payload.body = Bytes::from_static(b"{}");
    let mut other_type = named(&world, "order-1", Vec::new());
    other_type.payload.event_type = kind("order.cancelled");

    assert_eq!(world.commit(&[&first]).await, [Verdict::Accepted]);
    let verdicts = world.commit(&[&again, &other_bytes, &other_type]).await;
    let conflict = Verdict::Conflict { with: first.id };
    assert_eq!(verdicts, [Verdict::Duplicate { of: first.id, deliveries: 2 }, conflict, conflict]);
    for refused in [&again, &other_bytes, &other_type] {
        assert_eq!(world.store.event(LIVE, refused.id).await.expect("an event is read"), None);
    }
    assert_eq!(world.deliveries(LIVE, Default::default()).await.len(), 2);
}

/// The same holds for two events of one batch, and for what comes beside them.
pub async fn a_publishers_id_is_taken_once_within_a_batch<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let first = named(&world, "order-1", vec![leased(&subscription)]);
    let again = named(&world, "order-1", vec![leased(&subscription)]);
    let mut conflicting = named(&world, "order-1", vec![leased(&subscription)]);
    conflicting.payload.body = Bytes::from_static(b"{}");
    let bystander = world.event(1, vec![parked(&subscription)]);
    assert_eq!(
        world.commit(&[&first, &again, &conflicting, &bystander]).await,
        [
            Verdict::Accepted,
            Verdict::Duplicate { of: first.id, deliveries: 1 },
            Verdict::Conflict { with: first.id },
            Verdict::Accepted,
        ]
    );
    assert_eq!(world.deliveries(LIVE, Default::default()).await.len(), 2);
    assert_eq!(world.claimed(subscription.key, 9).await, [bystander.delivery_id(0)]);
}

/// Only type and bytes tell a duplicate from a conflict.
pub async fn a_duplicate_differs_in_nothing_that_counts<H: Harness>(world: World<H>) {
    let first = named(&world, "order-1", Vec::new());
    let mut again = named(&world, "order-1", Vec::new());
    again.accepted_at = at(50);
    again.payload.content_type = Some("text/plain".to_owned());
    assert_eq!(world.commit(&[&first]).await, [Verdict::Accepted]);
    assert_eq!(world.commit(&[&again]).await, [Verdict::Duplicate { of: first.id, deliveries: 0 }]);
}

/// Publishers of two scopes may use the same id.
pub async fn a_publishers_id_counts_within_its_scope<H: Harness>(world: World<H>) {
    let live = named(&world, "order-1", Vec::new());
    let mut test = named(&world, "order-1", Vec::new());
    test.scope = TEST;
    assert_eq!(world.commit(&[&live, &test]).await, [Verdict::Accepted, Verdict::Accepted]);
    for (scope, event) in [(LIVE, &live), (TEST, &test)] {
        let filter = EventFilter { external_id: Some("order-1".to_owned()), ..EventFilter::default() };
        let found = world.store.events(scope, filter, everything()).await.expect("events are listed");
        assert_eq!(found.rows.iter().map(|event| event.id).collect::<Vec<_>>(), [event.id]);
    }
}

/// A commit whose answer got lost is asked for again, safely.
pub async fn an_event_that_is_offered_again_is_accepted_once<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    for event in [
        world.event(1, vec![leased(&subscription), parked(&subscription)]),
        named(&world, "order-1", vec![leased(&subscription), parked(&subscription)]),
    ] {
        assert_eq!(world.commit(&[&event]).await, [Verdict::Accepted]);
        assert_eq!(world.commit(&[&event]).await, [Verdict::Accepted]);
        assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Leased);
        assert_eq!(world.claimed(subscription.key, 9).await, [event.delivery_id(1)]);
        world.record(vec![success(delivery(&event, 0), 1, at(2))]).await;
        assert_eq!(world.commit(&[&event]).await, [Verdict::Accepted]);
        assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Succeeded);
    }
    assert_eq!(world.deliveries(LIVE, Default::default()).await.len(), 4);
}

/// A batch is stored as a whole or not at all.
pub async fn a_batch_that_cannot_be_stored_changes_nothing<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let earlier = world.publish(1, vec![leased(&subscription)]).await;
    let sound = world.event(2, vec![leased(&subscription)]);
    let unknown = Target { subscription: SubscriptionKey(999_999), leased: true };
    let of_other_scope = world.subscription(TEST).await;
    for target in [unknown, leased(&of_other_scope)] {
        let broken = world.event(2, vec![target]);
        let batch = Batch {
            events: vec![sound.clone(), broken],
            outcomes: vec![success(delivery(&earlier, 0), 1, at(2))],
            ..Batch::default()
        };
        let refused = world.try_commit(batch).await.expect_err("no such subscription in this scope");
        assert!(matches!(refused, StoreError::Bug { .. }), "{refused:?}");
        assert_eq!(world.store.event(LIVE, sound.id).await.expect("an event is read"), None);
        assert_eq!(world.state(delivery(&earlier, 0)).await, DeliveryState::Leased);
    }
    assert_eq!(world.commit(&[&sound]).await, [Verdict::Accepted]);
    world.record(vec![success(delivery(&earlier, 0), 1, at(2))]).await;
    assert_eq!(world.state(delivery(&earlier, 0)).await, DeliveryState::Succeeded);
}

/// A batch of nothing is nothing wrong.
pub async fn an_empty_batch_is_committed<H: Harness>(world: World<H>) {
    assert_eq!(world.commit(&[]).await, []);
}

/// Places are given out before the commit, so that a later one may be stored first.
pub async fn an_event_may_be_committed_after_a_later_one<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let early = world.event(1, vec![leased(&subscription)]);
    let late = world.event(2, vec![leased(&subscription)]);
    assert_eq!(world.commit(&[&late]).await, [Verdict::Accepted]);
    assert_eq!(world.commit(&[&early]).await, [Verdict::Accepted]);
    let all = world.deliveries(LIVE, Default::default()).await;
    let ids: Vec<_> = all.iter().map(|record| record.key.id).collect();
    assert_eq!(ids, [late.delivery_id(0), early.delivery_id(0)]);
}

/// Calls may be made at once.
pub async fn batches_from_many_callers_are_all_kept<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let events: Vec<NewEvent> = (0..40).map(|_| world.event(1, vec![leased(&subscription)])).collect();
    let commits: Vec<_> = events
        .iter()
        .map(|event| {
            let batch = Batch { events: vec![event.clone()], ..Batch::default() };
            let store = world.store.clone();
            async move { store.commit(batch).await }
        })
        .collect();
    for answer in super::world::all_at_once(commits).await {
        assert_eq!(answer.expect("events are committed").verdicts, [Verdict::Accepted]);
    }
    assert_eq!(world.deliveries(LIVE, Default::default()).await.len(), 40);
}

/// An event with a publisher's id, always of the same type and bytes.
fn named<H: Harness>(world: &World<H>, external_id: &str, targets: Vec<Target>) -> NewEvent {
    let mut event = world.event(1, targets);
    event.external_id = Some(external_id.to_owned());
    event.payload.body = Bytes::from_static(b"{\"order\": 1}");
    event
}
