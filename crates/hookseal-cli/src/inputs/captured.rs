//! Requests as people log them: the first line, the headers, an empty line, and the body.

use std::path::Path;

use super::{InputError, file, headers};

/// A captured request.
pub(crate) struct Captured {
    /// The method of the first line.
    pub(crate) method: String,
    /// The URL or the path of the first line, as it is written.
    pub(crate) target: String,
    /// The header lines.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Every byte after the empty line.
    pub(crate) body: Vec<u8>,
}

/// Why a file is not a captured request. Shows nothing of it, as requests hold credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CapturedError {
    /// The first line is something else.
    #[error("the first line is not a method and a path or URL, such as `POST /hooks HTTP/1.1`")]
    FirstLine,
    /// A line before the empty one is no header.
    #[error("line {number} is not of the form `name: value`, and no empty line came before it")]
    Header {
        /// Which line, from 1.
        number: usize,
    },
}

impl Captured {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, InputError> {
        let bytes = file::body(Some(path))?;
        Self::parse(&bytes).map_err(|problem| InputError::Captured { path: path.to_owned(), problem })
    }

    /// Takes a request apart. Lines before the body end with LF or CRLF; the body is kept as it is.
    ///
    /// # Errors
    ///
    /// The first line is none of a request, or a line before the empty one is no header. Without an empty line there
    /// is no body.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CapturedError> {
        let (first, mut rest) = line(bytes);
        let (method, target) = first_line(first).ok_or(CapturedError::FirstLine)?;
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let (header, after) = line(rest);
            rest = after;
            if header.is_empty() {
                break;
            }
            let number = headers.len() + 2;
            headers.push(headers::split(header).ok_or(CapturedError::Header { number })?);
        }
        Ok(Self { method, target, headers, body: rest.to_vec() })
    }

    /// The URL as the sender probably addressed it: that of the first line, or of a path `https://`, the header
    /// `Host` and the path. Where that is not the public URL, it has to be given.
    pub(crate) fn url(&self) -> String {
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        match host.and_then(|(_, host)| str::from_utf8(host).ok()) {
            Some(host) if self.target.starts_with('/') => format!("https://{host}{}", self.target),
            _ => self.target.clone(),
        }
    }
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

fn first_line(line: &[u8]) -> Option<(String, String)> {
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let version = words.next();
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_target = target.starts_with('/') || target.contains("://");
    let is_end = version.is_none_or(|version| version.starts_with("HTTP/")) && words.next().is_none();
    (is_method && is_target && is_end).then(|| (method.to_owned(), target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_requests_apart() {
        for (text, method, url, body) in [
            (
                &b"POST /in?a=1 HTTP/1.1\r\nHost: a.test\r\nX-A: b:c \r\n\r\n{}\r\n"[..],
                "POST",
                "https://a.test/in?a=1",
                &b"{}\r\n"[..],
            ),
            (b"GET https://a.test/in\nhost: b.test\nx-a: b:c\n\n\nx", "GET", "https://a.test/in", b"\nx"),
            (b"POST /in HTTP/2\nx-a: b:c", "POST", "/in", b""),
            (b"POST /in HTTP/2\nx-a: b:c\n\n\xff\0", "POST", "/in", b"\xff\0"),
        ] {
            let captured = Captured::parse(text).unwrap();
            assert_eq!((captured.method.as_str(), captured.url().as_str()), (method, url));
            let value = captured.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-a"));
            assert_eq!((value.unwrap().1.as_slice(), captured.body.as_slice()), (&b"b:c"[..], body));
        }
    }

    #[test]
    fn says_which_line_is_none() {
        for text in [
            &b""[..],
            b"\n",
            b"{}",
            b"POST",
            b"POST hooks HTTP/1.1",
            b"x-a: b\n\n{}",
            b"HTTP/1.1 200 OK\n\n",
            b"POST /in FTP/1\n\n",
            b"P\xff /\n",
        ] {
            assert_eq!(Captured::parse(text).err(), Some(CapturedError::FirstLine), "{text:?}");
        }
        let forgotten = b"POST /in HTTP/1.1\nx-a: b\n{\"a\"}\n";
        assert_eq!(Captured::parse(forgotten).err(), Some(CapturedError::Header { number: 3 }));
    }
}
