//! URLs and methods that may have been signed in place of the request's.

use std::sync::Arc;

use super::question::Question;
use super::trial::{Change, Edit};
use super::{Code, Finding, names};
use crate::scheme::{Canonical, Piece, Scheme, Value};

/// Most parts of a URL that differ at once.
const MAX_DIFFERENCES: usize = 3;

/// Headers in which proxies keep the host that the sender named.
const HOST_HEADERS: [&str; 3] = ["host", "x-forwarded-host", "x-original-host"];

const METHODS: [&str; 5] = ["POST", "GET", "PUT", "PATCH", "DELETE"];

/// The changes to the URL and the method, the likeliest first.
pub(super) fn changes(question: &Question<'_>, scheme: &Arc<Scheme>) -> Vec<Change> {
    let covers = |value: &Value| scheme.covers(value);
    let canonical = |known: &Canonical| scheme.content.contains(&Piece::Value(Value::Canonical(*known)));
    let other = [Canonical::Contentful, Canonical::Rfc9421].iter().any(canonical);
    let mut changes = Vec::new();
    if covers(&Value::Url) || other {
        changes.extend(urls(question));
    }
    if covers(&Value::Method) || other {
        changes.extend(methods(question.request.method));
    }
    changes
}

fn methods(own: &str) -> Vec<Change> {
    let lower = own.to_ascii_lowercase();
    let others = METHODS.into_iter().chain([lower.as_str()]).filter(|method| *method != own);
    others
        .map(|method| {
            let sentence = format!("The signature is right for the method `{method}`. Verify with the method by which the request came, as it is written in its first line.");
            let finding = Finding::new(Code::MethodDiffers, sentence).with("signed", method);
            Change::one(finding, Edit::Method(method.to_owned()))
        })
        .collect()
}

/// A URL in its parts, each as it is written.
#[derive(Clone, PartialEq)]
struct Url {
    scheme: String,
    host: String,
    /// With its colon.
    port: String,
    path: String,
    /// With its question mark.
    query: String,
}

impl Url {
    /// Takes a URL apart; of a path alone the host is taken from the request.
    fn read(text: &str, host: Option<&str>) -> Option<Self> {
        let text = text.split('#').next().unwrap_or("");
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if text.starts_with('/') => return Self::read(&format!("https://{}{text}", host?), None),
            None => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = split_port(authority);
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Some(Self {
            scheme: scheme.into(),
            host: host.into(),
            port: port.into(),
            path: path.into(),
            query: query.into(),
        })
    }

    fn text(&self) -> String {
        [&self.scheme, "://", &self.host, &self.port, &self.path, &self.query].concat()
    }
}

/// The host and, with its colon, the port.
fn split_port(authority: &str) -> (&str, &str) {
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match authority.rfind(':') {
        Some(at) if digits(&authority[at + 1..]) => authority.split_at(at),
        _ => (authority, ""),
    }
}

/// A URL in which one part has another form, and what that is.
type Variant = (Url, Finding);

/// The other forms of one part.
type Part = fn(&Url, &[String]) -> Vec<Variant>;

const PARTS: [Part; 5] = [schemes, other_hosts, ports, paths, queries];

fn urls(question: &Question<'_>) -> Vec<Change> {
    let given = question.options.params.text("url").unwrap_or(question.request.url);
    let hosts = hosts(question);
    let Some(url) = Url::read(given, hosts.first().map(String::as_str)) else { return Vec::new() };
    let mut variants = vec![(url.clone(), Vec::new())];
    for part in PARTS {
        let mut more = Vec::new();
        for (url, findings) in variants.iter().filter(|(_, findings)| findings.len() < MAX_DIFFERENCES) {
            let with = |finding: Finding| findings.iter().cloned().chain([finding]).collect();
            more.extend(part(url, &hosts).into_iter().map(|(url, finding)| (url, with(finding))));
        }
        variants.extend(more);
    }
    variants.sort_by_key(|(_, findings)| findings.len());
    let whole = "The signature is that of the whole URL, and what was verified is another text: the path alone, or with a fragment. Verify with the URL as the sender has it configured.";
    let whole = Change::one(Finding::new(Code::UrlHost, whole), Edit::Url(url.text()));
    let differs = variants.into_iter().filter(|(_, findings)| !findings.is_empty());
    let changes = differs.map(|(url, findings)| Change { findings, edits: vec![Edit::Url(url.text())] });
    (url.text() != given).then_some(whole).into_iter().chain([path_only(&url)]).chain(changes).collect()
}

fn hosts(question: &Question<'_>) -> Vec<String> {
    let values = HOST_HEADERS.iter().filter_map(|name| names::value(&question.request, name));
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    texts.map(str::to_owned).collect()
}

