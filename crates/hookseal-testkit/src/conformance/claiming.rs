//! Deliveries that wait are claimed, and leases given back.

use bytes::Bytes;
use hookseal_engine::{
    DeliveryId, DeliveryState, Subscription, Terms, Trigger,
    ports::store::{ClaimOrder, Claimed, ClaimedDelivery, NextStep},
};

use super::{
    Harness,
    world::{LIVE, World, at, delivery, failure, leased, parked, success},
};

/// A claimed delivery comes with its payload.
pub async fn a_claim_gives_all_that_an_attempt_needs<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut event = world.event(1, vec![parked(&subscription)]);
    event.payload.content_type = Some("application/xml".to_owned());
    event.payload.body = Bytes::from_static(b"<a>\xff\0</a>");
    world.commit(&[&event]).await;
    let claimed = world.claim(subscription.key, 1).await;
    assert_eq!(
        claimed,
        Claimed {
            deliveries: vec![ClaimedDelivery {
                delivery: delivery(&event, 0),
                payload: event.payload,
                attempts: 0,
                trigger: Trigger::Schedule,
                terms: Terms::default(),
            }],
            next_due: None,
            next_order: None,
        }
    );
}

/// By the time they are due, then by their place.
pub async fn the_longest_due_comes_first<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let first =
        world.publish(1, vec![leased(&subscription), parked(&subscription), parked(&subscription)]).await;
    let second = world.publish(2, vec![parked(&subscription)]).await;
    world.record(vec![failure(delivery(&first, 0), 1, at(1), NextStep::RetryAt(at(5)))]).await;
    let expected = [first.delivery_id(1), first.delivery_id(2), second.delivery_id(0), first.delivery_id(0)];
    assert_eq!(world.claimed(subscription.key, 9).await, expected);
}

/// Due at that time or before.
pub async fn what_is_not_due_is_left<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let events = [
        world.publish(1, vec![parked(&subscription)]).await,
        world.publish(5, vec![parked(&subscription)]).await,
    ];
    let none = world.claim(subscription.key, 0).await;
    assert_eq!((none.deliveries.len(), none.next_due), (0, Some(at(1))));
    let one = world.claim(subscription.key, 4).await;
    assert_eq!(ids(&one), [events[0].delivery_id(0)]);
    assert_eq!(one.next_due, Some(at(5)));
    let other = world.claim(subscription.key, 5).await;
    assert_eq!((ids(&other), other.next_due), (vec![events[1].delivery_id(0)], None));
}

/// No more than asked for, and when the next is due.
pub async fn a_claim_is_bounded_in_number<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    for seconds in 1..=5 {
        world.publish(seconds, vec![parked(&subscription)]).await;
    }
    let two = world.claim_some(subscription.key, 9, 2, usize::MAX).await;
    assert_eq!((two.deliveries.len(), two.next_due), (2, Some(at(3))));
    let none = world.claim_some(subscription.key, 9, 0, usize::MAX).await;
    assert_eq!((none.deliveries.len(), none.next_due), (0, Some(at(3))));
    let three = world.claim_some(subscription.key, 9, 3, usize::MAX).await;
    assert_eq!((three.deliveries.len(), three.next_due), (3, None));
}

/// No more bytes of bodies than asked for.
pub async fn a_claim_is_bounded_in_bytes<H: Harness>(world: World<H>) {
    let subscription = parked_bodies(&world, &[40, 60, 1]).await;
    let claimed = world.claim_some(subscription.key, 9, 10, 100).await;
    assert_eq!((sizes(&claimed), claimed.next_due), (vec![40, 60], Some(at(3))));
    let claimed = world.claim_some(subscription.key, 9, 10, 100).await;
    assert_eq!((sizes(&claimed), claimed.next_due), (vec![1], None));
}

/// One is given even though its body alone is larger; nothing behind it overtakes it.
pub async fn one_delivery_is_given_whatever_its_size<H: Harness>(world: World<H>) {
    let subscription = parked_bodies(&world, &[10, 500, 10, 0]).await;
    for expected in [vec![10], vec![500], vec![10, 0]] {
        assert_eq!(sizes(&world.claim_some(subscription.key, 9, 10, 100).await), expected);
    }
}

