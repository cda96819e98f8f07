//! Keys: who gets in, and how far.

use std::sync::Arc;

use axum::body::Body;
use hookseal::Secret;
use hookseal_engine::{
    KeyId, Scope,
    ports::{
        Store,
        store::{ApiKey, StoreError},
    },
};
use hookseal_server::{KeyError, Keyring, ServerConfig, router};
use hookseal_testkit::{MemoryStore, SeededEntropy};
use http::{Method, Request};

use crate::world::{LIVE, START, TEST, World};

#[tokio::test]
async fn every_call_but_health_needs_a_key() {
    let world = World::new().await;
    for (method, path) in [
        (Method::POST, "/v1/events"),
        (Method::GET, "/v1/events"),
        (Method::GET, "/v1/events/evt_x"),
        (Method::POST, "/v1/webhooks"),
        (Method::GET, "/v1/webhooks/sub_x"),
        (Method::POST, "/v1/webhooks/sub_x/ping"),
        (Method::GET, "/v1/deliveries"),
        (Method::POST, "/v1/deliveries/dlv_x/retry"),
        (Method::GET, "/v1/profiles"),
        (Method::POST, "/v1/tenants/default/events"),
    ] {
        for authorization in [
            None,
            Some("Bearer hs_live_0123456789abcdefghijklmnoq"),
            Some("Basic aHNfbGl2ZV8wMTIzNDU2Nzg5YWJjZGVmZ2hpamtsbW5vcA=="),
            Some(LIVE),
            Some("Bearer "),
        ] {
            let mut request = Request::builder().method(&method).uri(path);
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let reply = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(reply.problem(), "unauthorized", "{method} {path} {authorization:?}");
            assert_eq!(
                (reply.status.as_u16(), &reply.headers["www-authenticate"]),
                (401, &"Bearer".parse().unwrap())
            );
        }
    }
    for path in ["/healthz", "/readyz"] {
        let reply = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, r#"{"status":"ok"}"#), "{path}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_none() {
    let world = World::new().await;
    let request = Request::get("/v1/events").header("authorization", format!("Bearer {LIVE}"));
    let request = request.header("authorization", format!("Bearer {TEST}"));
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.problem(), "unauthorized");
}

