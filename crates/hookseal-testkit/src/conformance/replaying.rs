//! Replays: durable jobs that make deliveries due again, step by step.

use hookseal_engine::{
    DeliveryId, DeliveryRef, DeliveryState, NewEvent, ReplayId, ReplayRecord, ReplayState, ReplayWish,
    Replayable, Subscription, SubscriptionId, Trigger, Wanted, Window,
    ports::store::{Advanced, End, Ended, NewReplay, NextStep, Page, ReplayStep, Retried, StoreError},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, everything, failure, kind, leased, parked, success},
};

/// How a step is bounded unless a test is about it.
const STEP: (usize, usize, usize) = (100, 100, 100);

/// It comes back as it was asked for, and has not looked at anything yet.
pub async fn a_replay_comes_back_as_it_was_asked_for<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut wish = wish(10, 90, &[Replayable::Succeeded, Replayable::Missing]);
    wish.event_types = Some(vec![kind("order.confirmed"), kind("b")]);
    let replay = world.replay(&subscription, 100, wish.clone()).await;
    assert_eq!((replay.subscription, replay.subscription_id), (subscription.key, subscription.id));
    assert_eq!((&replay.wish, replay.state, replay.scope), (&wish, ReplayState::Running, LIVE));
    assert_eq!((replay.examined, replay.replayed, replay.created, replay.finished_at), (0, 0, 0, None));
    assert_eq!(replay.position(), None);
    let again = NewReplay { id: replay.id, subscription: subscription.key, wish };
    let again = world.store.create_replay(again).await.expect("a replay is created");
    assert_eq!(again.as_ref(), Some(&replay), "the same call again");
    world.crash().await;
    assert!(world.recover(200).await.highest_order >= replay.id.order());
    assert_eq!(world.stored(replay.id).await, replay);
    assert_eq!(world.store.running_replays().await.expect("replays are read"), [replay]);
}

/// The next has to wait until it has ended.
pub async fn one_replay_of_a_subscription_runs_at_a_time<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let first = world.replay(&one, 10, wish(0, 9, &Replayable::ALL)).await;
    let new = world.new_replay(&one, 11, wish(0, 9, &Replayable::ALL));
    let refused = world.store.create_replay(new.clone()).await.expect_err("another runs");
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
    let other = world.replay(&two, 12, wish(0, 9, &Replayable::ALL)).await;
    assert_eq!(world.end_replay(first.id, ReplayState::Cancelled).await, ReplayState::Cancelled);
    let second = world.store.create_replay(new).await.expect("a replay is created").expect("it is there");

    let page = |limit, after| Page { limit, after };
    let listed = async |subscription: SubscriptionId, page| {
        let found = world.store.replays(LIVE, subscription, page).await.expect("replays are listed");
        found.into_iter().map(|replay| replay.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(one.id, everything()).await, [second.id, first.id], "newest first");
    assert_eq!(listed(one.id, page(1, None)).await, [second.id]);
    assert_eq!(listed(one.id, page(9, Some(second.id))).await, [first.id]);
    assert_eq!(listed(two.id, everything()).await, [other.id]);
    let running = world.store.running_replays().await.expect("replays are read");
    assert_eq!(running.iter().map(|replay| replay.id).collect::<Vec<_>>(), [second.id, other.id]);
}

