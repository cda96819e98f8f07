//! Whether the URL of a key may be trusted. Nothing is fetched here.

use crate::error::{ErrorKind, VerifyError};
use crate::scheme::KeyUrl;

/// The fewest characters of a label that a `*` stands for: a shorter one is no region, and `sns.s3.amazonaws.com` is a
/// bucket that anybody can have.
const MIN_LABEL: usize = 3;

/// Checks a URL: HTTPS, no user, no port, a host from the list compared label by label, and the end of the path.
pub(super) fn check(rule: &KeyUrl, url: Option<&str>) -> Result<(), VerifyError> {
    let untrusted = || {
        VerifyError::at(
            ErrorKind::UntrustedKeyUrl,
            rule.source.name(),
            "the host must be one of the profile's",
        )
    };
    let url = url.ok_or_else(untrusted)?;
    let (host, path) =
        url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or_else(untrusted)?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let known = rule.hosts.iter().any(|pattern| host_matches(pattern, host));
    match known && path.ends_with(&rule.path_suffix) {
        true => Ok(()),
        false => Err(untrusted()),
    }
}

/// Whether a host is the one of a pattern, label by label. Anything that is no host, such as one with a port or a user,
/// fits no pattern.
pub(crate) fn host_matches(pattern: &str, host: &str) -> bool {
    let mut labels = host.split('.');
    let fits = pattern.split('.').all(|wanted| match (wanted, labels.next()) {
        (_, None) => false,
        ("*", Some(label)) => {
            label.len() >= MIN_LABEL && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }
        (wanted, Some(label)) => wanted == label,
    });
    fits && labels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_label_by_label() {
        let sns = "sns.*.amazonaws.com";
        assert!(host_matches(sns, "sns.eu-west-1.amazonaws.com"));
        for host in [
            "sns.s3.amazonaws.com",
            "sns.eu-west-1.amazonaws.com.evil.example",
            "sns.amazonaws.com",
            "evilsns.eu-west-1.amazonaws.com",
            "sns.a.b.amazonaws.com",
            "user@sns.eu-west-1.amazonaws.com",
            "sns.eu-west-1.amazonaws.com:443",
            "sns.eu_west.amazonaws.com",
            "",
        ] {
            assert!(!host_matches(sns, host), "{host}");
        }
        assert!(!host_matches("*.paypal.com", "evilpaypal.com"));
    }
}
