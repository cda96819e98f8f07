//! A search that looks at a bounded number of rows, and says where to go on.

use hookseal_engine::ports::store::Found;

use crate::limits;

/// A search under way, newest first.
pub(super) struct Search<Row> {
    limit: usize,
    looked_at: usize,
    /// The place that was looked at last.
    last: u64,
    rows: Vec<(u64, Row)>,
    /// Whether it ended before the end of the list.
    more: bool,
}

impl<Row> Search<Row> {
    /// A search for at most `limit` rows.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, looked_at: 0, last: 0, rows: Vec::new(), more: false }
    }

    /// Counts a row at this place that is looked at; whether that is still within the bound.
    pub(super) fn look(&mut self, order: u64) -> bool {
        if self.looked_at == limits::EXAMINED_MAX {
            self.more = true;
            return false;
        }
        self.looked_at += 1;
        self.last = order;
        true
    }

    /// Takes a row that matches; whether there was room for it. The first for which there is none ends the search.
    pub(super) fn take(&mut self, order: u64, row: Row) -> bool {
        if self.rows.len() == self.limit {
            self.more = true;
            self.last = self.rows.last().map_or(order + 1, |(order, _)| *order);
            return false;
        }
        self.rows.push((order, row));
        true
    }

    /// What was found. `cursor` makes the id to go on from: of a place and, where it was found there, its row. Other
    /// places may be another tenant's, whose ids are not shown.
    pub(super) fn found<Id>(self, cursor: impl FnOnce(u64, Option<&Row>) -> Id) -> Found<Row, Id> {
        let Self { last, more, rows, .. } = self;
        let next = more.then(|| {
            let row = rows.last().filter(|(order, _)| *order == last).map(|(_, row)| row);
            cursor(last, row)
        });
        Found { rows: rows.into_iter().map(|(_, row)| row).collect(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(places: impl Iterator<Item = u64>, limit: usize, wanted: impl Fn(u64) -> bool) -> Found<u64, u64> {
        let mut search = Search::new(limit);
        for place in places {
            if !search.look(place) || (wanted(place) && !search.take(place, place)) {
                break;
            }
        }
        search.found(|order, _| order)
    }

    #[test]
    fn it_goes_on_where_it_stopped() {
        assert_eq!(run((1..=3).rev(), 3, |_| true), Found { rows: vec![3, 2, 1], next: None });
        assert_eq!(run((1..=3).rev(), 2, |_| true), Found { rows: vec![3, 2], next: Some(2) });
        assert_eq!(run((1..=3).rev(), 2, |place| place > 1), Found { rows: vec![3, 2], next: None });
    }

    #[test]
    fn its_bound_ends_it_with_nothing_found() {
        let places = limits::EXAMINED_MAX as u64 + 10;
        assert_eq!(run((1..=places).rev(), 5, |_| false), Found { rows: vec![], next: Some(11) });
        assert_eq!(run((1..=10).rev(), 5, |place| place == 3), Found { rows: vec![3], next: None });
    }
}
