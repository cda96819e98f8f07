//! Those who use the engine: publishers, and the owners of subscriptions.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hookseal::{Profile, Secret, Timestamp};
use hookseal_engine::{
    DeliveryId, Engine, EventType, OnGiveUp, Payload, Publish, Rotation, Scope, SecretChoice, SettingsChange,
    Subscription, SubscriptionSecret, SubscriptionSettings, SubscriptionStatus, Window, limits,
};
use parking_lot::Mutex;

use super::{
    ledger::{Ledger, Publication, Subscribed, Version},
    plan::{Millis, Plan},
    random::Random,
    world::Life,
};

/// What is still to be asked of the engine, over all of its lives.
#[derive(Debug)]
pub(super) struct Work {
    publications: u64,
    /// Events that were not acknowledged and are to be published again.
    again: BTreeSet<u64>,
    subscriptions: usize,
    changes: u64,
}

impl Work {
    /// All that a plan asks for.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            publications: plan.publications,
            again: BTreeSet::new(),
            subscriptions: plan.subscriptions,
            changes: plan.changes,
        }
    }
}

/// Someone who uses an engine.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) life: Arc<Life>,
    pub(super) engine: Arc<Engine>,
    pub(super) work: Arc<Mutex<Work>>,
    /// One change of subscriptions at a time.
    pub(super) changing: Arc<tokio::sync::Mutex<()>>,
}

/// Profiles of the simulation: with an id on the wire and without, with a time in the signature and without.
const PROFILES: [&str; 4] = ["standard-webhooks", "harmon", "harbor-node", "harbor-lockers"];

/// Tenants and modes of the simulation.
const SCOPES: [Scope; 2] = [Scope::DEFAULT_LIVE, Scope::DEFAULT_TEST];

/// How long the owner of a subscription that could not be made waits before making another.
const CREATE_AGAIN: Duration = Duration::from_secs(1);

fn event_type(name: &str) -> EventType {
    EventType::new(name).expect("invariant: the simulation's types are types")
}

