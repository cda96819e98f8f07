//! Keys that are not given but fetched: where they come from, and what a request says of the one that it needs.
//!
//! Nothing is fetched here. The library reads from a request which key it needs, and takes that key when somebody has it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::scheme::IdentitySource;

/// The key that a request needs, read from it before anything of it is trusted.
///
/// It holds only what the profile allows, so it can be acted on: a URL is one of the profile's hosts over HTTPS, and a
/// key id is short and visible. `Display` names it for a person.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyReference {
    /// A certificate whose URL stands in the request.
    Certificate(CertificateUrl),
    /// A key of a JSON Web Key Set (RFC 7517 section 5) whose URL is the profile's.
    KeySet(KeyOfSet),
    /// A key that the vendor's API gives to the customer alone. Whoever has the customer's credentials asks for it.
    Api(KeyOfApi),
}

/// The URL of a certificate, and what is asked of the certificate.
#[derive(Clone, Debug)]
pub struct CertificateUrl {
    url: String,
    rule: Arc<CertificateRule>,
}

/// A key of a JSON Web Key Set.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyOfSet {
    url: Arc<str>,
    id: Option<String>,
}

/// A key of a vendor's API.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyOfApi {
    api: Arc<str>,
    id: String,
}

/// Which certificates a profile trusts.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct CertificateRule {
    /// Hosts of the URL, in which `*` stands for one label.
    pub(crate) hosts: Vec<String>,
    /// The end of the URL's path.
    pub(crate) path_suffix: String,
    /// Names that the certificate may be for.
    pub(crate) names: Vec<String>,
    /// Whether the certificate has to lead to a trusted authority.
    pub(crate) chain: bool,
}

/// Where the message says that its key comes from, and which places are trusted.
#[derive(Clone, Debug)]
pub(crate) struct KeyUrl {
    pub(crate) source: IdentitySource,
    pub(crate) rule: Arc<CertificateRule>,
}

/// Where the vendor has its keys, which a token names by their ids.
#[derive(Clone, Debug)]
pub(crate) enum KeySet {
    /// In a JSON Web Key Set that anybody can get.
    Url(Arc<str>),
    /// Behind an API that wants the customer's credentials.
    Api(Arc<str>),
}

/// The fewest characters of a label that a `*` stands for: a shorter one is no region, and `sns.s3.amazonaws.com` is a
/// bucket that anybody can have.
const MIN_LABEL: usize = 3;

impl CertificateUrl {
    pub(crate) fn new(url: &str, rule: &Arc<CertificateRule>) -> Self {
        Self { url: url.to_owned(), rule: Arc::clone(rule) }
    }

    /// The URL, of visible ASCII and at most [`MAX_KEY_URL_BYTES`](crate::limits::MAX_KEY_URL_BYTES) long.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the profile trusts a host to serve the certificate. The URL's own host was checked; a program that
    /// reads the URL by other rules than this library asks again for the host that it found.
    pub fn trusts_host(&self, host: &str) -> bool {
        self.rule.trusts_host(host)
    }

    /// The hosts that the profile trusts, as they stand in it. Certificates of the same ones are of one source.
    pub fn hosts(&self) -> &[String] {
        &self.rule.hosts
    }

    /// Whether the certificate may be for this DNS name.
    pub fn trusts_name(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.rule.names.iter().any(|pattern| name_matches(pattern, &name))
    }

    /// Whether the certificate has to lead to a trusted authority. Where it has not, because the vendor serves it
    /// without the certificates in between, the TLS of the host that serves it is what vouches for it.
    pub fn needs_chain(&self) -> bool {
        self.rule.chain
    }
}

impl KeyOfSet {
    pub(crate) fn new(url: &Arc<str>, id: Option<String>) -> Self {
        Self { url: Arc::clone(url), id }
    }

    /// The URL of the set. It is the profile's, and the request has no say in it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The id of the key (`kid`), of visible ASCII and at most [`MAX_KEY_ID_BYTES`](crate::limits::MAX_KEY_ID_BYTES)
    /// long. Without one, the request names none, and any key of the set may be the right one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl KeyOfApi {
    pub(crate) fn new(api: &Arc<str>, id: String) -> Self {
        Self { api: Arc::clone(api), id }
    }

    /// The URL of the API. It is the profile's, and the request has no say in it.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The id of the key (`kid`), of visible ASCII and at most [`MAX_KEY_ID_BYTES`](crate::limits::MAX_KEY_ID_BYTES)
    /// long.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl CertificateRule {
    pub(crate) fn trusts_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| host_matches(pattern, host))
    }
}

impl PartialEq for CertificateUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.rule == other.rule
    }
}

impl Eq for CertificateUrl {}

impl Hash for CertificateUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.url.hash(state);
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(certificate) => write!(f, "the certificate at {}", certificate.url),
            Self::KeySet(KeyOfSet { url, id: Some(id) }) => write!(f, "the key `{id}` of {url}"),
            Self::KeySet(KeyOfSet { url, id: None }) => write!(f, "the keys of {url}"),
            Self::Api(KeyOfApi { api, id }) => write!(f, "the key `{id}` of {api}"),
        }
    }
}

/// Compares label by label; `*` stands for one label of [`MIN_LABEL`] or more letters, digits and hyphens. A pattern that
/// begins with a dot stands for every host below it.
pub(crate) fn host_matches(pattern: &str, host: &str) -> bool {
    let plain = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if pattern.starts_with('.') {
        let below = host.strip_suffix(pattern);
        return below.is_some_and(|below| below.split('.').all(|label| !label.is_empty() && plain(label)));
    }
    let mut labels = host.split('.');
    let fits = pattern.split('.').all(|wanted| match (wanted, labels.next()) {
        (_, None) => false,
        ("*", Some(label)) => label.len() >= MIN_LABEL && plain(label),
        (wanted, Some(label)) => wanted == label,
    });
    fits && labels.next().is_none()
}

/// As hosts match; a pattern that begins with a dot stands for every name below it.
fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.starts_with('.') {
        true => name.strip_suffix(pattern).is_some_and(|below| !below.is_empty() && !below.starts_with('*')),
        false => host_matches(pattern, name),
    }
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
        for host in ["api.paypal.com", "t1.paypal.com", "api.sandbox.eu.paypal.com"] {
            assert!(host_matches(".paypal.com", host), "{host}");
        }
        for host in ["paypal.com", ".paypal.com", "evilpaypal.com", "a@b.paypal.com", "a.paypal.com:443"] {
            assert!(!host_matches(".paypal.com", host), "{host}");
        }
    }

    #[test]
    fn names_match_below_a_dot() {
        for name in ["messageverificationcerts.paypal.com", "a.b.paypal.com"] {
            assert!(name_matches(".paypal.com", name), "{name}");
        }
        for name in
            ["paypal.com", ".paypal.com", "evilpaypal.com", "a.paypal.com.evil.example", "*.paypal.com"]
        {
            assert!(!name_matches(".paypal.com", name), "{name}");
        }
        assert!(name_matches("sns.amazonaws.com", "sns.amazonaws.com"));
        assert!(!name_matches("sns.amazonaws.com", "evil.sns.amazonaws.com"));
    }
}
