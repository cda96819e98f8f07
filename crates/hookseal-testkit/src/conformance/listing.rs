//! Events and deliveries are listed newest first, filtered, and in pages.

use hookseal_engine::{
    DeliveryId, DeliveryRecord, DeliveryState, EventId, NewEvent, Scope, Subscription,
    ports::store::{DeliveryFilter, EventFilter, NextStep, Page},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, delivery, everything, failure, kind, leased, parked, success},
};

/// By their place.
pub async fn events_are_listed_newest_first<H: Harness>(world: World<H>) {
    let mut ids = Vec::new();
    for seconds in [1, 1, 5, 9] {
        ids.insert(0, world.publish(seconds, Vec::new()).await.id);
    }
    let found =
        world.store.events(LIVE, EventFilter::default(), everything()).await.expect("events are listed");
    assert_eq!(found.rows.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    assert_eq!(found.next, None);
}

/// Every page has what it may, and says where the next begins; the last one says that it is the last.
pub async fn events_are_paged_through<H: Harness>(world: World<H>) {
    let mut ids = Vec::new();
    for seconds in 1..=7 {
        ids.insert(0, world.publish(seconds, Vec::new()).await.id);
    }
    for limit in 1..=8 {
        let (pages, all) = world.event_pages(EventFilter::default(), limit).await;
        assert_eq!((all, pages), (ids.clone(), 7usize.div_ceil(limit)), "pages of {limit}");
    }
}

/// By type, publisher's id and time, and all at once.
pub async fn events_are_filtered<H: Harness>(world: World<H>) {
    let mut events = Vec::new();
    for (seconds, name) in [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")] {
        let mut event = world.event(seconds, Vec::new());
        event.payload.event_type = kind(name);
        event.external_id = Some(format!("id-{seconds}"));
        world.commit(&[&event]).await;
        events.insert(0, event.id);
    }
    let (a, none) = (Some(kind("a")), EventFilter::default());
    let id = |id: &str| Some(id.to_owned());
    for (filter, expected) in [
        (EventFilter { event_type: a.clone(), ..none.clone() }, vec![0, 2, 4]),
        (EventFilter { since: Some(at(3)), ..none.clone() }, vec![0, 1, 2]),
        (EventFilter { event_type: a.clone(), since: Some(at(2)), ..none.clone() }, vec![0, 2]),
        (EventFilter { since: Some(at(6)), ..none.clone() }, vec![]),
        (EventFilter { external_id: id("id-2"), ..none.clone() }, vec![3]),
        (EventFilter { external_id: id("id-2"), event_type: a, ..none.clone() }, vec![]),
        (EventFilter { external_id: id("id-2"), since: Some(at(3)), ..none.clone() }, vec![]),
        (EventFilter { external_id: id("id-9"), ..none }, vec![]),
    ] {
        let expected: Vec<EventId> = expected.into_iter().map(|index: usize| events[index]).collect();
        for limit in [1, 2, 100] {
            assert_eq!(world.event_pages(filter.clone(), limit).await.1, expected, "{filter:?} by {limit}");
        }
    }
}

/// By their place, whatever became of them.
pub async fn deliveries_are_listed_newest_first<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let expected = mixed_deliveries(&world, &one, &two).await;
    let all = world.deliveries(LIVE, DeliveryFilter::default()).await;
    assert_eq!(ids(&all), expected);
    for record in all {
        world.read(record.key).await;
    }
}

/// As events are.
pub async fn deliveries_are_paged_through<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let expected = mixed_deliveries(&world, &one, &two).await;
    for limit in 1..=expected.len() + 1 {
        let (pages, all) = world.delivery_pages(LIVE, DeliveryFilter::default(), limit).await;
        assert_eq!((all, pages), (expected.clone(), expected.len().div_ceil(limit)), "pages of {limit}");
    }
}

