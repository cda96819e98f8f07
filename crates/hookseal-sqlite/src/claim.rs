//! Claiming deliveries that wait, and giving leases back.

use bytes::Bytes;
use hookseal::Timestamp;
use hookseal_engine::{
    DeliveryId, DeliveryRef, EventId, EventType, Payload, Scope, SubscriptionKey, Terms, Trigger,
    ports::store::{Claim, ClaimOrder, Claimed, ClaimedDelivery, StoreError},
};
use rusqlite::{Connection, Row, params};

use crate::{
    errors::{Cells, Doing},
    leases::{Lease, LeaseChanges, Leases},
    mark::insert_waiting,
    rows::time,
    writer::Writer,
};

impl Writer {
    /// Leases deliveries that are due. Nothing is written: a lease lives in memory.
    pub(crate) fn claim(&mut self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed { deliveries: Vec::new(), next_due: None, next_order: None };
        if self.subscriptions.get(&claim.subscription).is_none_or(|known| known.deleted) {
            return Ok(claimed);
        }
        let mut leases = self.leases.lock();
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut waiting =
            self.connection.prepare_cached(waiting(claim.order)).doing("look for due deliveries")?;
        let mut rows = match claim.order {
            ClaimOrder::Due | ClaimOrder::Place => waiting.query([claim.subscription.0]),
            ClaimOrder::Only(id) => waiting.query([claim.subscription.0, id.order().cast_signed()]),
        }
        .doing("look for due deliveries")?;
        while let Some(row) = rows.next().doing("look for due deliveries")? {
            let (due, order) = due_and_order(row)?;
            if leases.contains(order) {
                continue;
            }
            (claimed.next_due, claimed.next_order) = (Some(due), Some(order));
            if due > claim.due_before || claimed.deliveries.len() == claim.limit {
                break;
            }
            let delivery = load(&self.connection, claim.subscription, order)?;
            bytes += delivery.payload.body.len();
            if bytes > claim.bytes_max && !claimed.deliveries.is_empty() {
                break;
            }
            let DeliveryRef { event, subscription, .. } = delivery.delivery;
            taken.push((order, Lease { event, subscription, attempts: delivery.attempts }));
            claimed.deliveries.push(delivery);
            (claimed.next_due, claimed.next_order) = (None, None);
        }
        leases.claim(taken);
        Ok(claimed)
    }

    /// Ends leases without an outcome. A delivery without a row gets one now.
    pub(crate) fn release(&mut self, deliveries: &[DeliveryRef]) -> Result<(), StoreError> {
        let mut changes = LeaseChanges::default();
        let mut fresh = Vec::new();
        {
            let leases = self.leases.lock();
            for delivery in deliveries {
                let order = delivery.id.order();
                if let Some(lease) = leases.of(delivery)
                    && changes.ended.insert(order)
                    && leases.is_fresh(order)
                {
                    fresh.push((order, *lease));
                }
            }
        }
        if !fresh.is_empty() {
            self.transaction(|connection| {
                fresh.iter().try_for_each(|(order, lease)| insert_waiting(connection, *order, lease))
            })?;
        }
        self.leases.lock().apply(changes);
        Ok(())
    }

    /// When the first delivery of a subscription that nobody has leased is due.
    pub(crate) fn first_due(
        &self,
        key: SubscriptionKey,
        leases: &Leases,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut waiting = self.connection.prepare_cached(WAITING).doing("look for waiting deliveries")?;
        let mut rows = waiting.query([key.0]).doing("look for waiting deliveries")?;
        while let Some(row) = rows.next().doing("look for waiting deliveries")? {
            let (due, order) = due_and_order(row)?;
            if !leases.contains(order) {
                return Ok(Some(due));
            }
        }
        Ok(None)
    }
}

/// What waits for a subscription, the longest due first. All of it stands in the index.
const WAITING: &str = "SELECT due, ord FROM delivery INDEXED BY delivery_pending \
                       WHERE subscription = ?1 AND state = 0 ORDER BY due, ord";

/// The same by places, and one delivery alone.
const WAITING_BY_PLACE: &str = "SELECT due, ord FROM delivery INDEXED BY delivery_pending_place \
                                WHERE subscription = ?1 AND state = 0 ORDER BY ord";
const WAITING_ALONE: &str =
    "SELECT due, ord FROM delivery WHERE subscription = ?1 AND ord = ?2 AND state = 0";

const fn waiting(order: ClaimOrder) -> &'static str {
    match order {
        ClaimOrder::Due => WAITING,
        ClaimOrder::Place => WAITING_BY_PLACE,
        ClaimOrder::Only(_) => WAITING_ALONE,
    }
}

fn due_and_order(row: &Row<'_>) -> Result<(Timestamp, u64), StoreError> {
    let order: i64 = row.get(1).doing("read a waiting delivery")?;
    let due: i64 = Cells::of(row, "delivery", order).value(0, "due")?;
    Ok((time(due), order.cast_unsigned()))
}

/// A delivery with all that an attempt needs.
pub(crate) const LOAD: &str = "SELECT d.attempts, d.cause, e.ord, e.nonce, e.scope, e.type, e.content_type, e.body, \
                               d.expires, d.schedule_from FROM delivery AS d JOIN event AS e ON e.ord = d.event \
                               WHERE d.subscription = ?1 AND d.ord = ?2";

/// Reads a delivery with all that an attempt needs.
fn load(connection: &Connection, key: SubscriptionKey, order: u64) -> Result<ClaimedDelivery, StoreError> {
    let mut statement = connection.prepare_cached(LOAD).doing("read a due delivery")?;
    let mut rows = statement.query(params![key.0, order.cast_signed()]).doing("read a due delivery")?;
    let Some(row) = rows.next().doing("read a due delivery")? else {
        // The index names it and its event is there for as long as it is: one of the two is damaged.
        return Err(StoreError::Corrupt { table: "delivery", column: "event", row: order.to_string() });
    };
    let cells = Cells::of(row, "delivery", order.cast_signed());
    let event = EventId::from_parts(
        cells.value::<i64>(2, "event.ord")?.cast_unsigned(),
        cells.value::<i64>(3, "event.nonce")?.cast_unsigned(),
    );
    let body: Vec<u8> = cells.value(7, "event.body")?;
    Ok(ClaimedDelivery {
        delivery: DeliveryRef {
            id: DeliveryId::derive(event, order),
            event,
            subscription: key,
            scope: Scope(cells.value(4, "event.scope")?),
        },
        payload: Payload {
            event_type: cells.decode(5, "event.type", |text: String| EventType::new(text).ok())?,
            content_type: cells.value(6, "event.content_type")?,
            body: Bytes::from(body),
        },
        attempts: cells.value(0, "attempts")?,
        trigger: cells.decode(1, "cause", Trigger::from_code)?,
        terms: Terms {
            expires_at: cells.value::<Option<i64>>(8, "expires")?.map(time),
            schedule_from: cells.value(9, "schedule_from")?,
        },
    })
}
