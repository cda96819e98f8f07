//! What the owner of a subscription chooses.

use std::{fmt, str::FromStr, time::Duration};

use hookseal::{Secret, StatusSet};

use crate::{EventType, limits};

/// What the owner of a subscription chooses. Checked before it gets here.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionSettings {
    /// The endpoint, an absolute `https` (or, to an allowed network, `http`) URL.
    pub endpoint_url: String,
    /// The types it wants; `None` means all.
    pub event_types: Option<Vec<EventType>>,
    /// The name of its profile.
    pub profile: String,
    /// Words of its owner.
    pub description: Option<String>,
    /// Headers sent besides the profile's.
    pub headers: Vec<(String, String)>,
    /// Milliseconds within which an attempt must be over; `None` means the profile's, or the default.
    pub timeout_ms: Option<u32>,
    /// Attempts begun per second at most; `None` means no limit.
    pub rate_limit_per_s: Option<u32>,
    /// Attempts under way at once at most; `None` means the default.
    pub max_in_flight: Option<u32>,
    /// Seconds between one attempt and the next; `None` means the profile's, or the default.
    pub retry_schedule_s: Option<Vec<u32>>,
    /// Status codes that count as a success; `None` means the profile's.
    pub success: Option<StatusSet>,
    /// When it is disabled; `None` means the profile's rule, or the default.
    pub disable_after: Option<DisableAfter>,
    /// Whether its deliveries go out strictly one after the other, in the order of acceptance, and what follows where
    /// the first is given up. `None` means in any order.
    pub ordered: Option<OnGiveUp>,
    /// What TLS to its endpoint is made with besides what the operator trusts.
    pub tls: EndpointTls,
    /// A JSON object of its owner's, as text.
    pub metadata: Option<String>,
}

impl SubscriptionSettings {
    /// All events, by this profile, and nothing else chosen.
    pub fn new(endpoint_url: impl Into<String>, profile: impl Into<String>) -> Self {
        Self {
            endpoint_url: endpoint_url.into(),
            event_types: None,
            profile: profile.into(),
            description: None,
            headers: Vec::new(),
            timeout_ms: None,
            rate_limit_per_s: None,
            max_in_flight: None,
            retry_schedule_s: None,
            success: None,
            disable_after: None,
            ordered: None,
            tls: EndpointTls::default(),
            metadata: None,
        }
    }
}

/// When a subscription whose deliveries fail is disabled. `Display` and `FromStr` are how stores keep it, and how the
/// API writes a time: `10`, `5d`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisableAfter {
    /// After so many deliveries in a row whose first attempt failed, at least 1.
    Failures(u32),
    /// After failing for so long without a success.
    Time(Duration),
    /// Only where its endpoint says that it is gone, or can never be reached.
    Never,
}

/// The units of a time, the longest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl fmt::Display for DisableAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures(count) => write!(f, "{count}"),
            Self::Never => f.write_str("never"),
            Self::Time(time) => {
                let seconds = time.as_secs();
                let fits = |(_, of): &&(char, u64)| seconds.is_multiple_of(*of);
                let (unit, of) = UNITS.iter().find(fits).copied().unwrap_or(('s', 1));
                write!(f, "{}{unit}", seconds / of)
            }
        }
    }
}

/// A text that says not when a subscription is disabled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither `never` nor a time from {} to {} such as `12h` or `5d`",
    DisableAfter::Time(limits::DISABLE_AFTER_MIN),
    DisableAfter::Time(limits::DISABLE_AFTER_MAX)
)]
#[non_exhaustive]
pub struct DisableAfterError;

impl FromStr for DisableAfter {
    type Err = DisableAfterError;

    fn from_str(text: &str) -> Result<Self, DisableAfterError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        // `u64::from_str` takes a sign, which nobody means here.
        let number =
            |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        if let Some(count) = number(text).and_then(|count| u32::try_from(count).ok()) {
            return if count > 0 { Ok(Self::Failures(count)) } else { Err(DisableAfterError) };
        }
        let time = UNITS.iter().find_map(|(unit, seconds)| {
            number(text.strip_suffix(*unit)?)?.checked_mul(*seconds).map(Duration::from_secs)
        });
        let within = limits::DISABLE_AFTER_MIN..=limits::DISABLE_AFTER_MAX;
        time.filter(|time| within.contains(time)).map(Self::Time).ok_or(DisableAfterError)
    }
}

/// What follows where the first delivery of an ordered subscription is given up. Discriminants are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OnGiveUp {
    /// Those behind it wait until its owner has seen to it.
    Stop = 1,
    /// The next one goes out.
    Skip = 2,
}

impl OnGiveUp {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Stop, Self::Skip];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Skip => "skip",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    /// The one with this discriminant.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| *choice as i64 == code)
    }
}

/// What TLS to an endpoint is made with, besides what the operator trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointTls {
    /// Certificates, in PEM, of the authorities that the endpoint's certificate is checked against in the place of
    /// those that the operator trusts.
    pub ca_certificates: Option<String>,
    /// What is shown to an endpoint that asks for a client certificate.
    pub client: Option<ClientIdentity>,
}

/// A client certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate and those between it and its authority, in PEM, its own first.
    pub certificate: String,
    /// The certificate's private key, in PEM.
    pub key: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_disables_is_read_as_it_is_written() {
        let day = 86_400;
        for (text, meant) in [
            ("10", DisableAfter::Failures(10)),
            ("never", DisableAfter::Never),
            ("5d", DisableAfter::Time(Duration::from_secs(5 * day))),
            ("36h", DisableAfter::Time(Duration::from_secs(36 * 3600))),
            ("90m", DisableAfter::Time(Duration::from_secs(90 * 60))),
            ("61s", DisableAfter::Time(Duration::from_secs(61))),
        ] {
            assert_eq!((text.parse(), meant.to_string().as_str()), (Ok(meant), text));
        }
        assert_eq!("24h".parse::<DisableAfter>().map(|time| time.to_string()), Ok("1d".to_owned()));
        for bad in ["", "0", "-1", "+1", "d", "59s", "366d", "5 d", "5w", "1.5h", "Never", "99999999999d"] {
            assert_eq!(bad.parse::<DisableAfter>(), Err(DisableAfterError), "{bad}");
        }
    }

    #[test]
    fn names_and_codes_lead_back() {
        for choice in OnGiveUp::ALL {
            assert_eq!(OnGiveUp::from_name(choice.as_str()), Some(choice));
            assert_eq!(OnGiveUp::from_code(choice as i64), Some(choice));
        }
    }
}
