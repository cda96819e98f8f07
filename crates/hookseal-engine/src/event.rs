//! Events: what is published, and what a store keeps of it.

use bytes::Bytes;
use hookseal::Timestamp;

use crate::{EventId, Scope, SubscriptionKey, limits};

/// An event that was accepted for publishing, with the deliveries it leads to.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its id, whose order is the place of acceptance.
    pub id: EventId,
    /// Tenant and mode.
    pub scope: Scope,
    /// Its type and bytes.
    pub payload: Payload,
    /// The publisher's own id, unique in the scope.
    pub external_id: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When its deliveries may begin, and until when.
    pub window: Window,
    /// Its deliveries, in the order of their places: that of target `k` is `id.order() + 1 + k`.
    pub targets: Vec<Target>,
}

impl NewEvent {
    /// The delivery id of target `index`.
    pub fn delivery_id(&self, index: usize) -> crate::DeliveryId {
        crate::DeliveryId::derive(self.id, target_order(self.id, index))
    }

    /// The delivery of target `index`.
    ///
    /// # Panics
    ///
    /// Where there is no such target.
    pub fn delivery(&self, index: usize) -> crate::DeliveryRef {
        crate::DeliveryRef {
            id: self.delivery_id(index),
            event: self.id,
            subscription: self.targets[index].subscription,
            scope: self.scope,
        }
    }
}

/// When an event may be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Not before this time; `None` means at once.
    pub deliver_at: Option<Timestamp>,
    /// Not from this time on; `None` means for as long as it takes.
    pub expires_at: Option<Timestamp>,
}

impl NewEvent {
    /// When its deliveries are due.
    pub fn due_at(&self) -> Timestamp {
        self.window.deliver_at.unwrap_or(self.accepted_at)
    }

    /// What holds for its deliveries between their attempts.
    pub fn terms(&self) -> crate::Terms {
        crate::Terms { expires_at: self.window.expires_at, schedule_from: 0 }
    }
}

/// The place of an event's delivery number `index` (from 0).
pub fn target_order(event: EventId, index: usize) -> u64 {
    event.order() + 1 + index as u64
}

/// One delivery of a new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which subscription it goes to.
    pub subscription: SubscriptionKey,
    /// Whether this node takes the delivery's lease with the commit, to attempt it straight from memory. Where it
    /// does not, the delivery waits in the store, due when its event is.
    pub leased: bool,
}

/// What an event carries: shared by all of its deliveries, never copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The event's type, for example `order.confirmed`.
    pub event_type: EventType,
    /// The media type of the body where it is not the profile's own; `None` means the profile decides.
    pub content_type: Option<String>,
    /// The bytes, exactly as given.
    pub body: Bytes,
}

/// The type of an event: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(Box<str>);

/// A text that cannot be an event's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event type has 1 to {} visible ASCII characters and no space", limits::EVENT_TYPE_CHARS_MAX)]
#[non_exhaustive]
pub struct EventTypeError;

impl EventType {
    /// The type of test deliveries.
    pub const PING: &str = "ping";

    /// Checks a text and takes it as an event's type.
    ///
    /// # Errors
    ///
    /// [`EventTypeError`] where it is empty, longer than 128 characters, or holds anything but visible ASCII:
    /// a type goes out in header values.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, EventTypeError> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= limits::EVENT_TYPE_CHARS_MAX;
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) { Ok(Self(text)) } else { Err(EventTypeError) }
    }

    /// Whether it is the type of an [operational event](OperationalType), which nobody else publishes.
    pub fn is_operational(&self) -> bool {
        OperationalType::ALL.iter().any(|kind| kind.as_str() == self.as_str())
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The types of operational events: what an operator is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationalType {
    /// A subscription was disabled.
    SubscriptionDisabled,
    /// A subscription that had been disabled and is enabled again took a delivery.
    SubscriptionRecovered,
    /// A delivery was given up.
    DeliveryFailed,
    /// A challenge was answered wrongly, or not at all, as often as it is asked.
    ChallengeFailed,
}

impl OperationalType {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SubscriptionDisabled,
        Self::SubscriptionRecovered,
        Self::DeliveryFailed,
        Self::ChallengeFailed,
    ];

    /// The type as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubscriptionDisabled => "subscription.disabled",
            Self::SubscriptionRecovered => "subscription.recovered",
            Self::DeliveryFailed => "delivery.failed",
            Self::ChallengeFailed => "challenge.failed",
        }
    }

    /// The type of its events.
    pub fn event_type(self) -> EventType {
        EventType(self.as_str().into())
    }
}

impl std::fmt::Display for EventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event as a store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its id.
    pub id: EventId,
    /// Tenant and mode.
    pub scope: Scope,
    /// Its type and bytes. Lists leave the body empty.
    pub payload: Payload,
    /// Length of the body in bytes, also where the body itself is left out.
    pub body_bytes: u64,
    /// The publisher's own id.
    pub external_id: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When its deliveries may begin, and until when.
    pub window: Window,
    /// How many deliveries it led to when it was accepted.
    pub deliveries: usize,
}

/// What became of an event that was offered to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is stored, and so are its deliveries.
    Accepted,
    /// The same publisher's id, type and bytes were accepted before; nothing new is stored.
    Duplicate {
        /// The event that was accepted then.
        of: EventId,
        /// How many deliveries that one led to.
        deliveries: usize,
    },
    /// The publisher's id was used before for another type or other bytes; nothing new is stored.
    Conflict {
        /// The event that has the id.
        with: EventId,
    },
}
