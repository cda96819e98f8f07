//! Making attempts.

use std::sync::{Arc, atomic::Ordering};

use hookseal::{SignedHeaders, Timestamp};
use tokio::sync::{oneshot, watch};

use super::{
    Engine, Stopping,
    committer::{Entry, Finished},
    operational::{Happening, Notice},
};
use crate::{
    AttemptRecord, AttemptResult, DeliveryRef, FailureKind, OnGiveUp, Trigger,
    dispatcher::{Begun, Dispatcher, Ended, Job},
    health::Went,
    outcome::{before_expiry, decide, explain_status, is_success},
    ports::store::{End, HealthChange, NextStep, Outcome},
    subscriber::{StandingChange, Subscriber},
};

/// An outcome, and what there is to tell of it.
struct Judged {
    finished: Finished,
    notices: Vec<Notice>,
}

/// Why a job's turn came to no attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NoAttempt {
    /// The delivery's time was over: its end is with the committer.
    Ended,
    /// Nothing is to be recorded: the subscription is gone, or the end of the server cut the attempt off.
    Nothing,
}

/// Makes one attempt, then the next that may begin, until there is none.
pub(super) async fn run(engine: Arc<Engine>, first: Begun) {
    let mut buffer = SignedHeaders::new();
    let mut stopping = engine.stopping.subscribe();
    let mut next = Some(first);
    while let Some(Begun { job, epoch }) = next {
        let key = job.delivery.subscription;
        let mut judged = engine.attempt(&job, &mut buffer, &mut stopping).await;
        let ended = engine.ended(judged.as_ref().ok());
        if let Ok(judged) = &mut judged {
            judged.finished.outcome.make_compact();
        }
        let now = engine.clock.now();
        let mut dispatcher = engine.dispatcher.lock();
        dispatcher.finished(key, epoch, ended, now);
        match judged {
            Ok(judged) => engine.hand_over(judged, &mut dispatcher),
            Err(NoAttempt::Ended) => {}
            Err(NoAttempt::Nothing) => dispatcher.recorded(key, 1, now),
        }
        next = dispatcher.next_attempt(now);
        if next.is_none() && dispatcher.in_flight() == 0 {
            engine.idle.notify_waiters();
        }
        engine.look_after_store(dispatcher);
    }
}

impl Engine {
    /// What an attempt's end means to what begins next.
    fn ended(&self, judged: Option<&Judged>) -> Ended {
        let Some(judged) = judged else { return Ended::NOTHING };
        let result = &judged.finished.outcome.attempt.result;
        // A random number is of use only where the breaker may open.
        let jitter = if result.failure.is_some() { self.entropy.next_u64() } else { 0 };
        Ended::of(result, jitter)
    }

    /// Hands an outcome to the committer, with the events that tell of it.
    fn hand_over(&self, judged: Judged, dispatcher: &mut Dispatcher) {
        let Judged { mut finished, notices } = judged;
        finished.told = notices.into_iter().map(|notice| notice.placed(&self.ids, dispatcher)).collect();
        if self.entries.send(Entry::Outcome(Box::new(finished))).is_err() {
            tracing::error!("an outcome came after the committer had stopped; its delivery is made again");
        }
    }

    /// Attempts a delivery.
    async fn attempt(
        self: &Arc<Self>,
        job: &Job,
        buffer: &mut SignedHeaders,
        stopping: &mut watch::Receiver<Stopping>,
    ) -> Result<Judged, NoAttempt> {
        let now = self.clock.now();
        if job.terms.are_over(job.trigger, now) {
            self.end_without_attempt(job.delivery, End::Expired, now, None);
            return Err(NoAttempt::Ended);
        }
        let subscriber = self.subscriber(job.delivery.subscription).ok_or(NoAttempt::Nothing)?;
        let sent = self.send(&subscriber, job, buffer, stopping).await;
        let (started_at, result) = sent.ok_or(NoAttempt::Nothing)?;
        Ok(self.judge(&subscriber, job, started_at, result))
    }

