//! Verifying requests.

mod check;
mod content;
mod dictionary;
mod extract;
mod grammar;
#[cfg(feature = "explain")]
mod inspect;
mod key_url;
mod needed_key;
mod ports;
mod token;

#[cfg(feature = "explain")]
pub(crate) use inspect::Inspection;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::body::BodyReading;
use crate::error::{SecretError, VerifyError};
use crate::key::Key;
use crate::limits::MAX_VERIFYING_SECRETS;
use crate::params::Params;
use crate::profile::{Part, Profile};
use crate::request::Request;
use crate::scheme::{Algorithm, AlgorithmRule, ClaimValue, DigestKind, Flags, Piece, Scheme, Value};
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
///
/// Make one for each source and keep it: the keys are decoded and their first blocks hashed here. It is `Send` and
/// `Sync`, and shows nothing of the keys.
///
/// ```
/// use hookseal::{Part, Profile, Request, Secret, Timestamp, Verifier, VerifyOptions};
///
/// let profile = Profile::builtin("harvestr").expect("built in");
/// let secrets = [Secret::new("harvestr-secret-token-fake")];
/// let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default())?;
///
/// let signature = "154790b4c527ca72f4bf349f2fb7a7babdd32b282a42291538283b8ad18b4a20";
/// let headers = [("X-Harvestr-Webhook-Signature", signature)];
/// let request = Request { method: "POST", url: "https://app.example/hooks", headers: &headers, body: b"" };
///
/// let verified = verifier.verify(&request, Timestamp::from_unix_seconds(1_750_000_000))?;
/// assert_eq!(verified.body(), b"");
/// assert!(verified.flags().replayable);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Verifier {
    scheme: Arc<Scheme>,
    keys: Vec<KeySet>,
    mode: Mode,
    past: Option<Duration>,
    future: Option<Duration>,
    params: Params,
    flags: Flags,
    /// Whether the delivery id is a part of what is signed; as the next, asked of the scheme once and not each time.
    covers_id: bool,
    /// Whether the body is a list of items that are each signed.
    covers_items: bool,
}

/// The keys of one secret: one for each algorithm that the scheme allows.
struct KeySet(Vec<(Algorithm, Key)>);

impl Verifier {
    /// Prepares the keys of a part of a profile. Any of the secrets may match; the order does not matter to the
    /// outcome, and [`Verified::matched_secret`] counts in it.
    ///
    /// # Errors
    /// Always about configuration: no secret, one that is empty, cannot be decoded or is of another kind, a missing
    /// parameter, or a part that the profile does not have.
    pub fn new(
        profile: &Profile,
        part: Part,
        secrets: &[Secret],
        options: VerifyOptions,
    ) -> Result<Verifier, SecretError> {
        let scheme = Arc::clone(profile.part(part).ok_or(SecretError::NoSuchPart)?);
        let keys = prepare_keys(&scheme, secrets)?;
        check_params(&scheme, &options.params)?;
        Ok(Self::assemble(scheme, keys, options))
    }

