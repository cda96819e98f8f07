//! Contentful's canonical request, after `src/requests` of contentful/node-apps-toolkit: method, path, the headers
//! that the request lists, and the body, joined by line feeds.

use super::Values;
use crate::error::{ErrorKind, VerifyError};

const SIGNED_HEADERS: &str = "x-contentful-signed-headers";

pub(super) fn emit(values: &Values<'_>, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    write(values.request.method.as_bytes());
    write(b"\n");
    write(encoded_path(values.url()).as_bytes());
    write(b"\n");
    for (index, name) in header_names(values)?.iter().enumerate() {
        if index > 0 {
            write(b";");
        }
        write(name.as_bytes());
        write(b":");
        write(values.header(name).map_err(VerifyError::unplaced)?);
    }
    write(b"\n");
    values.reading.feed(values.request.body, write);
    Ok(())
}

/// The names in lower case, sorted; the list and the timestamp are always among them.
fn header_names(values: &Values<'_>) -> Result<Vec<String>, VerifyError> {
    let list = values.header(SIGNED_HEADERS)?;
    let list = std::str::from_utf8(list)
        .map_err(|_| VerifyError::at(ErrorKind::MalformedSignature, SIGNED_HEADERS, "the names are ASCII"))?;
    let mut names: Vec<String> = list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    for needed in [SIGNED_HEADERS, "x-contentful-timestamp"] {
        if !names.iter().any(|name| name == needed) {
            return Err(VerifyError::at(
                ErrorKind::InsufficientCoverage,
                needed,
                "the header is to be signed",
            ));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The path and query as `getNormalizedEncodedURI` writes them: the query is escaped as if it were one value, and the
/// whole is then encoded once more, so that a `%` becomes `%25`. What follows a second `?` is not signed.
fn encoded_path(url: &str) -> String {
    let mut parts = path(url).split('?');
    let mut encoded = String::new();
    escape(parts.next().unwrap_or("/"), OUTSIDE_QUERY, &mut encoded);
    if let Some(query) = parts.next().filter(|query| !query.is_empty()) {
        let mut once = String::new();
        escape(query, &[], &mut once);
        encoded.push('?');
        escape(&once, OUTSIDE_QUERY, &mut encoded);
    }
    encoded
}

/// The path and query of an absolute URL, without its fragment.
fn path(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..])
}

/// What `encodeURI` keeps beside letters, digits and [`UNRESERVED`] (ECMA-262 section 19.2.6.5).
const OUTSIDE_QUERY: &[u8] = b";,/?:@&=+$#";
/// What `encodeURIComponent` and `querystring.escape` keep beside letters and digits.
const UNRESERVED: &[u8] = b"-_.!~*'()";

/// Writes every byte but letters, digits, [`UNRESERVED`] and `kept` as `%` and two capital hexadecimal digits.
fn escape(text: &str, kept: &[u8], out: &mut String) {
    let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble & 0xf)]);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each computed with `getNormalizedEncodedURI` of contentful/node-apps-toolkit in Node.js.
    #[test]
    fn paths_are_encoded_as_the_toolkit_does() {
        for (url, expected) in [
            ("https://h.test", "/"),
            ("https://h.test/a/b", "/a/b"),
            ("https://h.test/a%20b/\u{e9};x", "/a%2520b/%C3%A9;x"),
            ("https://h.test/a?", "/a"),
            ("https://h.test/a?b=1&c=d%20e", "/a?b%253D1%2526c%253Dd%252520e"),
            ("https://h.test/a?b='(x)'+\u{1f5fc}", "/a?b%253D'(x)'%252B%25F0%259F%2597%25BC"),
            ("https://h.test/a?b?c", "/a?b"),
            ("https://h.test/a[1]?b#c", "/a%5B1%5D?b"),
        ] {
            assert_eq!(encoded_path(url), expected, "{url}");
        }
    }
}
