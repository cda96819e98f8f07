//! What the settings mean, and what is wrong with them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use hookseal::Secret;
use hookseal_engine::limits::{BODY_BYTES_MAX, USER_AGENT_CHARS_MAX};
use hookseal_transport::EgressProxy;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use crate::{inputs, limits};

use super::{
    Config,
    problems::{ConfigProblems, Place},
    raw::{Given, Raw},
    settings::{
        ALLOW_NETWORKS, DATA, DENY_NETWORKS, EGRESS_PROXY, EGRESS_PROXY_BYPASS, EGRESS_PROXY_TRUSTED, LISTEN,
        LOG, LOG_FORMAT, MAX_BODY, OPERATOR_KEY, RETENTION, Setting, USER_AGENT,
    },
};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks every setting, and gives them together only if all of them are right.
pub(super) fn validate(raw: &Raw, mut problems: ConfigProblems) -> Result<Config, ConfigProblems> {
    let listen = read(raw, &LISTEN, address, &mut problems);
    let data = read(raw, &DATA, directory, &mut problems);
    let allow_networks = networks(raw, &ALLOW_NETWORKS, &mut problems);
    let deny_networks = networks(raw, &DENY_NETWORKS, &mut problems);
    let (egress_proxy, egress_proxy_trusted) = proxy(raw, &mut problems);
    let egress_proxy_bypass = networks(raw, &EGRESS_PROXY_BYPASS, &mut problems);
    let user_agent = read(raw, &USER_AGENT, agent, &mut problems);
    let max_body = read(raw, &MAX_BODY, body_bytes, &mut problems);
    let retention = read(raw, &RETENTION, retention, &mut problems);
    let log = read(raw, &LOG, filter, &mut problems);
    let log_format = read(raw, &LOG_FORMAT, format, &mut problems);
    let operator_key = raw.one(&OPERATOR_KEY).map(|given| Secret::new(given.text));
    let sound = problems.is_empty();
    let (
        Some(listen),
        Some(data),
        Some(max_body),
        Some(user_agent),
        Some(retention),
        Some(log),
        Some(log_format),
        true,
    ) = (listen, data, max_body, user_agent, retention, log, log_format, sound)
    else {
        return Err(problems);
    };
    Ok(Config {
        listen,
        data,
        allow_networks,
        deny_networks,
        egress_proxy,
        egress_proxy_trusted,
        egress_proxy_bypass,
        user_agent,
        operator_key,
        max_body,
        retention,
        log,
        log_format,
    })
}

/// Reads one value, or the default where none was given.
fn read<T>(
    raw: &Raw,
    setting: &Setting,
    parse: impl Fn(&str) -> Result<T, &'static str>,
    problems: &mut ConfigProblems,
) -> Option<T> {
    let given = raw
        .one(setting)
        .unwrap_or_else(|| Given { text: setting.default.to_owned(), place: Place::Default(setting.key) });
    match parse(&given.text) {
        Ok(value) => Some(value),
        Err(expected) => {
            problems.add(&given.place, format_args!("`{}` is not {expected}", given.text));
            None
        }
    }
}

/// The proxy, and whether it is trusted. What is wrong with its URL is said without repeating it: it may hold a password.
fn proxy(raw: &Raw, problems: &mut ConfigProblems) -> (Option<EgressProxy>, bool) {
    let trusted = read(raw, &EGRESS_PROXY_TRUSTED, boolean, problems).unwrap_or_default();
    let Some(given) = raw.one(&EGRESS_PROXY) else {
        let alone = [&EGRESS_PROXY_TRUSTED, &EGRESS_PROXY_BYPASS];
        for place in alone.into_iter().filter_map(|setting| raw.one(setting)).map(|given| given.place) {
            problems.add(&place, "is of no use without egress_proxy");
        }
        return (None, trusted);
    };
    match EgressProxy::parse(&given.text) {
        Ok(proxy) if proxy.wants_names() && !trusted => {
            let detail = "socks5h hands names to the proxy unresolved, which takes egress_proxy_trusted; or write socks5";
            problems.add(&given.place, detail);
            (None, trusted)
        }
        Ok(proxy) => (Some(proxy), trusted),
        Err(error) => {
            problems.add(&given.place, error);
            (None, trusted)
        }
    }
}

fn networks(raw: &Raw, setting: &Setting, problems: &mut ConfigProblems) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for given in raw.all(setting).unwrap_or_default() {
        match network(&given.text) {
            Some(network) => networks.push(network),
            None => problems
                .add(&given.place, format_args!("`{}` is not a network such as 10.0.0.0/8", given.text)),
        }
    }
    networks
}

/// A network, or an address as the network of that one alone.
fn network(text: &str) -> Option<IpNet> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| alone()).map(|network| network.trunc()).ok()
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "an address and a port such as 127.0.0.1:8040 or [::1]:8040")
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "true or false")
}

fn agent(text: &str) -> Result<String, &'static str> {
    let is_visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    if is_visible && (1..=USER_AGENT_CHARS_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("1 to 200 visible ASCII characters")
    }
}

fn directory(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("a directory") } else { Ok(PathBuf::from(text)) }
}

fn body_bytes(text: &str) -> Result<usize, &'static str> {
    let bytes = text.parse().ok().filter(|bytes| (1..=BODY_BYTES_MAX).contains(bytes));
    bytes.ok_or("a number of bytes from 1 to 1048576")
}

fn retention(text: &str) -> Result<Option<Duration>, &'static str> {
    if text == "off" {
        return Ok(None);
    }
    let duration = inputs::duration(text).filter(|duration| *duration >= limits::RETENTION_MIN);
    duration.map(Some).ok_or("off, or a duration of 1 s or more such as 30d or 12h")
}

fn filter(text: &str) -> Result<String, &'static str> {
    match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("a filter such as info, or warn,hookseal_transport=debug"),
    }
}

fn format(text: &str) -> Result<LogFormat, &'static str> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json"),
    }
}