/// A delivery keeps its id and its attempts, and its schedule begins anew.
pub async fn what_failed_is_made_due_again<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription), leased(&subscription)]).await;
    let (failed, done) = (delivery(&event, 0), delivery(&event, 1));
    world.record(vec![failure(failed, 1, at(2), NextStep::GiveUp), success(done, 1, at(2))]).await;
    let replay = world.replay(&subscription, 10, wish(0, 9, &[Replayable::Failed])).await;
    let advanced = world.advance(replay.id, 20, STEP).await;
    assert_eq!((advanced.made_due, advanced.outstanding), (1, 0));
    let replay = advanced.replay;
    assert_eq!(
        (replay.state, replay.examined, replay.replayed, replay.created),
        (ReplayState::Done, 1, 1, 0)
    );
    assert_eq!((replay.finished_at, replay.position()), (Some(at(20)), Some(event.id.timestamp())));
    assert_eq!(world.stored(replay.id).await, replay);
    assert_eq!(world.state(done).await, DeliveryState::Succeeded);

    world.crash().await;
    world.recover(21).await;
    let record = world.read(failed).await;
    assert_eq!((record.state, record.attempts, record.due_at), (DeliveryState::Pending, 1, Some(at(20))));
    let claimed = world.claim(subscription.key, 20).await.deliveries.remove(0);
    assert_eq!((claimed.trigger, claimed.attempts, claimed.terms.schedule_from), (Trigger::Replay, 1, 1));
    let mut outcome = success(failed, 2, at(21));
    outcome.attempt.trigger = Trigger::Replay;
    world.record(vec![outcome]).await;
    let attempts = world.attempts(failed).await;
    assert_eq!(
        attempts.iter().map(|made| made.trigger).collect::<Vec<_>>(),
        [Trigger::Schedule, Trigger::Replay]
    );
}

/// Every final state can be asked for, and no other is touched.
pub async fn states_choose_what_is_replayed<H: Harness>(world: World<H>) {
    let states = [Replayable::Failed, Replayable::Expired, Replayable::Cancelled, Replayable::Succeeded];
    // Places ascend: each round has a time of its own.
    for (one, start) in states.into_iter().zip((0..).step_by(100)) {
        let subscription = world.subscription(LIVE).await;
        let event = world.publish(start + 1, vec![leased(&subscription); 6]).await;
        let key = |index| delivery(&event, index);
        world
            .record(vec![
                failure(key(0), 1, at(start + 2), NextStep::GiveUp),
                failure(key(1), 1, at(start + 2), NextStep::Expire),
                success(key(3), 1, at(start + 2)),
                failure(key(4), 1, at(start + 2), NextStep::RetryAt(at(5000))),
            ])
            .await;
        let ended = vec![Ended { delivery: key(2), end: End::Cancelled, at: at(start + 2) }];
        let batch = hookseal_engine::ports::store::Batch { ended, ..Default::default() };
        world.try_commit(batch).await.expect("ends are committed");
        let replay = world.replay(&subscription, start + 10, wish(start, start + 9, &[one])).await;
        assert_eq!(world.advance(replay.id, start + 20, STEP).await.made_due, 1, "{one:?}");
        for (index, other) in states.into_iter().enumerate() {
            let waits = world.state(key(index)).await == DeliveryState::Pending;
            assert_eq!(waits, other == one, "{one:?} {other:?}");
        }
        assert_eq!(world.read(key(4)).await.due_at, Some(at(5000)));
        assert_eq!(world.state(key(5)).await, DeliveryState::Leased);
    }
}

