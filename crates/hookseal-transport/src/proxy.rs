//! The operator's egress proxy: how it is written, and how it is asked for a connection.

mod connect;
mod socks;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hookseal::Secret;
use hookseal_engine::{Failure, FailureKind};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::endpoint;
use crate::limits::PROXY_CREDENTIAL_BYTES_MAX;

/// An egress proxy, which connections to endpoints are asked of.
///
/// Its password is nowhere shown: `Display` and `Debug` name scheme, host and port.
#[derive(Clone)]
pub struct EgressProxy {
    protocol: Protocol,
    pub(crate) host: String,
    pub(crate) port: u16,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Https,
    Socks5,
    Socks5h,
}

#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// A URL that is no egress proxy. The text says what would be right, and repeats nothing of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy such as `http://user:password@proxy.example:3128`: {0}")]
pub struct EgressProxyError(&'static str);

impl EgressProxy {
    /// Reads `http://`, `https://`, `socks5://` or `socks5h://`, a user name and password where there are any
    /// (percent-encoded, at most 255 bytes each), host and port.
    ///
    /// # Errors
    ///
    /// [`EgressProxyError`], which repeats nothing of the URL.
    pub fn parse(url: &str) -> Result<Self, EgressProxyError> {
        let (scheme, rest) = url.split_once("://").ok_or(EgressProxyError("it has no scheme"))?;
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "https" => Protocol::Https,
            "socks5" => Protocol::Socks5,
            "socks5h" => Protocol::Socks5h,
            _ => return Err(EgressProxyError("the scheme must be http, https, socks5 or socks5h")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user_info, authority) = match rest.rsplit_once('@') {
            Some((user_info, authority)) => (Some(user_info), authority),
            None => (None, rest),
        };
        let (host, port) = endpoint::host_and_port(authority)
            .map_err(|_| EgressProxyError("after the scheme come only a host and a port"))?;
        let port = port.ok_or(EgressProxyError("the port is missing"))?;
        let credentials = user_info.map(Credentials::parse).transpose()?;
        Ok(Self { protocol, host, port, credentials })
    }

    /// Whether its URL says that names are handed to it unresolved (`socks5h`), which takes trust.
    pub fn wants_names(&self) -> bool {
        self.protocol == Protocol::Socks5h
    }

    /// Whether TLS is spoken to the proxy itself.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.protocol == Protocol::Https
    }

    /// Asks for a connection to `target` on a connection to the proxy.
    pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        target: &Target<'_>,
    ) -> Result<(), Failure> {
        let asked = match self.protocol {
            Protocol::Http | Protocol::Https => connect::ask(stream, target, self.credentials.as_ref()).await,
            Protocol::Socks5 | Protocol::Socks5h => {
                socks::ask(stream, target, self.credentials.as_ref()).await
            }
        };
        asked.map_err(|refusal| self.failure(target, &refusal))
    }

    /// The failure of an attempt that the proxy itself is the reason of.
    pub(crate) fn fault(&self, words: impl fmt::Display) -> Failure {
        Failure::new(FailureKind::Proxy, format!("the proxy {self} {words}"))
    }

    fn failure(&self, target: &Target<'_>, refusal: &Refusal) -> Failure {
        match refusal {
            Refusal::Unreachable(why) => {
                let detail = format!("the proxy {self} could not connect to {target}: {why}");
                Failure::new(FailureKind::Connection, detail)
            }
            Refusal::Forbidden(why) => self.fault(format_args!("refused to connect to {target}: {why}")),
            Refusal::Credentials => self.fault("wants a user name and password, or others"),
            Refusal::Protocol(why) => self.fault(format_args!("answered what cannot be understood: {why}")),
            Refusal::Io(error) => self.fault(format_args!("closed the connection: {error}")),
        }
    }
}

impl fmt::Display for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Socks5 => "socks5",
            Protocol::Socks5h => "socks5h",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressProxy({self})")
    }
}

impl Credentials {
    fn parse(user_info: &str) -> Result<Self, EgressProxyError> {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let decode = |text| {
            percent_decoded(text)
                .ok_or(EgressProxyError("the user name or password is not percent-encoded as it should be"))
        };
        let (user, password) = (decode(user)?, decode(password)?);
        let fits = |text: &str| text.len() <= PROXY_CREDENTIAL_BYTES_MAX && !text.contains(char::is_control);
        if user.is_empty() || !fits(&user) || !fits(&password) {
            return Err(EgressProxyError("a user name has 1 to 255 bytes, and a password 255 at most"));
        }
        Ok(Self { user, password: Secret::new(password) })
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(16 * high + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// What a proxy is asked to connect to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// An address that was checked here.
    Address(SocketAddr),
    /// A name, for a proxy that is trusted to check what it resolves to.
    Name(&'a str, u16),
}

impl Target<'_> {
    fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
    }

    fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Name(..) => None,
        }
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// Why a proxy gave no connection.
#[derive(Debug)]
enum Refusal {
    /// It tried, and the endpoint could not be reached.
    Unreachable(String),
    /// It did not try.
    Forbidden(String),
    /// It wants credentials, or others.
    Credentials,
    /// It does not speak its protocol.
    Protocol(&'static str),
    /// Its connection broke.
    Io(std::io::Error),
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_its_password_shown_nowhere() {
        for (url, shown) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("HTTPS://Proxy.Example:443/", "https://proxy.example:443"),
            ("socks5://10.0.0.1:1080", "socks5://10.0.0.1:1080"),
            ("socks5h://[::1]:1080", "socks5h://[::1]:1080"),
            ("http://us%40er:p%3Aw%25@proxy:3128", "http://proxy:3128"),
            ("http://user:p@w:x@proxy:3128", "http://proxy:3128"),
        ] {
            let proxy = EgressProxy::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(
                (proxy.to_string(), format!("{proxy:?}")),
                (shown.into(), format!("EgressProxy({shown})"))
            );
        }
        let proxy = EgressProxy::parse("http://us%40er:p%3Aw%25@proxy:3128").unwrap();
        let credentials = proxy.credentials.unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("us@er", &b"p:w%"[..]));
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_repeated() {
        let long = format!("http://{}@proxy:1", "s3cret".repeat(50));
        for url in [
            "",
            "proxy:3128",
            "ftp://s3cret@proxy:21",
            "http://proxy",
            "http://user:s3cret@proxy",
            "http://user:s3cret@",
            "http://user:s3cret@proxy:0",
            "http://user:s3cret@proxy:3128/path",
            "http://user:s3cret@proxy:3128?query",
            "http://:s3cret@proxy:3128",
            "http://user:s3cret%@proxy:3128",
            "http://user:s3cret%0a@proxy:3128",
            "http://user:s3cret%ff@proxy:3128",
            long.as_str(),
        ] {
            let error = EgressProxy::parse(url).expect_err(url).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
