//! Reading profiles.

use hookseal::Profile;

use crate::world::World;

#[tokio::test]
async fn every_profile_is_listed_and_shown() {
    let world = World::new().await;
    let (mut names, mut query) = (Vec::new(), "?limit=4".to_owned());
    loop {
        let list = world.get(&format!("/v1/profiles{query}")).await.json();
        names.extend(
            list["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|profile| profile["name"].as_str().unwrap().to_owned()),
        );
        match list["next"].as_str() {
            Some(next) => query = format!("?limit=4&cursor={next}"),
            None => break,
        }
    }
    let mut builtin: Vec<_> = Profile::builtins().map(|profile| profile.name().to_owned()).collect();
    builtin.sort();
    assert_eq!(names, builtin);
    for name in &names {
        let shown = world.get(&format!("/v1/profiles/{name}")).await;
        assert_eq!(shown.status, 200, "{name}");
        assert_eq!(shown.json()["source"], Profile::builtin(name).unwrap().source());
    }
    let mut harvestr = world.get("/v1/profiles/harvestr").await.json();
    harvestr["source"] = "(the document)".into();
    insta::assert_snapshot!("profile_harvestr", serde_json::to_string_pretty(&harvestr).unwrap());
    assert_eq!(world.get("/v1/profiles/none").await.problem(), "not_found");
}
