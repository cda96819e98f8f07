//! Connections that several requests share at once, kept by origin.
//!
//! How many requests are under way on a connection is how many hold it beside its shelf: nothing has to be counted, and
//! nothing can be forgotten to be given back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::pool::{Origin, PoolLimits};
use crate::stopwatch::Stopwatch;

/// A connection that can be shared.
pub(crate) trait Shareable {
    /// Whether further requests may begin on it at all.
    fn is_usable(&self) -> bool;

    /// Whether one more may begin while so many are under way.
    fn has_room(&self, under_way: usize) -> bool;
}

/// The shelves of all origins.
pub(crate) struct Shelves<T> {
    by_origin: HashMap<Origin, Shelf<T>>,
    /// Connections on all of them.
    placed: usize,
}

struct Shelf<T> {
    placed: Vec<Placed<T>>,
    /// Held by whoever opens a connection to this origin. A shelf outlives its connections for a while, so that of many
    /// requests at once one opens the next connection and the others wait for it.
    turn: Arc<tokio::sync::Mutex<()>>,
    used: Stopwatch,
}

struct Placed<T> {
    connection: Arc<T>,
    used: Stopwatch,
}

impl<T> Placed<T> {
    fn under_way(&self) -> usize {
        Arc::strong_count(&self.connection) - 1
    }
}

impl<T> Default for Shelves<T> {
    fn default() -> Self {
        Self { by_origin: HashMap::new(), placed: 0 }
    }
}

impl<T: Shareable> Shelves<T> {
    /// Takes the first connection that has room: the others then grow old and go.
    pub(crate) fn take(&mut self, origin: &Origin, now: Stopwatch) -> Option<Arc<T>> {
        let shelf = self.by_origin.get_mut(origin)?;
        let before = shelf.placed.len();
        // Requests that are under way on one that takes no more still hold it.
        shelf.placed.retain(|placed| placed.connection.is_usable());
        self.placed -= before - shelf.placed.len();
        shelf.take(now)
    }

    /// Who holds this opens the next connection to an origin that is known to share them.
    pub(crate) fn turn(&self, origin: &Origin) -> Option<Arc<tokio::sync::Mutex<()>>> {
        self.by_origin.get(origin).map(|shelf| Arc::clone(&shelf.turn))
    }

    /// Takes in a new connection, and gives the one to use: another, if one with room came to be meanwhile.
    pub(crate) fn place(&mut self, origin: Origin, fresh: T, now: Stopwatch, limits: PoolLimits) -> Arc<T> {
        let fresh = Arc::new(fresh);
        if limits.shared() == 0 || limits.per_endpoint == 0 {
            return fresh;
        }
        if let Some(other) = self.take(&origin, now) {
            return other;
        }
        let shelf = self.by_origin.entry(origin).or_insert_with(|| Shelf::new(now));
        if shelf.placed.len() >= limits.per_endpoint && shelf.drop_oldest_idle() {
            self.placed -= 1;
        }
        shelf.used = now;
        shelf.placed.push(Placed { connection: Arc::clone(&fresh), used: now });
        self.placed += 1;
        if self.placed > limits.shared() {
            self.drop_oldest_idle();
        }
        fresh
    }

    /// Connections on all shelves.
    pub(crate) fn placed(&self) -> usize {
        self.placed
    }

    /// Whether there is nothing that could grow old.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// Drops what can no longer be used, and what nobody has used for `idle_timeout`.
    pub(crate) fn expire(&mut self, now: Stopwatch, idle_timeout: Duration) {
        self.by_origin.retain(|_, shelf| {
            shelf.expire(now, idle_timeout);
            !shelf.placed.is_empty() || now.since(shelf.used) < idle_timeout
        });
        self.placed = self.by_origin.values().map(|shelf| shelf.placed.len()).sum();
    }

    fn drop_oldest_idle(&mut self) {
        let shelves = self.by_origin.values_mut();
        let oldest =
            shelves.filter_map(|shelf| Some((shelf.oldest_idle()?.1, shelf))).min_by_key(|(used, _)| *used);
        if oldest.is_some_and(|(_, shelf)| shelf.drop_oldest_idle()) {
            self.placed -= 1;
        }
    }
}

impl<T: Shareable> Shelf<T> {
    fn new(now: Stopwatch) -> Self {
        Self { placed: Vec::new(), turn: Arc::default(), used: now }
    }

