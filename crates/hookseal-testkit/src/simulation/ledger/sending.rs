//! Judging each request as it leaves.

use hookseal::Request;
use hookseal_engine::{DeliveryId, DeliveryState, SubscriptionKey, Window, ports::Outbound};

use super::{Ledger, Moment, Publication, subscribed::Signed};
use crate::{
    memory::{MemoryStore, OnDisk},
    simulation::Invariant,
};

/// An attempt under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// The subscription's place in the ledger.
    pub(crate) subscription: usize,
    /// `None` for a test delivery.
    pub(crate) delivery: Option<DeliveryId>,
}

impl Ledger {
    /// A request leaves. `None` where nobody knows what it is, which is noted.
    pub(crate) fn begins(&mut self, outbound: &Outbound, disk: &MemoryStore, now: Moment) -> Option<Ticket> {
        self.looks_at_the_clock(now);
        let host = &outbound.endpoint.host;
        let Some(index) = self.subscriptions.iter().position(|subscribed| subscribed.host == *host) else {
            self.violated(Invariant::Routed, now, format!("a request goes to {host}"));
            return None;
        };
        self.is_signed(index, outbound, now);
        if outbound.body.starts_with(br#"{"type":"ping""#) {
            return Some(Ticket { subscription: index, delivery: None });
        }
        let (number, publication) = self.known_bytes(outbound, now)?;
        let (key, id) = self.routed(index, number, &publication, disk, now)?;
        self.has_its_id(index, id, outbound, now);
        let on_disk = disk.look_at(id);
        self.is_due(number, id, on_disk, now);
        self.is_within(publication.window, id, now);
        self.keeps_its_order(index, key, id, disk, now);
        self.keeps_to_its_rules(index, now);
        debug_assert_eq!(self.subscriptions[index].key, Some(key));
        self.begun.insert(id);
        Some(Ticket { subscription: index, delivery: Some(id) })
    }

    /// A request is over: answered, failed or cut off.
    pub(crate) fn ends(&mut self, ticket: Ticket, well: bool) {
        let Some(id) = ticket.delivery else { return };
        let subscribed = &mut self.subscriptions[ticket.subscription];
        subscribed.in_flight = subscribed.in_flight.saturating_sub(1);
        self.deliveries.entry(id).or_default().answered_well |= well;
    }

    fn is_signed(&mut self, index: usize, outbound: &Outbound, now: Moment) {
        let headers: Vec<(&str, &str)> = outbound
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let subscribed = &self.subscriptions[index];
        let url = format!("https://{}/in", subscribed.host);
        let request = Request { method: "POST", url: &url, headers: &headers, body: &outbound.body };
        // A subscription that is gone has no secret to verify by; that something goes to it is judged elsewhere.
        if subscribed.gone() {
            return;
        }
        let (signed, host) = (subscribed.judge(&request, now), subscribed.host.clone());
        let signers = if signed == Signed::Right { String::new() } else { subscribed.signers(&request, now) };
        self.demand(signed != Signed::Wrong, Invariant::SignatureVerifies, now, || {
            format!("{host}: no secret in force has signed: {signers}")
        });
        self.demand(signed != Signed::ByOthersToo, Invariant::SecretsInForce, now, || {
            format!("{host}: not all secrets in force have signed, or another one has: {signers}")
        });
    }

    /// Whether everything that an ordered subscription gets before this delivery has ended. Left out is what somebody
    /// asked for or called off, what expires just now, and events whose acceptance failed as far as was known.
    fn keeps_its_order(
        &mut self,
        index: usize,
        key: SubscriptionKey,
        id: DeliveryId,
        disk: &MemoryStore,
        now: Moment,
    ) {
        if !self.subscriptions[index].ordered || !self.is_in_order(id) {
            return;
        }
        let earlier = disk.look_at_open_before(key, id.order());
        let first = earlier.into_iter().find(|earlier| {
            let over = self.expires_at(*earlier).is_none_or(|end| end.is_some_and(|end| end <= now.latest));
            !over && self.is_in_order(*earlier)
        });
        if let Some(first) = first {
            self.violated(Invariant::OrderKept, now, format!("{id} begins, and {first} has not ended"));
        }
    }

    fn is_in_order(&self, id: DeliveryId) -> bool {
        let disturbed = self.deliveries.get(&id).is_some_and(|delivered| delivered.disturbed);
        !disturbed && !self.outside.contains(&id)
    }

    /// When the time of a delivery is over, if ever; `None` where it carries no publication.
    fn expires_at(&self, id: DeliveryId) -> Option<Option<hookseal::Timestamp>> {
        let ((number, _), _) = self.carried.iter().find(|(_, carried)| **carried == id)?;
        self.publications.get(number).map(|publication| publication.window.expires_at)
    }

