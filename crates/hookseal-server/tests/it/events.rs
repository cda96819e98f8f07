//! Reading events.

use crate::world::World;

#[tokio::test]
async fn an_event_is_shown_with_its_payload_and_listed_without() {
    let world = World::new().await;
    world.event(r#"{"type":"order.paid","payload":{"n": 1},"id":"mine"}"#).await;
    let raw = world.event(r#"{"type":"note","payload_base64":"aGk=","content_type":"text/plain"}"#).await;
    insta::assert_snapshot!("event_list", world.get("/v1/events").await.pretty());
    insta::assert_snapshot!("event_raw", world.get(&format!("/v1/events/{raw}")).await.pretty());
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let world = World::new().await;
    for n in 0..5 {
        world.clock.advance(std::time::Duration::from_secs(60));
        let body =
            format!(r#"{{"type":"{}","payload":{n},"id":"n{n}"}}"#, if n % 2 == 0 { "even" } else { "odd" });
        assert_eq!(world.post("/v1/events", body).await.status, 202);
    }
    let ids = |list: &serde_json::Value| {
        let texts = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["external_id"].as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>().join(" ")
    };
    let check = async |query: &str, expected: &str| {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let list = world.get(&format!("/v1/events?limit=2{query}{cursor}")).await.json();
            seen.push(ids(&list));
            match list["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        seen.retain(|page| !page.is_empty());
        assert_eq!(seen.join(" | "), expected, "{query}");
    };
    check("", "n4 n3 | n2 n1 | n0").await;
    check("&type=even", "n4 n2 | n0").await;
    check("&external_id=n3", "n3").await;
    check("&type=none", "").await;
    check("&since=2025-06-15T15:10:40Z", "n4 n3").await;
}

#[tokio::test]
async fn an_event_that_matches_nothing_is_kept() {
    let world = World::new().await;
    let id = world.event(r#"{"type":"unheard","payload":{}}"#).await;
    assert_eq!(world.get(&format!("/v1/events/{id}")).await.json()["deliveries"], 0);
    let none = world.get(&format!("/v1/events/{id}/deliveries")).await.json();
    assert_eq!(none, serde_json::json!({"data": [], "next": null}));
}

#[tokio::test]
async fn deliveries_of_one_event_are_paged() {
    let world = World::new().await;
    for _ in 0..5 {
        world.webhook(r#"{"endpoint_url":"https://shop.example/hook"}"#).await;
    }
    let id = world.event(r#"{"type":"a","payload":{}}"#).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = world.get(&format!("/v1/events/{id}/deliveries?limit=2{cursor}")).await.json();
        let page = list["data"].as_array().unwrap();
        assert!((1..=2).contains(&page.len()), "{list}");
        seen.extend(page.iter().map(|delivery| delivery["webhook_id"].as_str().unwrap().to_owned()));
        match list["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}
