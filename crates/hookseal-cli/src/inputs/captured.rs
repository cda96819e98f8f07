use std::path::Path;

use super::{InputError, file::bounded, headers::split};
use crate::limits;

/// A request as it was logged: request line, header lines, an empty line, and the body's exact bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Captured {
    /// The method.
    pub(crate) method: String,
    /// The target of the request line: a path and query, or a whole URL.
    pub(crate) target: String,
    /// The header lines as name and value.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Everything after the first empty line.
    pub(crate) body: Vec<u8>,
}

/// Reads a captured request. Lines end with CRLF or LF; the HTTP version may be missing.
pub(crate) fn captured(path: &Path) -> Result<Captured, InputError> {
    let bytes = bounded(path, limits::BODY_FILE_BYTES_MAX)?;
    Captured::parse(&bytes).map_err(|line| InputError::Captured { path: path.to_owned(), line })
}

impl Captured {
    /// The number of the line that is not right, from 1, where there is one.
    fn parse(mut rest: &[u8]) -> Result<Self, usize> {
        let request_line = str::from_utf8(next_line(&mut rest).unwrap_or_default()).map_err(|_| 1_usize)?;
        let mut words = request_line.split_ascii_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(1) };
        let version = words.next().is_none_or(|version| version.starts_with("HTTP/"));
        let is_method = method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        if !version || !is_method || words.next().is_some() {
            return Err(1);
        }
        let mut headers = Vec::new();
        while let Some(line) = next_line(&mut rest).filter(|line| !line.is_empty()) {
            headers.push(split(line).ok_or(headers.len() + 2)?);
        }
        Ok(Self { method: method.to_owned(), target: target.to_owned(), headers, body: rest.to_vec() })
    }

    /// The URL as the sender addressed it, as far as the request says: its target, with `https` and the header `Host`
    /// before it where the target is a path.
    pub(crate) fn url(&self) -> String {
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        match host.and_then(|(_, value)| str::from_utf8(value).ok()) {
            Some(host) if self.target.starts_with('/') => format!("https://{host}{}", self.target),
            _ => self.target.clone(),
        }
    }
}

/// Takes a line off the front, without its end.
fn next_line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let line = &rest[..end.unwrap_or(rest.len())];
    *rest = end.map_or(&[][..], |end| &rest[end + 1..]);
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_either_line_end_and_keeps_the_body_as_it_is() {
        for head in [
            "POST /in?a=1 HTTP/1.1\r\nHost: h.test\r\nX-A: b\r\n\r\n",
            "POST /in?a=1\nHost: h.test\nX-A: b\n\n",
        ] {
            let captured = Captured::parse(&[head.as_bytes(), b"\n{}\r\n\xff"].concat()).unwrap();
            assert_eq!((&*captured.method, &*captured.url()), ("POST", "https://h.test/in?a=1"));
            assert_eq!(captured.headers[1], ("X-A".to_owned(), b"b".to_vec()));
            assert_eq!(captured.body, b"\n{}\r\n\xff");
        }
    }

    #[test]
    fn the_body_and_the_empty_line_may_be_missing() {
        for text in ["GET https://h.test/ HTTP/2", "GET https://h.test/\n", "GET https://h.test/\n\n"] {
            let captured = Captured::parse(text.as_bytes()).unwrap();
            assert_eq!((&*captured.url(), captured.body.len()), ("https://h.test/", 0));
        }
    }

    #[test]
    fn says_which_line_is_wrong() {
        for (text, line) in [
            ("", 1),
            ("\n", 1),
            ("POST", 1),
            ("{\"a\": 1}", 1),
            ("POST / HTTP/1.1 x", 1),
            ("POST / SMTP/1", 1),
            ("\u{ff}", 1),
            ("POST / HTTP/1.1\nx-a\n\n", 2),
            ("POST / HTTP/1.1\nx-a: b\n: c\n\n", 3),
        ] {
            assert_eq!(Captured::parse(text.as_bytes()), Err(line), "{text:?}");
        }
    }
}
