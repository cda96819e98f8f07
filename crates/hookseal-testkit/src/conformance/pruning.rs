//! What ended long ago is forgotten, and nothing else.

use hookseal_engine::{
    DeliveryId, DeliveryState, ReplayState, Replayable, Wanted,
    ports::store::{EventFilter, NextStep, PruneStep, Pruned},
};

use super::{
    Harness,
    world::{LIVE, World, at, delivery, everything, failure, leased, parked, success},
};

/// With its deliveries and their attempts, its publisher's id and its place in lists.
pub async fn what_ended_is_forgotten<H: Harness>(mut world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut old = world.event(1, vec![leased(&subscription), leased(&subscription)]);
    old.external_id = Some("named".to_owned());
    old.window.expires_at = Some(at(5));
    world.commit(&[&old]).await;
    let keys = [delivery(&old, 0), delivery(&old, 1)];
    world.record(vec![success(keys[0], 1, at(2)), failure(keys[1], 1, at(2), NextStep::GiveUp)]).await;
    let nothing = world.publish(3, Vec::new()).await;
    let newest = world.publish(4, Vec::new()).await;

    assert_eq!(world.prune(100).await, Pruned { events: 2, place: None });
    let check = async |world: &World<H>| {
        for event in [&old, &nothing] {
            assert_eq!(world.store.event(LIVE, event.id).await.expect("an event is read"), None);
            assert_eq!(world.store.event_deliveries(LIVE, event.id).await.expect("it is read"), None);
        }
        for key in keys {
            assert_eq!(world.store.delivery(LIVE, key.id).await.expect("a delivery is read"), None);
            assert_eq!(world.store.attempts(LIVE, key.id).await.expect("attempts are read"), None);
        }
        assert_eq!(world.deliveries(LIVE, Default::default()).await, []);
        let listed = world.store.events(LIVE, EventFilter::default(), everything()).await.expect("listed");
        assert_eq!(listed.rows.iter().map(|event| event.id).collect::<Vec<_>>(), [newest.id]);
    };
    check(&world).await;
    world.crash().await;
    let recovered = world.recover(200).await;
    assert_eq!((recovered.resumed, recovered.waiting), (0, Vec::new()));
    check(&world).await;
    let mut again = world.event(201, Vec::new());
    again.external_id = Some("named".to_owned());
    assert_eq!(world.commit(&[&again]).await, [hookseal_engine::Verdict::Accepted], "its name is free again");
}

/// New ids come after it, also where everything else is gone.
pub async fn the_newest_event_is_kept<H: Harness>(mut world: World<H>) {
    world.publish(1, Vec::new()).await;
    let newest = world.publish(2, Vec::new()).await;
    assert_eq!(world.prune(9_000).await.events, 1);
    world.crash().await;
    assert!(world.recover(9_001).await.highest_order >= newest.id.order());
}

/// It is not stored, so the newest event is still the one before it.
pub async fn one_turned_away_is_not_the_newest<H: Harness>(mut world: World<H>) {
    let named = |seconds| {
        let mut event = world.event(seconds, Vec::new());
        event.external_id = Some("named".to_owned());
        event
    };
    let (newest, mut again) = (named(1), named(2));
    assert_eq!(world.commit(&[&newest]).await, [hookseal_engine::Verdict::Accepted]);
    let of = hookseal_engine::Verdict::Duplicate { of: newest.id, deliveries: 0 };
    again.payload = newest.payload.clone();
    assert_eq!(world.commit(&[&again]).await, [of]);
    assert_eq!(world.prune(9_000).await.events, 0);
    world.crash().await;
    assert!(world.recover(9_001).await.highest_order >= newest.id.order());
}

