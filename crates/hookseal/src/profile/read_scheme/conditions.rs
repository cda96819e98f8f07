//! Reading what has to hold beside the signature: other headers, the digest of the body, claims, the URL of the key.

use super::header_name;
use crate::profile::HeaderValue;
use crate::profile::reader::{Placed, Table};
use crate::scheme::{
    BodyDigest, BodyDigestSource, ClaimRule, ClaimValue, DigestKind, Encoding, RequiredHeader,
};

pub(super) fn read_required(table: &Table<'_>) -> Vec<RequiredHeader> {
    let entries = table.text_entries("require").into_iter();
    let read = |(name, value): (Placed<String>, Placed<String>)| {
        Some(RequiredHeader { name: header_name(table, name)?, value: value.value })
    };
    entries.filter_map(read).collect()
}

/// The other ways to write the URL that count in compat mode.
pub(super) fn read_compat_ports(table: &Table<'_>) -> bool {
    let Some(url) = table.table("url") else { return false };
    let mut ports = false;
    for text in url.texts("compat").unwrap_or_default() {
        match text.value.as_str() {
            "port" => ports = true,
            _ => url.problem_at(&text, "`port` is needed"),
        }
    }
    url.finish();
    ports
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
