//! Words for what goes wrong between request and answer.

use std::error::Error;
use std::io;

use hookseal_engine::limits::RESPONSE_HEAD_BYTES_MAX;
use hookseal_engine::{Failure, FailureKind};

use crate::socket::AnswerTooLong;
use crate::tls;

/// What an error of the HTTP connection means for an attempt, where an answer had begun or not.
pub(crate) fn of_exchange(error: &hyper::Error, has_answered: bool) -> Failure {
    if let Some(io) = io_source(error) {
        return of_io(io, has_answered);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return closed(has_answered);
    }
    let detail = if error.is_parse_too_large() {
        format!(
            "the answer's head is longer than {} KiB or has more than 100 headers",
            RESPONSE_HEAD_BYTES_MAX / 1024
        )
    } else if error.is_parse_version_h2() {
        "the endpoint speaks HTTP/2 without having agreed to it".to_owned()
    } else {
        format!("what came back is not HTTP/1.1: {}", chain(error))
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
        // These are hyper's own words on a body that is not framed as it should be.
        K::InvalidData | K::InvalidInput | K::Other => {
            Failure::new(FailureKind::Protocol, format!("the answer's body is not valid HTTP/1.1: {error}"))
        }
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

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        source = error.source();
    }
    None
}
