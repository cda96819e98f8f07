//! Fetching the keys that vendors publish for their webhooks: certificates, and keys of sets.

mod cache;
mod certificate;
mod download;
mod error;
mod key_set;
mod validity;

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use hookseal::{
    CertificateUrl, ErrorKind, KeyOfApi, KeyReference, Request, Secret, Timestamp, Verified, Verifier,
};
use hookseal_engine::ports::Endpoint;
use parking_lot::Mutex;
use rustls::RootCertStore;
use rustls::crypto::WebPkiSupportedAlgorithms;

pub use error::{FetchedVerifyError, KeyError, SupplyError};

use self::cache::{Cache, Decision, Fetched, Source, Wanted};
use self::certificate::Judge;
use self::download::Download;
use self::key_set::SetKey;
use crate::dial::Dialer;
use crate::limits::{KEY_FETCH_TIMEOUT_DEFAULT, KEY_SOURCES_MAX};
use crate::transport::{TransportBuildError, TransportConfig};
use crate::{endpoint, failure, tls};

/// What a fetcher may do.
#[derive(Clone)]
pub struct KeyFetcherConfig {
    /// Where connections may go, and which authorities are trusted: those of TLS and of signing certificates alike. What
    /// it says of idle connections is not used.
    pub transport: TransportConfig,
    /// How long fetching may take.
    pub timeout: Duration,
    /// The port in place of 443: that of a gateway to which the vendors' names resolve.
    pub port: u16,
    /// Asks for keys that a vendor gives to its customer alone. Without it they cannot be had.
    pub supplier: Option<Arc<dyn KeySupplier>>,
}

impl Default for KeyFetcherConfig {
    fn default() -> Self {
        Self {
            transport: TransportConfig::default(),
            timeout: KEY_FETCH_TIMEOUT_DEFAULT,
            port: HTTPS_PORT,
            supplier: None,
        }
    }
}

const HTTPS_PORT: u16 = 443;

/// Asks a vendor's API for a key with the customer's credentials, as Plaid wants it.
///
/// What comes back is kept as fetched keys are, and unknown ids are asked for no more often.
#[async_trait]
pub trait KeySupplier: Send + Sync + 'static {
    /// The key of this id as a JSON Web Key, or nothing where the vendor says that it has none, or one that has
    /// expired.
    ///
    /// # Errors
    ///
    /// [`SupplyError`] where there is no answer for now.
    async fn key(&self, wanted: &KeyOfApi) -> Result<Option<Secret>, SupplyError>;
}

/// Keys to verify a request with, as [`Verifier::verify_with_keys`](hookseal::Verifier::verify_with_keys) takes them.
/// There is none where the vendor has no such key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Arc<[Secret]>);

/// Fetches keys over HTTPS, checks them, and keeps them for as long as they may be.
///
/// Make one and share it. What it promises:
///
/// - A connection goes only to a host that the profile trusts, at an address that is of the public internet or in a
///   network that the operator allows, over TLS with a valid certificate. Redirects are not followed.
/// - A signing certificate is for a name that the profile trusts, within its time, and leads to an authority that is
///   trusted here, unless the profile says that its vendor makes that impossible.
/// - Time, bytes, and what is kept are bounded, and so is how often a stranger can make it fetch.
/// - Requests that need the same source at the same time wait for one fetch.
///
/// ```no_run
/// # async fn example(request: hookseal::Request<'_>, now: hookseal::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// use hookseal::{Part, Profile, Verifier, VerifyOptions};
/// use hookseal_transport::{KeyFetcher, KeyFetcherConfig};
///
/// let profile = Profile::builtin("aws-sns").expect("built in");
/// let verifier = Verifier::for_fetched_keys(profile, Part::Delivery, VerifyOptions::default())?;
/// let fetcher = KeyFetcher::new(KeyFetcherConfig::default())?;
///
/// let verified = fetcher.verify(&verifier, || request, now).await?;
/// # Ok(())
/// # }
/// ```
pub struct KeyFetcher {
    dialer: Dialer,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    timeout: Duration,
    port: u16,
    supplier: Option<Arc<dyn KeySupplier>>,
    cache: Mutex<Cache>,
    /// One for each source that is being fetched.
    turns: Mutex<HashMap<Source, Weak<tokio::sync::Mutex<()>>>>,
}

