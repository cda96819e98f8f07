//! A subscription made ready to send to: endpoint, signer, rules and headers, worked out once.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};
use hookseal::{
    Algorithm, Challenge, Message, Params, Part, Profile, SecretError, SignError, SignedHeaders, Signer,
    Timestamp,
};
use http::{HeaderName, HeaderValue, Method, header};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::{
    DisableReason, EventType, Failure, FailureKind, Health, Payload, Policy, Subscription,
    SubscriptionSecret, SubscriptionStatus,
    dispatcher::QueueRules,
    health::{self, Went},
    ports::{Endpoint, EndpointError, Outbound, Transport},
};

/// What the engine calls itself where a profile does not say.
const USER_AGENT: &str = concat!("hookseal/", env!("CARGO_PKG_VERSION"));

/// A subscription made ready to send to.
pub(crate) struct Subscriber {
    /// The subscription that it was made from, with status and health of then: [`Subscriber::standing`] is now.
    pub(crate) subscription: Subscription,
    /// The subscription's id as it is written, for schemes that sign it.
    id: String,
    pub(crate) policy: Policy,
    /// What makes its requests; or why there can be none, which is then why its attempts fail. A subscription that was
    /// fit when it was made may be so no longer: its profile is gone, or its network is not allowed any more.
    sender: Result<Sender, SubscriberError>,
    standing: Mutex<Standing>,
}

/// What makes a subscription's requests.
struct Sender {
    profile: Arc<Profile>,
    endpoint: Arc<Endpoint>,
    signing: RwLock<Signing>,
    custom: Vec<(HeaderName, HeaderValue)>,
    user_agent: HeaderValue,
    /// The names that its requests have, kept from the first one: a name is parsed once, and shared from then on.
    names: OnceLock<Vec<HeaderName>>,
}

/// What signs a subscription's requests until one of its secrets is over.
struct Signing {
    signer: Signer,
    /// What signs its challenge; `None` where it has no secret, or its profile no challenge.
    challenger: Option<Signer>,
    /// When the first of the secrets that sign is over.
    until: Option<Timestamp>,
}

impl Signing {
    /// By the secrets that sign at this time.
    fn new(profile: &Profile, secrets: &[SubscriptionSecret], now: Timestamp) -> Result<Self, SecretError> {
        let in_force = || secrets.iter().filter(|secret| secret.signs_at(now));
        let until = in_force().filter_map(|secret| secret.expires_at).min();
        let secrets: Vec<_> = in_force().map(|secret| secret.secret.clone()).collect();
        let signer = if secrets.is_empty() {
            Signer::unsigned(profile)
        } else {
            Signer::new(profile, Part::Delivery, &secrets, &Params::default())
        };
        let signed_by = profile.challenge().and_then(|challenge| challenge.signed_by());
        let signed_by = signed_by.filter(|part| profile.signs(*part) && !secrets.is_empty());
        let challenger = signed_by.map(|part| Signer::new(profile, part, &secrets, &Params::default()));
        Ok(Self { signer: signer?, challenger: challenger.transpose()?, until })
    }
}

/// How a subscription stands now: what its deliveries change of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) status: SubscriptionStatus,
    pub(crate) health: Health,
    /// How often its deliveries have disabled it in this run: by this, whoever has read it from the store can tell
    /// whether memory knows of a disable that was not there yet.
    pub(crate) disables: u64,
}

impl Standing {
    /// Takes in how an attempt went. `None` where that changes nothing.
    pub(crate) fn after(&mut self, went: Went, policy: &Policy, now: Timestamp) -> Option<StandingChange> {
        let (health, reason) = health::after(self.health, went, policy, now);
        let disable = reason.filter(|_| self.status == SubscriptionStatus::Active);
        if health == self.health && disable.is_none() {
            return None;
        }
        let recovered = self.health.recovering && !health.recovering;
        self.health = health;
        if disable.is_some() {
            self.status = SubscriptionStatus::TooManyErrors;
            self.disables += 1;
        }
        Some(StandingChange { health, disable, recovered })
    }
}

/// What an attempt changes of how a subscription stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandingChange {
    pub(crate) health: Health,
    pub(crate) disable: Option<DisableReason>,
    /// Whether it is the first success since it was enabled again.
    pub(crate) recovered: bool,
}

