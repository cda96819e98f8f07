//! What an owner wishes of a subscription: read field by field, and checked against every bound at once.

mod rules;
mod tls;

use std::{collections::HashSet, fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use hookseal::{Params, Part, Profile, Secret, Signer};
use hookseal_engine::{Engine, EventType, Rotation, SecretChoice, SubscriptionSettings, limits as engine};
use http::{HeaderName, HeaderValue};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use self::{rules::Rules, tls::TlsWishes};
use crate::{
    limits,
    object::{Given, Object, Problems},
    problem::Problem,
    wire::MASK,
};

/// The profile of a subscription that names none.
const PROFILE_DEFAULT: &str = "standard-webhooks";

const FIELDS: &[&str; 18] = &[
    "endpoint_url",
    "event_types",
    "profile",
    "secret",
    "description",
    "headers",
    "timeout_ms",
    "rate_limit_per_s",
    "max_in_flight",
    "retry_schedule_s",
    "metadata",
    "success",
    "disable_after",
    "ordered",
    "on_give_up",
    "ca_certificates",
    "client_certificate",
    "client_key",
];

/// What an owner wishes of a subscription, each field absent, null or within its bounds.
pub(super) struct Wishes {
    endpoint_url: Option<String>,
    event_types: Given<Vec<EventType>>,
    profile: Option<String>,
    secret: Given<Secret>,
    description: Given<String>,
    headers: Given<Vec<(String, String)>>,
    timeout_ms: Given<u32>,
    rate_limit_per_s: Given<u32>,
    max_in_flight: Given<u32>,
    retry_schedule_s: Given<Vec<u32>>,
    metadata: Given<String>,
    rules: Rules,
    tls: TlsWishes,
    problems: Problems,
}

impl Wishes {
    /// Reads a request. Problems of single fields are kept until it is known what else is wrong.
    ///
    /// # Errors
    ///
    /// Where the text is not an object, or has unknown fields.
    pub(super) fn read(text: &[u8]) -> Result<Self, Problem> {
        let fields = Object::parse(text, FIELDS)?.known()?;
        let [endpoint_url, event_types, profile, secret, description, headers, rest @ ..] = fields;
        let [timeout_ms, rate_limit_per_s, max_in_flight, retry_schedule_s, metadata, rest @ ..] = rest;
        let [success, disable_after, ordered, on_give_up, tls @ ..] = rest;
        let mut problems = Problems::default();
        let p = &mut problems;
        Ok(Self {
            endpoint_url: read_url(p, endpoint_url),
            event_types: read_types(p, event_types),
            profile: not_null(p, "profile", profile, "the name of a profile"),
            secret: read_secret(p, secret),
            description: read_description(p, description),
            headers: read_headers(p, headers),
            timeout_ms: read_number(
                p,
                "timeout_ms",
                timeout_ms,
                millis(engine::ATTEMPT_TIMEOUT_MIN, engine::ATTEMPT_TIMEOUT_MAX),
            ),
            rate_limit_per_s: read_number(
                p,
                "rate_limit_per_s",
                rate_limit_per_s,
                1..=engine::RATE_LIMIT_MAX,
            ),
            max_in_flight: read_number(p, "max_in_flight", max_in_flight, 1..=engine::MAX_IN_FLIGHT_MAX),
            retry_schedule_s: read_schedule(p, retry_schedule_s),
            metadata: read_metadata(p, metadata),
            rules: Rules::read(p, [success, disable_after, ordered, on_give_up]),
            tls: TlsWishes::read(p, tls),
            problems,
        })
    }

    /// The settings of a new subscription.
    ///
    /// # Errors
    ///
    /// Every problem of its fields.
    pub(super) fn for_new(
        mut self,
        engine: &Engine,
    ) -> Result<(SubscriptionSettings, SecretChoice), Problem> {
        if self.endpoint_url.is_none() && !self.problems.has("endpoint_url") {
            self.problems.add("endpoint_url", "is required");
        }
        let settings = SubscriptionSettings::new("", PROFILE_DEFAULT);
        let (settings, secret) = self.for_existing(engine, settings)?;
        Ok((settings, secret.unwrap_or(SecretChoice::Generate)))
    }

    /// The settings of a subscription with what is wished put in their place.
    ///
    /// # Errors
    ///
    /// Every problem of the fields.
    pub(super) fn for_existing(
        mut self,
        engine: &Engine,
        mut settings: SubscriptionSettings,
    ) -> Result<(SubscriptionSettings, Option<SecretChoice>), Problem> {
        settings.endpoint_url = self.endpoint_url.unwrap_or(settings.endpoint_url);
        settings.profile = self.profile.unwrap_or(settings.profile);
        self.event_types.put(&mut settings.event_types);
        self.description.put(&mut settings.description);
        self.timeout_ms.put(&mut settings.timeout_ms);
        self.rate_limit_per_s.put(&mut settings.rate_limit_per_s);
        self.max_in_flight.put(&mut settings.max_in_flight);
        self.retry_schedule_s.put(&mut settings.retry_schedule_s);
        self.metadata.put(&mut settings.metadata);
        self.rules.put(&mut self.problems, &mut settings);
        self.tls.put(&mut self.problems, &mut settings.tls);
        match self.headers {
            Given::Absent => {}
            Given::Null => settings.headers = Vec::new(),
            Given::Value(headers) => settings.headers = headers,
        }
        let secret = match self.secret {
            Given::Absent => None,
            Given::Null => Some(SecretChoice::Unsigned),
            Given::Value(secret) => Some(SecretChoice::Given(secret)),
        };
        check_profile(&mut self.problems, engine, &settings.profile, secret.as_ref());
        self.problems.unless((settings, secret))
    }
}

/// Reads how a secret is to be rotated; an empty body is an empty object.
///
/// # Errors
///
/// Where the text is not an object, has unknown fields, or fields that are not as they should be.
pub(super) fn rotation(text: &[u8]) -> Result<Rotation, Problem> {
    let text = if text.is_empty() { b"{}".as_slice() } else { text };
    let [overlap_s, secret] = Object::parse(text, &["overlap_s", "secret"])?.known()?;
    let mut problems = Problems::default();
    let most = u32::try_from(engine::ROTATION_OVERLAP_MAX.as_secs()).unwrap_or(u32::MAX);
    let overlap = read_number(&mut problems, "overlap_s", overlap_s, 0..=most);
    let secret = match read_secret(&mut problems, secret) {
        Given::Value(secret) => Some(secret),
        // To go unsigned is no rotation.
        Given::Null => {
            problems.add("secret", "must be a string; leave it out to have one made");
            None
        }
        Given::Absent => None,
    };
    let overlap = match overlap {
        Given::Value(seconds) => Some(Duration::from_secs(u64::from(seconds))),
        Given::Null | Given::Absent => None,
    };
    problems.unless(Rotation { secret, overlap })
}

/// Whether there is such a profile, and whether the secret fits it. The engine would say so too, but of one thing
/// at a time.
fn check_profile(problems: &mut Problems, engine: &Engine, name: &str, secret: Option<&SecretChoice>) {
    let profiles = engine.profiles();
    let Some(profile) = profiles.iter().find(|profile| profile.name() == name) else {
        problems.add(
            "profile",
            format!("there is no profile `{name}`; `GET /v1/profiles` lists those there are"),
        );
        return;
    };
    let fits = match secret {
        Some(SecretChoice::Given(secret)) => signer(profile, secret).map(drop),
        Some(SecretChoice::Unsigned) => Signer::unsigned(profile).map(drop),
        Some(SecretChoice::Generate) | None => Ok(()),
    };
    if let Err(error) = fits {
        problems.add("secret", error.to_string());
    }
}

fn signer(profile: &Arc<Profile>, secret: &Secret) -> Result<Signer, hookseal::SecretError> {
    Signer::new(profile, Part::Delivery, std::slice::from_ref(secret), &Params::new())
}

fn read_url(problems: &mut Problems, text: Option<&RawValue>) -> Option<String> {
    let url = not_null::<String>(problems, "endpoint_url", text, "an absolute `https` URL")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !scheme
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
    {
        problems.add("endpoint_url", "must be an absolute URL such as `https://example.com/hook`");
    } else if url.len() > engine::ENDPOINT_URL_CHARS_MAX {
        problems.add("endpoint_url", format!("has more than {} characters", engine::ENDPOINT_URL_CHARS_MAX));
    }
    Some(url)
}

fn read_types(problems: &mut Problems, text: Option<&RawValue>) -> Given<Vec<EventType>> {
    let field = "event_types";
    let given = problems.read::<Vec<String>>(field, text, "an array of strings, or null for all types");
    let texts = match given {
        Given::Value(texts) => texts,
        Given::Null => return Given::Null,
        Given::Absent => return Given::Absent,
    };
    if texts.is_empty() {
        problems.add(field, "names no type; leave it out, or give null, for all types");
    }
    if texts.len() > engine::EVENT_TYPES_MAX {
        problems.add(field, format!("names {} types, {} are allowed", texts.len(), engine::EVENT_TYPES_MAX));
        return Given::Absent;
    }
    let mut seen = HashSet::new();
    let mut types = Vec::with_capacity(texts.len());
    for text in texts {
        match EventType::new(text.as_str()) {
            Ok(_) if text.contains('*') => {
                problems.add(
                    field,
                    format!("`{text}` is a pattern, which is not known here; null means all types"),
                );
            }
            Ok(event_type) => types.push(event_type),
            Err(error) => problems.add(field, error.to_string()),
        }
        if seen.contains(&text) {
            problems.add(field, format!("names `{text}` twice"));
        }
        seen.insert(text);
    }
    Given::Value(types)
}

fn read_secret(problems: &mut Problems, text: Option<&RawValue>) -> Given<Secret> {
    // What is not a string is not repeated in the answer, as no value is.
    let given = problems.read::<String>("secret", text, "a string, or null for unsigned deliveries");
    match given {
        Given::Value(text) if text.is_empty() => {
            problems.add("secret", "is empty; leave it out to have one made")
        }
        Given::Value(text) if text.len() > limits::SECRET_BYTES_MAX => {
            problems.add("secret", format!("has more than {} bytes", limits::SECRET_BYTES_MAX));
        }
        Given::Value(text) => return Given::Value(Secret::new(text)),
        Given::Null => return Given::Null,
        Given::Absent => {}
    }
    Given::Absent
}

fn read_description(problems: &mut Problems, text: Option<&RawValue>) -> Given<String> {
    let given = problems.read::<String>("description", text, "a string or null");
    if let Given::Value(text) = &given
        && text.len() > engine::METADATA_BYTES_MAX
    {
        problems.add("description", format!("has more than {} bytes", engine::METADATA_BYTES_MAX));
    }
    given
}

fn read_headers(problems: &mut Problems, text: Option<&RawValue>) -> Given<Vec<(String, String)>> {
    let given = problems.read::<Pairs>("headers", text, "an object of strings, or null");
    let Given::Value(Pairs(headers)) = given else {
        return if given == Given::Null { Given::Null } else { Given::Absent };
    };
    if headers.len() > engine::CUSTOM_HEADERS_MAX {
        problems.add(
            "headers",
            format!("has {} entries, {} are allowed", headers.len(), engine::CUSTOM_HEADERS_MAX),
        );
    }
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        > engine::METADATA_BYTES_MAX
    {
        problems.add("headers", format!("has more than {} bytes", engine::METADATA_BYTES_MAX));
    }
    let mut seen = HashSet::new();
    for (name, value) in &headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            problems.add("headers", format!("`{}` is not a header's name", name.escape_debug()));
            continue;
        };
        if HeaderValue::from_str(value).is_err() {
            problems
                .add("headers", format!("the value of `{name}` holds characters that a header cannot carry"));
        }
        if value == MASK {
            problems
                .add("headers", format!("the value of `{name}` is what stands for one that is not shown"));
        }
        if !seen.insert(name.clone()) {
            problems.add("headers", format!("names `{name}` twice"));
        }
    }
    Given::Value(headers)
}