impl Client {
    fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.life.world.client_dice.lock())
    }

    /// Publishes until nothing is left or the storm is over.
    pub(super) async fn publish_all(self) {
        loop {
            let gap = self.life.world.plan.gap;
            let wait = self.draw(|dice| dice.millis(0, gap));
            self.life.sleep(wait).await;
            if !self.life.is_stormy() {
                return;
            }
            let again = self.work.lock().again.pop_first();
            let Some(number) = again.or_else(|| self.next_publication()) else { return };
            let more =
                if self.draw(|dice| dice.chance(150)) { self.draw(|dice| dice.between(1, 4)) } else { 0 };
            let more = (0..more).filter_map(|_| self.next_publication());
            let numbers: Vec<u64> = std::iter::once(number).chain(more).collect();
            for scope in SCOPES {
                let of_it = |number: &u64| self.life.world.ledger.lock().publications[number].scope == scope;
                self.publish(scope, numbers.iter().copied().filter(of_it).collect()).await;
            }
        }
    }

    /// Thinks of the next event.
    fn next_publication(&self) -> Option<u64> {
        {
            let mut work = self.work.lock();
            work.publications = work.publications.checked_sub(1)?;
        }
        let large = self.life.world.plan.large;
        let mut ledger = self.life.world.ledger.lock();
        let number = ledger.publications.len() as u64;
        let (scope, name, more, external_id) = self.draw(|dice| {
            let more = if large { dice.between(500_000, 1_000_000) } else { dice.between(0, 60) };
            // Sometimes an id that is taken, under which there is another body.
            let external_id = match dice.between(0, 9) {
                0..=3 => None,
                4 => Some(format!("id-{}", dice.between(0, number))),
                5 => Some("not an id".to_owned()),
                _ => Some(format!("id-{number}")),
            };
            (*dice.pick(&SCOPES), *dice.pick(&["order.created", "order.paid"]), more, external_id)
        });
        let body = Ledger::body_of(number, more as usize);
        let payload = Payload { event_type: event_type(name), content_type: None, body };
        let window = self.draw(|dice| window(self.life.now().wall, dice));
        Some(ledger.publishes(scope, external_id, payload, window))
    }

    /// Publishes events of one scope, several of them as a batch.
    async fn publish(&self, scope: Scope, numbers: Vec<u64>) {
        let life = &self.life;
        let mut events = Vec::new();
        let mut unanswered = Vec::new();
        for number in &numbers {
            let mut ledger = life.world.ledger.lock();
            ledger.offers(*number);
            let Publication { payload, external_id, window, .. } = ledger.publications[number].clone();
            // Without an answer it is published again by the next process, if its publisher named it.
            let number = external_id.is_some().then_some(*number);
            unanswered.push(Unanswered { work: Arc::clone(&self.work), number });
            events.push(Publish { payload, external_id, window });
        }
        let since = life.passed();
        let answers = match <[Publish; 1]>::try_from(events) {
            Ok([event]) => vec![self.engine.publish(scope, event).await],
            Err(events) => self.engine.publish_all(scope, events).await,
        };
        life.alive().await;
        for ((number, unanswered), answer) in numbers.iter().zip(unanswered).zip(&answers) {
            life.note(format_args!("publish {number}: {answer:?}"));
            let again = life.world.ledger.lock().answered(*number, since, answer, &life.disk, life.now());
            life.world.seen.lock().published(answer);
            if !again {
                unanswered.answered();
            }
        }
        life.end_if_violated();
    }

    /// Makes subscriptions, then changes them, until nothing is left or the storm is over.
    pub(super) async fn own(self) {
        loop {
            let more = {
                let mut work = self.work.lock();
                let more = work.subscriptions > 0;
                work.subscriptions = work.subscriptions.saturating_sub(1);
                more
            };
            if !more {
                break;
            }
            self.create().await;
        }
        loop {
            let longest = self.life.world.plan.storm / 8;
            let wait = self.draw(|dice| dice.millis(0, longest));
            self.life.sleep(wait).await;
            let left = self.work.lock().changes;
            if !self.life.is_stormy() || left == 0 {
                return;
            }
            self.work.lock().changes -= 1;
            self.change_something().await;
        }
    }

    async fn create(&self) {
        let life = &self.life;
        let index = life.world.ledger.lock().subscriptions.len();
        let host = format!("endpoint-{index}.example");
        let profile = *self.draw(|dice| dice.pick(&PROFILES));
        let mut settings = self.draw(|dice| settings(&host, profile, dice));
        settings.ordered =
            *self.draw(|dice| dice.pick(&[None, None, None, Some(OnGiveUp::Stop), Some(OnGiveUp::Skip)]));
        let scope = *self.draw(|dice| dice.pick(&SCOPES));
        let secret = self.secret(profile);
        let (types, ordered) = (settings.event_types.clone(), settings.ordered.is_some());
        let mut subscribed = Subscribed::new(host.clone(), scope, types, profile, ordered);
        let draft = draft(&settings, secret.clone(), life);
        subscribed.may_become(Version::of(&draft), life.passed());
        life.world.ledger.lock().subscriptions.push(subscribed);
        let choice = secret.map_or(SecretChoice::Unsigned, SecretChoice::Given);
        let created = self.engine.create_subscription(scope, settings, choice).await;
        life.alive().await;
        life.note(format_args!("create {host}: {}", created.is_ok()));
        match created {
            Ok(created) => self.is_known(index, created.key),
            // It may be there or not. Another is made in its place, in a while.
            Err(_) => {
                self.work.lock().subscriptions += 1;
                life.sleep(CREATE_AGAIN).await;
            }
        }
    }

    fn is_known(&self, index: usize, key: hookseal_engine::SubscriptionKey) {
        let found = self.life.disk.look_at_subscription(key);
        if let Some(found) = found {
            let at = self.life.passed();
            self.life.world.ledger.lock().subscriptions[index].is(&found, at);
        }
    }

    /// A new secret for a profile, or none where it can do without.
    fn secret(&self, profile: &str) -> Option<Secret> {
        let profile = Profile::builtin(profile)?;
        let mut seed = [0; 32];
        let unsigned = self.draw(|dice| {
            for chunk in seed.chunks_mut(8) {
                chunk.copy_from_slice(&dice.next().to_le_bytes());
            }
            dice.chance(500)
        });
        let may = profile.name() == "harbor-lockers";
        (!may || !unsigned).then(|| profile.delivery().new_secret(&seed))
    }

    async fn change_something(&self) {
        let known: Vec<usize> = {
            let ledger = self.life.world.ledger.lock();
            let all = ledger.subscriptions.iter().enumerate();
            all.filter(|(_, known)| known.id.is_some() && !known.gone()).map(|(index, _)| index).collect()
        };
        if known.is_empty() {
            return self.create().await;
        }
        let (index, what) = self.draw(|dice| (*dice.pick(&known), dice.between(0, 17)));
        match what {
            0..=2 => self.change(index, Change::Status(SubscriptionStatus::Paused)).await,
            3..=5 => self.change(index, Change::Status(SubscriptionStatus::Active)).await,
            6 | 7 => self.change(index, Change::Rules).await,
            8 => self.change(index, Change::Secret).await,
            9 | 16 | 17 => self.rotate(index).await,
            10 => self.delete(index).await,
            11 | 12 => self.ping(index).await,
            13 => self.create().await,
            14 => self.cancel().await,
            _ => self.retry().await,
        }
    }

    /// Has a subscription enabled, as its owner would once all is well again.
    pub(super) async fn enable_some(&self) {
        let count = self.life.world.ledger.lock().subscriptions.len();
        for index in 0..count {
            let known = {
                let ledger = self.life.world.ledger.lock();
                ledger.subscriptions[index].id.is_some() && !ledger.subscriptions[index].gone()
            };
            if known && self.draw(|dice| dice.chance(700)) {
                self.change(index, Change::Status(SubscriptionStatus::Active)).await;
            }
        }
    }

    async fn change(&self, index: usize, what: Change) {
        let life = &self.life;
        let _changing = self.changing.lock().await;
        let (scope, profile, key) = {
            let ledger = life.world.ledger.lock();
            let known = &ledger.subscriptions[index];
            (known.scope, known.profile, known.key)
        };
        let Some(stored) = key.and_then(|key| life.disk.look_at_subscription(key)) else { return };
        let mut draft = stored.clone();
        let mut change = SettingsChange::default();
        match what {
            Change::Status(status) => {
                draft.status = status;
                change.status = Some(status);
            }
            Change::Rules => {
                let host = life.world.ledger.lock().subscriptions[index].host.clone();
                let settings = self.draw(|dice| settings(&host, profile, dice));
                let (event_types, ordered) = (stored.settings.event_types.clone(), stored.settings.ordered);
                draft.settings = SubscriptionSettings { event_types, ordered, ..settings };
                change.settings = Some(draft.settings.clone());
            }
            Change::Secret => {
                let Some(secret) = self.secret(profile) else { return };
                draft.secrets = vec![secret_of(secret.clone(), life)];
                change.secret = Some(SecretChoice::Given(secret));
            }
        }
        life.world.ledger.lock().subscriptions[index].may_become(Version::of(&draft), life.passed());
        let changed = self.engine.change_subscription(scope, stored.id, change).await;
        life.alive().await;
        life.note(format_args!("change {index}, {what:?}: {}", changed.is_ok()));
        if let Ok(changed) = changed {
            self.is_known(index, changed.key);
        }
    }

    /// Has a secret replaced by another, beside which it signs for a while.
    async fn rotate(&self, index: usize) {
        let life = &self.life;
        let _changing = self.changing.lock().await;
        let (scope, profile, key) = {
            let ledger = life.world.ledger.lock();
            let known = &ledger.subscriptions[index];
            (known.scope, known.profile, known.key)
        };
        let Some(stored) = key.and_then(|key| life.disk.look_at_subscription(key)) else { return };
        let several = Profile::builtin(profile).is_some_and(|profile| profile.scheme().signs_with_several());
        let overlaps: &[Option<u64>] = if several { &[None, Some(0), Some(5), Some(60)] } else { &[None] };
        let overlap = self.draw(|dice| *dice.pick(overlaps)).map(Duration::from_secs);
        let rotation = Rotation { secret: self.secret(profile), overlap };
        // As what it becomes is seen when it is stored: when the overlap ends follows from the engine's clock.
        life.world.ledger.lock().subscriptions[index].may_become(Version::of(&stored), life.passed());
        let rotated = self.engine.rotate_secret(scope, stored.id, rotation).await;
        life.alive().await;
        life.note(format_args!("rotate {index} with {overlap:?}: {}", rotated.is_ok()));
        if let Ok(rotated) = rotated {
            self.is_known(index, rotated.key);
        }
    }

    async fn delete(&self, index: usize) {
        let life = &self.life;
        let _changing = self.changing.lock().await;
        let (scope, id) = {
            let ledger = life.world.ledger.lock();
            (ledger.subscriptions[index].scope, ledger.subscriptions[index].id)
        };
        let Some(id) = id else { return };
        life.world.ledger.lock().subscriptions[index].may_be_gone();
        let deleted = self.engine.delete_subscription(scope, id).await;
        life.alive().await;
        life.note(format_args!("delete {index}: {deleted:?}"));
        if matches!(deleted, Ok(()) | Err(hookseal_engine::EngineError::NotFound)) {
            life.world.ledger.lock().subscriptions[index].is_gone(life.passed());
        }
    }

    async fn ping(&self, index: usize) {
        let life = &self.life;
        let (scope, id) = {
            let ledger = life.world.ledger.lock();
            (ledger.subscriptions[index].scope, ledger.subscriptions[index].id)
        };
        let Some(id) = id else { return };
        let pinged = self.engine.ping(scope, id).await;
        life.alive().await;
        life.note(format_args!("ping {index}: {}", pinged.is_ok()));
    }

    /// Some delivery that there is.
    fn some_delivery(&self) -> Option<(Scope, DeliveryId)> {
        let all = self.life.disk.look_at_all();
        let found = (!all.is_empty()).then(|| self.draw(|dice| dice.pick(&all).key));
        found.map(|key| (key.scope, key.id))
    }

    /// Asks for another attempt of some delivery.
    async fn retry(&self) {
        let life = &self.life;
        let Some((scope, id)) = self.some_delivery() else { return };
        life.world.ledger.lock().asks_for(id);
        let asked = self.engine.retry_delivery(scope, id).await;
        life.alive().await;
        life.note(format_args!("retry {id}: {asked:?}"));
    }

    /// Calls some delivery off.
    async fn cancel(&self) {
        let life = &self.life;
        let Some((scope, id)) = self.some_delivery() else { return };
        life.world.ledger.lock().calls_off(id);
        let cancelled = self.engine.cancel_delivery(scope, id).await;
        life.alive().await;
        life.note(format_args!("cancel {id}: {cancelled:?}"));
        if cancelled.is_ok() {
            life.world.ledger.lock().is_called_off(id, life.passed());
        }
    }
}

