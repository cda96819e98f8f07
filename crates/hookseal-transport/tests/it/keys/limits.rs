//! Bounds: of time, of bytes, of what is kept, and of how often anything is fetched.

use std::sync::Arc;
use std::time::Duration;

use hookseal_transport::limits::{KEY_BYTES_MAX, UNPROVEN_KEYS_MAX};
use hookseal_transport::{KeyError, KeyFetcher};
use rcgen::date_time_ymd;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::world::{Authority, NOW, World, certificate, key_of_set, later, pem, whole_set};
use crate::support::{Server, closed, eventually};

const SET: &str = r#"{"keys":[{"kid":"one"}]}"#;

async fn fetches_at(world: &World, seconds: u64) -> bool {
    let before = world.asked();
    world.fetcher.keys(&key_of_set("one"), later(seconds)).await.unwrap();
    world.asked() > before
}

#[tokio::test]
async fn keys_are_kept_for_as_long_as_the_answer_says_within_bounds() {
    for (headers, lifetime) in [
        ("", 3600),
        ("cache-control: public, max-age=600\r\n", 600),
        ("cache-control: max-age=0\r\n", 60),
        ("cache-control: no-store\r\n", 60),
        ("cache-control: max-age=31536000\r\n", 86_400),
        ("cache-control: max-age=99999999999999999999999\r\n", 3600),
    ] {
        let world = World::new().await;
        world.serve("/set", headers, SET);
        assert!(fetches_at(&world, 0).await);
        assert!(!fetches_at(&world, lifetime - 1).await, "{headers}");
        assert!(fetches_at(&world, lifetime).await, "{headers}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nothing_for_longer() {
    let world = World::new().await;
    world.serve("/set", "", SET);
    assert!(fetches_at(&world, 100_000).await);
    assert!(!fetches_at(&world, 100_000 - 59).await);
    assert!(fetches_at(&world, 0).await);
}

#[tokio::test]
async fn a_certificate_is_kept_no_longer_than_it_is_valid() {
    let world = World::new().await;
    let signing = world.authority.signing("keys.test", |params| {
        params.not_after = date_time_ymd(2026, 5, 29);
    });
    world.serve("/c", "cache-control: max-age=86400\r\n", &pem(&[&signing]));
    let needed = certificate("/c", "");
    let end = hookseal::Timestamp::parse_rfc3339("2026-05-29T00:00:00Z").unwrap();
    let before = |seconds| end.saturating_sub(Duration::from_secs(seconds));
    assert!(world.fetcher.keys(&needed, before(1000)).await.is_ok());
    assert!(world.fetcher.keys(&needed, before(1)).await.is_ok());
    assert_eq!(world.asked(), 1);
    let after = end.saturating_add(Duration::from_secs(1));
    assert!(matches!(world.fetcher.keys(&needed, after).await, Err(KeyError::Expired)));
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn many_at_once_make_one_fetch() {
    let world = Arc::new(World::new().await);
    world.serve("/set", "", SET);
    let mut waiting = JoinSet::new();
    for number in 0..50 {
        let world = Arc::clone(&world);
        let needed = if number % 2 == 0 { key_of_set("one") } else { whole_set("https://keys.test/set") };
        waiting.spawn(async move { world.keys(&needed).await.unwrap().len() });
    }
    while let Some(keys) = waiting.join_next().await {
        assert_eq!(keys.unwrap(), 1);
    }
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn many_at_once_share_a_failure() {
    let world = Arc::new(World::new().await);
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let world = Arc::clone(&world);
        waiting.spawn(async move { world.failure(&key_of_set("one")).await });
    }
    while let Some(words) = waiting.join_next().await {
        assert!(words.unwrap().contains("404"));
    }
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn whoever_waits_takes_over_when_the_first_one_goes() {
    let world = Arc::new(World::new().await);
    world.serve_raw("/set", "");
    let first = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.keys(&key_of_set("one")).await.map(|keys| keys.len()) })
    };
    eventually("the first request", || world.asked() == 1).await;
    world.serve("/set", "", SET);
    let second = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.keys(&key_of_set("one")).await.map(|keys| keys.len()) })
    };
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), 1);
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn a_failure_is_remembered_for_half_a_minute() {
    let world = World::new().await;
    assert!(world.failure(&key_of_set("one")).await.contains("404"));
    world.serve("/set", "", SET);
    assert!(world.fetcher.keys(&key_of_set("one"), later(29)).await.is_err());
    assert_eq!(world.asked(), 1);
    assert_eq!(world.fetcher.keys(&key_of_set("one"), later(30)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn made_up_urls_of_a_trusted_host_cause_few_fetches() {
    let world = World::new().await;
    let file = pem(&[&world.authority.signing("keys.test", |_| {})]);
    world.serve("/good", "cache-control: max-age=60\r\n", &file);
    let good = certificate("/good", "");
    world.keys(&good).await.unwrap();
    let (mut missing, mut throttled) = (0, 0);
    for stranger in 0..100 {
        match world.keys(&certificate(&format!("/made-up/{stranger}"), "")).await {
            Err(KeyError::Status(404)) => missing += 1,
            Err(KeyError::Throttled) => throttled += 1,
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!(missing, UNPROVEN_KEYS_MAX - 1);
    assert_eq!(missing + throttled, 100);
    // What was good goes on being good, also when it has to be fetched anew.
    assert!(world.keys(&good).await.is_ok());
    for stranger in 0..100 {
        let made_up = certificate(&format!("/later/{stranger}"), "");
        assert!(world.fetcher.keys(&made_up, later(60)).await.is_err());
    }
    assert_eq!(world.fetcher.keys(&good, later(60)).await.unwrap().len(), 1);
    assert_eq!(world.asked(), 1 + 9 + 10 + 1);
    // Another vendor has a count of its own.
    let other = certificate("/good", "path-suffix = \"good\"");
    assert!(matches!(world.fetcher.keys(&other, later(61)).await, Err(KeyError::Throttled)));
    assert!(
        world
            .fetcher
            .keys(&key_of_set("one"), later(61))
            .await
            .is_err_and(|error| { matches!(error, KeyError::Status(404)) })
    );
}

#[tokio::test]
async fn a_long_answer_is_cut_off() {
    let long = "x".repeat(KEY_BYTES_MAX + 1);
    let world = World::new().await;
    world.serve("/set", "", &long);
    assert!(world.failure(&key_of_set("one")).await.contains("longer than 64 KiB"));
    let world = World::new().await;
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    world.serve_raw("/set", &chunked);
    assert!(world.failure(&key_of_set("one")).await.contains("longer than 64 KiB"));
    let world = World::new().await;
    world.serve("/set", "", &format!("{SET}{}", " ".repeat(KEY_BYTES_MAX - SET.len())));
    assert_eq!(world.keys(&key_of_set("one")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_but_the_answer_itself_counts() {
    for (answer, words) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: https://keys.test/other\r\ncontent-length: 0\r\n\r\n",
            "status 302",
        ),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", "status 500"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "status 204"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "before its answer was whole"),
        ("nonsense\r\n\r\n", "not HTTP/1.1"),
    ] {
        let world = World::new().await;
        world.serve("/other", "", SET);
        world.serve_raw("/set", answer);
        let failure = world.failure(&key_of_set("one")).await;
        assert!(failure.contains(words), "{answer}: {failure}");
        assert_eq!(world.asked(), 1);
    }
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for() {
    let world = World::with(|config| config.timeout = Duration::from_millis(300)).await;
    world.serve_raw("/set", "");
    let words = world.failure(&key_of_set("one")).await;
    assert!(words.contains("no whole answer within 300 ms: the endpoint had not begun to answer"), "{words}");
}

#[tokio::test]
async fn a_key_server_speaks_tls_in_its_own_name() {
    let world = World::new().await;
    let plain = Server::start(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
        closed(&mut stream).await;
    })
    .await;
    let mut config = world.config.clone();
    config.port = plain.address.port();
    let fetcher = KeyFetcher::new(config).unwrap();
    let error = fetcher.keys(&key_of_set("one"), NOW).await.unwrap_err().to_string();
    assert!(error.contains("is not TLS"), "{error}");

    let other_name = whole_set("https://other.test/set");
    assert!(world.failure(&other_name).await.contains("certificate is for another name"));

    let mut config = world.config.clone();
    config.transport.extra_roots = vec![Authority::new("Another").certificate];
    let fetcher = KeyFetcher::new(config).unwrap();
    let error = fetcher.keys(&key_of_set("one"), NOW).await.unwrap_err().to_string();
    assert!(error.contains("no authority that is trusted here"), "{error}");
}

#[tokio::test]
async fn addresses_are_checked_as_for_deliveries() {
    let world = World::with(|config| config.transport.allow_networks.clear()).await;
    let words = world.failure(&key_of_set("one")).await;
    assert!(words.contains("keys.test resolves to 127.0.0.1, which is not allowed"), "{words}");
    let words = world.failure(&whole_set("https://127.0.0.1/set")).await;
    assert!(words.contains("cannot be used"), "{words}");
    assert_eq!(world.connections(), 0);
}

#[tokio::test]
async fn a_server_that_never_ends_its_handshake_is_cut_off() {
    let world = World::new().await;
    let silent = Server::start(|mut stream, _| async move { closed(&mut stream).await }).await;
    let mut config = world.config.clone();
    (config.port, config.timeout) = (silent.address.port(), Duration::from_millis(200));
    let error = KeyFetcher::new(config).unwrap().keys(&key_of_set("one"), NOW).await.unwrap_err().to_string();
    assert!(error.contains("the TLS handshake was still under way"), "{error}");
}
