//! Endpoints prove themselves before anything is delivered to them.

use std::{sync::Arc, time::Duration};

use hookseal::{Part, Profile, Request, Verifier, VerifyOptions};
use hookseal_engine::{
    DeliveryState, EngineError, FailureKind, OperationalType, SecretChoice, SettingsChange, Subscription,
    SubscriptionSettings, SubscriptionStatus, limits, ports::Outbound,
};
use hookseal_testkit::{ManualClock, MemoryStore};

use crate::world::{Answer, NOW, SCOPE, World, bounded, header, is_challenge, settings};

use SubscriptionStatus::{Active, ChallengeFailed, Paused, Pending, TooManyErrors};

async fn world(script: impl Fn(&Outbound, usize) -> Answer + Send + Sync + 'static) -> World {
    World::challenging(Arc::new(MemoryStore::new()), ManualClock::at(NOW), script).await
}

/// One whose endpoints answer every challenge so, and take every delivery.
async fn answering(status: u16) -> World {
    world(move |outbound, _| Answer::Status(if is_challenge(outbound) { status } else { 200 })).await
}

fn moved() -> SettingsChange {
    let endpoint_url = "https://moved.example.test/in".to_owned();
    let settings = SubscriptionSettings { endpoint_url, ..settings("harvestr") };
    SettingsChange { settings: Some(settings), ..SettingsChange::default() }
}

fn status(status: SubscriptionStatus) -> SettingsChange {
    SettingsChange { status: Some(status), ..SettingsChange::default() }
}

async fn change(world: &World, of: &Subscription, change: SettingsChange) -> Subscription {
    world.engine.change_subscription(SCOPE, of.id, change).await.unwrap()
}

/// Lets every wait of the schedule pass, and gives the subscription as it is when it has failed.
async fn fails(world: &World, of: &Subscription) -> Subscription {
    for (tries, wait) in (1..).zip(limits::CHALLENGE_SCHEDULE) {
        world.until_stored(of, |stored| stored.challenge.as_ref().is_some_and(|c| c.tries == tries)).await;
        world.pass(wait).await;
    }
    world.until_status(of, ChallengeFailed).await
}

#[tokio::test]
async fn nothing_is_delivered_before_the_right_answer() {
    let world = world(|_, _| Answer::AtTheGate(200)).await;
    let made = world.subscribe("harvestr").await;
    assert_eq!((made.status, &made.challenge), (Pending, &None));
    let event = world.publish("feedback.created").await;
    world.sent(1).await;
    let record = world.until_state(&event, DeliveryState::Pending).await;
    assert_eq!(record.attempts, 0);
    world.open_gate();
    world.until_state(&event, DeliveryState::Succeeded).await;
    let sent = world.sent(2).await;
    assert!(is_challenge(&sent[0]) && !is_challenge(&sent[1]), "{sent:?}");
    let stored = world.stored(&made).await;
    assert_eq!((stored.status, stored.updated_at), (Active, made.updated_at));
    let record = stored.challenge.unwrap();
    assert!(record.passed());
    assert_eq!((record.tries, record.status, record.failure), (1, Some(200), None));
}

#[tokio::test]
async fn it_is_signed_with_the_header_of_challenges_and_has_a_token_of_its_own() {
    let world = answering(200).await;
    let one = world.subscribe("harvestr").await;
    world.until_status(&one, Active).await;
    world.engine.validate(SCOPE, one.id).await.unwrap();
    let sent = world.sent(2).await;
    let first = &sent[0];
    let headers: Vec<_> =
        first.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let request = Request {
        method: "POST",
        url: "https://hooks.example.test/in",
        headers: &headers,
        body: &first.body,
    };
    let profile = Profile::builtin("harvestr").unwrap();
    let secrets = [one.secrets[0].secret.clone()];
    let verify = |part| {
        let verifier = Verifier::new(profile, part, &secrets, VerifyOptions::default()).unwrap();
        verifier.verify(&request, NOW).is_ok()
    };
    assert!(verify(Part::Challenge), "{first:?}");
    assert!(!verify(Part::Delivery), "{first:?}");
    assert_eq!(header(first, "content-type"), "application/json");
    assert_eq!(header(first, "user-agent"), "harvestr-webhook/1.0.0");
    assert_eq!(first.timeout, Duration::from_secs(5));
    let token = |outbound: &Outbound| {
        let body: serde_json::Value = serde_json::from_slice(&outbound.body).unwrap();
        body["challenge"].as_str().unwrap().to_owned()
    };
    assert_eq!(token(first).len(), 2 * limits::CHALLENGE_TOKEN_BYTES);
    assert_ne!(token(first), token(&sent[1]));
}

