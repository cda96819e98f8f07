//! Ending deliveries whose time is over. It sleeps until the first of them expires, and for ever where none does.

use std::{sync::Arc, time::Duration};

use hookseal::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Engine, Stopping};
use crate::{
    limits,
    ports::store::{End, Expired},
};

/// The longest sleep while something is to expire: a clock that steps forward is noticed after so long at most.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// When to look for what expires.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    next: Mutex<Option<Timestamp>>,
    /// Wakes the task that waits for it.
    earlier: Notify,
}

/// Ends what expires, until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut stopping = engine.stopping.subscribe();
    loop {
        let earlier = engine.expiry.earlier.notified();
        let now = engine.clock.now();
        let next = *engine.expiry.next.lock();
        match next {
            // What is noted meanwhile is looked at after the rest.
            Some(at) if at <= now => engine.expire(now).await,
            Some(at) => {
                tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
                    () = earlier => continue,
                    () = engine.clock.sleep(at.since(now).min(LOOK_AGAIN)) => continue,
                }
            }
            None => {
                tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
                    () = earlier => continue,
                }
            }
        }
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping != Stopping::No) => return,
            () = engine.clock.sleep(limits::EXPIRE_PAUSE) => {}
        }
    }
}

impl Engine {
    /// Notes that something expires at this time.
    pub(super) fn note_expiry(&self, at: Timestamp) {
        let mut next = self.expiry.next.lock();
        if next.is_none_or(|next| at < next) {
            *next = Some(at);
            self.expiry.earlier.notify_one();
        }
    }

    /// Ends everything whose time is over at `now`: what waits in memory, then what waits in the store.
    async fn expire(self: &Arc<Self>, now: Timestamp) {
        *self.expiry.next.lock() = None;
        self.expire_queued(now);
        let mut any = false;
        loop {
            match self.store.expire(now, limits::EXPIRE_STEP).await {
                Ok(Expired { next: Some(next), ended }) if next <= now && ended > 0 => any = true,
                Ok(Expired { next, ended }) => {
                    any |= ended > 0;
                    if let Some(next) = next {
                        self.note_expiry(next);
                    }
                    break;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "deliveries whose time is over could not be ended"
                    );
                    self.note_expiry(now.saturating_add(limits::STORE_RETRY_LONGEST));
                    break;
                }
            }
        }
        if any {
            self.dispatcher.lock().order_changed(now);
            self.pump();
        }
    }

    fn expire_queued(self: &Arc<Self>, now: Timestamp) {
        let mut next: Option<Timestamp> = None;
        let over = self.dispatcher.lock().take_out(
            |job| {
                let over = job.terms.are_over(job.trigger, now);
                if !over && let Some(at) = job.terms.expires_at.filter(|at| *at > now) {
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                over
            },
            now,
        );
        for job in &over {
            self.end_without_attempt(job.delivery, End::Expired, now, None);
        }
        if let Some(next) = next {
            self.note_expiry(next);
        }
        if !over.is_empty() {
            self.pump();
        }
    }
}
