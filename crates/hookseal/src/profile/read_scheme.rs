//! Reading the scheme of a profile, and checking that its parts fit each other.

mod boundary;
mod conditions;
mod fit;
mod key_source;
mod signature;

use conditions::{read_body_digest, read_claims, read_compat_ports, read_required, read_written_headers};
use fit::Misfit;
use key_source::{read_key_set, read_key_url};
use signature::read_signature;

use super::reader::{Placed, Table, names};
use crate::body::BodyReading;
use crate::key::KeyStep;
use crate::limits::DEFAULT_TOLERANCE;
use crate::scheme::{
    Algorithm, AlgorithmRule, Canonical, Flags, IdentityRule, IdentitySource, JsonPath, Piece, Readings,
    Scheme, TimestampFormat, TimestampRule, TimestampSource, Value,
};

pub(super) fn scheme(table: Table<'_>) -> Option<Scheme> {
    let scheme = read_parts(&table);
    let scheme = scheme.map(|scheme| Scheme { flags: fit::flags(&scheme), ..scheme });
    let admitted = read_admitted(&table);
    // Only whole schemes: what cannot be read is a problem already, and would look like one that does not fit.
    if let Some(scheme) = &scheme {
        let mut misfits: Vec<Misfit> = fit::misfits(scheme).collect();
        // What a scheme lacks follows from what it is, so it has to be one first.
        if misfits.is_empty() {
            misfits.extend(fit::unsafe_parts(scheme, &admitted));
        }
        misfits.into_iter().for_each(|misfit| report(&table, misfit));
    }
    table.finish();
    scheme
}

/// Places a problem at the key that it is about, and at the item of the content where it is about one.
fn report(table: &Table<'_>, misfit: Misfit) {
    let content = misfit.item.and_then(|item| table.texts("content")?.into_iter().nth(item));
    match content {
        Some(item) => table.problem_at(&item, misfit.message),
        None => table.problem_with(misfit.key, misfit.message),
    }
}

/// The weaknesses that a scheme admits to have.
fn read_admitted(table: &Table<'_>) -> Vec<&'static str> {
    let mut admitted = Vec::new();
    for text in table.texts("admit").unwrap_or_default() {
        match Flags::ADMISSIONS.into_iter().find(|name| *name == text.value) {
            Some(name) => admitted.push(name),
            None => {
                let known = names(Flags::ADMISSIONS.into_iter());
                table.problem_at(&text, format!("one of {known} is needed"));
            }
        }
    }
    admitted
}

fn read_parts(table: &Table<'_>) -> Option<Scheme> {
    let algorithm = read_algorithm(table);
    let key = read_key(table, algorithm.as_ref());
    let signing_key = read_signing_key(table, algorithm.as_ref(), key.as_deref());
    let content = read_content(table);
    let signature = read_signature(table, algorithm.as_ref());
    let timestamp = read_timestamp(table);
    let known_content = content.as_deref().unwrap_or_default();
    let id = read_identity(table, "id", known_content);
    let event_type = read_identity(table, "event-type", known_content);
    let readings = read_readings(table);
    let compat_ports = read_compat_ports(table);
    let required = read_required(table);
    let headers = read_written_headers(table);
    let body_digest = read_body_digest(table);
    let claims = read_claims(table);
    let key_url = read_key_url(table);
    let key_set = read_key_set(table);
    let read = [
        ("signature", signature.is_some()),
        ("timestamp", timestamp.is_some()),
        ("id", id.is_some()),
        ("event-type", event_type.is_some()),
        ("body-digest", body_digest.is_some()),
        ("key-url", key_url.is_some()),
        ("key-set", key_set.is_some()),
    ];
    let whole = read.iter().all(|(key, read)| *read || !table.has(key));
    Some(Scheme {
        algorithm: algorithm.filter(|_| whole)?,
        key: key?,
        signing_key: signing_key?,
        content: content?,
        signature,
        timestamp,
        id,
        event_type,
        readings: readings?,
        compat_ports,
        required,
        headers,
        body_digest,
        claims,
        key_url,
        key_set,
        flags: Flags::default(),
    })
}

/// Reads a header name and puts it in lower case.
pub(super) fn header_name(table: &Table<'_>, name: Placed<String>) -> Option<String> {
    // RFC 9110 section 5.6.2, `token`.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.value.is_empty() && name.value.len() <= 128 && name.value.bytes().all(token) {
        return Some(name.value.to_ascii_lowercase());
    }
    table.problem_at(&name, "a header name is 1 to 128 letters, digits and hyphens");
    None
}

