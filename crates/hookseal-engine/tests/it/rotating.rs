//! A new secret beside the old one, and then in its place.

use std::{sync::Arc, time::Duration};

use hookseal::{Profile, Request, Secret, Verifier, VerifyOptions};
use hookseal_engine::{ChangeError, DeliveryState, Rotation, Subscription, limits, ports::Outbound};
use hookseal_testkit::Fault;

use crate::world::{Answer, SCOPE, World, bounded};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn world() -> World {
    World::answering(|_, _| Answer::Status(204)).await
}

/// Publishes, and gives the request that was sent for it.
async fn sent(world: &World) -> Outbound {
    let before = world.sent_so_far();
    let event = world.publish("order.paid").await;
    world.until_state(&event, DeliveryState::Succeeded).await;
    world.sent(before + 1).await.remove(before)
}

/// Whether whoever holds this secret alone takes the request.
fn verifies(profile: &str, secret: &Secret, outbound: &Outbound, world: &World) -> bool {
    let headers: Vec<_> =
        outbound.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let request = Request {
        method: "POST",
        url: "https://hooks.example.test/in",
        headers: &headers,
        body: &outbound.body,
    };
    let profile = Profile::builtin(profile).unwrap();
    let secrets = std::slice::from_ref(secret);
    let verifier =
        Verifier::new(profile, hookseal::Part::Delivery, secrets, VerifyOptions::default()).unwrap();
    verifier.verify(&request, world.engine.now()).is_ok()
}

async fn stored(world: &World, subscription: &Subscription) -> Subscription {
    world.engine.store().subscription(SCOPE, subscription.id).await.unwrap().unwrap()
}

async fn rotate(
    world: &World,
    of: &Subscription,
    overlap: Option<Duration>,
) -> Result<Subscription, ChangeError> {
    world.engine.rotate_secret(SCOPE, of.id, Rotation { secret: None, overlap }).await
}

fn field(error: &ChangeError) -> &'static str {
    match error {
        ChangeError::Invalid(problems) => problems[0].field,
        other => panic!("{other:?}"),
    }
}

async fn secrets_in_the_store(world: &World, of: &Subscription, count: usize) {
    bounded(async {
        while stored(world, of).await.secrets.len() != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn both_secrets_verify_until_the_overlap_is_over() {
    for profile in ["harbor-lockers", "harbor-transfers", "standard-webhooks", "stripe"] {
        let world = world().await;
        let made = world.subscribe(profile).await;
        let rotated = rotate(&world, &made, None).await.unwrap();
        let [new, old] = rotated.secrets.as_slice() else { panic!("{rotated:?}") };
        assert_eq!((&old.secret, new.expires_at), (&made.secrets[0].secret, None), "{profile}");
        assert_eq!(old.expires_at, Some(world.engine.now().saturating_add(DAY)), "{profile}");
        assert_eq!(rotated.updated_at, world.engine.now());
        let during = sent(&world).await;
        assert!(verifies(profile, &old.secret, &during, &world), "{profile}: {during:?}");
        assert!(verifies(profile, &new.secret, &during, &world), "{profile}: {during:?}");

        world.pass(DAY).await;
        secrets_in_the_store(&world, &made, 1).await;
        let after = stored(&world, &made).await;
        assert_eq!((&after.secrets[0], after.updated_at), (new, rotated.updated_at), "{profile}");
        let later = sent(&world).await;
        assert!(!verifies(profile, &old.secret, &later, &world), "{profile}: {later:?}");
        assert!(verifies(profile, &new.secret, &later, &world), "{profile}: {later:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_over_signs_no_more_although_the_store_still_has_it() {
    let world = world().await;
    let made = world.subscribe("standard-webhooks").await;
    let rotated = rotate(&world, &made, Some(DAY)).await.unwrap();
    world.store.set_fault("change_subscription", Some(Fault::Unavailable));
    world.pass(DAY).await;
    let later = sent(&world).await;
    assert!(!verifies("standard-webhooks", &made.secrets[0].secret, &later, &world));
    assert!(verifies("standard-webhooks", &rotated.secrets[0].secret, &later, &world));
    world.store.set_fault("change_subscription", None);
    assert_eq!(stored(&world, &made).await.secrets.len(), 2, "it could not be destroyed");
}

#[tokio::test]
async fn one_signature_allows_no_overlap() {
    let world = world().await;
    let made = world.subscribe("harvestr").await;
    let refused = rotate(&world, &made, Some(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(field(&refused), "overlap_s");
    assert_eq!(stored(&world, &made).await.secrets, made.secrets);
    let rotated = rotate(&world, &made, None).await.unwrap();
    assert_eq!(rotated.secrets.len(), 1);
    assert_ne!(rotated.secrets[0].secret, made.secrets[0].secret);
}

#[tokio::test]
async fn a_secret_that_is_over_goes_with_the_next_start() {
    let world = world().await;
    let made = world.subscribe("standard-webhooks").await;
    let rotated = rotate(&world, &made, Some(DAY)).await.unwrap();
    let (store, clock) = (Arc::new(world.store.after_crash()), world.clock.clone());
    drop(world);
    clock.advance(DAY);
    let world = World::on(store, clock, |_, _| Answer::Status(204)).await;
    let first = sent(&world).await;
    assert!(!verifies("standard-webhooks", &made.secrets[0].secret, &first, &world));
    assert!(verifies("standard-webhooks", &rotated.secrets[0].secret, &first, &world));
    secrets_in_the_store(&world, &made, 1).await;
}

#[tokio::test]
async fn as_many_secrets_sign_as_are_allowed() {
    let world = world().await;
    let made = world.subscribe("standard-webhooks").await;
    for _ in 1..limits::SECRETS_MAX {
        rotate(&world, &made, Some(DAY)).await.unwrap();
    }
    assert_eq!(field(&rotate(&world, &made, Some(DAY)).await.unwrap_err()), "overlap_s");
    let longer = Some(limits::ROTATION_OVERLAP_MAX + Duration::from_secs(1));
    assert_eq!(field(&rotate(&world, &made, longer).await.unwrap_err()), "overlap_s");
    let rotated = rotate(&world, &made, Some(Duration::ZERO)).await.unwrap();
    assert_eq!(rotated.secrets.len(), 1);
}

#[tokio::test]
async fn what_is_no_rotation_is_refused() {
    let world = world().await;
    let made = world.subscribe("standard-webhooks").await;
    let same = Rotation { secret: Some(made.secrets[0].secret.clone()), overlap: None };
    let refused = world.engine.rotate_secret(SCOPE, made.id, same).await.unwrap_err();
    assert_eq!(field(&refused), "secret");
    let other = hookseal_engine::SubscriptionId::from_parts(1, 1);
    let nowhere = world.engine.rotate_secret(SCOPE, other, Rotation::default()).await.unwrap_err();
    assert!(matches!(nowhere, ChangeError::NotFound), "{nowhere:?}");
}
