//! Reading the scheme of a profile, and checking that its parts fit each other.

use super::reader::{Placed, Table};
use crate::body::BodyReading;
use crate::key::KeyStep;
use crate::limits::DEFAULT_TOLERANCE;
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigest, Canonical, Carrier, DigestKind, Encoding, Flags, Grammar, IdentityRule, IdentitySource,
    JsonPath, KeyPattern, Pairs, Piece, Readings, RequiredHeader, Rotation, Scheme, SignatureRule, TimestampFormat,
    TimestampRule, TimestampSource, Value,
};

pub(super) fn scheme(table: Table<'_>) -> Option<Scheme> {
    let algorithm = read_algorithm(&table);
    let key = read_key(&table, algorithm.as_ref());
    let content = read_content(&table);
    let signature = read_signature(&table, algorithm.as_ref());
    let timestamp = read_timestamp(&table, signature.as_ref());
    let id = read_identity(&table, "id", &content, &Value::Id);
    let event_type = read_identity(&table, "event-type", &content, &Value::Body);
    let readings = read_readings(&table);
    let required = read_required(&table);
    let body_digest = read_body_digest(&table);
    let algorithm = algorithm?;
    check_content(&table, &algorithm, &content, timestamp.as_ref(), id.as_ref(), signature.as_ref());
    table.finish();
    let mut scheme = Scheme {
        flags: Flags::default(),
        algorithm,
        key: key?,
        content,
        signature,
        timestamp,
        id,
        event_type,
        readings: readings?,
        required,
        body_digest,
    };
    scheme.flags = flags(&scheme);
    Some(scheme)
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
    let named = table.has("algorithms");
    if named == table.has("algorithm") {
        table.problem("either `algorithm` or the allow-list `algorithms` is needed");
    }
    if !named {
        return table.choice("algorithm", Algorithm::NAMES).map(AlgorithmRule::Fixed);
    }
    let mut digests = Vec::new();
    for text in table.texts("algorithms")? {
        match Algorithm::NAMES.iter().find(|(name, _)| *name == text.value) {
            Some((_, Algorithm::Hmac(digest))) => digests.push(*digest),
            _ => table.problem_at(&text, "an allow-list names hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512"),
        }
    }
    (!digests.is_empty()).then_some(AlgorithmRule::Named(digests))
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
    let mut steps = Vec::new();
    for text in texts {
        match KeyStep::parse(&text.value) {
            Some(step) => steps.push(step),
            None => table.problem_at(&text, KeyStep::EXPECTED),
        }
    }
    Some(steps)
}

fn read_content(table: &Table<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for text in table.texts("content").unwrap_or_default() {
        match Piece::parse(&text.value) {
            Ok(piece) => pieces.push(piece),
            Err(message) => table.problem_at(&text, message),
        }
    }
    pieces
}

fn read_signature(table: &Table<'_>, algorithm: Option<&AlgorithmRule>) -> Option<SignatureRule> {
    if matches!(algorithm, Some(AlgorithmRule::Fixed(Algorithm::None))) {
        return None;
    }
    let Some(signature) = table.table("signature") else {
        if !table.has("signature") {
            table.problem("the table `signature` is missing");
        }
        return None;
    };
    let carrier = read_carrier(&signature);
    let repeated = signature.boolean("repeated").unwrap_or(false);
    let grammar = read_grammar(&signature);
    let encoding = signature.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    let rotation = read_rotation(&signature, grammar.as_ref());
    let named = matches!(algorithm, Some(AlgorithmRule::Named(_)));
    if named != matches!(grammar, Some(Grammar::AlgorithmPrefix)) && grammar.is_some() {
        signature.problem("the allow-list `algorithms` and the grammar `algorithm-prefix` go together");
    }
    signature.finish();
    Some(SignatureRule { carrier: carrier?, repeated, grammar: grammar?, encoding, rotation })
}

fn read_carrier(table: &Table<'_>) -> Option<Carrier> {
    let keys = ["header", "headers", "numbered-header", "json", "form", "query"];
    if keys.iter().filter(|key| table.has(key)).count() != 1 {
        table.problem("one of `header`, `headers`, `numbered-header`, `json`, `form` and `query` says where it stands");
    }
    if let Some(name) = table.text("header") {
        return header_name(table, name).map(|name| Carrier::Headers(vec![name]));
    }
    if let Some(names) = table.texts("headers") {
        let names: Vec<String> = names.into_iter().filter_map(|name| header_name(table, name)).collect();
        return (!names.is_empty()).then_some(Carrier::Headers(names));
    }
    if let Some(name) = table.text("numbered-header") {
        return header_name(table, name).map(Carrier::Numbered);
    }
    if let Some(path) = table.text("json") {
        return Some(Carrier::Json(JsonPath(path.value)));
    }
    if let Some(field) = table.text("form") {
        return Some(Carrier::Form(field.value));
    }
    table.text("query").map(|parameter| Carrier::Query(parameter.value))
}

