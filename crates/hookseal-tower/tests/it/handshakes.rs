//! Handshakes through the layer: answered before any handler, the signed ones only after they verified.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::{Action, Message, Params, Part, Secret, SignedHeaders, Signer, Timestamp};
use hookseal_tower::{ActionError, HandshakeActions, MemoryGuard, Receiver, ReceiverError};
use http::Request;
use http_body_util::Full;

use crate::support::{Answer, Log, NOW, SECRET, SetClock, builtin, call, count, post, receiver, signed};

/// What a receiver answers whose handler must not run.
async fn without_handler(receiver: &Receiver, request: Request<Full<Bytes>>) -> Answer {
    call(receiver, |_| async { panic!("the handler runs") }, request).await
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

/// What is to be done, and whether it is.
#[derive(Clone, Default)]
struct Actions {
    asked: Arc<Mutex<Vec<Action>>>,
    fails: bool,
}

#[async_trait]
impl HandshakeActions for Actions {
    async fn act(&self, action: Action) -> Result<(), ActionError> {
        self.asked.lock().unwrap().push(action);
        match self.fails {
            true => Err(ActionError("the store is away".into())),
            false => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_signed_is_answered() {
    let twitter = receiver("x-twitter").build().unwrap();
    let answer = without_handler(&twitter, get("/hooks?crc_token=uzwcfYtzr9")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert!(answer.body.starts_with(r#"{"response_token":"sha256="#), "{answer:?}");

    let dropbox = receiver("dropbox").build().unwrap();
    let answer = without_handler(&dropbox, get("/hooks?challenge=a-challenge")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "a-challenge"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn text_that_could_be_a_signed_content_is_not_signed() {
    let twitter = receiver("x-twitter").build().unwrap();
    let answer = without_handler(&twitter, get("/hooks?crc_token=%7B%22order%22%3A1%7D")).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
    assert!(answer.body.contains("not_found") && !answer.body.contains("sha256"), "{answer:?}");
}

#[tokio::test]
async fn a_signed_handshake_is_answered_once_it_verified() {
    let slack = receiver("slack").replay(MemoryGuard::new()).build().unwrap();
    let body = br#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}"#;
    let headers = signed(builtin("slack"), SECRET, NOW, body);
    // As often as the vendor asks: a handshake is no delivery.
    for _ in 0..2 {
        let answer = without_handler(&slack, post(&headers, body.as_slice())).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "3eZbrw1aBm2rZgRNFdxV"));
    }
    let forged = without_handler(&slack, post(&[], body.as_slice())).await;
    assert!(forged.status == 401 && forged.body.contains("not_verified"), "{forged:?}");
    assert!(!forged.body.contains("3eZbrw1aBm2rZgRNFdxV"), "{forged:?}");
}

#[tokio::test]
async fn a_challenge_is_signed_by_its_own_part_and_never_taken_for_an_event() {
    let harvestr = receiver("harvestr").build().unwrap();
    let profile = builtin("harvestr");
    let body = br#"{"challenge":"a-token"}"#;
    let signer = Signer::new(profile, Part::Challenge, &[Secret::new(SECRET)], &Params::new()).unwrap();
    let mut lines = SignedHeaders::new();
    signer.sign(&Message::new(NOW, "dlv_1", body), &mut lines).unwrap();
    let headers: Vec<_> = lines.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(headers[0].0, "x-harvestr-signature");
    let answer = without_handler(&harvestr, post(&headers, body.as_slice())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"challenge":"a-token"}"#));
    assert_eq!(without_handler(&harvestr, post(&headers, "{\"challenge\":\"b\"}")).await.status, 401);

    let event = signed(profile, SECRET, NOW, body);
    assert_eq!(count(&harvestr, post(&event, body.as_slice())).await.body, body.len().to_string());
}

#[tokio::test]
async fn a_pending_receiver_takes_the_secret_and_nothing_else() {
    let pending = |actions: Actions| {
        let asana = Receiver::builder(builtin("asana")).clock(SetClock::at(NOW)).pending();
        asana.on_handshake(actions).build().unwrap()
    };
    let actions = Actions::default();
    let receiver = pending(actions.clone());
    let brings = vec![("x-hook-secret".to_owned(), "a-secret-of-asana".to_owned())];
    let (log, _logging) = Log::start();
    let answer = without_handler(&receiver, post(&brings, "")).await;
    assert_eq!((answer.status, answer.header("x-hook-secret")), (200, Some("a-secret-of-asana")));
    let secret = Secret::new("a-secret-of-asana");
    assert_eq!(*actions.asked.lock().unwrap(), [Action::Store { secret: secret.clone() }]);

    let event = signed(builtin("asana"), "a-secret-of-asana", NOW, b"{}");
    assert_eq!(without_handler(&receiver, post(&event, "{}")).await.status, 401);
    assert!(log.text().contains("pending") && !log.text().contains("a-secret-of-asana"), "{}", log.text());

    // With the secret it takes events, and no other secret.
    let receiver = Receiver::builder(builtin("asana")).secret(secret).build().unwrap();
    assert_eq!(count(&receiver, post(&event, "{}")).await.status, 200);
    assert_eq!(without_handler(&receiver, post(&brings, "")).await.status, 404);
}

#[tokio::test]
async fn what_was_not_done_is_not_answered() {
    let (log, _logging) = Log::start();
    let brings = vec![("x-hook-secret".to_owned(), "a-secret-of-asana".to_owned())];
    let pending = || Receiver::builder(builtin("asana")).pending();
    let failing = pending().on_handshake(Actions { fails: true, ..Actions::default() }).build().unwrap();
    for receiver in [failing, pending().build().unwrap()] {
        let answer = without_handler(&receiver, post(&brings, "")).await;
        assert_eq!((answer.status, answer.header("x-hook-secret")), (503, None));
    }
    let text = log.text();
    assert!(text.contains("the store is away") && text.contains("no `on_handshake` was given"), "{text}");
    assert!(!text.contains("a-secret-of-asana"), "{text}");
}

#[test]
fn only_who_waits_for_a_secret_is_pending() {
    let now = Timestamp::from_unix_seconds(0);
    for builder in [
        Receiver::builder(builtin("harmon")).pending(),
        Receiver::builder(builtin("asana")).secret(Secret::new("a")).pending(),
        Receiver::builder(builtin("asana")).replay_by_content(MemoryGuard::new()).pending(),
    ] {
        let refused = builder.clock(SetClock::at(now)).build();
        assert!(matches!(refused, Err(ReceiverError::NotPending)), "{refused:?}");
    }
}
