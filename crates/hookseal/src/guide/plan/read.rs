//! From a scheme to the plan of its verification.

use super::{
    AlgorithmPlan, BodyDigestPlan, CarrierPlan, ClaimPlan, ExtraPlan, GrammarPlan, IdPlan, KeyPlan,
    PiecePlan, Plan, RequiredPlan, StepPlan, TimestampPlan, Uses, ValuePlan, fit,
};
use crate::body::BodyReading;
use crate::guide::NotGenerated;
use crate::key::KeyStep;
use crate::limits::MAX_NUMBERED_HEADERS;
use crate::profile::{Part, Profile};
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigest, BodyDigestSource, Carrier, ClaimRule, ClaimValue, DigestKind,
    Encoding, Grammar, IdentitySource, JsonPath, JwtAlgorithm, KeyPattern, Pairs, Piece, Scheme,
    SignatureRule, TimestampFormat, TimestampRule, TimestampSource, Value,
};

impl Plan {
    /// The steps of a part of a profile.
    ///
    /// # Errors
    /// [`NotGenerated`] where the steps cannot be written down as a short sample in any language.
    pub(in crate::guide) fn of(profile: &Profile, part: Part) -> Result<Self, NotGenerated> {
        let scheme = profile.part(part).ok_or(NotGenerated::NoSuchPart)?;
        let rule = scheme.signature.as_ref().ok_or(NotGenerated::Unsigned)?;
        if scheme.fetches_key() {
            return Err(NotGenerated::FetchedKey);
        }
        let algorithm = read_algorithm(&scheme.algorithm)?;
        let (values, content) = read_content(&scheme.content)?;
        let (reading, endings) = read_readings(&scheme.readings.strict, &scheme.content)?;
        let mut plan = Self {
            profile: profile.name().to_owned(),
            challenge: part == Part::Challenge,
            builtin: is_builtin(profile),
            signature_characters: scheme
                .algorithm()
                .and_then(Algorithm::signature_length)
                .map(|length| encoded_length(rule.encoding, length)),
            algorithm,
            key: scheme
                .key
                .iter()
                .map(read_key_step)
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect(),
            required: scheme
                .required
                .iter()
                .map(|header| RequiredPlan { name: header.name.clone(), value: header.value.clone() })
                .collect(),
            carrier: read_carrier(rule),
            grammar: read_grammar(rule, scheme.timestamp.as_ref())?,
            encoding: encoding_name(rule.encoding),
            timestamp: scheme.timestamp.as_ref().map(read_timestamp).transpose()?,
            id: read_id(scheme),
            values,
            content,
            reading,
            endings,
            body_digest: scheme.body_digest.as_ref().map(read_body_digest),
            claims: scheme.claims.iter().map(read_claim).collect(),
            extras: extras(scheme),
            uses: Uses::default(),
        };
        plan.uses = fit::uses(&plan);
        match fit::fits(&plan) {
            true => Ok(plan),
            false => Err(NotGenerated::Combination),
        }
    }
}

/// Whether the library has this very document built in.
pub(in crate::guide) fn is_builtin(profile: &Profile) -> bool {
    Profile::builtin(profile.name()).is_some_and(|builtin| builtin.source() == profile.source())
}

