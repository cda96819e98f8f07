//! Subscriptions are made, changed and listed.

use std::time::Duration;

use hookseal::Secret;
use hookseal_engine::{
    ChallengeRecord, ClientIdentity, DisableAfter, DisableReason, EndpointTls, FailureKind, Health, OnGiveUp,
    Scope, Subscription, SubscriptionSecret, SubscriptionSettings, SubscriptionStatus,
    ports::store::{Batch, HealthChange, NewSubscription, Page, StoreError, SubscriptionChange},
};

use super::{
    Harness,
    world::{LIVE, TEST, World, at, everything, kind, secret},
};

/// All that it was made with, however it is read.
pub async fn a_subscription_comes_back_as_it_was_made<H: Harness>(mut world: World<H>) {
    let plain = world.new_subscription(LIVE, 0);
    let mut full = world.new_subscription(LIVE, 1);
    full.settings = full_settings();
    full.secrets = vec![secret("whsec_\u{1f511}", 1), secret("", 0)];
    full.secrets.push(SubscriptionSecret {
        expires_at: Some(at(77)),
        ..SubscriptionSecret::new(Secret::new([0, 255, 10]), at(0))
    });
    full.status = SubscriptionStatus::Pending;
    let mut unsigned = world.new_subscription(LIVE, 2);
    unsigned.secrets.clear();
    unsigned.settings.event_types = Some(Vec::new());
    for new in [plain, full, unsigned] {
        let made = world.create(new.clone()).await;
        assert_eq!((made.id, made.scope, made.status), (new.id, new.scope, new.status));
        assert_eq!((&made.settings, &made.secrets), (&new.settings, &new.secrets));
        assert_eq!((made.disabled_because, made.health), (None, Health::GOOD));
        assert_eq!((made.created_at, made.updated_at), (new.created_at, new.created_at));
        assert_eq!(world.find(LIVE, &made).await, Some(made.clone()));
        world.restart().await;
        assert_eq!(world.find(LIVE, &made).await, Some(made));
    }
}

/// Where the first answer got lost.
pub async fn creating_it_again_finds_it<H: Harness>(world: World<H>) {
    let new = world.new_subscription(LIVE, 0);
    let made = world.create(new.clone()).await;
    assert_eq!(world.create(new).await, made);
    assert_eq!(world.store.all_subscriptions().await.expect("subscriptions are read"), [made]);
}

/// In all scopes.
pub async fn an_id_is_taken_once<H: Harness>(world: World<H>) {
    let new = world.new_subscription(LIVE, 0);
    let made = world.create(new.clone()).await;
    let mut other = new.clone();
    other.settings.endpoint_url = "https://example.org/".to_owned();
    let elsewhere = NewSubscription { scope: TEST, ..new };
    for refused in [other, elsewhere] {
        let error = world.store.create_subscription(refused).await.expect_err("the id is taken");
        assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    }
    assert_eq!(world.store.all_subscriptions().await.expect("subscriptions are read"), [made]);
}

/// A change of nothing is a change all the same.
pub async fn what_is_not_changed_stays<H: Harness>(world: World<H>) {
    let mut new = world.new_subscription(LIVE, 0);
    new.settings = full_settings();
    let made = world.create(new).await;
    let changed = world.change(SubscriptionChange::of(LIVE, made.id, at(9))).await;
    let expected = Subscription { updated_at: at(9), ..made };
    assert_eq!(changed, Some(expected.clone()));
    assert_eq!(world.find(LIVE, &expected).await, Some(expected));
}

/// What is `None` in the new settings is `None` afterwards.
pub async fn settings_are_changed_as_a_whole<H: Harness>(world: World<H>) {
    let plain = world.create(world.new_subscription(LIVE, 0)).await;
    for settings in [full_settings(), plain.settings.clone()] {
        let change = SubscriptionChange {
            settings: Some(settings.clone()),
            ..SubscriptionChange::of(LIVE, plain.id, at(9))
        };
        let expected = Subscription { settings, updated_at: at(9), ..plain.clone() };
        assert_eq!(world.change(change).await, Some(expected.clone()));
        assert_eq!(world.find(LIVE, &expected).await, Some(expected));
    }
}

/// Every choice that is one of several comes back as itself.
pub async fn rules_come_back_as_they_were_chosen<H: Harness>(mut world: World<H>) {
    let made = world.subscription(LIVE).await;
    let rules = [DisableAfter::Never, DisableAfter::Time(Duration::from_secs(90)), DisableAfter::Failures(1)];
    for (rule, order) in rules.into_iter().flat_map(|rule| OnGiveUp::ALL.map(|order| (rule, order))) {
        let mut settings = made.settings.clone();
        (settings.disable_after, settings.ordered) = (Some(rule), Some(order));
        let change = SubscriptionChange {
            settings: Some(settings.clone()),
            ..SubscriptionChange::of(LIVE, made.id, at(9))
        };
        assert_eq!(world.change(change).await.expect("the subscription is there").settings, settings);
        world.restart().await;
        assert_eq!(world.find(LIVE, &made).await.expect("it is there").settings, settings);
    }
}

