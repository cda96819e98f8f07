//! What all subscriptions share: attempts under way, and the memory of what waits.
//!
//! Subscriptions are told apart by their pace, because a slot is worth the time for which it is held: a thousand
//! endpoints that hang until their deadline would hold every slot, one each, and a fair turn would be worth nothing.
//! The slow ones together hold at most a half of everything, the slow and the unknown ones three quarters; the rest is
//! there for those that are known to be quick. Within that, a queue holds at most half of what it leaves free to others
//! (the dynamic thresholds of Choudhury and Hahne, 1998): a few busy queues may have much, many have little each, and
//! something is always left for the next one.

use crate::limits;

/// How long the attempts of a subscription hold their slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pace {
    /// They are known to be over soon.
    Quick = 0,
    /// Nothing is known of late.
    #[default]
    Unknown = 1,
    /// They take long, or hang just now.
    Slow = 2,
}

impl Pace {
    pub(super) const ALL: [Self; 3] = [Self::Quick, Self::Unknown, Self::Slow];
}

/// What is held of the shared bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Use {
    /// Attempts under way.
    pub(super) slots: usize,
    /// Deliveries that wait in memory, or were promised a place.
    pub(super) deliveries: usize,
    /// Bytes of their bodies.
    pub(super) bytes: usize,
}

const ALL: Use = Use {
    slots: limits::IN_FLIGHT_TOTAL_MAX,
    deliveries: limits::QUEUE_DELIVERIES_TOTAL_MAX,
    bytes: limits::QUEUE_BYTES_TOTAL_MAX,
};

impl Use {
    fn add(&mut self, other: Self) {
        self.slots += other.slots;
        self.deliveries += other.deliveries;
        self.bytes += other.bytes;
    }

    fn subtract(&mut self, other: Self) {
        self.slots -= other.slots;
        self.deliveries -= other.deliveries;
        self.bytes -= other.bytes;
    }

    fn per_cent(self, part: usize) -> Self {
        let of = |all: usize| all * part / 100;
        Self { slots: of(self.slots), deliveries: of(self.deliveries), bytes: of(self.bytes) }
    }

    fn left_of(self, bound: Self) -> Self {
        Self {
            slots: bound.slots.saturating_sub(self.slots),
            deliveries: bound.deliveries.saturating_sub(self.deliveries),
            bytes: bound.bytes.saturating_sub(self.bytes),
        }
    }

    fn least(self, other: Self) -> Self {
        Self {
            slots: self.slots.min(other.slots),
            deliveries: self.deliveries.min(other.deliveries),
            bytes: self.bytes.min(other.bytes),
        }
    }
}

/// What is held, by pace.
#[derive(Debug)]
pub(super) struct Budget {
    all: Use,
    held: [Use; 3],
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(ALL)
    }
}

impl Budget {
    /// A budget of so much in all.
    pub(super) fn of(all: Use) -> Self {
        Self { all, held: [Use::default(); 3] }
    }

    pub(super) fn take(&mut self, pace: Pace, what: Use) {
        self.held[pace as usize].add(what);
    }

    pub(super) fn give_back(&mut self, pace: Pace, what: Use) {
        self.held[pace as usize].subtract(what);
    }

    /// All that is held.
    pub(super) fn held(&self) -> Use {
        let mut sum = Use::default();
        self.held.iter().for_each(|held| sum.add(*held));
        sum
    }

    /// What is left for a pace.
    pub(super) fn free(&self, pace: Pace) -> Use {
        let slow = self.held[Pace::Slow as usize];
        let mut unknown = slow;
        unknown.add(self.held[Pace::Unknown as usize]);
        let mut free = self.held().left_of(self.all);
        if pace != Pace::Quick {
            free = free.least(unknown.left_of(self.all.per_cent(limits::UNKNOWN_PER_CENT)));
        }
        if pace == Pace::Slow {
            free = free.least(slow.left_of(self.all.per_cent(limits::SLOW_PER_CENT)));
        }
        free
    }

    /// Whether there is a slot for some queue of this pace.
    pub(super) fn has_slot(&self, pace: Pace) -> bool {
        self.free(pace).slots > 0
    }

    /// Whether a queue that holds `held` slots may have one more.
    pub(super) fn allows_slot(&self, pace: Pace, held: u32) -> bool {
        let free = self.free(pace).slots;
        free > 0 && (held == 0 || (held as usize) < free / 2)
    }

