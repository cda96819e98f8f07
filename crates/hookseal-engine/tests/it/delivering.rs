use std::time::Duration;

use hookseal::{Part, Profile, Request, Timestamp, Verifier, VerifyOptions};
use hookseal_engine::{
    ChangeError, DeliveryRecord, DeliveryState, DisableAfter, DisableReason, FailureKind, Health, OnGiveUp,
    SecretChoice, Subscription, SubscriptionSettings, SubscriptionStatus, Trigger, ports::Outbound,
};

use crate::world::{Answer, NOW, SCOPE, World, bounded, header, publish, settings};

/// How long the first retry waits at most: five seconds and a fifth.
const FIRST_RETRY: Duration = Duration::from_secs(6);

/// Profiles whose secret cannot be made here, or that ask for parameters or another URL, which no subscription has.
const REFUSED: [&str; 8] =
    ["aws-sns", "braintree", "fal-ai", "google-pubsub", "paypal", "plaid", "sendgrid", "twilio-json"];

/// Profiles that sign a value which the body has to hold.
const OF_A_FORM: [&str; 4] = ["adyen-payments", "linear", "mailgun", "ms-graph"];

/// Whether what was sent for a subscription verifies.
fn verifies(profile: &Profile, subscription: &Subscription, sent: &Outbound) -> Result<(), String> {
    let secrets = subscription.secrets.iter();
    let secrets: Vec<_> =
        secrets.map(|s| profile.verifying_secret(Part::Delivery, &s.secret).unwrap()).collect();
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default()).unwrap();
    let headers: Vec<_> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
    let url = "https://hooks.example.test/in";
    let request = Request { method: "POST", url, headers: &headers, body: &sent.body };
    verifier.verify(&request, NOW).map(drop).map_err(|error| format!("{}: {error}", profile.name()))
}

#[tokio::test]
async fn what_is_sent_verifies_as_its_vendor_verifies() {
    for profile in Profile::builtins().filter(|profile| profile.signs(Part::Delivery)) {
        if REFUSED.contains(&profile.name()) || OF_A_FORM.contains(&profile.name()) {
            continue;
        }
        let world = World::answering(|_, _| Answer::Status(200)).await;
        let subscription = world.subscribe(profile.name()).await;
        world.publish("order.confirmed").await;
        let sent = world.sent(1).await.remove(0);
        assert_eq!(verifies(profile, &subscription, &sent), Ok(()));
        assert_eq!(&sent.body[..], b"{\"n\": 1.0}");
    }
}

#[tokio::test]
async fn a_signature_in_the_body_is_put_there() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let subscription = world.subscribe("mailgun").await;
    let body = r#"{"signature":{"timestamp":"1750000000","token":"t"},"event-data":{"n": 1.0}}"#;
    world.try_publish(publish("delivered", body)).await.unwrap();
    let sent = world.sent(1).await.remove(0);
    assert_eq!(verifies(Profile::builtin("mailgun").unwrap(), &subscription, &sent), Ok(()));
    assert!(sent.body.ends_with(br#"},"event-data":{"n": 1.0}}"#), "{:?}", sent.body);
}

#[tokio::test]
async fn a_profile_that_no_subscription_can_sign_for_is_refused_with_the_reason() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    for profile in REFUSED {
        let created =
            world.engine.create_subscription(SCOPE, settings(profile), SecretChoice::Generate).await;
        let problems = match created.unwrap_err() {
            ChangeError::Invalid(problems) => problems,
            other => panic!("{profile}: {other}"),
        };
        let detail = &problems[0].detail;
        let reasons = ["the parameter `", "private key", "into the URL"];
        assert!(reasons.iter().any(|reason| detail.contains(reason)), "{profile}: {detail}");
    }
}

