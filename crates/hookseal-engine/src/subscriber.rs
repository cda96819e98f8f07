//! A subscription made ready to send to: endpoint, signer, rules and headers, worked out once.

use std::{fmt, sync::Arc};

use hookseal::{Message, Params, Part, Profile, SecretError, SignError, SignedHeaders, Signer, Timestamp};
use http::{HeaderName, HeaderValue, header};
use parking_lot::Mutex;

use crate::{
    DisableReason, Health, Payload, Policy, Subscription, SubscriptionStatus,
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
    pub(crate) policy: Policy,
    profile: Arc<Profile>,
    endpoint: Arc<Endpoint>,
    signer: Option<Signer>,
    custom: Vec<(HeaderName, HeaderValue)>,
    standing: Mutex<Standing>,
}

/// How a subscription stands now: what its deliveries change of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) status: SubscriptionStatus,
    pub(crate) health: Health,
}

impl Standing {
    /// Takes in how an attempt went. `None` where that changes nothing.
    pub(crate) fn after(
        &mut self,
        went: Went,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<(Health, Option<DisableReason>)> {
        let (health, reason) = health::after(self.health, went, policy, now);
        let disable = reason.filter(|_| self.status == SubscriptionStatus::Active);
        if health == self.health && disable.is_none() {
            return None;
        }
        self.health = health;
        if disable.is_some() {
            self.status = SubscriptionStatus::TooManyErrors;
        }
        Some((health, disable))
    }
}

/// Why a subscription cannot be sent to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriberError {
    /// There is no such profile.
    #[error("there is no profile `{0}`")]
    Profile(String),
    /// Its endpoint's URL is of no use.
    #[error("the endpoint cannot be used")]
    Endpoint(#[source] EndpointError),
    /// Its secrets do not fit its profile.
    #[error("the secret does not fit the profile")]
    Secret(#[source] SecretError),
    /// One of its own headers is not a header.
    #[error("`{0}` is not a header that can be sent")]
    Header(String),
}

/// Why one request could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("signing failed: {0}")]
    Sign(#[from] SignError),
    #[error("the header `{0}` cannot be sent")]
    Header(String),
}

impl Subscriber {
    pub(crate) fn new(
        subscription: Subscription,
        profile: Arc<Profile>,
        transport: &dyn Transport,
    ) -> Result<Self, SubscriberError> {
        let settings = &subscription.settings;
        let endpoint = transport.endpoint(&settings.endpoint_url).map_err(SubscriberError::Endpoint)?;
        let secrets: Vec<_> = subscription.secrets.iter().map(|s| s.secret.clone()).collect();
        let signer = if secrets.is_empty() {
            Signer::unsigned(&profile)
        } else {
            Signer::new(&profile, Part::Delivery, &secrets, &Params::default())
        };
        let custom = settings
            .headers
            .iter()
            .map(|(name, value)| custom_header(name, value))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            policy: Policy::resolve(profile.delivery(), settings),
            endpoint,
            signer: Some(signer.map_err(SubscriberError::Secret)?),
            custom,
            standing: Mutex::new(Standing { status: subscription.status, health: subscription.health }),
            profile,
            subscription,
        })
    }

    /// How its queue may run.
    pub(crate) fn rules(&self) -> QueueRules {
        QueueRules {
            active: self.standing.lock().status == SubscriptionStatus::Active,
            max_in_flight: self.policy.max_in_flight,
            rate_limit_per_s: self.policy.rate_limit_per_s,
        }
    }

    /// How it stands now.
    pub(crate) fn standing(&self) -> &Mutex<Standing> {
        &self.standing
    }

    /// Signs a delivery as of `now` and makes it ready to be sent. `buffer` is for reuse.
    pub(crate) fn request(
        &self,
        id: &str,
        payload: &Payload,
        now: Timestamp,
        buffer: &mut SignedHeaders,
    ) -> Result<Outbound, RequestError> {
        let subscription = self.subscription.id.to_string();
        let mut message = Message::new(now, id, &payload.body);
        message.event_type = Some(payload.event_type.as_str());
        message.subscription = &subscription;
        message.url = &self.subscription.settings.endpoint_url;
        buffer.clear();
        if let Some(signer) = &self.signer {
            signer.sign(&message, buffer)?;
        }
        self.profile.delivery().write_headers(&message, buffer)?;
        let headers = self.headers(payload, buffer)?;
        let (endpoint, timeout) = (Arc::clone(&self.endpoint), self.policy.timeout);
        Ok(Outbound { endpoint, headers, body: payload.body.clone(), timeout })
    }

    fn headers(
        &self,
        payload: &Payload,
        made: &SignedHeaders,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, RequestError> {
        let mut headers = Vec::with_capacity(self.custom.len() + 8);
        let agent = self.profile.delivery().user_agent().unwrap_or(USER_AGENT);
        headers.push(parsed("user-agent", agent)?);
        if let Some(content_type) = &payload.content_type {
            headers.push(parsed("content-type", content_type)?);
        }
        for (name, value) in made.iter() {
            if name != "content-type" || payload.content_type.is_none() {
                headers.push(parsed(name, value)?);
            }
        }
        if !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE) {
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        headers.extend(self.custom.iter().cloned());
        Ok(headers)
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("subscription", &self.subscription.id).finish_non_exhaustive()
    }
}

fn parsed(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), RequestError> {
    let wrong = || RequestError::Header(name.to_owned());
    let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value))
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