/// Those not named are gone.
pub async fn secrets_are_replaced<H: Harness>(mut world: World<H>) {
    let made = world.subscription(LIVE).await;
    let bystander = world.subscription(LIVE).await;
    for secrets in [
        vec![secret("whsec_new", 9), made.secrets[0].clone()],
        vec![secret("whsec_newer", 10)],
        Vec::new(),
        vec![secret("a", 3), secret("b", 2), secret("c", 1)],
    ] {
        let change = SubscriptionChange {
            secrets: Some(secrets.clone()),
            ..SubscriptionChange::of(LIVE, made.id, at(9))
        };
        let changed = world.change(change).await.expect("the subscription is there");
        assert_eq!(changed.secrets, secrets);
        world.restart().await;
        assert_eq!(world.find(LIVE, &changed).await, Some(changed));
    }
    assert_eq!(world.find(LIVE, &bystander).await, Some(bystander));
}

/// Its owner has seen to it.
pub async fn leaving_too_many_errors_mends_the_health<H: Harness>(world: World<H>) {
    for status in [SubscriptionStatus::Active, SubscriptionStatus::Paused] {
        let made = world.subscription(LIVE).await;
        world.harm(&made, Some(DisableReason::Gone)).await;
        let unrelated = SubscriptionChange::of(LIVE, made.id, at(8));
        let still = world.change(unrelated).await.expect("the subscription is there");
        assert_eq!(
            (still.status, still.disabled_because),
            (SubscriptionStatus::TooManyErrors, Some(DisableReason::Gone))
        );
        let change =
            SubscriptionChange { status: Some(status), ..SubscriptionChange::of(LIVE, made.id, at(9)) };
        let changed = world.change(change).await;
        let expected = Subscription { status, updated_at: at(9), health: Health::RECOVERING, ..made };
        assert_eq!(changed, Some(expected.clone()));
        assert_eq!(world.find(LIVE, &expected).await, Some(expected));
    }
}

/// Between other statuses nothing is forgotten.
pub async fn pausing_keeps_the_health<H: Harness>(world: World<H>) {
    let made = world.subscription(LIVE).await;
    world.harm(&made, None).await;
    let harmed = world.find(LIVE, &made).await.expect("the subscription is there").health;
    assert_ne!(harmed, Health::GOOD);
    for status in [SubscriptionStatus::Paused, SubscriptionStatus::Active] {
        let change =
            SubscriptionChange { status: Some(status), ..SubscriptionChange::of(LIVE, made.id, at(9)) };
        let changed = world.change(change).await.expect("the subscription is there");
        assert_eq!((changed.status, changed.health), (status, harmed));
    }
}

/// Right, wrong or none, and it is forgotten when that is asked for.
pub async fn what_came_of_a_challenge_is_kept<H: Harness>(mut world: World<H>) {
    let made = world.subscription(LIVE).await;
    let record = |status, failure, problem: Option<&str>| ChallengeRecord {
        at: at(5),
        tries: 3,
        status,
        failure,
        problem: problem.map(str::to_owned),
    };
    let problem = Some("the body is not the token \u{201c}\u{1f511}\u{201d}");
    for challenge in [
        Some(record(Some(200), None, None)),
        Some(record(Some(200), None, problem)),
        Some(record(None, Some(FailureKind::Timeout), problem)),
        None,
    ] {
        let change = SubscriptionChange {
            challenge: Some(challenge.clone()),
            ..SubscriptionChange::of(LIVE, made.id, at(9))
        };
        let expected = Subscription { challenge, updated_at: at(9), ..made.clone() };
        assert_eq!(world.change(change).await, Some(expected.clone()));
        let unrelated = world.change(SubscriptionChange::of(LIVE, made.id, at(9))).await;
        assert_eq!(unrelated, Some(expected.clone()));
        world.restart().await;
        assert_eq!(world.find(LIVE, &expected).await, Some(expected));
    }
}

/// Unknown, of another scope, or deleted.
pub async fn a_subscription_that_is_not_there_is_not_changed<H: Harness>(world: World<H>) {
    let made = world.subscription(LIVE).await;
    let deleted = world.subscription(LIVE).await;
    world.store.delete_subscription(LIVE, deleted.id, at(1)).await.expect("a subscription is deleted");
    let unknown = world.new_subscription(LIVE, 1).id;
    for (scope, id) in [(LIVE, unknown), (TEST, made.id), (LIVE, deleted.id)] {
        let change = SubscriptionChange {
            status: Some(SubscriptionStatus::Paused),
            secrets: Some(vec![secret("x", 1)]),
            ..SubscriptionChange::of(scope, id, at(9))
        };
        assert_eq!(world.change(change).await, None);
    }
    assert_eq!(world.find(LIVE, &made).await, Some(made));
}

