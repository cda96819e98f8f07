//! The transport's own measure of time. What it shows goes into phases and deadlines, never into a decision of the
//! engine.

use std::time::{Duration, Instant};

/// Runs from the moment it is started, on a clock that does not step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "phases are measured here, by the adapter that has them")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// How long after `earlier` this one was started.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}
