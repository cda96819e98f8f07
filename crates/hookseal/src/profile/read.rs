//! Reading a profile document as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeTable;

use super::Profile;
use super::delivery::{DeliveryPolicy, HeaderValue, SecretFormat, StatusSet, is_header_text};
use super::problems::{Found, ProfileErrors};
use super::reader::{DURATION_EXPECTED, Placed, Problems, Table, names, parse_duration};
use super::{read_challenge, read_handshake, read_scheme};
use crate::limits::MAX_PROFILE_BYTES;
use crate::scheme::{Algorithm, AlgorithmRule, Encoding, Scheme};

/// Attempts and bytes beyond these are mistakes rather than policies.
const MAX_RETRIES: usize = 64;
const MAX_LINE_BYTES: usize = 400;
const MIN_SECRET_BYTES: u32 = 16;
const MAX_SECRET_BYTES: u32 = 32;

pub(super) fn profile(source: &str) -> Result<Profile, ProfileErrors> {
    let document = parse_document(source)?;
    let base = base_profile(source, &document)?;
    let base_document = base.map(|base| parse_document(base.source())).transpose()?;
    let lower = base_document.as_ref().map(Spanned::get_ref);
    let problems = Problems::without(paths_without(document.get_ref()));
    let read = read_profile(source, Table::root(document.get_ref(), lower, &problems));
    let found = problems.into_found();
    match read {
        Some(profile) if found.is_empty() => Ok(profile),
        _ => Err(ProfileErrors::new(source, found)),
    }
}

fn parse_document(source: &str) -> Result<Spanned<DeTable<'_>>, ProfileErrors> {
    let failed = |span, message: String| Found { span, path: String::new(), message };
    if source.len() > MAX_PROFILE_BYTES {
        let message = format!("a profile has at most {MAX_PROFILE_BYTES} bytes");
        return Err(ProfileErrors::new(source, vec![failed(0..0, message)]));
    }
    let (document, errors) = DeTable::parse_recoverable(source);
    if errors.is_empty() {
        return Ok(document);
    }
    let found =
        errors.iter().map(|error| failed(error.span().unwrap_or(0..0), error.message().to_owned())).collect();
    Err(ProfileErrors::new(source, found))
}

/// The built-in profile that a document extends. A built-in one extends nothing, so reading it ends.
fn base_profile(
    source: &str,
    document: &Spanned<DeTable<'_>>,
) -> Result<Option<&'static Profile>, ProfileErrors> {
    let Some(value) = document.get_ref().get("extends") else { return Ok(None) };
    match value.get_ref().as_str().and_then(Profile::builtin) {
        Some(base) => Ok(Some(base)),
        None => {
            let message =
                format!("one of {} is needed", names(Profile::builtins().map(|profile| profile.name())));
            let found = Found { span: value.span(), path: "extends".to_owned(), message };
            Err(ProfileErrors::new(source, vec![found]))
        }
    }
}

fn read_profile(source: &str, root: Table<'_>) -> Option<Profile> {
    root.text("extends");
    check_without(&root);
    if !root.has_own("name") {
        root.problem("`name` is missing");
    }
    let name = root.text("name").filter(|name| check_name(&root, name));
    let title = root.text("title").filter(|text| check_line(&root, text));
    let document = root.text("document").filter(|text| check_line(&root, text));
    let unconfirmed = root.texts("unconfirmed").unwrap_or_default().into_iter();
    let unconfirmed = unconfirmed.filter(|text| check_line(&root, text)).map(|text| text.value).collect();
    if !root.has("scheme") {
        root.problem("the table `scheme` is missing");
    }
    let scheme = root.table("scheme").and_then(read_scheme::scheme);
    let has_challenge = root.has("challenge");
    let challenge = root.table("challenge").and_then(read_challenge::challenge);
    let delivery = read_delivery(root.table("delivery"), scheme.as_ref());
    let handshakes = read_handshake::handshakes(&root);
    let acknowledgement = root.table("acknowledge").and_then(read_handshake::acknowledgement);
    root.finish();
    let name = name?.value;
    Some(Profile {
        title: title.map_or_else(|| name.clone(), |title| title.value),
        name,
        document: document.map(|document| document.value),
        unconfirmed,
        source: source.to_owned(),
        scheme: Arc::new(scheme?),
        challenge: if has_challenge { Some(challenge?) } else { None },
        delivery: delivery?,
        handshakes,
        acknowledgement,
    })
}

/// The paths that a document does not take from the profile that it extends. What is no list of texts is left to
/// [`check_without`].
fn paths_without(document: &DeTable<'_>) -> BTreeSet<String> {
    let items = document.get("without").and_then(|value| value.get_ref().as_array());
    let texts = items.into_iter().flat_map(|items| items.iter()).filter_map(|item| item.get_ref().as_str());
    texts.map(str::to_owned).collect()
}

/// Refuses paths that name nothing: whoever wrote them means something that is not so.
fn check_without(root: &Table<'_>) {
    for path in root.texts("without").unwrap_or_default() {
        if !root.lower_has(&path.value) {
            root.problem_at(&path, "the profile that is extended has no such key");
        }
    }
}