/// Whatever its age.
pub async fn what_has_not_ended_is_kept<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let waiting = world.publish(1, vec![parked(&subscription), leased(&subscription)]).await;
    world.record(vec![success(delivery(&waiting, 1), 1, at(2))]).await;
    let retried = world.publish(1, vec![leased(&subscription)]).await;
    world.record(vec![failure(delivery(&retried, 0), 1, at(2), NextStep::RetryAt(at(9_000)))]).await;
    let under_way = world.publish(1, vec![leased(&subscription)]).await;
    world.publish(3, Vec::new()).await;
    assert_eq!(world.prune(5_000).await, Pruned { events: 0, place: None });
    for (event, state) in [
        (&waiting, DeliveryState::Pending),
        (&retried, DeliveryState::Pending),
        (&under_way, DeliveryState::Leased),
    ] {
        assert_eq!(world.state(delivery(event, 0)).await, state);
    }
    world.record(vec![success(delivery(&under_way, 0), 1, at(4))]).await;
    assert_eq!(world.prune(5_000).await.events, 1);
}

/// Neither its event nor its end lies after the moment.
pub async fn what_ended_lately_is_kept<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    world.record(vec![success(delivery(&event, 0), 1, at(50))]).await;
    let young = world.publish(60, vec![leased(&subscription)]).await;
    world.record(vec![success(delivery(&young, 0), 1, at(61))]).await;
    world.publish(62, Vec::new()).await;
    assert_eq!(world.prune(50).await.events, 0);
    assert_eq!(world.prune(60).await.events, 1);
    assert_eq!(world.state(delivery(&young, 0)).await, DeliveryState::Succeeded);
}

/// A step looks at so many events, or stops when it has forgotten so many deliveries; it says where to go on.
pub async fn forgetting_goes_on_in_steps<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let mut events = Vec::new();
    for seconds in 1..=5 {
        let event = world.publish(seconds, vec![leased(&subscription), leased(&subscription)]).await;
        let done = (0..2).map(|index| success(delivery(&event, index), 1, at(seconds)));
        world.record(done.collect()).await;
        events.push(event);
    }
    world.publish(9, Vec::new()).await;
    let step = |after, examined_max, deliveries_max| PruneStep {
        before: at(100),
        after,
        examined_max,
        deliveries_max,
    };
    let place = |index: usize| Some(events[index].id.order());
    let prune = async |step| world.store.prune(step).await.expect("events are forgotten");
    assert_eq!(prune(step(0, 2, 99)).await, Pruned { events: 2, place: place(1) });
    assert_eq!(prune(step(events[1].id.order(), 99, 1)).await, Pruned { events: 1, place: place(2) });
    assert_eq!(prune(step(events[2].id.order(), 2, 99)).await, Pruned { events: 2, place: place(4) });
    assert_eq!(prune(step(events[4].id.order(), 2, 99)).await, Pruned { events: 0, place: None });
}

/// A delivery that came late counts as well, and so does the replay that made it.
pub async fn late_deliveries_are_forgotten_with_their_event<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, Vec::new()).await;
    let wanted = Wanted::of([Replayable::Missing]).expect("one is asked for");
    let replay = world.replay_of(&subscription, 10, wanted).await;
    let newest = world.publish(11, Vec::new()).await;
    let late = world.store.event_deliveries(LIVE, event.id).await.expect("it is read").expect("it is there");
    let key = late[0].key;
    assert_eq!(world.prune(100).await.events, 0, "it waits");
    world.claim(subscription.key, 20).await;
    world.record(vec![success(key, 1, at(21))]).await;
    assert_eq!(world.prune(100).await.events, 1);
    assert_eq!(world.store.delivery(LIVE, key.id).await.expect("a delivery is read"), None);
    let unknown = DeliveryId::derive(newest.id, key.id.order());
    assert_eq!(world.store.delivery(LIVE, unknown).await.expect("a delivery is read"), None);
    assert_eq!(world.store.replay(LIVE, replay.id).await.expect("a replay is read"), None);
    assert_eq!(replay.state, ReplayState::Done);
}

impl<H: Harness> World<H> {
    async fn prune(&self, seconds: i64) -> Pruned {
        let step = PruneStep { before: at(seconds), after: 0, examined_max: 100, deliveries_max: 100 };
        self.store.prune(step).await.expect("events are forgotten")
    }
}
