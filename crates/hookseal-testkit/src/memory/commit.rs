//! Committing a batch.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryRef, DeliveryState, EventRecord, NewEvent, Phases,
    SubscriptionStatus, Target, Trigger, Verdict,
    ports::store::{Batch, Committed, Ended, HealthChange, NextStep, Outcome, StoreError},
};

use super::state::{Delivery, Event, State};

impl State {
    /// Does what a batch asks for, or nothing of it.
    pub(super) fn commit(
        &mut self,
        batch: Batch,
        leases: &mut BTreeSet<u64>,
    ) -> Result<Committed, StoreError> {
        let mut offered = HashMap::new();
        for event in &batch.events {
            let first = offered.insert(event.id.order(), event.id).is_none_or(|other| other == event.id);
            self.check(event, first)?;
        }
        for outcome in batch.outcomes {
            self.record_outcome(outcome, leases);
        }
        for ended in &batch.ended {
            self.record_end(ended, leases);
        }
        for change in &batch.health {
            self.change_health(change);
        }
        let verdicts = batch.events.iter().map(|event| self.accept(event, leases)).collect();
        Ok(Committed { verdicts })
    }

    /// Refuses what a sound program does not ask for.
    fn check(&self, event: &NewEvent, order_is_free: bool) -> Result<(), StoreError> {
        let known = |target: &Target| {
            let owned = self.subscriptions.get(&target.subscription);
            owned.is_some_and(|owned| owned.subscription.scope == event.scope)
        };
        let there = self.events.get(&event.id.order()).is_some_and(|other| other.record.id != event.id);
        if !order_is_free || there || !event.targets.iter().all(known) {
            return Err(StoreError::Bug { what: format!("{} cannot be stored", event.id), source: None });
        }
        Ok(())
    }

    fn accept(&mut self, event: &NewEvent, leases: &mut BTreeSet<u64>) -> Verdict {
        let external_id = event.external_id.as_ref().map(|id| (event.scope, id.clone()));
        let named = external_id.as_ref().and_then(|id| self.external_ids.get(id)).copied();
        if let Some(earlier) = named.and_then(|order| self.events.get(&order)).map(|event| &event.record)
            && earlier.id != event.id
        {
            let (old, new) = (&earlier.payload, &event.payload);
            return if old.event_type == new.event_type && old.body == new.body {
                Verdict::Duplicate { of: earlier.id, deliveries: earlier.deliveries }
            } else {
                Verdict::Conflict { with: earlier.id }
            };
        }
        if self.events.contains_key(&event.id.order()) {
            self.lease_again(event, leases);
            return Verdict::Accepted;
        }
        if let Some(id) = external_id {
            self.external_ids.insert(id, event.id.order());
        }
        self.insert(event, leases);
        Verdict::Accepted
    }

    fn insert(&mut self, event: &NewEvent, leases: &mut BTreeSet<u64>) {
        let record = EventRecord {
            id: event.id,
            scope: event.scope,
            payload: event.payload.clone(),
            body_bytes: event.payload.body.len() as u64,
            external_id: event.external_id.clone(),
            accepted_at: event.accepted_at,
            window: event.window,
            deliveries: event.targets.len(),
        };
        self.events.insert(event.id.order(), Event { record, late: Vec::new() });
        for (index, target) in event.targets.iter().enumerate() {
            let delivery = self.new_delivery(event, index, target);
            let order = delivery.key.id.order();
            if delivery.unrecorded {
                leases.insert(order);
            }
            self.deliveries.insert(order, delivery);
        }
    }

    fn new_delivery(&self, event: &NewEvent, index: usize, target: &Target) -> Delivery {
        let gone =
            self.subscriptions.get(&target.subscription).is_none_or(|owned| owned.deleted_at.is_some());
        Delivery {
            key: DeliveryRef {
                id: event.delivery_id(index),
                event: event.id,
                subscription: target.subscription,
                scope: event.scope,
            },
            state: if gone { DeliveryState::Cancelled } else { DeliveryState::Pending },
            unrecorded: target.leased && !gone,
            attempts: 0,
            trigger: Trigger::Schedule,
            due: (!gone).then_some(event.due_at()),
            schedule_from: 0,
            finished_at: gone.then_some(event.accepted_at),
            status: None,
            failure: None,
            duration_ms: None,
            made: Vec::new(),
        }
    }

    /// The same event once more: what was leased with it, and has not been heard of since, is leased again.
    fn lease_again(&mut self, event: &NewEvent, leases: &mut BTreeSet<u64>) {
        for (index, _) in event.targets.iter().enumerate().filter(|(_, target)| target.leased) {
            let order = event.delivery_id(index).order();
            if self.deliveries.get(&order).is_some_and(|delivery| delivery.unrecorded) {
                leases.insert(order);
            }
        }
    }

    fn record_outcome(&mut self, outcome: Outcome, leases: &mut BTreeSet<u64>) {
        let order = outcome.delivery.id.order();
        let Some(delivery) = self.deliveries.get_mut(&order).filter(|found| found.key == outcome.delivery)
        else {
            return;
        };
        if outcome.attempt.number != delivery.attempts + 1 || !leases.remove(&order) {
            return;
        }
        let attempt = outcome.attempt;
        let total_ms = attempt.result.phases.total.as_millis() as u64;
        let ended = attempt.started_at.saturating_add(Duration::from_millis(total_ms));
        delivery.unrecorded = false;
        delivery.attempts = attempt.number;
        delivery.status = attempt.result.status;
        delivery.failure = attempt.result.failure.as_ref().map(|failure| failure.kind);
        delivery.duration_ms = Some(u32::try_from(total_ms).unwrap_or(u32::MAX));
        (delivery.state, delivery.due, delivery.finished_at) = match outcome.next {
            NextStep::Succeeded => (DeliveryState::Succeeded, None, Some(ended)),
            NextStep::GiveUp => (DeliveryState::Failed, None, Some(ended)),
            NextStep::Expire => (DeliveryState::Expired, None, Some(ended)),
            NextStep::RetryAt(due) => (DeliveryState::Pending, Some(due), None),
        };
        delivery.trigger = Trigger::Schedule;
        delivery.schedule_from = outcome.terms.schedule_from;
        let kept = if outcome.next == NextStep::Succeeded { compact(attempt) } else { attempt };
        delivery.made.push(kept);
    }

    fn record_end(&mut self, ended: &Ended, leases: &mut BTreeSet<u64>) {
        let order = ended.delivery.id.order();
        let known = self.deliveries.get_mut(&order).filter(|found| found.key == ended.delivery);
        if let Some(delivery) = known
            && leases.remove(&order)
        {
            delivery.end(ended.end.state(), ended.at);
        }
    }

    fn change_health(&mut self, change: &HealthChange) {
        let Some(owned) = self.subscriptions.get_mut(&change.subscription) else { return };
        if owned.deleted_at.is_some() {
            return;
        }
        owned.subscription.health = change.health;
        if let Some(reason) = change.disable {
            owned.subscription.status = SubscriptionStatus::TooManyErrors;
            owned.subscription.disabled_because = Some(reason);
        }
    }
}

/// A success as every store gives it back: status and duration, to the millisecond.
fn compact(attempt: AttemptRecord) -> AttemptRecord {
    let total = Duration::from_millis(attempt.result.phases.total.as_millis() as u64);
    let phases = Phases { total, ..Phases::default() };
    let result = AttemptResult { status: attempt.result.status, phases, ..AttemptResult::default() };
    AttemptRecord { result, ..attempt }
}
