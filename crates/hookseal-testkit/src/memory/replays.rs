//! Replays.

use std::collections::BTreeSet;

use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, ReplayId, ReplayRecord, ReplayState, Scope, SubscriptionKey,
    Trigger,
    ports::store::{Advanced, NewReplay, ReplayStep, StoreError},
};

use super::state::{Delivery, State};

impl State {
    pub(super) fn create_replay(&mut self, new: &NewReplay) -> Result<Option<ReplayRecord>, StoreError> {
        let owned = self.subscriptions.get(&new.subscription).filter(|owned| owned.deleted_at.is_none());
        let Some(owned) = owned else { return Ok(None) };
        if let Some(made) = self.replays.get(&new.id) {
            return Ok(Some(made.clone()));
        }
        let running = |replay: &&ReplayRecord| {
            replay.subscription == new.subscription && replay.state == ReplayState::Running
        };
        if self.replays.values().any(|replay| running(&replay)) {
            return Err(StoreError::Conflict { what: "another replay of the subscription runs" });
        }
        let (first, _) = new.wish.places(new.id);
        let replay = ReplayRecord {
            id: new.id,
            subscription: new.subscription,
            subscription_id: owned.subscription.id,
            scope: owned.subscription.scope,
            wish: new.wish.clone(),
            state: ReplayState::Running,
            place: first.saturating_sub(1),
            examined: 0,
            replayed: 0,
            created: 0,
            finished_at: None,
        };
        self.replays.insert(new.id, replay.clone());
        Ok(Some(replay))
    }

    pub(super) fn advance_replay(&mut self, step: &ReplayStep) -> Option<Advanced> {
        let mut replay =
            self.replays.get(&step.id).filter(|found| found.state == ReplayState::Running)?.clone();
        let due = self.waiting(replay.subscription, &BTreeSet::new());
        let outstanding =
            due.iter().filter(|(at, order)| *at <= step.now && !self.deliveries[order].unrecorded);
        let outstanding = outstanding.count().min(step.outstanding_max);
        let room = step.deliveries_max.min(step.outstanding_max - outstanding);
        let mut made = 0;
        if room > 0 {
            made = self.walk(&mut replay, step, room);
            self.replays.insert(replay.id, replay.clone());
        }
        Some(Advanced { replay, made_due: made, outstanding })
    }

    /// Looks at events from where the last step ended. Returns how many deliveries it made due.
    fn walk(&mut self, replay: &mut ReplayRecord, step: &ReplayStep, room: usize) -> usize {
        let (mut made, mut created) = (0, 0);
        let (_, end) = replay.wish.places(replay.id);
        let mut targets = 0;
        for _ in 0..step.examined_max {
            if targets >= step.targets_max {
                break;
            }
            let next = self.events.range(replay.place + 1..end.max(replay.place + 1)).next();
            let Some((place, event)) = next.map(|(place, event)| (*place, event.record.clone())) else {
                (replay.state, replay.finished_at) = (ReplayState::Done, Some(step.now));
                break;
            };
            if event.scope == replay.scope {
                let event_type = &event.payload.event_type;
                let of_it = self.places_of(place, replay.subscription);
                if !replay.wish.takes(event_type) {
                } else if of_it.is_empty() && replay.wish.misses(event_type, step.types.as_deref()) {
                    if made >= room {
                        break;
                    }
                    let order = step.first_order + created;
                    let key = DeliveryRef {
                        id: DeliveryId::derive(event.id, order),
                        event: event.id,
                        subscription: replay.subscription,
                        scope: event.scope,
                    };
                    self.insert_late(key);
                    let due = event.window.deliver_at.map_or(step.now, |at| at.max(step.now));
                    self.make_due(order, due, Trigger::Replay);
                    created += 1;
                    made += 1;
                } else {
                    let wanted = |order: &u64| replay.wish.wanted.holds_state(self.deliveries[order].state);
                    let again: Vec<u64> = of_it.into_iter().filter(wanted).collect();
                    if made > 0 && !again.is_empty() && made + again.len() > room {
                        break;
                    }
                    made += again.len();
                    again.into_iter().for_each(|order| self.make_due(order, step.now, Trigger::Replay));
                }
                replay.examined += 1;
            }
            replay.place = place;
            targets += event.deliveries;
        }
        replay.replayed += made as u64;
        replay.created += created;
        made
    }

    fn places_of(&self, event: u64, key: SubscriptionKey) -> Vec<u64> {
        let event = &self.events[&event];
        event.orders().filter(|order| self.deliveries[order].key.subscription == key).collect()
    }

    fn insert_late(&mut self, key: DeliveryRef) {
        if let Some(event) = self.events.get_mut(&key.event.order()) {
            event.late.push(key.id.order());
        }
        self.deliveries.insert(key.id.order(), Delivery::waiting(key));
    }

    /// Makes a delivery due, whatever became of it.
    pub(super) fn make_due(&mut self, order: u64, due: hookseal::Timestamp, trigger: Trigger) {
        if let Some(delivery) = self.deliveries.get_mut(&order) {
            delivery.state = DeliveryState::Pending;
            delivery.due = Some(due);
            delivery.finished_at = None;
            delivery.trigger = trigger;
            delivery.schedule_from = delivery.attempts;
            delivery.unrecorded = false;
        }
    }

    pub(super) fn end_replay(
        &mut self,
        scope: Scope,
        id: ReplayId,
        state: ReplayState,
        now: hookseal::Timestamp,
    ) -> Option<(ReplayRecord, bool)> {
        let replay = self.replays.get_mut(&id).filter(|replay| replay.scope == scope)?;
        let runs = replay.state == ReplayState::Running;
        if runs {
            (replay.state, replay.finished_at) = (state, Some(now));
        }
        Some((replay.clone(), runs))
    }
}
