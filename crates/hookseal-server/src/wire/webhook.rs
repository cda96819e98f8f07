use hookseal::{Part, Profile, Secret, StatusSet, Timestamp};
use hookseal_engine::{
    ChallengeRecord, DisableAfter, DisableReason, EventType, FailureKind, OnGiveUp, Subscription,
    SubscriptionSecret, breaker::BreakerState, dispatcher::QueueState,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

/// What stands for a value that is not shown.
pub(crate) const MASK: &str = "***";

/// A subscription, as its owner sees it. A secret is in it only where `signing_secret` was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct WebhookView<'a> {
    id: String,
    status: &'static str,
    disabled_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<SigningSecret>,
    /// The public key by which receivers verify, in the profile's notation; absent where the secret is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    verifying_key: Option<String>,
    secrets: Vec<SecretView>,
    endpoint_url: &'a str,
    event_types: Option<Vec<&'a str>>,
    profile: &'a str,
    description: Option<&'a str>,
    headers: HeaderNames<'a>,
    timeout_ms: Option<u32>,
    rate_limit_per_s: Option<u32>,
    max_in_flight: Option<u32>,
    retry_schedule_s: Option<&'a [u32]>,
    success: Option<Vec<String>>,
    disable_after: Option<DisableAfterView>,
    ordered: bool,
    /// Null where it is not ordered.
    on_give_up: Option<&'static str>,
    ca_certificates: Option<&'a str>,
    client_certificate: Option<&'a str>,
    /// What is shown of the key: a name by which to tell it from others.
    client_key_fingerprint: Option<String>,
    metadata: Option<&'a RawValue>,
    failures_in_a_row: u32,
    #[serde(serialize_with = "super::time_or_null")]
    failing_since: Option<Timestamp>,
    /// Null where its endpoint was never asked to prove itself.
    challenge: Option<ChallengeView<'a>>,
    /// How its queue stands just now; absent where one subscription is not asked for by itself.
    #[serde(flatten)]
    queue: Option<QueueView>,
    #[serde(serialize_with = "super::time")]
    created_at: Timestamp,
    #[serde(serialize_with = "super::time")]
    updated_at: Timestamp,
}

/// What came of the last time that an endpoint was asked to prove itself.
#[derive(Debug, Serialize)]
struct ChallengeView<'a> {
    #[serde(serialize_with = "super::time")]
    at: Timestamp,
    tries: u32,
    status: Option<u16>,
    failure: Option<&'static str>,
    problem: Option<&'a str>,
}

/// What came of asking by hand.
#[derive(Debug, Serialize)]
pub(crate) struct ValidationView<'a> {
    passed: bool,
    /// The status of the webhook by then.
    status: &'static str,
    challenge: Option<ChallengeView<'a>>,
}

/// How a subscription's queue stands.
#[derive(Debug, Serialize)]
struct QueueView {
    breaker: BreakerView,
    /// Attempts that may be under way at once just now.
    concurrency: u32,
}

#[derive(Debug, Serialize)]
struct BreakerView {
    state: &'static str,
    #[serde(serialize_with = "super::time_or_null")]
    next_probe_at: Option<Timestamp>,
}

/// A secret as it is shown once, to whoever creates the subscription; null where deliveries go out unsigned.
#[derive(Serialize)]
#[serde(transparent)]
struct SigningSecret(Option<String>);

/// What is shown of a secret ever after.
#[derive(Debug, Serialize)]
struct SecretView {
    fingerprint: String,
    #[serde(serialize_with = "super::time")]
    created_at: Timestamp,
    /// When it is destroyed; null where it stays.
    #[serde(serialize_with = "super::time_or_null")]
    expires_at: Option<Timestamp>,
}

/// A number of failed deliveries as a number, everything else as a text.
#[derive(Debug)]
struct DisableAfterView(DisableAfter);

/// The headers of a subscription, their values masked: they are tokens more often than not.
#[derive(Debug)]
struct HeaderNames<'a>(&'a [(String, String)]);

