//! After a crash, whatever was accepted and not recorded as done is attempted again.

use hookseal_engine::{
    DeliveryState, SubscriptionKey,
    ports::store::{ApiKey, NextStep, Recovered},
};

use super::{
    Harness,
    world::{LIVE, World, at, delivery, failure, leased, parked, success},
};

/// Not even an id.
pub async fn an_empty_store_has_nothing_to_recover<H: Harness>(mut world: World<H>) {
    assert_eq!(world.recover(1).await, Recovered::default());
    world.crash().await;
    assert_eq!(world.recover(1).await, Recovered::default());
}

/// Accepted, leased, never heard of again.
pub async fn what_was_accepted_and_not_recorded_waits_again<H: Harness>(mut world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(1, vec![leased(&one), leased(&two)]).await;
    let other = world.publish(2, vec![leased(&one)]).await;
    world.crash().await;
    let recovered = world.recover(60).await;
    assert_eq!(recovered.resumed, 3);
    assert_eq!(sorted(recovered), [(one.key, 60), (two.key, 60)]);
    for key in [delivery(&event, 0), delivery(&event, 1), delivery(&other, 0)] {
        let record = world.read(key).await;
        assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 0, Some(at(60))));
    }
    assert_eq!(world.claimed(one.key, 60).await, [event.delivery_id(0), other.delivery_id(0)]);
    world.record(vec![success(delivery(&event, 0), 1, at(61))]).await;
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Succeeded);
}

/// A recorded success is not repeated.
pub async fn what_succeeded_stays_so<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.record(vec![success(delivery(&event, 0), 1, at(2))]).await;
    let before = world.read(delivery(&event, 0)).await;
    world.crash().await;
    let recovered = world.recover(60).await;
    assert_eq!((recovered.waiting, recovered.resumed), (Vec::new(), 0));
    assert_eq!(world.read(delivery(&event, 0)).await, before);
    assert_eq!(world.attempts(delivery(&event, 0)).await.len(), 1);
}

/// A delivery that waits for a later attempt is not hurried.
pub async fn a_retry_keeps_its_time<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(900)))]).await;
    world.crash().await;
    let recovered = world.recover(60).await;
    assert_eq!((recovered.resumed, sorted(recovered)), (0, vec![(subscription.key, 900)]));
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 1, Some(at(900))));
    assert_eq!(world.attempts(key).await.len(), 1);
}

/// Claimed from the store, and not heard of again.
pub async fn a_claimed_delivery_waits_again<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(5)))]).await;
    assert_eq!(world.claimed(subscription.key, 5).await, [event.delivery_id(1), key.id]);
    world.crash().await;
    let recovered = world.recover(60).await;
    assert_eq!(recovered.waiting.len(), 1);
    assert!(recovered.waiting[0].1 <= at(60), "it is due");
    let claimed = world.claim(subscription.key, 60).await;
    let attempts: Vec<_> =
        claimed.deliveries.iter().map(|claimed| (claimed.delivery.id, claimed.attempts)).collect();
    assert_eq!(attempts.len(), 2);
    assert!(attempts.contains(&(key.id, 1)) && attempts.contains(&(event.delivery_id(1), 0)), "{attempts:?}");
}

/// What failed for good does not come back.
pub async fn what_was_given_up_stays_so<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.record(vec![failure(delivery(&event, 0), 1, at(2), NextStep::GiveUp)]).await;
    world.crash().await;
    assert_eq!(world.recover(60).await.waiting, []);
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Failed);
}

/// A release is durable.
pub async fn what_was_released_waits_again<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.store.release(vec![delivery(&event, 0)]).await.expect("leases are released");
    world.crash().await;
    world.recover(60).await;
    assert_eq!(world.claimed(subscription.key, 60).await, [event.delivery_id(0)]);
}

/// Of one event's deliveries, exactly those that are not done.
pub async fn part_of_an_event_is_recovered<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, (0..100).map(|_| leased(&subscription)).collect()).await;
    let done = (0..100).filter(|index| index % 3 != 0);
    world.record(done.map(|index| success(delivery(&event, index), 1, at(2))).collect()).await;
    world.crash().await;
    assert_eq!(world.recover(60).await.resumed, 34);
    let claimed = world.claim_some(subscription.key, 60, 1000, usize::MAX).await;
    let ids: Vec<_> = claimed.deliveries.iter().map(|claimed| claimed.delivery.id).collect();
    assert_eq!(ids, (0..100).step_by(3).map(|index| event.delivery_id(index)).collect::<Vec<_>>());
}

