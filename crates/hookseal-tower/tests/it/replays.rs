//! Replays: what was handled is not handled again, and what was not handled is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hookseal::{Message, Part, Secret, SignedHeaders, Signer, Timestamp};
use hookseal_tower::{Claim, ClaimId, GuardError, MemoryGuard, Receiver, ReplayGuard, ReplayKey};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::sync::{Semaphore, watch};

use crate::support::{
    Answer, Log, NOW, SECRET, SetClock, builtin, call, good, post, receiver, signed, status,
};

/// A handler that counts, and answers what it is told.
#[derive(Clone)]
struct Handler {
    runs: Arc<AtomicUsize>,
    answer: Arc<std::sync::Mutex<StatusCode>>,
}

impl Handler {
    fn answering(status: StatusCode) -> Self {
        Self { runs: Arc::default(), answer: Arc::new(std::sync::Mutex::new(status)) }
    }

    fn answer(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn call(&self, receiver: &Receiver, request: Request<Full<Bytes>>) -> Answer {
        let this = self.clone();
        let handle = move |_| {
            let this = this.clone();
            async move {
                this.runs.fetch_add(1, Ordering::SeqCst);
                status(*this.answer.lock().unwrap(), "handled")
            }
        };
        call(receiver, handle, request).await
    }
}

/// A guard in memory that can be broken and says how often something was released.
#[derive(Clone)]
struct Watched {
    guard: Arc<MemoryGuard>,
    broken: Arc<AtomicBool>,
    released: Arc<watch::Sender<usize>>,
}

impl Watched {
    fn new() -> Self {
        let released = Arc::new(watch::Sender::new(0));
        Self { guard: Arc::default(), broken: Arc::default(), released }
    }

    fn check(&self) -> Result<(), GuardError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(GuardError::Unavailable("the guard's machine is away".into())),
            false => Ok(()),
        }
    }

    async fn until_released(&self) {
        let mut released = self.released.subscribe();
        let waited = released.wait_for(|count| *count > 0);
        tokio::time::timeout(Duration::from_secs(10), waited).await.expect("it is released").unwrap();
    }
}

#[async_trait]
impl ReplayGuard for Watched {
    async fn claim(&self, key: ReplayKey, now: Timestamp, lease_end: Timestamp) -> Result<Claim, GuardError> {
        self.check()?;
        self.guard.claim(key, now, lease_end).await
    }

    async fn confirm(&self, key: ReplayKey, claim: ClaimId, until: Timestamp) -> Result<(), GuardError> {
        self.check()?;
        self.guard.confirm(key, claim, until).await
    }

    async fn release(&self, key: ReplayKey, claim: ClaimId) -> Result<(), GuardError> {
        self.check()?;
        self.guard.release(key, claim).await?;
        self.released.send_modify(|count| *count += 1);
        Ok(())
    }
}

