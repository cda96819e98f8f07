//! Why there are no keys to verify with.

use std::error::Error;
use std::sync::Arc;

use hookseal::{KeyReference, VerifyError};
use hookseal_engine::Failure;
use hookseal_engine::ports::EndpointError;

use crate::limits::{KEY_BYTES_MAX, KEYS_PER_SET_MAX, UNPROVEN_KEYS_MAX};

/// Why a key could not be had. It says nothing of the request that needs it: that may be genuine, and is to be tried
/// again by its sender.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The URL cannot be fetched from.
    #[error("the URL of the key cannot be used")]
    Url(#[source] EndpointError),
    /// The URL is not HTTPS, or its host is not one of the profile's.
    #[error("the URL of the key leads to no host that the profile trusts")]
    UntrustedHost,
    /// The key server could not be reached, or gave no whole answer.
    #[error("the key could not be fetched: {}", .0.detail)]
    Fetch(Failure),
    /// The key server answered with another status than 200. Redirects are not followed.
    #[error("the key server answered with the status {0}")]
    Status(u16),
    /// The answer is longer than keys are.
    #[error("the key server's answer is longer than {} KiB", KEY_BYTES_MAX / 1024)]
    TooLarge,
    /// The answer holds no certificate.
    #[error("the key server's answer holds no certificate in PEM")]
    NotCertificates,
    /// The answer is no key set, or holds no key among the first ones.
    #[error(
        "the key server's answer is no JSON Web Key Set, or has no key among its first {KEYS_PER_SET_MAX}"
    )]
    NotKeySet,
    /// The certificate is for none of the names that the profile trusts.
    #[error("the signing certificate is for another name than the profile's")]
    WrongName,
    /// The certificate's time has passed.
    #[error("the signing certificate has expired")]
    Expired,
    /// The certificate's time has not come.
    #[error("the signing certificate is not valid yet")]
    NotYetValid,
    /// The certificate does not lead to an authority that is trusted here.
    #[error("the signing certificate does not lead to a trusted authority: {0}")]
    Untrusted(String),
    /// The vendor gives the key to its customer alone, and there is no [`KeySupplier`](super::KeySupplier).
    #[error("the vendor gives the key to its customer alone, and nothing is set up to ask for it")]
    NoSupplier,
    /// The [`KeySupplier`](super::KeySupplier) failed.
    #[error("the key could not be had from the vendor's API")]
    Supply(#[source] Arc<SupplyError>),
    /// Too many keys of this vendor were asked for in vain.
    #[error("more than {UNPROVEN_KEYS_MAX} unknown keys of this vendor were asked for within a minute")]
    Throttled,
}

/// Why a request was not verified with fetched keys: there is a verdict on it or there is none, and nothing else.
#[derive(Debug, thiserror::Error)]
pub enum FetchedVerifyError {
    /// The request is not what it claims to be.
    #[error(transparent)]
    Refused(#[from] VerifyError),
    /// The key that it needs cannot be had, so that nothing can be said of it for now. Have it sent again.
    #[error("{needed} cannot be had")]
    Unavailable {
        /// The key.
        needed: KeyReference,
        /// Why.
        #[source]
        source: KeyError,
    },
}

/// Why a [`KeySupplier`](super::KeySupplier) has no answer, for now.
#[derive(Debug, thiserror::Error)]
#[error("the supplier failed")]
pub struct SupplyError(#[source] Box<dyn Error + Send + Sync>);

impl SupplyError {
    /// For this reason. It is shown and logged, so it holds no credentials.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}