/// An event that had no delivery to the subscription gets one, with an id of its own, and keeps it.
pub async fn what_is_missing_is_created<H: Harness>(mut world: World<H>) {
    let (early, late) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let nobody = world.publish(1, Vec::new()).await;
    let event = world.publish(2, vec![parked(&early)]).await;
    let after = world.publish(30, vec![parked(&early)]).await;
    let replay = world.replay(&late, 40, wish(0, 39, &[Replayable::Missing])).await;
    let advanced = world.advance(replay.id, 50, STEP).await;
    assert_eq!((advanced.made_due, advanced.replay.created, advanced.replay.replayed), (3, 3, 3));

    let mut made = Vec::new();
    for event in [&nobody, &event, &after] {
        let record = world.deliveries_of(event).await.pop().expect("it is there");
        assert_eq!((record.key.subscription, record.state), (late.key, DeliveryState::Pending));
        assert_eq!((record.attempts, record.due_at), (0, Some(at(50))));
        assert_eq!(record.created_at, event.accepted_at);
        assert_eq!(record.key.id, DeliveryId::derive(event.id, record.key.id.order()));
        assert_eq!(world.read(record.key).await, record, "however it is read");
        made.push(record.key);
    }
    assert_eq!(world.deliveries_of(&event).await[0].key.id, event.delivery_id(0));
    assert_eq!(world.claimed(early.key, 60).await, [event.delivery_id(0), after.delivery_id(0)]);

    let claimed = world.claim(late.key, 60).await.deliveries;
    assert_eq!(
        claimed.iter().map(|claimed| claimed.delivery).collect::<Vec<_>>(),
        made,
        "oldest event first"
    );
    assert_eq!((&claimed[1].payload, claimed[1].trigger), (&event.payload, Trigger::Replay));
    assert_eq!(world.state(made[1]).await, DeliveryState::Leased);
    world.record(vec![success(made[0], 1, at(61)), failure(made[1], 1, at(61), NextStep::GiveUp)]).await;
    world.crash().await;
    let recovered = world.recover(70).await;
    assert_eq!(recovered.waiting, [(early.key, at(2)), (late.key, at(50))]);
    assert!(recovered.highest_order >= made.iter().map(|key| key.id.order()).max().unwrap_or(0));
    assert_eq!(world.state(made[0]).await, DeliveryState::Succeeded);
    assert_eq!(world.attempts(made[1]).await.len(), 1);
    assert_eq!(world.retry_late(made[1].id, 80).await, Retried::Due(made[1]));

    // What was missing is there by now.
    world.record_claimed(late.key, 90).await;
    let replay = world.replay(&late, 100, wish(0, 99, &Replayable::ALL)).await;
    let advanced = world.advance(replay.id, 110, STEP).await;
    assert_eq!((advanced.replay.created, advanced.replay.replayed), (0, 3));
}

/// Neither what the subscription does not ask for, nor other people's test deliveries, nor another scope's events.
pub async fn what_is_not_asked_for_is_not_missing<H: Harness>(world: World<H>) {
    let (other, subscription) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let of_type = async |name: &str, scope| {
        let mut event = world.event(1, Vec::new());
        event.payload.event_type = kind(name);
        event.scope = scope;
        if name == "ping" {
            event.targets = vec![leased(&other)];
        }
        world.commit(&[&event]).await;
        event
    };
    let wanted = of_type("wanted", LIVE).await;
    of_type("unwanted", LIVE).await;
    of_type("ping", LIVE).await;
    of_type("wanted", TEST).await;
    let replay = world.replay(&subscription, 10, wish(0, 9, &Replayable::ALL)).await;
    let step =
        ReplayStep { types: Some(vec![kind("wanted"), kind("ping")]), ..world.step(replay.id, 20, STEP) };
    let advanced = world.store.advance_replay(step).await.expect("a replay goes on").expect("it runs");
    assert_eq!((advanced.made_due, advanced.replay.examined), (1, 3));
    assert_eq!(world.deliveries_of(&wanted).await.len(), 1);
}

/// From the first moment on, and before the second; only of the types that are asked for.
pub async fn time_and_type_choose_what_is_replayed<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut events = Vec::new();
    for seconds in 1..=6 {
        let mut event = world.event(seconds, vec![leased(&subscription)]);
        event.payload.event_type = kind(if seconds % 2 == 0 { "even" } else { "odd" });
        world.commit(&[&event]).await;
        world.record(vec![failure(delivery(&event, 0), 1, at(seconds), NextStep::GiveUp)]).await;
        events.push(delivery(&event, 0));
    }
    let mut wish = wish(2, 6, &[Replayable::Failed]);
    wish.event_types = Some(vec![kind("even"), kind("neither")]);
    let replay = world.replay(&subscription, 10, wish).await;
    let advanced = world.advance(replay.id, 20, STEP).await;
    assert_eq!((advanced.made_due, advanced.replay.examined), (2, 4));
    for (seconds, key) in (1..).zip(events) {
        let expected = if [2, 4].contains(&seconds) { DeliveryState::Pending } else { DeliveryState::Failed };
        assert_eq!(world.state(key).await, expected, "{seconds}");
    }
}

