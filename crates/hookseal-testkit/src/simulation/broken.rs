//! The defects that stand between the engine and its store. A sound engine goes through here unchanged.

use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, Payload, Subscription, SubscriptionKey, SubscriptionStatus, Target, Verdict, limits,
    ports::store::{
        Batch, Claim, Claimed, Committed, NextStep, Recovered, Store, StoreError, SubscriptionChange,
    },
};

use super::{Sabotage, world::Life};

/// Commits a batch.
pub(super) async fn commit(life: &Life, mut batch: Batch) -> Result<Committed, StoreError> {
    match life.world.sabotage {
        Some(Sabotage::AnswersBeforeTheCommit) => {
            let verdicts = vec![Verdict::Accepted; batch.events.len()];
            batch.events.clear();
            life.disk.commit(batch).await?;
            return Ok(Committed { verdicts });
        }
        Some(Sabotage::StoresWhatItRefuses) => return store_what_is_refused(life, batch).await,
        Some(Sabotage::IgnoresPublishersIds) => {
            batch.events.iter_mut().for_each(|event| event.external_id = None);
        }
        Some(Sabotage::LeavesOneOut) => {
            batch
                .events
                .iter_mut()
                .for_each(|event| event.targets.truncate(event.targets.len().saturating_sub(1)));
        }
        Some(Sabotage::MakesUpSubscriptions) => batch.events.iter_mut().for_each(|event| {
            event.targets.push(Target { subscription: SubscriptionKey(999), leased: false });
        }),
        Some(Sabotage::RecordsSuccessWithoutOne) => {
            for outcome in &mut batch.outcomes {
                if matches!(outcome.next, NextStep::RetryAt(_)) {
                    outcome.next = NextStep::Succeeded;
                }
            }
        }
        Some(Sabotage::LosesOutcomes) => {
            batch.outcomes.retain(|outcome| outcome.next != NextStep::Succeeded);
        }
        _ => {}
    }
    life.disk.commit(batch).await
}

async fn store_what_is_refused(life: &Life, batch: Batch) -> Result<Committed, StoreError> {
    let offered = batch.events.clone();
    let committed = life.disk.commit(batch).await?;
    let refused = offered.into_iter().zip(&committed.verdicts);
    let refused = refused.filter(|(_, verdict)| matches!(verdict, Verdict::Conflict { .. }));
    let mut stored: Vec<_> = refused.map(|(event, _)| event).collect();
    for event in &mut stored {
        event.external_id = None;
        event.targets.iter_mut().for_each(|target| target.leased = false);
    }
    life.disk.commit(Batch { events: stored, ..Batch::default() }).await?;
    Ok(committed)
}

/// A wish to read deliveries back.
pub(super) fn claim(life: &Life, claim: Claim) -> Claim {
    match life.world.sabotage {
        Some(Sabotage::HurriesRetries) => Claim { due_before: later(claim.due_before), ..claim },
        Some(Sabotage::ReadsBackWithoutABound) => Claim { limit: usize::MAX, bytes_max: usize::MAX, ..claim },
        _ => claim,
    }
}

fn later(at: Timestamp) -> Timestamp {
    at.saturating_add(std::time::Duration::from_secs(3600))
}

/// Deliveries that were read back.
pub(super) fn claimed(life: &Life, mut claimed: Claimed) -> Claimed {
    for claimed in &mut claimed.deliveries {
        match life.world.sabotage {
            Some(Sabotage::ForgetsExpiry) => claimed.terms.expires_at = None,
            Some(Sabotage::ForgetsAttempts) => claimed.attempts = 0,
            Some(Sabotage::ChangesIds) => {
                let id = claimed.delivery.id;
                claimed.delivery.id = DeliveryId::from_parts(id.order(), id.nonce() ^ 1);
            }
            Some(Sabotage::ChangesBodies) => {
                let body = [&claimed.payload.body[..], b" "].concat().into();
                claimed.payload = Payload { body, ..claimed.payload.clone() };
            }
            _ => {}
        }
    }
    claimed
}

/// What an earlier process left.
pub(super) fn recovered(life: &Life, mut recovered: Recovered) -> Recovered {
    match life.world.sabotage {
        Some(Sabotage::ForgetsAfterACrash) => {
            recovered.waiting.truncate(recovered.waiting.len().saturating_sub(1))
        }
        Some(Sabotage::ForgetsTheHighestOrder) => recovered.highest_order = 0,
        _ => {}
    }
    recovered
}

/// A subscription as the engine reads it.
pub(super) fn subscription(life: &Life, mut subscription: Subscription) -> Subscription {
    match life.world.sabotage {
        Some(Sabotage::IgnoresTheCap) => {
            subscription.settings.max_in_flight = Some(limits::MAX_IN_FLIGHT_MAX);
        }
        Some(Sabotage::IgnoresTheRate) => subscription.settings.rate_limit_per_s = None,
        Some(Sabotage::IgnoresOrder) => subscription.settings.ordered = None,
        Some(Sabotage::SignsForEver) => {
            subscription.secrets.iter_mut().for_each(|secret| secret.expires_at = None);
        }
        Some(Sabotage::ForgetsTheOverlap) => {
            subscription.secrets.retain(|secret| secret.expires_at.is_none());
        }
        _ => {}
    }
    subscription
}

/// A subscription before it is changed, where that is of use.
pub(super) fn before_change(life: &Life, change: &SubscriptionChange) -> Option<Subscription> {
    let wanted = life.world.is_broken(Sabotage::KeepsTheOldSecret) && change.secrets.is_some();
    let known = life.world.ledger.lock();
    let key = known.subscriptions.iter().find(|subscribed| subscribed.id == Some(change.id))?.key?;
    life.disk.look_at_subscription(key).filter(|_| wanted)
}

/// A subscription after it was changed, as the engine takes it in.
pub(super) fn changed(life: &Life, before: Option<Subscription>, changed: Subscription) -> Subscription {
    let mut changed = subscription(life, changed);
    if life.world.is_broken(Sabotage::IgnoresAPause) && changed.status == SubscriptionStatus::Paused {
        changed.status = SubscriptionStatus::Active;
    }
    if let Some(before) = before {
        changed.secrets = before.secrets;
    }
    changed
}
