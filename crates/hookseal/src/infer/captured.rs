//! A request as somebody logged it.

use std::fmt;

use crate::request::{Line, Request};

/// A captured request. Unlike a [`Request`] it can say which headers it has.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured {
    /// The method, such as `POST`.
    pub method: String,
    /// The URL as the sender addressed it, with scheme and host; empty where it is not known.
    pub url: String,
    /// The header lines in their order, as name and value.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes of the body as they came.
    pub body: Vec<u8>,
}

impl Captured {
    /// The request as the verifier reads it.
    pub fn request(&self) -> Request<'_> {
        Request { method: &self.method, url: &self.url, headers: &self.headers, body: &self.body }
    }

    /// The value of a header that stands once and is not empty, trimmed. `name` is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        match self.request().line(name) {
            Line::One(value) => Some(value),
            Line::Absent | Line::Several => None,
        }
    }
}

/// The size alone: headers hold credentials, and bodies what concerns nobody else.
impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