/// A change of a subscription.
#[derive(Debug, Clone, Copy)]
enum Change {
    Status(SubscriptionStatus),
    Rules,
    Secret,
}

/// An event that is published again unless it is answered.
struct Unanswered {
    work: Arc<Mutex<Work>>,
    number: Option<u64>,
}

impl Unanswered {
    fn answered(mut self) {
        self.number = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.work.lock().again.extend(self.number);
    }
}

/// When an event may be delivered: mostly at any time.
fn window(now: Timestamp, dice: &mut Random) -> Window {
    let later = |dice: &mut Random| Some(now.saturating_add(dice.millis(1, 200_000)));
    match dice.between(0, 9) {
        0 => Window { deliver_at: later(dice), expires_at: None },
        1 | 2 => Window { deliver_at: None, expires_at: later(dice) },
        _ => Window::default(),
    }
}

fn settings(host: &str, profile: &str, dice: &mut Random) -> SubscriptionSettings {
    let types = dice
        .pick(&[None, None, Some("order.created"), Some("order.paid")])
        .map(|name| vec![event_type(name)]);
    let schedule = (0..dice.between(1, 6)).map(|_| dice.between(1, 90) as u32).collect();
    SubscriptionSettings {
        event_types: types,
        timeout_ms: *dice.pick(&[None, Some(1000), Some(10_000)]),
        rate_limit_per_s: *dice.pick(&[None, None, Some(1), Some(10), Some(100)]),
        max_in_flight: *dice.pick(&[None, Some(1), Some(2), Some(5)]),
        retry_schedule_s: Some(schedule),
        ..SubscriptionSettings::new(format!("https://{host}/in"), profile)
    }
}

fn secret_of(secret: Secret, life: &Life) -> SubscriptionSecret {
    SubscriptionSecret { secret, created_at: life.now().wall, expires_at: None }
}

/// A subscription as it will be once it is made.
fn draft(settings: &SubscriptionSettings, secret: Option<Secret>, life: &Life) -> Subscription {
    let now = life.now().wall;
    Subscription {
        id: hookseal_engine::SubscriptionId::from_parts(0, 0),
        key: hookseal_engine::SubscriptionKey(0),
        scope: Scope::DEFAULT_LIVE,
        settings: settings.clone(),
        secrets: secret.map(|secret| secret_of(secret, life)).into_iter().collect(),
        status: SubscriptionStatus::Active,
        disabled_because: None,
        health: hookseal_engine::Health::GOOD,
        challenge: None,
        created_at: now,
        updated_at: now,
    }
}

/// Bytes that an engine of the simulation allows in a body.
pub(super) const BODY_BYTES: usize = limits::BODY_BYTES_MAX;

/// The longest wait that a run has between two looks at whether all has settled.
pub(super) const LOOK_LONGEST: Millis = 60_000;
