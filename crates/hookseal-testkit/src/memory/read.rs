//! Reading lists.

use std::collections::BTreeSet;

use bytes::Bytes;
use hookseal_engine::{
    DeliveryId, DeliveryRecord, DeliveryState, EventId, EventRecord, Payload, Scope,
    ports::store::{DeliveryFilter, EventFilter, Found, Page},
};

use super::state::{Delivery, State};

impl State {
    /// The events of a scope, newest first.
    pub(super) fn search_events(
        &self,
        scope: Scope,
        filter: &EventFilter,
        page: Page<EventId>,
    ) -> Found<EventRecord, EventId> {
        let before = page.after.map_or(u64::MAX, EventId::order);
        let newest_first = self.events.range(..before).rev().map(|(_, event)| &event.record);
        let matching = newest_first.filter(|event| {
            event.scope == scope
                && filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.payload.event_type)
                && filter.external_id.as_ref().is_none_or(|wanted| Some(wanted) == event.external_id.as_ref())
                && filter.since.is_none_or(|since| event.accepted_at >= since)
        });
        let without_body = |event: &EventRecord| EventRecord {
            payload: Payload { body: Bytes::new(), ..event.payload.clone() },
            ..event.clone()
        };
        found(matching.map(without_body), page.limit, |event| event.id)
    }

    /// The deliveries of a scope, newest first.
    pub(super) fn search_deliveries(
        &self,
        scope: Scope,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
        leases: &BTreeSet<u64>,
    ) -> Found<DeliveryRecord, DeliveryId> {
        let before = page.after.map_or(u64::MAX, DeliveryId::order);
        let newest_first =
            self.deliveries.range(..before).rev().map(|(_, delivery)| self.record(delivery, leases));
        let matching = newest_first.filter(|delivery| {
            delivery.key.scope == scope
                && filter.subscription.is_none_or(|wanted| wanted == delivery.subscription_id)
                && filter.state.is_none_or(|wanted| wanted == delivery.state)
                && filter.event_type.as_ref().is_none_or(|wanted| *wanted == delivery.event_type)
                && filter.since.is_none_or(|since| delivery.created_at >= since)
        });
        found(matching, page.limit, |delivery| delivery.key.id)
    }

    /// A delivery as it is given back.
    pub(super) fn record(&self, delivery: &Delivery, leases: &BTreeSet<u64>) -> DeliveryRecord {
        let event = &self.events[&delivery.key.event.order()].record;
        let leased = leases.contains(&delivery.key.id.order());
        DeliveryRecord {
            key: delivery.key,
            subscription_id: self.subscriptions[&delivery.key.subscription].subscription.id,
            event_type: event.payload.event_type.clone(),
            state: if leased { DeliveryState::Leased } else { delivery.state },
            attempts: delivery.attempts,
            due_at: delivery.due.filter(|_| !leased),
            created_at: event.accepted_at,
            window: event.window,
            finished_at: delivery.finished_at,
            last_status: delivery.status,
            last_failure: delivery.failure,
            last_duration_ms: delivery.duration_ms,
        }
    }
}

/// The first `limit` rows, and where to go on if there are more.
fn found<Row, Id>(
    mut rows: impl Iterator<Item = Row>,
    limit: usize,
    id: impl Fn(&Row) -> Id,
) -> Found<Row, Id> {
    let first: Vec<Row> = rows.by_ref().take(limit).collect();
    let next = if rows.next().is_some() { first.last().map(id) } else { None };
    Found { rows: first, next }
}