    fn take(&mut self, now: Stopwatch) -> Option<Arc<T>> {
        let placed = self.placed.iter_mut().find(|placed| placed.connection.has_room(placed.under_way()))?;
        (placed.used, self.used) = (now, now);
        Some(Arc::clone(&placed.connection))
    }

    fn expire(&mut self, now: Stopwatch, idle_timeout: Duration) {
        for placed in &mut self.placed {
            if placed.under_way() > 0 {
                (placed.used, self.used) = (now, now);
            }
        }
        self.placed.retain(|placed| placed.connection.is_usable() && now.since(placed.used) < idle_timeout);
    }

    fn oldest_idle(&self) -> Option<(usize, Stopwatch)> {
        let idle = self.placed.iter().enumerate().filter(|(_, placed)| placed.under_way() == 0);
        idle.map(|(place, placed)| (place, placed.used)).min_by_key(|(_, used)| *used)
    }

    fn drop_oldest_idle(&mut self) -> bool {
        let oldest = self.oldest_idle().map(|(place, _)| self.placed.remove(place));
        oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::pool::tests::{LIMITS, origin};

    /// A connection with a name and room for two.
    struct Fake(u32, AtomicBool);

    impl Fake {
        fn new(name: u32) -> Self {
            Self(name, AtomicBool::new(true))
        }
    }

    impl Shareable for Fake {
        fn is_usable(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn has_room(&self, under_way: usize) -> bool {
            under_way < 2
        }
    }

    fn place(shelves: &mut Shelves<Fake>, host: &str, name: u32) -> Arc<Fake> {
        shelves.place(origin(host), Fake::new(name), Stopwatch::start(), LIMITS)
    }

    fn take(shelves: &mut Shelves<Fake>, host: &str) -> Option<Arc<Fake>> {
        shelves.take(&origin(host), Stopwatch::start())
    }

    #[test]
    fn a_connection_is_shared_until_it_has_no_room() {
        let mut shelves = Shelves::default();
        assert!(take(&mut shelves, "a").is_none() && shelves.turn(&origin("a")).is_none());
        let first = place(&mut shelves, "a", 1);
        let second = take(&mut shelves, "a").unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(take(&mut shelves, "a").is_none() && take(&mut shelves, "b").is_none());
        let third = place(&mut shelves, "a", 2);
        assert_eq!(third.0, 2);
        drop(second);
        assert_eq!(take(&mut shelves, "a").unwrap().0, 1);
        assert_eq!(shelves.placed(), 2);
    }

    #[test]
    fn of_two_that_were_opened_at_once_one_is_used() {
        let mut shelves = Shelves::default();
        let first = place(&mut shelves, "a", 1);
        assert!(Arc::ptr_eq(&first, &place(&mut shelves, "a", 2)));
        assert_eq!(shelves.placed(), 1);
    }

    #[test]
    fn what_takes_no_more_leaves_its_shelf() {
        let mut shelves = Shelves::default();
        let held = place(&mut shelves, "a", 1);
        held.1.store(false, Ordering::Relaxed);
        assert!(take(&mut shelves, "a").is_none());
        assert_eq!(shelves.placed(), 0);
        assert!(shelves.turn(&origin("a")).is_some(), "what is known of the origin stays for a while");
    }

    #[test]
    fn only_what_is_idle_gives_way_and_grows_old() {
        let mut shelves = Shelves::default();
        assert_eq!(LIMITS.shared(), 2);
        let held = place(&mut shelves, "a", 1);
        drop(place(&mut shelves, "b", 2));
        drop(place(&mut shelves, "c", 3));
        assert_eq!(shelves.placed(), 2);
        assert!(take(&mut shelves, "b").is_none());
        shelves.expire(Stopwatch::start(), LIMITS.idle_timeout);
        assert_eq!(shelves.placed(), 2);
        drop(held);
        shelves.expire(Stopwatch::start(), Duration::ZERO);
        assert!(shelves.is_empty() && shelves.placed() == 0);
    }

    #[test]
    fn nothing_is_kept_where_nothing_may_be() {
        let mut shelves = Shelves::default();
        for limits in [PoolLimits { total: 0, ..LIMITS }, PoolLimits { per_endpoint: 0, ..LIMITS }] {
            drop(shelves.place(origin("a"), Fake::new(1), Stopwatch::start(), limits));
            assert!(take(&mut shelves, "a").is_none() && shelves.is_empty());
        }
    }
}
