//! Creating, changing and deleting subscriptions, and test deliveries.

use std::sync::Arc;

use bytes::Bytes;
use hookseal::{Profile, Secret};

use super::{ChangeError, Engine, EngineError, FieldProblem};
use crate::{
    AttemptRecord, DeliveryId, EventId, EventType, Health, NewEvent, Payload, Scope, Subscription,
    SubscriptionId, SubscriptionKey, SubscriptionSecret, SubscriptionSettings, SubscriptionStatus, Target,
    Trigger, Window, challenge,
    dispatcher::Origin,
    ports::{
        EndpointError,
        store::{NewSubscription, StoreError, SubscriptionChange},
    },
    subscriber::{Subscriber, SubscriberError},
};

/// Where a subscription's secret comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretChoice {
    /// It is made here, in the form that the profile's vendor gives out.
    Generate,
    /// Its owner brings it.
    Given(Secret),
    /// Deliveries go out unsigned, where the profile allows that.
    Unsigned,
}

/// A change of a subscription by its owner; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// New settings, whole.
    pub settings: Option<SubscriptionSettings>,
    /// Another secret in the place of all that were.
    pub secret: Option<SecretChoice>,
    /// Another status: `Active` or `Paused`.
    pub status: Option<SubscriptionStatus>,
}

/// What came of a test delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinged {
    /// The event that was made for it.
    pub event: EventId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// The attempt.
    pub attempt: AttemptRecord,
    /// Whether it counts as a success.
    pub success: bool,
}

impl Engine {
    /// Creates a subscription. Its secret, if it has one, is in what is returned, and is shown this once.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Invalid`] with every problem found, or [`ChangeError::Store`].
    pub async fn create_subscription(
        self: &Arc<Self>,
        scope: Scope,
        settings: SubscriptionSettings,
        secret: SecretChoice,
    ) -> Result<Subscription, ChangeError> {
        let now = self.clock.now();
        let id = SubscriptionId::from_parts(self.ids.reserve(now, 1), self.entropy.next_u64());
        let mut draft = Subscription {
            id,
            key: SubscriptionKey(0),
            scope,
            settings,
            secrets: Vec::new(),
            status: SubscriptionStatus::Active,
            disabled_because: None,
            health: Health::GOOD,
            challenge: None,
            created_at: now,
            updated_at: now,
        };
        draft.secrets = self.secrets(&draft.settings.profile, secret)?;
        self.check_subscription(&draft)?;
        if self.has_challenge(&draft.settings) {
            draft.status = SubscriptionStatus::Pending;
        }
        let _changing = self.changing.lock().await;
        let Subscription { settings, secrets, status, .. } = draft;
        let new = NewSubscription { id, scope, settings, secrets, status, created_at: now };
        let created = self.store.create_subscription(new).await.map_err(|error| {
            self.unsure_of_subscription(scope, id, &error);
            ChangeError::Store(error)
        })?;
        self.enlist(created.clone(), false);
        Ok(created)
    }

    /// Changes a subscription. Deliveries that begin after this returns follow the change.
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn change_subscription(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
        change: SettingsChange,
    ) -> Result<Subscription, ChangeError> {
        let _changing = self.changing.lock().await;
        let seen = self.disables_of(scope, id);
        // What deliveries have changed of it is in the store before its owner's change is.
        self.flushed().await.map_err(ChangeError::Store)?;
        let stored = self.store.subscription(scope, id).await.map_err(ChangeError::Store)?;
        let before = stored.ok_or(ChangeError::NotFound)?;
        let mut draft = before.clone();
        if let Some(settings) = &change.settings {
            draft.settings = settings.clone();
        }
        let secrets = match change.secret {
            Some(choice) => Some(self.secrets(&draft.settings.profile, choice)?),
            None => None,
        };
        draft.secrets = secrets.clone().unwrap_or(draft.secrets);
        self.check_subscription(&draft)?;
        let moved = draft.settings.endpoint_url != before.settings.endpoint_url
            || draft.settings.profile != before.settings.profile;
        let has_challenge = self.has_challenge(&draft.settings);
        let standing = challenge::after_change(&before, change.status, moved, has_challenge);
        let change = SubscriptionChange {
            settings: change.settings,
            secrets,
            status: (standing.status != before.status).then_some(standing.status),
            challenge: standing.anew.then_some(None),
            ..SubscriptionChange::of(scope, id, self.clock.now())
        };
        let changed = self.store.change_subscription(change).await.map_err(|error| {
            self.unsure_of_subscription(scope, id, &error);
            ChangeError::Store(error)
        })?;
        let changed = changed.ok_or(ChangeError::NotFound)?;
        if standing.anew {
            self.challenges.end(id);
        }
        self.enlist_since(changed.clone(), seen);
        self.pump();
        Ok(self.as_stored(changed).await)
    }