    fn known_bytes(&mut self, outbound: &Outbound, now: Moment) -> Option<(u64, Publication)> {
        let known = Self::number_in(&outbound.body)
            .and_then(|number| Some((number, self.publications.get(&number)?.clone())));
        let Some((number, publication)) = known else {
            self.violated(Invariant::BytesKept, now, "a body that nobody published".into());
            return None;
        };
        let same = publication.payload.body == outbound.body;
        self.demand(same, Invariant::BytesKept, now, || format!("event {number} goes out with other bytes"));
        let may = publication.maybe || publication.accepted.is_some();
        self.demand(may, Invariant::RefusedStaysOut, now, || {
            format!("event {number} was refused, and goes out")
        });
        Some((number, publication))
    }

    /// The delivery that carries this event to this subscription.
    fn routed(
        &mut self,
        index: usize,
        number: u64,
        publication: &Publication,
        disk: &MemoryStore,
        now: Moment,
    ) -> Option<(SubscriptionKey, DeliveryId)> {
        let subscribed = &mut self.subscriptions[index];
        if subscribed.key.is_none() {
            subscribed.key = disk.look_for_host(&subscribed.host).map(|(key, _)| key);
        }
        let (key, host) = (subscribed.key, subscribed.host.clone());
        let wanted =
            subscribed.scope == publication.scope && subscribed.wants(&publication.payload.event_type);
        self.demand(wanted, Invariant::Routed, now, || {
            format!("event {number} goes to {host}, which does not want it")
        });
        let found = key.and_then(|key| Some((key, *self.carried.get(&(number, key))?)));
        self.demand(found.is_some(), Invariant::DurableBefore202, now, || {
            format!("event {number} goes to {host} and is not stored")
        });
        found
    }

    fn has_its_id(&mut self, index: usize, id: DeliveryId, outbound: &Outbound, now: Moment) {
        let expected = match self.subscriptions[index].profile {
            "standard-webhooks" => ("webhook-id", id.to_string()),
            "harmon" => ("x-harmon-delivery", id.as_uuid().to_string()),
            _ => return,
        };
        let sent = outbound.headers.iter().find(|(name, _)| name.as_str() == expected.0);
        let sent = sent.and_then(|(_, value)| value.to_str().ok()).unwrap_or_default();
        self.demand(sent == expected.1, Invariant::IdKept, now, || format!("{id} goes out as {sent}"));
    }

    fn is_due(&mut self, number: u64, id: DeliveryId, on_disk: Option<OnDisk>, now: Moment) {
        let Some(on_disk) = on_disk else {
            self.violated(Invariant::DurableBefore202, now, format!("{id} of event {number} is not stored"));
            return;
        };
        // What was cancelled by a deletion whose answer was lost is not known to be; deletions are judged apart.
        let open = matches!(on_disk.state, DeliveryState::Pending | DeliveryState::Cancelled);
        self.demand(open, Invariant::NoneAfterTheEnd, now, || {
            format!("{id} of event {number} is {} and goes out", on_disk.state.as_str())
        });
        let latest = now.latest;
        self.demand(on_disk.due.is_none_or(|due| due <= latest), Invariant::NotBeforeDue, now, || {
            format!("{id} of event {number} is due at {:?}, and goes out at {}", on_disk.due, now.wall)
        });
    }

    /// Whether an attempt may be made at this time, and is still wanted.
    fn is_within(&mut self, window: Window, id: DeliveryId, now: Moment) {
        let (asked, called_off) = self
            .deliveries
            .get(&id)
            .map_or((false, None), |delivered| (delivered.asked, delivered.called_off));
        let over = window.expires_at.is_some_and(|at| at <= now.wall);
        self.demand(!over || asked, Invariant::NotAfterExpiry, now, || {
            format!("{id} expired at {:?}, and goes out at {}", window.expires_at, now.wall)
        });
        self.demand(called_off.is_none_or(|at| now.passed <= at), Invariant::NoneAfterTheEnd, now, || {
            format!("{id} was called off, and goes out")
        });
    }

    fn keeps_to_its_rules(&mut self, index: usize, now: Moment) {
        let subscribed = &mut self.subscriptions[index];
        subscribed.in_flight += 1;
        let (under_way, most) = (subscribed.in_flight, subscribed.cap(now.passed));
        let (paced, may_begin) = (subscribed.paces(now.passed), subscribed.may_begin(now.passed));
        let host = subscribed.host.clone();
        self.demand(may_begin, Invariant::HeldBack, now, || format!("a delivery to {host} begins"));
        self.demand(!may_begin || under_way <= most, Invariant::CapKept, now, || {
            format!("{under_way} attempts under way to {host}, {most} are allowed")
        });
        if let Err(wrong) = paced {
            self.violated(Invariant::RateKept, now, format!("{host}: {wrong}"));
        }
        let all: u32 = self.subscriptions.iter().map(|subscribed| subscribed.in_flight).sum();
        let most = hookseal_engine::limits::IN_FLIGHT_TOTAL_MAX as u32;
        self.demand(all <= most, Invariant::CapKept, now, || {
            format!("{all} attempts under way, {most} are allowed")
        });
    }
}