#[derive(Clone, Copy)]
enum GrammarName {
    Bare,
    Prefix,
    Pairs,
    AlgorithmPrefix,
}

fn read_grammar(table: &Table<'_>) -> Option<Grammar> {
    let grammars = [
        ("bare", GrammarName::Bare),
        ("prefix", GrammarName::Prefix),
        ("pairs", GrammarName::Pairs),
        ("algorithm-prefix", GrammarName::AlgorithmPrefix),
    ];
    if !table.has("grammar") {
        return Some(Grammar::Bare);
    }
    match table.choice("grammar", &grammars)? {
        GrammarName::Bare => Some(Grammar::Bare),
        GrammarName::AlgorithmPrefix => Some(Grammar::AlgorithmPrefix),
        GrammarName::Prefix => {
            let prefix = table.required_text("prefix")?.value;
            let separator = read_character(table, "separator");
            Some(Grammar::Prefix { prefix, separator })
        }
        GrammarName::Pairs => read_pairs(table).map(Grammar::Pairs),
    }
}

fn read_pairs(table: &Table<'_>) -> Option<Pairs> {
    let ways = ["keys", "numbered", "key-param"];
    if ways.iter().filter(|key| table.has(key)).count() != 1 {
        table.problem("one of `keys`, `numbered` and `key-param` says which pairs are signatures");
    }
    let keys = if let Some(keys) = table.texts("keys") {
        Some(KeyPattern::Names(keys.into_iter().map(|key| key.value).collect()))
    } else if let Some(start) = table.text("numbered") {
        Some(KeyPattern::Numbered(start.value))
    } else {
        table.text("key-param").map(|param| KeyPattern::Param(param.value))
    };
    let separator = read_character(table, "separator").unwrap_or(',');
    let assign = read_character(table, "assign").unwrap_or('=');
    if separator == assign {
        table.problem("`separator` and `assign` differ");
    }
    let names = table.text("names").map(|names| names.value);
    let trim = table.boolean("trim").unwrap_or(false);
    let groups = read_character(table, "groups");
    if matches!(&keys, Some(KeyPattern::Names(names)) if names.is_empty()) {
        table.problem("`keys` names at least one key");
    }
    Some(Pairs { separator, assign, keys: keys?, names, trim, groups })
}

fn read_character(table: &Table<'_>, key: &'static str) -> Option<char> {
    let text = table.text(key)?;
    let mut characters = text.value.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if character.is_ascii_graphic() || character == ' ' => Some(character),
        _ => {
            table.problem_at(&text, "one character of visible ASCII or a space is needed");
            None
        }
    }
}

fn read_rotation(table: &Table<'_>, grammar: Option<&Grammar>) -> Rotation {
    let choices = [("newest", Rotation::Newest), ("repeat", Rotation::Repeat), ("count", Rotation::Count)];
    let rotation = table.choice("rotation", &choices).unwrap_or(Rotation::Newest);
    let fits = match (rotation, grammar) {
        (Rotation::Newest, _) | (_, None) => true,
        (Rotation::Repeat, Some(grammar)) => {
            matches!(grammar, Grammar::Pairs(_) | Grammar::Prefix { separator: Some(_), .. })
        }
        (Rotation::Count, Some(grammar)) => {
            matches!(grammar, Grammar::Pairs(Pairs { keys: KeyPattern::Numbered(_), .. }))
        }
    };
    if !fits {
        table.problem("this grammar has no room for several signatures in that way");
    }
    rotation
}

fn read_timestamp(table: &Table<'_>, signature: Option<&SignatureRule>) -> Option<TimestampRule> {
    let timestamp = table.table("timestamp")?;
    if ["header", "field", "json"].iter().filter(|key| timestamp.has(key)).count() != 1 {
        timestamp.problem("one of `header`, `field` and `json` says where it stands");
    }
    let source = if let Some(name) = timestamp.text("header") {
        header_name(&timestamp, name).map(TimestampSource::Header)
    } else if let Some(field) = timestamp.text("field") {
        if !matches!(signature, Some(SignatureRule { grammar: Grammar::Pairs(_), .. })) {
            timestamp.problem_at(&field, "a field needs the grammar `pairs` in the signature");
        }
        Some(TimestampSource::Field(field.value))
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

fn read_identity(table: &Table<'_>, key: &'static str, content: &[Piece], value: &Value) -> Option<IdentityRule> {
    let identity = table.table(key)?;
    if identity.has("header") == identity.has("json") {
        identity.problem("either `header` or `json` says where it stands");
    }
    let source = match identity.text("header") {
        Some(name) => header_name(&identity, name).map(IdentitySource::Header),
        None => identity.text("json").map(|path| IdentitySource::Json(JsonPath(path.value))),
    };
    let forbidden = read_character(&identity, "forbid");
    identity.finish();
    let source = source?;
    let by_reference = match &source {
        IdentitySource::Header(name) => Value::Header(name.clone()),
        IdentitySource::Json(_) => Value::Body,
    };
    let covered = content.iter().any(|piece| match (piece, &source) {
        (Piece::Value(Value::Json(path)), IdentitySource::Json(own)) => path == own,
        (Piece::Value(found), IdentitySource::Header(_)) => {
            *found == by_reference || *value == Value::Id && *found == Value::Id
        }
        (Piece::Value(found), IdentitySource::Json(_)) => *found == by_reference,
        (Piece::Literal(_), _) => false,
    });
    Some(IdentityRule { source, forbidden, covered })
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
                let known = super::reader::names(BodyReading::NAMES.iter().map(|(name, _)| *name));
                table.problem_at(&text, format!("one of {known} is needed"));
            }
        }
    }
    Some(readings)
}