fn read_number(
    problems: &mut Problems,
    field: &'static str,
    text: Option<&RawValue>,
    range: RangeInclusive<u32>,
) -> Given<u32> {
    let expected = format!("a whole number from {} to {}, or null", range.start(), range.end());
    let given = problems.read::<u32>(field, text, &expected);
    if let Given::Value(number) = given
        && !range.contains(&number)
    {
        problems.add(field, format!("must be {expected}"));
    }
    given
}

fn read_schedule(problems: &mut Problems, text: Option<&RawValue>) -> Given<Vec<u32>> {
    let field = "retry_schedule_s";
    let most = engine::RETRY_WAIT_MAX.as_secs();
    let expected = format!("an array of whole numbers of seconds from 1 to {most}, or null");
    let given = problems.read::<Vec<u32>>(field, text, &expected);
    if let Given::Value(waits) = &given {
        if waits.len() > engine::RETRY_SCHEDULE_ENTRIES_MAX {
            let allowed = engine::RETRY_SCHEDULE_ENTRIES_MAX;
            problems.add(field, format!("has {} entries, {allowed} are allowed", waits.len()));
        }
        if waits.iter().any(|wait| !(1..=most).contains(&u64::from(*wait))) {
            problems.add(field, format!("must be {expected}"));
        }
    }
    given
}

