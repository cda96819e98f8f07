//! Signing messages.

use std::fmt;

use crate::error::{SecretError, SignError};
use crate::message::Message;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::secret::Secret;
use crate::signed_headers::SignedHeaders;

/// A scheme with its keys, ready to sign.
pub struct Signer {
}

impl Signer {
    /// Prepares the keys; the newest secret comes first.
    ///
    /// # Errors
    /// Always about configuration.
    pub fn new(_profile: &Profile, _part: Part, _secrets: &[Secret], _params: &Params) -> Result<Signer, SecretError> {
        Ok(Self {})
    }

    /// A signer that writes nothing.
    ///
    /// # Errors
    /// The profile does not allow it.
    pub fn unsigned(_profile: &Profile) -> Result<Signer, SecretError> {
        Ok(Self {})
    }

    /// Appends the headers.
    ///
    /// # Errors
    /// A value cannot be written.
    pub fn sign(&self, _message: &Message<'_>, _out: &mut SignedHeaders) -> Result<(), SignError> {
        Ok(())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}