fn read_required(table: &Table<'_>) -> Vec<RequiredHeader> {
    let entries = table.text_entries("require").into_iter();
    let read = |(name, value): (Placed<String>, Placed<String>)| {
        Some(RequiredHeader { name: header_name(table, name)?, value: value.value })
    };
    entries.filter_map(read).collect()
}

fn read_body_digest(table: &Table<'_>) -> Option<BodyDigest> {
    let digest = table.table("body-digest")?;
    let query = digest.required_text("query");
    let kind = digest.choice("digest", DigestKind::NAMES).unwrap_or(DigestKind::Sha256);
    let encoding = digest.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    digest.finish();
    Some(BodyDigest { query: query?.value, digest: kind, encoding })
}

/// Checks that what is signed and what is read fit each other.
fn check_content(
    table: &Table<'_>,
    algorithm: &AlgorithmRule,
    content: &[Piece],
    timestamp: Option<&TimestampRule>,
    id: Option<&IdentityRule>,
    signature: Option<&SignatureRule>,
) {
    let has = |value: &Value| content.iter().any(|piece| *piece == Piece::Value(value.clone()));
    let without_content = matches!(algorithm, AlgorithmRule::Fixed(algorithm) if algorithm.is_shared_token() || *algorithm == Algorithm::None);
    if without_content != content.is_empty() {
        table.problem(match without_content {
            true => "this algorithm signs nothing, so there is no `content`",
            false => "`content` is missing, such as [\"{body}\"]",
        });
    }
    if has(&Value::Timestamp) && timestamp.is_none() && !table.has("timestamp") {
        table.problem("{timestamp} is signed, so the table `timestamp` is needed");
    }
    if has(&Value::Id) && id.is_none() && !table.has("id") {
        table.problem("{id} is signed, so the table `id` is needed");
    }
    // A header that the signature does not cover can be set to any time by whoever replays the request.
    if let Some(TimestampRule { source: TimestampSource::Header(_) | TimestampSource::Field(_), .. }) = timestamp
        && !has(&Value::Timestamp)
        && !has(&Value::Canonical(Canonical::Contentful))
    {
        table.problem("the timestamp is checked, so {timestamp} is in `content`");
    }
    let hashes = matches!(algorithm, AlgorithmRule::Fixed(Algorithm::Hash(_)));
    if hashes != has(&Value::Secret) {
        table.problem("a plain digest has {secret} in `content`, and no other algorithm has");
    }
    let lists_names = matches!(signature, Some(SignatureRule { grammar: Grammar::Pairs(Pairs { names: Some(_), .. }), .. }));
    if lists_names != has(&Value::SignedHeaderNames) || lists_names != has(&Value::SignedHeaderValues) {
        table.problem("`names` in the signature goes with {signed-header-names} and {signed-header-values}");
    }
}

fn flags(scheme: &Scheme) -> Flags {
    let body_covered = scheme.covers(&Value::Body)
        || scheme.covers(&Value::BodySha256)
        || scheme.covers(&Value::BodyCrc32)
        || scheme.covers(&Value::SortedForm)
        || scheme.covers(&Value::Canonical(Canonical::Contentful))
        || scheme.body_digest.is_some();
    let algorithm = scheme.algorithm();
    let weak_algorithm = matches!(algorithm, Some(Algorithm::Hash(_) | Algorithm::Hmac(DigestKind::Sha1)));
    let adjacent = scheme.content.windows(2).any(|pair| matches!(pair, [Piece::Value(_), Piece::Value(_)]));
    Flags {
        body_malleable: scheme.readings.strict.iter().any(|reading| *reading != BodyReading::Raw),
        body_unsigned: !body_covered,
        weak: weak_algorithm || scheme.covers(&Value::BodyCrc32),
        replayable: scheme.timestamp.is_none(),
        ambiguous_boundary: adjacent,
    }
}
