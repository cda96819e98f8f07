//! Whether the URL of a key may be trusted. Nothing is fetched here.

use crate::error::{ErrorKind, VerifyError};
use crate::key_source::{CertificateUrl, KeyUrl};
use crate::limits::MAX_KEY_URL_BYTES;

/// Checks a URL: HTTPS, no user, no port, a host from the list compared label by label, and the end of the path.
pub(super) fn check(key_url: &KeyUrl, url: Option<&str>) -> Result<CertificateUrl, VerifyError> {
    let trusted = url.filter(|url| is_trusted(key_url, url));
    trusted.map(|url| CertificateUrl::new(url, &key_url.rule)).ok_or_else(|| {
        let problem = "the host must be one of the profile's";
        VerifyError::at(ErrorKind::UntrustedKeyUrl, key_url.source.name(), problem)
    })
}

fn is_trusted(key_url: &KeyUrl, url: &str) -> bool {
    if url.len() > MAX_KEY_URL_BYTES || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    key_url.rule.trusts_host(host) && path.ends_with(&key_url.rule.path_suffix)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::key_source::CertificateRule;
    use crate::scheme::IdentitySource;

    #[test]
    fn trusts_a_host_and_the_end_of_a_path_and_nothing_around_them() {
        let rule = CertificateRule {
            hosts: vec!["sns.*.amazonaws.com".to_owned()],
            path_suffix: ".pem".to_owned(),
            names: Vec::new(),
            chain: false,
        };
        let key_url = KeyUrl { source: IdentitySource::Header("x-url".to_owned()), rule: Arc::new(rule) };
        let good = "https://sns.eu-west-1.amazonaws.com/key.pem";
        assert_eq!(check(&key_url, Some(good)).unwrap().url(), good);
        let long = format!("https://sns.eu-west-1.amazonaws.com/{}.pem", "k".repeat(MAX_KEY_URL_BYTES));
        for url in [
            "http://sns.eu-west-1.amazonaws.com/key.pem",
            "https://sns.eu-west-1.amazonaws.com:443/key.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/key.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/key.pem",
            "https://evil.example\\@sns.eu-west-1.amazonaws.com/key.pem",
            "https://sns.eu-west-1.amazonaws.com\\.evil.example/key.pem",
            "https://sns.eu-west-1.amazonaws.com/key.txt?.pem",
            "https://sns.eu-west-1.amazonaws.com/key.txt#.pem",
            "https://sns.eu-west-1.amazonaws.com/a b.pem",
            "https://sns.eu-west-1.amazonaws.com/a\nb.pem",
            "https://sns.eu-west-1.amazonaws.com",
            &long,
        ] {
            let error = check(&key_url, Some(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UntrustedKeyUrl, "{url}");
        }
        assert!(check(&key_url, None).is_err());
    }
}
