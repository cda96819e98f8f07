//! Another attempt is made of a delivery when someone asks for it, whatever became of it.

use hookseal_engine::{
    DeliveryId, DeliveryState, Trigger,
    ports::store::{NextStep, Retried},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, failure, leased, parked, success},
};

/// It keeps the attempts that were made, the successful one among them.
pub async fn a_succeeded_delivery_can_be_sent_again<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![success(key, 1, at(2))]).await;
    let first = world.attempts(key).await;

    assert_eq!(world.retry(key.id, 50).await, Retried::Due(key));
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 1, Some(at(50))));
    assert_eq!(record.finished_at, None);
    assert_eq!(world.attempts(key).await, first);

    let claimed = world.claim(subscription.key, 50).await;
    assert_eq!((claimed.deliveries[0].attempts, claimed.deliveries[0].trigger), (1, Trigger::Manual));
    let mut again = success(key, 2, at(51));
    again.attempt.trigger = Trigger::Manual;
    world.record(vec![again]).await;
    let attempts = world.attempts(key).await;
    assert_eq!(attempts[..1], first);
    let made: Vec<_> =
        attempts.iter().map(|attempt| (attempt.number, attempt.trigger, attempt.started_at)).collect();
    assert_eq!(made, [(1, Trigger::Schedule, at(2)), (2, Trigger::Manual, at(51))]);
}

/// After that, its schedule goes on by itself.
pub async fn a_failed_delivery_can_be_sent_again<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::GiveUp)]).await;
    assert_eq!(world.retry(key.id, 50).await, Retried::Due(key));
    assert_eq!(world.claim(subscription.key, 50).await.deliveries[0].trigger, Trigger::Manual);
    world.record(vec![failure(key, 2, at(51), NextStep::RetryAt(at(60)))]).await;
    let claimed = world.claim(subscription.key, 60).await;
    assert_eq!((claimed.deliveries[0].attempts, claimed.deliveries[0].trigger), (2, Trigger::Schedule));
    assert_eq!(world.attempts(key).await.len(), 2);
}

/// One that waits for its next attempt need not wait.
pub async fn a_waiting_delivery_is_made_due<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(900)))]).await;
    assert_eq!(world.retry(key.id, 50).await, Retried::Due(key));
    assert_eq!(world.retry(delivery(&event, 1).id, 40).await, Retried::Due(delivery(&event, 1)));
    assert_eq!(world.read(key).await.due_at, Some(at(50)));
    assert_eq!(world.claimed(subscription.key, 50).await, [event.delivery_id(1), key.id]);
}

/// A worker is at it already.
pub async fn a_leased_delivery_is_left_alone<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    assert_eq!(world.retry(key.id, 50).await, Retried::Leased);
    assert_eq!(world.claim(subscription.key, 50).await.deliveries, []);
    world.record(vec![success(key, 1, at(51))]).await;
    assert_eq!(world.state(key).await, DeliveryState::Succeeded);
}

/// The same, of one that was claimed.
pub async fn a_claimed_delivery_is_left_alone<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let key = delivery(&event, 0);
    world.claim(subscription.key, 5).await;
    assert_eq!(world.retry(key.id, 50).await, Retried::Leased);
    assert_eq!(world.claim(subscription.key, 50).await.deliveries, []);
}

/// Ids that are near to one that exists, and the event's own.
pub async fn a_delivery_that_does_not_exist_is_not_found<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let id = event.delivery_id(0);
    for other in [
        DeliveryId::from_parts(id.order(), id.nonce() ^ 1),
        DeliveryId::derive(event.id, id.order() + 1),
        DeliveryId::derive(event.id, event.id.order()),
        DeliveryId::from_parts(0, 0),
    ] {
        assert_eq!(world.retry(other, 50).await, Retried::NotFound, "{other}");
        assert_eq!(world.store.delivery(LIVE, other).await.expect("a delivery is read"), None);
        assert_eq!(world.store.attempts(LIVE, other).await.expect("attempts are read"), None);
    }
}

/// It is as if it did not exist.
pub async fn a_delivery_of_another_scope_is_not_found<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let retried = world.store.retry(TEST, event.delivery_id(0), at(50)).await.expect("a retry is asked for");
    assert_eq!(retried, Retried::NotFound);
    assert_eq!(world.read(delivery(&event, 0)).await.due_at, Some(at(1)));
}

/// Nobody would take it.
pub async fn a_delivery_whose_subscription_is_gone_is_told_apart<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event =
        world.publish(1, vec![leased(&subscription), parked(&subscription), leased(&subscription)]).await;
    world.record(vec![success(delivery(&event, 0), 1, at(2))]).await;
    world.store.delete_subscription(LIVE, subscription.id, at(3)).await.expect("a subscription is deleted");
    for index in 0..3 {
        assert_eq!(world.retry(event.delivery_id(index), 50).await, Retried::SubscriptionGone);
    }
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Succeeded);
    assert_eq!(world.state(delivery(&event, 1)).await, DeliveryState::Cancelled);
}

impl<H: Harness> World<H> {
    async fn retry(&self, id: DeliveryId, seconds: i64) -> Retried {
        self.store.retry(LIVE, id, at(seconds)).await.expect("a retry is asked for")
    }
}
