//! Verifying with the secrets that were given, or with the keys that the vendor publishes.

use hookseal::{
    KeyReference, Part, Profile, Request, Secret, SecretError, Timestamp, Verified, Verifier, VerifyError,
    VerifyOptions,
};
use hookseal_transport::{
    FetchedVerifyError, KeyError, KeyFetcher, KeyFetcherConfig, TransportBuildError, TransportConfig,
};

use crate::cli::FetchArgs;

/// Judges requests by one scheme.
pub(crate) struct Judge {
    verifier: Verifier,
    keys: Keys,
}

enum Keys {
    Given,
    Fetched(Box<KeyFetcher>),
    /// They would have to be fetched, which is not wanted.
    NotFetched,
}

/// Nothing can be judged like this.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JudgeError {
    /// A secret or a parameter is not right.
    #[error("invalid_secret")]
    Secret(#[from] SecretError),
    /// Keys cannot be fetched.
    #[error("keys cannot be fetched")]
    Fetcher(#[from] TransportBuildError),
}

/// Why a request did not verify.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not what it claims to be.
    Verdict(VerifyError),
    /// There is no key for it, so that nothing can be said of it.
    NoKey(KeyNeeded),
}

/// A key that is not there, and the way out.
#[derive(Debug, thiserror::Error)]
#[error("the request needs {needed}, {}", way_out(.needed, .source.as_ref()))]
pub(crate) struct KeyNeeded {
    needed: KeyReference,
    /// Absent where it was not asked for.
    #[source]
    source: Option<KeyError>,
}

impl Judge {
    /// Judges by the secrets, or without any by the keys that the vendor publishes, if it does.
    pub(crate) fn new(
        profile: &Profile,
        part: Part,
        secrets: &[Secret],
        options: VerifyOptions,
        fetch: &FetchArgs,
    ) -> Result<Self, JudgeError> {
        let published = profile.part(part).is_some_and(|scheme| scheme.fetches_key());
        if !secrets.is_empty() || !published {
            return Ok(Self { verifier: Verifier::new(profile, part, secrets, options)?, keys: Keys::Given });
        }
        let keys = if fetch.no_fetch { Keys::NotFetched } else { Keys::Fetched(Box::new(fetcher(fetch)?)) };
        Ok(Self { verifier: Verifier::for_fetched_keys(profile, part, options)?, keys })
    }

    /// Judges a request, which `request` makes whenever it is looked at.
    pub(crate) async fn verify<'r>(
        &self,
        request: impl Fn() -> Request<'r>,
        now: Timestamp,
    ) -> Result<Verified<'r>, Refusal> {
        match &self.keys {
            Keys::Given => self.verifier.verify(&request(), now).map_err(Refusal::Verdict),
            Keys::Fetched(fetcher) => {
                fetcher.verify(&self.verifier, request, now).await.map_err(Refusal::from)
            }
            Keys::NotFetched => match self.verifier.needed_key(&request()) {
                Ok(Some(needed)) => Err(Refusal::NoKey(KeyNeeded { needed, source: None })),
                Ok(None) => self.verifier.verify(&request(), now).map_err(Refusal::Verdict),
                Err(error) => Err(Refusal::Verdict(error)),
            },
        }
    }
}

fn fetcher(fetch: &FetchArgs) -> Result<KeyFetcher, TransportBuildError> {
    let transport =
        TransportConfig { allow_networks: fetch.allow_networks.clone(), ..TransportConfig::default() };
    KeyFetcher::new(KeyFetcherConfig { transport, ..KeyFetcherConfig::default() })
}

impl From<FetchedVerifyError> for Refusal {
    fn from(error: FetchedVerifyError) -> Self {
        match error {
            FetchedVerifyError::Refused(error) => Self::Verdict(error),
            FetchedVerifyError::Unavailable { needed, source } => {
                Self::NoKey(KeyNeeded { needed, source: Some(source) })
            }
        }
    }
}

fn way_out(needed: &KeyReference, source: Option<&KeyError>) -> &'static str {
    match (needed, source) {
        (KeyReference::Api(_), _) => {
            "which the vendor gives to its customer alone; ask for it and give its JSON Web Key with --secret"
        }
        (_, None) => {
            "which --no-fetch keeps from being fetched; give it with --secret-file, or leave that out"
        }
        (_, Some(_)) => "which could not be had; try again, or give it with --secret-file",
    }
}