/// Each step makes so many due and looks at so many events; the next goes on where it ended.
pub async fn a_replay_goes_on_in_steps<H: Harness>(mut world: World<H>) {
    let (subscription, events) = failed(&world, 7).await;
    let replay = world.replay(&subscription, 20, wish(0, 19, &[Replayable::Failed])).await;
    let mut due = Vec::new();
    for (bounds, made, examined, state) in [
        ((2, 100, 100), 2, 2, ReplayState::Running),
        ((100, 100, 3), 3, 5, ReplayState::Running),
        ((0, 100, 100), 0, 5, ReplayState::Running),
        ((1, 100, 100), 1, 6, ReplayState::Running),
        ((1, 100, 100), 1, 7, ReplayState::Done),
    ] {
        let advanced = world.advance(replay.id, 30, bounds).await;
        let found = (advanced.made_due, advanced.replay.examined, advanced.replay.state);
        assert_eq!(found, (made, examined, state), "{bounds:?}");
        due.extend(world.claimed(subscription.key, 30).await);
        world.crash().await;
        world.recover(31).await;
        world.record_claimed(subscription.key, 32).await;
    }
    assert_eq!(
        due,
        events.iter().map(|key| key.id).collect::<Vec<_>>(),
        "none is left out, none comes twice"
    );
    assert_eq!(world.try_advance(replay.id, 40, STEP).await, None, "it is over");
}

/// Events that lead to many deliveries are more work to look at than others: fewer of them make a step.
pub async fn a_replays_step_has_a_bound_in_what_it_reads<H: Harness>(world: World<H>) {
    let (subscription, other) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    for (seconds, targets) in (1..).zip([3, 0, 1, 5, 1, 1]) {
        world.publish(seconds, vec![parked(&other); targets]).await;
    }
    let replay = world.replay(&subscription, 20, wish(0, 19, &[Replayable::Failed])).await;
    for (targets_max, examined) in [(4, 3), (4, 4), (0, 4), (1, 5), (1, 6)] {
        let step = ReplayStep { targets_max, ..world.step(replay.id, 30, STEP) };
        let advanced = world.store.advance_replay(step).await.expect("a replay goes on").expect("it runs");
        assert_eq!(advanced.replay.examined, examined, "{targets_max}");
        assert_eq!(advanced.replay.state, ReplayState::Running);
    }
    assert_eq!(world.advance(replay.id, 30, STEP).await.replay.state, ReplayState::Done);
}

/// The deliveries of one event may be more than a step has room for; what is missing of the next waits for the next step.
pub async fn a_step_that_is_full_creates_nothing_more<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let both = world.publish(1, vec![leased(&subscription), leased(&subscription)]).await;
    let gave_up = |index| failure(delivery(&both, index), 1, at(2), NextStep::GiveUp);
    world.record(vec![gave_up(0), gave_up(1)]).await;
    world.publish(3, Vec::new()).await;
    let wanted = [Replayable::Failed, Replayable::Missing];
    let replay = world.replay(&subscription, 20, wish(0, 19, &wanted)).await;
    let first = world.advance(replay.id, 30, (1, 100, 100)).await;
    assert_eq!((first.made_due, first.replay.created, first.replay.examined), (2, 0, 1));
    let second = world.advance(replay.id, 40, (1, 100, 100)).await;
    assert_eq!((second.made_due, second.replay.created, second.replay.state), (1, 1, ReplayState::Done));
}

