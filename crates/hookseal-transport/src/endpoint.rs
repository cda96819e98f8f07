//! Reading an endpoint's URL.
//!
//! Strict where the WHATWG rules are lenient, since what is accepted here is read by other programs too: no
//! backslashes, no spaces, no percent-encoded hosts. As they do, a host that ends in a number is an IPv4 address in any
//! of its spellings (`2130706433`, `0x7f.1`, `0177.0.0.1`), because that is how lenient resolvers would take it; and an
//! international name is brought into its ASCII form first, since full-width digits become digits by that.
//!
//! So no spelling reaches a resolver that was not understood here: a host is an address that was checked, or a name
//! that no notation of addresses fits.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hookseal_engine::limits::ENDPOINT_URL_CHARS_MAX;
use hookseal_engine::ports::{Endpoint, EndpointError};
use http::HeaderValue;
use http::uri::PathAndQuery;
use idna::AsciiDenyList;
use rustls::pki_types::ServerName;

use crate::address::AddressPolicy;
use crate::resolve;

use EndpointError::Malformed;

const DNS_NAME_BYTES_MAX: usize = 253; // RFC 1035 section 2.3.4, as text
const DNS_LABEL_BYTES_MAX: usize = 63; // RFC 1035 section 2.3.4

/// Reads and checks an endpoint's URL, as far as that goes without the network.
pub(crate) fn parse(url: &str, policy: &AddressPolicy) -> Result<Endpoint, EndpointError> {
    check_characters(url)?;
    let (tls, rest) = split_scheme(url)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (host, port) = split_authority(authority)?;
    let port = match port {
        Some(port) => parse_port(port)?,
        None if tls => 443,
        None => 80,
    };
    let host = Host::parse(host)?;
    host.check(tls, policy)?;
    Ok(Endpoint {
        tls,
        authority: host.authority(tls, port)?,
        host: host.into_text(),
        port,
        path_and_query: parse_target(target)?,
        own_tls: None,
    })
}

/// A host, which is a name or an address, and the port if there is one; checked for their form alone.
pub(crate) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), EndpointError> {
    check_characters(authority)?;
    let (host, port) = split_authority(authority)?;
    Ok((Host::parse(host)?.into_text(), port.map(parse_port).transpose()?))
}

fn check_characters(url: &str) -> Result<(), EndpointError> {
    const { assert!(ENDPOINT_URL_CHARS_MAX == 2048, "the refusal names it") };
    if url.len() > ENDPOINT_URL_CHARS_MAX {
        return Err(Malformed("it is longer than 2048 characters"));
    }
    for byte in url.bytes() {
        match byte {
            0..=b' ' | 0x7f => return Err(Malformed("it holds a space or a control character")),
            b'\\' => return Err(Malformed("it holds a backslash")),
            b'#' => return Err(Malformed("a fragment (`#...`) is never sent; leave it out")),
            _ => {}
        }
    }
    Ok(())
}

/// Whether TLS is spoken, and what follows `://`.
fn split_scheme(url: &str) -> Result<(bool, &str), EndpointError> {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((true, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((false, rest)),
        Some((scheme, _)) if is_scheme(scheme) => Err(EndpointError::Scheme),
        _ => Err(Malformed("it does not begin with `https://`")),
    }
}

/// Host, with brackets where it has them, and port.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    if authority.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    let host_end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    if rest.is_empty() {
        return Ok((host, None));
    }
    match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => Err(Malformed("an IPv6 address needs brackets around it")),
        Some(port) => Ok((host, Some(port))),
        None => Err(Malformed("after `]` only a port may follow")),
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port @ 1..) if is_number => Ok(port),
        _ => Err(Malformed("the port must be a number from 1 to 65535")),
    }
}

fn parse_target(target: &str) -> Result<PathAndQuery, EndpointError> {
    if !target.is_ascii() {
        return Err(Malformed("it holds a character beyond ASCII; percent-encode the path and query"));
    }
    let from_root = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    PathAndQuery::try_from(from_root)
        .map_err(|_| Malformed("the path or query holds a character that must be percent-encoded"))
}

enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    fn parse(text: &str) -> Result<Self, EndpointError> {
        if let Some(bracketed) = text.strip_prefix('[') {
            return parse_ipv6(bracketed.strip_suffix(']').unwrap_or(bracketed)).map(Self::Address);
        }
        let text = to_ascii(text)?;
        let text = text.strip_suffix('.').unwrap_or(&text);
        if text.is_empty() {
            return Err(Malformed("the host is missing"));
        }
        if ends_in_a_number(text) {
            let address =
                parse_ipv4(text).ok_or(Malformed("the host ends in a number, and is not an IPv4 address"))?;
            return Ok(Self::Address(IpAddr::V4(address)));
        }
        check_name(text)?;
        Ok(Self::Name(text.to_owned()))
    }

    fn check(&self, tls: bool, policy: &AddressPolicy) -> Result<(), EndpointError> {
        match self {
            Self::Address(address) if !policy.admits(*address) => {
                Err(EndpointError::AddressNotAllowed(*address))
            }
            Self::Address(address) if !tls && !policy.admits_plain_http(*address) => {
                Err(EndpointError::PlainHttp)
            }
            Self::Name(name) => check_name_with(name, tls, policy),
            Self::Address(_) => Ok(()),
        }
    }

    /// The value of the `host` header.
    fn authority(&self, tls: bool, port: u16) -> Result<HeaderValue, EndpointError> {
        let host = match self {
            Self::Name(name) => name.clone(),
            Self::Address(IpAddr::V4(address)) => address.to_string(),
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        let is_default_port = port == if tls { 443 } else { 80 };
        let text = if is_default_port { host } else { format!("{host}:{port}") };
        HeaderValue::try_from(text).map_err(|_| Malformed("the host is not a DNS name"))
    }

    fn into_text(self) -> String {
        match self {
            Self::Name(name) => name,
            Self::Address(address) => address.to_string(),
        }
    }
}

/// What a name's resolution will need and can be said now: a network for plain `http`, and loopback for `localhost`.
fn check_name_with(name: &str, tls: bool, policy: &AddressPolicy) -> Result<(), EndpointError> {
    if let Some(loopback) = resolve::localhost(name)
        && !loopback.iter().any(|address| policy.admits(*address))
    {
        return Err(EndpointError::AddressNotAllowed(loopback[0]));
    }
    if !tls && !policy.allows_any_network() {
        return Err(EndpointError::PlainHttp);
    }
    Ok(())
}

/// A host in lower case and ASCII (WHATWG URL, "domain to ASCII": UTS 46, not transitional). Names in their `xn--` form
/// go the same way, so that one which stands for nothing is refused.
fn to_ascii(host: &str) -> Result<Cow<'_, str>, EndpointError> {
    if host.contains('%') {
        return Err(Malformed("the host must be written without percent-encoding"));
    }
    let lower = host.to_ascii_lowercase();
    if lower.is_ascii() && !lower.contains("xn--") {
        return Ok(Cow::Owned(lower));
    }
    idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::URL)
        .map_err(|_| Malformed("the host is not a valid international name"))
}

fn parse_ipv6(text: &str) -> Result<IpAddr, EndpointError> {
    if text.contains('%') {
        return Err(Malformed("an IPv6 zone means something on one machine only"));
    }
    let address: Ipv6Addr =
        text.parse().map_err(|_| Malformed("what is in brackets is not an IPv6 address"))?;
    Ok(IpAddr::V6(address))
}

/// Whether a host, in lower case, is to be read as an IPv4 address (WHATWG URL, "ends in a number checker").
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let is_decimal = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    // Also one that is too large for any address: nothing that looks like a number is a name.
    let is_hex = last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    is_decimal || is_hex
}

/// Reads one to four parts, the last of which fills what the others leave (WHATWG URL, "IPv4 parser", and `inet_aton`).
fn parse_ipv4(host: &str) -> Option<Ipv4Addr> {
    let mut bits = 0_u64;
    let mut parts = host.split('.').peekable();
    for place in 0..4 {
        let part = parse_ipv4_part(parts.next()?)?;
        let width = 8 * (4 - place);
        if parts.peek().is_none() {
            let address = (part < 1 << width).then_some(bits << width | part)?;
            return u32::try_from(address).ok().map(Ipv4Addr::from_bits);
        }
        bits = (part < 256).then_some(bits << 8 | part)?;
    }
    None
}

