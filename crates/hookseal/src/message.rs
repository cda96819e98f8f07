//! What is signed and sent, and the headers that come of it.

use crate::time::Timestamp;

/// One attempt to deliver one event, as far as its headers depend on it.
///
/// ```
/// use hookseal::{Message, Timestamp};
///
/// let message = Message::new(Timestamp::from_unix_seconds(1_700_000_000), "dlv_1", b"{}")
///     .with_event_type("order.confirmed");
/// assert_eq!(message.method, "POST");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The time of signing.
    pub now: Timestamp,
    /// The timestamp as it is to be written and signed. Taken as it is if it has the profile's format; where it is
    /// absent, `now` is written in that format.
    pub timestamp_text: Option<&'a str>,
    /// The id of the delivery, the same for every attempt.
    pub id: &'a str,
    /// The type of the event.
    pub event_type: Option<&'a str>,
    /// The id of the subscription.
    pub subscription: &'a str,
    /// The bytes of the body, exactly as they are sent.
    pub body: &'a [u8],
    /// The method of the request.
    pub method: &'a str,
    /// The URL of the endpoint. The parameter `url` takes its place where it is set.
    pub url: &'a str,
    /// Headers that are sent besides those of the signature. Signing reads the values that a scheme covers, and
    /// writes none of them.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Message<'a> {
    /// A `POST` of `body`, signed at `now`, with neither event type nor subscription nor URL.
    pub fn new(now: Timestamp, id: &'a str, body: &'a [u8]) -> Self {
        Self {
            now,
            timestamp_text: None,
            id,
            event_type: None,
            subscription: "",
            body,
            method: "POST",
            url: "",
            headers: &[],
        }
    }

    /// This message with the timestamp as it is to be written.
    #[must_use]
    pub fn with_timestamp_text(mut self, text: &'a str) -> Self {
        self.timestamp_text = Some(text);
        self
    }

    /// This message as an event of this type.
    #[must_use]
    pub fn with_event_type(mut self, event_type: &'a str) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// This message as one for this subscription.
    #[must_use]
    pub fn with_subscription(mut self, subscription: &'a str) -> Self {
        self.subscription = subscription;
        self
    }

    /// This message with this method.
    #[must_use]
    pub fn with_method(mut self, method: &'a str) -> Self {
        self.method = method;
        self
    }

    /// This message to this URL.
    #[must_use]
    pub fn with_url(mut self, url: &'a str) -> Self {
        self.url = url;
        self
    }

    /// This message with these headers besides those of the signature.
    #[must_use]
    pub fn with_headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }
}
