//! Verifying requests.

use std::fmt;
use std::time::Duration;

use crate::error::{SecretError, VerifyError, ErrorKind};
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::verified::Verified;

/// How closely a request has to follow its scheme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// As the vendor documents it.
    #[default]
    Strict,
    /// Also the deviations that the profile lists, and spaces or letter case where they carry no meaning.
    Compat,
}

/// How far a timestamp may be from now, in place of what the profile says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ToleranceOverride {
    /// As the profile says.
    #[default]
    Profile,
    /// Any distance: the timestamp has to be there and well formed, and is not compared.
    Off,
    /// This far in both directions, inclusive.
    Both(Duration),
    /// This far back and this far ahead, inclusive.
    Apart {
        /// How far in the past.
        past: Duration,
        /// How far in the future.
        future: Duration,
    },
}

/// The choices of a receiver. The default is strict, with the profile's tolerance and no parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerifyOptions {
    /// How closely a request has to follow its scheme.
    pub mode: Mode,
    /// The tolerance of timestamps.
    pub tolerance: ToleranceOverride,
    /// Configuration values that the scheme refers to.
    pub params: Params,
}

/// A scheme with its keys, ready to verify.
pub struct Verifier {
    _options: VerifyOptions,
}

impl Verifier {
    /// Prepares the keys.
    ///
    /// # Errors
    /// Always about configuration.
    pub fn new(_profile: &Profile, _part: Part, _secrets: &[Secret], options: VerifyOptions) -> Result<Verifier, SecretError> {
        Ok(Self { _options: options })
    }

    /// Verifies a request at the time `now`.
    ///
    /// # Errors
    /// Why it does not verify.
    pub fn verify<'r>(&self, _request: &Request<'r>, _now: Timestamp) -> Result<Verified<'r>, VerifyError> {
        Err(VerifyError::new(ErrorKind::SignatureMismatch, ""))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
