//! Rotation as a receiver sees it: which secrets have signed is found out by Python's own HMAC.

use std::{process::Command, time::Duration};

use hookseal_testkit::outside::{Behaviour, Client, Options, Received, Server, Sink, wait_until};
use serde_json::{Value, json};

use crate::binary;

const PATIENCE: Duration = Duration::from_secs(30);
/// The signatures of a request of Standard Webhooks by each of some secrets, one a line.
const SIGN: &str = "
import base64, hashlib, hmac, sys
content = sys.argv[1].encode()
for secret in sys.argv[2:]:
    key = base64.b64decode(secret.removeprefix('whsec_'))
    print('v1,' + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode())
";

/// Which of these secrets have signed a request, in the order in which their signatures stand; `None` for one that none
/// of them made.
fn signers(request: &Received, secrets: &[&str]) -> Vec<Option<usize>> {
    let part = |name| request.header(name).unwrap();
    let body = std::str::from_utf8(&request.body).unwrap();
    let content = format!("{}.{}.{body}", part("webhook-id"), part("webhook-timestamp"));
    let made = Command::new("python3").args(["-c", SIGN, &content]).args(secrets).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let made = String::from_utf8(made.stdout).unwrap();
    let made: Vec<&str> = made.lines().collect();
    let signatures = part("webhook-signature").split(' ');
    signatures.map(|signature| made.iter().position(|own| *own == signature)).collect()
}

fn sent(client: &mut Client, sink: &Sink) -> Received {
    let before = sink.requests();
    let answer = client.post("/v1/events", &json!({ "type": "a.b", "payload": { "n": before } })).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.json());
    wait_until("it arrives", PATIENCE, || sink.requests() > before).unwrap();
    sink.last()
}

fn rotate(client: &mut Client, webhook: &str, wishes: &Value) -> String {
    let answer = client.post(&format!("/v1/webhooks/{webhook}/rotate"), wishes).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["signing_secret"].as_str().unwrap().to_owned()
}

#[test]
fn both_secrets_sign_until_the_overlap_is_over_and_then_the_new_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&Options::new(binary(), folder.path())).unwrap();
    let mut client = server.client();
    let sink = Sink::open(Behaviour::Answer(200, Duration::ZERO)).unwrap();
    let wishes = json!({ "endpoint_url": sink.url(), "profile": "standard-webhooks" });
    let made = client.post("/v1/webhooks", &wishes).unwrap().json();
    let (webhook, old) = (made["id"].as_str().unwrap(), made["signing_secret"].as_str().unwrap());
    assert_eq!(signers(&sent(&mut client, &sink), &[old]), [Some(0)]);

    let new = rotate(&mut client, webhook, &json!({ "overlap_s": 2 }));
    assert_eq!(signers(&sent(&mut client, &sink), &[&new, old]), [Some(0), Some(1)], "the new one first");
    let new_alone = || signers(&sent(&mut client, &sink), &[&new, old]) == [Some(0)];
    wait_until("the old one signs no more", PATIENCE, new_alone).unwrap();

    let third = rotate(&mut client, webhook, &json!({ "overlap_s": 0 }));
    assert_eq!(
        signers(&sent(&mut client, &sink), &[&third, &new, old]),
        [Some(0)],
        "without an overlap at once"
    );
    server.terminate(PATIENCE).unwrap();
}
