//! Asking endpoints to prove themselves before anything is delivered to them: on creation and after a change of where
//! they are, until they are answered or the schedule is over; and once whenever their owner wants it.
//!
//! Each subscription that is `Pending` has one task that asks. Whatever makes its question pointless - it is deleted,
//! paused, goes elsewhere, or has proved itself otherwise - cuts that task off, so that no answer of before counts.

use std::{
    collections::{HashMap, hash_map::Entry as Course},
    sync::{Arc, OnceLock},
    time::Duration,
};

use hookseal::Timestamp;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, oneshot},
    task::AbortHandle,
};

use super::{
    Engine, EngineError, Stopping,
    committer::{Accepting, Entry},
    operational::{Happening, Notice},
};
use crate::{
    AttemptResult, ChallengeRecord, Scope, Subscription, SubscriptionId, SubscriptionStatus,
    challenge::{self, Next, Verdict},
    limits,
    ports::store::{StoreError, SubscriptionChange},
    subscriber::Subscriber,
};

/// What is being asked.
pub(super) struct Challenges {
    /// The tasks that ask. They are cut off while `Engine::changing` is held alone, which they hold when they write.
    courses: Mutex<HashMap<SubscriptionId, AbortHandle>>,
    /// Bounds how many endpoints are asked at once.
    turns: Semaphore,
}

impl Default for Challenges {
    fn default() -> Self {
        Self { courses: Mutex::default(), turns: Semaphore::new(limits::CHALLENGES_AT_ONCE_MAX) }
    }
}

impl Challenges {
    /// Cuts off the task that asks this one, if there is any.
    pub(super) fn end(&self, id: SubscriptionId) {
        if let Some(course) = self.courses.lock().remove(&id) {
            course.abort();
        }
    }

    /// The task is over by itself.
    fn is_over(&self, id: SubscriptionId) {
        self.courses.lock().remove(&id);
    }
}

/// A question that was asked, and what came of it.
struct Asked {
    /// Whom it was about, as it stood then.
    subscriber: Arc<Subscriber>,
    /// `None` where its profile asks nothing.
    answer: Option<Answer>,
}

struct Answer {
    at: Timestamp,
    status: Option<u16>,
    verdict: Verdict,
    /// What is written of it, worked out once: writing it again counts no try more.
    record: OnceLock<ChallengeRecord>,
}

/// What is stored once an answer is recorded.
enum Recorded {
    /// The subscription is gone, or goes elsewhere: the answer counts for nothing.
    Void,
    /// The subscription as it stands, and what follows.
    Done(Box<Subscription>, Next),
}

impl Engine {
    /// Has a subscription's challenge asked while it has to prove itself, and no longer. To be called with every
    /// subscription that is taken into memory.
    pub(super) fn mind_challenge(self: &Arc<Self>, subscription: &Subscription) {
        let Subscription { id, scope, status, .. } = *subscription;
        if status != SubscriptionStatus::Pending {
            self.challenges.end(id);
            return;
        }
        // Held until the task is noted, so that it is not over before.
        if let Course::Vacant(vacant) = self.challenges.courses.lock().entry(id) {
            let engine = Arc::clone(self);
            let task = tokio::spawn(async move {
                let mut stopping = engine.stopping.subscribe();
                tokio::select! {
                    biased;
                    // The next run asks again.
                    _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => {}
                    () = engine.ask_until_settled(scope, id) => {}
                }
            });
            vacant.insert(task.abort_handle());
        }
    }

