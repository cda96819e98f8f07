//! What signing puts into the query of a URL: the digest of the body, or the signature itself.

use std::borrow::Cow;

use super::in_body::percent_encoded;
use crate::document::query_value;
use crate::error::SignError;
use crate::key;
use crate::scheme::{BodyDigest, BodyDigestSource, Scheme};

/// The parameter that holds the digest of the body, where a scheme has one.
pub(super) fn digest_name(scheme: &Scheme) -> Option<&str> {
    match &scheme.body_digest {
        Some(BodyDigest { source: BodyDigestSource::Query(name), .. }) => Some(name),
        Some(BodyDigest { source: BodyDigestSource::Claim(_), .. }) | None => None,
    }
}

/// Refuses a URL without the digest of this body.
pub(super) fn check_digest(scheme: &Scheme, name: &str, url: &str, body: &[u8]) -> Result<(), SignError> {
    match query_value(url, name) {
        Ok(Some(value)) if value == digest(scheme, body).as_bytes() => Ok(()),
        _ => Err(SignError::BodyDigest),
    }
}

/// The URL with the digest of the body, which one that is there has to be.
pub(super) fn with_digest<'u>(
    scheme: &Scheme,
    name: &str,
    url: &'u str,
    body: &[u8],
) -> Result<Cow<'u, str>, SignError> {
    match query_value(url, name) {
        Ok(None) => Ok(Cow::Owned(with_parameter(url, name, &digest(scheme, body)))),
        _ => check_digest(scheme, name, url, body).map(|()| Cow::Borrowed(url)),
    }
}

/// The URL with a parameter at the end of its query.
pub(super) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (before, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
    let separator = match before.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{before}{separator}{}={}{fragment}", percent_encoded(name), percent_encoded(value))
}

fn digest(scheme: &Scheme, body: &[u8]) -> String {
    let mut text = String::new();
    if let Some(rule) = &scheme.body_digest {
        rule.encoding.encode(key::digest(rule.digest, |running| running.update(body)).as_bytes(), &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_goes_before_the_fragment() {
        for (url, expected) in [
            ("https://a.test/in", "https://a.test/in?s=x%2B1"),
            ("https://a.test/in?", "https://a.test/in?s=x%2B1"),
            ("https://a.test/in?a=1", "https://a.test/in?a=1&s=x%2B1"),
            ("https://a.test/in#top?", "https://a.test/in?s=x%2B1#top?"),
        ] {
            assert_eq!(with_parameter(url, "s", "x+1"), expected);
        }
    }
}
