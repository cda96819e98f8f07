//! Requests that the person at the keyboard asked for, to wherever they said.

use std::{sync::Arc, time::Duration};

use hookseal_engine::{
    EndpointTls,
    ports::{Endpoint, EndpointError, Transport},
};
use hookseal_transport::{HttpTransport, TransportBuildError, TransportConfig};
use http::{HeaderName, header};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why a request cannot be sent at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OutboundError {
    /// Sockets or certificates cannot be set up.
    #[error("requests cannot be sent")]
    Transport(#[from] TransportBuildError),
    /// The target is no URL that can be sent to.
    #[error("the target cannot be sent to")]
    Target(#[from] EndpointError),
}

/// A transport that reaches every network, loopback included: nobody else names its target.
pub(crate) fn transport() -> Result<HttpTransport, OutboundError> {
    let everywhere = vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    Ok(HttpTransport::new(TransportConfig { allow_networks: everywhere, ..TransportConfig::default() })?)
}

/// The target of requests.
pub(crate) fn target(transport: &HttpTransport, url: &str) -> Result<Arc<Endpoint>, OutboundError> {
    Ok(transport.endpoint(url, &EndpointTls::default())?)
}

/// Whether a header belongs to one connection and not to the message that goes over it (RFC 9110 section 7.6.1), or
/// is written anew for the next one.
pub(crate) fn is_of_the_connection(name: &HeaderName) -> bool {
    use header::{
        CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    };
    let of_connection = [
        CONNECTION,
        CONTENT_LENGTH,
        EXPECT,
        HOST,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    of_connection.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// A duration as people read it: whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