/// A page may end, and begin, between two deliveries of one event.
pub async fn deliveries_are_paged_through_within_one_event<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    world.publish(1, Vec::new()).await;
    let event = world.publish(2, (0..10).map(|_| parked(&subscription)).collect()).await;
    world.publish(3, Vec::new()).await;
    let expected: Vec<_> = (0..10).rev().map(|index| event.delivery_id(index)).collect();
    for limit in 1..=11 {
        let (pages, all) = world.delivery_pages(LIVE, DeliveryFilter::default(), limit).await;
        assert_eq!((all, pages), (expected.clone(), 10usize.div_ceil(limit)), "pages of {limit}");
    }
}

/// Whether they are leased, wait, or are done.
pub async fn deliveries_of_a_subscription_are_paged_through<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let all = mixed_deliveries(&world, &one, &two).await;
    let mut seen = Vec::new();
    for subscription in [&one, &two] {
        let filter = DeliveryFilter { subscription: Some(subscription.id), ..DeliveryFilter::default() };
        let expected = ids(&world.deliveries(LIVE, filter.clone()).await);
        assert!(expected.is_sorted_by(|a, b| a > b), "newest first: {expected:?}");
        for limit in 1..=expected.len() + 1 {
            let (pages, found) = world.delivery_pages(LIVE, filter.clone(), limit).await;
            assert_eq!(
                (found, pages),
                (expected.clone(), expected.len().div_ceil(limit)),
                "pages of {limit}"
            );
        }
        seen.extend(expected);
    }
    seen.sort_by(|a, b| b.cmp(a));
    assert_eq!(seen, all);
}

/// By subscription, type and time, and all at once.
pub async fn deliveries_are_filtered<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let mut places = Vec::new();
    for (seconds, name) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
        let mut event = world.event(seconds, vec![leased(&one), parked(&two)]);
        event.payload.event_type = kind(name);
        world.commit(&[&event]).await;
        places.splice(0..0, [event.delivery_id(1), event.delivery_id(0)]);
    }
    let unknown = world.new_subscription(LIVE, 9).id;
    let (a, none) = (Some(kind("a")), DeliveryFilter::default());
    for (filter, expected) in [
        (DeliveryFilter { subscription: Some(one.id), ..none.clone() }, vec![1, 3, 5, 7]),
        (DeliveryFilter { event_type: a.clone(), ..none.clone() }, vec![2, 3, 6, 7]),
        (DeliveryFilter { since: Some(at(3)), ..none.clone() }, vec![0, 1, 2, 3]),
        (
            DeliveryFilter { subscription: Some(two.id), event_type: a, since: Some(at(2)), state: None },
            vec![2],
        ),
        (DeliveryFilter { subscription: Some(two.id), since: Some(at(3)), ..none.clone() }, vec![0, 2]),
        (DeliveryFilter { subscription: Some(unknown), ..none.clone() }, vec![]),
        (DeliveryFilter { since: Some(at(9)), ..none }, vec![]),
    ] {
        let expected: Vec<DeliveryId> = expected.into_iter().map(|index: usize| places[index]).collect();
        for limit in [1, 3, 100] {
            assert_eq!(
                world.delivery_pages(LIVE, filter.clone(), limit).await.1,
                expected,
                "{filter:?} by {limit}"
            );
        }
    }
}

/// The states of all, by each of the ways of listing them.
pub async fn deliveries_are_filtered_by_state<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    mixed_deliveries(&world, &one, &two).await;
    world.store.delete_subscription(LIVE, two.id, at(90)).await.expect("a subscription is deleted");
    for subscription in [None, Some(one.id), Some(two.id)] {
        let unfiltered = DeliveryFilter { subscription, ..DeliveryFilter::default() };
        let all = world.deliveries(LIVE, unfiltered.clone()).await;
        let mut counted = 0;
        for state in DeliveryState::ALL {
            let expected: Vec<_> = all.iter().filter(|record| record.state == state).cloned().collect();
            let filter = DeliveryFilter { state: Some(state), ..unfiltered.clone() };
            assert_eq!(world.deliveries(LIVE, filter.clone()).await, expected, "{filter:?}");
            counted += expected.len();
        }
        assert_eq!(counted, all.len());
    }
}

