//! What attempts come to is recorded, by those who hold the lease.

use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryState, DisableReason, FailureKind, Health, Phases, RetryAfter,
    SubscriptionKey, SubscriptionStatus, Trigger, Verdict,
    ports::store::{Batch, HealthChange, NextStep},
};

use super::{
    Harness,
    world::{LIVE, World, at, delivery, failure, leased, parked, success},
};

/// A success is final.
pub async fn a_success_ends_a_delivery<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![success(key, 1, at(2))]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Succeeded, 1, None));
    assert_eq!(record.finished_at, Some(at(2).saturating_add(Duration::from_millis(12))));
    assert_eq!(
        (record.last_status, record.last_failure, record.last_duration_ms),
        (Some(204), None, Some(12))
    );
    assert_eq!(world.claim(subscription.key, 99).await.next_due, None);
}

/// A delivery that is to be tried again waits until then.
pub async fn a_retry_waits_until_it_is_due<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::RetryAt(at(30)))]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 1, Some(at(30))));
    assert_eq!((record.finished_at, record.last_status), (None, Some(503)));
    assert_eq!((record.last_failure, record.last_duration_ms), (Some(FailureKind::Status), Some(120)));
    let early = world.claim(subscription.key, 29).await;
    assert_eq!((early.deliveries.len(), early.next_due), (0, Some(at(30))));
    assert_eq!(world.claimed(subscription.key, 30).await, [key.id]);
}

/// What is given up is final.
pub async fn giving_up_ends_a_delivery<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![failure(key, 1, at(2), NextStep::GiveUp)]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Failed, 1, None));
    assert_eq!(record.finished_at, Some(at(2).saturating_add(Duration::from_millis(120))));
    assert_eq!(world.claim(subscription.key, 99).await.next_due, None);
}

/// An outcome is applied only while the lease is held.
pub async fn an_outcome_without_a_lease_is_dropped<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![parked(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![success(key, 1, at(2))]).await;
    world.record(vec![failure(key, 1, at(2), NextStep::GiveUp)]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 0, Some(at(1))));
    assert_eq!(world.attempts(key).await, []);
    assert_eq!(world.claimed(subscription.key, 9).await, [key.id]);
}

/// Whoever lost the answer offers the same outcome again. The delivery may be leased anew by then: nothing is counted
/// twice, and that lease stays.
pub async fn an_outcome_that_is_offered_again_counts_once<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    let outcome = failure(key, 1, at(2), NextStep::RetryAt(at(3)));
    world.record(vec![outcome.clone()]).await;
    assert_eq!(world.claimed(subscription.key, 9).await, [key.id]);
    world.record(vec![outcome]).await;
    let record = world.read(key).await;
    assert_eq!((record.state, record.attempts), (DeliveryState::Leased, 1));
    world.record(vec![success(key, 2, at(10))]).await;
    assert_eq!(world.read(key).await.state, DeliveryState::Succeeded);
    assert_eq!(world.attempts(key).await.len(), 2);
}

/// A lease is of one delivery: whoever names another event or subscription has none.
pub async fn an_outcome_of_another_delivery_is_dropped<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let event = world.publish(1, vec![leased(&one), leased(&two)]).await;
    let mut of_other_subscription = delivery(&event, 0);
    of_other_subscription.subscription = two.key;
    let mut of_other_event = delivery(&event, 0);
    of_other_event.event = world.event(1, Vec::new()).id;
    world.record(vec![success(of_other_subscription, 1, at(2)), success(of_other_event, 1, at(2))]).await;
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Leased);
    assert_eq!(world.state(delivery(&event, 1)).await, DeliveryState::Leased);
}

/// The lease ends with the outcome: a second one is dropped.
pub async fn an_outcome_ends_the_lease<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), leased(&subscription)]).await;
    let (one, two) = (delivery(&event, 0), delivery(&event, 1));
    world.record(vec![success(one, 1, at(2)), failure(two, 1, at(2), NextStep::RetryAt(at(5)))]).await;
    world.record(vec![failure(one, 2, at(3), NextStep::GiveUp), success(two, 2, at(3))]).await;
    assert_eq!(world.state(one).await, DeliveryState::Succeeded);
    assert_eq!(world.state(two).await, DeliveryState::Pending);
    assert_eq!((world.attempts(one).await.len(), world.attempts(two).await.len()), (1, 1));
    assert_eq!(world.claimed(subscription.key, 5).await, [two.id]);
    world.record(vec![success(two, 2, at(6))]).await;
    world.record(vec![failure(two, 3, at(7), NextStep::GiveUp)]).await;
    assert_eq!(world.state(two).await, DeliveryState::Succeeded);
}

/// That holds within one batch as well.
pub async fn of_two_outcomes_in_a_batch_the_first_counts<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    world.record(vec![success(key, 1, at(2)), failure(key, 1, at(2), NextStep::GiveUp)]).await;
    assert_eq!(world.state(key).await, DeliveryState::Succeeded);
    assert_eq!(world.attempts(key).await.len(), 1);
}

/// New events and outcomes of earlier ones are made durable together.
pub async fn events_and_outcomes_share_a_batch<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let earlier = world.publish(1, vec![leased(&subscription)]).await;
    let event = world.event(2, vec![leased(&subscription)]);
    let batch = Batch {
        events: vec![event.clone()],
        outcomes: vec![success(delivery(&earlier, 0), 1, at(2))],
        health: vec![HealthChange { subscription: subscription.key, health: poor(), disable: None }],
        ..Batch::default()
    };
    let committed = world.try_commit(batch).await.expect("a batch is committed");
    assert_eq!(committed.verdicts, [Verdict::Accepted]);
    assert_eq!(world.state(delivery(&earlier, 0)).await, DeliveryState::Succeeded);
    assert_eq!(world.state(delivery(&event, 0)).await, DeliveryState::Leased);
    let stored = world.store.subscription(LIVE, subscription.id).await.expect("a subscription is read");
    assert_eq!(stored.map(|stored| stored.health), Some(poor()));
}