    /// Verifies a request at the time `now`.
    ///
    /// The order is: grammar, signature over every candidate, and only then the clock.
    ///
    /// # Errors
    /// [`VerifyError::kind`] says why. Tell the sender nothing but that it failed: the reasons help a forger.
    pub fn verify<'r>(&self, request: &Request<'r>, now: Timestamp) -> Result<Verified<'r>, VerifyError> {
        if self.keys.is_empty() && self.scheme.fetches_key() {
            return Err(needed_key::no_key());
        }
        check::Verification::new(self, request, &self.keys).run(now)
    }

    fn assemble(scheme: Arc<Scheme>, keys: Vec<KeySet>, options: VerifyOptions) -> Self {
        let (past, future) = options.tolerance.bounds(&scheme);
        let flags = flags(&scheme, options.mode, past);
        let (covers_id, covers_items) = (scheme.covers_id(), scheme.covers_items());
        let (mode, params) = (options.mode, options.params);
        Self { scheme, keys, mode, past, future, params, flags, covers_id, covers_items }
    }

    /// What a verification by this verifier does not prove, in its mode.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// How far in the past a timestamp may lie, inclusive; `None` is any distance, or no timestamp at all.
    pub fn past(&self) -> Option<Duration> {
        self.past
    }

    /// How far in the future a timestamp may lie, inclusive; `None` is any distance, or no timestamp at all.
    pub fn future(&self) -> Option<Duration> {
        self.future
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("algorithm", &self.scheme.algorithm)
            .field("mode", &self.mode)
            .field("secrets", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl ToleranceOverride {
    fn bounds(self, scheme: &Scheme) -> (Option<Duration>, Option<Duration>) {
        match self {
            Self::Off => (None, None),
            Self::Both(both) => (Some(both), Some(both)),
            Self::Apart { past, future } => (Some(past), Some(future)),
            Self::Profile => scheme.timestamp.as_ref().map_or((None, None), |rule| (rule.past, rule.future)),
        }
    }
}

fn prepare_keys(scheme: &Scheme, secrets: &[Secret]) -> Result<Vec<KeySet>, SecretError> {
    // Nothing is compared, so a secret that is given is not looked at.
    if matches!(scheme.algorithm, AlgorithmRule::Fixed(Algorithm::None)) {
        return Ok(Vec::new());
    }
    if secrets.is_empty() {
        return Err(SecretError::Missing);
    }
    if secrets.len() > MAX_VERIFYING_SECRETS {
        return Err(SecretError::TooMany { limit: MAX_VERIFYING_SECRETS });
    }
    let prepare = |(index, secret): (usize, &Secret)| KeySet::prepare(scheme, secret, index);
    secrets.iter().enumerate().map(prepare).collect()
}

/// Every parameter that the scheme refers to has to be there: without it, no request could ever verify.
pub(crate) fn check_params(scheme: &Scheme, given: &Params) -> Result<(), SecretError> {
    let missing = params(scheme).find(|name| given.text(name).is_none());
    missing.map_or(Ok(()), |name| Err(SecretError::MissingParam { name: name.to_owned() }))
}

/// The parameters that a scheme refers to by name.
pub(crate) fn params(scheme: &Scheme) -> impl Iterator<Item = &str> {
    let in_content = scheme.content.iter().filter_map(|piece| match piece {
        Piece::Value(Value::Param(name)) => Some(name),
        _ => None,
    });
    let in_claims = scheme.claims.iter().filter_map(|rule| match &rule.value {
        ClaimValue::Param(name) => Some(name),
        _ => None,
    });
    in_content.chain(in_claims).chain(scheme.key_param()).map(String::as_str)
}

/// The flags of a scheme as this receiver checks it: the mode decides on the readings, and the tolerance on replays.
fn flags(scheme: &Scheme, mode: Mode, past: Option<Duration>) -> Flags {
    let readings = scheme.readings.for_mode(mode);
    Flags {
        body_malleable: readings.iter().any(|reading| *reading != BodyReading::Raw),
        replayable: if scheme.timestamp.is_some() { past.is_none() } else { scheme.flags.replayable },
        ..scheme.flags
    }
}

impl KeySet {
    fn prepare(scheme: &Scheme, secret: &Secret, index: usize) -> Result<Self, SecretError> {
        let key = |algorithm: Algorithm| {
            let key = match scheme.key_set {
                Some(_) => Key::prepare_published(algorithm, &scheme.key, secret, index)?,
                None => Key::prepare(algorithm, &scheme.key, secret, index)?,
            };
            Ok((algorithm, key))
        };
        let keys = match &scheme.algorithm {
            AlgorithmRule::Fixed(algorithm) => vec![key(*algorithm)?],
            AlgorithmRule::Named(digests) => {
                digests.iter().map(|digest| key(Algorithm::Hmac(*digest))).collect::<Result<_, _>>()?
            }
            AlgorithmRule::Json { choices, .. } => choices
                .iter()
                .map(|(_, digest)| key(Algorithm::RsaPkcs1(*digest)))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self(keys))
    }

    /// The keys of one that was fetched; none where it is of another kind than the scheme's.
    fn of_fetched(scheme: &Scheme, key: &Secret) -> Self {
        Self::prepare(scheme, key, 0).unwrap_or(Self(Vec::new()))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key for what the message names, or the only one.
    fn key(&self, digest: Option<DigestKind>) -> Option<&(Algorithm, Key)> {
        match digest {
            None => self.0.first(),
            Some(digest) => self.0.iter().find(|(algorithm, _)| {
                *algorithm == Algorithm::Hmac(digest) || *algorithm == Algorithm::RsaPkcs1(digest)
            }),
        }
    }
}