    /// Whether a queue that has so much in memory may have one more delivery there.
    pub(super) fn allows_delivery(&self, pace: Pace, deliveries: usize, bytes: usize) -> bool {
        let free = self.free(pace);
        deliveries < free.deliveries && bytes < free.bytes
    }

    /// How many deliveries a queue that has so much in memory may read back.
    pub(super) fn claimable(&self, pace: Pace, deliveries: usize, bytes: usize) -> usize {
        let free = self.free(pace);
        if bytes >= free.bytes {
            0
        } else {
            free.deliveries.min((free.deliveries / 2).saturating_sub(deliveries).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLOT: Use = Use { slots: 1, deliveries: 0, bytes: 0 };

    /// Gives slots to `queues` queues of one pace until none may have more.
    fn fill(budget: &mut Budget, pace: Pace, queues: usize, most: u32) -> Vec<u32> {
        let mut held = vec![0; queues];
        loop {
            let before: u32 = held.iter().sum();
            for slots in held.iter_mut().filter(|slots| **slots < most) {
                if budget.allows_slot(pace, *slots) {
                    budget.take(pace, SLOT);
                    *slots += 1;
                }
            }
            if held.iter().sum::<u32>() == before {
                return held;
            }
        }
    }

    #[test]
    fn one_queue_may_have_all_that_its_owner_may_ask_for() {
        for pace in [Pace::Quick, Pace::Unknown] {
            assert_eq!(
                fill(&mut Budget::default(), pace, 1, limits::MAX_IN_FLIGHT_MAX),
                [limits::MAX_IN_FLIGHT_MAX]
            );
        }
    }

    #[test]
    fn ten_thousand_slow_ones_leave_half_to_the_quick() {
        let mut budget = Budget::default();
        fill(&mut budget, Pace::Slow, 10_000, 16);
        assert_eq!(budget.held().slots, limits::IN_FLIGHT_TOTAL_MAX / 2);
        assert!(!budget.has_slot(Pace::Slow));
        fill(&mut budget, Pace::Unknown, 10_000, 16);
        assert_eq!(budget.held().slots, limits::IN_FLIGHT_TOTAL_MAX * 3 / 4);
        assert_eq!(fill(&mut budget, Pace::Quick, 1, 16), [16]);
    }

    #[test]
    fn many_busy_queues_share_evenly_and_leave_something() {
        let mut budget = Budget::default();
        let held = fill(&mut budget, Pace::Quick, 64, 256);
        let (least, most) = (held.iter().min().unwrap(), held.iter().max().unwrap());
        assert!(most - least <= 1, "{held:?}");
        assert!(budget.has_slot(Pace::Quick));
    }

    #[test]
    fn a_queue_keeps_as_much_memory_free_as_it_has() {
        let budget = Budget::default();
        let all = limits::QUEUE_DELIVERIES_TOTAL_MAX;
        assert!(budget.allows_delivery(Pace::Quick, all / 2, 0));
        let mut budget = Budget::default();
        budget.take(Pace::Quick, Use { slots: 0, deliveries: all / 2, bytes: 0 });
        assert!(!budget.allows_delivery(Pace::Quick, all / 2, 0));
        assert!(budget.allows_delivery(Pace::Quick, 0, 0));
        budget.take(Pace::Quick, Use { slots: 0, deliveries: 0, bytes: limits::QUEUE_BYTES_TOTAL_MAX });
        assert!(!budget.allows_delivery(Pace::Quick, 0, 0));
        assert_eq!(budget.claimable(Pace::Quick, 0, 0), 0);
    }

    proptest! {
        /// Whatever asks in whatever order: no pace has more than its part, and no more is held than there is.
        #[test]
        fn no_part_is_exceeded(asked in proptest::collection::vec((0usize..3, 0u32..40), 0..4_000)) {
            let mut budget = Budget::default();
            for (pace, held) in asked {
                let pace = Pace::ALL[pace];
                if budget.allows_slot(pace, held) {
                    budget.take(pace, SLOT);
                }
            }
            let held = |pace: Pace| budget.held[pace as usize].slots;
            prop_assert!(budget.held().slots <= limits::IN_FLIGHT_TOTAL_MAX);
            prop_assert!(held(Pace::Slow) <= limits::IN_FLIGHT_TOTAL_MAX * limits::SLOW_PER_CENT / 100);
            let unknown = held(Pace::Slow) + held(Pace::Unknown);
            prop_assert!(unknown <= limits::IN_FLIGHT_TOTAL_MAX * limits::UNKNOWN_PER_CENT / 100);
        }
    }
}
