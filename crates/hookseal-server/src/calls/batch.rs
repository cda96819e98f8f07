//! Publishing many events in one request.

use std::{fmt, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::State,
};
use bytes::Bytes;
use hookseal_engine::{Publish, Published};
use http::StatusCode;
use serde::{
    Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Answer, publish};
use crate::{
    api::{Api, to_the_end},
    caller::Caller,
    limits,
    object::{Object, Problems},
    problem::{Code, Problem},
    query::NoQuery,
    receive::receive,
    wire::{Verdict, Verdicts, json},
};

const FIELDS: &[&str; 1] = &["events"];

/// `POST /v1/events/batch`: 200 with a verdict for each event, in their order.
pub(crate) async fn publish(State(api): State<Arc<Api>>, caller: Caller, _: NoQuery, body: Body) -> Answer {
    let units = units(&body);
    let _turn = turn(&api, units).await?;
    let received = receive(body, limits::BATCH_BYTES_MAX, api.config.request_timeout).await?;
    let events = read(received.bytes())?;
    drop(received);
    let engine = Arc::clone(&api.engine);
    // Events that are not right have their verdict already; the others take theirs, in order.
    let mut verdicts: Vec<Option<Problem>> = Vec::with_capacity(events.len());
    let mut sound = Vec::with_capacity(events.len());
    for event in events {
        match event {
            Ok(event) => {
                sound.push(event);
                verdicts.push(None);
            }
            Err(problem) => verdicts.push(Some(problem)),
        }
    }
    let publishing = async move { Ok::<_, Problem>(engine.publish_all(caller.scope, sound).await) };
    let mut published = to_the_end(publishing).await?.into_iter();
    let verdicts = verdicts.into_iter().filter_map(|problem| match problem {
        Some(problem) => Some(Verdict::Refused(problem)),
        None => published.next().map(|published| match published {
            Ok(Published { id, deliveries, duplicate }) => Verdict::Published { id, deliveries, duplicate },
            Err(error) => Verdict::Refused(Problem::from(error)),
        }),
    });
    Ok(json(StatusCode::OK, &Verdicts::new(verdicts.collect())))
}

/// What a batch counts for: the length that is announced, or the longest there may be.
fn units(body: &Body) -> u32 {
    let bytes = body.size_hint().upper().unwrap_or(u64::MAX).min(limits::BATCH_BYTES_MAX as u64);
    bytes.div_ceil(limits::BATCH_BYTES_COUNTED_MIN as u64).max(1) as u32
}

/// Waits until there is room for a batch that counts for so much. It is taken before anything is read: a batch that had to
/// wait for more of it half-way could wait for others that do the same.
async fn turn(api: &Api, units: u32) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
    let timeout = api.config.request_timeout;
    match tokio::time::timeout(timeout, api.batches.acquire_many(units)).await {
        Ok(turn) => turn.map_err(Problem::internal),
        Err(_) => Err(Problem::timed_out(timeout.as_secs())),
    }
}

/// Reads the events, each by itself.
fn read(text: &[u8]) -> Result<Vec<Result<Publish, Problem>>, Problem> {
    let [events] = Object::parse(text, FIELDS)?.known()?;
    let expected = format!("must be an array of 1 to {} events", limits::BATCH_EVENTS_MAX);
    let items = events.and_then(|events| {
        let mut json = serde_json::Deserializer::from_str(events.get());
        json.deserialize_seq(Items).ok().filter(|items| !items.is_empty())
    });
    let Some(items) = items else {
        let mut problems = Problems::default();
        problems.add("events", expected);
        return Err(problems.problem());
    };
    // Copied out of the request: a slice of it would keep all of it for as long as one of its events waits in memory.
    let keep = |part: &[u8]| Bytes::copy_from_slice(part);
    Ok(items.into_iter().map(|item| read_one(item, &keep)).collect())
}

fn read_one(item: &RawValue, keep: &dyn Fn(&[u8]) -> Bytes) -> Result<Publish, Problem> {
    if !item.get().starts_with('{') {
        return Err(Problem::new(Code::MalformedJson, "an event is a JSON object"));
    }
    publish::read(item.get().as_bytes(), keep)
}

/// The items of an array, as they stand; no more of them than a batch may have.
struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            if items.len() == limits::BATCH_EVENTS_MAX {
                return Err(A::Error::custom("too many"));
            }
            items.push(item);
        }
        Ok(items)
    }
}