fn read_algorithm(table: &Table<'_>) -> Option<AlgorithmRule> {
    if !table.has_one(&["algorithm", "algorithms", "algorithm-by"]) {
        table.problem("one of `algorithm`, the allow-list `algorithms` and `algorithm-by` is needed");
    }
    if let Some(choice) = table.table("algorithm-by") {
        return read_algorithm_choice(choice);
    }
    if !table.has("algorithms") {
        return table.choice("algorithm", Algorithm::NAMES).map(AlgorithmRule::Fixed);
    }
    let mut digests = Vec::new();
    for text in table.texts("algorithms")? {
        match Algorithm::NAMES.iter().find(|(name, _)| *name == text.value) {
            Some((_, Algorithm::Hmac(digest))) => digests.push(*digest),
            _ => table
                .problem_at(&text, "an allow-list names hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512"),
        }
    }
    (!digests.is_empty()).then_some(AlgorithmRule::Named(digests))
}

fn read_algorithm_choice(table: Table<'_>) -> Option<AlgorithmRule> {
    let path = table.required_text("json").map(|path| JsonPath(path.value));
    let mut choices = Vec::new();
    for (value, algorithm) in table.text_entries("choices") {
        match Algorithm::NAMES.iter().find(|(name, _)| *name == algorithm.value) {
            Some((_, Algorithm::RsaPkcs1(digest))) => choices.push((value.value, *digest)),
            _ => table.problem_at(&algorithm, "`rsa-pkcs1-sha1` or `rsa-pkcs1-sha256` is needed"),
        }
    }
    if choices.is_empty() {
        table.problem("`choices` names at least one algorithm");
    }
    table.finish();
    Some(AlgorithmRule::Json { path: path?, choices })
}

fn read_key(table: &Table<'_>, algorithm: Option<&AlgorithmRule>) -> Option<Vec<KeyStep>> {
    if matches!(algorithm, Some(AlgorithmRule::Fixed(Algorithm::None))) {
        return Some(Vec::new());
    }
    let Some(texts) = table.texts("key") else {
        if !table.has("key") {
            table.problem("`key` is missing, such as [\"utf8\"]");
        }
        return None;
    };
    Some(read_key_steps(table, texts))
}

/// The pipeline of the key that signs. Where the one that verifies is public, it is read as a private key unless the
/// profile says otherwise.
fn read_signing_key(
    table: &Table<'_>,
    algorithm: Option<&AlgorithmRule>,
    key: Option<&[KeyStep]>,
) -> Option<Vec<KeyStep>> {
    if let Some(texts) = table.texts("signing-key") {
        return Some(read_key_steps(table, texts));
    }
    match algorithm? {
        AlgorithmRule::Fixed(algorithm) if !algorithm.has_public_key() => key.map(<[KeyStep]>::to_vec),
        AlgorithmRule::Named(_) => key.map(<[KeyStep]>::to_vec),
        AlgorithmRule::Fixed(_) | AlgorithmRule::Json { .. } => Some(vec![KeyStep::PrivateKey]),
    }
}

fn read_key_steps(table: &Table<'_>, texts: Vec<Placed<String>>) -> Vec<KeyStep> {
    let mut steps = Vec::new();
    for text in texts {
        match KeyStep::parse(&text.value) {
            Some(step) => steps.push(step),
            None => table.problem_at(&text, KeyStep::EXPECTED),
        }
    }
    steps
}

/// The content, empty where there is none; nothing where an item of it cannot be read.
fn read_content(table: &Table<'_>) -> Option<Vec<Piece>> {
    let texts = table.texts("content");
    if texts.is_none() && table.has("content") {
        return None;
    }
    let texts = texts.unwrap_or_default();
    let read = |text: &Placed<String>| {
        Piece::parse(&text.value).map_err(|message| table.problem_at(text, message)).ok()
    };
    let pieces: Vec<Piece> = texts.iter().filter_map(read).collect();
    (pieces.len() == texts.len()).then_some(pieces)
}