    /// Signs and sends. `None` where the server's end cut it off.
    async fn send(
        &self,
        subscriber: &Subscriber,
        job: &Job,
        buffer: &mut SignedHeaders,
        stopping: &mut watch::Receiver<Stopping>,
    ) -> Option<(Timestamp, AttemptResult)> {
        self.counters.attempts.fetch_add(1, Ordering::Relaxed);
        let started_at = self.clock.now();
        let id = job.delivery.id.to_string();
        let outbound = match subscriber.request(&id, &job.payload, started_at, buffer) {
            Ok(outbound) => outbound,
            Err(failure) => {
                return Some((
                    started_at,
                    AttemptResult { failure: Some(failure), ..AttemptResult::default() },
                ));
            }
        };
        let mut result = tokio::select! {
            biased;
            result = self.transport.send(outbound) => result,
            _ = stopping.wait_for(|stopping| *stopping == Stopping::Cut) => return None,
        };
        if !is_success(&subscriber.policy, &result) {
            explain_status(&subscriber.policy, &mut result);
            // Made once more rather than kept for every attempt: the same moment gives the same headers.
            let sent = subscriber.request(&id, &job.payload, started_at, buffer);
            result.request_headers = sent.iter().flat_map(|sent| &sent.headers).map(shown).collect();
        }
        Some((started_at, result))
    }

