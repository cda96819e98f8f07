//! By what a delivery is known again.

use std::fmt;

use hookseal::{Algorithm, Flags, Request, Scheme, Verified, Verifier, VerifyError};
use sha2::{Digest, Sha256};

/// What every key is a digest of begins with this, so that it is a digest of nothing else.
const DOMAIN: &[u8] = b"hookseal replay key v1\0";

/// What a delivery is known by: a SHA-256 of the receiver's source and the signed id, or the signed content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplayKey([u8; 32]);

impl ReplayKey {
    /// A key of 32 bytes, which for different deliveries should be different and evenly spread.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The first bytes, which are enough to tell keys apart in a log.
impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey(")?;
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// Which part of a request tells deliveries apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    /// The id that the signature covers. It stays the same when the sender tries again.
    SignedId,
    /// All that the signature covers, a time among it.
    SignedContent,
    /// All that the signature covers, which has neither a time nor an id: two events that say the same are one.
    TimelessContent {
        /// Whether the body is added, as the signature does not cover it.
        with_body: bool,
    },
}

impl Identity {
    /// What tells deliveries of a scheme apart.
    pub(crate) fn of(scheme: &Scheme, flags: Flags) -> Self {
        // A token that does not name the body may be sent along with many, for as long as it is valid.
        let shared = flags.body_unsigned && matches!(scheme.algorithm(), Some(Algorithm::Jwt(_)));
        match (scheme.signs_id(), scheme.signs_time() && !shared) {
            (true, _) => Self::SignedId,
            (false, true) => Self::SignedContent,
            (false, false) => Self::TimelessContent { with_body: flags.body_unsigned },
        }
    }
}

/// The key of a verified request. `source` keeps receivers apart that share a guard.
pub(crate) fn replay_key(
    identity: Identity,
    source: &str,
    verifier: &Verifier,
    request: &Request<'_>,
    verified: &Verified<'_>,
) -> Result<ReplayKey, VerifyError> {
    let mut digest = Sha256::new_with_prefix(DOMAIN);
    // Lengths and digests of one length stand before what follows, so that no two lists of parts are the same bytes.
    digest.update((source.len() as u64).to_be_bytes());
    digest.update(source);
    match (identity, verified.id()) {
        (Identity::SignedId, Some(id)) => {
            digest.update(b"id\0");
            digest.update(id);
        }
        _ => {
            digest.update(b"content\0");
            digest.update(verifier.content_digest(request, verified)?);
            if identity == (Identity::TimelessContent { with_body: true }) {
                digest.update(request.body);
            }
        }
    }
    Ok(ReplayKey(digest.finalize().into()))
}

#[cfg(test)]
mod tests {
    use hookseal::Profile;

    use super::*;

    #[test]
    fn deliveries_are_told_apart_by_what_is_signed() {
        let timeless = |with_body| Identity::TimelessContent { with_body };
        for (name, identity) in [
            ("standard-webhooks", Identity::SignedId),
            ("aws-sns", Identity::SignedId),
            ("harbor-lockers", Identity::SignedContent),
            ("harbor-node", Identity::SignedContent),
            ("harbor-transfers", Identity::SignedContent),
            // The token that it signs with the time is there for this.
            ("mailgun", Identity::SignedId),
            // Its token names the body.
            ("plaid", Identity::SignedContent),
            ("harmon", timeless(false)),
            ("harvestr", timeless(false)),
            ("gitlab-token", timeless(true)),
            // Its token is good for an hour, and for any message.
            ("google-pubsub", timeless(true)),
        ] {
            let scheme = Profile::builtin(name).unwrap().scheme();
            assert_eq!(Identity::of(scheme, scheme.flags()), identity, "{name}");
        }
    }
}
