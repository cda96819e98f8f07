//! Handshakes: what is answered, what is refused, and what a profile may not say.

use hookseal::{
    Action, Answer, HandshakeRefusal, Handshakes, Message, Params, Part, Profile, Request, Secret,
    SignedHeaders, Signer, Verified, Verifier, VerifyOptions,
};
use proptest::prelude::*;

use crate::support::{ID, NOW, builtin};

type Outcome = Option<Result<Answer, HandshakeRefusal>>;

/// A receiver of one profile.
struct Receiver {
    profile: &'static Profile,
    secrets: Vec<Secret>,
    params: Params,
}

/// A request in a line.
#[derive(Clone, Copy)]
struct Call<'c> {
    method: &'c str,
    url: &'c str,
    headers: &'c [(&'c str, &'c str)],
    body: &'c str,
}

fn get(url: &str) -> Call<'_> {
    Call { method: "GET", url, headers: &[], body: "" }
}

fn post<'c>(headers: &'c [(&'c str, &'c str)], body: &'c str) -> Call<'c> {
    Call { method: "POST", url: "/hook", headers, body }
}

impl Receiver {
    fn new(profile: &str, secrets: &[&str]) -> Self {
        let secrets = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Self { profile: builtin(profile), secrets, params: Params::new() }
    }

    fn with(self, name: &str, value: &str) -> Self {
        Self { params: self.params.with(name, value), ..self }
    }

    fn ask(&self, call: Call<'_>) -> Outcome {
        let lines: Vec<(&str, &str)> = call.headers.to_vec();
        self.ask_as_it_is(call, &lines)
    }

    /// The same with the signature of a part.
    fn ask_signed(&self, part: Part, call: Call<'_>) -> Outcome {
        let signer = Signer::new(self.profile, part, &self.secrets, &self.params).unwrap();
        let mut signed = SignedHeaders::new();
        signer.sign(&Message::new(NOW, ID, call.body.as_bytes()), &mut signed).unwrap();
        let lines: Vec<(&str, &str)> = call.headers.iter().copied().chain(signed.iter()).collect();
        self.ask_as_it_is(call, &lines)
    }

    fn ask_as_it_is(&self, call: Call<'_>, lines: &[(&str, &str)]) -> Outcome {
        let request =
            Request { method: call.method, url: call.url, headers: &lines, body: call.body.as_bytes() };
        let handshakes = Handshakes::new(self.profile, &self.secrets, &self.params).unwrap();
        handshakes.respond(&request, |part| {
            let options = VerifyOptions { params: self.params.clone(), ..VerifyOptions::default() };
            Verifier::new(self.profile, part, &self.secrets, options).ok()?.verify(&request, NOW).ok()
        })
    }
}

#[track_caller]
fn answered(outcome: Outcome) -> Answer {
    let answer = outcome.expect("a handshake").expect("an answer");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    answer
}

#[track_caller]
fn refused(outcome: Outcome) -> &'static str {
    outcome.expect("a handshake").expect_err("a refusal").as_str()
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[test]
fn text_comes_back_decoded_once_and_as_text() {
    for (profile, call) in [
        ("dropbox", get("/hook?challenge=a%2520%3Cb%3E+c")),
        ("ms-graph", Call { method: "POST", ..get("/hook?validationToken=a%2520%3Cb%3E+c") }),
    ] {
        let answer = answered(Receiver::new(profile, &["s"]).ask(call));
        assert_eq!((answer.status, text(&answer)), (200, "a%20<b> c"), "{profile}");
        assert_eq!(answer.header("content-type"), Some("text/plain"), "{profile}");
    }
    let dropbox = Receiver::new("dropbox", &["s"]);
    assert_eq!(refused(dropbox.ask(get("/hook?challenge=a&challenge=b"))), "handshake_unusable");
    assert_eq!(refused(dropbox.ask(get("/hook?challenge=a%0d%0aset-cookie:b"))), "handshake_unusable");
    assert_eq!(dropbox.ask(get("/hook")), None);
    assert_eq!(dropbox.ask(Call { method: "POST", ..get("/hook?challenge=a") }), None);
}