    /// Decides what becomes of the delivery and of its subscription.
    fn judge(
        self: &Arc<Self>,
        subscriber: &Subscriber,
        job: &Job,
        started_at: Timestamp,
        result: AttemptResult,
    ) -> Judged {
        let now = self.clock.now();
        let number = job.attempts + 1;
        let tries = number - job.terms.schedule_from.min(job.attempts);
        let decision = decide(&subscriber.policy, tries, job.trigger, &result, now, self.entropy.next_u64());
        let next = before_expiry(decision.next, job.terms.expires_at);
        let well = next == NextStep::Succeeded;
        let counter = if well { &self.counters.succeeded } else { &self.counters.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        let failed_with = result.failure.as_ref().map(|failure| failure.kind);
        // Neither that the operator's proxy does not work nor that one payload cannot be signed says anything about the
        // endpoint.
        let says_nothing = match failed_with {
            Some(FailureKind::Proxy) => true,
            Some(FailureKind::Unsendable) => subscriber.check().is_ok(),
            _ => false,
        };
        let went = match next {
            NextStep::Succeeded => Went::Well,
            _ => Went::Badly {
                number: tries,
                gone: decision.gone,
                given_up: next == NextStep::GiveUp,
                permanent: failed_with.is_some_and(FailureKind::is_permanent) && !says_nothing,
            },
        };
        // An ordered subscription may not go on without its head, whatever that was given up for.
        let stops = next == NextStep::GiveUp && subscriber.policy.ordered == Some(OnGiveUp::Stop);
        let standing = if stops || !says_nothing { self.mind_health(job, went, now) } else { None };
        let attempt = AttemptRecord { number, trigger: job.trigger, started_at, result };
        let notices = self.notices(subscriber, job, &attempt, next, standing.as_ref(), now);
        if !well {
            log_failure(job.delivery, subscriber, &attempt, next);
        }
        let outcome = Outcome { delivery: job.delivery, attempt, next, terms: job.terms };
        let health = standing.map(|standing| HealthChange {
            subscription: job.delivery.subscription,
            health: standing.health,
            disable: standing.disable,
        });
        Judged { finished: Finished { outcome, health, told: Vec::new(), recorded: None }, notices }
    }

    /// What there is to tell of an attempt. Nothing of test deliveries, and nothing of deliveries that tell of something
    /// themselves, so that no event of this kind ever leads to another.
    fn notices(
        &self,
        subscriber: &Subscriber,
        job: &Job,
        attempt: &AttemptRecord,
        next: NextStep,
        standing: Option<&StandingChange>,
        now: Timestamp,
    ) -> Vec<Notice> {
        let event_type = &job.payload.event_type;
        if job.trigger == Trigger::Ping || event_type.is_operational() {
            return Vec::new();
        }
        let gave_up = (next == NextStep::GiveUp).then_some(Happening::GaveUp {
            delivery: job.delivery,
            event_type,
            attempt,
        });
        let disabled = standing.and_then(|standing| {
            Some(Happening::Disabled { reason: standing.disable?, health: standing.health })
        });
        let recovered = standing.is_some_and(|standing| standing.recovered).then_some(Happening::Recovered);
        let happened = [gave_up, disabled, recovered].into_iter().flatten();
        happened.filter_map(|happening| self.notice(&subscriber.subscription, &happening, now)).collect()
    }

    /// The change of the subscription's health, if there is one. Test deliveries do not count. What counts is the
    /// subscription as it is now: its owner may have changed it while the attempt was under way.
    fn mind_health(self: &Arc<Self>, job: &Job, went: Went, now: Timestamp) -> Option<StandingChange> {
        if job.trigger == Trigger::Ping {
            return None;
        }
        let subscription = job.delivery.subscription;
        let subscriber = self.subscriber(subscription)?;
        let change = subscriber.standing().lock().after(went, &subscriber.policy, now)?;
        if change.disable.is_some() {
            self.apply_rules(subscription);
        }
        Some(change)
    }

    /// Attempts a delivery at once, outside its queue, and waits until the outcome is recorded. `None` where the
    /// end of the server cut it off.
    pub(super) async fn attempt_now(self: &Arc<Self>, job: &Job) -> Option<AttemptRecord> {
        let key = job.delivery.subscription;
        let epoch = self.dispatcher.lock().begin_outside(key, self.clock.now());
        let mut stopping = self.stopping.subscribe();
        let finished = self.attempt(job, &mut SignedHeaders::new(), &mut stopping).await;
        let ended = self.ended(finished.as_ref().ok());
        let now = self.clock.now();
        {
            let mut dispatcher = self.dispatcher.lock();
            dispatcher.finished(key, epoch, ended, now);
            // Whoever stops the engine waits for this one too.
            if dispatcher.in_flight() == 0 {
                self.idle.notify_waiters();
            }
        }
        let mut judged = match finished {
            Ok(judged) => judged,
            Err(NoAttempt::Ended) => return None,
            Err(NoAttempt::Nothing) => {
                self.dispatcher.lock().recorded(key, 1, now);
                return None;
            }
        };
        let (recorded, done) = oneshot::channel();
        let attempt = judged.finished.outcome.attempt.clone();
        judged.finished.recorded = Some(recorded);
        self.hand_over(judged, &mut self.dispatcher.lock());
        // Without an answer the committer is gone, and the attempt was made all the same.
        done.await.ok();
        self.pump();
        Some(attempt)
    }
}

/// A sent header as it is shown: what may be a token is masked.
fn shown((name, value): &(http::HeaderName, http::HeaderValue)) -> (String, String) {
    let value = if value.is_sensitive() {
        "***".into()
    } else {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    (name.to_string(), value)
}

fn log_failure(delivery: DeliveryRef, subscriber: &Subscriber, attempt: &AttemptRecord, next: NextStep) {
    let AttemptResult { status, failure, phases, .. } = &attempt.result;
    let retry_at = match next {
        NextStep::RetryAt(at) => Some(tracing::field::display(at)),
        NextStep::Succeeded | NextStep::GiveUp | NextStep::Expire => None,
    };
    tracing::info!(
        delivery = %delivery.id,
        subscription = %subscriber.subscription.id,
        attempt = attempt.number,
        status = *status,
        failure = failure.as_ref().map(|failure| failure.kind.as_str()),
        detail = failure.as_ref().map(|failure| failure.detail.as_str()),
        duration_ms = phases.total.as_millis() as u64,
        retry_at,
        given_up = next == NextStep::GiveUp,
        expired = next == NextStep::Expire,
        "attempt failed"
    );
}
