//! Whose turn it is.

use std::collections::VecDeque;

use super::budget::Pace;
use crate::SubscriptionKey;

/// Subscriptions in line, a line for each pace. The lines take turns, so that none waits for another to be empty, and
/// within a line the one that has waited longest comes first.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: [VecDeque<SubscriptionKey>; 3],
    /// The line that is asked first.
    first: usize,
}

/// In which lines a subscription stands: once in each at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing([bool; 3]);

impl Lines {
    /// Puts a subscription at the end of a line, unless it stands there.
    pub(super) fn join(&mut self, pace: Pace, key: SubscriptionKey, standing: &mut Standing) {
        if !std::mem::replace(&mut standing.0[pace as usize], true) {
            self.lines[pace as usize].push_back(key);
        }
    }

    /// Takes the next out of a line. [`Standing::left`] is to be told.
    pub(super) fn next(&mut self, pace: Pace) -> Option<SubscriptionKey> {
        self.lines[pace as usize].pop_front()
    }

    /// The lines in the order in which they are to be asked now.
    pub(super) fn paces(&self) -> impl Iterator<Item = Pace> + use<> {
        let first = self.first;
        (0..3).map(move |step| Pace::ALL[(first + step) % 3])
    }

    /// One of this line was served: the next line is asked first.
    pub(super) fn served(&mut self, pace: Pace) {
        self.first = (pace as usize + 1) % 3;
    }

    /// Whether nobody stands in a line.
    pub(super) fn is_empty(&self, pace: Pace) -> bool {
        self.lines[pace as usize].is_empty()
    }
}

impl Standing {
    /// It was taken out of this line.
    pub(super) fn left(&mut self, pace: Pace) {
        self.0[pace as usize] = false;
    }
}
