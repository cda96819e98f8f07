//! Reading where keys come from that are not given: a certificate that the message names, or a set of the vendor's.

use std::sync::Arc;

use super::read_identity_source;
use crate::key_source::{CertificateRule, KeySet, KeyUrl};
use crate::limits::MAX_KEY_URL_BYTES;
use crate::profile::reader::{Placed, Table};

pub(super) fn read_key_url(table: &Table<'_>) -> Option<KeyUrl> {
    let url = table.table("key-url")?;
    let source = read_identity_source(&url);
    let hosts: Vec<String> =
        url.texts("hosts").unwrap_or_default().into_iter().map(|host| host.value).collect();
    if hosts.is_empty() {
        url.problem("`hosts` names at least one host");
    }
    let path_suffix = url.text("path-suffix").map_or_else(String::new, |suffix| suffix.value);
    let names = match url.texts("names") {
        Some(names) => names.into_iter().map(|name| name.value.to_ascii_lowercase()).collect(),
        None => hosts.clone(),
    };
    if names.is_empty() {
        url.problem("`names` has at least one name");
    }
    let chain = url.boolean("chain").unwrap_or(true);
    url.finish();
    let rule = Arc::new(CertificateRule { hosts, path_suffix, names, chain });
    Some(KeyUrl { source: source?, rule })
}

pub(super) fn read_key_set(table: &Table<'_>) -> Option<KeySet> {
    let set = table.table("key-set")?;
    if !set.has_one(&["url", "api"]) {
        set.problem("either `url` or `api` says where the keys are");
    }
    let read = match set.text("url") {
        Some(url) => read_url(&set, url).map(KeySet::Url),
        None => set.text("api").and_then(|api| read_url(&set, api)).map(KeySet::Api),
    };
    set.finish();
    read
}

fn read_url(table: &Table<'_>, url: Placed<String>) -> Option<Arc<str>> {
    let after_scheme = url.value.strip_prefix("https://");
    let host = after_scheme.and_then(|rest| rest.split(['/', '?']).next());
    let visible =
        url.value.len() <= MAX_KEY_URL_BYTES && url.value.bytes().all(|byte| byte.is_ascii_graphic());
    match host {
        Some(host) if !host.is_empty() && !host.contains('@') && visible => Some(url.value.into()),
        _ => {
            table.problem_at(&url, "a URL that begins with https:// and a host is needed");
            None
        }
    }
}