fn read_metadata(problems: &mut Problems, text: Option<&RawValue>) -> Given<String> {
    let Some(text) = text.map(RawValue::get) else { return Given::Absent };
    if text == "null" {
        return Given::Null;
    }
    if !text.starts_with('{') {
        problems.add("metadata", "must be an object or null");
    } else if text.len() > engine::METADATA_BYTES_MAX {
        problems.add("metadata", format!("has more than {} bytes", engine::METADATA_BYTES_MAX));
    }
    Given::Value(text.to_owned())
}

/// Reads a field that cannot be null: there is no default to go back to.
fn not_null<'a, T: Deserialize<'a>>(
    problems: &mut Problems,
    field: &'static str,
    text: Option<&'a RawValue>,
    expected: &str,
) -> Option<T> {
    match problems.read(field, text, expected) {
        Given::Value(value) => Some(value),
        Given::Null => {
            problems.add(field, format!("must be {expected}"));
            None
        }
        Given::Absent => None,
    }
}

fn millis(min: std::time::Duration, max: std::time::Duration) -> RangeInclusive<u32> {
    let whole = |duration: std::time::Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    whole(min)..=whole(max)
}

impl<T> Given<T> {
    /// Puts what was given in the place of what was; null takes it away.
    fn put(self, place: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *place = None,
            Self::Value(value) => *place = Some(value),
        }
    }
}

/// An object's entries in their order, with a name that stands twice kept twice.
#[derive(Debug, PartialEq, Eq)]
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