fn read_character(table: &Table<'_>, key: &'static str) -> Option<u8> {
    let text = table.text(key)?;
    match text.value.as_bytes() {
        [character] if character.is_ascii_graphic() || *character == b' ' => Some(*character),
        _ => {
            table.problem_at(&text, "one character of visible ASCII or a space is needed");
            None
        }
    }
}

fn read_timestamp(table: &Table<'_>) -> Option<TimestampRule> {
    let timestamp = table.table("timestamp")?;
    if !timestamp.has_one(&["header", "field", "json", "claim"]) {
        timestamp.problem("one of `header`, `field`, `json` and `claim` says where it stands");
    }
    let source = if let Some(name) = timestamp.text("header") {
        header_name(&timestamp, name).map(TimestampSource::Header)
    } else if let Some(field) = timestamp.text("field") {
        Some(TimestampSource::Field(field.value))
    } else if let Some(claim) = timestamp.text("claim") {
        Some(TimestampSource::Claim(claim.value))
    } else {
        timestamp.text("json").map(|path| TimestampSource::Json(JsonPath(path.value)))
    };
    if !timestamp.has("format") {
        timestamp.problem("`format` is missing");
    }
    let format = timestamp.choice("format", TimestampFormat::NAMES);
    let mut compat_http_date = false;
    for text in timestamp.texts("compat").unwrap_or_default() {
        match text.value.as_str() {
            "http-date" => compat_http_date = true,
            _ => timestamp.problem_at(&text, "`http-date` is needed"),
        }
    }
    let past = read_tolerance(&timestamp, "past");
    let future = read_tolerance(&timestamp, "future");
    timestamp.finish();
    Some(TimestampRule { source: source?, format: format?, compat_http_date, past, future })
}

fn read_tolerance(table: &Table<'_>, key: &'static str) -> Option<std::time::Duration> {
    match table.text(key) {
        Some(text) if text.value == "unlimited" => None,
        Some(_) => table.duration(key),
        None => Some(DEFAULT_TOLERANCE),
    }
}

fn read_identity(table: &Table<'_>, key: &'static str, content: &[Piece]) -> Option<IdentityRule> {
    let identity = table.table(key)?;
    let source = read_identity_source(&identity);
    let forbidden = read_character(&identity, "forbid");
    identity.finish();
    let source = source?;
    let covered = content.iter().any(|piece| match (piece, &source) {
        (Piece::Value(Value::Id), IdentitySource::Header(_)) => key == "id",
        (Piece::Value(Value::Header(covered)), IdentitySource::Header(name)) => covered == name,
        (Piece::Value(Value::Json(covered)), IdentitySource::Json(path)) => covered == path,
        (Piece::Value(Value::Body | Value::Canonical(Canonical::Sns)), IdentitySource::Json(_)) => true,
        _ => false,
    });
    Some(IdentityRule { source, forbidden, covered })
}

fn read_identity_source(table: &Table<'_>) -> Option<IdentitySource> {
    if !table.has_one(&["header", "json"]) {
        table.problem("either `header` or `json` says where it stands");
    }
    match table.text("header") {
        Some(name) => header_name(table, name).map(IdentitySource::Header),
        None => table.text("json").map(|path| IdentitySource::Json(JsonPath(path.value))),
    }
}

fn read_readings(table: &Table<'_>) -> Option<Readings> {
    let Some(body) = table.table("body") else {
        return Some(Readings { strict: vec![BodyReading::Raw], compat: vec![BodyReading::Raw] });
    };
    let strict = read_reading_list(&body, "strict").unwrap_or_else(|| vec![BodyReading::Raw]);
    let compat = read_reading_list(&body, "compat").unwrap_or_else(|| strict.clone());
    if strict.is_empty() || compat.is_empty() {
        body.problem("a mode has at least one reading of the body");
    }
    body.finish();
    Some(Readings { strict, compat })
}

fn read_reading_list(table: &Table<'_>, key: &'static str) -> Option<Vec<BodyReading>> {
    let mut readings = Vec::new();
    for text in table.texts(key)? {
        match BodyReading::NAMES.iter().find(|(name, _)| *name == text.value) {
            Some((_, reading)) => readings.push(*reading),
            None => {
                let known = names(BodyReading::NAMES.iter().map(|(name, _)| *name));
                table.problem_at(&text, format!("one of {known} is needed"));
            }
        }
    }
    Some(readings)
}