/// What a verification takes besides headers, body, secrets and the time.
pub(in crate::guide) fn extras(scheme: &Scheme) -> Vec<ExtraPlan> {
    let covers = |value: &Value| scheme.covers(value);
    let canonical = scheme.content.iter().any(|piece| matches!(piece, Piece::Value(Value::Canonical(_))));
    let query = matches!(scheme.body_digest, Some(BodyDigest { source: BodyDigestSource::Query(_), .. }))
        || scheme.signature.as_ref().is_some_and(|rule| matches!(rule.carrier, Carrier::Query(_)));
    let mut extras = Vec::new();
    if covers(&Value::Method) || canonical {
        extras.push(ExtraPlan { variable: "method".to_owned(), name: "method".to_owned(), kind: "method" });
    }
    if covers(&Value::Url) || canonical || query {
        extras.push(ExtraPlan { variable: "url".to_owned(), name: "url".to_owned(), kind: "url" });
    }
    let in_content = scheme.content.iter().filter_map(|piece| match piece {
        Piece::Value(Value::Param(name)) => Some(name),
        _ => None,
    });
    let in_claims = scheme.claims.iter().filter_map(|rule| match &rule.value {
        ClaimValue::Param(name) => Some(name),
        _ => None,
    });
    for name in in_content.chain(in_claims).chain(scheme.key_param()) {
        let extra = param(name);
        if !extras.contains(&extra) {
            extras.push(extra);
        }
    }
    extras
}

/// A parameter as an argument: its name in snake case, with an ending that no reserved word has.
fn param(name: &str) -> ExtraPlan {
    let letter = |character: char| match character.is_ascii_alphanumeric() {
        true => character.to_ascii_lowercase(),
        false => '_',
    };
    let snake: String = name.chars().map(letter).collect();
    let variable = match name {
        "public_key" | "webhook_id" | "audience" | "email" => snake,
        _ => format!("p_{}_param", snake.trim_matches('_')),
    };
    ExtraPlan { variable, name: name.to_owned(), kind: "param" }
}

fn read_algorithm(rule: &AlgorithmRule) -> Result<AlgorithmPlan, NotGenerated> {
    let plan =
        |kind: &'static str, digest: &'static str| Ok(AlgorithmPlan { kind, digest, digests: Vec::new() });
    match rule {
        AlgorithmRule::Named(digests) => {
            let strong = digests.iter().filter(|digest| **digest != DigestKind::Sha1);
            Ok(AlgorithmPlan {
                kind: "named",
                digest: "",
                digests: strong.map(|digest| digest.name()).collect(),
            })
        }
        AlgorithmRule::Json { .. } => Err(NotGenerated::FetchedKey),
        AlgorithmRule::Fixed(algorithm) => match algorithm {
            Algorithm::Hmac(digest) => plan("hmac", digest.name()),
            Algorithm::Hash(digest) => plan("hash", digest.name()),
            Algorithm::Ed25519 => plan("ed25519", ""),
            Algorithm::EcdsaP256Der => plan("ecdsa", "sha256"),
            Algorithm::Jwt(JwtAlgorithm::Hs256) => plan("jwt", "sha256"),
            Algorithm::RsaPkcs1(_) | Algorithm::Jwt(_) => Err(NotGenerated::FetchedKey),
            Algorithm::Token => plan("token", ""),
            Algorithm::Basic => plan("basic", ""),
            Algorithm::None => Err(NotGenerated::Unsigned),
        },
    }
}

fn read_key_step(step: &KeyStep) -> Result<Option<KeyPlan>, NotGenerated> {
    let plan = |step: &'static str, prefix: &str| Ok(Some(KeyPlan { step, prefix: prefix.to_owned() }));
    match step {
        KeyStep::Utf8 => Ok(None),
        KeyStep::RefusePrefix(prefix) => plan("refuse", prefix),
        KeyStep::StripPrefix(prefix) => plan("strip", prefix),
        KeyStep::Base64 => plan("base64", ""),
        KeyStep::Hex => plan("hex", ""),
        KeyStep::Sha1 => plan("sha1", ""),
        KeyStep::Spki => plan("spki", ""),
        KeyStep::Certificate | KeyStep::Pem | KeyStep::Jwk | KeyStep::PrivateKey => {
            Err(NotGenerated::KeyForm)
        }
    }
}

