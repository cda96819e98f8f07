//! What waits in the store: when it is read back, and what goes back to it.

use hookseal::Timestamp;

use super::{ClaimWish, Dispatcher, Job, Waiting, budget::Pace};
use crate::{DeliveryRef, SubscriptionKey, ports::store::ClaimOrder};

impl Dispatcher {
    /// Notes that a delivery waits in the store. `overflowed` says that it waits there for want of room.
    pub fn stored(&mut self, key: SubscriptionKey, waiting: Waiting, overflowed: bool, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.overflowed |= overflowed && queue.rules.active;
            queue.note(waiting);
            self.watch_store(key, now);
        }
    }

    /// What waits in the store for a subscription has been changed from outside: deliveries were called off, or
    /// made due. It is looked at anew.
    pub fn store_changed(&mut self, key: SubscriptionKey, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key) {
            // Of the claim that is under way, if one is, it is not known whether it has seen the change.
            queue.stored = Some(Waiting { due: now, order: 0 });
            self.watch_store(key, now);
        }
    }

    /// The same, of every ordered subscription: which ones are meant is not known. This looks at all of them.
    pub fn order_changed(&mut self, now: Timestamp) {
        let ordered = self.queues.iter().filter(|(_, queue)| queue.rules.ordered && queue.stored.is_some());
        let keys: Vec<_> = ordered.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.store_changed(key, now));
    }

    /// Takes the jobs that are to go back to the store: their leases are to be released. Then
    /// [`Dispatcher::returned`] is to be called for each.
    pub fn take_returns(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.returns)
    }

    /// A job is back in the store, due at once.
    pub fn returned(&mut self, delivery: &DeliveryRef, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&delivery.subscription) {
            queue.returning = queue.returning.saturating_sub(1);
            let waiting = Waiting { due: now, order: delivery.id.order() };
            self.stored(delivery.subscription, waiting, true, now);
            self.take_turn(delivery.subscription, now);
        }
    }

    /// The next wish to read deliveries back, if any. The answer goes to [`Dispatcher::claimed`].
    pub fn next_claim(&mut self, now: Timestamp) -> Option<ClaimWish> {
        self.wake(now);
        if self.stopping {
            return None;
        }
        // As in [`Dispatcher::next_attempt`], one may have come to stand in a line that was asked before.
        for _ in 0..2 {
            for pace in self.claims.paces() {
                if let Some(wish) = self.next_claim_of(pace, now) {
                    self.claims.served(pace);
                    return Some(wish);
                }
            }
        }
        None
    }

    fn next_claim_of(&mut self, pace: Pace, now: Timestamp) -> Option<ClaimWish> {
        while !self.claims.is_empty(pace) && self.has_room(pace) {
            let key = self.claims.next(pace)?;
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            queue.in_claims.left(pace);
            if queue.tempo.pace != pace {
                self.watch_store(key, now);
                continue;
            }
            let refill = queue.refill(now);
            if refill == 0 {
                // Its time may not have come by this clock reading, or what it waits for has changed meanwhile.
                self.watch_store(key, now);
                continue;
            }
            // What is held by the store is of no use before that is there: it gives no claim less.
            let (deliveries, bytes) =
                if queue.is_held_by_store() { (0, 0) } else { (queue.waiting(), queue.all_bytes()) };
            let limit = refill.min(self.budget.claimable(pace, deliveries, bytes));
            if limit == 0 {
                // It goes on with what it has, and is looked at again with each of that.
                continue;
            }
            // What is stored from here on may not be seen by the claim: it is noted anew, and merged with the answer.
            queue.claiming = queue.stored.take();
            let order = if queue.rules.ordered { ClaimOrder::Place } else { ClaimOrder::Due };
            return Some(ClaimWish { subscription: key, order, limit });
        }
        None
    }

    /// The answer to a wish: what was leased, and the first of what is left.
    pub fn claimed(&mut self, key: SubscriptionKey, jobs: Vec<Job>, next: Option<Waiting>, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.claiming = None;
            if let Some(next) = next {
                queue.note(next);
            }
            queue.overflowed &= queue.stored.is_some_and(|waiting| waiting.due <= now);
        }
        for job in jobs {
            self.enqueue(job, now);
        }
        self.look_at(key, now);
    }

    /// A wish could not be answered: it is to be made again at `again`.
    pub fn claim_failed(&mut self, key: SubscriptionKey, again: Timestamp) {
        if let Some(queue) = self.queues.get_mut(&key)
            && let Some(waiting) = queue.claiming.take()
        {
            queue.note(waiting);
            if let Some(first) = &mut queue.stored {
                first.due = first.due.max(again);
            }
            self.wakeups.insert((again, key));
        }
    }

    /// Whether there is a claim that could be made now.
    pub(super) fn has_claims(&self) -> bool {
        !self.stopping && Pace::ALL.into_iter().any(|pace| !self.claims.is_empty(pace) && self.has_room(pace))
    }

    fn has_room(&self, pace: Pace) -> bool {
        self.budget.claimable(pace, 0, 0) > 0
    }

    /// Makes sure that what waits in the store for a subscription is claimed when it is due and there is room.
    pub(super) fn watch_store(&mut self, key: SubscriptionKey, now: Timestamp) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let Some(waiting) = queue.stored.filter(|_| queue.rules.active && queue.claiming.is_none()) else {
            return;
        };
        // Nothing in memory may begin before what waits in the store. While that is put off, or cannot be read back for
        // want of room, what is in memory would keep others from theirs, and in the end everybody from reading anything.
        let is_late = waiting.due > now || self.budget.claimable(queue.tempo.pace, 0, 0) == 0;
        if is_late && queue.is_held_by_store() {
            let out = queue.empty();
            self.give_back(key, out);
        }
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if waiting.due > now {
            // One entry for each subscription: deliveries that are put off may come in any order.
            if let Some(other) = queue.comes_due.replace(waiting.due) {
                self.due.remove(&(other, key));
            }
            self.due.insert((waiting.due, key));
        } else if queue.refill(now) > 0 {
            self.claims.join(queue.tempo.pace, key, &mut queue.in_claims);
        } else if let crate::breaker::Permit::NotBefore(at) = queue.breaker.permit(now) {
            self.wakeups.insert((at, key));
        }
    }
}