fn schemes(url: &Url, _: &[String]) -> Vec<Variant> {
    let (other, own) = if url.scheme == "https" { ("http", "https") } else { ("https", "http") };
    let sentence = format!(
        "The signature is that of the URL with `{other}`, and it was verified with `{own}`. Behind a proxy that ends TLS the application sees `http`: configure the public URL."
    );
    let finding = Finding::new(Code::UrlScheme, sentence).with("signed", other);
    vec![(Url { scheme: other.to_owned(), ..url.clone() }, finding)]
}

fn other_hosts(url: &Url, hosts: &[String]) -> Vec<Variant> {
    let www = url.host.strip_prefix("www.").map_or_else(|| format!("www.{}", url.host), str::to_owned);
    let named = hosts.iter().map(|host| split_port(host).0.to_owned());
    let mut others: Vec<String> = Vec::new();
    for host in named.chain([url.host.to_ascii_lowercase(), www]) {
        if host != url.host && !others.contains(&host) {
            others.push(host);
        }
    }
    let sentence = "The signature is that of the URL with another host: another name of the same machine, or the one in a `Host` or `X-Forwarded-Host` header. Configure the public URL exactly as the sender has it.";
    let variant = |host| (Url { host, ..url.clone() }, Finding::new(Code::UrlHost, sentence));
    others.into_iter().map(variant).collect()
}

fn ports(url: &Url, _: &[String]) -> Vec<Variant> {
    let default = if url.scheme == "http" { ":80" } else { ":443" };
    let words = |port: &str| match port {
        "" => "without the port".to_owned(),
        port => format!("with `{port}` written out"),
    };
    let variant = |port: &str| {
        let sentence = format!(
            "The signature is that of the URL {}. Configure the public URL exactly as the sender has it.",
            words(port)
        );
        (Url { port: port.to_owned(), ..url.clone() }, Finding::new(Code::UrlPort, sentence))
    };
    ["", default].into_iter().filter(|port| *port != url.port).map(variant).collect()
}

fn paths(url: &Url, _: &[String]) -> Vec<Variant> {
    let (slashed, words) = match url.path.strip_suffix('/') {
        Some(without) => (without.to_owned(), "without the slash"),
        None => (format!("{}/", url.path), "with a slash"),
    };
    let sentence = format!(
        "The signature is that of the URL {words} at the end of its path. Configure the public URL exactly as the sender has it."
    );
    let slashed = (Url { path: slashed, ..url.clone() }, Finding::new(Code::UrlTrailingSlash, sentence));
    let encoded = encodings(&url.path).into_iter().map(|path| (Url { path, ..url.clone() }, encoding()));
    [slashed].into_iter().chain(encoded).collect()
}

fn queries(url: &Url, _: &[String]) -> Vec<Variant> {
    if url.query.is_empty() {
        return Vec::new();
    }
    let sentence = "The signature is that of the URL without its query. Configure the public URL exactly as the sender has it.";
    let without = (Url { query: String::new(), ..url.clone() }, Finding::new(Code::UrlQuery, sentence));
    let encoded = encodings(&url.query).into_iter().map(|query| (Url { query, ..url.clone() }, encoding()));
    [without].into_iter().chain(encoded).collect()
}

/// A part with its characters escaped in other ways.
fn encodings(part: &str) -> Vec<String> {
    let decoded = crate::document::percent_decode(part.replace('+', "%2B").as_bytes());
    let others =
        [Some(part.replace("%20", "+")), Some(part.replace('+', "%20")), String::from_utf8(decoded).ok()];
    others.into_iter().flatten().filter(|other| other != part).collect()
}

fn encoding() -> Finding {
    Finding::new(
        Code::UrlEncoding,
        "The signature is that of the URL with another percent-encoding. Something parsed the URL and wrote it again: verify with the text that the sender called.",
    )
}

fn path_only(url: &Url) -> Change {
    let sentence = "The signature is that of the path and the query alone, and the profile signs the whole URL. Sign the URL with its scheme and host.";
    Change::one(
        Finding::new(Code::UrlPathOnly, sentence),
        Edit::Url([url.path.as_str(), &url.query].concat()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart_and_puts_them_together() {
        for text in [
            "https://a.test",
            "http://a.test:80/",
            "https://a.test/b?c=d:1",
            "https://[::1]:8080/x",
            "https://[::1]?q",
        ] {
            assert_eq!(Url::read(text, None).unwrap().text(), text);
        }
        assert_eq!(Url::read("/in?a=1", Some("a.test")).unwrap().text(), "https://a.test/in?a=1");
        assert_eq!(Url::read("https://a.test:8443/in", None).unwrap().port, ":8443");
        assert!(Url::read("", Some("a.test")).is_none());
        assert!(Url::read("/in", None).is_none());
    }
}