/// All that is known of a failed attempt comes back.
pub async fn a_failed_attempt_is_kept_in_full<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let targets = vec![leased(&subscription), leased(&subscription), leased(&subscription)];
    let event = world.publish(1, targets).await;
    let full = failure(delivery(&event, 0), 1, at(2), NextStep::RetryAt(at(5)));
    let mut given_up = failure(delivery(&event, 1), 1, at(2), NextStep::GiveUp);
    given_up.attempt.result.retry_after = Some(RetryAfter::At(at(77)));
    given_up.attempt.result.response_body = Bytes::from(vec![0xa5; 16 * 1024]);
    given_up.attempt.trigger = Trigger::Ping;
    let mut empty = failure(delivery(&event, 2), 1, at(2), NextStep::GiveUp);
    empty.attempt.result = AttemptResult::default();
    world.record(vec![full.clone(), given_up.clone(), empty.clone()]).await;
    for outcome in [full, given_up, empty] {
        assert_eq!(world.attempts(outcome.delivery).await, [outcome.attempt]);
    }
}

/// Of a successful attempt number, trigger, start, status and duration come back.
pub async fn a_successful_attempt_is_kept_compactly<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let mut outcome = success(delivery(&event, 0), 1, at(2));
    outcome.attempt.trigger = Trigger::Ping;
    outcome.attempt.result.response_body = Bytes::from_static(b"thanks");
    outcome.attempt.result.phases.total = Duration::from_micros(12_900);
    outcome.attempt.result.phases.tls = Some(Duration::from_millis(3));
    world.record(vec![outcome]).await;
    let phases = Phases { total: Duration::from_millis(12), ..Phases::default() };
    let result = AttemptResult { status: Some(204), phases, ..AttemptResult::default() };
    let kept = AttemptRecord { number: 1, trigger: Trigger::Ping, started_at: at(2), result };
    assert_eq!(world.attempts(delivery(&event, 0)).await, [kept]);
}

/// Failures, and the success that came after them.
pub async fn attempts_are_listed_oldest_first<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    for number in 1..=12 {
        let seconds = i64::from(number) * 10;
        world.record(vec![failure(key, number, at(seconds), NextStep::RetryAt(at(seconds + 5)))]).await;
        assert_eq!(world.claimed(subscription.key, seconds + 5).await, [key.id]);
    }
    world.record(vec![success(key, 13, at(500))]).await;
    let attempts = world.attempts(key).await;
    assert_eq!(
        attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(),
        (1..=13).collect::<Vec<_>>()
    );
    assert_eq!(attempts[12].result.status, Some(204));
    assert_eq!(world.read(key).await.attempts, 13);
}

/// Health changes are part of the batch.
pub async fn health_is_written_with_the_outcomes<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    world.change_health(one.key, poor(), None).await;
    let stored = world.store.all_subscriptions().await.expect("subscriptions are read");
    assert_eq!(
        (stored[0].id, stored[0].health, stored[0].status),
        (one.id, poor(), SubscriptionStatus::Active)
    );
    assert_eq!((stored[1].id, stored[1].health), (two.id, Health::GOOD));
    assert_eq!(stored[0].updated_at, one.updated_at, "its owner has not changed it");
    world.change_health(one.key, Health::GOOD, None).await;
    let stored = world.store.subscription(LIVE, one.id).await.expect("a subscription is read");
    assert_eq!(stored, Some(one));
}

/// A change may disable a subscription; a later change of its health leaves that as it is.
pub async fn a_subscription_is_disabled_with_its_reason<H: Harness>(world: World<H>) {
    for reason in DisableReason::ALL {
        let subscription = world.subscription(LIVE).await;
        world.change_health(subscription.key, poor(), Some(reason)).await;
        world.change_health(subscription.key, Health::GOOD, None).await;
        let stored = world.store.subscription(LIVE, subscription.id).await.expect("a subscription is read");
        let stored = stored.expect("the subscription is there");
        assert_eq!(stored.status, SubscriptionStatus::TooManyErrors);
        assert_eq!((stored.disabled_because, stored.health), (Some(reason), Health::GOOD));
    }
}

/// There is nobody left to be disabled.
pub async fn health_of_a_subscription_that_is_gone_is_dropped<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    world.store.delete_subscription(LIVE, subscription.id, at(3)).await.expect("a subscription is deleted");
    world.change_health(subscription.key, poor(), Some(DisableReason::Gone)).await;
    world.change_health(SubscriptionKey(999_999), poor(), Some(DisableReason::Gone)).await;
    assert_eq!(world.store.all_subscriptions().await.expect("subscriptions are read"), []);
}

fn poor() -> Health {
    Health {
        failures_in_a_row: 7,
        failing_since: Some(at(2)),
        unreachable_in_a_row: 4,
        unreachable_since: Some(at(3)),
        recovering: true,
    }
}

impl<H: Harness> World<H> {
    async fn change_health(
        &self,
        subscription: SubscriptionKey,
        health: Health,
        disable: Option<DisableReason>,
    ) {
        let health = vec![HealthChange { subscription, health, disable }];
        self.try_commit(Batch { health, ..Batch::default() }).await.expect("health is committed");
    }
}