impl KeyFetcher {
    /// Makes a fetcher. Reads the system's root certificates, hosts file and name servers, once.
    ///
    /// # Errors
    ///
    /// [`TransportBuildError`], which is about the extra roots of the configuration in practice.
    pub fn new(config: KeyFetcherConfig) -> Result<Self, TransportBuildError> {
        let roots = Arc::new(tls::roots(&config.transport)?);
        Ok(Self {
            dialer: Dialer::new(config.transport, Arc::clone(&roots))?,
            roots,
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms,
            timeout: config.timeout,
            port: config.port,
            supplier: config.supplier,
            cache: Mutex::default(),
            turns: Mutex::default(),
        })
    }

    /// The keys that a request needs: those that are kept, or else fetched now.
    ///
    /// # Errors
    ///
    /// [`KeyError`] where they cannot be had. That is no verdict on the request.
    pub async fn keys(&self, needed: &KeyReference, now: Timestamp) -> Result<Keys, KeyError> {
        self.find(needed, None, now).await
    }

    /// Other keys than `known`, for a request that no key of a set verifies and that names none: the vendor may have
    /// changed them. Nothing where there are no others, or the set was fetched less than
    /// [`KEY_REFETCH_PAUSE`](crate::limits::KEY_REFETCH_PAUSE) ago.
    ///
    /// # Errors
    ///
    /// As [`keys`](Self::keys).
    pub async fn newer_keys(
        &self,
        needed: &KeyReference,
        known: &Keys,
        now: Timestamp,
    ) -> Result<Option<Keys>, KeyError> {
        match needed {
            KeyReference::KeySet(key) if key.id().is_none() => {
                let keys = self.find(needed, Some(known), now).await?;
                Ok((keys != *known).then_some(keys))
            }
            _ => Ok(None),
        }
    }

