//! Forgetting what ended long ago.

use std::collections::BTreeSet;

use hookseal_engine::{
    ReplayState,
    ports::store::{PruneStep, Pruned},
};

use super::state::State;

impl State {
    pub(super) fn prune(&mut self, step: &PruneStep, leases: &BTreeSet<u64>) -> Pruned {
        let newest = self.events.keys().next_back().copied().unwrap_or(0);
        let end = (step.before.as_unix_millis().max(0).cast_unsigned() << 12).min(newest);
        let after = step.after + 1;
        let old: Vec<u64> = self
            .events
            .range(after..end.max(after))
            .map(|(place, _)| *place)
            .take(step.examined_max)
            .collect();
        let whole = old.len() < step.examined_max;
        let (mut events, mut deliveries, mut place) = (0, 0, None);
        for order in old {
            if deliveries >= step.deliveries_max {
                return Pruned { events, place };
            }
            place = Some(order);
            let places: Vec<u64> = self.events[&order].orders().collect();
            let ended = |place: &u64| {
                let finished_at = self.deliveries[place].finished_at;
                !leases.contains(place) && finished_at.is_some_and(|at| at < step.before)
            };
            if places.iter().all(ended) {
                deliveries += places.len();
                events += 1;
                self.forget(order, &places);
            }
        }
        if whole {
            self.replays.retain(|id, replay| {
                let ended = replay.finished_at.is_some_and(|at| at < step.before);
                replay.state == ReplayState::Running || !ended || id.order() >= newest
            });
            place = None;
        }
        Pruned { events, place }
    }

    fn forget(&mut self, event: u64, deliveries: &[u64]) {
        if let Some(event) = self.events.remove(&event)
            && let Some(external_id) = event.record.external_id
        {
            self.external_ids.remove(&(event.record.scope, external_id));
        }
        for place in deliveries {
            self.deliveries.remove(place);
        }
    }
}