/// A scheme that signs where a challenge is asked, and how.
const OVER_URL_AND_METHOD: &str = r#"
name = "over-url-and-method"
title = "Challenges signed over method, URL and body"
document = "none"

[scheme]
algorithm = "hmac-sha256"
key = ["utf8"]
content = ["{body}"]

[scheme.signature]
header = "x-signature"

[challenge]
method = "OPTIONS"
query = { token = "{token}" }
success = ["200"]

[challenge.scheme]
algorithm = "hmac-sha256"
key = ["utf8"]
content = ["{method}", "\n", "{url}", "\n", "{body}"]

[challenge.scheme.signature]
header = "x-proof"
"#;

#[tokio::test]
async fn what_is_signed_of_method_and_url_is_what_is_asked() {
    let profile = Arc::new(Profile::parse(OVER_URL_AND_METHOD).unwrap());
    let store = Arc::new(MemoryStore::new());
    let profiles = vec![Arc::clone(&profile)];
    let script = |_: &Outbound, _| Answer::Status(200);
    let world = World::started(store, ManualClock::at(NOW), profiles, true, script).await;
    let made = world.subscribe("over-url-and-method").await;
    world.until_status(&made, Active).await;
    let asked = world.sent(1).await.remove(0);
    let target = asked.endpoint.path_and_query.as_str();
    assert!(target.starts_with("/in?token="), "{target}");
    let headers: Vec<_> =
        asked.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let verifier =
        Verifier::new(&profile, Part::Challenge, &[made.secrets[0].secret.clone()], VerifyOptions::default());
    let verifier = verifier.unwrap();
    let verifies = |method: &str, url: &str| {
        let request = Request { method, url, headers: &headers, body: &asked.body };
        verifier.verify(&request, NOW).is_ok()
    };
    let url = format!("https://hooks.example.test{target}");
    assert!(verifies("OPTIONS", &url), "{asked:?}");
    assert!(!verifies("POST", &url) && !verifies("OPTIONS", "https://hooks.example.test/in"));
}

#[tokio::test]
async fn without_a_secret_it_goes_out_unsigned() {
    let world = answering(200).await;
    let choice = SecretChoice::Unsigned;
    let made = world.engine.create_subscription(SCOPE, settings("harvestr"), choice).await.unwrap();
    world.until_status(&made, Active).await;
    let sent = world.sent(1).await.remove(0);
    assert!(sent.headers.iter().all(|(name, _)| name != "x-harvestr-signature"), "{sent:?}");
}