/// A search looks at a bounded number of rows; what it seeks is found all the same, by going on.
pub async fn a_long_search_goes_on_where_it_stopped<H: Harness>(world: World<H>) {
    let (one, two) = (world.subscription(LIVE).await, world.subscription(LIVE).await);
    let mut sought = world.event(1, vec![parked(&two), parked(&one)]);
    sought.payload.event_type = kind("sought");
    world.commit(&[&sought]).await;
    for seconds in 2..=9 {
        let events: Vec<NewEvent> = (0..750).map(|_| world.event(seconds, vec![parked(&one)])).collect();
        world.commit(&events.iter().collect::<Vec<_>>()).await;
    }
    let event_type = Some(kind("sought"));
    let filter = EventFilter { event_type: event_type.clone(), ..EventFilter::default() };
    assert_eq!(world.event_pages(filter, 10).await.1, [sought.id]);
    let none = DeliveryFilter::default();
    for (filter, expected) in [
        (DeliveryFilter { event_type: event_type.clone(), ..none.clone() }, vec![1, 0]),
        (DeliveryFilter { event_type, subscription: Some(one.id), ..none.clone() }, vec![1]),
        (DeliveryFilter { subscription: Some(two.id), ..none.clone() }, vec![0]),
        (DeliveryFilter { state: Some(DeliveryState::Failed), ..none }, vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|index| sought.delivery_id(index)).collect();
        assert_eq!(world.delivery_pages(LIVE, filter, 10).await.1, expected);
    }
    let all = world.deliveries(LIVE, DeliveryFilter::default()).await;
    assert_eq!(all.len(), 6_002);
}

/// Live and test never mix.
pub async fn scopes_do_not_mix_in_lists<H: Harness>(world: World<H>) {
    let (live, test) = (world.subscription(LIVE).await, world.subscription(TEST).await);
    let mut expected = [Vec::new(), Vec::new()];
    for seconds in 1..=6 {
        let in_test = seconds % 2 == 0;
        let (scope, subscription) = if in_test { (TEST, &test) } else { (LIVE, &live) };
        let mut event = world.event(seconds, vec![leased(subscription), parked(subscription)]);
        event.scope = scope;
        world.commit(&[&event]).await;
        expected[usize::from(in_test)].splice(0..0, [event.delivery_id(1), event.delivery_id(0)]);
    }
    for (scope, (expected, other)) in [LIVE, TEST].into_iter().zip(expected.iter().zip([&test, &live])) {
        for limit in [1, 2, 3, 100] {
            assert_eq!(&world.delivery_pages(scope, DeliveryFilter::default(), limit).await.1, expected);
        }
        let events =
            world.store.events(scope, EventFilter::default(), everything()).await.expect("events are listed");
        assert_eq!(events.rows.len(), 3);
        assert!(events.rows.iter().all(|event| event.scope == scope));
        let filter = DeliveryFilter { subscription: Some(other.id), ..DeliveryFilter::default() };
        assert_eq!(world.deliveries(scope, filter).await, []);
    }
}

/// Whoever knows its id sees nothing of it.
pub async fn an_event_of_another_scope_is_not_found<H: Harness>(world: World<H>) {
    let subscription = world.subscription(LIVE).await;
    let event = world.publish(1, vec![leased(&subscription)]).await;
    let key = delivery(&event, 0);
    assert_eq!(world.store.event(TEST, event.id).await.expect("an event is read"), None);
    assert_eq!(world.store.event_deliveries(TEST, event.id).await.expect("deliveries are read"), None);
    assert_eq!(world.store.delivery(TEST, key.id).await.expect("a delivery is read"), None);
    assert_eq!(world.store.attempts(TEST, key.id).await.expect("attempts are read"), None);
}

/// Ids that are near to one that exists.
pub async fn what_does_not_exist_is_not_found<H: Harness>(world: World<H>) {
    let event = world.publish(1, Vec::new()).await;
    let (order, nonce) = (event.id.order(), event.id.nonce());
    let near = [(order, nonce ^ 1), (order + 1, nonce), (order - 1, nonce), (0, 0)];
    for id in near.map(|(order, nonce)| EventId::from_parts(order, nonce)) {
        assert_eq!(world.store.event(LIVE, id).await.expect("an event is read"), None);
        assert_eq!(world.store.event_deliveries(LIVE, id).await.expect("deliveries are read"), None);
    }
}

