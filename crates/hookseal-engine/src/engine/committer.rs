//! The committer: one transaction for all that has come together while the last one was under way.
//!
//! A lone event is committed at once; under load the batches grow by themselves. Outcomes of earlier attempts share
//! the transaction of new events. When the store refuses a batch, the events' publishers are told so and the
//! outcomes are kept: they are offered again until the store takes them, and no more attempts begin than there is
//! room to keep outcomes for.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Engine;
use crate::{
    DeliveryRef, NewEvent, SubscriptionKey, SubscriptionStatus, Trigger, Verdict,
    dispatcher::{Job, Waiting},
    event::target_order,
    limits,
    ports::store::{Batch, End, Ended, HealthChange, NextStep, Outcome, StoreError},
};

/// Something to be committed.
pub(super) enum Entry {
    /// A new event.
    Event(Box<Accepting>),
    /// What came of an attempt.
    Outcome(Box<Finished>),
    /// A delivery that ends without an attempt.
    Ended(Box<Ending>),
    /// Answered once everything before it was committed.
    Flush(oneshot::Sender<()>),
}

/// A new event whose publisher waits.
pub(super) struct Accepting {
    pub(super) event: NewEvent,
    pub(super) reply: oneshot::Sender<Result<Verdict, StoreError>>,
    /// Its share of the bound on events that wait for their commit.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What came of an attempt, and who waits for it to be recorded.
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    pub(super) health: Option<HealthChange>,
    /// Operational events that tell of it.
    pub(super) told: Vec<NewEvent>,
    pub(super) recorded: Option<oneshot::Sender<()>>,
}

/// A delivery that ends without an attempt, and who waits for that to be recorded.
pub(super) struct Ending {
    ended: Ended,
    recorded: Option<oneshot::Sender<()>>,
}

/// Commits until every sender is gone.
pub(super) async fn run(engine: Arc<Engine>, mut queue: mpsc::UnboundedReceiver<Entry>) {
    let mut entries = Vec::new();
    let mut round = Round::default();
    let mut pause = limits::STORE_RETRY_FIRST;
    loop {
        // New entries go first: each of them has the outcomes that were kept offered again as well.
        tokio::select! {
            biased;
            count = queue.recv_many(&mut entries, limits::COMMIT_EVENTS_MAX) => if count == 0 { return },
            () = engine.clock.sleep(pause), if round.holds_outcomes() => {}
        }
        round.take(&mut entries);
        round.gather(&mut queue).await;
        pause = match round.commit(&engine).await {
            Ok(()) => limits::STORE_RETRY_FIRST,
            Err(error) => {
                engine.counters.store_failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error = &error as &dyn std::error::Error, "the store refused a commit");
                (pause * 2).min(limits::STORE_RETRY_LONGEST)
            }
        };
    }
}