#[tokio::test]
async fn live_and_test_never_mix() {
    let world = World::new().await;
    let webhook = world.webhook(r#"{"endpoint_url":"https://shop.example/live"}"#).await;
    let live = world.event(r#"{"type":"order.paid","payload":{},"id":"one"}"#).await;

    let test = world
        .call(TEST, Method::POST, "/v1/events", r#"{"type":"order.lost","payload":[],"id":"one"}"#)
        .await;
    assert_eq!((test.status.as_u16(), &test.json()["deliveries"]), (202, &0.into()), "{test:?}");

    let delivery = world
        .until(&format!("/v1/events/{live}/deliveries"), |list| list["data"][0]["status"] == "succeeded")
        .await;
    let delivery = delivery["data"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/webhooks/{webhook}"),
        format!("/v1/events/{live}"),
        format!("/v1/events/{live}/deliveries"),
        format!("/v1/deliveries/{delivery}"),
        format!("/v1/deliveries/{delivery}/attempts"),
    ] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
        assert_eq!(world.call(TEST, Method::GET, &path, "").await.problem(), "not_found", "{path}");
    }
    for (method, path) in [
        (Method::DELETE, format!("/v1/webhooks/{webhook}")),
        (Method::POST, format!("/v1/webhooks/{webhook}/pause")),
        (Method::POST, format!("/v1/webhooks/{webhook}/ping")),
        (Method::POST, format!("/v1/deliveries/{delivery}/retry")),
    ] {
        assert_eq!(world.call(TEST, method, &path, "").await.problem(), "not_found", "{path}");
    }
    for (path, count) in [("/v1/webhooks", 0), ("/v1/events", 1), ("/v1/deliveries", 0)] {
        let list = world.call(TEST, Method::GET, path, "").await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{path}");
    }
    assert_eq!(world.transport.sent().len(), 1);
}

#[tokio::test]
async fn an_operator_reaches_its_tenant_by_name() {
    let world = World::new().await;
    let reply =
        world.post("/v1/tenants/default/webhooks", r#"{"endpoint_url":"https://shop.example/"}"#).await;
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(reply.headers["location"].to_str().unwrap(), format!("/v1/tenants/default/webhooks/{id}"));
    assert_eq!(world.get(&format!("/v1/webhooks/{id}")).await.status, 200);
    assert_eq!(world.post("/v1/tenants/default/events", r#"{"type":"a","payload":1}"#).await.status, 202);
    assert_eq!(world.get("/v1/tenants/other/webhooks").await.problem(), "not_found");
}

#[tokio::test]
async fn other_keys_stay_below_their_own_path() {
    let world = World::new().await;
    let store = world.engine.store();
    let text = "hs_live_of-a-customer-and-not-of-an-operator";
    let hash = {
        use sha2::Digest;
        sha2::Sha256::digest(text).into()
    };
    let key = ApiKey {
        id: KeyId::from_parts(1 << 40, 3),
        hash,
        scope: Scope::DEFAULT_LIVE,
        operator: false,
        name: "customer".to_owned(),
        created_at: START,
    };
    store.add_key(key).await.unwrap();
    let mut keys = Keyring::load(store).await.unwrap();
    let given = Secret::new(text);
    let promoted = keys.ensure_operator(store, Some(&given), START, &SeededEntropy::new(1)).await;
    assert!(matches!(promoted, Err(KeyError::NotOperator)), "{promoted:?}");

    let app = router(Arc::clone(&world.engine), keys, ServerConfig::default());
    let world = World { app, ..world };
    assert_eq!(world.call(text, Method::GET, "/v1/events", "").await.status, 200);
    assert_eq!(world.call(text, Method::GET, "/v1/tenants/default/events", "").await.problem(), "forbidden");
}

#[tokio::test]
async fn the_first_start_makes_a_key_and_later_ones_do_not() -> Result<(), KeyError> {
    let (store, entropy) = (MemoryStore::new(), SeededEntropy::new(3));
    let mut keys = Keyring::load(&store).await.unwrap();
    let made = keys.ensure_operator(&store, None, START, &entropy).await?.unwrap();
    assert!(made.starts_with("hs_live_") && made.len() == 72, "{made}");
    assert_eq!(keys.ensure_operator(&store, None, START, &entropy).await?, None);

    let mut again = Keyring::load(&store).await.unwrap();
    assert_eq!(again.ensure_operator(&store, None, START, &entropy).await?, None);
    assert_eq!(
        again.ensure_operator(&store, Some(&Secret::new(made.as_str())), START, &entropy).await?,
        None
    );
    let stored = store.keys().await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!format!("{stored:?} {keys:?}").contains(&made));
    Ok(())
}

#[tokio::test]
async fn a_given_key_is_stored_once_and_a_bad_one_never() -> Result<(), KeyError> {
    let (store, entropy) = (MemoryStore::new(), SeededEntropy::new(3));
    let mut keys = Keyring::load(&store).await.unwrap();
    for _ in 0..2 {
        assert_eq!(keys.ensure_operator(&store, Some(&Secret::new(TEST)), START, &entropy).await?, None);
    }
    assert!(matches!(
        keys.ensure_operator(&store, Some(&Secret::new("hs_live_short")), START, &entropy).await,
        Err(KeyError::Length { chars: 13 })
    ));
    let stored = store.keys().await.unwrap();
    assert_eq!(stored.iter().map(|key| (key.scope, key.operator)).collect::<Vec<_>>(), [(Scope(2), true)]);

    store.close().await;
    let refused = keys.ensure_operator(&store, Some(&Secret::new(LIVE)), START, &entropy).await;
    assert!(matches!(refused, Err(KeyError::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    Ok(())
}
