//! Reading what has to hold beside the signature: other headers, the digest of the body, claims, the URL of the key.

use super::{header_name, read_identity_source};
use crate::profile::HeaderValue;
use crate::profile::reader::{Placed, Table};
use crate::scheme::{
    BodyDigest, BodyDigestSource, ClaimRule, ClaimValue, DigestKind, Encoding, KeyUrl, RequiredHeader,
};

pub(super) fn read_required(table: &Table<'_>) -> Vec<RequiredHeader> {
    let entries = table.text_entries("require").into_iter();
    let read = |(name, value): (Placed<String>, Placed<String>)| {
        Some(RequiredHeader { name: header_name(table, name)?, value: value.value })
    };
    entries.filter_map(read).collect()
}

/// Headers that signing writes.
pub(super) fn read_written_headers(table: &Table<'_>) -> Vec<(String, HeaderValue)> {
    let entries = table.text_entries("headers").into_iter();
    let read = |(name, value): (Placed<String>, Placed<String>)| {
        let name = header_name(table, name)?;
        let parsed = HeaderValue::parse(&value.value).map_err(|message| table.problem_at(&value, message));
        Some((name, parsed.ok()?))
    };
    entries.filter_map(read).collect()
}

pub(super) fn read_body_digest(table: &Table<'_>) -> Option<BodyDigest> {
    let digest = table.table("body-digest")?;
    if !digest.has_one(&["query", "claim"]) {
        digest.problem("either `query` or `claim` says where it stands");
    }
    let source = match digest.text("query") {
        Some(query) => Some(BodyDigestSource::Query(query.value)),
        None => digest.text("claim").map(|claim| BodyDigestSource::Claim(claim.value)),
    };
    let kind = digest.choice("digest", DigestKind::NAMES).unwrap_or(DigestKind::Sha256);
    let encoding = digest.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    digest.finish();
    Some(BodyDigest { source: source?, digest: kind, encoding })
}

pub(super) fn read_key_url(table: &Table<'_>) -> Option<KeyUrl> {
    let url = table.table("key-url")?;
    let source = read_identity_source(&url);
    let hosts: Vec<String> =
        url.texts("hosts").unwrap_or_default().into_iter().map(|host| host.value).collect();
    if hosts.is_empty() {
        url.problem("`hosts` names at least one host");
    }
    let path_suffix = url.text("path-suffix").map_or_else(String::new, |suffix| suffix.value);
    url.finish();
    Some(KeyUrl { source: source?, hosts, path_suffix })
}

/// Claims: `present` lists those that have to be there, `texts` and `params` say what others are, and `true` those
/// that are true.
pub(super) fn read_claims(table: &Table<'_>) -> Vec<ClaimRule> {
    let Some(claims) = table.table("claims") else { return Vec::new() };
    let mut rules = Vec::new();
    for name in claims.texts("present").unwrap_or_default() {
        rules.push(ClaimRule { name: name.value, value: ClaimValue::Present });
    }
    for name in claims.texts("true").unwrap_or_default() {
        rules.push(ClaimRule { name: name.value, value: ClaimValue::Flag(true) });
    }
    for (name, text) in claims.text_entries("texts") {
        let texts = text.value.split(' ').map(str::to_owned).collect();
        rules.push(ClaimRule { name: name.value, value: ClaimValue::Texts(texts) });
    }
    for (name, param) in claims.text_entries("params") {
        rules.push(ClaimRule { name: name.value, value: ClaimValue::Param(param.value) });
    }
    claims.finish();
    rules
}