/// What one transaction is made of.
#[derive(Default)]
struct Round {
    events: Vec<Accepting>,
    finished: Vec<Finished>,
    ended: Vec<Ending>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Round {
    fn take(&mut self, entries: &mut Vec<Entry>) {
        for entry in entries.drain(..) {
            self.put(entry);
        }
    }

    fn put(&mut self, entry: Entry) {
        match entry {
            Entry::Event(accepting) => self.events.push(*accepting),
            Entry::Outcome(finished) => self.finished.push(*finished),
            Entry::Ended(ending) => self.ended.push(*ending),
            Entry::Flush(reply) => self.flushes.push(reply),
        }
    }

    /// Whether it holds what the store has refused once and must take in the end.
    fn holds_outcomes(&self) -> bool {
        !self.finished.is_empty() || !self.ended.is_empty()
    }

    /// Lets whoever is ready to publish or to report an outcome right now do so before the batch closes, again for as
    /// long as that brings something: a larger batch costs each of its events less. When nobody is ready this costs
    /// nothing, and a lone event is committed at once.
    async fn gather(&mut self, queue: &mut mpsc::UnboundedReceiver<Entry>) {
        for _ in 0..limits::COMMIT_TURNS_MAX {
            tokio::task::yield_now().await;
            let mut came = false;
            while self.events.len() < limits::COMMIT_EVENTS_MAX
                && let Ok(entry) = queue.try_recv()
            {
                self.put(entry);
                came = true;
            }
            if !came {
                return;
            }
        }
    }

    async fn commit(&mut self, engine: &Arc<Engine>) -> Result<(), StoreError> {
        if !self.events.is_empty() || self.holds_outcomes() {
            match engine.store.commit(self.batch(engine)).await {
                Ok(committed) => self.settle(engine, &committed.verdicts),
                Err(error) => {
                    self.refuse(engine, &error);
                    if !self.holds_outcomes() {
                        self.answer_flushes();
                    }
                    return Err(error);
                }
            }
            engine.pump();
        }
        self.answer_flushes();
        Ok(())
    }

    /// Nothing is left of what came before whoever waits for that.
    fn answer_flushes(&mut self) {
        for reply in self.flushes.drain(..) {
            // Whoever asked may have stopped waiting.
            reply.send(()).ok();
        }
    }

    fn batch(&self, engine: &Engine) -> Batch {
        Batch {
            events: self
                .told()
                .chain(self.events.iter().map(|accepting| &accepting.event))
                .cloned()
                .collect(),
            outcomes: self.finished.iter().map(|finished| finished.outcome.clone()).collect(),
            ended: self.ended.iter().map(|ending| ending.ended).collect(),
            health: self.health(engine),
        }
    }

    /// The operational events, which stand first in the batch and stay with their outcomes until the store takes them.
    fn told(&self) -> impl Iterator<Item = &NewEvent> {
        self.finished.iter().flat_map(|finished| &finished.told)
    }

    /// One change for each subscription whose health changed. Outcomes of one subscription may come here in another
    /// order than they happened in, so that what is written is how it stands now, and no reason to disable it is lost.
    fn health(&self, engine: &Engine) -> Vec<HealthChange> {
        let mut changes: BTreeMap<SubscriptionKey, HealthChange> = BTreeMap::new();
        for change in self.finished.iter().filter_map(|finished| finished.health) {
            let merged = changes.entry(change.subscription).or_insert(change);
            merged.disable = merged.disable.or(change.disable);
        }
        for change in changes.values_mut() {
            if let Some(subscriber) = engine.subscriber(change.subscription) {
                let standing = *subscriber.standing().lock();
                change.health = standing.health;
                // Its owner may have enabled it since.
                change.disable =
                    change.disable.filter(|_| standing.status == SubscriptionStatus::TooManyErrors);
            }
        }
        changes.into_values().collect()
    }

    /// The batch is durable: jobs begin, publishers are answered.
    fn settle(&mut self, engine: &Arc<Engine>, verdicts: &[Verdict]) {
        let now = engine.clock.now();
        let (of_told, verdicts) = verdicts.split_at(self.told().count());
        let mut dispatcher = engine.dispatcher.lock();
        for (event, verdict) in self.told().zip(of_told) {
            place(&mut dispatcher, event, *verdict, now);
        }
        for (accepting, verdict) in self.events.iter().zip(verdicts) {
            place(&mut dispatcher, &accepting.event, *verdict, now);
        }
        for Finished { outcome, .. } in &self.finished {
            let DeliveryRef { id, subscription, .. } = outcome.delivery;
            // An ordered queue goes on when the outcome is recorded: by then it must know what waits before the rest.
            if let NextStep::RetryAt(due) = outcome.next {
                dispatcher.stored(subscription, Waiting { due, order: id.order() }, false, now);
            }
            dispatcher.recorded(subscription, 1, now);
        }
        for Ending { ended, .. } in &self.ended {
            dispatcher.recorded(ended.delivery.subscription, 1, now);
        }
        drop(dispatcher);
        self.note_expiries(engine);
        self.note_ended(engine);
        for (accepting, verdict) in self.events.drain(..).zip(verdicts) {
            if *verdict == Verdict::Accepted {
                engine.count_accepted();
            }
            // A publisher that has gone away finds out by publishing again.
            accepting.reply.send(Ok(*verdict)).ok();
        }
        for finished in self.finished.drain(..) {
            if let Some(recorded) = finished.recorded {
                recorded.send(()).ok();
            }
        }
        for recorded in self.ended.drain(..).filter_map(|ending| ending.recorded) {
            // Whoever asked may have stopped waiting.
            recorded.send(()).ok();
        }
    }

    /// Tells replays, which wait for their deliveries to go out.
    fn note_ended(&self, engine: &Engine) {
        let finished = self.finished.iter().map(|finished| finished.outcome.delivery.subscription);
        let ended = self.ended.iter().map(|ending| ending.ended.delivery.subscription);
        engine.replays.note_ended(finished.chain(ended));
    }

    /// Has what was stored looked at again when it expires.
    fn note_expiries(&self, engine: &Engine) {
        let events = self.events.iter().filter_map(|accepting| accepting.event.window.expires_at);
        let retried = |finished: &&Finished| matches!(finished.outcome.next, NextStep::RetryAt(_));
        let outcomes = self.finished.iter().filter(retried);
        let outcomes = outcomes.filter_map(|finished| finished.outcome.terms.expires_at);
        if let Some(first) = events.chain(outcomes).min() {
            engine.note_expiry(first);
        }
    }

    /// The batch is not durable: publishers are told, outcomes are kept.
    fn refuse(&mut self, engine: &Arc<Engine>, error: &StoreError) {
        let now = engine.clock.now();
        let mut dispatcher = engine.dispatcher.lock();
        for accepting in &self.events {
            withdraw(&mut dispatcher, &accepting.event, now);
        }
        drop(dispatcher);
        let mut refused = Vec::with_capacity(self.events.len());
        for Accepting { event, reply, permit } in self.events.drain(..) {
            reply.send(Err(error.like())).ok();
            refused.push((event, permit));
        }
        engine.unsure_of_events(refused, error);
    }
}

/// Does what a verdict means to an event's deliveries: they go straight to memory, or wait in the store.
fn place(
    dispatcher: &mut crate::dispatcher::Dispatcher,
    event: &NewEvent,
    verdict: Verdict,
    now: hookseal::Timestamp,
) {
    if verdict != Verdict::Accepted {
        withdraw(dispatcher, event, now);
        return;
    }
    let payload = Arc::new(event.payload.clone());
    for (index, target) in event.targets.iter().enumerate() {
        if target.leased {
            dispatcher.admit(event.job(index, &payload), now);
        } else {
            // What is put off does not wait for want of room.
            let overflowed = event.window.deliver_at.is_none();
            let waiting = Waiting { due: event.due_at(), order: target_order(event.id, index) };
            dispatcher.stored(target.subscription, waiting, overflowed, now);
        }
    }
}

fn withdraw(dispatcher: &mut crate::dispatcher::Dispatcher, event: &NewEvent, now: hookseal::Timestamp) {
    for target in event.targets.iter().filter(|target| target.leased) {
        dispatcher.withdraw(target.subscription, event.payload.body.len(), now);
    }
}

impl NewEvent {
    /// Target `index` of this event as a job.
    pub(super) fn job(&self, index: usize, payload: &Arc<crate::Payload>) -> Job {
        let delivery = self.delivery(index);
        Job {
            delivery,
            payload: Arc::clone(payload),
            attempts: 0,
            trigger: Trigger::Schedule,
            terms: self.terms(),
        }
    }
}

impl Engine {
    /// Has a delivery recorded as ended that this node has leased, and that is neither queued nor under way.
    pub(super) fn end_without_attempt(
        &self,
        delivery: DeliveryRef,
        end: End,
        at: hookseal::Timestamp,
        recorded: Option<oneshot::Sender<()>>,
    ) {
        let ended = Ended { delivery, end, at };
        if self.entries.send(Entry::Ended(Box::new(Ending { ended, recorded }))).is_err() {
            tracing::error!("a delivery ended after the committer had stopped; it waits for the next run");
        }
    }

    /// Waits until everything handed to the committer so far is recorded, at most [`limits::CUT`]. Whether it is.
    pub(super) async fn flush(&self) -> bool {
        let (reply, flushed) = oneshot::channel();
        if self.entries.send(Entry::Flush(reply)).is_ok() {
            let patience: Duration = limits::CUT;
            return tokio::select! {
                biased;
                flushed = flushed => flushed.is_ok(),
                () = self.clock.sleep(patience) => false,
            };
        }
        false
    }

    /// The same where going on without it would be wrong.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where it takes too long.
    pub(super) async fn flushed(&self) -> Result<(), StoreError> {
        const SLOW: StoreError = StoreError::Unavailable {
            what: "what deliveries have changed was not recorded in time",
            source: None,
        };
        if self.flush().await { Ok(()) } else { Err(SLOW) }
    }
}
