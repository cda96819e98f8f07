//! The request that checks an endpoint before events are sent to it.

use std::sync::Arc;

use super::StatusSet;
use crate::scheme::Scheme;

/// A challenge: a signed request with a body of its own, and what counts as the answer to it.
#[derive(Debug)]
pub struct Challenge {
    pub(super) scheme: Arc<Scheme>,
    /// The body before and after the token.
    pub(super) body: (String, String),
    pub(super) headers: Vec<(String, String)>,
    pub(super) success: StatusSet,
}

impl Challenge {
    /// The scheme that signs it.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The body with this token, which is letters, digits, `_` and `-` alone and needs no escaping then.
    pub fn body(&self, token: &str) -> Vec<u8> {
        [self.body.0.as_str(), token, self.body.1.as_str()].concat().into_bytes()
    }

    /// The headers that are sent beside the signature, the names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The status codes that answer the challenge.
    pub fn success(&self) -> &StatusSet {
        &self.success
    }
}
