//! The embedded store: events accepted in one commit, recorded as delivered in the next.

use std::time::Duration;

use bytes::Bytes;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryRef, EventId, EventType, IdSource, NewEvent, Payload, Phases,
    Scope, SecretChoice, SubscriptionKey, SubscriptionSettings, Target, Terms, Trigger, Window,
    ports::{
        Store,
        store::{Batch, NextStep, Outcome},
    },
};
use hookseal_sqlite::{OpenOptions, SqliteStore};

use crate::{Failure, NOW, pipeline};

/// Events of one commit, and outcomes.
const EVENTS: usize = 32;

/// Commits so many batches.
pub(crate) async fn commit(times: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let subscription = subscribe(directory.path()).await?;
    let store = SqliteStore::open(&OpenOptions::new(directory.path()))?;
    let ids = IdSource::new(store.recover(NOW).await?.highest_order);
    let event_type = EventType::new("order.confirmed")?;
    let payload = Payload { event_type, content_type: None, body: Bytes::from_static(&[b'x'; 500]) };
    let mut earlier: Vec<Outcome> = Vec::new();
    for _ in 0..times {
        let event = |number| NewEvent {
            id: EventId::from_parts(ids.reserve(NOW, 2), number as u64),
            scope: Scope::DEFAULT_LIVE,
            payload: payload.clone(),
            external_id: None,
            accepted_at: NOW,
            window: Window::default(),
            targets: vec![Target { subscription, leased: true }],
        };
        let events: Vec<NewEvent> = (0..EVENTS).map(event).collect();
        let next = events.iter().map(succeeded).collect();
        let outcomes = std::mem::replace(&mut earlier, next);
        store.commit(Batch { events, outcomes, ..Batch::default() }).await?;
    }
    store.close().await;
    Ok(())
}

/// Has an engine make the one subscription that all events go to.
async fn subscribe(directory: &std::path::Path) -> Result<SubscriptionKey, Failure> {
    let engine = pipeline::engine(SqliteStore::open(&OpenOptions::new(directory))?).await?;
    let settings = SubscriptionSettings::new("https://shop.example/hook", "standard-webhooks");
    let made = engine.create_subscription(Scope::DEFAULT_LIVE, settings, SecretChoice::Generate).await?;
    engine.stop(Duration::ZERO).await;
    Ok(made.key)
}

fn succeeded(event: &NewEvent) -> Outcome {
    let delivery = DeliveryRef {
        id: event.delivery_id(0),
        event: event.id,
        subscription: event.targets[0].subscription,
        scope: event.scope,
    };
    let phases = Phases { total: Duration::from_millis(3), ..Phases::default() };
    let result = AttemptResult { status: Some(204), phases, ..AttemptResult::default() };
    let attempt = AttemptRecord { number: 1, trigger: Trigger::Schedule, started_at: NOW, result };
    Outcome { delivery, attempt, next: NextStep::Succeeded, terms: Terms::default() }
}
