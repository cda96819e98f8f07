//! Keys of sets and of APIs: found by their ids, changed by their vendors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hookseal::{KeyOfApi, Secret};
use hookseal_transport::{KeySupplier, Keys, SupplyError};

use super::world::{NOW, World, key_of_api, key_of_set, later, whole_set};

const SET: &str = "https://keys.test/set";

fn set(ids: &[&str]) -> String {
    let keys: Vec<String> = ids.iter().map(|id| key(id)).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn key(id: &str) -> String {
    format!(r#"{{"kid":"{id}","kty":"EC"}}"#)
}

fn texts(keys: &Keys) -> Vec<&str> {
    keys.iter().map(|key| str::from_utf8(key.expose()).unwrap()).collect()
}

#[tokio::test]
async fn a_key_is_found_by_its_id_and_the_set_is_kept() {
    let world = World::new().await;
    world.serve("/set", "", &set(&["one", "two"]));
    for id in ["one", "two", "one"] {
        assert_eq!(texts(&world.keys(&key_of_set(id)).await.unwrap()), [key(id)]);
    }
    assert_eq!(texts(&world.keys(&whole_set(SET)).await.unwrap()), [key("one"), key("two")]);
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_cause_one_fetch_a_minute() {
    let world = World::new().await;
    world.serve("/set", "", &set(&["old"]));
    assert_eq!(world.keys(&key_of_set("old")).await.unwrap().len(), 1);
    world.serve("/set", "", &set(&["old", "new"]));
    for seconds in [0, 1, 59] {
        let keys = world.fetcher.keys(&key_of_set("new"), later(seconds)).await.unwrap();
        assert!(keys.is_empty());
    }
    assert_eq!(world.asked(), 1);
    let keys = world.fetcher.keys(&key_of_set("new"), later(60)).await.unwrap();
    assert_eq!(texts(&keys), [key("new")]);
    assert_eq!(world.asked(), 2);
    for stranger in 0..100 {
        let unknown = key_of_set(&format!("made-up-{stranger}"));
        assert!(world.fetcher.keys(&unknown, later(61 + stranger % 59)).await.unwrap().is_empty());
        assert_eq!(world.fetcher.keys(&key_of_set("old"), later(61)).await.unwrap().len(), 1);
    }
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn a_set_that_fails_while_it_is_held_is_not_asked_for_again_either() {
    let world = World::new().await;
    world.serve("/set", "", &set(&["old"]));
    world.keys(&key_of_set("old")).await.unwrap();
    world.serve("/set", "", "no set");
    assert!(world.fetcher.keys(&key_of_set("new"), later(60)).await.is_err());
    for seconds in [61, 100, 119] {
        assert!(world.fetcher.keys(&key_of_set("new"), later(seconds)).await.unwrap().is_empty());
        assert_eq!(world.fetcher.keys(&key_of_set("old"), later(seconds)).await.unwrap().len(), 1);
    }
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn a_scheme_without_key_ids_can_ask_for_newer_keys() {
    let world = World::new().await;
    world.serve("/set", "", &set(&["old"]));
    let needed = whole_set(SET);
    let old = world.keys(&needed).await.unwrap();
    world.serve("/set", "", &set(&["new"]));
    let newer =
        async |known: &Keys, seconds| world.fetcher.newer_keys(&needed, known, later(seconds)).await.unwrap();
    assert_eq!(newer(&old, 59).await, None);
    let new = newer(&old, 60).await.unwrap();
    assert_eq!(texts(&new), [key("new")]);
    assert_eq!(newer(&new, 61).await, None);
    assert_eq!(newer(&old, 61).await.as_ref(), Some(&new));
    assert_eq!(newer(&new, 120).await, None);
    assert_eq!(world.asked(), 3);
    let named = key_of_set("new");
    assert_eq!(world.fetcher.newer_keys(&named, &new, later(300)).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_set_is_refused() {
    for body in ["", "{}", "<html>", r#"{"keys":[]}"#, "-----BEGIN CERTIFICATE-----"] {
        let world = World::new().await;
        world.serve("/set", "", body);
        let words = world.failure(&key_of_set("one")).await;
        assert!(words.contains("no JSON Web Key Set"), "{body}: {words}");
    }
}

/// A vendor's API that has one key, and breaks for one id.
#[derive(Default)]
struct Api(AtomicUsize);

#[async_trait]
impl KeySupplier for Api {
    async fn key(&self, wanted: &KeyOfApi) -> Result<Option<Secret>, SupplyError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match wanted.id() {
            "known" => Ok(Some(Secret::new(key("known")))),
            "broken" => Err(SupplyError::new("the credentials are refused")),
            _ => Ok(None),
        }
    }
}

#[tokio::test]
async fn a_key_of_an_api_is_asked_for_once() {
    let api = Arc::new(Api::default());
    let supplier: Arc<dyn KeySupplier> = api.clone();
    let world = World::with(|config| config.supplier = Some(supplier)).await;
    let asked = || api.0.load(Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(texts(&world.keys(&key_of_api("known")).await.unwrap()), [key("known")]);
        assert!(world.keys(&key_of_api("unknown")).await.unwrap().is_empty());
        let error = world.keys(&key_of_api("broken")).await.unwrap_err();
        assert!(error.to_string().contains("vendor's API"), "{error}");
    }
    assert_eq!(asked(), 3);
    // Seven more are asked for within the minute, and then no more; the one that is known is there all along.
    for stranger in 0..20 {
        let outcome = world.keys(&key_of_api(&format!("made-up-{stranger}"))).await;
        assert_eq!(outcome.is_ok(), stranger < 7, "{stranger}");
    }
    assert_eq!(asked(), 10);
    assert_eq!(world.fetcher.keys(&key_of_api("known"), later(1)).await.unwrap().len(), 1);
    assert!(world.fetcher.keys(&key_of_api("made-up-19"), later(60)).await.unwrap().is_empty());
    assert_eq!(world.connections(), 0);
}

#[tokio::test]
async fn without_a_supplier_a_key_of_an_api_cannot_be_had() {
    let world = World::new().await;
    let words = world.failure(&key_of_api("known")).await;
    assert!(words.contains("to its customer alone"), "{words}");
    assert!(world.fetcher.keys(&key_of_api("known"), NOW).await.is_err());
}