    /// Asks a subscription's endpoint to prove itself, once and at once, whatever its status, and gives it as it stands
    /// then: what came of it is its `challenge`. A right answer makes an unproved one active; a wrong one changes no
    /// status.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`]; [`EngineError::Conflict`] where its profile has no challenge, and where it was
    /// changed meanwhile; [`EngineError::Store`], [`EngineError::Stopping`].
    pub async fn validate(
        self: &Arc<Self>,
        scope: Scope,
        id: SubscriptionId,
    ) -> Result<Subscription, EngineError> {
        let mut stopping = self.stopping.subscribe();
        let asked = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return Err(EngineError::Stopping),
            asked = self.ask(scope, id) => asked.ok_or(EngineError::NotFound)?,
        };
        if asked.answer.is_none() {
            return Err(EngineError::Conflict("the profile of this webhook has no challenge"));
        }
        match self.record(&asked, false).await {
            Ok(Recorded::Done(subscription, _)) => Ok(*subscription),
            Ok(Recorded::Void) => {
                Err(EngineError::Conflict("the webhook was changed while its endpoint was asked; ask again"))
            }
            Err(error) => {
                self.unsure_of_subscription(scope, id, &error);
                Err(EngineError::Store(error))
            }
        }
    }

    async fn ask_until_settled(self: &Arc<Self>, scope: Scope, id: SubscriptionId) {
        while let Some(asked) = self.ask(scope, id).await {
            match self.until_answered(|| self.record(&asked, true)).await {
                Some(Recorded::Done(_, Next::Again(wait))) => self.clock.sleep(wait).await,
                Some(Recorded::Done(subscription, Next::Failed)) => {
                    self.tell_of_failure(&subscription).await;
                    return;
                }
                Some(Recorded::Done(_, Next::Passed) | Recorded::Void) | None => return,
            }
        }
    }

    /// Asks once. `None` where there is no such subscription in memory.
    async fn ask(&self, scope: Scope, id: SubscriptionId) -> Option<Asked> {
        let _turn = self.challenges.turns.acquire().await.ok()?;
        let subscriber = self.registry.read().by_id(scope, id).cloned()?;
        let profile = self.profiles.get(&subscriber.subscription.settings.profile);
        let Some(challenge) = profile.and_then(|profile| profile.challenge()) else {
            return Some(Asked { subscriber, answer: None });
        };
        let mut token = [0; limits::CHALLENGE_TOKEN_BYTES];
        self.entropy.fill(&mut token);
        let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let at = self.clock.now();
        let result = match subscriber.challenge(challenge, &token, at) {
            Ok(outbound) => self.transport.send(outbound).await,
            Err(failure) => AttemptResult { failure: Some(failure), ..AttemptResult::default() },
        };
        let verdict = challenge::judge(challenge, &token, &result);
        Some(Asked {
            subscriber,
            answer: Some(Answer { at, status: result.status, verdict, record: OnceLock::new() }),
        })
    }

    /// Writes what came of a question. Asking for it again once it is written changes nothing more. `in_course` says
    /// whether it is one of those that lead to failure when they are over.
    async fn record(self: &Arc<Self>, asked: &Asked, in_course: bool) -> Result<Recorded, StoreError> {
        let Subscription { id, scope, settings, .. } = &asked.subscriber.subscription;
        let (id, scope) = (*id, *scope);
        let _changing = self.changing.lock().await;
        // What deliveries have changed of it is in the store before this is.
        self.flushed().await?;
        let Some(stored) = self.store.subscription(scope, id).await? else { return Ok(Recorded::Void) };
        let is_same = stored.settings.endpoint_url == settings.endpoint_url
            && stored.settings.profile == settings.profile;
        if !is_same {
            return Ok(Recorded::Void);
        }
        let record = asked.answer.as_ref().map(|answer| answer.record(stored.challenge.as_ref()));
        let passed = record.as_ref().is_none_or(ChallengeRecord::passed);
        let tries = record.as_ref().map_or(1, |record| record.tries);
        let next = match challenge::next(passed, tries) {
            // One that is asked by hand leaves the course of the others as it is.
            Next::Failed if !in_course => Next::Again(Duration::ZERO),
            next => next,
        };
        // It is not its owner's change, so that it stays of the time of that.
        let change = SubscriptionChange {
            status: challenge::status_after(stored.status, next),
            challenge: Some(record),
            ..SubscriptionChange::of(scope, id, stored.updated_at)
        };
        let Some(changed) = self.store.change_subscription(change).await? else { return Ok(Recorded::Void) };
        if in_course && changed.status != SubscriptionStatus::Pending {
            self.challenges.is_over(id);
        }
        tracing::info!(
            subscription = %id,
            tries,
            problem = changed.challenge.as_ref().and_then(|record| record.problem.as_deref()),
            status = changed.status.as_str(),
            "asked a challenge"
        );
        self.enlist(changed.clone(), false);
        self.pump();
        Ok(Recorded::Done(Box::new(changed), next))
    }

    /// Tells operators that an endpoint has not proved itself. After a crash just before they are not told; what came of
    /// the challenge stands on the subscription all the same.
    async fn tell_of_failure(self: &Arc<Self>, subscription: &Subscription) {
        let Some(record) = &subscription.challenge else { return };
        let happening = Happening::ChallengeFailed { record };
        if let Some(notice) = self.notice(subscription, &happening, self.clock.now()) {
            // What it comes to is logged where it fails.
            self.until_answered(|| self.tell(notice.clone())).await;
        }
    }

    /// Has an operational event committed by itself.
    async fn tell(&self, notice: Notice) -> Result<(), StoreError> {
        let unavailable = |what| StoreError::Unavailable { what, source: None };
        let permit = self.admission(notice.body_bytes()).await;
        let permit = permit.map_err(|_| unavailable("take an event that tells of a failure"))?;
        let (reply, verdict) = oneshot::channel();
        {
            let mut dispatcher = self.dispatcher.lock();
            let event = notice.placed(&self.ids, &mut dispatcher);
            // Without a committer the answer never comes, which is seen below.
            self.entries.send(Entry::Event(Box::new(Accepting { event, reply, permit }))).ok();
        }
        verdict.await.map_err(|_| unavailable("tell of a failure"))?.map(drop)
    }
}

impl Answer {
    /// What is written of it, after what was when it is written first.
    fn record(&self, before: Option<&ChallengeRecord>) -> ChallengeRecord {
        let Self { at, status, verdict: Verdict { failure, problem }, record } = self;
        let made = || {
            let tries = before.map_or(1, |before| before.tries.saturating_add(1));
            ChallengeRecord { at: *at, tries, status: *status, failure: *failure, problem: problem.clone() }
        };
        record.get_or_init(made).clone()
    }
}