/// The widest fan-out there is.
pub async fn ten_thousand_deliveries_of_one_event_are_read<H: Harness>(mut world: World<H>) {
    let subscriptions = [world.subscription(LIVE).await, world.subscription(LIVE).await];
    let target = |index: usize| {
        let subscription = &subscriptions[index % 2];
        if index.is_multiple_of(10) { parked(subscription) } else { leased(subscription) }
    };
    let event = world.publish(1, (0..10_000).map(target).collect()).await;
    world
        .record((0..10_000).step_by(3).map(|index| success(delivery(&event, index), 1, at(2))).collect())
        .await;
    let check = async |world: &World<H>, leased: DeliveryState| {
        let of_event = world.store.event_deliveries(LIVE, event.id).await.expect("deliveries are read");
        let of_event = of_event.expect("the event is there");
        assert_eq!(of_event.len(), 10_000);
        for (index, record) in of_event.iter().enumerate() {
            let expected = match index {
                index if index.is_multiple_of(10) => DeliveryState::Pending,
                index if index.is_multiple_of(3) => DeliveryState::Succeeded,
                _ => leased,
            };
            assert_eq!((record.key, record.state), (delivery(&event, index), expected));
        }
        let listed = world.deliveries(LIVE, DeliveryFilter::default()).await;
        assert!(listed.iter().eq(of_event.iter().rev()), "the list says the same, newest first");
    };
    check(&world, DeliveryState::Leased).await;
    world.crash().await;
    assert_eq!(world.recover(60).await.resumed, 6_000);
    check(&world, DeliveryState::Pending).await;
}

/// Deliveries in every state that there is while a subscription lives, newest first.
async fn mixed_deliveries<H: Harness>(
    world: &World<H>,
    one: &Subscription,
    two: &Subscription,
) -> Vec<DeliveryId> {
    let mut places = Vec::new();
    for seconds in 1..=4 {
        let targets = vec![leased(one), leased(two), leased(one), parked(two), leased(two)];
        let event = world.publish(seconds, targets).await;
        let outcomes = vec![
            success(delivery(&event, 0), 1, at(10)),
            failure(delivery(&event, 1), 1, at(10), NextStep::RetryAt(at(50))),
            failure(delivery(&event, 4), 1, at(10), NextStep::GiveUp),
        ];
        world.record(outcomes).await;
        world.publish(seconds, Vec::new()).await;
        places.splice(0..0, (0..5).rev().map(|index| event.delivery_id(index)));
    }
    world.claim_some(two.key, 20, 2, usize::MAX).await;
    places
}

fn ids(records: &[DeliveryRecord]) -> Vec<DeliveryId> {
    records.iter().map(|record| record.key.id).collect()
}

impl<H: Harness> World<H> {
    /// How many pages of `limit` rows there are, and what is in them.
    async fn event_pages(&self, filter: EventFilter, limit: usize) -> (usize, Vec<EventId>) {
        let (mut pages, mut all, mut page) = (0, Vec::new(), Page { limit, after: None });
        loop {
            let found = self.store.events(LIVE, filter.clone(), page).await.expect("events are listed");
            assert!(found.rows.len() <= limit, "a page of {limit} has {}", found.rows.len());
            pages += 1;
            all.extend(found.rows.iter().map(|event| event.id));
            match found.next {
                Some(next) => page.after = Some(next),
                None => return (pages, all),
            }
        }
    }

    /// The same of deliveries.
    async fn delivery_pages(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        limit: usize,
    ) -> (usize, Vec<DeliveryId>) {
        let (mut pages, mut all, mut page) = (0, Vec::new(), Page { limit, after: None });
        loop {
            let found =
                self.store.deliveries(scope, filter.clone(), page).await.expect("deliveries are listed");
            assert!(found.rows.len() <= limit, "a page of {limit} has {}", found.rows.len());
            pages += 1;
            all.extend(ids(&found.rows));
            match found.next {
                Some(next) => page.after = Some(next),
                None => return (pages, all),
            }
        }
    }
}