/// Why a subscription cannot be sent to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriberError {
    /// There is no such profile.
    #[error("there is no profile `{0}`")]
    Profile(String),
    /// Its endpoint's URL is of no use.
    #[error(transparent)]
    Endpoint(EndpointError),
    /// Its secrets do not fit its profile.
    #[error(transparent)]
    Secret(SecretError),
    /// Its scheme puts a value into the URL, which is made ready once for all deliveries.
    #[error("the scheme of `{0}` puts a value of each delivery into the URL, which no subscription can")]
    Url(String),
    /// One of its own headers is not a header.
    #[error("`{0}` is not a header that can be sent")]
    Header(String),
    /// One of its own headers is one that its profile writes, such as a signature.
    #[error("the header `{0}` is written by the profile, and cannot be set")]
    WrittenHeader(String),
}

impl SubscriberError {
    /// What kind of failure an attempt is that it prevents.
    fn kind(&self) -> FailureKind {
        match self {
            Self::Endpoint(EndpointError::AddressNotAllowed(_) | EndpointError::PlainHttp) => {
                FailureKind::AddressNotAllowed
            }
            _ => FailureKind::Unsendable,
        }
    }
}

/// Why one request could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("signing failed: {0}")]
    Sign(#[from] SignError),
    #[error("the header `{0}` cannot be sent")]
    Header(String),
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::new(FailureKind::Unsendable, error.to_string())
    }
}

impl Subscriber {
    /// Makes a subscription ready, as far as it can be: [`Subscriber::check`] says whether that is all the way.
    /// `profile` is the one that it names, where there is such a profile.
    pub(crate) fn new(
        subscription: Subscription,
        profile: Option<&Arc<Profile>>,
        transport: &dyn Transport,
        user_agent: Option<&str>,
        now: Timestamp,
    ) -> Self {
        // Where its own profile is gone its attempts fail, and are put off by the rules of the default one.
        let rules = profile.or_else(|| Profile::builtin("standard-webhooks"));
        let rules = rules.expect("invariant: `standard-webhooks` is built in");
        Self {
            policy: Policy::resolve(rules.delivery(), &subscription.settings),
            sender: Sender::new(&subscription, profile, transport, user_agent, now),
            standing: Mutex::new(Standing {
                status: subscription.status,
                health: subscription.health,
                disables: 0,
            }),
            id: subscription.id.to_string(),
            subscription,
        }
    }

    /// Whether it can be sent to.
    pub(crate) fn check(&self) -> Result<(), &SubscriberError> {
        self.sender.as_ref().map(drop)
    }

    /// How its queue may run.
    pub(crate) fn rules(&self) -> QueueRules {
        QueueRules {
            active: self.standing.lock().status == SubscriptionStatus::Active,
            max_in_flight: self.policy.max_in_flight,
            rate_limit_per_s: self.policy.rate_limit_per_s,
            ordered: self.policy.ordered.is_some(),
        }
    }

    /// How it stands now.
    pub(crate) fn standing(&self) -> &Mutex<Standing> {
        &self.standing
    }

    /// Signs a delivery as of `now` and makes it ready to be sent. `buffer` is for reuse.
    ///
    /// # Errors
    ///
    /// What the attempt fails with, without having been sent.
    pub(crate) fn request(
        &self,
        id: &str,
        payload: &Payload,
        now: Timestamp,
        buffer: &mut SignedHeaders,
    ) -> Result<Outbound, Failure> {
        let sender = self.sender.as_ref().map_err(|error| Failure::new(error.kind(), error.to_string()))?;
        let message = Message::new(now, id, &payload.body)
            .with_event_type(payload.event_type.as_str())
            .with_subscription(&self.id)
            .with_url(&self.subscription.settings.endpoint_url);
        buffer.clear();
        let body = seal(&self.signing(sender, now)?.signer, &message, &payload.body, buffer)?;
        let headers = sender.headers(&message, payload, buffer)?;
        let (endpoint, timeout) = (Arc::clone(&sender.endpoint), self.policy.timeout);
        Ok(Outbound { endpoint, method: Method::POST, headers, body, timeout })
    }

