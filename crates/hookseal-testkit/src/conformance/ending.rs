//! Deliveries end without an attempt: called off, or because their time is over.

use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, Terms, Trigger, Window,
    ports::store::{Batch, Cancelled, End, Ended, Expired, NextStep, Retried},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, failure, leased, parked, success},
};

const NONE: Expired = Expired { ended: 0, next: None };

/// It waits until then, and its event tells so.
pub async fn an_event_that_is_put_off_waits<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut event = world.event(1, vec![parked(&subscription)]);
    event.window = Window { deliver_at: Some(at(60)), expires_at: None };
    world.commit(&[&event]).await;
    let record = world.read(delivery(&event, 0)).await;
    assert_eq!((record.due_at, record.window, record.created_at), (Some(at(60)), event.window, at(1)));
    let stored = world.store.event(LIVE, event.id).await.expect("an event is read").expect("it is there");
    assert_eq!(stored.window, event.window);

    let early = world.claim(subscription.key, 59).await;
    assert_eq!((early.deliveries.len(), early.next_due), (0, Some(at(60))));
    assert_eq!(world.claimed(subscription.key, 60).await, [event.delivery_id(0)]);
}

/// When it is due is part of what outlives the process.
pub async fn an_event_that_is_put_off_waits_over_a_crash<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut event = world.event(1, vec![parked(&subscription)]);
    event.window = Window { deliver_at: Some(at(60)), expires_at: Some(at(90)) };
    world.commit(&[&event]).await;
    world.crash().await;
    let recovered = world.recover(5).await;
    assert_eq!(recovered.waiting, [(subscription.key, at(60))]);
    assert_eq!((recovered.next_expiry, recovered.resumed), (Some(at(90)), 0));
    assert_eq!(world.read(delivery(&event, 0)).await.due_at, Some(at(60)));
}

/// From its time on, and not before.
pub async fn what_waits_expires_when_its_time_is_over<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let key = expiring(&world, vec![parked(&subscription)], 10).await[0];
    let forever = delivery(&world.publish(1, vec![parked(&subscription)]).await, 0);
    assert_eq!(world.expire(9).await, Expired { ended: 0, next: Some(at(10)) });
    assert_eq!(world.state(key).await, DeliveryState::Pending);
    assert_eq!(world.expire(10).await, Expired { ended: 1, next: None });
    let record = world.read(key).await;
    assert_eq!((record.state, record.due_at), (DeliveryState::Expired, None));
    assert_eq!((record.finished_at, record.window.expires_at), (Some(at(10)), Some(at(10))));
    assert_eq!(world.claimed(subscription.key, 99).await, [forever.id]);
    assert_eq!(world.expire(99).await, NONE);
}

/// One call ends so many and tells that there are more.
pub async fn expiring_is_bounded<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let targets = vec![parked(&subscription); 5];
    let keys = expiring(&world, targets, 10).await;
    for (limit, expected) in [
        (0, Expired { ended: 0, next: Some(at(10)) }),
        (3, Expired { ended: 3, next: Some(at(10)) }),
        (3, Expired { ended: 2, next: None }),
    ] {
        assert_eq!(world.store.expire(at(20), limit).await.expect("deliveries expire"), expected);
    }
    for key in keys {
        assert_eq!(world.state(key).await, DeliveryState::Expired);
    }
}

/// A worker holds it, and looks at its time itself; given back, it expires.
pub async fn what_is_leased_does_not_expire<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let keys = expiring(&world, vec![leased(&subscription), parked(&subscription)], 10).await;
    let claimed = world.claim(subscription.key, 5).await;
    let terms = Terms { expires_at: Some(at(10)), schedule_from: 0 };
    assert_eq!((claimed.deliveries.len(), claimed.deliveries[0].terms), (1, terms));
    assert_eq!(world.expire(99).await, NONE);
    for key in &keys {
        assert_eq!(world.state(*key).await, DeliveryState::Leased);
    }
    world.store.release(keys.clone()).await.expect("leases are released");
    assert_eq!(world.expire(99).await, Expired { ended: 2, next: None });
    for key in keys {
        assert_eq!(world.state(key).await, DeliveryState::Expired);
    }
}

/// Between two attempts as well.
pub async fn a_retry_that_waits_expires<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let key = expiring(&world, vec![leased(&subscription)], 10).await[0];
    let mut outcome = failure(key, 1, at(2), NextStep::RetryAt(at(8)));
    outcome.terms.expires_at = Some(at(10));
    world.record(vec![outcome]).await;
    assert_eq!(world.expire(9).await.next, Some(at(10)));
    assert_eq!(world.expire(10).await.ended, 1);
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts), (DeliveryState::Expired, 1));
    assert_eq!(world.attempts(key).await.len(), 1);
}

