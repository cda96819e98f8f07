//! Words for what goes wrong between request and answer.

use std::error::Error;
use std::io;

use hookseal_engine::limits::RESPONSE_HEAD_BYTES_MAX;
use hookseal_engine::{Failure, FailureKind};

use crate::answer::Malformed;
use crate::limits::RESPONSE_HEADERS_MAX;
use crate::link::Unanswered;
use crate::socket::AnswerTooLong;
use crate::tls;

/// What an exchange in HTTP/1.1 that came to no whole answer means for an attempt, where an answer had begun or not.
pub(crate) fn of_exchange(error: &Unanswered, has_answered: bool) -> Failure {
    let malformed = match error {
        Unanswered::Io(error) => return of_io(error, has_answered),
        Unanswered::Closed => return closed(has_answered),
        Unanswered::Malformed(malformed) => malformed,
    };
    let detail = match malformed {
        Malformed::HeadTooLong => {
            let bound = RESPONSE_HEAD_BYTES_MAX / 1024;
            format!(
                "the answer's head is longer than {bound} KiB or has more than {RESPONSE_HEADERS_MAX} headers"
            )
        }
        Malformed::Http2 => "the endpoint speaks HTTP/2 without having agreed to it".to_owned(),
        Malformed::Head(why) => format!("what came back is not HTTP/1.1: {why}"),
        Malformed::Body(why) => format!("the answer's body is not valid HTTP/1.1: {why}"),
    };
    Failure::new(FailureKind::Protocol, detail)
}

/// What an error of a shared connection, which speaks HTTP/2, means for an attempt. What its socket noted goes before.
pub(crate) fn of_shared_exchange(error: &h2::Error, has_answered: bool) -> Failure {
    if let Some(io) = error.get_io() {
        return of_io(io, has_answered);
    }
    let reason = error.reason().map_or_else(String::new, |reason| format!(": {}", reason.description()));
    let when = when(has_answered);
    let (kind, detail) = if !error.is_remote() {
        let bound = RESPONSE_HEAD_BYTES_MAX / 1024;
        let detail = format!("what came back is not HTTP/2, or its head is longer than {bound} KiB: {error}");
        (FailureKind::Protocol, detail)
    } else if error.is_go_away() {
        (FailureKind::Connection, format!("the endpoint took leave of the connection {when}{reason}"))
    } else {
        (FailureKind::Connection, format!("the endpoint reset the request {when}{reason}"))
    };
    Failure::new(kind, detail)
}

/// An error and what led to it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}

fn of_io(error: &io::Error, has_answered: bool) -> Failure {
    use io::ErrorKind as K;
    if let Some(failure) = tls::tls_failure(error) {
        return failure;
    }
    if let Some(too_long) = error.get_ref().and_then(|inner| inner.downcast_ref::<AnswerTooLong>()) {
        return Failure::new(FailureKind::ResponseTooLarge, too_long.to_string());
    }
    match error.kind() {
        K::UnexpectedEof => closed(has_answered),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Failure::new(
            FailureKind::Connection,
            format!("the endpoint reset the connection {}", when(has_answered)),
        ),
        _ => Failure::new(
            FailureKind::Connection,
            format!("the connection failed {}: {error}", when(has_answered)),
        ),
    }
}

fn closed(has_answered: bool) -> Failure {
    Failure::new(
        FailureKind::Connection,
        format!("the endpoint closed the connection {}", when(has_answered)),
    )
}

fn when(has_answered: bool) -> &'static str {
    if has_answered { "before its answer was whole" } else { "without an answer" }
}
