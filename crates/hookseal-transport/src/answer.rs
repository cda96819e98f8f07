//! Reading an answer in HTTP/1.1 (RFC 9112), as pure functions over the bytes that came: its head, and where its body
//! ends. What a sender cannot be sure of is refused, since the next answer on the connection would be the wrong one.

use std::{mem::MaybeUninit, ops::Range};

use http::{Method, StatusCode, Version};
use httparse::{ParserConfig, Status};

use hookseal_engine::limits::RESPONSE_HEAD_BYTES_MAX;

use crate::limits::RESPONSE_HEADERS_MAX;

/// Why what came is no answer in HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The head has more bytes or headers than are read.
    #[error("the head is too long")]
    HeadTooLong,
    /// The head is not one, for this reason.
    #[error("{0}")]
    Head(&'static str),
    /// It is a frame of HTTP/2.
    #[error("it is HTTP/2")]
    Http2,
    /// The body is not framed as it should be, for this reason.
    #[error("{0}")]
    Body(&'static str),
}

/// The head of an answer, in the buffer that it came in.
pub(crate) struct Head<'a> {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    headers: &'a [httparse::Header<'a>],
    /// Its bytes, the empty line included.
    length: usize,
}

impl<'a> Head<'a> {
    /// Names, as they came, and values, in their order.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone + use<'a> {
        self.headers.iter().map(|header| (header.name, header.value))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The members of a comma-separated list, in all headers of this name.
    fn members(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    }
}

/// What a head says of what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// Bytes of the head.
    pub(crate) head: usize,
    /// Whether it is an interim answer (RFC 9110 section 15.2), which another one follows.
    pub(crate) is_interim: bool,
    /// How its body ends.
    pub(crate) body: Framing,
    /// Whether another request may follow on the connection.
    pub(crate) keeps: bool,
}

/// Reads a head from the beginning of what came, shows it to `see` if it is whole, and says what follows it. `None`
/// while there is more to come.
pub(crate) fn read_head(
    input: &[u8],
    method: &Method,
    see: impl FnOnce(&Head<'_>, &Framed),
) -> Result<Option<Framed>, Malformed> {
    let mut headers = [MaybeUninit::uninit(); RESPONSE_HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, input, &mut headers);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= RESPONSE_HEAD_BYTES_MAX => length,
        Ok(Status::Partial) if input.len() <= RESPONSE_HEAD_BYTES_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Malformed::HeadTooLong),
        Err(error) => return Err(not_a_head(input, error)),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let head = Head {
        version: if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 },
        status: status.ok_or(Malformed::Head("the status is not one of 100 to 999"))?,
        headers: response.headers,
        length,
    };
    let framed = framed(&head, method)?;
    see(&head, &framed);
    Ok(Some(framed))
}

/// The bytes of the empty lines before a head. Some senders end what came before with one too many; they are taken in by
/// themselves, so that whoever sends nothing else has none of them read twice.
pub(crate) fn empty_lines(input: &[u8]) -> usize {
    let mut rest = input;
    while let [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] = rest {
        rest = after;
    }
    input.len() - rest.len()
}

fn not_a_head(input: &[u8], error: httparse::Error) -> Malformed {
    use httparse::Error as E;
    // A server that speaks nothing but HTTP/2 begins with a SETTINGS frame on stream 0 (RFC 9113 section 3.4).
    if let [0, 0, _, 4, _, 0, 0, 0, 0, ..] = input {
        return Malformed::Http2;
    }
    Malformed::Head(match error {
        E::Version => "it does not begin with `HTTP/1.1`",
        E::Status | E::Token => "its status line is not one",
        E::HeaderName => "the name of a header holds what no name may",
        E::HeaderValue => "the value of a header holds what no value may",
        E::NewLine => "a line of its head does not end as it should",
        E::TooManyHeaders => "it has too many headers",
    })
}

/// How the body is framed (RFC 9112 section 6.3), and whether the connection is kept (section 9.3).
fn framed(head: &Head<'_>, method: &Method) -> Result<Framed, Malformed> {
    let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
    let has_none = head.status.is_informational()
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || method == Method::HEAD;
    let coded = head.members("transfer-encoding").last();
    let body = if has_none {
        Framing::Length(0)
    } else if let Some(coding) = coded {
        if head.version == Version::HTTP_10 {
            return Err(Malformed::Head("HTTP/1.0 knows no `transfer-encoding`"));
        }
        // Where the last coding is another one, nothing but the end of the connection is the end of the body.
        if coding.eq_ignore_ascii_case(b"chunked") {
            Framing::Chunked(Chunks::BEGIN)
        } else {
            Framing::UntilClose
        }
    } else {
        content_length(head)?.map_or(Framing::UntilClose, Framing::Length)
    };
    let says =
        |word: &str| head.members("connection").any(|member| member.eq_ignore_ascii_case(word.as_bytes()));
    let may_stay = if head.version == Version::HTTP_10 { says("keep-alive") } else { true };
    // With both a length and a coding, somebody on the way may have seen another end than this side does.
    let is_ambiguous = coded.is_some() && head.values("content-length").next().is_some();
    let keeps = may_stay && !says("close") && !switches && !is_ambiguous && body != Framing::UntilClose;
    Ok(Framed { head: head.length, is_interim: head.status.is_informational() && !switches, body, keeps })
}

