//! Accepting events.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Engine, PublishError,
    committer::{Accepting, Entry},
};
use crate::{
    EventId, NewEvent, Payload, Scope, SubscriptionKey, Target, Verdict, limits, ports::store::StoreError,
};

/// An event to be published.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Type and bytes.
    pub payload: Payload,
    /// The publisher's own id.
    pub external_id: Option<String>,
}

/// An event that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its id; that of the first one where the publisher's id was used before.
    pub id: EventId,
    /// How many deliveries it leads to.
    pub deliveries: usize,
    /// Whether the same event was accepted before.
    pub duplicate: bool,
}

impl Engine {
    /// Publishes an event. Returns once it is durable with all of its deliveries; they begin at that moment.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. After `Store` and `Timeout` the event may be stored all the same: publish it again with the
    /// same `external_id` to be safe.
    pub async fn publish(
        self: &Arc<Self>,
        scope: Scope,
        publish: Publish,
    ) -> Result<Published, PublishError> {
        self.check(&publish)?;
        let keys = self.registry.read().matching(scope, &publish.payload.event_type);
        if keys.len() > limits::FAN_OUT_MAX {
            return Err(PublishError::FanOut { matched: keys.len(), most: limits::FAN_OUT_MAX });
        }
        let permit = self.admission(publish.payload.body.len()).await?;
        let accepted = self.accept(scope, publish, &keys, permit)?;
        tokio::select! {
            verdict = accepted.verdict => settle(accepted.id, keys.len(), verdict),
            () = self.clock.sleep(limits::ACCEPT_TIMEOUT) => Err(PublishError::Timeout),
        }
    }

    /// Waits for its turn: events that wait for their commit have a bound in bytes.
    async fn admission(&self, body_bytes: usize) -> Result<OwnedSemaphorePermit, PublishError> {
        // Each event counts for a kibibyte besides its body: it costs memory of its own.
        let permits = u32::try_from(body_bytes + 1024).unwrap_or(u32::MAX);
        let semaphore = Arc::clone(&self.accepting);
        if let Ok(permit) = Arc::clone(&semaphore).try_acquire_many_owned(permits) {
            return Ok(permit);
        }
        tokio::select! {
            permit = semaphore.acquire_many_owned(permits) => permit.map_err(|_| PublishError::Stopping),
            () = self.clock.sleep(limits::ACCEPT_TIMEOUT) => Err(PublishError::Timeout),
        }
    }

    /// Hands an event to the committer, with places promised in memory to as many deliveries as fit.
    fn accept(
        &self,
        scope: Scope,
        publish: Publish,
        keys: &[SubscriptionKey],
        permit: OwnedSemaphorePermit,
    ) -> Result<Accepted, PublishError> {
        let now = self.clock.now();
        let order = self.ids.reserve(now, keys.len() as u64 + 1);
        let id = EventId::from_parts(order, self.entropy.next_u64());
        let targets = self.targets(keys, publish.payload.body.len());
        let Publish { payload, external_id } = publish;
        let event = NewEvent { id, scope, payload, external_id, accepted_at: now, targets };
        let (reply, verdict) = oneshot::channel();
        let accepting = Accepting { event, reply, _permit: permit };
        self.entries.send(Entry::Event(Box::new(accepting))).map_err(|_| PublishError::Stopping)?;
        Ok(Accepted { id, verdict })
    }

    fn targets(&self, keys: &[SubscriptionKey], bytes: usize) -> Vec<Target> {
        if keys.is_empty() {
            return Vec::new();
        }
        let mut dispatcher = self.dispatcher.lock();
        keys.iter()
            .map(|&subscription| Target { subscription, leased: dispatcher.promise(subscription, bytes) })
            .collect()
    }

    fn check(&self, publish: &Publish) -> Result<(), PublishError> {
        let bytes = publish.payload.body.len();
        if bytes > self.body_bytes_max {
            return Err(PublishError::BodyTooLarge { bytes, most: self.body_bytes_max });
        }
        if publish.external_id.as_deref().is_some_and(|id| !is_external_id(id)) {
            return Err(PublishError::ExternalId);
        }
        let content_type = publish.payload.content_type.as_deref();
        if content_type.is_some_and(|text| text.is_empty() || http::HeaderValue::from_str(text).is_err()) {
            return Err(PublishError::ContentType);
        }
        Ok(())
    }

    pub(super) fn count_accepted(&self) {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
    }
}

struct Accepted {
    id: EventId,
    verdict: oneshot::Receiver<Result<Verdict, StoreError>>,
}

fn settle(
    id: EventId,
    deliveries: usize,
    verdict: Result<Result<Verdict, StoreError>, oneshot::error::RecvError>,
) -> Result<Published, PublishError> {
    match verdict {
        Ok(Ok(Verdict::Accepted)) => Ok(Published { id, deliveries, duplicate: false }),
        Ok(Ok(Verdict::Duplicate { of, deliveries })) => {
            Ok(Published { id: of, deliveries, duplicate: true })
        }
        Ok(Ok(Verdict::Conflict { with })) => Err(PublishError::Conflict { with }),
        Ok(Err(error)) => Err(PublishError::Store(error)),
        Err(_) => Err(PublishError::Stopping),
    }
}

/// Whether a text can be a publisher's id: 1 to 128 of `[A-Za-z0-9_.:-]`.
pub(super) fn is_external_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
    (1..=limits::EXTERNAL_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_ids_are_short_and_plain() {
        for good in ["a", "order-17", "A_b.c:d-9", &"x".repeat(128)] {
            assert!(is_external_id(good), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", "a\n", &"x".repeat(129)] {
            assert!(!is_external_id(bad), "{bad}");
        }
    }
}
