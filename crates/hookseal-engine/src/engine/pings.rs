//! How many test deliveries are under way: they stand outside the queues, and must not use up what those share.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::{SubscriptionKey, limits};

/// The test deliveries under way, by subscription.
#[derive(Debug, Default)]
pub(super) struct Pings {
    under_way: Mutex<HashMap<SubscriptionKey, usize>>,
}

impl Pings {
    /// A place for one more, given back when it is dropped; `None` where there is none.
    pub(super) fn begin(self: &Arc<Self>, key: SubscriptionKey) -> Option<Place> {
        let mut under_way = self.under_way.lock();
        let all: usize = under_way.values().sum();
        let own = under_way.get(&key).copied().unwrap_or(0);
        if all >= limits::PINGS_TOTAL_MAX || own >= limits::PINGS_MAX {
            return None;
        }
        under_way.insert(key, own + 1);
        Some(Place { pings: Arc::clone(self), key })
    }
}

/// The right to one test delivery.
#[derive(Debug)]
pub(super) struct Place {
    pings: Arc<Pings>,
    key: SubscriptionKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.pings.under_way.lock();
        if let Some(own) = under_way.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                under_way.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subscription_has_few_and_all_together_have_a_bound() {
        let pings = Arc::new(Pings::default());
        let own: Vec<_> = (0..limits::PINGS_MAX).filter_map(|_| pings.begin(SubscriptionKey(1))).collect();
        assert_eq!(own.len(), limits::PINGS_MAX);
        assert!(pings.begin(SubscriptionKey(1)).is_none());
        let others: Vec<_> = (2..1000).filter_map(|key| pings.begin(SubscriptionKey(key))).collect();
        assert_eq!(own.len() + others.len(), limits::PINGS_TOTAL_MAX);
        drop(others);
        assert!(pings.begin(SubscriptionKey(1)).is_none(), "its own bound holds");
        drop(own);
        assert!(pings.begin(SubscriptionKey(1)).is_some(), "and is given back");
        assert!(pings.under_way.lock().is_empty(), "nothing is kept of what is over");
    }
}