/// It does nothing while as many wait as may wait.
pub async fn a_replay_waits_for_its_deliveries<H: Harness>(world: World<H>) {
    let (subscription, _) = failed(&world, 5).await;
    let waiting = world.publish(12, vec![parked(&subscription)]).await;
    let put_off = world.publish(13, vec![leased(&subscription)]).await;
    world.record(vec![failure(delivery(&put_off, 0), 1, at(14), NextStep::RetryAt(at(900)))]).await;
    let replay = world.replay(&subscription, 20, wish(0, 11, &[Replayable::Failed])).await;
    let bounds = (10, 3, 100);
    let first = world.advance(replay.id, 30, bounds).await;
    assert_eq!((first.made_due, first.outstanding), (2, 1), "one waited before, one is not due");
    let claimed = world.claimed(subscription.key, 30).await;
    assert_eq!(claimed.len(), 3);
    let blocked = world.advance(replay.id, 30, bounds).await;
    assert_eq!((blocked.made_due, blocked.outstanding), (0, 3), "what is leased is not done");
    assert_eq!(blocked.replay, first.replay);
    world.record(vec![success(delivery(&waiting, 0), 1, at(31))]).await;
    let next = world.advance(replay.id, 32, bounds).await;
    assert_eq!((next.made_due, next.outstanding), (1, 2));
}

/// Ended, it stays as it is, and what it made due is delivered.
pub async fn a_replay_can_be_called_off<H: Harness>(mut world: World<H>) {
    let (subscription, events) = failed(&world, 3).await;
    let replay = world.replay(&subscription, 20, wish(0, 19, &[Replayable::Failed])).await;
    world.advance(replay.id, 30, (1, 100, 100)).await;
    let foreign = world.store.end_replay(TEST, replay.id, ReplayState::Cancelled, at(31)).await;
    assert_eq!(foreign.expect("a replay is asked for"), None);
    assert_eq!(world.end_replay(replay.id, ReplayState::Cancelled).await, ReplayState::Cancelled);
    let again = world.store.end_replay(LIVE, replay.id, ReplayState::Failed, at(50)).await;
    let (kept, changed) = again.expect("a replay is asked for").expect("it is there");
    assert_eq!((kept.state, kept.replayed, changed), (ReplayState::Cancelled, 1, false));
    assert_eq!(world.try_advance(replay.id, 51, STEP).await, None);
    world.crash().await;
    world.recover(60).await;
    assert_eq!(world.stored(replay.id).await, kept);
    assert_eq!(world.store.running_replays().await.expect("replays are read"), []);
    assert_eq!(world.claimed(subscription.key, 60).await, [events[0].id]);
}

/// It ends with it, stays readable, and no other begins.
pub async fn a_replay_ends_with_its_subscription<H: Harness>(world: World<H>) {
    let (subscription, _) = failed(&world, 3).await;
    let replay = world.replay(&subscription, 20, wish(0, 19, &Replayable::ALL)).await;
    world.store.delete_subscription(LIVE, subscription.id, at(25)).await.expect("a subscription is deleted");
    let stored = world.stored(replay.id).await;
    assert_eq!((stored.state, stored.finished_at), (ReplayState::Cancelled, Some(at(25))));
    assert_eq!(world.try_advance(replay.id, 30, STEP).await, None);
    let new = world.new_replay(&subscription, 40, wish(0, 9, &Replayable::ALL));
    assert_eq!(world.store.create_replay(new).await.expect("a replay is asked for"), None);
    let listed = world.store.replays(LIVE, subscription.id, everything()).await.expect("replays are listed");
    assert_eq!(listed, [stored]);
    assert_eq!(world.store.replay(TEST, replay.id).await.expect("a replay is read"), None);
}

/// A delivery that comes late keeps to the time of its event.
pub async fn a_late_delivery_keeps_its_events_time<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut event = world.event(1, Vec::new());
    event.window = Window { deliver_at: Some(at(100)), expires_at: Some(at(200)) };
    world.commit(&[&event]).await;
    let replay = world.replay(&subscription, 20, wish(0, 19, &[Replayable::Missing])).await;
    world.advance(replay.id, 30, STEP).await;
    let record = world.deliveries_of(&event).await.remove(0);
    assert_eq!((record.due_at, record.window), (Some(at(100)), event.window));
    let claimed = world.claim(subscription.key, 100).await.deliveries.remove(0);
    assert_eq!(claimed.terms.expires_at, Some(at(200)));
}

fn wish(since: i64, until: i64, wanted: &[Replayable]) -> ReplayWish {
    let wanted = Wanted::of(wanted.iter().copied()).expect("a test asks for something");
    ReplayWish { since: at(since), until: at(until), wanted, event_types: None }
}

