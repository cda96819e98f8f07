//! Why a handshake is not answered.

/// Why a request that is a handshake gets no answer. For the log of the receiver: names of headers and fields come
/// from the profile, and nothing of the request is in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeRefusal {
    /// It has to be signed, and is not, or not by us.
    #[error("the request has to verify first")]
    NotVerified,
    /// It brings a secret, and the subscription has one.
    #[error("the subscription is not pending: it has a secret")]
    NotPending,
    /// A value stands twice, is too long, or holds what an answer cannot carry.
    #[error("`{place}` stands more than once, is too long, or is not plain text")]
    Unusable {
        /// The value.
        place: String,
    },
    /// A value is not what the profile allows there.
    #[error("`{place}` does not have the form that the profile allows")]
    Form {
        /// The value.
        place: String,
    },
    /// A value is not the configured one.
    #[error("`{place}` is not the configured value")]
    Mismatch {
        /// The value.
        place: String,
    },
    /// The URL to be fetched is not on a host of the profile.
    #[error("`{place}` is not an https URL on a host of the profile")]
    UntrustedUrl {
        /// The value.
        place: String,
    },
    /// What the answer needs is not configured. A mistake of the receiver's configuration, not of the request.
    #[error("{name} is needed to answer and not configured")]
    Unconfigured {
        /// What is needed.
        name: String,
    },
}

impl HandshakeRefusal {
    /// The status to answer with, beside an empty body: 401 where a signature is missing, and 404 for all else
    /// (W3C WebSub section 5.3.1), so that it tells nothing more.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotVerified => 401,
            _ => 404,
        }
    }

    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotVerified => "handshake_not_verified",
            Self::NotPending => "handshake_not_pending",
            Self::Unusable { .. } => "handshake_unusable",
            Self::Form { .. } => "handshake_form",
            Self::Mismatch { .. } => "handshake_mismatch",
            Self::UntrustedUrl { .. } => "handshake_untrusted_url",
            Self::Unconfigured { .. } => "handshake_unconfigured",
        }
    }
}