/// The length of the body, where it is given. It may be given several times if it is the same each time.
fn content_length(head: &Head<'_>) -> Result<Option<u64>, Malformed> {
    let mut length = None;
    for member in head.members("content-length") {
        let is_number = !member.is_empty() && member.iter().all(u8::is_ascii_digit);
        let number =
            std::str::from_utf8(member).ok().filter(|_| is_number).and_then(|text| text.parse().ok());
        let number = number.ok_or(Malformed::Head("its `content-length` is not a number"))?;
        if length.is_some_and(|length| length != number) {
            return Err(Malformed::Head("it has two different values of `content-length`"));
        }
        length = Some(number);
    }
    Ok(length)
}

/// How a body ends, and how far it has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes more.
    Length(u64),
    /// With the last of its chunks (RFC 9112 section 7.1).
    Chunked(Chunks),
    /// With the connection.
    UntilClose,
}

/// What stands next in the bytes that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A part of the body.
    Data(Range<usize>),
    /// Nothing any more; all that came was framing.
    Nothing,
    /// The end of the body, after so many bytes.
    End(usize),
}

impl Framing {
    /// What stands next in `input`, which begins where the last part ended.
    pub(crate) fn next(&mut self, input: &[u8]) -> Result<Next, Malformed> {
        match self {
            Self::Length(0) => Ok(Next::End(0)),
            Self::Length(left) => Ok(part(left, 0, input)),
            Self::UntilClose if input.is_empty() => Ok(Next::Nothing),
            Self::UntilClose => Ok(Next::Data(0..input.len())),
            Self::Chunked(chunks) => chunks.next(input),
        }
    }

    /// Whether the body is whole if the connection ends here.
    pub(crate) fn ends_with_connection(&self) -> bool {
        *self == Self::UntilClose
    }

    /// The bytes that are still to come, as far as that is known.
    pub(crate) fn expected(&self) -> u64 {
        if let Self::Length(left) = self { *left } else { 0 }
    }
}

/// As many bytes as there are from `at`, but no more than are left.
fn part(left: &mut u64, at: usize, input: &[u8]) -> Next {
    let there = input.len() - at;
    let taken = usize::try_from(*left).map_or(there, |left| left.min(there));
    *left -= taken as u64;
    if taken == 0 { Next::Nothing } else { Next::Data(at..at + taken) }
}

/// How far a body in chunks has been read. Lines end in CR LF and in nothing else: what is lenient here could be made to
/// see another end than whatever stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// In the digits of a size.
    Size { size: u64, digits: bool },
    /// In what follows a size on its line.
    Extension { size: u64 },
    /// Before the LF behind a size.
    SizeEnd { size: u64 },
    /// Before so many bytes of data, and the CR behind them.
    Data(u64),
    /// Before the LF behind data.
    DataLf,
    /// At the beginning of a line of the trailer.
    Trailer,
    /// In a line of the trailer.
    TrailerLine,
    /// Before the LF of a line of the trailer.
    TrailerLf,
    /// Before the very last LF.
    LastLf,
    /// At the end.
    Done,
}

impl Chunks {
    const BEGIN: Self = Self::Size { size: 0, digits: false };

    fn next(&mut self, input: &[u8]) -> Result<Next, Malformed> {
        for (at, byte) in input.iter().enumerate() {
            match self {
                Self::Data(left) if *left > 0 => return Ok(part(left, at, input)),
                Self::Done => return Ok(Next::End(at)),
                _ => *self = self.after(*byte)?,
            }
        }
        Ok(if *self == Self::Done { Next::End(input.len()) } else { Next::Nothing })
    }