/// In pages, which a deletion does not confuse.
pub async fn subscriptions_are_listed_oldest_first<H: Harness>(world: World<H>) {
    let mut made = Vec::new();
    for seconds in 0..5 {
        made.push(world.create(world.new_subscription(LIVE, seconds)).await);
        world.create(world.new_subscription(TEST, seconds)).await;
    }
    let list = async |page| world.store.subscriptions(LIVE, page).await.expect("subscriptions are listed");
    assert_eq!(list(everything()).await, made);
    assert_eq!(list(Page { limit: 2, after: None }).await, made[..2]);
    world.store.delete_subscription(LIVE, made[1].id, at(9)).await.expect("a subscription is deleted");
    assert_eq!(list(Page { limit: 2, after: Some(made[1].id) }).await, made[2..4]);
    assert_eq!(list(Page { limit: 2, after: Some(made[3].id) }).await, made[4..]);
    assert_eq!(list(Page { limit: 2, after: Some(made[4].id) }).await, []);
}

/// Live and test never mix.
pub async fn scopes_do_not_see_each_other<H: Harness>(world: World<H>) {
    let (live, test) = (world.subscription(LIVE).await, world.subscription(TEST).await);
    assert_eq!(world.find(TEST, &live).await, None);
    assert_eq!(world.find(LIVE, &test).await, None);
    let deleted =
        world.store.delete_subscription(TEST, live.id, at(1)).await.expect("a deletion is asked for");
    assert!(!deleted);
    let of_test = world.store.subscriptions(TEST, everything()).await.expect("subscriptions are listed");
    assert_eq!(of_test, [test]);
    assert_eq!(world.find(LIVE, &live).await, Some(live));
}

/// What a node reads when it starts.
pub async fn all_subscriptions_are_of_all_scopes<H: Harness>(mut world: World<H>) {
    let (one, two) = (world.subscription(TEST).await, world.subscription(LIVE).await);
    world.crash().await;
    let all = world.store.all_subscriptions().await.expect("subscriptions are read");
    assert_ne!(one.key, two.key);
    assert_eq!(all, [one, two]);
}

fn full_settings() -> SubscriptionSettings {
    SubscriptionSettings {
        endpoint_url: "https://example.com:8443/hook?q=\u{e4}#f".to_owned(),
        event_types: Some(vec![kind("order.confirmed"), kind("a\"b'c\\d")]),
        profile: "harbor-node".to_owned(),
        description: Some("orders \u{2192} warehouse\n'quoted'".to_owned()),
        headers: vec![("x-team".to_owned(), "a, \"b\"".to_owned()), ("x-team".to_owned(), String::new())],
        timeout_ms: Some(u32::MAX),
        rate_limit_per_s: Some(1),
        max_in_flight: Some(256),
        retry_schedule_s: Some(vec![0, 5, u32::MAX]),
        success: Some("200-208, 410".parse().expect("these are status codes")),
        disable_after: Some(DisableAfter::Failures(u32::MAX)),
        ordered: Some(OnGiveUp::Skip),
        tls: EndpointTls {
            ca_certificates: Some("-----BEGIN CERTIFICATE-----\nAA==\n".to_owned()),
            client: Some(ClientIdentity {
                certificate: "chain".to_owned(),
                key: Secret::new("key \u{1f511}"),
            }),
        },
        metadata: Some("{\"a\": [1, null]}".to_owned()),
    }
}

impl<H: Harness> World<H> {
    async fn create(&self, new: NewSubscription) -> Subscription {
        self.store.create_subscription(new).await.expect("a subscription is created")
    }

    async fn change(&self, change: SubscriptionChange) -> Option<Subscription> {
        self.store.change_subscription(change).await.expect("a subscription is changed")
    }

    async fn find(&self, scope: Scope, subscription: &Subscription) -> Option<Subscription> {
        self.store.subscription(scope, subscription.id).await.expect("a subscription is read")
    }

    async fn harm(&self, subscription: &Subscription, disable: Option<DisableReason>) {
        let health = Health {
            failures_in_a_row: 3,
            failing_since: Some(at(1)),
            unreachable_in_a_row: 2,
            unreachable_since: Some(at(1)),
            recovering: false,
        };
        let health = vec![HealthChange { subscription: subscription.key, health, disable }];
        self.try_commit(Batch { health, ..Batch::default() }).await.expect("health is committed");
    }
}
