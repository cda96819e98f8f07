//! Accepting events.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use hookseal::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Engine, PublishError,
    committer::{Accepting, Entry},
};
use crate::{
    EventId, NewEvent, Payload, Scope, SubscriptionKey, Target, Verdict, Window, limits,
    ports::store::StoreError,
};

/// An event to be published.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Type and bytes.
    pub payload: Payload,
    /// The publisher's own id.
    pub external_id: Option<String>,
    /// When it may be delivered. A `deliver_at` in the past means at once.
    pub window: Window,
}

impl Publish {
    /// An event that has no id of its publisher's, is delivered at once and never expires.
    pub fn of(payload: Payload) -> Self {
        Self { payload, external_id: None, window: Window::default() }
    }
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
        let keys = self.matched(scope, &publish)?;
        self.keep_pace(&keys).await;
        let mut accepted = self.begin(scope, publish, &keys).await?;
        tokio::select! {
            biased;
            published = accepted.settled() => published,
            () = self.clock.sleep(limits::ACCEPT_TIMEOUT) => Err(PublishError::Timeout),
        }
    }

    /// Publishes events as if one after the other, and gives what came of each, in their order. They share as few
    /// commits as they can; one that is refused leaves the others as they are. From the first one that is not durable in
    /// time on, nothing is waited for any more: a store that hangs holds a batch up no longer than
    /// [`limits::BATCH_TIMEOUT`].
    pub async fn publish_all(
        self: &Arc<Self>,
        scope: Scope,
        events: Vec<Publish>,
    ) -> Vec<Result<Published, PublishError>> {
        let mut published = Vec::with_capacity(events.len());
        let mut under_way = Vec::new();
        let mut deliveries = 0;
        let mut patience = Patience::new(self.clock.sleep(limits::BATCH_TIMEOUT));
        for event in events {
            let begun = match self.matched(scope, &event) {
                // It is not handed over any more: the rest of the batch is told to come again at once.
                Ok(_) if patience.lost => Err(PublishError::Timeout),
                Ok(keys) => patience.or_timeout(self.begin(scope, event, &keys)).await,
                Err(error) => Err(error),
            };
            deliveries += begun.as_ref().map_or(0, |accepted| accepted.deliveries);
            under_way.push(begun);
            if deliveries > limits::BATCH_DELIVERIES_MAX {
                published.extend(self.all_published(std::mem::take(&mut under_way), &mut patience).await);
                deliveries = 0;
            }
        }
        published.extend(self.all_published(under_way, &mut patience).await);
        published
    }

    /// Waits for events that were handed to the committer, for all of them no longer than for one.
    async fn all_published(
        &self,
        accepted: Vec<Result<Accepted, PublishError>>,
        patience: &mut Patience<'_>,
    ) -> Vec<Result<Published, PublishError>> {
        let timeout = self.clock.sleep(limits::ACCEPT_TIMEOUT);
        tokio::pin!(timeout);
        let mut published = Vec::with_capacity(accepted.len());
        for accepted in accepted {
            published.push(match accepted {
                Err(error) => Err(error),
                Ok(accepted) if patience.lost => accepted.published_by_now(),
                Ok(mut accepted) => {
                    let settled = async {
                        tokio::select! {
                            biased;
                            published = accepted.settled() => published,
                            () = &mut timeout => Err(PublishError::Timeout),
                        }
                    };
                    patience.or_timeout(settled).await
                }
            });
        }
        published
    }

    /// Checks an event, and finds whom it goes to.
    fn matched(&self, scope: Scope, publish: &Publish) -> Result<Vec<SubscriptionKey>, PublishError> {
        self.check(publish, self.clock.now())?;
        let keys = self.registry.read().matching(scope, &publish.payload.event_type);
        if keys.len() > limits::FAN_OUT_MAX {
            return Err(PublishError::FanOut { matched: keys.len(), most: limits::FAN_OUT_MAX });
        }
        Ok(keys)
    }

    /// Waits for a moment where deliveries are made as fast as this machine can and events come faster still.
    async fn keep_pace(&self, keys: &[SubscriptionKey]) {
        let wait = self.dispatcher.lock().crowded_for(keys);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    /// Hands an event to the committer when its turn has come.
    async fn begin(
        self: &Arc<Self>,
        scope: Scope,
        publish: Publish,
        keys: &[SubscriptionKey],
    ) -> Result<Accepted, PublishError> {
        let permit = self.admission(publish.payload.body.len()).await?;
        self.accept(scope, publish, keys, permit)
    }

    /// Waits for its turn: events that wait for their commit have a bound in bytes.
    pub(super) async fn admission(&self, body_bytes: usize) -> Result<OwnedSemaphorePermit, PublishError> {
        // Each event counts for a kibibyte besides its body: it costs memory of its own.
        let permits = u32::try_from(body_bytes + 1024).unwrap_or(u32::MAX);
        let semaphore = Arc::clone(&self.accepting);
        if let Ok(permit) = Arc::clone(&semaphore).try_acquire_many_owned(permits) {
            return Ok(permit);
        }
        tokio::select! {
            biased;
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
        let bytes = publish.payload.body.len();
        let Publish { payload, external_id, mut window } = publish;
        let nonce = self.entropy.next_u64();
        let (reply, verdict) = oneshot::channel();
        // One step: an event that has the lower place is committed no later, and so is every delivery of it. Ordered
        // subscriptions rest on that.
        let mut dispatcher = self.dispatcher.lock();
        let now = self.clock.now();
        window.deliver_at = window.deliver_at.filter(|at| *at > now);
        let order = self.ids.reserve(now, keys.len() as u64 + 1);
        let id = EventId::from_parts(order, nonce);
        // What is put off waits in the store.
        let put_off = window.deliver_at.is_some();
        let leased = |subscription| !put_off && dispatcher.promise(subscription, bytes);
        let targets = targets(keys, leased);
        let event = NewEvent { id, scope, payload, external_id, accepted_at: now, window, targets };
        let accepting = Accepting { event, reply, permit };
        self.entries.send(Entry::Event(Box::new(accepting))).map_err(|_| PublishError::Stopping)?;
        Ok(Accepted { id, deliveries: keys.len(), verdict })
    }

    fn check(&self, publish: &Publish, now: Timestamp) -> Result<(), PublishError> {
        if publish.payload.event_type.is_operational() {
            return Err(PublishError::Reserved);
        }
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
        check_window(publish.window, now)
    }

    pub(super) fn count_accepted(&self) {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
    }
}

/// The deliveries of an event, those leased that have a place in memory.
pub(super) fn targets(
    keys: &[SubscriptionKey],
    mut leased: impl FnMut(SubscriptionKey) -> bool,
) -> Vec<Target> {
    keys.iter().map(|&subscription| Target { subscription, leased: leased(subscription) }).collect()
}

fn check_window(window: Window, now: Timestamp) -> Result<(), PublishError> {
    let Window { deliver_at, expires_at } = window;
    if deliver_at.is_some_and(|at| at > now.saturating_add(limits::DELIVER_AT_AHEAD_MAX)) {
        return Err(PublishError::DeliverAt);
    }
    match (deliver_at, expires_at) {
        (_, Some(over)) if over <= now => Err(PublishError::ExpiresAt("lies in the past")),
        (Some(at), Some(over)) if over <= at => Err(PublishError::ExpiresAt("must lie after `deliver_at`")),
        _ => Ok(()),
    }
}

/// How long a batch is waited for as a whole.
struct Patience<'a> {
    deadline: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    /// Whether that is over, or one of its events was not durable in time.
    lost: bool,
}