fn read_carrier(rule: &SignatureRule) -> CarrierPlan {
    let plan = |kind: &'static str| CarrierPlan {
        kind,
        name: rule.carrier.name().to_owned(),
        names: Vec::new(),
        last: MAX_NUMBERED_HEADERS,
        path: Vec::new(),
        all: false,
        repeated: rule.repeated,
    };
    match &rule.carrier {
        Carrier::Headers(names) if names.len() == 1 => plan("header"),
        Carrier::Headers(names) => CarrierPlan { names: names.clone(), ..plan("headers") },
        Carrier::Numbered(_) => plan("numbered"),
        Carrier::Json(path) => {
            let path = read_path(path);
            CarrierPlan { all: path.iter().any(|step| step.every), path, ..plan("json") }
        }
        Carrier::Form(_) => plan("form"),
        Carrier::Query(_) => plan("query"),
    }
}

fn read_grammar(
    rule: &SignatureRule,
    timestamp: Option<&TimestampRule>,
) -> Result<GrammarPlan, NotGenerated> {
    let character = |byte: u8| char::from(byte).to_string();
    Ok(match &rule.grammar {
        Grammar::Bare => GrammarPlan { kind: "bare", ..GrammarPlan::default() },
        Grammar::Prefix { prefix, separator } => GrammarPlan {
            kind: "prefix",
            prefix: prefix.clone(),
            separator: separator.map(character).unwrap_or_default(),
            ..GrammarPlan::default()
        },
        Grammar::Pairs(Pairs { separator, assign, keys, names, trim, groups }) => {
            let (keys, numbered, key_param) = match keys {
                KeyPattern::Names(keys) => (keys.clone(), String::new(), None),
                KeyPattern::Numbered(start) => (Vec::new(), start.clone(), None),
                KeyPattern::Param(name) => (Vec::new(), String::new(), Some(param(name))),
            };
            GrammarPlan {
                kind: "pairs",
                prefix: String::new(),
                separator: character(*separator),
                assign: character(*assign),
                keys,
                numbered,
                key_param,
                names: names.clone().unwrap_or_default(),
                trim: *trim,
                groups: groups.map(character).unwrap_or_default(),
                timestamp: match timestamp.map(|rule| &rule.source) {
                    Some(TimestampSource::Field(name)) => name.clone(),
                    _ => String::new(),
                },
            }
        }
        Grammar::AlgorithmPrefix => GrammarPlan { kind: "algorithm-prefix", ..GrammarPlan::default() },
        Grammar::Dictionary => return Err(NotGenerated::Canonical),
    })
}

fn read_timestamp(rule: &TimestampRule) -> Result<TimestampPlan, NotGenerated> {
    let millis = |bound: std::time::Duration| u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    let (kind, path) = match &rule.source {
        TimestampSource::Header(_) => ("header", Vec::new()),
        TimestampSource::Field(_) => ("field", Vec::new()),
        TimestampSource::Json(path) => ("json", read_path(path)),
        TimestampSource::Claim(_) => return Err(NotGenerated::FetchedKey),
    };
    let format = TimestampFormat::NAMES.iter().find(|(_, format)| *format == rule.format);
    Ok(TimestampPlan {
        kind,
        name: rule.source.name().to_owned(),
        path,
        format: format.map_or("", |(name, _)| name),
        past_ms: rule.past.map(millis),
        future_ms: rule.future.map(millis),
    })
}

/// The header of the id, if the content holds it. An id within a signed body needs no step of its own.
fn read_id(scheme: &Scheme) -> Option<IdPlan> {
    let rule = scheme.id.as_ref().filter(|rule| rule.covered)?;
    let IdentitySource::Header(name) = &rule.source else { return None };
    let forbidden = rule.forbidden.map(|byte| char::from(byte).to_string()).unwrap_or_default();
    Some(IdPlan { name: name.clone(), forbidden })
}

fn read_path(path: &JsonPath) -> Vec<StepPlan> {
    let read = |step: &str| StepPlan {
        name: step.to_owned(),
        letters: !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphabetic()),
        digits: !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()),
        every: step == "*",
    };
    path.0.split('.').map(read).collect()
}

