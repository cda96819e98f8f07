//! What goes back, and what is left to do.

use std::fmt;

use crate::secret::Secret;

/// An answer: a status, headers and a body, ready to be sent.
///
/// No header holds a line break or another control character, and `x-content-type-options: nosniff` is always there,
/// so that text which was sent in and comes back is never taken for a page.
///
/// `Debug` shows neither values of headers nor the body: a handshake may hold a secret that is given back.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status code, 200 to 299.
    pub status: u16,
    /// The header lines, names in lower case, each once.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
    /// What the handshake is not complete without.
    pub action: Option<Action>,
}

/// What the caller, or a person, has to do for a handshake to be complete. The library does none of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Fetch this URL once, which confirms the subscription. Its host is one of the profile's.
    Fetch {
        /// An `https` URL.
        url: String,
    },
    /// Keep this as the secret of the subscription: events will be signed with it.
    Store {
        /// The secret.
        secret: Secret,
    },
    /// Show this to a person, who confirms it with the vendor before it is kept as the secret. Anybody can have sent
    /// it.
    Confirm {
        /// The secret.
        secret: Secret,
    },
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("action", &self.action)
            .finish()
    }
}

impl Answer {
    /// The value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(line, _)| line == name).map(|(_, value)| value.as_str())
    }
}