/// Neither one that was leased as it was accepted, nor one that was claimed.
pub async fn a_leased_delivery_is_not_claimed<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), parked(&subscription)]).await;
    assert_eq!(world.claimed(subscription.key, 9).await, [event.delivery_id(1)]);
    let again = world.claim(subscription.key, 9).await;
    assert_eq!(again, Claimed { deliveries: Vec::new(), next_due: None, next_order: None });
}

/// One subscription's claim leaves others alone.
pub async fn a_claim_is_of_one_subscription<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(1, vec![parked(&one), parked(&two)]).await;
    assert_eq!(world.claimed(two.key, 9).await, [event.delivery_id(1)]);
    assert_eq!(world.claimed(one.key, 9).await, [event.delivery_id(0)]);
}

/// A claimed delivery is leased, and its outcome counts.
pub async fn a_claim_leases<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let key = delivery(&event, 0);
    world.claim(subscription.key, 9).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.due_at), (DeliveryState::Leased, None));
    world.record(vec![success(key, 1, at(9))]).await;
    assert_eq!(world.state(key).await, DeliveryState::Succeeded);
}

/// Given back, it can be claimed again.
pub async fn a_released_delivery_is_due_again_at_once<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let key = delivery(&event, 0);
    for _ in 0..2 {
        assert_eq!(world.claimed(subscription.key, 1).await, [key.id]);
        world.store.release(vec![key]).await.expect("leases are released");
        assert_eq!(world.state(key).await, DeliveryState::Pending);
    }
    world.record(vec![success(key, 1, at(9))]).await;
    assert_eq!(world.state(key).await, DeliveryState::Pending, "its lease was given back");
}

/// Releasing is no attempt.
pub async fn a_released_delivery_keeps_its_attempts<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(5)))]).await;
    world.claim(subscription.key, 5).await;
    world.store.release(vec![key]).await.expect("leases are released");
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.last_status), (DeliveryState::Pending, 1, Some(503)));
    assert_eq!(world.claim(subscription.key, 5).await.deliveries[0].attempts, 1);
}

/// There is nothing to give back.
pub async fn releasing_what_is_not_leased_changes_nothing<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let targets = vec![leased(&subscription), parked(&subscription), leased(&subscription)];
    let event = world.publish(1, targets).await;
    let (done, waiting, retried) = (delivery(&event, 0), delivery(&event, 1), delivery(&event, 2));
    let unknown = delivery(&world.event(1, vec![leased(&subscription)]), 0);
    let outcomes = vec![success(done, 1, at(2)), failure(retried, 1, at(2), NextStep::RetryAt(at(50)))];
    world.record(outcomes).await;
    world.store.release(vec![done, waiting, retried, unknown]).await.expect("leases are released");
    assert_eq!(world.state(done).await, DeliveryState::Succeeded);
    assert_eq!(world.read(waiting).await.due_at, Some(at(1)));
    assert_eq!(world.read(retried).await.due_at, Some(at(50)));
}

/// One that no row was written for may be given back as well.
pub async fn a_delivery_that_was_leased_as_it_was_accepted_can_be_released<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.store.release(vec![key, key]).await.expect("leases are released");
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts), (DeliveryState::Pending, 0));
    assert_eq!(world.state(delivery(&event, 1)).await, DeliveryState::Leased);
    assert_eq!(world.claimed(subscription.key, 1).await, [key.id]);
    world.record(vec![success(key, 1, at(9))]).await;
    assert_eq!(world.state(key).await, DeliveryState::Succeeded);
}

/// Its attempts are counted on.
pub async fn a_retry_is_claimed_with_its_attempts<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    for number in 1..=3 {
        let seconds = i64::from(number) * 10;
        world.record(vec![failure(key, number, at(seconds), NextStep::RetryAt(at(seconds + 5)))]).await;
        let claimed = world.claim(subscription.key, seconds + 5).await;
        assert_eq!((ids(&claimed), claimed.deliveries[0].attempts), (vec![key.id], number));
        assert_eq!(claimed.deliveries[0].trigger, Trigger::Schedule);
    }
}