/// After a failure whose retry would come too late.
pub async fn an_outcome_may_expire_a_delivery<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let key = expiring(&world, vec![leased(&subscription)], 10).await[0];
    world.record(vec![failure(key, 1, at(2), NextStep::Expire)]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Expired, 1, None));
    assert!(record.finished_at.is_some());
    assert_eq!(world.attempts(key).await.len(), 1);
    assert_eq!(world.expire(99).await, NONE);
}

/// What was recovered after a crash expires as it would have.
pub async fn what_is_recovered_expires<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let keys = expiring(&world, vec![leased(&subscription), parked(&subscription)], 10).await;
    world.crash().await;
    assert_eq!(world.recover(5).await.next_expiry, Some(at(10)));
    assert_eq!(world.claim(subscription.key, 6).await.deliveries[0].terms.expires_at, Some(at(10)));
    world.crash().await;
    world.recover(7).await;
    assert_eq!(world.expire(10).await, Expired { ended: 2, next: None });
    for key in keys {
        assert_eq!(world.state(key).await, DeliveryState::Expired);
    }
    world.restart().await;
    assert_eq!(world.recover(11).await.next_expiry, None);
}

/// A person's wish goes before its time; afterwards that holds again.
pub async fn an_expired_delivery_can_be_sent_again<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let key = expiring(&world, vec![parked(&subscription)], 10).await[0];
    world.expire(10).await;
    assert_eq!(world.retry_at(key.id, 20).await, Retried::Due(key));
    assert_eq!(world.expire(30).await, NONE);
    let record = world.read(key).await;
    assert_eq!(
        (record.state, record.due_at, record.finished_at),
        (DeliveryState::Pending, Some(at(20)), None)
    );
    let claimed = world.claim(subscription.key, 30).await;
    assert_eq!(claimed.deliveries[0].trigger, Trigger::Manual);
    assert_eq!(claimed.deliveries[0].terms.expires_at, Some(at(10)));
    let mut outcome = failure(key, 1, at(31), NextStep::RetryAt(at(32)));
    outcome.terms = claimed.deliveries[0].terms;
    world.record(vec![outcome]).await;
    assert_eq!(world.expire(31).await.ended, 1, "asked for once, and not again");
}

/// Its schedule begins anew, and the attempts go on counting.
pub async fn a_retry_begins_the_schedule_anew<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(3)))]).await;
    assert_eq!(world.claim(subscription.key, 3).await.deliveries[0].terms.schedule_from, 0);
    world.record(vec![failure(key, 2, at(4), NextStep::GiveUp)]).await;
    world.retry_at(key.id, 20).await;
    let claimed = world.claim(subscription.key, 20).await.deliveries.remove(0);
    assert_eq!((claimed.attempts, claimed.terms.schedule_from), (2, 2));
    let mut outcome = failure(key, 3, at(21), NextStep::RetryAt(at(22)));
    outcome.terms = claimed.terms;
    world.record(vec![outcome]).await;
    let claimed = world.claim(subscription.key, 22).await.deliveries.remove(0);
    assert_eq!((claimed.attempts, claimed.terms.schedule_from), (3, 2), "it is kept between attempts");
}

/// Nothing begins for it any more.
pub async fn a_waiting_delivery_is_called_off<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription), leased(&subscription)]).await;
    let retried = delivery(&event, 1);
    world.record(vec![failure(retried, 1, at(2), NextStep::RetryAt(at(50)))]).await;
    for key in [delivery(&event, 0), retried] {
        assert_eq!(world.cancel(key.id, 5).await, Cancelled::Done);
        let record = world.read(key).await;
        assert_eq!((record.state, record.due_at), (DeliveryState::Cancelled, None));
        assert_eq!(record.finished_at, Some(at(5)));
        assert_eq!(world.cancel(key.id, 6).await, Cancelled::Final(DeliveryState::Cancelled));
    }
    assert_eq!(world.claim(subscription.key, 99).await.deliveries, []);
    assert_eq!(world.attempts(retried).await.len(), 1);
    world.crash().await;
    assert_eq!(world.recover(9).await.waiting, []);
    assert_eq!(world.retry_at(retried.id, 10).await, Retried::Due(retried));
}

/// Whoever holds it is asked first.
pub async fn a_leased_delivery_is_not_called_off<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    world.claim(subscription.key, 5).await;
    for index in 0..2 {
        let key = delivery(&event, index);
        assert_eq!(world.cancel(key.id, 6).await, Cancelled::Leased(key));
        world.record(vec![success(key, 1, at(7))]).await;
        assert_eq!(world.cancel(key.id, 8).await, Cancelled::Final(DeliveryState::Succeeded));
    }
}