/// Reads a part of an IPv4 address: decimal, octal after `0`, hexadecimal after `0x`.
fn parse_ipv4_part(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
        None => (part, 10),
    };
    let is_number = digits.bytes().all(|b| char::from(b).is_digit(radix));
    is_number.then(|| u64::from_str_radix(digits, radix).ok())?
}

fn check_name(name: &str) -> Result<(), EndpointError> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !name.bytes().all(is_allowed) {
        return Err(Malformed("the host holds a character that no DNS name has"));
    }
    let is_label = |label: &str| (1..=DNS_LABEL_BYTES_MAX).contains(&label.len());
    if name.len() > DNS_NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Err(Malformed("the host has an empty part, or is too long for a DNS name"));
    }
    // What certificates can be checked against is narrower still, such as no label that ends in a hyphen.
    match ServerName::try_from(name) {
        Ok(ServerName::DnsName(_)) => Ok(()),
        _ => Err(Malformed("the host is not a DNS name")),
    }
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    fn policy(allowed: &[&str]) -> AddressPolicy {
        let allowed: Vec<IpNet> = allowed.iter().map(|n| n.parse().unwrap()).collect();
        AddressPolicy::new(&allowed, &[])
    }

    fn refusal(url: &str) -> String {
        parse(url, &policy(&[])).expect_err(url).to_string()
    }

    #[track_caller]
    fn accepts(url: &str, authority: &str, host: &str, port: u16, target: &str) {
        let endpoint = parse(url, &policy(&[])).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(endpoint.tls);
        assert_eq!(endpoint.authority, authority);
        assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
        assert_eq!(endpoint.path_and_query.as_str(), target);
    }

    #[test]
    fn reads_what_is_usual() {
        accepts("https://example.com", "example.com", "example.com", 443, "/");
        accepts("HTTPS://EXAMPLE.Com./Hook?A=b&c", "example.com", "example.com", 443, "/Hook?A=b&c");
        accepts("https://example.com:8443/a%20b", "example.com:8443", "example.com", 8443, "/a%20b");
        accepts("https://example.com:443?q", "example.com", "example.com", 443, "/?q");
        accepts("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", 443, "/");
        accepts("https://my_service.example/", "my_service.example", "my_service.example", 443, "/");
        accepts("https://1.1.1.1/", "1.1.1.1", "1.1.1.1", 443, "/");
        accepts("https://134744072:99/", "8.8.8.8:99", "8.8.8.8", 99, "/");
        accepts("https://[2606:4700::1111]/", "[2606:4700::1111]", "2606:4700::1111", 443, "/");
        accepts(
            "https://[2606:4700:0:0:0:0:0:1111]:8443/x",
            "[2606:4700::1111]:8443",
            "2606:4700::1111",
            8443,
            "/x",
        );
        accepts("https://127.0.0.1.nip.example/", "127.0.0.1.nip.example", "127.0.0.1.nip.example", 443, "/");
        accepts("https://example.com/a/../b", "example.com", "example.com", 443, "/a/../b");
        accepts("https://example.com/p@q:r", "example.com", "example.com", 443, "/p@q:r");
    }

    #[test]
    fn an_address_in_any_spelling_is_that_address() {
        let loopback = [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7F.1",
            "0X7f.0.0.1",
            "0177.0.0.1",
            "0177.0.0.01",
            "0177.0x0.0.0x1",
            "127.0x.0.1",
            "00000177.0.0.1",
        ];
        for host in loopback {
            let error = parse(&format!("https://{host}/"), &policy(&[])).expect_err(host);
            assert_eq!(error, EndpointError::AddressNotAllowed(Ipv4Addr::LOCALHOST.into()), "{host}");
            let endpoint = parse(&format!("http://{host}/"), &policy(&["127.0.0.0/8"])).expect(host);
            assert_eq!(endpoint.host, "127.0.0.1", "{host}");
            assert_eq!(endpoint.authority, "127.0.0.1", "{host}");
        }
        let others = [
            ("0", "0.0.0.0"),
            ("0x", "0.0.0.0"),
            ("0.0.0.0", "0.0.0.0"),
            ("10.1", "10.0.0.1"),
            ("0xa9fea9fe", "169.254.169.254"),
            ("2852039166", "169.254.169.254"),
            ("169.254.43518", "169.254.169.254"),
            ("0251.0376.0251.0376", "169.254.169.254"),
            ("192.168.257", "192.168.1.1"),
            ("4294967295", "255.255.255.255"),
            ("[::1]", "::1"),
            ("[::]", "::"),
            ("[0:0:0:0:0:0:0:1]", "::1"),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
            ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
            ("[::127.0.0.1]", "::127.0.0.1"),
            ("[64:ff9b::127.0.0.1]", "64:ff9b::7f00:1"),
            ("[2002:7f00:1::]", "2002:7f00:1::"),
            ("[fe80::1]", "fe80::1"),
            ("[FD00:EC2::254]", "fd00:ec2::254"),
        ];
        for (host, address) in others {
            let error = parse(&format!("https://{host}/"), &policy(&[])).expect_err(host);
            assert_eq!(error, EndpointError::AddressNotAllowed(address.parse().unwrap()), "{host}");
        }
    }

    #[test]
    fn what_ends_in_a_number_and_is_no_address_is_refused() {
        let hosts = [
            "256.0.0.1",
            "127.0.0.256",
            "1.2.3.4.5",
            "127.0.0.08",
            "127.0.0.09",
            "4294967296",
            "0x100000000",
            "1.2.3.4.0",
            "99999999999999999999999",
            "example.0x7f",
            "example.1",
            "1..1",
            ".1",
            "127.0.0.1..",
            "0x7g.1",
            "1.0x1000000000000000000",
        ];
        for host in hosts {
            let url = format!("https://{host}/");
            let outcome = parse(&url, &policy(&["0.0.0.0/0"]));
            assert!(matches!(outcome, Err(Malformed(_))), "{host}: {outcome:?}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        let cases = [
            ("", "does not begin with"),
            ("example.com/hook", "does not begin with"),
            ("//example.com", "does not begin with"),
            ("https:/example.com", "does not begin with"),
            ("example.com/?u=http://a", "does not begin with"),
            ("ftp://example.com", "must be `https`"),
            ("file:///etc/passwd", "must be `https`"),
            ("https://", "host is missing"),
            ("https:///path", "host is missing"),
            ("https://./", "host is missing"),
            ("https://:443/", "host is missing"),
            ("https://user@example.com/", "user name or password"),
            ("https://u:p@example.com/", "user name or password"),
            ("https://example.com@127.0.0.1/", "user name or password"),
            ("https://example.com\\@127.0.0.1/", "backslash"),
            ("https://example.com/#top", "fragment"),
            ("https://example.com#@127.0.0.1/", "fragment"),
            ("https://exa mple.com/", "space or a control"),
            ("https://example.com/\r\nx", "space or a control"),
            ("https://example.com/\t", "space or a control"),
            (" https://example.com/", "space or a control"),
            ("https://example.com/ü", "percent-encode the path"),
            ("https://１２７.0.0.1/", "127.0.0.1 is not allowed"),
            ("https://xn--a.example/", "not a valid international name"),
            ("https://%31%32%37.0.0.1/", "without percent-encoding"),
            ("https://exa%6dple.com/", "without percent-encoding"),
            ("https://a,b/", "character that no DNS name has"),
            ("https://a..b/", "empty part"),
            ("https://.a/", "empty part"),
            ("https://-a-.example/", "not a DNS name"),
            ("https://example.com:/", "port must be"),
            ("https://example.com:0/", "port must be"),
            ("https://example.com:65536/", "port must be"),
            ("https://example.com:+443/", "port must be"),
            ("https://example.com:44a/", "port must be"),
            ("https://::1/", "needs brackets"),
            ("https://[::1/", "needs brackets"),
            ("https://[fe80::1%25eth0]/", "zone"),
            ("https://[fe80::1%eth0]/", "zone"),
            ("https://[::1]x/", "only a port may follow"),
            ("https://[::1].example/", "only a port may follow"),
            ("https://[127.0.0.1]/", "not an IPv6 address"),
            ("https://a]/", "character that no DNS name has"),
            ("http://example.com/", "use `https`"),
            ("http://8.8.8.8/", "use `https`"),
            ("http://10.0.0.1/", "10.0.0.1 is not allowed"),
            ("https://localhost/", "127.0.0.1 is not allowed"),
            ("https://LOCALHOST./", "127.0.0.1 is not allowed"),
            ("https://api.localhost/", "127.0.0.1 is not allowed"),
        ];
        for (url, words) in cases {
            let refusal = refusal(url);
            assert!(refusal.contains(words), "{url}: {refusal}");
        }
        assert!(refusal(&format!("https://{}.example/", "a".repeat(64))).contains("too long"));
        assert!(refusal(&format!("https://{}example/", "a.".repeat(128))).contains("too long"));
        assert!(refusal(&format!("https://example.com/{}", "a".repeat(2048))).contains("2048"));
    }

    #[test]
    fn plain_http_needs_an_allowed_network() {
        let policy = policy(&["10.0.0.0/8"]);
        assert!(parse("http://10.1.2.3/", &policy).is_ok());
        assert!(parse("http://receiver:8080/", &policy).is_ok());
        assert_eq!(parse("http://8.8.8.8/", &policy), Err(EndpointError::PlainHttp));
        assert_eq!(
            parse("http://localhost/", &policy),
            Err(EndpointError::AddressNotAllowed(Ipv4Addr::LOCALHOST.into()))
        );
    }

    /// A judgement of its own on what lenient resolvers (`inet_aton`) could take for an address: up to four parts, each
    /// of which looks like a number.
    fn is_surely_a_name(host: &str) -> bool {
        let looks_like_a_number = |part: &str| {
            let digits = part.strip_prefix("0x").unwrap_or(part);
            part.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|b| b.is_ascii_hexdigit())
                && (part.starts_with("0x") || digits.bytes().all(|b| b.is_ascii_digit()))
        };
        host.is_ascii()
            && !host.contains([':', '[', ']', '%', '@', '/', '\\'])
            && !host.split('.').all(looks_like_a_number)
            && host != "localhost"
            && !host.ends_with(".localhost")
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,64}", host in "\\PC{0,32}", tail in "\\PC{0,16}") {
            drop(parse(&text, &policy(&[])));
            drop(parse(&format!("https://{host}{tail}"), &policy(&[])));
            drop(parse(&format!("http://{host}:{tail}/{text}"), &policy(&["0.0.0.0/0", "::/0"])));
        }

        #[test]
        fn a_host_is_an_allowed_address_or_no_address_in_any_notation(
            host in "[0-9a-fxX.:\\[\\]０-９．。①②⑦²ⓧlochst\u{ad}-]{1,24}",
            tail in "[ -~]{0,8}",
        ) {
            if let Ok(endpoint) = parse(&format!("https://{host}{tail}"), &policy(&[])) {
                match endpoint.host.parse::<IpAddr>() {
                    Ok(address) => prop_assert!(policy(&[]).admits(address), "{address}"),
                    Err(_) => prop_assert!(is_surely_a_name(&endpoint.host), "{}", endpoint.host),
                }
            }
        }

        #[test]
        fn every_spelling_of_an_address_is_read_as_it(bits: u32) {
            let [a, b, c, d] = bits.to_be_bytes();
            let spellings = [
                format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}"), format!("{a}.{}", bits & 0xff_ffff),
                format!("{a:#x}.{b}.{}", bits & 0xffff), format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            ];
            for spelling in spellings {
                prop_assert_eq!(parse_ipv4(&spelling), Some(Ipv4Addr::from_bits(bits)), "{}", spelling);
            }
        }
    }
}