    /// A subscription that was changed just now, as it is stored once everything is recorded that ended meanwhile: an
    /// attempt from before the change may have disabled it after. Memory follows, as soon as that can be read.
    pub(super) async fn as_stored(self: &Arc<Self>, changed: Subscription) -> Subscription {
        let (scope, id) = (changed.scope, changed.id);
        match self.recorded(scope, id).await {
            Ok((Some(stored), seen)) => {
                let known = self.registry.read().by_id(scope, id).cloned();
                if known.is_some_and(|known| known.standing().lock().status != stored.status) {
                    self.enlist_since(stored.clone(), seen);
                }
                stored
            }
            Ok((None, _)) => changed,
            Err(error) => {
                self.unsure_of_subscription(scope, id, &error);
                changed
            }
        }
    }

    /// Reads a subscription once everything is recorded, and has memory follow.
    pub(super) async fn read_back(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<(), StoreError> {
        match self.recorded(scope, id).await? {
            (Some(stored), seen) => self.enlist_since(stored, seen),
            (None, _) => self.delist(scope, id),
        }
        Ok(())
    }

    /// A subscription as it is stored once everything is recorded, and how often it had been disabled before that was
    /// read.
    async fn recorded(
        &self,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<(Option<Subscription>, u64), StoreError> {
        let seen = self.disables_of(scope, id);
        self.flushed().await?;
        Ok((self.store.subscription(scope, id).await?, seen))
    }

    /// How often deliveries have disabled a subscription, as far as memory knows.
    pub(super) fn disables_of(&self, scope: Scope, id: SubscriptionId) -> u64 {
        let registry = self.registry.read();
        registry.by_id(scope, id).map_or(0, |subscriber| subscriber.standing().lock().disables)
    }

    /// Deletes a subscription: nothing begins for it any more, what waits is cancelled, its secrets are destroyed.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`], [`EngineError::Store`].
    pub async fn delete_subscription(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<(), EngineError> {
        let _changing = self.changing.lock().await;
        let deleted = self.store.delete_subscription(scope, id, self.clock.now()).await.map_err(|error| {
            self.unsure_of_subscription(scope, id, &error);
            EngineError::Store(error)
        })?;
        self.delist(scope, id);
        if deleted { Ok(()) } else { Err(EngineError::NotFound) }
    }

    /// Sends a signed test delivery of type `ping` at once, whatever the subscription's status, and waits for it.
    /// It is not tried again, and does not count for the subscription's health.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`], [`EngineError::Store`], [`EngineError::Stopping`]; [`EngineError::Conflict`] where
    /// [`PINGS_MAX`](crate::limits::PINGS_MAX) of this subscription or
    /// [`PINGS_TOTAL_MAX`](crate::limits::PINGS_TOTAL_MAX) of all are under way.
    pub async fn ping(self: &Arc<Self>, scope: Scope, id: SubscriptionId) -> Result<Pinged, EngineError> {
        let subscriber = self.registry.read().by_id(scope, id).cloned().ok_or(EngineError::NotFound)?;
        let place = self.pings.begin(subscriber.subscription.key);
        let _place = place.ok_or(EngineError::Conflict(
            "as many test deliveries as may be are under way; ping again when they are over",
        ))?;
        let event = self.ping_event(&subscriber);
        let payload = Arc::new(event.payload.clone());
        let mut job = event.job(0, &payload);
        job.trigger = Trigger::Ping;
        self.store_ping(event).await?;
        let attempt = self.attempt_now(&job).await.ok_or(EngineError::Stopping)?;
        let success = crate::outcome::is_success(&subscriber.policy, &attempt.result);
        Ok(Pinged { event: job.delivery.event, delivery: job.delivery.id, attempt, success })
    }

    fn ping_event(&self, subscriber: &Subscriber) -> NewEvent {
        let now = self.clock.now();
        let Subscription { id, key, scope, .. } = subscriber.subscription;
        let body = format!(r#"{{"type":"ping","webhook_id":"{id}","timestamp":"{now}"}}"#);
        let event_type = EventType::new(EventType::PING).expect("invariant: `ping` is a type");
        NewEvent {
            id: EventId::from_parts(self.ids.reserve(now, 2), self.entropy.next_u64()),
            scope,
            payload: Payload { event_type, content_type: None, body: Bytes::from(body) },
            external_id: None,
            accepted_at: now,
            // Whoever asked makes the one attempt, whatever the time. If the process dies over it nobody waits for it any
            // more, and the next one finds it expired.
            window: Window { expires_at: Some(now), ..Window::default() },
            targets: vec![Target { subscription: key, leased: true }],
        }
    }

    /// Makes a test delivery durable. Its job is not queued: whoever asked for it makes the attempt.
    async fn store_ping(self: &Arc<Self>, event: NewEvent) -> Result<(), EngineError> {
        let batch = crate::ports::store::Batch { events: vec![event.clone()], ..Default::default() };
        self.store.commit(batch).await.map_err(|error| {
            self.unsure_of_event(&event, &error);
            EngineError::Store(error)
        })?;
        self.count_accepted();
        Ok(())
    }

    pub(super) fn secrets(
        &self,
        profile: &str,
        choice: SecretChoice,
    ) -> Result<Vec<SubscriptionSecret>, ChangeError> {
        let secret = match choice {
            SecretChoice::Unsigned => return Ok(Vec::new()),
            SecretChoice::Given(secret) => secret,
            SecretChoice::Generate => {
                let mut seed = [0; 32];
                self.entropy.fill(&mut seed);
                self.profile(profile)?.delivery().new_secret(&seed)
            }
        };
        Ok(vec![SubscriptionSecret::new(secret, self.clock.now())])
    }

    pub(super) fn profile(&self, name: &str) -> Result<&Arc<Profile>, ChangeError> {
        self.profiles.get(name).ok_or_else(|| invalid(&SubscriberError::Profile(name.to_owned())))
    }

    /// Whether an endpoint has to prove itself before anything is delivered to it.
    fn has_challenge(&self, settings: &SubscriptionSettings) -> bool {
        self.profiles.get(&settings.profile).is_some_and(|profile| profile.challenge().is_some())
    }

    /// Checks whether a subscription could be sent to, and that its secrets fit its profile.
    pub(super) fn check_subscription(&self, draft: &Subscription) -> Result<(), ChangeError> {
        self.ready(draft.clone()).check().map_err(invalid)
    }

    fn ready(&self, subscription: Subscription) -> Subscriber {
        let profile = self.profiles.get(&subscription.settings.profile);
        Subscriber::new(subscription, profile, &*self.transport, self.user_agent.as_deref(), self.clock.now())
    }

    /// Takes a subscription, as it is stored, into memory. Also one that cannot be sent to any more: events match it
    /// all the same, and its attempts fail and say why.
    /// `from_before` says that it was there before this process.
    pub(super) fn enlist(self: &Arc<Self>, subscription: Subscription, from_before: bool) {
        let subscriber = Arc::new(self.ready(subscription));
        if let Err(error) = subscriber.check() {
            tracing::error!(subscription = %subscriber.subscription.id, %error, "a subscription cannot be sent to");
        }
        if subscriber.subscription.secrets.iter().any(|secret| secret.expires_at.is_some()) {
            self.secrets_end.notify_one();
        }
        let failing = subscriber.subscription.health.failing_since.is_some();
        {
            let mut registry = self.registry.write();
            if let Some(known) = registry.subscriber(subscriber.subscription.key) {
                subscriber.standing().lock().disables = known.standing().lock().disables;
            }
            registry.insert(Arc::clone(&subscriber));
        }
        self.mind_challenge(&subscriber.subscription);
        self.configure(subscriber.subscription.key, Origin { from_before, failing });
    }

    /// The same of one that was read or changed after it had been disabled `seen` times. If it was disabled since, it
    /// stays that until it is read back: what the store said then may be older than what memory knows.
    pub(super) fn enlist_since(self: &Arc<Self>, mut subscription: Subscription, seen: u64) {
        let known = self.registry.read().subscriber(subscription.key).cloned();
        if let Some(known) = known {
            let standing = *known.standing().lock();
            if standing.disables != seen && subscription.status == SubscriptionStatus::Active {
                (subscription.status, subscription.health) = (standing.status, standing.health);
            }
        }
        self.enlist(subscription, false);
    }

    /// Forgets a subscription that is not stored any more.
    pub(super) fn delist(&self, scope: Scope, id: SubscriptionId) {
        self.challenges.end(id);
        let mut registry = self.registry.write();
        if let Some(key) = registry.by_id(scope, id).map(|subscriber| subscriber.subscription.key) {
            registry.remove(key);
            self.dispatcher.lock().remove(key);
            self.replays.look_again();
        }
    }

    /// Has the queue of a subscription follow its rules.
    pub(super) fn apply_rules(self: &Arc<Self>, key: SubscriptionKey) {
        self.configure(key, Origin::default());
    }

    /// The rules are read under both locks: whoever comes last applies what holds by then, and one that is gone gets no
    /// queue again. The registry is locked first, as everywhere.
    fn configure(self: &Arc<Self>, key: SubscriptionKey, origin: Origin) {
        let registry = self.registry.read();
        let mut dispatcher = self.dispatcher.lock();
        let Some(subscriber) = registry.subscriber(key) else { return };
        dispatcher.configure(key, subscriber.rules(), origin, self.clock.now());
        self.look_after_store(dispatcher);
        drop(registry);
        self.replays.look_again();
    }
}

/// Which field a problem is about, as the API names it.
fn invalid(error: &SubscriberError) -> ChangeError {
    let (field, detail) = match error {
        SubscriberError::Profile(_) | SubscriberError::Url(_) => ("profile", error.to_string()),
        SubscriberError::Endpoint(EndpointError::Tls { part, detail }) => (part.field(), detail.clone()),
        SubscriberError::Endpoint(why) => ("endpoint_url", why.to_string()),
        SubscriberError::Secret(why) => ("secret", why.to_string()),
        SubscriberError::Header(_) | SubscriberError::WrittenHeader(_) => ("headers", error.to_string()),
    };
    ChangeError::Invalid(vec![FieldProblem { field, detail }])
}