#[tokio::test]
async fn vendors_headers_are_there() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harmon").await;
    let event = world.publish("order.confirmed").await;
    let sent = world.sent(1).await.remove(0);
    let record = world.until_state(&event, DeliveryState::Succeeded).await;
    assert_eq!(header(&sent, "x-harmon-event"), "order.confirmed");
    assert_eq!(header(&sent, "x-harmon-delivery"), record.key.id.as_uuid().to_string());
    assert_eq!(header(&sent, "content-type"), "application/json");
    assert_eq!(header(&sent, "user-agent"), "Example-Webhooks/2");
}

#[tokio::test]
async fn a_failure_is_tried_again_on_schedule_under_the_same_id() {
    let world = World::answering(|_, number| Answer::Status(if number < 3 { 500 } else { 200 })).await;
    world.subscribe("standard-webhooks").await;
    let event = world.publish("t").await;
    let record =
        world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    let wait = record.due_at.unwrap().since(NOW);
    assert!((4..=6).contains(&wait.as_secs()), "{wait:?}");
    world.pass(FIRST_RETRY).await;
    world.until(&event, |record| record.attempts == 2 && record.state == DeliveryState::Pending).await;
    world.pass(Duration::from_secs(36)).await;
    let record = world.until_state(&event, DeliveryState::Succeeded).await;
    assert_eq!((record.attempts, record.last_status), (3, Some(200)));
    let sent = world.sent(3).await;
    let ids: Vec<_> = sent.iter().map(|sent| header(sent, "webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == record.key.id.to_string()), "{ids:?}");
    let times: Vec<_> = sent.iter().map(|sent| header(sent, "webhook-timestamp")).collect();
    assert!(times[0] < times[1] && times[1] < times[2], "each attempt is signed anew: {times:?}");
}

#[tokio::test]
async fn nothing_is_tried_before_it_is_due() {
    let world = World::answering(|_, _| Answer::Status(500)).await;
    world.subscribe("standard-webhooks").await;
    let event = world.publish("t").await;
    world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    world.pass(Duration::from_secs(3)).await;
    bounded(world.clock.sleepers(1)).await;
    assert_eq!(world.sent_so_far(), 1);
}

#[tokio::test]
async fn a_delivery_is_given_up_when_its_schedule_ends_and_can_be_asked_for_again() {
    let world = World::answering(|_, number| Answer::Status(if number <= 2 { 500 } else { 200 })).await;
    let chosen =
        hookseal_engine::SubscriptionSettings { retry_schedule_s: Some(vec![1]), ..settings("harmon") };
    world.subscribe_with(chosen).await;
    let event = world.publish("t").await;
    world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    world.pass(Duration::from_secs(2)).await;
    let record = world.until_state(&event, DeliveryState::Failed).await;
    assert_eq!((record.attempts, record.last_failure), (2, Some(FailureKind::Status)));

    world.engine.retry_delivery(SCOPE, record.key.id).await.unwrap();
    world.until_state(&event, DeliveryState::Succeeded).await;
    let attempts = world.engine.store().attempts(SCOPE, record.key.id).await.unwrap().unwrap();
    let triggers: Vec<_> = attempts.iter().map(|attempt| attempt.trigger).collect();
    assert_eq!(triggers, [Trigger::Schedule, Trigger::Schedule, Trigger::Manual]);
}

#[tokio::test]
async fn harvestr_is_disabled_after_ten_failed_deliveries_and_goes_on_when_enabled() {
    let world = World::answering(|_, number| Answer::Status(if number <= 10 { 500 } else { 200 })).await;
    let subscription = world.subscribe("harvestr").await;
    let mut events = Vec::new();
    for number in 1..=10 {
        events.push(world.publish("feedback.created").await);
        world.sent(number).await;
    }
    let id = subscription.id;
    bounded(async {
        while world.engine.store().subscription(SCOPE, id).await.unwrap().unwrap().status
            != SubscriptionStatus::TooManyErrors
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stored = world.engine.store().subscription(SCOPE, id).await.unwrap().unwrap();
    assert_eq!(stored.disabled_because, Some(DisableReason::Errors));

    let late = world.publish("feedback.created").await;
    world.until_state(&late, DeliveryState::Pending).await;
    world.pass(FIRST_RETRY).await;
    bounded(world.clock.sleepers(1)).await;
    assert_eq!(world.sent_so_far(), 10, "deliveries stop");

    let enable = hookseal_engine::SettingsChange {
        status: Some(SubscriptionStatus::Active),
        ..hookseal_engine::SettingsChange::default()
    };
    world.engine.change_subscription(SCOPE, id, enable).await.unwrap();
    for event in events.iter().chain([&late]) {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
}

#[tokio::test]
async fn a_subscription_that_hangs_keeps_no_other_waiting_and_has_its_own_bound() {
    let world = World::answering(|outbound, _| match outbound.endpoint.host.as_str() {
        "dead.example.test" => Answer::AtTheGate(200),
        _ => Answer::Status(200),
    })
    .await;
    let dead = hookseal_engine::SubscriptionSettings {
        endpoint_url: "https://dead.example.test/in".into(),
        event_types: Some(vec![hookseal_engine::EventType::new("dead").unwrap()]),
        ..settings("harmon")
    };
    let alive = hookseal_engine::SubscriptionSettings {
        event_types: Some(vec![hookseal_engine::EventType::new("alive").unwrap()]),
        ..settings("harmon")
    };
    world.subscribe_with(dead).await;
    world.subscribe_with(alive).await;
    for _ in 0..100 {
        world.publish("dead").await;
    }
    for _ in 0..50 {
        let event = world.publish("alive").await;
        world.until_state(&event, DeliveryState::Succeeded).await;
    }
    assert_eq!(world.under_way(), 16, "max_in_flight of the dead one");
    world.open_gate();
    world.sent(150).await;
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_delivered_all_the_same() {
    let world = World::answering(|_, _| Answer::AtTheGate(200)).await;
    world.subscribe("harmon").await;
    let count = hookseal_engine::limits::QUEUE_DELIVERIES_MAX + 500;
    let mut last = None;
    for _ in 0..count {
        last = Some(world.publish("t").await);
    }
    world.open_gate();
    let sent = world.sent(count).await;
    world.until_state(&last.unwrap(), DeliveryState::Succeeded).await;
    let mut ids: Vec<_> = sent.iter().map(|sent| header(sent, "x-harmon-delivery").to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), world.sent_so_far()), (count, count), "each once");
}

#[tokio::test]
async fn a_rate_is_kept() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let limited = hookseal_engine::SubscriptionSettings { rate_limit_per_s: Some(10), ..settings("harmon") };
    world.subscribe_with(limited).await;
    for _ in 0..30 {
        world.publish("t").await;
    }
    world.sent(1).await;
    for second in 0..20 {
        bounded(world.clock.sleepers(1)).await;
        assert!(world.sent_so_far() <= second + 2, "{} after {second} tenths", world.sent_so_far());
        world.clock.advance(Duration::from_millis(100));
        world.sent(second + 2).await;
    }
}

#[tokio::test]
async fn a_clock_that_steps_forward_is_noticed() {
    let world = World::answering(|_, number| Answer::Status(if number == 1 { 500 } else { 200 })).await;
    world.subscribe("standard-webhooks").await;
    let event = world.publish("t").await;
    world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    world.clock.step_to(Timestamp::from_unix_seconds(1_750_003_600));
    world.pass(Duration::from_secs(20)).await;
    world.until_state(&event, DeliveryState::Succeeded).await;
}

#[tokio::test]
async fn the_operators_user_agent_is_sent_unless_the_profile_has_its_own() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("standard-webhooks").await;
    world.publish("order.confirmed").await;
    assert_eq!(header(&world.sent(1).await[0], "user-agent"), "Example-Webhooks/2");
    let harvestr = Profile::builtin("harvestr").unwrap().delivery().user_agent().unwrap();
    let world = World::answering(|_, _| Answer::Status(200)).await;
    world.subscribe("harvestr").await;
    world.publish("order.confirmed").await;
    assert_eq!(header(&world.sent(1).await[0], "user-agent"), harvestr);
}

#[tokio::test]
async fn headers_that_are_not_the_owners_to_set_are_refused() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let refused = async |profile: &str, name: &str| {
        let mut settings = settings(profile);
        settings.headers = vec![("x-fine".into(), "1".into()), (name.into(), "1".into())];
        match world.engine.create_subscription(SCOPE, settings, SecretChoice::Generate).await {
            Err(ChangeError::Invalid(problems)) => problems[0].field == "headers",
            other => panic!("{profile} {name}: {other:?}"),
        }
    };
    for name in [
        "Host",
        "content-length",
        "transfer-encoding",
        "Connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
    ] {
        assert!(refused("standard-webhooks", name).await, "{name}");
    }
    for (profile, name) in [
        ("standard-webhooks", "webhook-signature"),
        ("standard-webhooks", "Webhook-Id"),
        ("standard-webhooks", "webhook-timestamp"),
        ("harbor-node", "X-Harbor-Signature"),
        ("harbor-node", "x-harbor-timestamp"),
    ] {
        assert!(refused(profile, name).await, "{profile} {name}");
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_work_disables_nobody() {
    let world = World::answering(|_, number| match number {
        // Fewer than open the breaker, which such failures do like any others.
        ..=5 => Answer::Fail(FailureKind::Proxy),
        _ => Answer::Status(500),
    })
    .await;
    let subscription = world.subscribe("harvestr").await;
    for number in 1..=5 {
        let event = world.publish("feedback.created").await;
        world.sent(number).await;
        world.until(&event, |record| record.attempts == 1 && record.state == DeliveryState::Pending).await;
    }
    let stored = async || world.engine.store().subscription(SCOPE, subscription.id).await.unwrap().unwrap();
    assert_eq!((stored().await.status, stored().await.health), (SubscriptionStatus::Active, Health::GOOD));
    // A failure of the endpoint's own counts.
    let event = world.publish("feedback.created").await;
    world.until(&event, |record| record.attempts == 1).await;
    assert_eq!(stored().await.health.failures_in_a_row, 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_signed_says_nothing_about_the_endpoint() {
    let world = World::answering(|_, _| Answer::Status(200)).await;
    let rule = SubscriptionSettings { disable_after: Some(DisableAfter::Failures(2)), ..settings("mailgun") };
    let once = SubscriptionSettings { retry_schedule_s: Some(vec![]), ..rule.clone() };
    let stops = SubscriptionSettings { ordered: Some(OnGiveUp::Stop), ..once.clone() };
    for (settings, state, status, because) in [
        (rule, DeliveryState::Pending, SubscriptionStatus::Active, None),
        (once, DeliveryState::Failed, SubscriptionStatus::Active, None),
        (stops, DeliveryState::Failed, SubscriptionStatus::TooManyErrors, Some(DisableReason::GaveUp)),
    ] {
        let subscription = world.subscribe_with(settings).await;
        for _ in 0..if because.is_some() { 1 } else { 5 } {
            let event = world.try_publish(publish("t", "no JSON")).await.unwrap();
            let failed = |record: &DeliveryRecord| {
                record.key.subscription == subscription.key && record.state == state && record.attempts == 1
            };
            let record = world.until(&event, failed).await;
            assert_eq!(record.last_failure, Some(FailureKind::Unsendable));
        }
        let stored = world.engine.store().subscription(SCOPE, subscription.id).await.unwrap().unwrap();
        assert_eq!((stored.status, stored.disabled_because), (status, because));
        if because.is_none() {
            assert_eq!(stored.health, Health::GOOD);
        }
    }
}
