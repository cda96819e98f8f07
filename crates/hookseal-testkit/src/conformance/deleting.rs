//! A deleted subscription is gone; its deliveries stay readable.

use hookseal_engine::{
    DeliveryState, EventType, Subscription,
    ports::store::{DeliveryFilter, NextStep, StoreError},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, everything, failure, leased, parked, success},
};

/// In every way of looking for it, and it cannot be deleted twice.
pub async fn a_deleted_subscription_is_gone<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    assert!(world.delete(&one).await);
    assert!(!world.delete(&one).await);
    assert_eq!(world.store.subscription(LIVE, one.id).await.expect("a subscription is read"), None);
    let of_scope = world.store.subscriptions(LIVE, everything()).await.expect("subscriptions are listed");
    let of_all = world.store.all_subscriptions().await.expect("subscriptions are read");
    assert_eq!((of_scope, of_all), (vec![two.clone()], vec![two]));
}

/// Parked, or waiting for its next attempt.
pub async fn what_waits_for_it_is_cancelled<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(1, vec![parked(&one), leased(&one), parked(&two)]).await;
    world.record(vec![failure(delivery(&event, 1), 1, at(2), NextStep::RetryAt(at(50)))]).await;
    assert!(world.delete(&one).await);
    for (index, attempts) in [(0, 0), (1, 1)] {
        let record = world.read(delivery(&event, index)).await;
        assert_eq!(
            (record.state, record.attempts, record.due_at),
            (DeliveryState::Cancelled, attempts, None)
        );
        assert_eq!(record.finished_at, Some(at(5)));
    }
    assert_eq!(world.state(delivery(&event, 2)).await, DeliveryState::Pending);
}

/// Its outcome is dropped.
pub async fn what_is_leased_for_it_is_cancelled<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    world.claim(subscription.key, 1).await;
    assert!(world.delete(&subscription).await);
    for index in 0..2 {
        let key = delivery(&event, index);
        assert_eq!(world.state(key).await, DeliveryState::Cancelled);
        world.record(vec![success(key, 1, at(6))]).await;
        assert_eq!(world.state(key).await, DeliveryState::Cancelled);
        assert_eq!(world.attempts(key).await, []);
    }
    world.store.release(vec![delivery(&event, 0)]).await.expect("leases are released");
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Cancelled);
}

/// With the id of what they went to, and everything else.
pub async fn its_deliveries_stay_readable<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event =
        world.publish(1, vec![leased(&subscription), leased(&subscription), leased(&subscription)]).await;
    let (done, failed) = (delivery(&event, 0), delivery(&event, 1));
    world.record(vec![success(done, 1, at(2)), failure(failed, 1, at(2), NextStep::GiveUp)]).await;
    let before = (world.read(done).await, world.read(failed).await);
    assert!(world.delete(&subscription).await);
    assert_eq!((world.read(done).await, world.read(failed).await), before);
    assert_eq!(world.attempts(failed).await.len(), 1);
    let filter = DeliveryFilter { subscription: Some(subscription.id), ..DeliveryFilter::default() };
    let all = world.deliveries(LIVE, filter.clone()).await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|record| record.subscription_id == subscription.id));
    assert_eq!(world.deliveries(TEST, filter).await, []);
}

/// It cannot come back by its id.
pub async fn its_id_stays_taken<H: Harness>(world: World<H>) {
    let new = world.new_subscription(LIVE, 0);
    let made = world.store.create_subscription(new.clone()).await.expect("a subscription is created");
    assert!(world.delete(&made).await);
    let error = world.store.create_subscription(new).await.expect_err("the id is taken");
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
}

/// Nothing of it is due any more.
pub async fn its_deliveries_are_not_claimed<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    assert!(world.delete(&subscription).await);
    let claimed = world.claim(subscription.key, 99).await;
    assert_eq!((claimed.deliveries, claimed.next_due), (Vec::new(), None));
    world.crash().await;
    let recovered = world.recover(60).await;
    assert_eq!((recovered.waiting, recovered.resumed), (Vec::new(), 0));
}

/// It was matched before the deletion, and is committed after it.
pub async fn an_event_on_its_way_to_it_is_cancelled<H: Harness>(mut world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.event(7, vec![leased(&one), parked(&one), leased(&two)]);
    assert!(world.delete(&one).await);
    world.commit(&[&event]).await;
    for index in 0..2 {
        let record = world.read(delivery(&event, index)).await;
        assert_eq!((record.state, record.finished_at), (DeliveryState::Cancelled, Some(at(7))));
    }
    assert_eq!(world.state(delivery(&event, 2)).await, DeliveryState::Leased);
    world.crash().await;
    assert_eq!(world.recover(60).await.resumed, 1);
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Cancelled);
}

/// Over a crash.
pub async fn a_deleted_subscription_stays_deleted<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    assert!(world.delete(&subscription).await);
    world.crash().await;
    world.recover(60).await;
    assert_eq!(world.store.all_subscriptions().await.expect("subscriptions are read"), []);
    for index in 0..2 {
        assert_eq!(world.state(delivery(&event, index)).await, DeliveryState::Cancelled);
    }
}

/// However many wait: all count as cancelled when the call returns, and after a crash just then.
pub async fn many_deliveries_are_cancelled_at_once<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    for seconds in 1..=3 {
        world.publish(seconds, (0..1_000).map(|_| parked(&subscription)).collect()).await;
    }
    assert!(world.delete(&subscription).await);
    assert_eq!(world.cancelled(&subscription).await, 3_000);
    world.crash().await;
    assert_eq!(world.recover(60).await.waiting, []);
    assert_eq!(world.cancelled(&subscription).await, 3_000);
    let filter = DeliveryFilter { event_type: EventType::new("other").ok(), ..DeliveryFilter::default() };
    assert_eq!(world.deliveries(LIVE, filter).await, []);
}

impl<H: Harness> World<H> {
    async fn delete(&self, subscription: &Subscription) -> bool {
        let deleted = self.store.delete_subscription(subscription.scope, subscription.id, at(5)).await;
        deleted.expect("a subscription is deleted")
    }

    async fn cancelled(&self, subscription: &Subscription) -> usize {
        let filter = DeliveryFilter {
            subscription: Some(subscription.id),
            state: Some(DeliveryState::Cancelled),
            ..DeliveryFilter::default()
        };
        self.deliveries(subscription.scope, filter).await.len()
    }
}
