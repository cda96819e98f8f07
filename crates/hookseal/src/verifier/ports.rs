//! The same URL with another port: senders and proxies do not agree on whether the usual one is written.

/// The other ways to write the port of an absolute URL: without the one that it has, or with the usual one of its scheme
/// where it has none. After `validate` of twilio-python, which takes a signature over either.
pub(super) fn variants(url: &str) -> impl Iterator<Item = String> {
    let other = url.split_once("://").map(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // The colons of an IPv6 address stand within brackets.
        let host_end = authority.rfind([']', '@']).map_or(0, |at| at + 1);
        match authority[host_end..].rfind(':') {
            Some(colon) => format!("{scheme}://{}{path}", &authority[..host_end + colon]),
            None => {
                let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
                format!("{scheme}://{authority}:{port}{path}")
            }
        }
    });
    other.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_off_or_the_usual_one_is_put_on() {
        for (url, expected) in [
            ("https://h.test/a?b=c:d", "https://h.test:443/a?b=c:d"),
            ("http://h.test", "http://h.test:80"),
            ("https://h.test:1234/a", "https://h.test/a"),
            ("https://user:word@h.test/a", "https://user:word@h.test:443/a"),
            ("https://[::1]:8443/", "https://[::1]/"),
            ("https://[::1]/", "https://[::1]:443/"),
        ] {
            assert_eq!(variants(url).collect::<Vec<_>>(), [expected]);
        }
        assert_eq!(variants("/a").count(), 0);
    }
}
