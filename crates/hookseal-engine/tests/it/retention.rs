//! What ended long ago is forgotten.

use std::time::Duration;

use hookseal_engine::{
    DeliveryState,
    ports::store::{EventFilter, Page},
};

use crate::world::{Answer, SCOPE, World, bounded};

const HOUR: Duration = Duration::from_secs(3600);

async fn events(world: &World) -> usize {
    let page = Page { limit: 100, after: None };
    world.engine.store().events(SCOPE, EventFilter::default(), page).await.unwrap().rows.len()
}

#[tokio::test]
async fn old_events_go_and_what_has_not_ended_stays() {
    let world =
        World::answering(|_, number| if number == 1 { Answer::AtTheGate(200) } else { Answer::Status(200) })
            .await;
    world.subscribe("harmon").await;
    let under_way = world.publish("t").await;
    world.sent(1).await;
    let mut done = Vec::new();
    for _ in 0..3 {
        done.push(world.publish("t").await);
    }
    for event in &done {
        world.until_state(event, DeliveryState::Succeeded).await;
    }
    world.engine.forget_after(24 * HOUR);
    for _ in 0..24 {
        bounded(world.clock.sleepers(2)).await;
        world.clock.advance(HOUR);
    }
    assert_eq!(events(&world).await, 4, "a day has not passed since they ended");
    for _ in 0..2 {
        bounded(world.clock.sleepers(2)).await;
        world.clock.advance(HOUR);
    }
    bounded(async {
        // The newest is kept, and the one that is under way.
        while events(&world).await > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.open_gate();
    world.until_state(&under_way, DeliveryState::Succeeded).await;
}
