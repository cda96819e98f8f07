//! A receiver: what one vendor's webhooks are verified with, and the course of one request.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hookseal::{Answer, Handshakes, KeyReference, Part, Profile, Secret, Timestamp, Verifier};
use http::{Request, Response, StatusCode, Uri, request::Parts};
use http_body::Body;
use http_body_util::Full;

use crate::{
    body,
    builder::ReceiverBuilder,
    clock::Clock,
    handshake::{HandshakeActions, Opening},
    headers::Lines,
    keys::KeySource,
    layer::VerifyLayer,
    refusal::Refusal,
    replay::{HeldClaim, Identity, ReplayGuard, ReplayKey, Taking, replay_key},
    verified::Verified,
};

/// Takes in the webhooks of one vendor: verifies each, and lets only what verified through to the handler.
///
/// Make one for each source, when the program starts, and put its [`layer`](Self::layer) around the handler. Clones
/// are the same receiver. Nothing of a secret is shown by `Debug` or written to the log.
///
/// ```
/// use hookseal::{Profile, Secret};
/// use hookseal_tower::{MemoryGuard, Receiver};
///
/// let profile = Profile::builtin("harbor-node").expect("built in");
/// let receiver = Receiver::builder(profile)
///     .secret(Secret::new("a-secret-of-the-node"))
///     .replay(MemoryGuard::new())
///     .build()?;
/// let layer = receiver.layer();
/// # Ok::<(), hookseal_tower::ReceiverError>(())
/// ```
#[derive(Clone)]
pub struct Receiver {
    pub(crate) settings: Arc<Settings>,
}

/// What a receiver was built with.
pub(crate) struct Settings {
    pub(crate) profile: Arc<Profile>,
    /// Absent while the secret is still to come.
    pub(crate) verifier: Option<Verifier>,
    /// Of the part that signs challenges, where the profile has one.
    pub(crate) challenge: Option<Verifier>,
    pub(crate) handshakes: Handshakes,
    pub(crate) actions: Option<Arc<dyn HandshakeActions>>,
    pub(crate) keys: Option<Arc<dyn KeySource>>,
    pub(crate) source: String,
    pub(crate) public_url: Option<String>,
    pub(crate) body_bytes_max: usize,
    pub(crate) header_lines_max: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) replay: Option<Replay>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) development: bool,
}

/// How replays are guarded against.
pub(crate) struct Replay {
    pub(crate) guard: Arc<dyn ReplayGuard>,
    pub(crate) identity: Identity,
    /// How long a handler may take before its claim lapses.
    pub(crate) lease: Duration,
    /// How long a handled delivery is remembered.
    pub(crate) kept: Duration,
    /// What a delivery that was handled before is answered.
    pub(crate) duplicate: StatusCode,
}

/// What becomes of a request.
pub(crate) enum Admission {
    /// It verified, and is new as far as anybody is asked: the handler runs.
    Run(Box<Request<Full<Bytes>>>, Option<HeldClaim>),
    /// The handler does not run.
    Answered(Response<Full<Bytes>>),
}

/// What the bytes of a request alone say.
enum Verdict {
    Verified(Verified, Option<ReplayKey>),
    Handshake(Answer),
}

impl Receiver {
    /// Begins a receiver of a profile's events.
    pub fn builder(profile: &Arc<Profile>) -> ReceiverBuilder {
        ReceiverBuilder::new(profile)
    }

    /// The layer that goes around the handler.
    pub fn layer(&self) -> VerifyLayer {
        VerifyLayer::new(self.clone())
    }

    /// The profile that requests are verified by, with the names of headers as they were configured.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.settings.profile
    }

    /// Reads, verifies and claims a request.
    pub(crate) async fn admit<B: Body>(&self, request: Request<B>) -> Admission {
        match self.try_admit(request).await {
            Ok(admission) => admission,
            Err(refusal) => {
                refusal.log(&self.settings.source);
                Admission::Answered(refusal.answer(self.settings.development))
            }
        }
    }

    async fn try_admit<B: Body>(&self, request: Request<B>) -> Result<Admission, Refusal> {
        let settings = &*self.settings;
        let (mut head, body) = request.into_parts();
        if head.headers.len() > settings.header_lines_max {
            return Err(Refusal::TooManyHeaders);
        }
        let body = body::read(body, settings.body_bytes_max, settings.read_timeout).await?;
        let (verified, key) = match settings.decide(&head, &body).await? {
            Verdict::Verified(verified, key) => (verified, key),
            Verdict::Handshake(answer) => return settings.complete(answer).await.map(Admission::Answered),
        };
        let claim = match (&settings.replay, key) {
            (Some(replay), Some(key)) => match replay.claim(key, settings.clock.now()).await? {
                Some(claim) => Some(claim),
                None => {
                    tracing::info!(source = settings.source, "a webhook that was handled came again");
                    return Ok(Admission::Answered(replay.answer_duplicate()));
                }
            },
            _ => None,
        };
        head.extensions.insert(verified);
        Ok(Admission::Run(Box::new(Request::from_parts(head, Full::new(body))), claim))
    }

    /// Settles the claim of a request that the handler answered with `status`, or failed to answer.
    ///
    /// What the sender does not count as delivered it sends again, and then the handler is to run.
    pub(crate) async fn settle(&self, claim: HeldClaim, status: Option<StatusCode>) {
        let Some(replay) = &self.settings.replay else { return };
        let success = self.settings.profile.delivery().success();
        let source = &self.settings.source;
        if status.is_some_and(|status| success.contains(status.as_u16())) {
            let keep_until = self.settings.clock.now().saturating_add(replay.kept);
            // The handler has run, so the sender is told how it went: to send again would run it once more.
            if let Err(error) = claim.confirm(keep_until).await {
                tracing::error!(source, %error, "a webhook was handled and is not remembered");
            }
        } else if let Err(error) = claim.release().await {
            tracing::warn!(source, %error, "a claim was not released, and lapses when its lease ends");
        }
    }
}

