//! Looking at the binary from outside: it is started as a process, spoken to over real sockets, and killed.
//!
//! Everything here is blocking and small on purpose: the instrument must not resemble what it measures.

pub mod crash;
mod disk;
pub mod drain;
pub mod durable;
pub mod hostile;
mod http;
mod process;
pub mod rate;
pub mod receivers;
mod sink;

use std::{
    fmt, io,
    time::{Duration, Instant},
};

pub use self::{
    disk::Disk,
    http::{Answer, Client},
    process::{Options, Server},
    sink::{Behaviour, Received, Sink},
};

/// What went wrong in a scenario.
#[derive(Debug)]
pub struct Failed(String);

impl Failed {
    /// A failure in these words.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(format!("i/o: {error}"))
    }
}

/// The stopwatch of the scenarios.
#[expect(clippy::disallowed_methods, reason = "a scenario measures the real time that a process takes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits until `condition` holds, at most `bound`.
///
/// # Errors
///
/// [`Failed`] naming `what` was waited for.
pub fn wait_until(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) -> Result<(), Failed> {
    let start = now();
    while !condition() {
        if start.elapsed() > bound {
            return Err(Failed(format!("{what}: not so within {} s", bound.as_secs_f32())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The `fraction` quantile of some durations, which are put in order.
///
/// # Panics
///
/// Where there are none.
pub fn quantile(times: &mut [Duration], fraction: f64) -> Duration {
    times.sort_unstable();
    let last = times.len() - 1;
    times[((times.len() as f64 * fraction) as usize).min(last)]
}
