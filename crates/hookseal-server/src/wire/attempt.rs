use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookseal::Timestamp;
use hookseal_engine::{
    AttemptRecord, AttemptResult, DeliveryId, Failure, HttpVersion, Phases, Pinged, RetryAfter,
};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// An attempt: what was sent and what came back.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptView<'a> {
    id: String,
    number: u32,
    trigger: &'static str,
    #[serde(serialize_with = "super::time")]
    started_at: Timestamp,
    duration_ms: u64,
    status_code: Option<u16>,
    error: Option<ErrorView<'a>>,
    /// Null where they were not kept: of a success the status and the duration are.
    request_headers: Option<HeadersView<'a>>,
    /// Null where nothing came back, or nothing of it was kept.
    response: Option<ResponseView<'a>>,
    phases_ms: PhasesView,
    address: Option<String>,
    http_version: Option<&'static str>,
    /// The operator's egress proxy, by which it went.
    proxy: Option<&'a str>,
    /// The moment until which the answer asks to wait.
    #[serde(serialize_with = "super::time_or_null")]
    retry_after: Option<Timestamp>,
}

/// What came of a test delivery.
#[derive(Debug, Serialize)]
pub(crate) struct PingView<'a> {
    event_id: String,
    delivery_id: String,
    success: bool,
    attempt: AttemptView<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorView<'a> {
    kind: &'static str,
    detail: &'a str,
    /// Whether it does not pass by itself.
    permanent: bool,
}

#[derive(Debug, Serialize)]
struct ResponseView<'a> {
    headers: HeadersView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    truncated: bool,
}

/// Milliseconds, to the microsecond.
#[derive(Debug, Serialize)]
struct PhasesView {
    dns: Option<f64>,
    connect: Option<f64>,
    tls: Option<f64>,
    first_byte: Option<f64>,
    total: f64,
}

/// Headers as an object; the values of one that stands more than once are joined as RFC 9110 section 5.3 has it.
#[derive(Debug)]
struct HeadersView<'a>(&'a [(String, String)]);

impl<'a> AttemptView<'a> {
    pub(crate) fn of(delivery: DeliveryId, attempt: &'a AttemptRecord) -> Self {
        let result = &attempt.result;
        Self {
            id: attempt.id(delivery).to_string(),
            number: attempt.number,
            trigger: attempt.trigger.as_str(),
            started_at: attempt.started_at,
            duration_ms: u64::try_from(result.phases.total.as_millis()).unwrap_or(u64::MAX),
            status_code: result.status,
            error: result.failure.as_ref().map(ErrorView::of),
            request_headers: (!result.request_headers.is_empty())
                .then_some(HeadersView(&result.request_headers)),
            response: ResponseView::of(result),
            phases_ms: PhasesView::of(&result.phases),
            address: result.address.map(|address| address.to_string()),
            http_version: result.http_version.map(HttpVersion::as_str),
            proxy: result.proxy.as_deref(),
            retry_after: retry_after(attempt),
        }
    }
}

impl<'a> PingView<'a> {
    pub(crate) fn of(pinged: &'a Pinged) -> Self {
        Self {
            event_id: pinged.event.to_string(),
            delivery_id: pinged.delivery.to_string(),
            success: pinged.success,
            attempt: AttemptView::of(pinged.delivery, &pinged.attempt),
        }
    }
}

impl<'a> ErrorView<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self { kind: failure.kind.as_str(), detail: &failure.detail, permanent: failure.kind.is_permanent() }
    }
}

impl<'a> ResponseView<'a> {
    fn of(result: &'a AttemptResult) -> Option<Self> {
        if result.response_headers.is_empty() && result.response_body.is_empty() {
            return None;
        }
        let (body, body_base64) = match std::str::from_utf8(&result.response_body) {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(STANDARD.encode(&result.response_body))),
        };
        let truncated = result.response_truncated;
        Some(Self { headers: HeadersView(&result.response_headers), body, body_base64, truncated })
    }
}

impl PhasesView {
    fn of(phases: &Phases) -> Self {
        let ms = |duration: Duration| duration.as_micros() as f64 / 1000.0;
        Self {
            dns: phases.dns.map(ms),
            connect: phases.connect.map(ms),
            tls: phases.tls.map(ms),
            first_byte: phases.first_byte.map(ms),
            total: ms(phases.total),
        }
    }
}

impl Serialize for HeadersView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let same = |(other, _): &&(String, String)| other == name;
            if self.0[..index].iter().any(|pair| same(&pair)) {
                continue;
            }
            let others: Vec<_> =
                self.0[index + 1..].iter().filter(same).map(|(_, value)| value.as_str()).collect();
            match others.is_empty() {
                true => map.serialize_entry(name, value)?,
                false => map.serialize_entry(name, &format!("{value}, {}", others.join(", ")))?,
            }
        }
        map.end()
    }
}

/// A wait counts from the answer, which is when the attempt was over.
fn retry_after(attempt: &AttemptRecord) -> Option<Timestamp> {
    match attempt.result.retry_after? {
        RetryAfter::At(at) => Some(at),
        RetryAfter::Delay(wait) => {
            Some(attempt.started_at.saturating_add(attempt.result.phases.total).saturating_add(wait))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_stand_twice_are_one() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [pair("vary", "a"), pair("x", "1"), pair("vary", "b"), pair("vary", "c")];
        assert_eq!(serde_json::to_string(&HeadersView(&headers)).unwrap(), r#"{"vary":"a, b, c","x":"1"}"#);
    }
}