/// There is nothing to call off.
pub async fn what_does_not_wait_is_not_called_off<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    world.record(vec![failure(delivery(&event, 0), 1, at(2), NextStep::GiveUp)]).await;
    assert_eq!(world.cancel(event.delivery_id(0), 5).await, Cancelled::Final(DeliveryState::Failed));
    let unknown = DeliveryId::derive(event.id, event.id.order() + 9);
    assert_eq!(world.cancel(unknown, 5).await, Cancelled::NotFound);
    let waiting = delivery(&event, 1);
    let foreign = world.store.cancel(TEST, waiting.id, at(5)).await.expect("a cancellation is asked for");
    assert_eq!(foreign, Cancelled::NotFound);
    assert_eq!(world.state(waiting).await, DeliveryState::Pending);
    world.store.delete_subscription(LIVE, subscription.id, at(6)).await.expect("a subscription is deleted");
    assert_eq!(world.cancel(waiting.id, 7).await, Cancelled::Final(DeliveryState::Cancelled));
    assert_eq!(world.read(waiting).await.finished_at, Some(at(6)));
}

/// By whoever has leased it, before its first attempt and between two.
pub async fn a_leased_delivery_ends_without_an_attempt<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), leased(&subscription)]).await;
    let (fresh, retried) = (delivery(&event, 0), delivery(&event, 1));
    world.record(vec![failure(retried, 1, at(2), NextStep::RetryAt(at(3)))]).await;
    world.claim(subscription.key, 3).await;
    world.record_ends(vec![ended(fresh, End::Cancelled, 4), ended(retried, End::Expired, 5)]).await;
    let check = async |world: &World<H>| {
        let (one, two) = (world.read(fresh).await, world.read(retried).await);
        assert_eq!((one.state, one.attempts, one.finished_at), (DeliveryState::Cancelled, 0, Some(at(4))));
        assert_eq!((two.state, two.attempts, two.finished_at), (DeliveryState::Expired, 1, Some(at(5))));
        assert_eq!((two.last_status, two.due_at), (Some(503), None));
    };
    check(&world).await;
    world.crash().await;
    assert_eq!(world.recover(9).await.resumed, 0);
    check(&world).await;
}

/// As an outcome without a lease is.
pub async fn an_end_without_a_lease_is_dropped<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    let (done, waiting) = (delivery(&event, 0), delivery(&event, 1));
    world.record(vec![success(done, 1, at(2))]).await;
    world.record_ends(vec![ended(done, End::Expired, 4), ended(waiting, End::Cancelled, 4)]).await;
    assert_eq!(world.state(done).await, DeliveryState::Succeeded);
    assert_eq!(world.state(waiting).await, DeliveryState::Pending);

    world.claim(subscription.key, 5).await;
    let batch = Batch {
        outcomes: vec![success(waiting, 1, at(6))],
        ended: vec![ended(waiting, End::Cancelled, 6)],
        ..Batch::default()
    };
    world.try_commit(batch).await.expect("outcomes are committed");
    assert_eq!(world.state(waiting).await, DeliveryState::Succeeded, "the first counts");
}

/// They are called off, which goes before their time.
pub async fn deliveries_of_a_deleted_subscription_do_not_expire<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let key = expiring(&world, vec![parked(&subscription)], 10).await[0];
    world.store.delete_subscription(LIVE, subscription.id, at(6)).await.expect("a subscription is deleted");
    assert_eq!(world.expire(99).await, NONE);
    assert_eq!(world.state(key).await, DeliveryState::Cancelled);
}

fn ended(delivery: DeliveryRef, end: End, seconds: i64) -> Ended {
    Ended { delivery, end, at: at(seconds) }
}

/// The deliveries of an event that expires at this second.
async fn expiring<H: Harness>(
    world: &World<H>,
    targets: Vec<hookseal_engine::Target>,
    seconds: i64,
) -> Vec<DeliveryRef> {
    let mut event = world.event(1, targets);
    event.window.expires_at = Some(at(seconds));
    world.commit(&[&event]).await;
    (0..event.targets.len()).map(|index| delivery(&event, index)).collect()
}

impl<H: Harness> World<H> {
    async fn expire(&self, seconds: i64) -> Expired {
        self.store.expire(at(seconds), 100).await.expect("deliveries expire")
    }

    async fn cancel(&self, id: DeliveryId, seconds: i64) -> Cancelled {
        self.store.cancel(LIVE, id, at(seconds)).await.expect("a cancellation is asked for")
    }

    async fn retry_at(&self, id: DeliveryId, seconds: i64) -> Retried {
        self.store.retry(LIVE, id, at(seconds)).await.expect("a retry is asked for")
    }

    async fn record_ends(&self, ended: Vec<Ended>) {
        let batch = Batch { ended, ..Batch::default() };
        self.try_commit(batch).await.expect("ends are committed");
    }
}
