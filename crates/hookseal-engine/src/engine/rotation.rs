//! Another secret in the place of one that signs beside it for a while, and the end of that while.

use std::{sync::Arc, time::Duration};

use hookseal::{Secret, Timestamp};

use super::{ChangeError, Engine, FieldProblem, SecretChoice, Stopping};
use crate::{
    Scope, Subscription, SubscriptionId, SubscriptionSecret, limits,
    ports::store::{StoreError, SubscriptionChange},
};

/// The longest sleep. Ends are wall-clock times: a clock that steps forward is noticed after so long at most.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// How a secret is to be replaced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rotation {
    /// The new secret; made here where there is none.
    pub secret: Option<Secret>,
    /// For how long those that were sign beside it. Without one: a day where the profile can carry several signatures,
    /// and not at all where it cannot.
    pub overlap: Option<Duration>,
}

/// Destroys secrets whose time is over, until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut stopping = engine.stopping.subscribe();
    loop {
        let woken = engine.secrets_end.notified();
        let next = engine.destroy_ended_secrets().await;
        let sleep = async {
            match next {
                Some(next) => engine.clock.sleep(next.min(LOOK_AGAIN)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = woken => {}
            () = sleep => {}
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
        }
    }
}

impl Engine {
    /// Puts a new secret in the place of those that sign. It is in what is returned, as the first, and is shown this
    /// once. Those that were sign beside it until the overlap is over, and are destroyed then.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]: among others where the profile carries one signature and an overlap is asked for.
    pub async fn rotate_secret(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
        rotation: Rotation,
    ) -> Result<Subscription, ChangeError> {
        let _changing = self.changing.lock().await;
        let seen = self.disables_of(scope, id);
        // What deliveries have changed of it is in the store before its owner's change is.
        self.flushed().await.map_err(ChangeError::Store)?;
        let stored = self.store.subscription(scope, id).await.map_err(ChangeError::Store)?;
        let mut draft = stored.ok_or(ChangeError::NotFound)?;
        let now = self.clock.now();
        let profile = self.profile(&draft.settings.profile)?;
        let overlap = overlap(rotation.overlap, profile.scheme().signs_with_several(), profile.name())?;
        if draft.secrets.is_empty() {
            return Err(problem("secret", "there is none to be replaced; give the first one with PATCH"));
        }
        let choice = rotation.secret.map_or(SecretChoice::Generate, SecretChoice::Given);
        let mut secrets = self.secrets(&draft.settings.profile, choice)?;
        let is_new = |old: &SubscriptionSecret| secrets.iter().all(|new| new.secret != old.secret);
        if !draft.secrets.iter().all(is_new) {
            return Err(problem("secret", "is one of those that it is to replace"));
        }
        secrets.extend(until(draft.secrets, now, overlap));
        if secrets.len() > limits::SECRETS_MAX {
            let detail = format!(
                "{} secrets sign already; wait until one has gone, or give 0 to be rid of them all",
                secrets.len() - 1
            );
            return Err(problem("overlap_s", detail));
        }
        draft.secrets = secrets.clone();
        self.check_subscription(&draft)?;
        let change = SubscriptionChange { secrets: Some(secrets), ..SubscriptionChange::of(scope, id, now) };
        let changed = self.store.change_subscription(change).await.map_err(|error| {
            self.unsure_of_subscription(scope, id, &error);
            ChangeError::Store(error)
        })?;
        let changed = changed.ok_or(ChangeError::NotFound)?;
        self.enlist_since(changed.clone(), seen);
        self.pump();
        Ok(self.as_stored(changed).await)
    }

    /// Destroys what is over by now. Returns how long it is until the next one is; `None` where none ends.
    async fn destroy_ended_secrets(self: &Arc<Self>) -> Option<Duration> {
        let now = self.clock.now();
        let ends = self.registry.read().secrets_that_end();
        let (over, ahead): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, _, at)| *at <= now);
        let mut next = ahead.into_iter().map(|(_, _, at)| at.since(now)).min();
        for (scope, id, _) in over {
            if let Err(error) = self.destroy_ended_secrets_of(scope, id).await {
                // They sign no more all the same; only their bytes are still there.
                tracing::error!(
                    subscription = %id,
                    error = &error as &dyn std::error::Error,
                    "secrets whose time is over could not be destroyed yet"
                );
                let again = limits::STORE_RETRY_LONGEST;
                next = Some(next.map_or(again, |next| next.min(again)));
            }
        }
        next
    }

    async fn destroy_ended_secrets_of(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let seen = self.disables_of(scope, id);
        self.flushed().await?;
        let Some(stored) = self.store.subscription(scope, id).await? else { return Ok(()) };
        let now = self.clock.now();
        let secrets = stored.secrets.into_iter().filter(|secret| secret.signs_at(now)).collect();
        // It is not its owner's change, so that it stays of the time of that.
        let change = SubscriptionChange {
            secrets: Some(secrets),
            ..SubscriptionChange::of(scope, id, stored.updated_at)
        };
        if let Some(changed) = self.store.change_subscription(change).await? {
            tracing::info!(subscription = %id, "destroyed secrets whose time is over");
            self.enlist_since(changed.clone(), seen);
            self.as_stored(changed).await;
        }
        Ok(())
    }
}

/// How long the secrets that were sign beside the new one.
fn overlap(asked: Option<Duration>, several: bool, profile: &str) -> Result<Duration, ChangeError> {
    match asked {
        Some(overlap) if overlap > limits::ROTATION_OVERLAP_MAX => {
            let most = limits::ROTATION_OVERLAP_MAX.as_secs();
            Err(problem("overlap_s", format!("must be at most {most}")))
        }
        Some(overlap) if !several && !overlap.is_zero() => {
            let detail = format!(
                "a request of `{profile}` carries one signature, so that no two secrets sign at once; give 0, and have \
                 the receiver take both before"
            );
            Err(problem("overlap_s", detail))
        }
        Some(overlap) => Ok(overlap),
        None if several => Ok(limits::ROTATION_OVERLAP_DEFAULT),
        None => Ok(Duration::ZERO),
    }
}

/// The secrets that go on signing after `now`, none of them for longer than the overlap.
fn until(
    secrets: Vec<SubscriptionSecret>,
    now: Timestamp,
    overlap: Duration,
) -> impl Iterator<Item = SubscriptionSecret> {
    let end = now.saturating_add(overlap);
    let ending = secrets.into_iter().map(move |secret| {
        let expires_at = Some(secret.expires_at.map_or(end, |earlier| earlier.min(end)));
        SubscriptionSecret { expires_at, ..secret }
    });
    ending.filter(move |secret| secret.signs_at(now))
}

fn problem(field: &'static str, detail: impl Into<String>) -> ChangeError {
    ChangeError::Invalid(vec![FieldProblem { field, detail: detail.into() }])
}