    /// Signs the challenge of its profile as of `now`, with this token, and makes it ready to be sent.
    ///
    /// # Errors
    ///
    /// What asking fails with, without having been sent.
    pub(crate) fn challenge(
        &self,
        challenge: &Challenge,
        token: &str,
        now: Timestamp,
    ) -> Result<Outbound, Failure> {
        let sender = self.sender.as_ref().map_err(|error| Failure::new(error.kind(), error.to_string()))?;
        let body = Bytes::from(challenge.body(token));
        let url = challenge.target(&self.subscription.settings.endpoint_url, token);
        let message = Message::new(now, token, &body)
            .with_subscription(&self.id)
            .with_method(challenge.method())
            .with_url(&url);
        let mut made = SignedHeaders::new();
        let signing = self.signing(sender, now)?;
        let sealed = signing.challenger.as_ref().map(|signer| seal(signer, &message, &body, &mut made));
        let body = sealed.transpose()?.unwrap_or_else(|| body.clone());
        drop(signing);
        let headers = sender.challenge_headers(challenge, token, &made)?;
        let target = challenge.target(sender.endpoint.path_and_query.as_str(), token);
        let unsendable =
            |what: &str| Failure::new(FailureKind::Unsendable, format!("the {what} cannot be sent"));
        let path_and_query = target.try_into().map_err(|_| unsendable("query of the challenge"))?;
        let endpoint = Arc::new(Endpoint { path_and_query, ..(*sender.endpoint).clone() });
        let method =
            Method::try_from(challenge.method()).map_err(|_| unsendable("method of the challenge"))?;
        Ok(Outbound { endpoint, method, headers, body, timeout: self.policy.timeout })
    }

    /// What signs at this time. A secret signs no more once its time is over, whether or not the store could be rid of
    /// it by then, and however the clock came there.
    fn signing<'s>(
        &self,
        sender: &'s Sender,
        now: Timestamp,
    ) -> Result<RwLockReadGuard<'s, Signing>, Failure> {
        let signing = sender.signing.read();
        if signing.until.is_none_or(|until| until > now) {
            return Ok(signing);
        }
        drop(signing);
        let next = Signing::new(&sender.profile, &self.subscription.secrets, now)
            .map_err(|error| Failure::new(FailureKind::Unsendable, error.to_string()))?;
        *sender.signing.write() = next;
        Ok(sender.signing.read())
    }
}