fn read_content(content: &[Piece]) -> Result<(Vec<ValuePlan>, Vec<PiecePlan>), NotGenerated> {
    let mut values: Vec<ValuePlan> = Vec::new();
    let mut pieces = Vec::new();
    let mut value = |kind: &'static str, name: &str, path: Vec<StepPlan>| {
        let variable = format!("part{}", values.len() + 1);
        values.push(ValuePlan { variable: variable.clone(), kind, name: name.to_owned(), path });
        PiecePlan { kind: "value", text: variable }
    };
    let plain = |kind: &'static str| PiecePlan { kind, text: String::new() };
    for piece in content {
        pieces.push(match piece {
            Piece::Literal(bytes) => {
                let text = String::from_utf8(bytes.clone()).map_err(|_| NotGenerated::Canonical)?;
                PiecePlan { kind: "literal", text }
            }
            Piece::Value(reference) => match reference {
                Value::Timestamp => plain("timestamp"),
                Value::Id => plain("id"),
                Value::Body => plain("body"),
                Value::BodySha256 => plain("body-sha256"),
                Value::Url => plain("url"),
                Value::Method => plain("method"),
                Value::Secret => plain("secret"),
                Value::SignedHeaderNames => plain("signed-names"),
                Value::SignedHeaderValues => plain("signed-values"),
                Value::SortedForm => plain("sorted-form"),
                Value::Header(name) => value("header", name, Vec::new()),
                Value::Json(path) => value("json", &path.0, read_path(path)),
                Value::Form(field) => value("form", field, Vec::new()),
                Value::Param(name) => PiecePlan { kind: "param", text: param(name).variable },
                Value::BodyCrc32 | Value::Canonical(_) => return Err(NotGenerated::Canonical),
            },
        });
    }
    Ok((values, pieces))
}

/// The one reading of the body, and what is appended to it.
fn read_readings(
    readings: &[BodyReading],
    content: &[Piece],
) -> Result<(&'static str, Vec<&'static str>), NotGenerated> {
    let ends_with_body = matches!(content.last(), Some(Piece::Value(Value::Body | Value::Form(_))));
    match readings {
        [BodyReading::Raw] => Ok(("raw", vec![""])),
        [reading @ (BodyReading::StripSpaces | BodyReading::JsonCompact)] => Ok((reading.as_str(), vec![""])),
        [BodyReading::AppendLineFeed] if ends_with_body => Ok(("raw", vec!["\n"])),
        [BodyReading::Raw, BodyReading::AppendLineFeed] if ends_with_body => Ok(("raw", vec!["", "\n"])),
        _ => Err(NotGenerated::Reading),
    }
}

fn read_body_digest(rule: &BodyDigest) -> BodyDigestPlan {
    let (kind, name) = match &rule.source {
        BodyDigestSource::Query(name) => ("query", name),
        BodyDigestSource::Claim(name) => ("claim", name),
    };
    BodyDigestPlan {
        kind,
        name: name.clone(),
        digest: rule.digest.name(),
        encoding: encoding_name(rule.encoding),
    }
}

fn read_claim(rule: &ClaimRule) -> ClaimPlan {
    let plan = |kind: &'static str| ClaimPlan {
        name: rule.name.clone(),
        kind,
        texts: Vec::new(),
        flag: false,
        param: None,
    };
    match &rule.value {
        ClaimValue::Present => plan("present"),
        ClaimValue::Texts(texts) => ClaimPlan { texts: texts.clone(), ..plan("texts") },
        ClaimValue::Flag(flag) => ClaimPlan { flag: *flag, ..plan("flag") },
        ClaimValue::Param(name) => ClaimPlan { param: Some(param(name)), ..plan("param") },
    }
}

fn encoding_name(encoding: Encoding) -> &'static str {
    Encoding::NAMES.iter().find(|(_, known)| *known == encoding).map_or("", |(name, _)| name)
}

fn encoded_length(encoding: Encoding, bytes: usize) -> usize {
    let mut text = String::new();
    encoding.encode(&vec![0; bytes], &mut text);
    text.len()
}