/// A request of Standard Webhooks with this id and body.
fn with_id(id: &str, now: Timestamp, body: &'static str) -> Request<Full<Bytes>> {
    let profile = builtin("standard-webhooks");
    let secret = [Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")];
    let signer = Signer::new(profile, Part::Delivery, &secret, &Default::default()).unwrap();
    let mut headers = SignedHeaders::new();
    signer.sign(&Message::new(now, id, body.as_bytes()), &mut headers).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    post(&headers, body)
}

fn node() -> Request<Full<Bytes>> {
    good("harbor-node", b"{}")
}

#[tokio::test]
async fn what_was_handled_is_answered_and_not_handled_again() {
    let receiver = receiver("harbor-node").replay(MemoryGuard::new()).build().unwrap();
    let handler = Handler::answering(StatusCode::ACCEPTED);
    let first = handler.call(&receiver, node()).await;
    assert_eq!((first.status, first.body.as_str()), (202, "handled"));
    let again = handler.call(&receiver, node()).await;
    assert_eq!((again.status, again.body.as_str(), handler.runs()), (200, "", 1));
    // Another body is another delivery.
    assert_eq!(handler.call(&receiver, good("harbor-node", b"{ }")).await.status, 202);
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn a_duplicate_is_answered_as_configured() {
    let receiver = receiver("harbor-node")
        .replay(MemoryGuard::new())
        .duplicate_status(StatusCode::NO_CONTENT)
        .build()
        .unwrap();
    let handler = Handler::answering(StatusCode::OK);
    handler.call(&receiver, node()).await;
    assert_eq!(handler.call(&receiver, node()).await.status, 204);
}

#[tokio::test]
async fn without_a_guard_everything_is_handled() {
    let receiver = receiver("harbor-node").build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    handler.call(&receiver, node()).await;
    handler.call(&receiver, node()).await;
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn what_the_sender_takes_for_a_failure_is_handled_again() {
    for failure in [500, 503, 400, 404, 302] {
        let receiver = receiver("harbor-node").replay(MemoryGuard::new()).build().unwrap();
        let handler = Handler::answering(StatusCode::from_u16(failure).unwrap());
        assert_eq!(handler.call(&receiver, node()).await.status, failure);
        handler.answer(StatusCode::OK);
        assert_eq!(handler.call(&receiver, node()).await.body, "handled", "{failure}");
        assert_eq!(handler.call(&receiver, node()).await.body, "", "{failure}");
        assert_eq!(handler.runs(), 2, "{failure}");
    }
}

#[tokio::test]
async fn success_is_what_the_vendor_takes_for_it() {
    // Harvestr takes 200 to 208 alone, and sends again after 226.
    let receiver = receiver("harvestr").replay_by_content(MemoryGuard::new()).build().unwrap();
    let handler = Handler::answering(StatusCode::IM_USED);
    handler.call(&receiver, good("harvestr", b"{}")).await;
    handler.call(&receiver, good("harvestr", b"{}")).await;
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn a_handler_that_panics_is_run_again() {
    let guard = Watched::new();
    let receiver = receiver("harbor-node").replay(guard.clone()).build().unwrap();
    let panicking = {
        let receiver = receiver.clone();
        tokio::spawn(async move { call(&receiver, |_| async { panic!("the handler fails") }, node()).await })
    };
    assert!(panicking.await.unwrap_err().is_panic());
    guard.until_released().await;
    let handler = Handler::answering(StatusCode::OK);
    assert_eq!(handler.call(&receiver, node()).await.body, "handled");
}

#[tokio::test]
async fn a_handler_that_is_cut_off_is_run_again() {
    let guard = Watched::new();
    let receiver = receiver("harbor-node").replay(guard.clone()).build().unwrap();
    let started = Arc::new(Semaphore::new(0));
    let running = {
        let (receiver, started) = (receiver.clone(), Arc::clone(&started));
        let handle = move |_| {
            started.add_permits(1);
            std::future::pending()
        };
        tokio::spawn(async move { call(&receiver, handle, node()).await })
    };
    started.acquire().await.unwrap().forget();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    guard.until_released().await;
    let handler = Handler::answering(StatusCode::OK);
    assert_eq!(handler.call(&receiver, node()).await.body, "handled");
}

#[tokio::test]
async fn while_a_delivery_is_handled_its_sender_is_asked_to_come_again() {
    let receiver = receiver("harbor-node").replay(MemoryGuard::new()).build().unwrap();
    let (started, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let running = {
        let (receiver, started, go) = (receiver.clone(), Arc::clone(&started), Arc::clone(&go));
        let handle = move |_| {
            let (started, go) = (Arc::clone(&started), Arc::clone(&go));
            async move {
                started.add_permits(1);
                go.acquire().await.unwrap().forget();
                status(StatusCode::OK, "handled")
            }
        };
        tokio::spawn(async move { call(&receiver, handle, node()).await })
    };
    started.acquire().await.unwrap().forget();
    let handler = Handler::answering(StatusCode::OK);
    let meanwhile = handler.call(&receiver, node()).await;
    assert_eq!((meanwhile.status, meanwhile.header("retry-after"), handler.runs()), (503, Some("5"), 0));
    go.add_permits(1);
    assert_eq!(running.await.unwrap().body, "handled");
    assert_eq!((handler.call(&receiver, node()).await.status, handler.runs()), (200, 0));
}

#[tokio::test]
async fn nothing_passes_while_the_guard_does_not_answer() {
    let (log, _logging) = Log::start();
    let guard = Watched::new();
    guard.broken.store(true, Ordering::SeqCst);
    let receiver = receiver("harbor-node").replay(guard.clone()).build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    let answer = handler.call(&receiver, node()).await;
    assert_eq!((answer.status, answer.header("retry-after"), handler.runs()), (503, Some("5"), 0));
    assert!(!answer.body.contains("guard"), "{answer:?}");
    assert!(log.text().contains("guard_failed") && log.text().contains("the guard's machine is away"));
    guard.broken.store(false, Ordering::SeqCst);
    assert_eq!(handler.call(&receiver, node()).await.status, 200);
}

#[tokio::test]
async fn a_full_guard_lets_nothing_pass() {
    let receiver = receiver("harbor-node").replay(MemoryGuard::with_entries(1)).build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    assert_eq!(handler.call(&receiver, node()).await.status, 200);
    assert_eq!(handler.call(&receiver, good("harbor-node", b"[]")).await.status, 503);
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn a_signed_id_is_known_whatever_time_is_signed_with_it() {
    let clock = SetClock::at(NOW);
    let build = |guard: Arc<MemoryGuard>, source: &str| {
        Receiver::builder(builtin("standard-webhooks"))
            .secret(Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"))
            .clock(clock.clone())
            .source(source)
            .retry_horizon(Duration::from_secs(3600))
            .replay(guard)
            .build()
            .unwrap()
    };
    let guard = Arc::new(MemoryGuard::new());
    let (one, two) = (build(Arc::clone(&guard), "one"), build(guard, "two"));
    let handler = Handler::answering(StatusCode::OK);
    for receiver in [&one, &two] {
        // What is shared is the guard, not the deliveries.
        assert_eq!(handler.call(receiver, with_id("msg_1", NOW, "{}")).await.body, "handled");
    }
    // Both tolerances of five minutes, and the hour.
    let end = NOW.saturating_add(Duration::from_secs(2 * 300 + 3600));
    for now in [NOW, end.saturating_sub(Duration::from_millis(1))] {
        clock.set(now);
        let seconds = Timestamp::from_unix_seconds(now.as_unix_seconds());
        assert_eq!(handler.call(&one, with_id("msg_1", seconds, "{}")).await.body, "", "{now}");
        assert_eq!(handler.call(&one, with_id("msg_1", seconds, "{ }")).await.body, "", "{now}");
    }
    assert_eq!(handler.runs(), 2);
    // Another id, and the same after it need not be remembered any longer.
    clock.set(end);
    assert_eq!(handler.call(&one, with_id("msg_2", end, "{}")).await.body, "handled");
    assert_eq!(handler.call(&one, with_id("msg_1", end, "{}")).await.body, "handled");
}

#[tokio::test]
async fn what_is_not_signed_does_not_make_a_delivery_new() {
    let receiver = receiver("harbor-lockers").replay(MemoryGuard::new()).build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    let request = |body: &'static str, line: &str| {
        let mut headers = signed(builtin("harbor-lockers"), SECRET, NOW, b"{\"a\":1}");
        headers.push(("x-request-id".to_owned(), line.to_owned()));
        post(&headers, body)
    };
    assert_eq!(handler.call(&receiver, request("{\"a\":1}", "1")).await.body, "handled");
    // Harbor Lockers signs the body without its spaces.
    assert_eq!(handler.call(&receiver, request("{ \"a\": 1 }", "2")).await.body, "");
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn without_a_time_or_an_id_the_content_tells_deliveries_apart() {
    let receiver = receiver("harmon").replay_by_content(MemoryGuard::new()).build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    let request = |delivery: &str, body: &'static [u8]| {
        let mut request = good("harmon", body);
        request.headers_mut().insert("x-harmon-delivery", delivery.parse().unwrap());
        request
    };
    assert_eq!(handler.call(&receiver, request("1", b"{}")).await.body, "handled");
    // The id of a header that is not signed is no id: anybody can write another one.
    assert_eq!(handler.call(&receiver, request("2", b"{}")).await.body, "");
    assert_eq!(handler.call(&receiver, request("1", b"[]")).await.body, "handled");
}

#[tokio::test]
async fn where_the_body_is_not_signed_it_counts_all_the_same() {
    let receiver = receiver("gitlab-token").replay_by_content(MemoryGuard::new()).build().unwrap();
    let handler = Handler::answering(StatusCode::OK);
    let request = |body: &'static str| {
        let token = vec![("x-gitlab-token".to_owned(), SECRET.to_owned())];
        post(&token, body)
    };
    for (body, answer) in [("{}", "handled"), ("[]", "handled"), ("{}", ""), ("[]", "")] {
        assert_eq!(handler.call(&receiver, request(body)).await.body, answer, "{body}");
    }
}

#[tokio::test]
async fn a_claim_that_outlives_its_lease_is_run_beside_and_not_confirmed() {
    let (log, _logging) = Log::start();
    let clock = SetClock::at(NOW);
    let receiver = receiver("harbor-node")
        .clock(clock.clone())
        .lease(Duration::from_secs(60))
        .replay(MemoryGuard::new())
        .build()
        .unwrap();
    let slow = {
        let (receiver, clock) = (receiver.clone(), clock.clone());
        move |_| {
            let (receiver, clock) = (receiver.clone(), clock.clone());
            async move {
                clock.set(NOW.saturating_add(Duration::from_secs(60)));
                let second = Handler::answering(StatusCode::OK).call(&receiver, node()).await;
                assert_eq!(second.body, "handled");
                status(StatusCode::OK, "slow")
            }
        }
    };
    assert_eq!(call(&receiver, slow, node()).await.body, "slow");
    assert!(log.text().contains("the claim has lapsed"), "{}", log.text());
    assert_eq!(Handler::answering(StatusCode::OK).call(&receiver, node()).await.body, "");
}
