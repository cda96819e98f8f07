//! The server's settings: one registry of them, where each may be written, and what they come to.
//!
//! A flag goes before an environment variable, that before the file, and that before the default. Everything that is
//! wrong is reported at once, each with its place.

mod arguments;
mod file;
mod problems;
mod raw;
#[cfg(test)]
mod reference;
mod settings;
mod validate;

use std::{ffi::OsStr, net::SocketAddr, path::PathBuf, time::Duration};

use hookseal::Secret;
use hookseal_transport::EgressProxy;
use ipnet::IpNet;

pub(crate) use arguments::ServeArgs;
pub(crate) use problems::ConfigProblems;
use raw::Raw;
pub(crate) use validate::LogFormat;

use crate::ports::Environment;

/// The settings, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// The directory that everything is kept in.
    pub(crate) data: PathBuf,
    /// Networks that deliveries may go to although they are not of the public internet.
    pub(crate) allow_networks: Vec<IpNet>,
    /// Networks that no delivery may go to.
    pub(crate) deny_networks: Vec<IpNet>,
    /// The proxy that connections are asked of.
    pub(crate) egress_proxy: Option<EgressProxy>,
    /// Whether it checks addresses itself.
    pub(crate) egress_proxy_trusted: bool,
    /// Networks that are connected to without it.
    pub(crate) egress_proxy_bypass: Vec<IpNet>,
    /// The User-Agent of profiles that say none.
    pub(crate) user_agent: String,
    /// The key to call the server with; made at the first start where there is none.
    pub(crate) operator_key: Option<Secret>,
    /// Bytes of an event's body at most.
    pub(crate) max_body: usize,
    /// For how long what has ended is kept; `None` means for ever.
    pub(crate) retention: Option<Duration>,
    /// Which log lines are written, as `tracing-subscriber` reads it.
    pub(crate) log: String,
    /// How log lines are written.
    pub(crate) log_format: LogFormat,
}

impl Config {
    /// Reads the settings from the arguments, the environment and the file that either of them names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its place.
    pub(crate) fn resolve(
        arguments: &ServeArgs,
        environment: &dyn Environment,
    ) -> Result<Self, ConfigProblems> {
        let mut problems = ConfigProblems::default();
        let lookup = |name: &str| environment.value(OsStr::new(name));
        let raw = Raw::gather(arguments, &lookup, &mut problems);
        validate::validate(&raw, problems)
    }
}

#[cfg(test)]
mod tests;