/// A subscription, and deliveries to it that were given up, a second apart.
async fn failed<H: Harness>(world: &World<H>, count: i64) -> (Subscription, Vec<DeliveryRef>) {
    let subscription = world.subscription(LIVE).await;
    let mut keys = Vec::new();
    for seconds in 1..=count {
        let event = world.publish(seconds, vec![leased(&subscription)]).await;
        world.record(vec![failure(delivery(&event, 0), 1, at(seconds), NextStep::GiveUp)]).await;
        keys.push(delivery(&event, 0));
    }
    (subscription, keys)
}

impl<H: Harness> World<H> {
    fn new_replay(&self, subscription: &Subscription, seconds: i64, wish: ReplayWish) -> NewReplay {
        let order = self.order(seconds, 1);
        NewReplay { id: ReplayId::from_parts(order, order ^ 0x3333), subscription: subscription.key, wish }
    }

    async fn replay(&self, subscription: &Subscription, seconds: i64, wish: ReplayWish) -> ReplayRecord {
        let new = self.new_replay(subscription, seconds, wish);
        self.store.create_replay(new).await.expect("a replay is created").expect("its subscription is there")
    }

    /// A replay of the first seconds that has come to its end.
    pub(super) async fn replay_of(
        &self,
        subscription: &Subscription,
        seconds: i64,
        wanted: Wanted,
    ) -> ReplayRecord {
        let wish = ReplayWish { since: at(0), until: at(seconds), wanted, event_types: None };
        let replay = self.replay(subscription, seconds, wish).await;
        self.advance(replay.id, seconds, STEP).await.replay
    }

    /// A step that makes at most so many due, with at most so many waiting, and looks at so many events.
    fn step(&self, id: ReplayId, seconds: i64, bounds: (usize, usize, usize)) -> ReplayStep {
        let (deliveries_max, outstanding_max, examined_max) = bounds;
        let first_order = self.order(seconds, deliveries_max as u64);
        ReplayStep {
            id,
            now: at(seconds),
            deliveries_max,
            outstanding_max,
            examined_max,
            targets_max: usize::MAX,
            first_order,
            types: None,
        }
    }

    async fn try_advance(
        &self,
        id: ReplayId,
        seconds: i64,
        bounds: (usize, usize, usize),
    ) -> Option<Advanced> {
        self.store.advance_replay(self.step(id, seconds, bounds)).await.expect("a replay goes on")
    }

    async fn advance(&self, id: ReplayId, seconds: i64, bounds: (usize, usize, usize)) -> Advanced {
        self.try_advance(id, seconds, bounds).await.expect("it runs")
    }

    async fn stored(&self, id: ReplayId) -> ReplayRecord {
        self.store.replay(LIVE, id).await.expect("a replay is read").expect("it is there")
    }

    async fn end_replay(&self, id: ReplayId, state: ReplayState) -> ReplayState {
        let ended = self.store.end_replay(LIVE, id, state, at(45)).await.expect("a replay is asked for");
        let (replay, changed) = ended.expect("it is there");
        assert!(changed);
        replay.state
    }

    async fn deliveries_of(&self, event: &NewEvent) -> Vec<hookseal_engine::DeliveryRecord> {
        let found = self.store.event_deliveries(event.scope, event.id).await.expect("deliveries are read");
        found.expect("the event is there")
    }

    async fn retry_late(&self, id: DeliveryId, seconds: i64) -> Retried {
        self.store.retry(LIVE, id, at(seconds)).await.expect("a retry is asked for")
    }

    /// Claims what is due, and records all of it as done.
    async fn record_claimed(&self, key: hookseal_engine::SubscriptionKey, seconds: i64) {
        let claimed = self.claim(key, seconds).await.deliveries;
        let outcome = |claimed: &hookseal_engine::ports::store::ClaimedDelivery| {
            success(claimed.delivery, claimed.attempts + 1, at(seconds))
        };
        self.record(claimed.iter().map(outcome).collect()).await;
    }
}