#[tokio::test]
async fn a_profile_without_a_challenge_asks_nothing() {
    let world = answering(500).await;
    let made = world.subscribe("harmon").await;
    assert_eq!(made.status, Active);
    let event = world.publish("order.paid").await;
    world.until_state(&event, DeliveryState::Succeeded).await;
    assert_eq!(world.sent_so_far(), 1);
    let refused = world.engine.validate(SCOPE, made.id).await.unwrap_err();
    assert!(matches!(refused, EngineError::Conflict(_)), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_answer_is_asked_for_again_until_the_schedule_is_over_and_operators_are_told() {
    let world = answering(403).await;
    let told = SubscriptionSettings {
        endpoint_url: "https://operator.example.test/in".to_owned(),
        event_types: Some(vec![OperationalType::ChallengeFailed.event_type()]),
        ..settings("harmon")
    };
    world.subscribe_with(told).await;
    let made = world.subscribe("harvestr").await;
    let event = world.publish("feedback.created").await;
    let failed = fails(&world, &made).await;
    let record = failed.challenge.unwrap();
    assert_eq!((record.tries, record.status, record.failure), (4, Some(403), Some(FailureKind::Status)));
    assert_eq!(record.problem.as_deref(), Some("answered 403, and 200-208 answers the challenge"));
    assert_eq!(world.until_state(&event, DeliveryState::Pending).await.attempts, 0);
    let sent = world.sent(5).await;
    assert_eq!(sent.iter().filter(|outbound| is_challenge(outbound)).count(), 4);
    let told: serde_json::Value = serde_json::from_slice(&sent[4].body).unwrap();
    assert_eq!(sent[4].endpoint.host, "operator.example.test");
    assert_eq!(told["type"], "challenge.failed");
    let expected = serde_json::json!({
        "webhook_id": made.id.to_string(),
        "tries": 4,
        "last_status_code": 403,
        "last_error": "status",
        "problem": "answered 403, and 200-208 answers the challenge",
    });
    assert_eq!(told["data"], expected);
}

#[tokio::test]
async fn no_answer_is_a_wrong_one_and_a_later_right_one_counts() {
    let world = world(|_, number| match number {
        1 => Answer::Fail(FailureKind::Timeout),
        2 => Answer::Status(500),
        _ => Answer::Status(200),
    })
    .await;
    let made = world.subscribe("harvestr").await;
    let tries =
        |count| move |stored: &Subscription| stored.challenge.as_ref().is_some_and(|c| c.tries == count);
    let first = world.until_stored(&made, tries(1)).await;
    assert_eq!((first.status, first.challenge.unwrap().failure), (Pending, Some(FailureKind::Timeout)));
    world.pass(limits::CHALLENGE_SCHEDULE[0]).await;
    world.until_stored(&made, tries(2)).await;
    world.pass(limits::CHALLENGE_SCHEDULE[1]).await;
    let passed = world.until_status(&made, Active).await;
    assert_eq!((passed.challenge.as_ref().unwrap().tries, passed.challenge.unwrap().problem), (3, None));
}

#[tokio::test]
async fn a_late_answer_for_an_old_endpoint_proves_nothing_of_a_new_one() {
    let world = world(|outbound, _| match outbound.endpoint.host.as_str() {
        "moved.example.test" => Answer::Status(500),
        _ => Answer::AtTheGate(200),
    })
    .await;
    let made = world.subscribe("harvestr").await;
    world.sent(1).await;
    let validating = {
        let engine = Arc::clone(&world.engine);
        tokio::spawn(async move { engine.validate(SCOPE, made.id).await })
    };
    world.sent(2).await;
    let changed = change(&world, &made, moved()).await;
    assert_eq!((changed.status, &changed.challenge), (Pending, &None));
    world.until_stored(&made, |stored| stored.challenge.is_some()).await;
    world.open_gate();
    let late = bounded(validating).await.unwrap();
    assert!(matches!(late, Err(EngineError::Conflict(_))), "{late:?}");
    let failed = fails(&world, &made).await;
    assert_eq!(failed.challenge.unwrap().tries, 4);
}

#[tokio::test]
async fn what_is_pending_is_asked_by_the_next_run() {
    let world = world(|_, _| Answer::AtTheGate(200)).await;
    let made = world.subscribe("harvestr").await;
    let event = world.publish("feedback.created").await;
    world.sent(1).await;
    let store = Arc::new(world.store.after_crash());
    let again = World::challenging(store, world.clock.clone(), |_, _| Answer::Status(200)).await;
    again.until_status(&made, Active).await;
    again.until_state(&event, DeliveryState::Succeeded).await;
    drop(world);

    // One that failed is not asked by itself: its owner has to want that.
    let world = answering(500).await;
    let made = world.subscribe("harvestr").await;
    fails(&world, &made).await;
    let store = Arc::new(world.store.after_crash());
    let again = World::challenging(store, world.clock.clone(), |_, _| Answer::Status(200)).await;
    assert_eq!(again.engine.validate(SCOPE, made.id).await.unwrap().status, Active);
    assert_eq!(again.sent_so_far(), 1);
}

#[tokio::test]
async fn stopping_does_not_wait_for_an_answer() {
    let world = world(|_, _| Answer::AtTheGate(200)).await;
    world.subscribe("harvestr").await;
    world.sent(1).await;
    bounded(world.engine.stop(limits::DRAIN)).await;
}

#[tokio::test]
async fn deleting_and_pausing_end_it() {
    let world = answering(500).await;
    let (deleted, paused) = (world.subscribe("harvestr").await, world.subscribe("harvestr").await);
    for made in [&deleted, &paused] {
        world.until_stored(made, |stored| stored.challenge.is_some()).await;
    }
    world.engine.delete_subscription(SCOPE, deleted.id).await.unwrap();
    assert_eq!(change(&world, &paused, status(Paused)).await.status, Paused);
    for wait in limits::CHALLENGE_SCHEDULE {
        world.clock.advance(wait);
        // Whatever would follow from that comes before what is asked after it.
        world.engine.validate(SCOPE, paused.id).await.unwrap();
    }
    assert_eq!(world.sent_so_far(), 2 + limits::CHALLENGE_SCHEDULE.len());
    assert_eq!(world.stored(&paused).await.status, Paused);
    assert!(world.engine.store().subscription(SCOPE, deleted.id).await.unwrap().is_none());
    // Enabling asks anew.
    let enabled = change(&world, &paused, status(Active)).await;
    assert_eq!((enabled.status, &enabled.challenge), (Pending, &None));
    fails(&world, &paused).await;
}

#[tokio::test]
async fn asked_by_hand_a_right_answer_counts_and_a_wrong_one_takes_none_down() {
    let world = world(|_, number| Answer::Status(if number <= 4 || number == 6 { 500 } else { 200 })).await;
    let made = world.subscribe("harvestr").await;
    fails(&world, &made).await;
    let right = world.engine.validate(SCOPE, made.id).await.unwrap();
    assert_eq!((right.status, right.challenge.unwrap().tries), (Active, 5));
    let wrong = world.engine.validate(SCOPE, made.id).await.unwrap();
    assert_eq!(wrong.status, Active);
    assert!(!wrong.challenge.unwrap().passed());
    let event = world.publish("feedback.created").await;
    world.until_state(&event, DeliveryState::Succeeded).await;
    let nowhere = hookseal_engine::SubscriptionId::from_parts(1, 1);
    let unknown = world.engine.validate(SCOPE, nowhere).await.unwrap_err();
    assert!(matches!(unknown, EngineError::NotFound), "{unknown:?}");
}

#[tokio::test]
async fn enabling_asks_who_has_failed_and_nobody_who_has_passed() {
    let world = world(|_, number| Answer::Status(if number <= 4 { 500 } else { 200 })).await;
    let made = world.subscribe("harvestr").await;
    fails(&world, &made).await;
    assert_eq!(change(&world, &made, status(Active)).await.status, Pending);
    world.until_status(&made, Active).await;
    change(&world, &made, status(Paused)).await;
    assert_eq!(change(&world, &made, status(Active)).await.status, Active);
    assert_eq!(world.sent_so_far(), 5);
}

#[tokio::test]
async fn one_that_was_disabled_proves_itself_when_its_endpoint_moved_meanwhile() {
    let world = world(|outbound, _| Answer::Status(if is_challenge(outbound) { 200 } else { 410 })).await;
    let made = world.subscribe("harvestr").await;
    world.until_status(&made, Active).await;
    world.publish("feedback.created").await;
    world.until_status(&made, TooManyErrors).await;
    let changed = change(&world, &made, moved()).await;
    assert_eq!((changed.status, &changed.challenge), (TooManyErrors, &None));
    let enabled = change(&world, &made, status(Active)).await;
    assert_eq!(enabled.status, Pending);
    assert!(enabled.health.recovering);
    world.until_stored(&made, |stored| stored.challenge.is_some()).await;
}

#[tokio::test]
async fn a_subscription_sets_no_header_that_signs_its_challenge() {
    let world = answering(200).await;
    let own = SubscriptionSettings {
        headers: vec![("x-harvestr-signature".to_owned(), "0".to_owned())],
        ..settings("harvestr")
    };
    let refused = world.engine.create_subscription(SCOPE, own, SecretChoice::Generate).await;
    assert!(refused.is_err(), "{refused:?}");
    let own = SubscriptionSettings {
        headers: vec![("WebHook-Request-Origin".to_owned(), "other.example".to_owned())],
        ..settings("cloudevents")
    };
    let refused = world.engine.create_subscription(SCOPE, own, SecretChoice::Unsigned).await;
    assert!(refused.is_err(), "its challenge says who asks: {refused:?}");
}

#[tokio::test]
async fn a_right_status_without_what_has_to_come_back_is_no_answer() {
    for (profile, method, asks) in [
        ("slack", "POST", "/in"),
        ("dropbox", "GET", "/in?challenge="),
        ("ms-graph", "POST", "/in?validationToken="),
        ("cloudevents", "OPTIONS", "/in"),
    ] {
        let world = answering(200).await;
        let made = world.subscribe(profile).await;
        let sent = world.sent(1).await.remove(0);
        assert_eq!(sent.method.as_str(), method, "{profile}");
        assert!(sent.endpoint.path_and_query.as_str().starts_with(asks), "{profile}: {sent:?}");
        let stored = world.until_stored(&made, |stored| stored.challenge.is_some()).await;
        assert_eq!(stored.status, Pending, "{profile}");
        let record = stored.challenge.unwrap();
        assert_eq!((record.status, record.failure), (Some(200), None), "{profile}");
        let problem = record.problem.unwrap();
        assert!(problem.starts_with("answered 200, but the ") && problem.contains(" is not "), "{problem}");
    }
}