impl<'a> Patience<'a> {
    fn new(deadline: impl Future<Output = ()> + Send + 'a) -> Self {
        Self { deadline: Box::pin(deadline), lost: false }
    }

    /// What comes of a step of the batch, where that is known in time. Not to be called once patience is lost.
    async fn or_timeout<T>(
        &mut self,
        step: impl Future<Output = Result<T, PublishError>>,
    ) -> Result<T, PublishError> {
        let done = tokio::select! {
            biased;
            done = step => done,
            () = &mut self.deadline => Err(PublishError::Timeout),
        };
        self.lost = matches!(done, Err(PublishError::Timeout));
        done
    }
}

/// An event in the committer's hands.
struct Accepted {
    id: EventId,
    deliveries: usize,
    verdict: oneshot::Receiver<Result<Verdict, StoreError>>,
}

impl Accepted {
    /// Waits for the commit; not to be called again once it has returned.
    async fn settled(&mut self) -> Result<Published, PublishError> {
        match (&mut self.verdict).await {
            Ok(verdict) => self.settle(verdict),
            Err(_) => Err(PublishError::Stopping),
        }
    }

    /// What came of it, where that is known without waiting.
    fn published_by_now(mut self) -> Result<Published, PublishError> {
        match self.verdict.try_recv() {
            Ok(verdict) => self.settle(verdict),
            Err(oneshot::error::TryRecvError::Empty) => Err(PublishError::Timeout),
            Err(oneshot::error::TryRecvError::Closed) => Err(PublishError::Stopping),
        }
    }

    fn settle(&self, verdict: Result<Verdict, StoreError>) -> Result<Published, PublishError> {
        match verdict.map_err(PublishError::Store)? {
            Verdict::Accepted => Ok(Published { id: self.id, deliveries: self.deliveries, duplicate: false }),
            Verdict::Duplicate { of, deliveries } => Ok(Published { id: of, deliveries, duplicate: true }),
            Verdict::Conflict { with } => Err(PublishError::Conflict { with }),
        }
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
