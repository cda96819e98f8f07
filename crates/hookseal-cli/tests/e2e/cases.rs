//! The cases in which senders of webhooks are known to lose, repeat or hold up deliveries, each by its number, on the
//! real binary. Where a case needs a name server or a certificate of its own it is beside its kind: case 9's name that
//! changes its address and case 10 in the transport's tests, case 12 in those of the embedded store.

use std::{path::Path, time::Duration};

use hookseal_testkit::outside::{Behaviour, Client, Disk, Options, Server, Sink, rate, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{binary, root};

const PATIENCE: Duration = Duration::from_secs(30);
const AT_ONCE: Behaviour = Behaviour::Answer(200, Duration::ZERO);

/// A server on a store of its own.
struct World {
    _folder: TempDir,
    options: Options,
    server: Server,
}

impl World {
    fn start() -> Self {
        Self::with(|folder| Options::new(binary(), folder))
    }

    fn with(options: impl FnOnce(&Path) -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path());
        let server = Server::start(&options).unwrap();
        Self { _folder: folder, options, server }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn subscribe(&self, wishes: &Value) -> String {
        let answer = self.client().post("/v1/webhooks", wishes).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    fn publish(&self, seqs: std::ops::Range<u64>) {
        let mut client = self.client();
        for seq in seqs {
            let event = json!({ "type": "case.test", "payload": { "seq": seq } });
            assert_eq!(client.post("/v1/events", &event).unwrap().status, 202);
        }
    }

    /// `kill -9`, and the next run on what it left.
    fn kill_and_start(&mut self) {
        self.server.kill().unwrap();
        self.server = Server::start(&self.options).unwrap();
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.client().get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    fn deliveries(&self, filter: &str) -> Vec<Value> {
        self.get(&format!("/v1/deliveries?limit=250{filter}"))["data"].as_array().unwrap().clone()
    }

    fn until_succeeded(&self, count: usize) {
        let succeeded = || self.deliveries("&status=succeeded").len() == count;
        wait_until("the deliveries are recorded as successes", PATIENCE, succeeded).unwrap();
    }

    /// What is recorded of the first attempt to a subscription.
    fn first_attempt(&self, webhook: &str) -> Value {
        let filter = format!("&webhook={webhook}");
        let tried = || self.deliveries(&filter).into_iter().find(|delivery| delivery["attempts"] != 0);
        wait_until("an attempt is recorded", PATIENCE, || tried().is_some()).unwrap();
        let delivery = tried().unwrap()["id"].as_str().unwrap().to_owned();
        self.get(&format!("/v1/deliveries/{delivery}/attempts"))["data"][0].clone()
    }
}

fn arrives(sink: &Sink, seqs: std::ops::Range<u64>) {
    wait_until("everything arrives", PATIENCE, || seqs.clone().all(|seq| sink.count(seq) > 0)).unwrap();
}

/// The disk holds the sync back, so the event is written and not yet handed to delivery when the process is killed.
#[test]
fn case_01_killed_between_the_commit_and_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::compile(folder.path(), &root().join("tests/shim/syncshim.c")).unwrap();
    let options = disk.options(binary());
    let sink = Sink::open(AT_ONCE).unwrap();
    let mut server = Server::start(&options).unwrap();
    let subscribed = server.client().post("/v1/webhooks", &json!({ "endpoint_url": sink.url() })).unwrap();
    assert_eq!(subscribed.status, 201);
    let log = disk.data().join("hookseal.db-wal");
    let written = || std::fs::metadata(&log).map_or(0, |file| file.len());
    let before = written();

    disk.set("delay 60000").unwrap();
    let event = json!({ "id": "order-1", "type": "case.test", "payload": { "seq": 1 } });
    std::thread::scope(|scope| {
        let mut client = server.client();
        let publishing = scope.spawn({
            let event = event.clone();
            move || client.post("/v1/events", &event)
        });
        wait_until("the commit is written", PATIENCE, || written() > before).unwrap();
        server.kill().unwrap();
        assert!(publishing.join().unwrap().is_err(), "no answer came before the sync");
    });
    assert_eq!(sink.requests(), 0, "and nothing was sent");

    disk.set("pass").unwrap();
    server = Server::start(&options).unwrap();
    arrives(&sink, 1..2);
    let again = server.client().post("/v1/events", &event).unwrap();
    assert!(matches!(again.status, 200 | 202), "publishing it again succeeds: {}", again.json());
    server.terminate(PATIENCE).unwrap();
    assert_eq!(sink.requests(), 1, "and leads to no second delivery");
}

#[test]
fn case_02_headers_and_then_a_byte_a_second() {
    let world = World::start();
    let (dripping, healthy) = (Sink::open(Behaviour::Drip).unwrap(), Sink::open(AT_ONCE).unwrap());
    let drip = world.subscribe(&json!({ "endpoint_url": dripping.url(), "timeout_ms": 400 }));
    world.subscribe(&json!({ "endpoint_url": healthy.url() }));
    world.publish(0..200);
    arrives(&healthy, 0..200);
    let attempt = world.first_attempt(&drip);
    assert_eq!(attempt["error"]["kind"], "timeout", "{attempt}");
    let freed = || dripping.requests() > 16;
    wait_until("the places of the first ones are free again", PATIENCE, freed).unwrap();
}

#[test]
fn case_03_an_answer_of_five_gigabytes() {
    let world = World::start();
    let sink = Sink::open(Behaviour::Flood(5_000_000_000)).unwrap();
    let webhook = world.subscribe(&json!({ "endpoint_url": sink.url() }));
    let before = world.server.memory_kib().unwrap();
    world.publish(0..16);
    let attempt = world.first_attempt(&webhook);
    assert_eq!(attempt["error"]["kind"], "response_too_large", "{attempt}");
    wait_until("all are attempted", PATIENCE, || sink.requests() >= 16).unwrap();
    let grown = world.server.memory_kib().unwrap().saturating_sub(before);
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
}

#[test]
fn case_04_killed_during_a_retry() {
    let mut world = World::start();
    let fails = Behaviour::Answer(500, Duration::ZERO);
    let sink = Sink::open(Behaviour::Turns(vec![fails, Behaviour::Silence, AT_ONCE])).unwrap();
    world.subscribe(&json!({ "endpoint_url": sink.url(), "retry_schedule_s": [1, 1, 1] }));
    world.publish(1..2);
    wait_until("the retry is under way", PATIENCE, || sink.requests() == 2).unwrap();
    world.kill_and_start();
    world.until_succeeded(1);
    assert_eq!(sink.requests(), 3);
}

#[test]
fn case_05_killed_after_nine_of_ten_endpoints_took_it() {
    let mut world = World::start();
    let nine: Vec<Sink> = (0..9).map(|_| Sink::open(AT_ONCE).unwrap()).collect();
    let tenth = Sink::open(Behaviour::Turns(vec![Behaviour::Silence, AT_ONCE])).unwrap();
    for sink in nine.iter().chain([&tenth]) {
        world.subscribe(&json!({ "endpoint_url": sink.url() }));
    }
    world.publish(1..2);
    world.until_succeeded(9);
    wait_until("the tenth has it before it", PATIENCE, || tenth.requests() == 1).unwrap();
    world.kill_and_start();
    world.until_succeeded(10);
    assert_eq!(tenth.requests(), 2);
    assert!(nine.iter().all(|sink| sink.requests() == 1), "nobody else gets it again");
}

/// There is no service of queues: what waits is in the store, and every restart reads it there.
#[test]
fn case_06_what_queues_is_there_after_every_restart() {
    let mut world = World::start();
    let sink = Sink::open(AT_ONCE).unwrap();
    let webhook = world.subscribe(&json!({ "endpoint_url": sink.url() }));
    let pause = format!("/v1/webhooks/{webhook}/pause");
    assert_eq!(world.client().post(&pause, &json!({})).unwrap().status, 200);
    world.publish(0..100);
    world.kill_and_start();
    world.publish(100..200);
    world.kill_and_start();
    assert_eq!(sink.requests(), 0, "it is paused");
    let enable = format!("/v1/webhooks/{webhook}/enable");
    assert_eq!(world.client().post(&enable, &json!({})).unwrap().status, 200);
    arrives(&sink, 0..200);
}

/// At length, with the latency of both: `cargo xtask bench dead`.
#[test]
fn case_07_a_dead_endpoint_with_many_waiting_beside_a_healthy_one() {
    let world = World::start();
    let (dead, healthy) = (Sink::open(Behaviour::Silence).unwrap(), Sink::open(AT_ONCE).unwrap());
    let dying = world.subscribe(&json!({ "endpoint_url": dead.url(), "timeout_ms": 60000 }));
    world.publish(0..2000);
    world.subscribe(&json!({ "endpoint_url": healthy.url() }));
    world.publish(2000..2200);
    arrives(&healthy, 2000..2200);
    assert!(dead.requests() <= 16, "its first attempts still hang");
    assert_eq!(world.deliveries(&format!("&webhook={dying}&status=succeeded")).len(), 0);
}

#[test]
fn case_08_what_nobody_takes_is_kept_and_can_be_replayed() {
    let world = World::start();
    world.publish(0..1);
    let sink = Sink::open(AT_ONCE).unwrap();
    let webhook = world.subscribe(&json!({ "endpoint_url": sink.url() }));
    let pause = format!("/v1/webhooks/{webhook}/pause");
    assert_eq!(world.client().post(&pause, &json!({})).unwrap().status, 200);
    world.publish(1..2);
    assert_eq!(world.get("/v1/events")["data"].as_array().unwrap().len(), 2, "both are listed");
    assert_eq!(sink.requests(), 0);
    let enable = format!("/v1/webhooks/{webhook}/enable");
    assert_eq!(world.client().post(&enable, &json!({})).unwrap().status, 200);
    let replay = format!("/v1/webhooks/{webhook}/replay");
    let replayed = world.client().post(&replay, &json!({ "since": "2020-01-01T00:00:00Z" })).unwrap();
    assert_eq!(replayed.status, 202, "{}", replayed.json());
    arrives(&sink, 0..2);
}

/// A name that changes its address between two look-ups is in the transport's tests, which have a name server.
#[test]
fn case_09_addresses_inside_are_not_reached() {
    let inside = Sink::open(AT_ONCE).unwrap();
    let redirecting = Sink::open_on("127.0.0.2", Behaviour::Redirect(inside.url())).unwrap();
    let world = World::with(|folder| {
        let mut options = Options::new(binary(), folder);
        options.arguments = vec!["--allow-network".into(), "127.0.0.2/32".into()];
        options
    });
    let port = inside.url().rsplit(':').next().unwrap().replace("/hook", "");
    let hosts = ["127.0.0.1", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "2130706433", "0x7f.1", "localhost"];
    for host in hosts.into_iter().chain(["169.254.169.254", "[::1]"]) {
        let wishes =
            json!({ "endpoint_url": format!("https://{host}:{port}/hook"), "event_types": ["case.test"] });
        let answer = world.client().post("/v1/webhooks", &wishes).unwrap();
        if answer.status == 201 {
            world.publish(1..2);
            let attempt = world.first_attempt(answer.json()["id"].as_str().unwrap());
            assert_eq!(attempt["error"]["kind"], "address_not_allowed", "{host}: {attempt}");
        } else {
            assert_eq!(answer.json()["problems"][0]["field"], "endpoint_url", "{host}: {}", answer.json());
        }
    }
    let webhook = world.subscribe(&json!({ "endpoint_url": redirecting.url() }));
    world.publish(2..3);
    assert_eq!(world.first_attempt(&webhook)["error"]["kind"], "redirect");
    assert_eq!(inside.requests(), 0, "nothing came to what is inside");
}

#[test]
fn case_11_the_bytes_sent_are_the_bytes_published() {
    let world = World::start();
    let sink = Sink::open(AT_ONCE).unwrap();
    world.subscribe(&json!({ "endpoint_url": sink.url() }));
    let payloads = [
        r#"{"a":1.5}"#,
        r#"{"z": 1.50, "a" : 1e2,"n":12345678901234567890123}"#,
        "{ \"b\":\"\\u00e9\\/\",\r\n\t\"a\":[ ] , \"b\":null }",
        r#"  [1.0, -0.0, "é"]"#,
    ];
    for (index, payload) in (1..).zip(payloads) {
        let event = format!(r#"{{"type":"case.test","payload":{payload}}}"#);
        let answer = world.client().send("POST", "/v1/events", event.as_bytes()).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.json());
        wait_until("it arrives", PATIENCE, || sink.requests() == index).unwrap();
        assert_eq!(String::from_utf8(sink.last().body).unwrap(), payload.trim_start());
    }
}

#[test]
fn case_13_a_rate_of_ten_a_second_lets_a_hundred_through_in_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let report = rate::run(binary(), folder.path(), false).unwrap();
    assert!((98..=102).contains(&report.in_ten_seconds), "{report:?}");
    assert!(report.most_in_ten_seconds <= 102, "{report:?}");
}
