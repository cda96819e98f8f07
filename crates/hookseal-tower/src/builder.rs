//! Building a receiver: every choice, and what is wrong with them.

use std::{fmt, sync::Arc, time::Duration};

use hookseal::{
    Handshakes, Mode, ParamValue, Params, Part, Profile, ProfileErrors, Secret, SecretError,
    ToleranceOverride, Verifier, VerifyOptions,
};
use http::{HeaderName, StatusCode, Uri};

use crate::{
    clock::{Clock, SystemClock},
    handshake::HandshakeActions,
    keys::KeySource,
    limits,
    receiver::{Receiver, Replay, Settings},
    replay::{Identity, ReplayGuard},
};

/// The choices of a receiver. What is not chosen is strict, and bounded as [`limits`] says.
#[must_use = "nothing is received before it is built"]
pub struct ReceiverBuilder {
    profile: Arc<Profile>,
    signature_header: Option<String>,
    timestamp_header: Option<String>,
    secrets: Vec<Secret>,
    options: VerifyOptions,
    source: Option<String>,
    public_url: Option<String>,
    body_bytes_max: usize,
    header_lines_max: usize,
    read_timeout: Duration,
    pending: bool,
    actions: Option<Arc<dyn HandshakeActions>>,
    keys: Option<Arc<dyn KeySource>>,
    guard: Option<(Arc<dyn ReplayGuard>, GuardScope)>,
    lease: Duration,
    retry_horizon: Duration,
    duplicate: StatusCode,
    clock: Arc<dyn Clock>,
    development: bool,
}

/// What a guard is asked to guard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GuardScope {
    /// Deliveries that a signed id or a signed time tells apart.
    Signed,
    /// Also those that nothing but what they say tells apart.
    Timeless,
}

/// Why a receiver was not built. Always about configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// A secret or a parameter is not right.
    #[error("the secrets or parameters do not fit the profile")]
    Secret(#[source] SecretError),
    /// The name of a header is none.
    #[error("`{name}` is not the name of a header")]
    HeaderName {
        /// The name.
        name: String,
    },
    /// A header was renamed that the profile does not have, or the profile is no built-in one.
    #[error("the header of the {what} cannot be renamed; write a profile that has the name")]
    HeaderFixed {
        /// `signature` or `timestamp`.
        what: &'static str,
    },
    /// The profile with its headers renamed is not right.
    #[error("the profile does not allow its headers to be renamed")]
    Renamed(#[source] ProfileErrors),
    /// The public URL is not absolute, or has a query, which is the request's.
    #[error("the public URL has to begin with https:// or http://, and has neither query nor fragment")]
    PublicUrl,
    /// The scheme signs the URL, and none was given.
    #[error("the profile signs the URL, so the public URL has to be given")]
    PublicUrlMissing,
    /// There are secrets, and a source of keys in place of them.
    #[error("a receiver has either secrets or a source of keys")]
    SecretsAndKeys,
    /// A receiver without a secret has a guard, or its profile has no handshake that brings a secret.
    #[error(
        "a pending receiver needs a profile whose handshake brings the secret, and neither secret nor guard"
    )]
    NotPending,
    /// Neither a time nor an id is signed.
    #[error("the profile signs neither a time nor an id; choose `replay_by_content`, and read what it means")]
    NothingToGuardBy,
    /// The sender would take the answer to a duplicate for a failure.
    #[error("status {status} is no success to the sender, which would send a duplicate again")]
    DuplicateStatus {
        /// The status.
        status: StatusCode,
    },
}

impl ReceiverBuilder {
    pub(crate) fn new(profile: &Arc<Profile>) -> Self {
        Self {
            profile: Arc::clone(profile),
            signature_header: None,
            timestamp_header: None,
            secrets: Vec::new(),
            options: VerifyOptions::default(),
            source: None,
            public_url: None,
            body_bytes_max: limits::BODY_BYTES_DEFAULT,
            header_lines_max: limits::HEADER_LINES_DEFAULT,
            read_timeout: limits::READ_TIMEOUT_DEFAULT,
            pending: false,
            actions: None,
            keys: None,
            guard: None,
            lease: limits::LEASE_DEFAULT,
            retry_horizon: limits::RETRY_HORIZON_DEFAULT,
            duplicate: StatusCode::OK,
            clock: Arc::new(SystemClock),
            development: false,
        }
    }

