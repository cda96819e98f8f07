//! API keys, and the store as a whole.

use hookseal_engine::ports::store::{ApiKey, Batch, StoreError};

use super::{
    Harness,
    world::{LIVE, TEST, World, at},
};

/// All that they were made with.
pub async fn keys_come_back_oldest_first<H: Harness>(mut world: World<H>) {
    let mut keys: Vec<ApiKey> = (0..4).map(|number| key(&world, number)).collect();
    keys[1].operator = true;
    keys[2].scope = TEST;
    keys[3].name = "\u{1f511} 'x'".to_owned();
    for added in keys.iter().rev() {
        world.store.add_key(added.clone()).await.expect("a key is added");
    }
    assert_eq!(world.store.keys().await.expect("keys are read"), keys);
    world.crash().await;
    assert_eq!(world.store.keys().await.expect("keys are read"), keys);
}

/// The same call again changes nothing.
pub async fn a_key_is_added_once<H: Harness>(world: World<H>) {
    let one = key(&world, 1);
    world.store.add_key(one.clone()).await.expect("a key is added");
    world.store.add_key(one.clone()).await.expect("a key is added again");
    assert_eq!(world.store.keys().await.expect("keys are read"), [one]);
}

/// Neither its id nor its hash is another's.
pub async fn a_key_is_unique<H: Harness>(world: World<H>) {
    let (one, two) = (key(&world, 1), key(&world, 2));
    world.store.add_key(one.clone()).await.expect("a key is added");
    for other in [ApiKey { id: one.id, ..two.clone() }, ApiKey { hash: one.hash, ..two }] {
        let error = world.store.add_key(other).await.expect_err("the id or the hash is taken");
        assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    }
    assert_eq!(world.store.keys().await.expect("keys are read"), [one]);
}

/// As often as one likes.
pub async fn a_store_can_be_checked<H: Harness>(world: World<H>) {
    for _ in 0..3 {
        world.store.check().await.expect("the store can be written to");
    }
}

/// Every call fails once it is closed, and closing it again does no harm.
pub async fn a_closed_store_fails<H: Harness>(mut world: World<H>) {
    let event = world.event(1, Vec::new());
    world.store.close().await;
    world.store.close().await;
    let batch = Batch { events: vec![event.clone()], ..Batch::default() };
    let errors = [
        world.store.commit(batch).await.expect_err("it is closed"),
        world.store.check().await.expect_err("it is closed"),
        world.store.event(LIVE, event.id).await.expect_err("it is closed"),
        world.store.keys().await.expect_err("it is closed"),
        world.store.recover(at(1)).await.expect_err("it is closed"),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
    world.restart().await;
    assert_eq!(world.store.event(LIVE, event.id).await.expect("an event is read"), None);
}

fn key<H: Harness>(world: &World<H>, number: u8) -> ApiKey {
    let seconds = i64::from(number);
    ApiKey {
        id: world.key_id(seconds),
        hash: [number; 32],
        scope: LIVE,
        operator: false,
        name: format!("key {number}"),
        created_at: at(seconds),
    }
}
