//! Subscriptions: creating, reading, changing and deleting them, and test deliveries.

use http::Method;
use serde_json::{Value, json};

use crate::{
    transport::{answered, refused},
    world::{LIVE, World},
};

async fn patch(world: &World, id: &str, body: &'static str) -> Value {
    let reply = world.call(LIVE, Method::PATCH, &format!("/v1/webhooks/{id}"), body).await;
    assert_eq!(reply.status, 200, "{body}: {reply:?}");
    reply.json()
}

#[tokio::test]
async fn a_private_key_is_not_shown_and_its_public_one_is() {
    let world = World::new().await;
    let wish = r#"{"endpoint_url":"https://shop.example/hook","profile":"standard-webhooks-v1a"}"#;
    let created = world.post("/v1/webhooks", wish).await;
    assert_eq!((created.status.as_u16(), &created.json()["signing_secret"]), (201, &Value::Null));
    assert!(created.json()["verifying_key"].as_str().unwrap().starts_with("whpk_"));
    assert!(!created.text().contains("whsk_"));
}

#[tokio::test]
async fn the_secret_is_shown_once() {
    let world = World::new().await;
    let created = world.post("/v1/webhooks", r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    insta::assert_snapshot!("webhook_created", created.pretty());
    let secret = created.json()["signing_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(created.headers["cache-control"], "no-store");
    let location = created.headers["location"].to_str().unwrap().to_owned();

    let shown = world.get(&location).await;
    insta::assert_snapshot!("webhook_shown", shown.pretty());
    let patched = world.call(LIVE, Method::PATCH, &location, r#"{"description":"x"}"#).await;
    let paused = world.post(&format!("{location}/pause"), "").await;
    let listed = world.get("/v1/webhooks").await;
    for reply in [shown, patched, paused, listed] {
        assert_eq!(reply.status, 200);
        assert!(
            !reply.text().contains(&secret) && !reply.text().contains("signing_secret"),
            "{}",
            reply.text()
        );
        assert!(reply.text().contains(&created.json()["secrets"][0]["fingerprint"].to_string()));
    }
}

#[tokio::test]
async fn a_secret_may_be_brought_or_left_out() {
    let world = World::new().await;
    let own = world
        .post(
            "/v1/webhooks",
            r#"{"endpoint_url":"https://a.example/","secret":"whs_mine","profile":"harbor-transfers"}"#,
        )
        .await;
    assert_eq!((own.status.as_u16(), &own.json()["signing_secret"]), (201, &"whs_mine".into()));
    let unsigned = world
        .post("/v1/webhooks", r#"{"endpoint_url":"https://b.example/","secret":null,"profile":"harvestr"}"#)
        .await;
    assert_eq!((unsigned.status.as_u16(), &unsigned.json()["signing_secret"]), (201, &Value::Null));
    assert_eq!(unsigned.json()["secrets"], json!([]));
    let event = world.event(r#"{"type":"a","payload":{}}"#).await;
    world
        .until(&format!("/v1/events/{event}/deliveries"), |list| {
            list["data"].as_array().unwrap().iter().all(|delivery| delivery["status"] == "succeeded")
        })
        .await;
    for sent in world.transport.sent() {
        let signed = sent.headers.iter().any(|(name, _)| name.as_str().ends_with("-signature"));
        assert_eq!(signed, sent.endpoint.host == "a.example", "{sent:?}");
    }
}

#[tokio::test]
async fn every_setting_is_kept_and_goes_back_with_null() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/hook?a=1","event_types":["order.paid","order.lost"],
        "profile":"harmon","secret":"hunter2hunter2","description":"shop","headers":{"X-Token":"t0ken","x-b":"2"},"timeout_ms":100,
        "rate_limit_per_s":10000,"max_in_flight":256,"retry_schedule_s":[1,604800],"success":["200-208",410],"disable_after":"12h","ordered":true,
        "on_give_up":"skip","ca_certificates":"an authority","client_certificate":"a chain","client_key":"n0t shown",
        "metadata":{ "team": [1, {}] }}"#).await;
    let full = world.get(&format!("/v1/webhooks/{id}")).await;
    insta::assert_snapshot!("webhook_full", full.pretty());
    assert!(full.text().contains(r#""metadata":{ "team": [1, {}] }"#), "{}", full.text());
    assert!(!full.text().contains("n0t shown"), "{}", full.text());

    let same = patch(&world, &id, "{}").await;
    assert_eq!(same["headers"], full.json()["headers"]);
    let bare = patch(
        &world,
        &id,
        r#"{"event_types":null,"description":null,"headers":null,"timeout_ms":null,
        "rate_limit_per_s":null,"max_in_flight":null,"retry_schedule_s":null,"metadata":null,"success":null,
        "disable_after":null,"ordered":null,"ca_certificates":null,"client_certificate":null,"client_key":null}"#,
    )
    .await;
    for field in [
        "event_types",
        "description",
        "timeout_ms",
        "rate_limit_per_s",
        "max_in_flight",
        "retry_schedule_s",
        "metadata",
        "success",
        "disable_after",
        "on_give_up",
        "ca_certificates",
        "client_certificate",
        "client_key_fingerprint",
    ] {
        assert_eq!(bare[field], Value::Null, "{field}");
    }
    assert_eq!((&bare["headers"], &bare["profile"]), (&json!({}), &"harmon".into()));
    assert_eq!(
        (&bare["endpoint_url"], &bare["ordered"]),
        (&"https://shop.example/hook?a=1".into(), &false.into())
    );
    assert_eq!(bare["secrets"], full.json()["secrets"]);

    let moved = patch(&world, &id, r#"{"endpoint_url":"https://new.example/","secret":"another one"}"#).await;
    assert_eq!(moved["endpoint_url"], "https://new.example/");
    assert_ne!(moved["secrets"][0]["fingerprint"], full.json()["secrets"][0]["fingerprint"]);
    assert_eq!(moved["secrets"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_problem_is_named_at_once() {
    let world = World::new().await;
    let reply = world.post("/v1/webhooks", r#"{"endpoint_url":"shop.example","event_types":["a","a","b c","*"],"profile":"nope",
        "secret":"","description":5,"headers":{"x y":"1","x-a":"\n","X-B":"***","x-b":"1"},"timeout_ms":99,"rate_limit_per_s":0,
        "max_in_flight":257,"retry_schedule_s":[0],"metadata":[],"success":["2xx"],"disable_after":"5","ordered":1,
        "on_give_up":"halt","ca_certificates":{},"client_certificate":"a chain"}"#).await;
    insta::assert_snapshot!("webhook_problems", reply.pretty());
}

/// Items of a JSON array or object.
fn many(count: usize, item: fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// A webhook with these fields besides its URL.
fn hook(fields: String) -> String {
    format!(r#"{{"endpoint_url":"https://shop.example/",{fields}}}"#)
}

/// Each body is refused, and the first problem begins so.
async fn check_refused(cases: &[(String, &str)]) {
    let world = World::new().await;
    for (body, expected) in cases {
        let reply = world.post("/v1/webhooks", body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.problem().as_str()),
            (422, "invalid_fields"),
            "{body}: {reply:?}"
        );
        let problem = &reply.json()["problems"][0];
        let said = format!("{}: {}", problem["field"].as_str().unwrap(), problem["detail"].as_str().unwrap());
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(world.get("/v1/webhooks").await.json()["data"], json!([]));
}

#[tokio::test]
async fn bounds_of_where_and_what_are_named() {
    let cases = [
        (r#"{}"#.to_owned(), "endpoint_url: is required"),
        (r#"{"endpoint_url":null}"#.to_owned(), "endpoint_url: must be an absolute `https` URL"),
        (
            format!(r#"{{"endpoint_url":"https://{}"}}"#, "x".repeat(2041)),
            "endpoint_url: has more than 2048 characters",
        ),
        (
            r#"{"endpoint_url":"http://shop.example/"}"#.to_owned(),
            "endpoint_url: `http` goes only to networks that the operator allows",
        ),
        (hook(r#""profile":null"#.to_owned()), "profile: must be the name of a profile"),
        (hook(r#""event_types":[]"#.to_owned()), "event_types: names no type"),
        (hook(r#""event_types":"a""#.to_owned()), "event_types: must be an array of strings"),
        (
            hook(format!(r#""event_types":[{}]"#, many(1001, |n| format!("\"t{n}\"")))),
            "event_types: names 1001 types, 1000 are allowed",
        ),
        (
            hook(format!(r#""headers":{{{}}}"#, many(33, |n| format!("\"x-{n}\":\"\"")))),
            "headers: has 33 entries, 32 are allowed",
        ),
        (hook(format!(r#""headers":{{"x":"{}"}}"#, "v".repeat(16384))), "headers: has more than 16384 bytes"),
        (hook(r#""headers":{"x":1}"#.to_owned()), "headers: must be an object of strings"),
        (hook(r#""headers":{"Host":"x"}"#.to_owned()), "headers: `Host` is not a header that can be sent"),
    ];
    check_refused(&cases).await;
}

#[tokio::test]
async fn bounds_of_how_are_named() {
    let cases = [
        (
            hook(r#""timeout_ms":60001"#.to_owned()),
            "timeout_ms: must be a whole number from 100 to 60000, or null",
        ),
        (
            hook(r#""timeout_ms":500.0"#.to_owned()),
            "timeout_ms: must be a whole number from 100 to 60000, or null",
        ),
        (
            hook(r#""max_in_flight":-1"#.to_owned()),
            "max_in_flight: must be a whole number from 1 to 256, or null",
        ),
        (
            hook(format!(r#""retry_schedule_s":[{}]"#, many(33, |_| "1".to_owned()))),
            "retry_schedule_s: has 33 entries, 32 are allowed",
        ),
        (
            hook(r#""retry_schedule_s":[604801]"#.to_owned()),
            "retry_schedule_s: must be an array of whole numbers of seconds from 1 to 604800",
        ),
        (hook(format!(r#""description":"{}""#, "d".repeat(16385))), "description: has more than 16384 bytes"),
        (
            hook(format!(r#""metadata":{{"m":"{}"}}"#, "m".repeat(16384))),
            "metadata: has more than 16384 bytes",
        ),
        (hook(r#""secret":null"#.to_owned()), "secret: the profile does not allow unsigned deliveries"),
        (hook(r#""secret":"!""#.to_owned()), "secret: secret "),
        (
            hook(r#""secret":["whsec_x"]"#.to_owned()),
            "secret: must be a string, or null for unsigned deliveries",
        ),
        (hook(format!(r#""secret":"{}""#, "s".repeat(8193))), "secret: has more than 8192 bytes"),
    ];
    check_refused(&cases).await;
}

#[tokio::test]
async fn bounds_of_rules_are_named() {
    let codes = "success: must be an array of status codes and ranges such as [\"200-299\", 410], or null";
    let after = "disable_after: must be a number of failed deliveries in a row from 1 to 1000000, a time";
    let cases = [
        (hook(r#""success":[]"#.to_owned()), "success: names no status code"),
        (hook(r#""success":[true]"#.to_owned()), codes),
        (hook(r#""success":{"from":200}"#.to_owned()), codes),
        (hook(r#""success":[70000]"#.to_owned()), codes),
        (hook(r#""success":"2xx""#.to_owned()), "success: `2xx` is neither a status code such as 204 nor"),
        (hook(r#""success":[42]"#.to_owned()), "success: `42` is neither"),
        (hook(r#""success":["200,204"]"#.to_owned()), "success: `200\u{fffd}204` is neither"),
        (
            hook(format!(r#""success":[{}]"#, many(33, |n| format!("{}", 200 + n)))),
            "success: has 33 entries, 32 are allowed",
        ),
        (hook(r#""disable_after":0"#.to_owned()), after),
        (hook(r#""disable_after":1000001"#.to_owned()), after),
        (hook(r#""disable_after":"10""#.to_owned()), after),
        (hook(r#""disable_after":"1s""#.to_owned()), after),
        (hook(r#""disable_after":false"#.to_owned()), after),
        (
            hook(r#""on_give_up":"skip""#.to_owned()),
            "on_give_up: is for webhooks with `\"ordered\": true` alone",
        ),
        (hook(r#""client_key":"k""#.to_owned()), "client_certificate: is required with `client_key`"),
        (hook(r#""client_certificate":"c""#.to_owned()), "client_key: is required with `client_certificate`"),
        (
            hook(format!(r#""ca_certificates":"{}""#, "c".repeat(32769))),
            "ca_certificates: has more than 32768 bytes",
        ),
        (hook(r#""ca_certificates":"bad""#.to_owned()), "ca_certificates: is not a certificate in PEM"),
    ];
    check_refused(&cases).await;
}

#[tokio::test]
async fn rules_are_shown_as_they_were_given() {
    let world = World::new().await;
    let id =
        world.webhook(r#"{"endpoint_url":"https://shop.example/","success":"204","disable_after":7}"#).await;
    let shown = world.get(&format!("/v1/webhooks/{id}")).await.json();
    assert_eq!((&shown["success"], &shown["disable_after"]), (&json!(["204"]), &7.into()));
    let shown = patch(&world, &id, r#"{"success":200,"disable_after":"never","ordered":true}"#).await;
    assert_eq!((&shown["success"], &shown["disable_after"]), (&json!(["200"]), &"never".into()));
    assert_eq!((&shown["ordered"], &shown["on_give_up"]), (&true.into(), &"stop".into()));
    let shown = patch(&world, &id, r#"{"on_give_up":"skip"}"#).await;
    assert_eq!((&shown["ordered"], &shown["on_give_up"]), (&true.into(), &"skip".into()));
    assert_eq!(patch(&world, &id, r#"{"timeout_ms":500}"#).await["on_give_up"], "skip");
    assert_eq!(patch(&world, &id, r#"{"on_give_up":null}"#).await["on_give_up"], "stop");
    let shown = patch(&world, &id, r#"{"ordered":false}"#).await;
    assert_eq!((&shown["ordered"], &shown["on_give_up"]), (&false.into(), &Value::Null));
}

#[tokio::test]
async fn a_client_certificate_is_renewed_for_the_same_key() {
    let world = World::new().await;
    let id = world
        .webhook(r#"{"endpoint_url":"https://shop.example/","client_certificate":"one","client_key":"key"}"#)
        .await;
    let before = world.get(&format!("/v1/webhooks/{id}")).await.json();
    let renewed = patch(&world, &id, r#"{"client_certificate":"two"}"#).await;
    assert_eq!(renewed["client_certificate"], "two");
    assert_eq!(renewed["client_key_fingerprint"], before["client_key_fingerprint"]);
    let alone =
        world.call(LIVE, Method::PATCH, &format!("/v1/webhooks/{id}"), r#"{"client_key":null}"#).await;
    assert_eq!(alone.json()["problems"][0]["field"], "client_key");
}

#[tokio::test]
async fn a_rotated_secret_is_shown_once_and_the_old_one_ends() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    let path = format!("/v1/webhooks/{id}");
    let before = world.get(&path).await.json();
    let rotated = world.post(&format!("{path}/rotate"), r#"{"overlap_s":3600}"#).await;
    assert_eq!(
        (rotated.status.as_u16(), &rotated.headers["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let secret = rotated.json()["signing_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let shown = world.get(&path).await;
    assert!(!shown.text().contains(&secret));
    let secrets = shown.json()["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 2);
    assert_eq!(
        (&secrets[0]["expires_at"], &secrets[1]["expires_at"]),
        (&Value::Null, &"2025-06-15T16:06:40.000Z".into())
    );
    assert_eq!(secrets[1]["fingerprint"], before["secrets"][0]["fingerprint"]);
    let own = r#"{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","overlap_s":0}"#;
    let rotated = world.post(&format!("{path}/rotate"), own).await.json();
    assert_eq!(rotated["signing_secret"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_rotation_is_refused() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/","profile":"harvestr"}"#).await;
    let path = format!("/v1/webhooks/{id}/rotate");
    for (body, expected) in [
        (r#"{"overlap_s":604801}"#, "overlap_s: must be a whole number from 0 to 604800, or null"),
        (r#"{"overlap_s":60}"#, "overlap_s: a request of `harvestr` carries one signature"),
        (r#"{"secret":null}"#, "secret: must be a string"),
        (r#"{"secret":""}"#, "secret: is empty"),
    ] {
        let reply = world.post(&path, body).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_fields"), "{body}");
        let problem = &reply.json()["problems"][0];
        let said = format!("{}: {}", problem["field"].as_str().unwrap(), problem["detail"].as_str().unwrap());
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(world.post(&path, r#"{"overlap":60}"#).await.problem(), "unknown_field");
    assert_eq!(world.post("/v1/webhooks/sub_none/rotate", "").await.problem(), "not_found");
    let rotated = world.post(&path, "").await;
    assert_eq!((rotated.status.as_u16(), rotated.json()["secrets"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn types_that_tell_of_hookseal_are_reserved() {
    let world = World::new().await;
    let reply = world.post("/v1/events", r#"{"type":"delivery.failed","payload":{}}"#).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_fields"));
    assert_eq!(reply.json()["problems"][0]["field"], "type");
}

#[tokio::test]
async fn as_much_as_is_allowed_is_taken() {
    let world = World::new().await;
    let types = many(1000, |n| format!("\"t{n}\""));
    let most = hook(format!(r#""event_types":[{types}],"retry_schedule_s":[]"#));
    assert_eq!(world.post("/v1/webhooks", most).await.status, 201);
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    let world = World::new().await;
    let body = r#"{"endpoint_url":"https://shop.example/","url":"https://x.example","status":"active"}"#;
    let reply = world.post("/v1/webhooks", body).await;
    assert_eq!((reply.status.as_u16(), reply.problem()), (400, "unknown_field".to_owned()));
    assert_eq!(reply.json()["problems"][0]["field"], "url");
    assert_eq!(reply.json()["problems"][1]["field"], "status");
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    for (method, path) in [
        (Method::PATCH, format!("/v1/webhooks/{id}")),
        (Method::POST, format!("/v1/webhooks/{id}/pause")),
        (Method::POST, format!("/v1/webhooks/{id}/enable")),
        (Method::POST, format!("/v1/webhooks/{id}/ping")),
        (Method::DELETE, format!("/v1/webhooks/{id}")),
    ] {
        assert_eq!(
            world.call(LIVE, method, &path, r#"{"status":"paused"}"#).await.problem(),
            "unknown_field",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_paused_webhook_gets_what_waited_once_it_is_enabled() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    let paused = world.post(&format!("/v1/webhooks/{id}/pause"), "").await;
    assert_eq!((paused.status.as_u16(), &paused.json()["status"]), (200, &"paused".into()));
    let event = world.event(r#"{"type":"a","payload":{}}"#).await;
    let path = format!("/v1/events/{event}/deliveries");
    assert_eq!(world.get(&path).await.json()["data"][0]["status"], "pending");
    let enabled = world.post(&format!("/v1/webhooks/{id}/enable"), "{}").await;
    assert_eq!((enabled.status.as_u16(), &enabled.json()["status"]), (200, &"active".into()));
    world.until(&path, |list| list["data"][0]["status"] == "succeeded").await;
}

#[tokio::test]
async fn a_webhook_is_pending_until_its_endpoint_has_answered_the_challenge() {
    let world = World::new().await;
    world.transport.hold(true);
    let created =
        world.post("/v1/webhooks", r#"{"endpoint_url":"https://a.example/","profile":"harvestr"}"#).await;
    assert_eq!((created.status.as_u16(), &created.json()["status"]), (201, &"pending".into()));
    assert_eq!(created.json()["challenge"], Value::Null);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhooks/{id}");
    world.transport.answer(answered(204, b""));
    world.transport.hold(false);
    let active = world.until(&path, |webhook| webhook["status"] == "active").await;
    let passed = json!({
        "at": "2025-06-15T15:06:40.000Z", "tries": 1, "status": 204, "failure": null, "problem": null,
    });
    assert_eq!(active["challenge"], passed);
    let moved = patch(&world, &id, r#"{"endpoint_url":"https://b.example/"}"#).await;
    assert_eq!((&moved["status"], &moved["challenge"]), (&"pending".into(), &Value::Null));
    world.until(&path, |webhook| webhook["status"] == "active").await;
}

#[tokio::test]
async fn asking_by_hand_says_what_was_wrong() {
    let world = World::new().await;
    world.transport.answer(answered(403, b"who is it?"));
    let id = world.webhook(r#"{"endpoint_url":"https://a.example/","profile":"harvestr"}"#).await;
    let path = format!("/v1/webhooks/{id}");
    world.until(&path, |webhook| webhook["challenge"]["tries"] == 1).await;
    world.transport.answer(answered(403, b"who is it?"));
    let wrong = world.post(&format!("{path}/validate"), "").await;
    let expected = json!({
        "passed": false,
        "status": "pending",
        "challenge": {
            "at": "2025-06-15T15:06:40.000Z",
            "tries": 2,
            "status": 403,
            "failure": "status",
            "problem": "answered 403, and 200-208 answers the challenge",
        },
    });
    assert_eq!((wrong.status.as_u16(), wrong.json()), (200, expected));
    let right = world.post(&format!("{path}/validate"), "{}").await.json();
    assert_eq!((&right["passed"], &right["status"]), (&true.into(), &"active".into()));
    let enabled = world.post(&format!("{path}/enable"), "").await.json();
    assert_eq!(enabled["status"], "active");
    let other = world.webhook(r#"{"endpoint_url":"https://b.example/"}"#).await;
    let refused = world.post(&format!("/v1/webhooks/{other}/validate"), "").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "conflict"));
    let nobody = world.post("/v1/webhooks/sub_00000000000000000000000000/validate", "").await;
    assert_eq!((nobody.status.as_u16(), nobody.problem().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_disabled_webhook_says_why() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    world.transport.answer(answered(410, b"gone"));
    world.event(r#"{"type":"a","payload":{}}"#).await;
    let path = format!("/v1/webhooks/{id}");
    let disabled = world.until(&path, |webhook| webhook["status"] == "too_many_errors").await;
    assert_eq!((&disabled["disabled_reason"], &disabled["failures_in_a_row"]), (&"gone".into(), &1.into()));
    assert_eq!(disabled["failing_since"], "2025-06-15T15:06:40.000Z");
    let enabled = world.post(&format!("{path}/enable"), "").await.json();
    assert_eq!((&enabled["status"], &enabled["disabled_reason"]), (&"active".into(), &Value::Null));
}

#[tokio::test]
async fn an_open_breaker_is_shown_with_the_time_of_its_probe() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    for _ in 0..10 {
        world.transport.answer(answered(503, b"busy"));
        world.event(r#"{"type":"a","payload":{}}"#).await;
    }
    let path = format!("/v1/webhooks/{id}");
    let open = world.until(&path, |webhook| webhook["breaker"]["state"] == "open").await;
    let at = open["breaker"]["next_probe_at"].as_str().unwrap();
    assert!(("2025-06-15T15:06:44".."2025-06-15T15:06:46.001Z").contains(&at), "{at}");
    let list = world.get("/v1/webhooks").await.json();
    assert_eq!(list["data"][0]["breaker"], Value::Null, "a list does not ask the queues");
}

#[tokio::test]
async fn a_ping_tells_what_came_of_it() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/","event_types":["other"]}"#).await;
    world.transport.answer(answered(200, b"thanks"));
    let good = world.post(&format!("/v1/webhooks/{id}/ping"), "").await;
    insta::assert_snapshot!("ping_good", good.pretty());
    world.transport.answer(refused());
    let bad = world.post(&format!("/v1/webhooks/{id}/ping"), "").await.json();
    assert_eq!((&bad["success"], &bad["attempt"]["error"]["kind"]), (&false.into(), &"connection".into()));
    let event = world.get(&format!("/v1/events/{}", good.json()["event_id"].as_str().unwrap())).await.json();
    assert_eq!((&event["type"], &event["payload"]["webhook_id"]), (&"ping".into(), &id.into()));
}

#[tokio::test]
async fn deleting_is_final() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    world.post(&format!("/v1/webhooks/{id}/pause"), "").await;
    let event = world.event(r#"{"type":"a","payload":{}}"#).await;
    let path = format!("/v1/webhooks/{id}");
    let deleted = world.call(LIVE, Method::DELETE, &path, "").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    assert_eq!(world.call(LIVE, Method::DELETE, &path, "").await.problem(), "not_found");
    assert_eq!(world.get(&path).await.problem(), "not_found");
    let delivery = world.get(&format!("/v1/events/{event}/deliveries")).await.json();
    assert_eq!(delivery["data"][0]["status"], "cancelled");
}

#[tokio::test]
async fn lists_are_paged_in_order_of_creation() {
    let world = World::new().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let list = world.get(&format!("/v1/webhooks?limit=2{cursor}")).await.json();
        seen.extend(
            list["data"].as_array().unwrap().iter().map(|webhook| webhook["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match list["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((seen, pages), (created, 3));
    assert_eq!(world.get("/v1/webhooks?limit=5").await.json()["next"], Value::Null);
}

/// Two changes at once both count: neither writes back what it read before the other.
#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_kept() {
    let world = World::new().await;
    let id = world.webhook(r#"{"endpoint_url":"https://shop.example/"}"#).await;
    for _ in 0..50 {
        patch(&world, &id, r#"{"timeout_ms":null,"description":null,"max_in_flight":null}"#).await;
        let (_, _, _) = tokio::join!(
            patch(&world, &id, r#"{"timeout_ms":5000}"#),
            patch(&world, &id, r#"{"description":"both"}"#),
            patch(&world, &id, r#"{"max_in_flight":3}"#),
        );
        let now = world.get(&format!("/v1/webhooks/{id}")).await.json();
        let kept = (&now["timeout_ms"], &now["description"], &now["max_in_flight"]);
        assert_eq!(kept, (&5000.into(), &"both".into(), &3.into()));
    }
}