impl<'a> WebhookView<'a> {
    /// A subscription without its secret.
    ///
    /// # Errors
    ///
    /// Where the metadata, which was JSON when it was stored, is not.
    pub(crate) fn of(subscription: &'a Subscription) -> serde_json::Result<Self> {
        let settings = &subscription.settings;
        let event_types = settings.event_types.as_ref();
        let client = settings.tls.client.as_ref();
        Ok(Self {
            id: subscription.id.to_string(),
            status: subscription.status.as_str(),
            disabled_reason: subscription.disabled_because.map(DisableReason::as_str),
            signing_secret: None,
            verifying_key: None,
            secrets: subscription.secrets.iter().map(SecretView::of).collect(),
            endpoint_url: &settings.endpoint_url,
            event_types: event_types.map(|types| types.iter().map(EventType::as_str).collect()),
            profile: &settings.profile,
            description: settings.description.as_deref(),
            headers: HeaderNames(&settings.headers),
            timeout_ms: settings.timeout_ms,
            rate_limit_per_s: settings.rate_limit_per_s,
            max_in_flight: settings.max_in_flight,
            retry_schedule_s: settings.retry_schedule_s.as_deref(),
            success: settings.success.as_ref().map(codes),
            disable_after: settings.disable_after.map(DisableAfterView),
            ordered: settings.ordered.is_some(),
            on_give_up: settings.ordered.map(OnGiveUp::as_str),
            ca_certificates: settings.tls.ca_certificates.as_deref(),
            client_certificate: client.map(|client| client.certificate.as_str()),
            client_key_fingerprint: client.map(|client| client.key.fingerprint().to_string()),
            metadata: settings.metadata.as_deref().map(serde_json::from_str).transpose()?,
            failures_in_a_row: subscription.health.failures_in_a_row,
            failing_since: subscription.health.failing_since,
            challenge: subscription.challenge.as_ref().map(ChallengeView::of),
            queue: None,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
        })
    }

    /// The same with how its queue stands.
    pub(crate) fn with_queue(self, state: Option<QueueState>) -> Self {
        let queue = state.map(|state| QueueView {
            breaker: BreakerView {
                state: state.breaker.as_str(),
                next_probe_at: match state.breaker {
                    BreakerState::Open { next_probe_at } => Some(next_probe_at),
                    BreakerState::Closed | BreakerState::HalfOpen => None,
                },
            },
            concurrency: state.concurrency,
        });
        Self { queue, ..self }
    }

    /// The same with what its receivers verify by, for the answer to its creation and for nothing else: the newest
    /// secret, or the public key where the secret is a private one, which no receiver may have.
    pub(crate) fn with_signing_secret(
        self,
        secret: Option<&SubscriptionSecret>,
        profile: Option<&Profile>,
    ) -> Self {
        let secret = secret.map(|secret| &secret.secret);
        let public = profile.zip(secret).and_then(|(profile, secret)| {
            let key = profile.verifying_secret(Part::Delivery, secret).ok()?;
            (key.expose() != secret.expose()).then(|| text(&key))
        });
        let shared = secret.filter(|_| public.is_none());
        Self { signing_secret: Some(SigningSecret(shared.map(text))), verifying_key: public, ..self }
    }
}

impl<'a> ChallengeView<'a> {
    fn of(record: &'a ChallengeRecord) -> Self {
        let ChallengeRecord { at, tries, status, failure, problem } = record;
        let failure = failure.map(FailureKind::as_str);
        Self { at: *at, tries: *tries, status: *status, failure, problem: problem.as_deref() }
    }
}

impl<'a> ValidationView<'a> {
    pub(crate) fn of(subscription: &'a Subscription) -> Self {
        Self {
            passed: subscription.challenge.as_ref().is_some_and(ChallengeRecord::passed),
            status: subscription.status.as_str(),
            challenge: subscription.challenge.as_ref().map(ChallengeView::of),
        }
    }
}

/// A secret that is text, as all are that came or went as JSON.
fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(redacted)")
    }
}

impl SecretView {
    fn of(secret: &SubscriptionSecret) -> Self {
        let SubscriptionSecret { secret, created_at, expires_at } = secret;
        let fingerprint = secret.fingerprint().to_string();
        Self { fingerprint, created_at: *created_at, expires_at: *expires_at }
    }
}

/// Codes and ranges, each as a text.
fn codes(set: &StatusSet) -> Vec<String> {
    set.to_string().split(", ").map(str::to_owned).collect()
}

impl Serialize for DisableAfterView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            DisableAfter::Failures(count) => serializer.serialize_u32(count),
            other => serializer.collect_str(&other),
        }
    }
}

impl Serialize for HeaderNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, _) in self.0 {
            map.serialize_entry(name, MASK)?;
        }
        map.end()
    }
}
