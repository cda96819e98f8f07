//! Keys that a receiver does not have: those that vendors publish, and change when they like.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use hookseal::{KeyReference, Secret};

/// Where a receiver has the keys from that requests name: a certificate by its URL (Amazon SNS, PayPal), or a key by its
/// id (fal.ai, Google Pub/Sub, Plaid).
///
/// The library reads the reference from the request and checks it against the profile's hosts. To fetch what it names
/// opens a connection because a stranger asked for it, so the one who fetches bounds sizes, times and how often, checks
/// certificates, and keeps what was found. `KeyFetcher` of `hookseal-transport` does all that.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The keys that `reference` stands for, as the profile's key pipeline reads them or as JSON Web Keys. None where
    /// there is no such key, in which case the request does not verify.
    ///
    /// # Errors
    /// The keys cannot be had at the moment. The sender is asked to send again.
    async fn keys(&self, reference: &KeyReference) -> Result<Vec<Secret>, KeySourceError>;
}

/// The keys that a request names cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the key of the request cannot be had")]
pub struct KeySourceError(#[source] pub Box<dyn Error + Send + Sync>);

#[async_trait]
impl<K: KeySource + ?Sized> KeySource for Arc<K> {
    async fn keys(&self, reference: &KeyReference) -> Result<Vec<Secret>, KeySourceError> {
        K::keys(self, reference).await
    }
}
