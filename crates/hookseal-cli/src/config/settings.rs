//! The registry of settings. Help text, reference page, flags, variables and file keys all come from here.

use hookseal_engine::limits::{BODY_BYTES_DEFAULT, BODY_BYTES_MAX, USER_AGENT_CHARS_MAX};

/// One setting, and the ways to write it.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in the file, and its name here.
    pub(crate) key: &'static str,
    /// Whether the file may hold it.
    pub(crate) in_file: bool,
    /// Its flag, without the hyphens.
    pub(crate) flag: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What a value looks like.
    pub(crate) value: &'static str,
    /// What is taken where it is not given, in words where that is no value.
    pub(crate) default: &'static str,
    /// What kind of value it has.
    pub(crate) kind: Kind,
    /// What it does, in sentences; the first stands in the short help.
    pub(crate) doc: &'static str,
}

/// What kind of value a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One text.
    Text,
    /// One whole number.
    Number,
    /// Yes or no: a flag that stands for yes where it has no value.
    Boolean,
    /// Several texts: a flag that is repeated, a variable with commas, a list in the file.
    Texts,
}

pub(crate) const CONFIG: Setting = Setting {
    key: "config",
    in_file: false,
    flag: "config",
    variable: "HOOKSEAL_CONFIG",
    value: "FILE",
    default: "no file",
    kind: Kind::Text,
    doc: "A TOML file with settings. Keys that are not known are refused.",
};

pub(crate) const LISTEN: Setting = Setting {
    key: "listen",
    in_file: true,
    flag: "listen",
    variable: "HOOKSEAL_LISTEN",
    value: "ADDRESS:PORT",
    default: "127.0.0.1:8040",
    kind: Kind::Text,
    doc: "Where the HTTP API listens. Port 0 takes any that is free; the line that is printed at the start has the \
          real one.",
};

pub(crate) const DATA: Setting = Setting {
    key: "data",
    in_file: true,
    flag: "data",
    variable: "HOOKSEAL_DATA",
    value: "DIRECTORY",
    default: "./hookseal-data",
    kind: Kind::Text,
    doc: "The directory in which everything is kept. It is made where it is not there. One server at a time uses it.",
};

pub(crate) const ALLOW_NETWORKS: Setting = Setting {
    key: "allow_networks",
    in_file: true,
    flag: "allow-network",
    variable: "HOOKSEAL_ALLOW_NETWORKS",
    value: "CIDR",
    default: "none",
    kind: Kind::Texts,
    doc: "A network, such as 10.0.0.0/8, that deliveries may go to although it is not of the public internet, and \
          without TLS. Private, loopback, link-local and reserved addresses are refused otherwise.",
};

pub(crate) const DENY_NETWORKS: Setting = Setting {
    key: "deny_networks",
    in_file: true,
    flag: "deny-network",
    variable: "HOOKSEAL_DENY_NETWORKS",
    value: "CIDR",
    default: "none",
    kind: Kind::Texts,
    doc: "A network that no delivery may go to, whatever allows it.",
};

pub(crate) const EGRESS_PROXY: Setting = Setting {
    key: "egress_proxy",
    in_file: true,
    flag: "egress-proxy",
    variable: "HOOKSEAL_EGRESS_PROXY",
    value: "URL",
    default: "none",
    kind: Kind::Text,
    doc: "The proxy that connections to endpoints are asked of: http, https, socks5 or socks5h, such as \
          http://user:password@proxy.example:3128. It may be at any address. Best given as the variable where it has a \
          password: other users of the machine can read flags.",
};

pub(crate) const EGRESS_PROXY_TRUSTED: Setting = Setting {
    key: "egress_proxy_trusted",
    in_file: true,
    flag: "egress-proxy-trusted",
    variable: "HOOKSEAL_EGRESS_PROXY_TRUSTED",
    value: "true|false",
    default: "false",
    kind: Kind::Boolean,
    doc: "Whether the proxy checks itself which addresses it connects to: names are handed to it unresolved then. \
          Otherwise they are resolved and checked here, and it is handed the address. socks5h takes this trust.",
};

pub(crate) const EGRESS_PROXY_BYPASS: Setting = Setting {
    key: "egress_proxy_bypass",
    in_file: true,
    flag: "egress-proxy-bypass",
    variable: "HOOKSEAL_EGRESS_PROXY_BYPASS",
    value: "CIDR",
    default: "none",
    kind: Kind::Texts,
    doc: "A network that is connected to without the proxy. Names that are handed to a trusted proxy have no address \
          here, and always go by it.",
};

pub(crate) const USER_AGENT: Setting = Setting {
    key: "user_agent",
    in_file: true,
    flag: "user-agent",
    variable: "HOOKSEAL_USER_AGENT",
    value: "TEXT",
    default: concat!("hookseal/", env!("CARGO_PKG_VERSION")),
    kind: Kind::Text,
    doc: "The User-Agent of deliveries whose profile says none, 200 characters at most.",
};

pub(crate) const OPERATOR_KEY: Setting = Setting {
    key: "operator_key",
    in_file: true,
    flag: "operator-key",
    variable: "HOOKSEAL_OPERATOR_KEY",
    value: "KEY",
    default: "made at the first start, and printed that once",
    kind: Kind::Text,
    doc: "The key to call the API with: hs_live_ or hs_test_, and 32 characters or more in all. Best given as the \
          variable: other users of the machine can read flags.",
};

pub(crate) const MAX_BODY: Setting = Setting {
    key: "max_body",
    in_file: true,
    flag: "max-body",
    variable: "HOOKSEAL_MAX_BODY",
    value: "BYTES",
    default: "262144",
    kind: Kind::Number,
    doc: "Bytes that the body of an event may have, 1048576 at most.",
};

pub(crate) const RETENTION: Setting = Setting {
    key: "retention",
    in_file: true,
    flag: "retention",
    variable: "HOOKSEAL_RETENTION",
    value: "TIME|off",
    default: "30d",
    kind: Kind::Text,
    doc: "For how long events are kept, with their deliveries and attempts, once all of that has ended: a number with \
          s, m, h or d, or off to keep them for ever. What has not ended is kept whatever its age. The space is used \
          again.",
};

pub(crate) const LOG: Setting = Setting {
    key: "log",
    in_file: true,
    flag: "log",
    variable: "HOOKSEAL_LOG",
    value: "FILTER",
    default: "info",
    kind: Kind::Text,
    doc: "Which log lines are written to standard error: error, warn, info, debug, trace or off, also by module as \
          in info,hookseal_transport=debug.",
};

pub(crate) const LOG_FORMAT: Setting = Setting {
    key: "log_format",
    in_file: true,
    flag: "log-format",
    variable: "HOOKSEAL_LOG_FORMAT",
    value: "text|json",
    default: "text",
    kind: Kind::Text,
    doc: "How log lines are written.",
};

/// Every setting, in the order of the help text and the reference page.
pub(crate) const SETTINGS: [&Setting; 14] = [
    &LISTEN,
    &DATA,
    &ALLOW_NETWORKS,
    &DENY_NETWORKS,
    &EGRESS_PROXY,
    &EGRESS_PROXY_TRUSTED,
    &EGRESS_PROXY_BYPASS,
    &USER_AGENT,
    &OPERATOR_KEY,
    &CONFIG,
    &MAX_BODY,
    &RETENTION,
    &LOG,
    &LOG_FORMAT,
];

// The texts above name these numbers.
const _: () = {
    assert!(BODY_BYTES_DEFAULT == 262_144 && BODY_BYTES_MAX == 1_048_576);
    assert!(USER_AGENT_CHARS_MAX == 200);
};