impl Sender {
    fn new(
        subscription: &Subscription,
        profile: Option<&Arc<Profile>>,
        transport: &dyn Transport,
        user_agent: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, SubscriberError> {
        let settings = &subscription.settings;
        let profile = profile.ok_or_else(|| SubscriberError::Profile(settings.profile.clone()))?;
        let endpoint = transport.endpoint(&settings.endpoint_url, &settings.tls);
        let endpoint = endpoint.map_err(SubscriberError::Endpoint)?;
        let signing = Signing::new(profile, &subscription.secrets, now).map_err(SubscriberError::Secret)?;
        if !signing.signer.keeps_url() {
            return Err(SubscriberError::Url(settings.profile.clone()));
        }
        let own = settings.headers.iter().map(|(name, value)| custom_header(name, value));
        let custom = own.collect::<Result<_, _>>()?;
        let user_agent = profile.delivery().user_agent().or(user_agent).unwrap_or(USER_AGENT);
        let user_agent = HeaderValue::from_str(user_agent)
            .map_err(|_| SubscriberError::Header(header::USER_AGENT.to_string()))?;
        let (profile, names) = (Arc::clone(profile), OnceLock::new());
        let signing = RwLock::new(signing);
        let sender = Self { endpoint, signing, custom, user_agent, names, profile };
        match sender.written_twice() {
            Some(name) => Err(SubscriberError::WrittenHeader(name)),
            None => Ok(sender),
        }
    }

    /// One of its own headers that the profile writes as well, found by signing a delivery that is never sent.
    fn written_twice(&self) -> Option<String> {
        if self.custom.is_empty() {
            return None;
        }
        let event_type = EventType::new("ping").expect("invariant: `ping` is a type");
        let payload = Payload { event_type, content_type: None, body: Bytes::from_static(b"{}") };
        let message = Message::new(Timestamp::from_unix_seconds(0), "dlv", &payload.body)
            .with_event_type("ping")
            .with_subscription("sub");
        let mut written = SignedHeaders::new();
        // A scheme may want a body of another form; what it writes besides is known all the same.
        seal(&self.signing.read().signer, &message, &payload.body, &mut written).ok();
        self.profile.delivery().write_headers(&message, &mut written).ok();
        let scheme = self.profile.scheme();
        let proof = self.profile.part(Part::Challenge).and_then(|scheme| scheme.signature_header());
        let known = [scheme.signature_header(), scheme.timestamp_header(), scheme.id_header(), proof];
        let asked = || self.profile.challenge().into_iter().flat_map(|challenge| challenge.headers(""));
        let own = self.custom.iter().map(|(name, _)| name.as_str());
        let is_written = |name: &&str| {
            let same = |other: &str| other.eq_ignore_ascii_case(name);
            known.into_iter().flatten().any(same)
                || written.iter().any(|(other, _)| same(other))
                || asked().any(|(other, _)| same(other))
        };
        own.into_iter().find(is_written).map(str::to_owned)
    }

    /// The headers of a challenge: its own, those of its signature, and the subscription's.
    fn challenge_headers(
        &self,
        challenge: &Challenge,
        token: &str,
        made: &SignedHeaders,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, RequestError> {
        let mut headers = vec![(header::USER_AGENT, self.user_agent.clone())];
        let signed = made.iter().map(|(name, text)| (name, text.to_owned()));
        for (name, text) in challenge.headers(token).chain(signed) {
            let wrong = || RequestError::Header(name.to_owned());
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            headers.push((parsed, HeaderValue::try_from(text).map_err(|_| wrong())?));
        }
        headers.extend(self.custom.iter().cloned());
        Ok(headers)
    }

    fn headers(
        &self,
        message: &Message<'_>,
        payload: &Payload,
        made: &mut SignedHeaders,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, RequestError> {
        self.profile.delivery().write_headers(message, made)?;
        let mut headers = Vec::with_capacity(self.custom.len() + made.len() + 3);
        headers.push((header::USER_AGENT, self.user_agent.clone()));
        if let Some(content_type) = &payload.content_type {
            headers.push((header::CONTENT_TYPE, value("content-type", content_type.clone().into())?));
        }
        let token = self.token_header();
        let mut values = together(made);
        for (name, text) in made.iter() {
            let bytes = values.split_to(text.len());
            if name != "content-type" || payload.content_type.is_none() {
                let mut value = value(name, bytes)?;
                value.set_sensitive(token == Some(name));
                headers.push((self.name(name, made)?, value));
            }
        }
        if !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE) {
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        headers.extend(self.custom.iter().cloned());
        Ok(headers)
    }

    /// A header's name, out of those that were parsed with the first request, of which these are the headers.
    fn name(&self, name: &str, first: &SignedHeaders) -> Result<HeaderName, RequestError> {
        let parse = |name: &str| HeaderName::from_bytes(name.as_bytes());
        let known =
            self.names.get_or_init(|| first.iter().filter_map(|(name, _)| parse(name).ok()).collect());
        match known.iter().find(|known| known.as_str() == name) {
            Some(known) => Ok(known.clone()),
            None => parse(name).map_err(|_| RequestError::Header(name.to_owned())),
        }
    }

    /// The header that holds the secret itself, for the schemes that send it along: masked wherever headers are shown.
    fn token_header(&self) -> Option<&str> {
        let scheme = self.profile.scheme();
        let sent_along = scheme.algorithm().is_some_and(Algorithm::is_shared_token);
        scheme.signature_header().filter(|_| sent_along)
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("subscription", &self.subscription.id).finish_non_exhaustive()
    }
}

/// Writes the headers of a signature, and gives the body to send: that of the message, or where the signature stands in
/// the body, that with the signature.
fn seal(
    signer: &Signer,
    message: &Message<'_>,
    body: &Bytes,
    made: &mut SignedHeaders,
) -> Result<Bytes, RequestError> {
    if signer.writes_headers_alone() {
        signer.sign(message, made)?;
        return Ok(body.clone());
    }
    Ok(signer.seal(message, made)?.body.into_owned().into())
}

/// All values in one piece of memory, which the header values then share: none of them has its own.
fn together(headers: &SignedHeaders) -> Bytes {
    let mut values = BytesMut::with_capacity(headers.iter().map(|(_, value)| value.len()).sum());
    headers.iter().for_each(|(_, value)| values.extend_from_slice(value.as_bytes()));
    values.freeze()
}

fn value(name: &str, bytes: Bytes) -> Result<HeaderValue, RequestError> {
    HeaderValue::from_maybe_shared(bytes).map_err(|_| RequestError::Header(name.to_owned()))
}

/// Headers that no subscription may set: those that frame the message or belong to the connection.
const NOT_OURS_TO_SET: [&str; 12] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "user-agent",
];

fn custom_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), SubscriberError> {
    let wrong = || SubscriberError::Header(name.to_owned());
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    if NOT_OURS_TO_SET.contains(&name.as_str()) {
        return Err(wrong());
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    // What an owner adds is often a token; it is masked wherever sent headers are shown.
    value.set_sensitive(true);
    Ok((name, value))
}