/// Whatever the order in which they come due.
pub async fn a_claim_by_place_comes_in_the_order_of_places<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let first =
        world.publish(1, vec![leased(&subscription), parked(&subscription), parked(&subscription)]).await;
    let second = world.publish(2, vec![parked(&subscription)]).await;
    world.record(vec![failure(delivery(&first, 0), 1, at(1), NextStep::RetryAt(at(5)))]).await;
    let two = world.claim_by_place(subscription.key, 9, 2).await;
    assert_eq!(ids(&two), [first.delivery_id(0), first.delivery_id(1)]);
    assert_eq!((two.next_due, two.next_order), (Some(at(1)), Some(first.delivery_id(2).order())));
    let rest = world.claim_by_place(subscription.key, 9, 9).await;
    assert_eq!(ids(&rest), [first.delivery_id(2), second.delivery_id(0)]);
    assert_eq!((rest.next_due, rest.next_order), (None, None));
}

/// What comes after it may be due for long: it is held back.
pub async fn a_claim_by_place_stops_at_the_first_that_is_not_due<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let first = world.publish(1, vec![parked(&subscription), leased(&subscription)]).await;
    world.publish(2, vec![parked(&subscription)]).await;
    let waits = delivery(&first, 1);
    world.record(vec![failure(waits, 1, at(1), NextStep::RetryAt(at(50)))]).await;
    let claimed = world.claim_by_place(subscription.key, 9, 9).await;
    assert_eq!(ids(&claimed), [first.delivery_id(0)]);
    assert_eq!((claimed.next_due, claimed.next_order), (Some(at(50)), Some(waits.id.order())));
    let none = world.claim_by_place(subscription.key, 9, 9).await;
    assert_eq!((ids(&none), none.next_order), (Vec::new(), Some(waits.id.order())));
    assert_eq!(world.claim_by_place(subscription.key, 50, 9).await.deliveries.len(), 2);
}

/// One that was sent long ago and is to be sent again goes before all that came after it.
pub async fn a_claim_by_place_begins_with_what_was_made_due_again<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let old = world.publish(1, vec![leased(&subscription)]).await;
    world.record(vec![success(delivery(&old, 0), 1, at(2))]).await;
    let new = world.publish(3, vec![parked(&subscription)]).await;
    world.store.retry(LIVE, old.delivery_id(0), at(9)).await.expect("it is made due");
    let claimed = world.claim_by_place(subscription.key, 9, 9).await;
    assert_eq!(ids(&claimed), [old.delivery_id(0), new.delivery_id(0)]);
}

/// Not one that is leased, or is not due, or is another subscription's.
pub async fn a_claim_of_one_delivery_gives_no_other<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(5, vec![parked(&one), parked(&one), parked(&two), leased(&one)]).await;
    let only = |key, id, seconds| world.claim_in(ClaimOrder::Only(id), key, seconds, 9, usize::MAX);
    let wanted = event.delivery_id(1);
    assert_eq!(ids(&only(two.key, wanted, 9).await), []);
    assert_eq!(ids(&only(one.key, wanted, 4).await), []);
    assert_eq!(ids(&only(one.key, event.delivery_id(3), 9).await), [], "leased as it was accepted");
    assert_eq!(ids(&only(one.key, wanted, 9).await), [wanted]);
    assert_eq!(ids(&only(one.key, wanted, 9).await), [], "leased");
    assert_eq!(world.claimed(one.key, 9).await, [event.delivery_id(0)]);
}

fn ids(claimed: &Claimed) -> Vec<DeliveryId> {
    claimed.deliveries.iter().map(|claimed| claimed.delivery.id).collect()
}

fn sizes(claimed: &Claimed) -> Vec<usize> {
    claimed.deliveries.iter().map(|claimed| claimed.payload.body.len()).collect()
}

/// A subscription for which bodies of these sizes wait, due a second apart.
async fn parked_bodies<H: Harness>(world: &World<H>, sizes: &[usize]) -> Subscription {
    let subscription = world.subscription(LIVE).await;
    for (seconds, size) in (1..).zip(sizes) {
        let mut event = world.event(seconds, vec![parked(&subscription)]);
        event.payload.body = Bytes::from(vec![b'x'; *size]);
        world.commit(&[&event]).await;
    }
    subscription
}
