//! The ports: what the engine needs of the world, and nothing more.

mod clock;
mod entropy;
pub mod store;
mod transport;

pub use clock::Clock;
pub use entropy::Entropy;
pub use store::Store;
pub use transport::{Endpoint, EndpointError, Outbound, OwnTls, TlsPart, Transport};