/// Whether a text fits into one line of a page.
fn check_line(root: &Table<'_>, text: &Placed<String>) -> bool {
    let fits = (1..=MAX_LINE_BYTES).contains(&text.value.len()) && !text.value.chars().any(char::is_control);
    if !fits {
        root.problem_at(text, format!("one line of 1 to {MAX_LINE_BYTES} bytes is needed"));
    }
    fits
}

fn check_name(root: &Table<'_>, name: &Placed<String>) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.value.as_bytes();
    let valid = (1..=64).contains(&bytes.len())
        && bytes.iter().all(|byte| letter(*byte) || *byte == b'-')
        && letter(bytes[0]);
    if !valid {
        root.problem_at(
            name,
            "a name is 1 to 64 lower-case letters, digits and hyphens, and begins with no hyphen",
        );
    }
    valid
}

fn read_delivery(table: Option<Table<'_>>, scheme: Option<&Scheme>) -> Option<DeliveryPolicy> {
    let unsigned = matches!(scheme, Some(Scheme { algorithm: AlgorithmRule::Fixed(Algorithm::None), .. }));
    let Some(table) = table else {
        return Some(DeliveryPolicy {
            headers: Vec::new(),
            timeout: None,
            success: StatusSet::successful(),
            retry_schedule: None,
            user_agent: None,
            unsigned_allowed: unsigned,
            disable_after_failures: None,
            secret: SecretFormat::hexadecimal(),
        });
    };
    let success = read_success(&table);
    let secret = match table.table("secret") {
        Some(secret) => read_secret(secret),
        None => Some(SecretFormat::hexadecimal()),
    };
    let headers = read_headers(&table, scheme);
    let timeout = table.duration("timeout");
    let retry_schedule = read_retries(&table);
    let user_agent = read_user_agent(&table);
    let unsigned_allowed = table.boolean("unsigned").unwrap_or(unsigned);
    let disable_after_failures = table.integer("disable-after-failures", (1, 1_000_000));
    table.finish();
    Some(DeliveryPolicy {
        headers,
        timeout,
        success: success?,
        retry_schedule,
        user_agent,
        unsigned_allowed,
        disable_after_failures,
        secret: secret?,
    })
}

/// What belongs to the connection or frames the message, so that a profile that sets it would break one or the other.
const FRAMING: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

fn read_headers(table: &Table<'_>, scheme: Option<&Scheme>) -> Vec<(String, HeaderValue)> {
    let entries = table.text_entries("headers").into_iter();
    let valid = entries.filter_map(|(name, value)| {
        let name = read_scheme::header_name(table, name)?;
        if FRAMING.contains(&name.as_str()) {
            table.problem_at(&value, "this header is the transport's own, or has a key of its own");
        } else if scheme.is_some_and(|scheme| scheme.written_headers().any(|written| written == name)) {
            table.problem_at(&value, "the signature writes this header");
        }
        match HeaderValue::parse(&value.value) {
            Ok(parsed) if parsed.params().next().is_some() => {
                table.problem_at(
                    &value,
                    "a delivery has no parameters; {param:...} stands in `scheme.headers`",
                );
                None
            }
            Ok(parsed) => Some((name, parsed)),
            Err(message) => {
                table.problem_at(&value, message);
                None
            }
        }
    });
    valid.collect()
}

pub(super) fn read_success(table: &Table<'_>) -> Option<StatusSet> {
    let Some(texts) = table.texts("success") else { return Some(StatusSet::successful()) };
    match StatusSet::from_texts(texts.iter().map(|text| text.value.as_str())) {
        Ok(_) if texts.is_empty() => {
            table.problem("`success` names at least one status code");
            None
        }
        Ok(set) => Some(set),
        Err(index) => {
            table.problem_at(
                &texts[index],
                "a status code such as `204` or a range such as `200-299` is needed",
            );
            None
        }
    }
}

fn read_retries(table: &Table<'_>) -> Option<Vec<Duration>> {
    let texts = table.texts("retries")?;
    if texts.len() > MAX_RETRIES {
        table.problem(format!("there are at most {MAX_RETRIES} retries"));
    }
    let waits = texts.iter().filter_map(|text| {
        let wait = parse_duration(&text.value);
        if wait.is_none() {
            table.problem_at(text, DURATION_EXPECTED);
        }
        wait
    });
    Some(waits.collect())
}

fn read_user_agent(table: &Table<'_>) -> Option<String> {
    let text = table.text("user-agent")?;
    if text.value.is_empty() || !is_header_text(&text.value) {
        table.problem_at(&text, "a header value is visible ASCII and spaces, and is not empty");
    }
    Some(text.value)
}

fn read_secret(table: Table<'_>) -> Option<SecretFormat> {
    let prefix = table.text("prefix").map_or_else(String::new, |prefix| prefix.value);
    let encoding = table.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    let bytes = table.integer("bytes", (MIN_SECRET_BYTES, MAX_SECRET_BYTES)).unwrap_or(MAX_SECRET_BYTES);
    table.finish();
    Some(SecretFormat { prefix, encoding, bytes: usize::try_from(bytes).ok()? })
}