/// One crash after the other, some during recovery's aftermath.
pub async fn recovery_works_after_every_crash<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut open = Vec::new();
    for round in 1..=5 {
        let seconds = round * 100;
        let event = world.publish(seconds, vec![leased(&subscription), leased(&subscription)]).await;
        world.record(vec![success(delivery(&event, 0), 1, at(seconds + 1))]).await;
        open.push(event.delivery_id(1));
        world.crash().await;
        assert_eq!(world.recover(seconds + 50).await.resumed, 1, "round {round}");
        let mut claimed = world.claimed(subscription.key, seconds + 50).await;
        claimed.sort();
        assert_eq!(claimed, open, "round {round}");
    }
}

/// The id that goes out never changes.
pub async fn a_recovered_delivery_keeps_its_id<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.crash().await;
    world.recover(60).await;
    let claimed = world.claim(subscription.key, 60).await;
    assert_eq!(claimed.deliveries[0].delivery, delivery(&event, 0));
    assert_eq!(claimed.deliveries[0].payload, event.payload);
}

/// Over events, their deliveries, subscriptions and keys.
pub async fn new_ids_come_after_all_stored_ones<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    world.crash().await;
    assert_eq!(world.recover(0).await.highest_order, subscription.id.order());
    let event = world.publish(5, (0..7).map(|_| parked(&subscription)).collect()).await;
    world.crash().await;
    assert_eq!(world.recover(9).await.highest_order, event.delivery_id(6).order());
    let id = world.key_id(10);
    let key =
        ApiKey { id, hash: [1; 32], scope: LIVE, operator: false, name: String::new(), created_at: at(10) };
    world.store.add_key(key).await.expect("a key is added");
    world.crash().await;
    assert_eq!(world.recover(11).await.highest_order, id.order());
}

/// Another process holds none of them.
pub async fn a_lease_ends_with_its_process<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    assert_eq!(world.claimed(subscription.key, 1).await, [event.delivery_id(0)]);
    world.crash().await;
    world.recover(60).await;
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Pending);
}

/// Whoever had the lease has it no more.
pub async fn an_outcome_from_before_a_crash_is_dropped<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.crash().await;
    world.recover(60).await;
    world.record(vec![success(delivery(&event, 0), 1, at(61))]).await;
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Pending);
}

/// Closing in good order loses nothing either.
pub async fn everything_outlives_a_restart<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let targets =
        vec![leased(&subscription), leased(&subscription), parked(&subscription), leased(&subscription)];
    let event = world.publish(1, targets).await;
    let outcomes = vec![
        success(delivery(&event, 0), 1, at(2)),
        failure(delivery(&event, 1), 1, at(2), NextStep::RetryAt(at(900))),
    ];
    world.record(outcomes).await;
    world.restart().await;
    let recovered = world.recover(60).await;
    assert_eq!((recovered.resumed, recovered.highest_order), (1, event.delivery_id(3).order()));
    let states: Vec<_> =
        world.deliveries(LIVE, Default::default()).await.iter().map(|record| record.state).collect();
    let pending = DeliveryState::Pending;
    assert_eq!(states, [pending, pending, pending, DeliveryState::Succeeded]);
    let stored = world.store.subscription(LIVE, subscription.id).await.expect("a subscription is read");
    assert_eq!(stored, Some(subscription));
}

/// An event whose place was given out early may be committed after much else was, and done.
pub async fn an_early_event_committed_late_is_recovered<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let early = world.event(1, vec![leased(&subscription)]);
    for seconds in 2..40 {
        let event = world.publish(seconds, vec![leased(&subscription)]).await;
        world.record(vec![success(delivery(&event, 0), 1, at(seconds))]).await;
    }
    world.commit(&[&early]).await;
    world.crash().await;
    assert_eq!(world.recover(60).await.resumed, 1);
    assert_eq!(world.claimed(subscription.key, 60).await, [early.delivery_id(0)]);
}

/// Where deliveries wait, and from which second of the tests on.
fn sorted(recovered: Recovered) -> Vec<(SubscriptionKey, i64)> {
    let since_start = |due: hookseal::Timestamp| (due.as_unix_millis() - at(0).as_unix_millis()) / 1000;
    let mut waiting: Vec<_> =
        recovered.waiting.into_iter().map(|(key, due)| (key, since_start(due))).collect();
    waiting.sort_unstable();
    waiting
}