    /// The state after one byte of framing.
    fn after(self, byte: u8) -> Result<Self, Malformed> {
        let wrong = |what| Err(Malformed::Body(what));
        Ok(match (self, byte) {
            (Self::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if size >> 60 != 0 {
                    return wrong("the size of a chunk is beyond every bound");
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size { size: size << 4 | u64::from(digit), digits: true }
            }
            (Self::Size { size, digits: true } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { size, digits: true }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Size { .. }, _) => return wrong("the size of a chunk is not a hexadecimal number"),
            (Self::Extension { .. } | Self::Trailer | Self::TrailerLine, b'\n') => {
                return wrong("a line ends without CR");
            }
            (Self::Extension { size }, _) => Self::Extension { size },
            (Self::SizeEnd { size: 0 } | Self::TrailerLf, b'\n') => Self::Trailer,
            (Self::SizeEnd { size }, b'\n') => Self::Data(size),
            (Self::Data(_), b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::BEGIN,
            (Self::Trailer, b'\r') => Self::LastLf,
            (Self::TrailerLine, b'\r') => Self::TrailerLf,
            (Self::Trailer | Self::TrailerLine, _) => Self::TrailerLine,
            (Self::LastLf, b'\n') => Self::Done,
            (Self::Data(_) | Self::DataLf, _) => return wrong("a chunk is longer than its size says"),
            (Self::SizeEnd { .. } | Self::TrailerLf | Self::LastLf, _) => return wrong("a CR stands alone"),
            (Self::Done, _) => Self::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a head says of what follows it, to a `POST`.
    fn framing(head: &str) -> Result<Option<Framed>, Malformed> {
        read_head(head.as_bytes(), &Method::POST, |_, _| {})
    }

    fn whole(head: &str) -> Framed {
        let framed = framing(head).unwrap_or_else(|error| panic!("{head:?}: {error}"));
        framed.unwrap_or_else(|| panic!("{head:?} is whole"))
    }

    #[test]
    fn a_body_ends_as_its_head_says() {
        let chunked = || Framing::Chunked(Chunks::BEGIN);
        let table = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Framing::Length(5), true),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\ncontent-length: 5\r\n\r\n",
                Framing::Length(5),
                true,
            ),
            ("HTTP/1.1 200\r\ncontent-length: 5\r\nConnection: x, Close\r\n\r\n", Framing::Length(5), false),
            ("HTTP/1.1 204 X\r\ncontent-length: 5\r\n\r\n", Framing::Length(0), true),
            ("HTTP/1.1 304 X\r\ntransfer-encoding: chunked\r\n\r\n", Framing::Length(0), true),
            ("HTTP/1.1 101 X\r\nupgrade: x\r\n\r\n", Framing::Length(0), false),
            ("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n", Framing::Length(5), false),
            (
                "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 5\r\n\r\n",
                Framing::Length(5),
                true,
            ),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n", chunked(), true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", chunked(), false),
        ];
        for (head, body, keeps) in table {
            let framed = whole(head);
            assert_eq!((framed.head, framed.is_interim), (head.len(), false), "{head:?}");
            assert_eq!((framed.body, framed.keeps), (body, keeps), "{head:?}");
        }
        let to_head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let framed = read_head(to_head.as_bytes(), &Method::HEAD, |_, _| {}).unwrap().unwrap();
        assert_eq!((framed.body, framed.keeps), (Framing::Length(0), true));
        assert!(whole("HTTP/1.1 103 X\r\nlink: x\r\n\r\n").is_interim);
    }

    #[test]
    fn a_head_that_is_none_is_refused_with_the_reason() {
        let table = [
            ("SSH-2.0-OpenSSH\r\n", "does not begin with"),
            ("HTTP/2.0 200 OK\r\n\r\n", "does not begin with"),
            ("\0\0\x12\x04\0\0\0\0\0\0\x03", "HTTP/2"),
            ("HTTP/1.1 2x0 OK\r\n\r\n", "status line"),
            ("HTTP/1.1 099 OK\r\n\r\n", "100 to 999"),
            ("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "name of a header"),
            ("HTTP/1.1 200 OK\r\nx : y\r\n\r\n", "name of a header"),
            ("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", "value of a header"),
            ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "not a number"),
            ("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n", "not a number"),
            ("HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n", "not a number"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", "not a number"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n", "two different values"),
            ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/1.0 knows no"),
        ];
        for (head, words) in table {
            let error = framing(head).expect_err(head).to_string();
            assert!(error.contains(words), "{head:?}: {error}");
        }
        let many = "x: y\r\n".repeat(RESPONSE_HEADERS_MAX);
        assert!(framing(&format!("HTTP/1.1 204 X\r\n{many}\r\n")).is_ok());
        assert_eq!(framing(&format!("HTTP/1.1 204 X\r\nz: y\r\n{many}\r\n")), Err(Malformed::HeadTooLong));
        let long = format!("HTTP/1.1 204 X\r\nx: {}", "y".repeat(RESPONSE_HEAD_BYTES_MAX));
        assert_eq!(framing(&long), Err(Malformed::HeadTooLong));
        assert_eq!(framing(&format!("{long}\r\n\r\n")), Err(Malformed::HeadTooLong));
    }

    type BodyAndRest = (Vec<u8>, Vec<u8>);

    #[test]
    fn empty_lines_before_a_head_are_none_of_it() {
        let table =
            [("", 0), ("HTTP", 0), ("\n", 1), ("\r", 0), ("\r\n\n\r\nHTTP\r\n", 5), ("\n\r\rHTTP", 1)];
        for (input, length) in table {
            assert_eq!(empty_lines(input.as_bytes()), length, "{input:?}");
        }
    }

    /// The body that comes in these pieces, and the bytes after its end; `None` where it does not end.
    fn read(mut framing: Framing, pieces: &[&[u8]]) -> Result<Option<BodyAndRest>, Malformed> {
        let (mut body, mut waiting) = (Vec::new(), Vec::new());
        for piece in pieces {
            waiting.extend_from_slice(piece);
            loop {
                match framing.next(&waiting)? {
                    Next::Data(range) => {
                        body.extend_from_slice(&waiting[range.clone()]);
                        waiting.drain(..range.end);
                    }
                    Next::End(length) => {
                        let at = pieces.iter().position(|other| std::ptr::eq(*other, *piece)).unwrap();
                        let rest = [&waiting[length..], &pieces[at + 1..].concat()].concat();
                        return Ok(Some((body, rest)));
                    }
                    Next::Nothing => {
                        waiting.clear();
                        break;
                    }
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        let chunks = |text: &str| read(Framing::Chunked(Chunks::BEGIN), &[text.as_bytes()]);
        assert_eq!(
            chunks("2;x=\"y\"\r\nok\r\n0 \r\nx: y\r\n\r\nrest"),
            Ok(Some((b"ok".into(), b"rest".into())))
        );
        assert_eq!(chunks("2\r\nok\r\n0\r\n\r"), Ok(None));
        let wrong = [
            "\r\n",
            ";\r\n",
            "g\r\n",
            "-1\r\n",
            "0x2\r\nok\r\n",
            "2\nok\r\n",
            "2\r\nok\n",
            "2\r\nokay\r\n",
            "2\rok",
            "2;a\nok",
            "0\r\n\n",
            "0\r\nx: y\n",
            "0\r\n\rx",
            "10000000000000000\r\n",
        ];
        for text in wrong {
            assert!(matches!(chunks(text), Err(Malformed::Body(_))), "{text:?}: {:?}", chunks(text));
        }
    }

    /// The same bytes in pieces that end at these places.
    fn pieces<'a>(bytes: &'a [u8], ends: &[prop::sample::Index]) -> Vec<&'a [u8]> {
        let mut ends: Vec<_> = ends.iter().map(|end| end.index(bytes.len() + 1)).collect();
        ends.extend([0, bytes.len()]);
        ends.sort_unstable();
        ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_in_whatever_pieces_it_comes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            extension in "(;[ -~]{0,9})?", trailer in "([a-z]{1,9}: [ -~]{0,9}\r\n)?", rest: Vec<u8>,
            ends: Vec<prop::sample::Index>,
        ) {
            let mut framed = Vec::new();
            for chunk in &chunks {
                framed.extend(format!("{:X}{extension}\r\n", chunk.len()).into_bytes());
                framed.extend([chunk, &b"\r\n"[..]].concat());
            }
            framed.extend(format!("0{extension}\r\n{trailer}\r\n").into_bytes());
            framed.extend(&rest);
            let body = chunks.concat();
            let whole = Ok(Some((body.clone(), rest.clone())));
            prop_assert_eq!(read(Framing::Chunked(Chunks::BEGIN), &pieces(&framed, &ends)), whole.clone());
            let counted = [&body[..], &rest].concat();
            prop_assert_eq!(read(Framing::Length(body.len() as u64), &pieces(&counted, &ends)), whole);
        }

        #[test]
        fn nothing_makes_it_panic_and_a_beginning_is_not_an_error_that_the_whole_is_not(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "(HTTP/1[.][01] )?[0-9 ]{0,5}\r?\n?((content-length|transfer-encoding|connection|x): ?[ -~]{0,8}\r?\n){0,4}\r?\n"
                    .prop_map(String::into_bytes),
            ],
            ends: Vec<prop::sample::Index>,
        ) {
            let head = |bytes: &[u8]| read_head(bytes, &Method::POST, |head, _| assert!(head.headers().count() < 200));
            if let Ok(Some(framed)) = head(&bytes) {
                prop_assert!(framed.head <= bytes.len());
                for end in 0..framed.head {
                    prop_assert_eq!(head(&bytes[..end]), Ok(None));
                }
            }
            let in_pieces = read(Framing::Chunked(Chunks::BEGIN), &pieces(&bytes, &ends));
            prop_assert_eq!(in_pieces, read(Framing::Chunked(Chunks::BEGIN), &[&bytes]));
        }
    }
}