    /// Verifies a request with the keys that it needs: reads which ones, fetches them where they are not kept, and once
    /// more where the vendor may have changed them since.
    ///
    /// `request` makes the request whenever it is looked at, so that it need not be one that other threads may see.
    ///
    /// # Errors
    ///
    /// [`FetchedVerifyError::Refused`] is the verdict on the request; with [`FetchedVerifyError::Unavailable`] there is
    /// none yet.
    pub async fn verify<'r>(
        &self,
        verifier: &Verifier,
        request: impl Fn() -> Request<'r>,
        now: Timestamp,
    ) -> Result<Verified<'r>, FetchedVerifyError> {
        let needed = verifier.needed_key(&request())?;
        let Some(needed) = needed else { return Ok(verifier.verify(&request(), now)?) };
        let keys = match self.keys(&needed, now).await {
            Ok(keys) => keys,
            Err(source) => return Err(FetchedVerifyError::Unavailable { needed, source }),
        };
        let outcome = verifier.verify_with_keys(&request(), now, &keys);
        match outcome {
            Err(error) if error.kind() == ErrorKind::SignatureMismatch => {
                // What stands now is that no known key made it; that newer ones cannot be had does not change it.
                match self.newer_keys(&needed, &keys, now).await {
                    Ok(Some(newer)) => Ok(verifier.verify_with_keys(&request(), now, &newer)?),
                    Ok(None) | Err(_) => Err(error.into()),
                }
            }
            outcome => Ok(outcome?),
        }
    }

    async fn find(
        &self,
        needed: &KeyReference,
        beyond: Option<&Keys>,
        now: Timestamp,
    ) -> Result<Keys, KeyError> {
        let wanted = Wanted::of(needed, beyond).ok_or(KeyError::UntrustedHost)?;
        if let Some(answer) = self.known(&wanted, now, Cache::decide) {
            return answer;
        }
        // Whoever comes while another fetches the same waits for that one, and is answered by what came of it. The lock
        // stands for the fetch itself and nothing else waits for it: what is kept already is answered meanwhile. If the
        // first one is dropped half way, the next takes its turn.
        let turn = self.turn(&wanted.source);
        let _turn = turn.lock().await;
        let decide_and_begin = |cache: &mut Cache, wanted: &Wanted<'_>, now| {
            let decision = cache.decide(wanted, now);
            if matches!(decision, Decision::Fetch) {
                cache.begin(&wanted.source, now);
            }
            decision
        };
        if let Some(answer) = self.known(&wanted, now, decide_and_begin) {
            return answer;
        }
        let fetched = self.fetch(needed, now).await;
        if let Err(error) = &fetched {
            tracing::warn!(%needed, error = %failure::chain(error), "a key could not be had");
        }
        self.remember(&wanted, fetched, now)
    }

    /// The answer, unless it takes a fetch.
    fn known(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        decide: impl FnOnce(&mut Cache, &Wanted<'_>, Timestamp) -> Decision,
    ) -> Option<Result<Keys, KeyError>> {
        match decide(&mut self.cache.lock(), wanted, now) {
            Decision::Answer(keys) => Some(Ok(keys)),
            Decision::Refuse(error) => Some(Err(error)),
            Decision::Fetch => None,
        }
    }

    fn turn(&self, source: &Source) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock();
        if let Some(turn) = turns.get(source).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= KEY_SOURCES_MAX {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(source.clone(), Arc::downgrade(&turn));
        turn
    }

    fn remember(
        &self,
        wanted: &Wanted<'_>,
        fetched: Result<Option<Fetched>, KeyError>,
        now: Timestamp,
    ) -> Result<Keys, KeyError> {
        let mut cache = self.cache.lock();
        let source = wanted.source.clone();
        match fetched {
            Ok(Some(fetched)) => {
                let keys = fetched.find(wanted.id);
                cache.keep(source, fetched, now);
                Ok(keys)
            }
            Ok(None) => {
                cache.fail(source, None, now);
                Ok(Keys::default())
            }
            Err(error) => {
                cache.fail(source, Some(error.clone()), now);
                Err(error)
            }
        }
    }

    async fn fetch(&self, needed: &KeyReference, now: Timestamp) -> Result<Option<Fetched>, KeyError> {
        match needed {
            KeyReference::Certificate(certificate) => {
                self.fetch_certificate(certificate, now).await.map(Some)
            }
            KeyReference::KeySet(key) => self.fetch_set(key.url()).await.map(Some),
            KeyReference::Api(key) => self.ask(key).await,
            _ => Err(KeyError::UntrustedHost),
        }
    }

    async fn fetch_certificate(
        &self,
        certificate: &CertificateUrl,
        now: Timestamp,
    ) -> Result<Fetched, KeyError> {
        let endpoint = self.endpoint(certificate.url())?;
        // The URL is read twice, by the library and here. Should they ever differ on its host, this one decides.
        if !certificate.trusts_host(&endpoint.host) {
            return Err(KeyError::UntrustedHost);
        }
        let download = Download::get(&self.dialer, &endpoint, self.timeout).await?;
        let judge = Judge { roots: &self.roots, algorithms: self.algorithms, now };
        let signing = judge.judge(&download.body, certificate)?;
        let keys = vec![SetKey { id: None, key: signing.key }];
        Ok(Fetched { keys, lifetime: download.lifetime, not_after: Some(signing.not_after) })
    }

    async fn fetch_set(&self, url: &str) -> Result<Fetched, KeyError> {
        let endpoint = self.endpoint(url)?;
        let download = Download::get(&self.dialer, &endpoint, self.timeout).await?;
        let keys = key_set::parse(&download.body).ok_or(KeyError::NotKeySet)?;
        Ok(Fetched { keys, lifetime: download.lifetime, not_after: None })
    }

    async fn ask(&self, wanted: &KeyOfApi) -> Result<Option<Fetched>, KeyError> {
        let supplier = self.supplier.as_ref().ok_or(KeyError::NoSupplier)?;
        let asked = tokio::time::timeout(self.timeout, supplier.key(wanted)).await;
        let asked = asked.unwrap_or_else(|elapsed| Err(SupplyError::new(elapsed)));
        let key = asked.map_err(|error| KeyError::Supply(Arc::new(error)))?;
        let held = |key| Fetched { keys: vec![SetKey { id: None, key }], lifetime: None, not_after: None };
        Ok(key.map(held))
    }

    /// Where a URL leads, which is over TLS.
    fn endpoint(&self, url: &str) -> Result<Endpoint, KeyError> {
        let endpoint = endpoint::parse(url, &self.dialer.policy).map_err(KeyError::Url)?;
        match (endpoint.tls, endpoint.port) {
            (false, _) => Err(KeyError::UntrustedHost),
            (true, HTTPS_PORT) => Ok(Endpoint { port: self.port, ..endpoint }),
            (true, _) => Ok(endpoint),
        }
    }
}

impl fmt::Debug for KeyFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFetcher").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Deref for Keys {
    type Target = [Secret];

    fn deref(&self) -> &[Secret] {
        &self.0
    }
}

impl FromIterator<Secret> for Keys {
    fn from_iter<I: IntoIterator<Item = Secret>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}
