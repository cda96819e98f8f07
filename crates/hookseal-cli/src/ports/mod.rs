//! The world outside of this process: time, randomness, environment. Nothing else touches them.

mod clock;
mod entropy;
mod environment;

pub(crate) use clock::SystemClock;
pub(crate) use entropy::{EntropyError, OsEntropy};
pub(crate) use environment::{Environment, ProcessEnvironment};
