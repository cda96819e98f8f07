//! Bodies come back exactly as they were given.

use bytes::Bytes;
use hookseal_engine::{limits::BODY_BYTES_MAX, ports::store::EventFilter};

use super::{
    Harness,
    world::{LIVE, World, everything, parked},
};

/// Empty, not UTF-8, with zero bytes, and what looks like SQL.
pub async fn any_bytes_come_back<H: Harness>(world: World<H>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [&b""[..], b"\0", b"\xff\xfe\0'; DROP TABLE event; --", &every_byte, b"{ \"a\" : 1.0 }\r\n"] {
        assert_eq!(world.round_trip(Bytes::copy_from_slice(body)).await, body);
    }
}

/// As large as an operator may allow.
pub async fn the_largest_body_comes_back<H: Harness>(mut world: World<H>) {
    let body = Bytes::from((0..BODY_BYTES_MAX).map(|index| (index * 31 % 251) as u8).collect::<Vec<_>>());
    assert_eq!(world.round_trip(body.clone()).await, body);
    world.crash().await;
    let events =
        world.store.events(LIVE, EventFilter::default(), everything()).await.expect("events are listed");
    let id = events.rows[0].id;
    let stored = world.store.event(LIVE, id).await.expect("an event is read").expect("the event is there");
    assert_eq!(stored.payload.body, body);
}

/// Where it was given, and only there.
pub async fn a_content_type_comes_back<H: Harness>(world: World<H>) {
    for content_type in [None, Some("application/cloudevents+json; charset=utf-8".to_owned())] {
        let mut event = world.event(1, Vec::new());
        event.payload.content_type = content_type;
        world.commit(&[&event]).await;
        let stored = world.store.event(LIVE, event.id).await.expect("an event is read");
        assert_eq!(stored.map(|stored| stored.payload), Some(event.payload));
    }
}

/// But they say how long they are.
pub async fn lists_leave_bodies_out<H: Harness>(world: World<H>) {
    let mut event = world.event(1, Vec::new());
    event.payload.body = Bytes::from(vec![b'\0'; 70_000]);
    world.commit(&[&event]).await;
    let found =
        world.store.events(LIVE, EventFilter::default(), everything()).await.expect("events are listed");
    assert_eq!((found.rows[0].payload.body.len(), found.rows[0].body_bytes), (0, 70_000));
    let one = world.store.event(LIVE, event.id).await.expect("an event is read").expect("the event is there");
    assert_eq!((one.payload.body.len(), one.body_bytes), (70_000, 70_000));
}

impl<H: Harness> World<H> {
    /// The body of an event that was committed, read back, and claimed.
    async fn round_trip(&self, body: Bytes) -> Bytes {
        let subscription = self.subscription(LIVE).await;
        let mut event = self.event(1, vec![parked(&subscription)]);
        event.payload.body = body;
        self.commit(&[&event]).await;
        let stored =
            self.store.event(LIVE, event.id).await.expect("an event is read").expect("the event is there");
        let claimed = self.claim(subscription.key, 1).await;
        assert_eq!(claimed.deliveries[0].payload.body, stored.payload.body);
        stored.payload.body
    }
}