#[test]
fn json_comes_back_escaped() {
    let headers = [("X-Okta-Verification-Challenge", "a\"},{\"b\\")];
    let answer = answered(Receiver::new("okta", &["s"]).ask(Call { headers: &headers, ..get("/hook") }));
    assert_eq!(text(&answer), r#"{"verification":"a\"},{\"b\\"}"#);
}

#[test]
fn slack_is_answered_when_it_is_signed() {
    let slack = Receiver::new("slack", &["s"]);
    let call = post(&[], r#"{"token":"t","challenge":"c1","type":"url_verification"}"#);
    let answer = answered(slack.ask_signed(Part::Delivery, call));
    assert_eq!((text(&answer), answer.header("content-type")), ("c1", Some("text/plain")));
    assert_eq!(refused(slack.ask(call)), "handshake_not_verified");
    let event = post(&[], r#"{"type":"event_callback","event":{"type":"url_verification"}}"#);
    assert_eq!(slack.ask(event), None);
}

#[test]
fn the_text_of_a_mac_is_never_what_could_be_signed() {
    let zoom = Receiver::new("zoom", &["s"]);
    let body = |token: &str| {
        format!(r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":"{token}"}}}}"#)
    };
    let (good, bad) = (body("qgg8vlvZRS6UYooatFL8Aw"), body("v0:1751371200:{}"));
    let answer = answered(zoom.ask_signed(Part::Delivery, post(&[], &good)));
    assert!(text(&answer).starts_with(r#"{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":""#));
    assert_eq!(refused(zoom.ask(post(&[], &good))), "handshake_not_verified");
    assert_eq!(refused(zoom.ask_signed(Part::Delivery, post(&[], &bad))), "handshake_form");

    let x = Receiver::new("x-twitter", &["s"]);
    for url in ["/?crc_token=%7B%22a%22%3A1%7D", "/?crc_token=", "/?crc_token=a.b", "/?crc_token=a%20b"] {
        assert_eq!(refused(x.ask(get(url))), "handshake_form", "{url}");
    }
    assert_eq!(refused(x.ask(get(&format!("/?crc_token={}", "a".repeat(129))))), "handshake_form");

    let braintree = Receiver::new("braintree", &["private"]).with("public_key", "public");
    assert!(
        text(&answered(braintree.ask(get(&format!("/?bt_challenge={}", "0a".repeat(10))))))
            .starts_with("public|")
    );
    for challenge in ["0a", "0A0A0A0A0A0A0A0A0A0A0A", "PD94bWwgdmVyc2lvbj0i"] {
        assert_eq!(refused(braintree.ask(get(&format!("/?bt_challenge={challenge}")))), "handshake_form");
    }
    let without = Receiver::new("braintree", &["private"]);
    let url = format!("/?bt_challenge={}", "0a".repeat(10));
    assert_eq!(refused(without.ask(get(&url))), "handshake_unconfigured");
    assert_eq!(refused(Receiver::new("x-twitter", &[]).ask(get("/?crc_token=a"))), "handshake_unconfigured");
}

#[test]
fn the_mac_is_made_with_the_secret_that_signed() {
    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}"#;
    let alone =
        |secret: &str| answered(Receiver::new("zoom", &[secret]).ask_signed(Part::Delivery, post(&[], body)));
    let old = Receiver::new("zoom", &["old"]);
    let signer = Signer::new(old.profile, Part::Delivery, &old.secrets, &Params::new()).unwrap();
    let mut signed = SignedHeaders::new();
    signer.sign(&Message::new(NOW, ID, body.as_bytes()), &mut signed).unwrap();
    let lines: Vec<(&str, &str)> = signed.iter().collect();
    let both = Receiver::new("zoom", &["new", "old"]);
    assert_eq!(answered(both.ask(post(&lines, body))), alone("old"));
    assert_ne!(alone("new"), alone("old"));
}

#[test]
fn what_is_compared_has_to_be_configured_and_equal() {
    let url = "/?hub.mode=subscribe&hub.verify_token=vt&hub.challenge=17";
    assert_eq!(text(&answered(Receiver::new("meta", &["vt"]).ask(get(url)))), "17");
    assert_eq!(text(&answered(Receiver::new("meta", &["s"]).with("verify_token", "vt").ask(get(url)))), "17");
    // The parameter takes the place of the secret.
    assert_eq!(
        refused(Receiver::new("meta", &["vt"]).with("verify_token", "other").ask(get(url))),
        "handshake_mismatch"
    );
    assert_eq!(refused(Receiver::new("meta", &[]).ask(get(url))), "handshake_unconfigured");
    let empty = "/?hub.mode=subscribe&hub.verify_token=&hub.challenge=17";
    assert_eq!(refused(Receiver::new("meta", &[""]).ask(get(empty))), "handshake_mismatch");
    let missing = "/?hub.mode=subscribe&hub.challenge=17";
    assert_eq!(refused(Receiver::new("meta", &["vt"]).ask(get(missing))), "handshake_unusable");

    let topics =
        Params::new().with("topic", vec!["https://a.example/1".to_owned(), "https://a.example/2".to_owned()]);
    let websub = Receiver { params: topics, ..Receiver::new("websub", &["s"]) };
    let ask = |mode: &str, topic: &str| {
        websub.ask(get(&format!("/?hub.mode={mode}&hub.topic={topic}&hub.challenge=c&hub.lease_seconds=9")))
    };
    assert_eq!(text(&answered(ask("subscribe", "https%3A%2F%2Fa.example%2F2"))), "c");
    let wrong = ask("subscribe", "https%3A%2F%2Fa.example%2F3");
    assert_eq!(wrong.as_ref().unwrap().as_ref().unwrap_err().status(), 404);
    assert_eq!(refused(wrong), "handshake_mismatch");
    assert_eq!(refused(ask("unsubscribe", "https%3A%2F%2Fa.example%2F2")), "handshake_unconfigured");
    assert_eq!(ask("denied", "https%3A%2F%2Fa.example%2F2"), None);
}

#[test]
fn a_secret_is_taken_only_while_there_is_none() {
    let headers = [("X-Hook-Secret", "b537207f20cbfa02357cf448134da559")];
    let answer = answered(Receiver::new("asana", &[]).ask(post(&headers, "{}")));
    assert_eq!(answer.header("x-hook-secret"), Some("b537207f20cbfa02357cf448134da559"));
    let secret = Secret::new("b537207f20cbfa02357cf448134da559");
    assert_eq!(answer.action, Some(Action::Store { secret }));
    assert!(!format!("{answer:?}").contains("b537207f"));
    assert_eq!(refused(Receiver::new("asana", &["s"]).ask(post(&headers, "{}"))), "handshake_not_pending");
    let split = [("X-Hook-Secret", "a b")];
    assert_eq!(refused(Receiver::new("asana", &[]).ask(post(&split, "{}"))), "handshake_form");

    let body = r#"{"verification_token":"secret_abc"}"#;
    let notion = answered(Receiver::new("notion", &[]).ask(post(&[], body)));
    assert_eq!((notion.status, notion.body.len()), (200, 0));
    assert_eq!(notion.action, Some(Action::Confirm { secret: Secret::new("secret_abc") }));
    let event = r#"{"type":"page.created","verification_token":"secret_abc"}"#;
    assert_eq!(Receiver::new("notion", &[]).ask(post(&[], event)), None);
    let brings = |name: &str| Handshakes::new(builtin(name), &[], &Params::new()).unwrap().bring_secret();
    assert!(brings("asana") && brings("notion") && !brings("slack"));
}

#[test]
fn pings_are_told_from_events() {
    let outcome = |body: &'static str| Receiver::new("discord", &["00"]).ask(post(&[], body));
    assert_eq!(refused(outcome(r#"{"type":1}"#)), "handshake_not_verified");
    assert_eq!(refused(outcome(r#"{"version":1,"application_id":"1","type":0}"#)), "handshake_not_verified");
    assert_eq!(outcome(r#"{"version":1,"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}"#), None);
    assert_eq!(outcome(r#"{"type":2,"data":{"name":"1"}}"#), None);
}

#[test]
fn harvestr_is_answered_by_its_own_signature_alone() {
    let harvestr = Receiver::new("harvestr", &["s"]);
    let call = post(&[], r#"{"challenge":"c-1"}"#);
    assert_eq!(text(&answered(harvestr.ask_signed(Part::Challenge, call))), r#"{"challenge":"c-1"}"#);
    assert_eq!(text(&answered(harvestr.ask_signed(Part::Challenge, post(&[], "anything")))), "");
    assert_eq!(harvestr.ask_signed(Part::Delivery, call), None);
    assert_eq!(
        refused(harvestr.ask(post(&[("x-harvestr-signature", "00")], "{}"))),
        "handshake_not_verified"
    );
}

#[test]
fn somebody_is_there() {
    let trello = Receiver::new("trello", &["s"]);
    let answer = answered(trello.ask(Call { method: "HEAD", ..get("/hook") }));
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(trello.ask(get("/hook")), None);
}

#[test]
fn origins_are_allowed_without_more_than_they_asked() {
    let ask = |receiver: &Receiver, headers: &[(&str, &str)]| {
        receiver.ask(Call { method: "OPTIONS", url: "/hook", headers, body: "" })
    };
    let open = Receiver::new("cloudevents", &[]);
    let answer = answered(ask(&open, &[("WebHook-Request-Origin", "a.example")]));
    assert_eq!(answer.header("webhook-allowed-origin"), Some("a.example"));
    assert_eq!((answer.header("allow"), answer.header("webhook-allowed-rate")), (Some("POST"), None));
    let rate = [("WebHook-Request-Origin", "a.example"), ("WebHook-Request-Rate", "120\" ,x")];
    assert_eq!(refused(ask(&open, &rate)), "handshake_form");
    let closed = Receiver::new("cloudevents", &[]).with("allowed_origin", "b.example");
    assert_eq!(refused(ask(&closed, &[("WebHook-Request-Origin", "a.example")])), "handshake_mismatch");
    assert_eq!(ask(&open, &[("Origin", "a.example")]), None, "a browser's preflight is none");
}

#[test]
fn a_subscription_is_confirmed_at_amazon_alone() {
    let file = crate::vectors::file();
    let vector = file.vectors().iter().find(|vector| vector.id == "sns-confirmation-valid").unwrap();
    let profile = builtin("aws-sns");
    let secrets: Vec<Secret> = vector.secrets().map(Secret::new).collect();
    let options = || VerifyOptions { params: vector.params(), ..VerifyOptions::default() };
    let body = vector.request.body();
    let request = Request { method: "POST", url: "/", headers: &vector.request.headers, body: &body };
    let verifier = Verifier::new(profile, Part::Delivery, &secrets, options()).unwrap();
    let verified: Verified<'_> = verifier.verify(&request, NOW).unwrap();
    let confirm = |params: Params| {
        let handshakes = Handshakes::new(profile, &secrets, &params).unwrap();
        handshakes.respond(&request, |_| Some(verified.clone()))
    };
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let url = json["SubscribeURL"].as_str().unwrap().to_owned();
    let expected = Some(Action::Fetch { url });
    assert_eq!(answered(confirm(Params::new())).action, expected);
    let topic = json["TopicArn"].as_str().unwrap();
    assert_eq!(answered(confirm(Params::new().with("topic_arn", topic))).action, expected);
    assert_eq!(refused(confirm(Params::new().with("topic_arn", "another"))), "handshake_mismatch");

    // A witness of one request says nothing of another, whatever that asks to be fetched.
    let evil =
        serde_json::json!({"Type": "SubscriptionConfirmation", "SubscribeURL": "https://evil.example/"});
    let evil = evil.to_string();
    let other = Request { body: evil.as_bytes(), ..request };
    let handshakes = Handshakes::new(profile, &secrets, &Params::new()).unwrap();
    let outcome = handshakes.find(&other).unwrap().answer(&other, Some(&verified));
    assert_eq!(outcome, Err(HandshakeRefusal::NotVerified));
}

#[test]
fn an_acknowledgement_is_a_fixed_answer() {
    let answer = builtin("adyen-payments").acknowledgement().unwrap();
    assert_eq!((answer.status, text(answer)), (200, "[accepted]"));
    assert!(builtin("stripe").acknowledgement().is_none());
}

/// A profile with one handshake of these lines.
fn profile(lines: &str) -> Result<Profile, Vec<String>> {
    let source = format!(
        "name = \"mine\"\nextends = \"harmon\"\n[[handshake]]\nname = \"h\"\nmethod = \"GET\"\nsigned-by = \"nobody\"\n{lines}"
    );
    Profile::parse(&source)
        .map_err(|errors| errors.problems().iter().map(|problem| problem.message().to_owned()).collect())
}

#[track_caller]
fn one_problem(lines: &str, expected: &str) {
    let found = profile(lines).unwrap_err();
    assert!(found.len() == 1 && found[0].contains(expected), "{expected:?} is not the one of {found:#?}");
}

#[test]
fn a_profile_that_would_give_something_away_is_refused() {
    let mac = "[handshake.mac]\nof = \"query:t\"\nalgorithm = \"hmac-sha256\"\nkey = [\"utf8\"]\n";
    let answer = "[handshake.answer]\ncontent-type = \"text/plain\"\nbody = \"{mac}\"\n";
    let present = "present = [\"query:t\"]\n";
    let pattern = |pattern: &str| format!("patterns = {{ \"query:t\" = \"{pattern}\" }}\n");
    assert!(profile(&format!("{present}{}{mac}{answer}", pattern("[a-z0-9]{1,64}"))).is_ok());
    one_problem(&format!("{present}{mac}{answer}"), "a stranger would have a signature");
    for loose in ["[a-z{}:]{1,64}", "[a-z.]{1,64}", "[a-z]{1,1000}", "[a-z]{0,10}"] {
        let lines = format!("{present}{}{mac}{answer}", pattern(loose));
        one_problem(&lines, "a stranger would have a signature");
    }
    one_problem(&format!("{present}{answer}"), "go together");
    one_problem(
        &format!("{present}[handshake.answer]\ncontent-type = \"text/html\"\nbody = \"{{query:t}}\"\n"),
        "`text/plain` or `application/json`",
    );
    one_problem(
        &format!(
            "{present}[handshake.answer]\n[handshake.action]\nkind = \"fetch\"\nvalue = \"query:t\"\nhosts = [\"a.example\"]\n"
        ),
        "only where the request is signed",
    );
    one_problem(
        &format!("{present}[handshake.answer]\n[handshake.action]\nkind = \"store\"\nvalue = \"query:t\"\n"),
        "only while the subscription is pending",
    );
    one_problem("[handshake.answer]\n", "what tells it from an event");
}

#[test]
fn a_handshake_is_read_key_by_key() {
    let present = "present = [\"query:t\"]\n";
    one_problem(present, "the table `answer` is missing");
    one_problem(&format!("{present}surprise = 1\n[handshake.answer]\n"), "this key is not known");
    one_problem(
        "present = [\"cookie:t\"]\nequal = { \"query:a\" = \"b\" }\n[handshake.answer]\n",
        "`query:NAME`",
    );
    one_problem(
        &format!("{present}patterns = {{ \"query:t\" = \".*\" }}\n[handshake.answer]\n"),
        "a pattern such as",
    );
    one_problem(
        &format!("{present}compare = {{ \"query:t\" = \"cookie\" }}\n[handshake.answer]\n"),
        "`param:NAME`",
    );
    one_problem(&format!("{present}[handshake.answer]\nstatus = 302\n"), "from 200 to 299");
    one_problem(&format!("{present}[handshake.answer]\nbody = \"x\"\n"), "a body has a `content-type`");
    one_problem(
        &format!("{present}[handshake.answer]\ncontent-type = \"text/plain\"\nbody = \"{{cookie:a}}\"\n"),
        "the references here are",
    );
    one_problem(
        &format!("{present}[handshake.answer]\nheaders = {{ \"x-a\" = \"a\\nb\" }}\n"),
        "visible ASCII",
    );
    let found = Profile::parse("name = \"mine\"\nextends = \"harmon\"\n[[handshake]]\n[handshake.answer]\n");
    assert_eq!(found.unwrap_err().problems().len(), 3, "name, method and signed-by");
    let found =
        Profile::parse("name = \"mine\"\nextends = \"adyen-payments\"\n[acknowledge]\nbody = \"{mac}\"\n");
    assert_eq!(found.unwrap_err().problems().len(), 1);
}

#[test]
fn an_extending_profile_takes_handshakes_over_or_replaces_them() {
    let call = get("/?challenge=a");
    let ask = |source: &str| {
        let profile = Profile::parse(source).unwrap();
        let headers: [(&str, &str); 0] = [];
        let request = Request { method: call.method, url: call.url, headers: &headers, body: b"" };
        let handshakes = Handshakes::new(&profile, &[Secret::new("s")], &Params::new()).unwrap();
        handshakes.respond(&request, |_| None).is_some()
    };
    assert!(ask("name = \"mine\"\nextends = \"dropbox\"\n"));
    assert!(!ask("name = \"mine\"\nextends = \"dropbox\"\nhandshake = []\n"));
}

proptest! {
    #[test]
    fn answers_never_carry_control_characters_in_headers(value in "\\PC{0,40}|[\\x00-\\x20a-z]{0,40}") {
        let headers = [("webhook-request-origin", value.as_str()), ("x-hook-secret", value.as_str()), ("x-okta-verification-challenge", value.as_str())];
        for (profile, method) in [("cloudevents", "OPTIONS"), ("asana", "POST"), ("okta", "GET")] {
            let receiver = Receiver::new(profile, &[]);
            let call = Call { method, url: "/", headers: &headers, body: "" };
            if let Some(Ok(answer)) = receiver.ask(call) {
                let visible = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
                prop_assert!(answer.headers.iter().all(|(name, value)| visible(name) && visible(value)));
                if answer.header("content-type") == Some("application/json") {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok());
                }
            }
        }
    }

    #[test]
    fn any_query_is_answered_or_refused(query in "[a-z_.%&=0-9]{0,60}") {
        let url = format!("/?{query}");
        for profile in ["x-twitter", "meta", "websub", "dropbox", "ms-graph", "braintree"] {
            for method in ["GET", "POST"] {
                let _ = Receiver::new(profile, &["s"]).ask(Call { method, ..get(&url) });
            }
        }
    }
}