impl Settings {
    /// Looks for a handshake, has the key fetched where one is needed, and verifies.
    async fn decide(&self, head: &Parts, body: &Bytes) -> Result<Verdict, Refusal> {
        let (part, needed) = {
            let lines = Lines(&head.headers);
            let url = self.url(&head.uri);
            let request = Self::request(head, &url, &lines, body);
            match self.open(&request)? {
                Opening::Answer(answer) => return Ok(Verdict::Handshake(answer)),
                Opening::Verify(part) => (part, self.needed_key(part, &request)?),
            }
        };
        let keys = match (needed, &self.keys) {
            (Some(needed), Some(source)) => {
                Some(source.keys(&needed).await.map_err(Refusal::KeyUnavailable)?)
            }
            _ => None,
        };
        self.judge(head, body, part, keys.as_deref())
    }

    /// The key that is to be fetched; nothing where the receiver has its keys.
    fn needed_key(
        &self,
        part: Part,
        request: &hookseal::Request<'_>,
    ) -> Result<Option<KeyReference>, Refusal> {
        match self.keys {
            Some(_) => self.verifier(part)?.needed_key(request).map_err(Refusal::NotVerified),
            None => Ok(None),
        }
    }

    /// Verifies: all that needs no waiting.
    fn judge(
        &self,
        head: &Parts,
        body: &Bytes,
        part: Part,
        keys: Option<&[Secret]>,
    ) -> Result<Verdict, Refusal> {
        let lines = Lines(&head.headers);
        let url = self.url(&head.uri);
        let request = Self::request(head, &url, &lines, body);
        let (verifier, now) = (self.verifier(part)?, self.clock.now());
        let verified = match keys {
            Some(keys) => verifier.verify_with_keys(&request, now, keys),
            None => verifier.verify(&request, now),
        };
        let verified = verified.map_err(Refusal::NotVerified)?;
        if let Some(answer) = self.answer_signed(&request, &verified)? {
            return Ok(Verdict::Handshake(answer));
        }
        let key = self
            .replay
            .as_ref()
            .map(|replay| replay_key(replay.identity, &self.source, verifier, &request, &verified))
            .transpose()
            .map_err(Refusal::NotVerified)?;
        Ok(Verdict::Verified(Verified::new(verified.into_owned(body)), key))
    }

    fn verifier(&self, part: Part) -> Result<&Verifier, Refusal> {
        let verifier = match part {
            Part::Delivery => &self.verifier,
            Part::Challenge => &self.challenge,
        };
        verifier.as_ref().ok_or(Refusal::Pending)
    }

    fn request<'r>(
        head: &'r Parts,
        url: &'r str,
        lines: &'r Lines<'r>,
        body: &'r Bytes,
    ) -> hookseal::Request<'r> {
        hookseal::Request { method: head.method.as_str(), url, headers: lines, body }
    }

    /// The URL as the sender wrote it: the configured one with the query of the request. Neither `Host` nor
    /// `X-Forwarded-*` has a say, since anybody can write them.
    fn url<'a>(&'a self, uri: &'a Uri) -> Cow<'a, str> {
        match (&self.public_url, uri.query()) {
            (Some(url), Some(query)) => Cow::Owned(format!("{url}?{query}")),
            (Some(url), None) => Cow::Borrowed(url),
            (None, _) => Cow::Borrowed(uri.path_and_query().map_or("/", |path| path.as_str())),
        }
    }
}

impl Replay {
    /// Claims a key; nothing where it was handled before.
    async fn claim(&self, key: ReplayKey, now: Timestamp) -> Result<Option<HeldClaim>, Refusal> {
        let lease_end = now.saturating_add(self.lease);
        match HeldClaim::take(&self.guard, key, now, lease_end).await.map_err(Refusal::GuardFailed)? {
            Taking::Taken(claim) => Ok(Some(claim)),
            Taking::InProgress => Err(Refusal::InProgress),
            Taking::Done => Ok(None),
        }
    }

    fn answer_duplicate(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = self.duplicate;
        response
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("source", &self.settings.source)
            .field("profile", &self.settings.profile.name())
            .field("guarded", &self.settings.replay.is_some())
            .finish_non_exhaustive()
    }
}
