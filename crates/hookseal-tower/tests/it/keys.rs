//! Keys that requests name.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::{KeyReference, Secret, Timestamp};
use hookseal_tower::{KeySource, KeySourceError, MemoryGuard, Receiver, ReceiverError};
use http::Request;
use http_body_util::Full;

use crate::support::{Log, SetClock, builtin, count, post};

const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"mnRwwgInOQijJ-A60oEujFCGH9DDguyFQOk5gN5t_WA"}"#;
const SIGNATURE: &str = "deb3994e8e069c77b877ecd30eb0d88d9691837e9a757f2fd44151a08ec52772b68e30cbed3a0bbad8865f10bdbdf52be14902db37dc62c5fce7963e76374008";

/// Keys of a set, and what was asked for.
#[derive(Clone, Default)]
struct Published {
    keys: Vec<Secret>,
    away: bool,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl KeySource for Published {
    async fn keys(&self, reference: &KeyReference) -> Result<Vec<Secret>, KeySourceError> {
        self.asked.lock().unwrap().push(reference.to_string());
        match self.away {
            true => Err(KeySourceError("the vendor's host does not answer".into())),
            false => Ok(self.keys.clone()),
        }
    }
}

impl Published {
    fn receiver(&self) -> Receiver {
        let clock = SetClock::at(Timestamp::from_unix_seconds(1_751_371_201));
        let builder = Receiver::builder(builtin("fal-ai")).keys(self.clone()).clock(clock);
        builder.replay(MemoryGuard::new()).build().unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn request(signature: &str, body: &'static str) -> Request<Full<Bytes>> {
    let lines = [
        ("x-fal-webhook-request-id", "req_1"),
        ("x-fal-webhook-user-id", "user_1"),
        ("x-fal-webhook-timestamp", "1751371200"),
        ("x-fal-webhook-signature", signature),
    ];
    post(&lines.map(|(name, value)| (name.to_owned(), value.to_owned())), body)
}

#[tokio::test]
async fn a_request_is_verified_with_the_key_that_it_needs() {
    let published = Published { keys: vec![Secret::new(JWK)], ..Published::default() };
    let receiver = published.receiver();
    let answer = count(&receiver, request(SIGNATURE, r#"{"status":"OK"}"#)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "15"));
    assert!(published.asked.lock().unwrap()[0].contains("https://rest.fal.ai/.well-known/jwks.json"));
    assert_eq!(count(&receiver, request(SIGNATURE, r#"{"status":"NO"}"#)).await.status, 401);
    // The guard knows it although the receiver has no key of its own.
    let again = count(&receiver, request(SIGNATURE, r#"{"status":"OK"}"#)).await;
    assert_eq!((again.status, again.body.as_str()), (200, ""));
}

#[tokio::test]
async fn nothing_is_fetched_for_what_cannot_verify_with_any_key() {
    let published = Published::default();
    let receiver = published.receiver();
    for signature in ["", "00", "not a signature"] {
        assert_eq!(count(&receiver, request(signature, "{}")).await.status, 401, "{signature}");
    }
    assert_eq!(published.asked(), 0);
}

#[tokio::test]
async fn a_key_that_is_not_there_refuses_and_one_that_cannot_be_had_asks_to_come_again() {
    let (log, _logging) = Log::start();
    let unknown = Published::default().receiver();
    assert_eq!(count(&unknown, request(SIGNATURE, r#"{"status":"OK"}"#)).await.status, 401);
    assert!(log.text().contains("unknown_key"), "{}", log.text());
    let away = Published { away: true, ..Published::default() }.receiver();
    let answer = count(&away, request(SIGNATURE, r#"{"status":"OK"}"#)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(log.text().contains("the vendor's host does not answer"), "{}", log.text());
}

#[test]
fn keys_are_for_profiles_that_fetch_them_and_stand_in_place_of_secrets() {
    let builder = |profile: &str| Receiver::builder(builtin(profile)).keys(Published::default());
    assert!(matches!(builder("harmon").build(), Err(ReceiverError::Secret(_))));
    let both = builder("fal-ai").secret(Secret::new(JWK)).build();
    assert!(matches!(both, Err(ReceiverError::SecretsAndKeys)), "{both:?}");
}