    /// Adds a secret. During a rotation there are several, and any of them may match.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Adds secrets.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Sets a value that the scheme refers to, such as `webhook_id` or `audience`.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<ParamValue>) -> Self {
        self.options.params.insert(name, value);
        self
    }

    /// Sets all values that the scheme refers to.
    pub fn params(mut self, params: Params) -> Self {
        self.options.params = params;
        self
    }

    /// How closely requests have to follow the scheme.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = mode;
        self
    }

    /// How far a timestamp may be from now, in place of what the profile says.
    pub fn tolerance(mut self, tolerance: ToleranceOverride) -> Self {
        self.options.tolerance = tolerance;
        self
    }

    /// The name of the signature's header, where a sender's operator has chosen another one. Built-in profiles only: a
    /// profile of your own has the name that you write into it.
    pub fn signature_header(mut self, name: impl Into<String>) -> Self {
        self.signature_header = Some(name.into());
        self
    }

    /// The name of the timestamp's header, as [`signature_header`](Self::signature_header).
    pub fn timestamp_header(mut self, name: impl Into<String>) -> Self {
        self.timestamp_header = Some(name.into());
        self
    }

    /// What this receiver is called in the log, and what keeps its deliveries apart from those of others that share a
    /// guard; the profile's name where it is not given.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The URL that the sender was given, without its query, such as `https://shop.example/hooks`. Some schemes sign
    /// it. It is never read from the request: `Host` and `X-Forwarded-*` are whatever somebody wrote.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// The most bytes of a body; [`BODY_BYTES_DEFAULT`](limits::BODY_BYTES_DEFAULT) where not given.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// The most header lines; [`HEADER_LINES_DEFAULT`](limits::HEADER_LINES_DEFAULT) where not given.
    pub fn max_headers(mut self, lines: usize) -> Self {
        self.header_lines_max = lines;
        self
    }

    /// How long a body may take to come; [`READ_TIMEOUT_DEFAULT`](limits::READ_TIMEOUT_DEFAULT) where not given.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Has the keys that requests name from somewhere else, in place of secrets: for profiles whose vendors publish
    /// their keys.
    pub fn keys(mut self, source: impl KeySource) -> Self {
        self.keys = Some(Arc::new(source));
        self
    }

    /// Who does what some handshakes ask for. Without it, those are not answered.
    pub fn on_handshake(mut self, actions: impl HandshakeActions) -> Self {
        self.actions = Some(Arc::new(actions));
        self
    }

    /// That there is no secret yet, because the vendor brings it in a handshake (Asana, Notion). Until a receiver is
    /// built with it, handshakes are answered and everything else is refused.
    pub fn pending(mut self) -> Self {
        self.pending = true;
        self
    }

    /// Guards against replays. A delivery is known by its id where the signature covers one, and by all that the
    /// signature covers where it covers a time.
    ///
    /// What was handled is answered with success and not handled again; what is being handled is answered with 503,
    /// and so is everything while the guard does not answer.
    pub fn replay(mut self, guard: impl ReplayGuard) -> Self {
        self.guard = Some((Arc::new(guard), GuardScope::Signed));
        self
    }

    /// Guards against replays also where the signature covers neither a time nor an id. Then a delivery is known by
    /// what it says, and **an event that says the same as one before it is not handled**, for as long as that is
    /// remembered: choose it where the body holds an id or a time of its own.
    pub fn replay_by_content(mut self, guard: impl ReplayGuard) -> Self {
        self.guard = Some((Arc::new(guard), GuardScope::Timeless));
        self
    }

    /// For how long the sender tries again, which is for how long, beyond both tolerances, a delivery is remembered;
    /// [`RETRY_HORIZON_DEFAULT`](limits::RETRY_HORIZON_DEFAULT) where not given.
    pub fn retry_horizon(mut self, horizon: Duration) -> Self {
        self.retry_horizon = horizon;
        self
    }

    /// How long a claim is held for a handler that does not end, because its process stopped;
    /// [`LEASE_DEFAULT`](limits::LEASE_DEFAULT) where not given. It has to be longer than the handler ever takes.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// What a delivery that was handled before is answered: 200 where not given. It has to be a success to the sender.
    pub fn duplicate_status(mut self, status: StatusCode) -> Self {
        self.duplicate = status;
        self
    }

    /// Another clock than the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether a refused sender is told why. For development alone: a reason tells a forger how far a guess has come.
    pub fn development(mut self, development: bool) -> Self {
        self.development = development;
        self
    }

    /// Builds the receiver.
    ///
    /// # Errors
    /// [`ReceiverError`] says what does not fit together.
    pub fn build(self) -> Result<Receiver, ReceiverError> {
        let profile = self.renamed_profile()?;
        let scheme = profile.scheme();
        match &self.public_url {
            Some(url) if !is_public_url(url) => return Err(ReceiverError::PublicUrl),
            None if scheme.signs_url() && self.options.params.text("url").is_none() => {
                return Err(ReceiverError::PublicUrlMissing);
            }
            _ => {}
        }
        let handshakes =
            Handshakes::new(&profile, &self.secrets, &self.options.params).map_err(ReceiverError::Secret)?;
        let verifier = self.verifier(&profile, &handshakes)?;
        let challenge = self.challenge_verifier(&profile)?;
        let replay = verifier.as_ref().map(|verifier| self.replay_guard(&profile, verifier)).transpose()?;
        let source = self.source.unwrap_or_else(|| profile.name().to_owned());
        if self.development {
            tracing::warn!(source, "a receiver tells senders why it refuses them: for development alone");
        }
        let settings = Settings {
            profile,
            verifier,
            challenge,
            handshakes,
            actions: self.actions,
            keys: self.keys,
            source,
            public_url: self.public_url,
            body_bytes_max: self.body_bytes_max,
            header_lines_max: self.header_lines_max,
            read_timeout: self.read_timeout,
            replay: replay.flatten(),
            clock: self.clock,
            development: self.development,
        };
        Ok(Receiver { settings: Arc::new(settings) })
    }

    /// The verifier of events; none while the secret is still to come.
    fn verifier(
        &self,
        profile: &Profile,
        handshakes: &Handshakes,
    ) -> Result<Option<Verifier>, ReceiverError> {
        let options = self.options.clone();
        if self.pending {
            let fits = handshakes.bring_secret() && self.secrets.is_empty() && self.guard.is_none();
            return if fits { Ok(None) } else { Err(ReceiverError::NotPending) };
        }
        if self.keys.is_some() && !self.secrets.is_empty() {
            return Err(ReceiverError::SecretsAndKeys);
        }
        let verifier = match self.keys.is_some() {
            true => Verifier::for_fetched_keys(profile, Part::Delivery, options),
            false => Verifier::new(profile, Part::Delivery, &self.secrets, options),
        };
        verifier.map(Some).map_err(ReceiverError::Secret)
    }

    fn challenge_verifier(&self, profile: &Profile) -> Result<Option<Verifier>, ReceiverError> {
        if profile.part(Part::Challenge).is_none() || self.secrets.is_empty() {
            return Ok(None);
        }
        let verifier = Verifier::new(profile, Part::Challenge, &self.secrets, self.options.clone());
        verifier.map(Some).map_err(ReceiverError::Secret)
    }

    fn replay_guard(&self, profile: &Profile, verifier: &Verifier) -> Result<Option<Replay>, ReceiverError> {
        let Some((guard, scope)) = &self.guard else { return Ok(None) };
        let identity = Identity::of(profile.scheme(), verifier.flags());
        if *scope == GuardScope::Signed && matches!(identity, Identity::TimelessContent { .. }) {
            return Err(ReceiverError::NothingToGuardBy);
        }
        if !profile.delivery().success().contains(self.duplicate.as_u16()) {
            return Err(ReceiverError::DuplicateStatus { status: self.duplicate });
        }
        Ok(Some(Replay {
            guard: Arc::clone(guard),
            identity,
            lease: self.lease,
            kept: kept(verifier, self.retry_horizon),
            duplicate: self.duplicate,
        }))
    }

    /// The profile with other names of headers: a document that extends it, as one would write it by hand.
    fn renamed_profile(&self) -> Result<Arc<Profile>, ReceiverError> {
        let scheme = self.profile.scheme();
        let renamed = [
            ("signature", &self.signature_header, scheme.signature_header()),
            ("timestamp", &self.timestamp_header, scheme.timestamp_header()),
        ];
        let name = self.profile.name();
        let mut document = format!("name = \"{name}\"\nextends = \"{name}\"\n");
        let mut changed = false;
        for (what, wanted, present) in renamed {
            let Some(wanted) = wanted else { continue };
            // A header's name holds neither quotes nor backslashes, so it stands in TOML as it is.
            let wanted = HeaderName::try_from(wanted)
                .map_err(|_| ReceiverError::HeaderName { name: wanted.clone() })?;
            if present.is_none() || !self.is_builtin() {
                return Err(ReceiverError::HeaderFixed { what });
            }
            document.push_str(&format!("[scheme.{what}]\nheader = \"{wanted}\"\n"));
            changed = true;
        }
        match changed {
            true => Profile::parse(&document).map(Arc::new).map_err(ReceiverError::Renamed),
            false => Ok(Arc::clone(&self.profile)),
        }
    }

    fn is_builtin(&self) -> bool {
        Profile::builtin(self.profile.name()).is_some_and(|builtin| Arc::ptr_eq(builtin, &self.profile))
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder").field("profile", &self.profile.name()).finish_non_exhaustive()
    }
}

/// How long a delivery is remembered: while it would be taken for fresh, in either direction, and while the sender may
/// try it again.
fn kept(verifier: &Verifier, retry_horizon: Duration) -> Duration {
    let fresh = match (verifier.past(), verifier.future()) {
        (Some(past), Some(future)) => past.saturating_add(future),
        _ => limits::TOLERANCE_WHERE_UNLIMITED,
    };
    fresh.saturating_add(retry_horizon)
}

fn is_public_url(url: &str) -> bool {
    let absolute = url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    absolute && !url.contains(['?', '#'])
}
