//! Sample events: what vendors send, to be sent by hand.
//!
//! The field names are those of the vendors' documents; ids, names and addresses are invented. Ids and times are
//! filled in anew each time, so that a receiver takes two of one kind for two events.
//!
//! ```
//! use hookseal::Timestamp;
//! use hookseal::samples::{self, Fresh};
//!
//! let sample = samples::find("stripe", "charge.refunded").expect("there is one");
//! let event = sample.fill(&Fresh { now: Timestamp::from_unix_seconds(1_700_000_000), seed: [7; 32] });
//! let text = String::from_utf8(event.body)?;
//! assert!(text.contains(r#""type": "charge.refunded""#) && text.contains(r#""created": 1700000000"#));
//! # Ok::<(), std::string::FromUtf8Error>(())
//! ```

mod catalogue;
mod fresh;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use fresh::Fresh;

/// A sample event of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    profile: &'static str,
    name: String,
    event_type: String,
    title: String,
    origin: Origin,
    content_type: String,
    headers: BTreeMap<String, String>,
    id: Option<String>,
    body: String,
}

/// Where the body of a sample is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// Put together from the fields that the vendor's document describes.
    #[default]
    Documented,
    /// The body that the vendor's document prints, with fresh ids and times, and mended where it is not JSON.
    Printed,
    /// Ours: the document names the event or a few fields of it, and shows no body.
    Composed,
}

/// A sample with its ids and times, ready to be signed and sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The id of the delivery in the vendor's notation, where that has one of its own.
    pub id: Option<String>,
    /// The headers besides those of the signature, the content type among them. Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// The samples of a profile; none where it has none.
pub fn of(profile: &str) -> &'static [Sample] {
    catalogue::of(profile)
}

/// The sample of a profile by its name or, if there is only one of it, its event type.
pub fn find(profile: &str, event: &str) -> Option<&'static Sample> {
    let samples = of(profile);
    let by_name = samples.iter().find(|sample| sample.name == event);
    by_name.or_else(|| {
        let mut of_type = samples.iter().filter(|sample| sample.event_type == event);
        of_type.next().filter(|_| of_type.next().is_none())
    })
}

/// The profiles that have samples, by name.
pub fn profiles() -> impl ExactSizeIterator<Item = &'static str> {
    catalogue::profiles()
}

impl Sample {
    /// The profile that it is for.
    pub fn profile(&self) -> &str {
        self.profile
    }

    /// The name by which it is chosen: its event type, or where several samples share that, one of its own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The event type as the vendor writes it.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// What happened, as one sentence without its full stop.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where the body is from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The value of `content-type`.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The event with ids and times of its own.
    pub fn fill(&self, fresh: &Fresh) -> Event {
        let fill = |text: &str| fresh.fill(&text.replace("{event}", &self.event_type));
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), fill(value)));
        let content_type = ("content-type".to_owned(), self.content_type.clone());
        Event {
            id: self.id.as_deref().map(fill),
            headers: std::iter::once(content_type).chain(headers).collect(),
            body: fresh.fill(&self.body).into_bytes(),
        }
    }
}

impl Origin {
    /// The name in sample files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Printed => "printed",
            Self::Composed => "composed",
        }
    }
}
