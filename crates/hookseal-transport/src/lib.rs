//! The only outbound sockets of Hookseal: resolve, check every address, pin it, connect, send, cap time and bytes.
//!
//! [`HttpTransport`] is the engine's [`Transport`](hookseal_engine::ports::Transport) over HTTP/1.1 and
//! HTTP/2. What it promises:
//!
//! - A connection goes only to an address that is of the public internet or in a network that the operator allows.
//!   Every address that a name resolves to is checked for every connection, and exactly those are connected to.
//! - Without TLS it goes only to a network that the operator allows.
//! - One deadline spans everything from resolving to the last byte of the answer.
//! - An answer costs a bounded amount of memory and reading, whatever the endpoint sends.
//! - Redirects are not followed.
//! - Neither bodies nor headers are logged.
//!
//! [`KeyFetcher`] fetches the keys that vendors publish for their webhooks, over HTTPS alone and by the same rules.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use hookseal_engine::EndpointTls;
//! use hookseal_engine::ports::{Outbound, Transport};
//! use hookseal_transport::{HttpTransport, TransportConfig};
//!
//! let transport = HttpTransport::new(TransportConfig::default())?;
//! let outbound = Outbound {
//!     endpoint: transport.endpoint("https://example.com/hook", &EndpointTls::default())?,
//!     method: http::Method::POST,
//!     headers: Vec::new(),
//!     body: "{}".into(),
//!     timeout: Duration::from_secs(15),
//! };
//! let result = transport.send(outbound).await;
//! println!("{:?}", result.status);
//! # Ok(())
//! # }
//! ```

mod address;
mod answer;
mod course;
mod dial;
mod endpoint;
mod failure;
mod keys;
pub mod limits;
mod link;
mod own_tls;
mod pool;
mod proxy;
mod request;
mod resolve;
mod retry_after;
mod shared;
mod shelf;
mod socket;
mod stopwatch;
mod tls;
mod transport;

pub use keys::{FetchedVerifyError, KeyError, KeyFetcher, KeyFetcherConfig, KeySupplier, Keys, SupplyError};
pub use proxy::{EgressProxy, EgressProxyError};
pub use resolve::{Resolve, ResolveError};
pub use transport::{HttpTransport, TransportBuildError, TransportConfig};
