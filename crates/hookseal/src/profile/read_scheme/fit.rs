//! Whether the parts of a scheme fit each other, and what it does not prove.

use crate::body::BodyReading;
use crate::key_source::KeySet;
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigest, BodyDigestSource, Canonical, Carrier, DigestKind, Flags, Grammar,
    JwtAlgorithm, Pairs, Piece, Scheme, TimestampRule, TimestampSource, Value,
};

/// What is wrong with a scheme as a whole.
pub(super) struct Misfit {
    /// The key of the scheme that it is about.
    pub(super) key: &'static str,
    /// The item of the content that it is about.
    pub(super) item: Option<usize>,
    /// As one clause.
    pub(super) message: String,
}

impl Misfit {
    fn new(key: &'static str, message: &str) -> Self {
        Self { key, item: None, message: message.to_owned() }
    }
}

/// What does not fit together.
pub(super) fn misfits(scheme: &Scheme) -> impl Iterator<Item = Misfit> {
    let conditions = content_conditions(scheme).into_iter().chain(signature_conditions(scheme));
    conditions
        .filter(|(wrong, ..)| *wrong)
        .map(|(_, key, problem)| Misfit::new(key, problem))
        .chain(timestamp_problem(scheme).map(|problem| Misfit::new("timestamp", problem)))
        .chain(claims_problem(scheme))
        .chain(key_source_problem(scheme))
}

/// What holds, the key that it is about, and what is wrong where it does hold.
type Condition = (bool, &'static str, &'static str);

fn content_conditions(scheme: &Scheme) -> [Condition; 7] {
    let fixed = scheme.algorithm();
    let signs_content = fixed.is_none_or(Algorithm::signs_content);
    let is_hash = matches!(fixed, Some(Algorithm::Hash(_)));
    let is_empty = scheme.content.is_empty();
    let constant = |piece: &Piece| {
        matches!(piece, Piece::Literal(_) | Piece::Value(Value::Secret | Value::Param(_) | Value::Method))
    };
    [
        (signs_content && is_empty, "content", "`content` is missing, such as [\"{body}\"]"),
        (!signs_content && !is_empty, "content", "this algorithm signs no `content`"),
        (
            signs_content && !is_empty && scheme.content.iter().all(constant),
            "content",
            "every request has this `content`, so one signature would do for all of them",
        ),
        (
            scheme.covers(&Value::Timestamp) && scheme.timestamp.is_none(),
            "content",
            "{timestamp} is signed, so the table `timestamp` is needed",
        ),
        (
            scheme.covers(&Value::Id) && scheme.id.is_none(),
            "content",
            "{id} is signed, so the table `id` is needed",
        ),
        (
            is_hash != scheme.covers(&Value::Secret),
            "content",
            "a plain digest has {secret} in `content`, and no other algorithm has",
        ),
        (
            scheme.compat_ports && !scheme.covers(&Value::Url),
            "url",
            "the ways to write the URL count where {url} is signed",
        ),
    ]
}

fn signature_conditions(scheme: &Scheme) -> [Condition; 5] {
    let rule = scheme.signature.as_ref();
    let grammar = rule.map(|rule| &rule.grammar);
    let is_dictionary = matches!(grammar, Some(Grammar::Dictionary));
    let lists_names = matches!(grammar, Some(Grammar::Pairs(Pairs { names: Some(_), .. })));
    let named = matches!(scheme.algorithm, AlgorithmRule::Named(_));
    let names_covered = scheme.covers(&Value::SignedHeaderNames) && scheme.covers(&Value::SignedHeaderValues);
    let names_used = scheme.covers(&Value::SignedHeaderNames) || scheme.covers(&Value::SignedHeaderValues);
    let in_body = matches!(rule.map(|rule| &rule.carrier), Some(Carrier::Json(_) | Carrier::Form(_)));
    let covers_body = [Value::Body, Value::BodySha256, Value::BodyCrc32, Value::SortedForm];
    let headers: Vec<&str> = scheme.written_headers().collect();
    let twice = headers.iter().enumerate().any(|(at, name)| headers[..at].contains(name));
    [
        (
            named != matches!(grammar, Some(Grammar::AlgorithmPrefix)),
            "signature",
            "the allow-list `algorithms` and the grammar `algorithm-prefix` go together",
        ),
        (
            is_dictionary != scheme.covers(&Value::Canonical(Canonical::Rfc9421)),
            "signature",
            "the grammar `dictionary` goes with {canonical:rfc9421}",
        ),
        (
            lists_names != names_covered || lists_names != names_used,
            "signature",
            "`names` in the signature goes with {signed-header-names} and {signed-header-values}",
        ),
        (
            in_body && covers_body.iter().any(|value| scheme.covers(value)),
            "signature",
            "a signature that stands in the body cannot cover the whole of it",
        ),
        (twice, "signature", "signature, timestamp, id and required headers stand in different headers"),
    ]
}

/// What could be forged or changed without the secret, and is not admitted.
pub(super) fn unsafe_parts(scheme: &Scheme, admitted: &[&str]) -> impl Iterator<Item = Misfit> {
    let needed = scheme.flags.admissions().filter(|name| !admitted.contains(name));
    needed.map(|name| {
        let (key, item, reason) = match name {
            "body-malleable" => ("body", None, "bodies that differ have the same signature"),
            "body-unsigned" => {
                let key = if scheme.content.is_empty() { "algorithm" } else { "content" };
                (key, None, "the signature does not cover the body, so it holds for any other body")
            }
            "weak" => ("algorithm", None, weakness(scheme)),
            _ => {
                let item = super::boundary::ambiguous_item(scheme);
                (
                    "content",
                    item,
                    "a byte can move between this value and the next, and the signature still holds",
                )
            }
        };
        let message = format!("{reason}; `admit = [\"{name}\"]` in the scheme says that this is known");
        Misfit { key, item, message }
    })
}

fn weakness(scheme: &Scheme) -> &'static str {
    match scheme.algorithm() {
        Some(Algorithm::Hash(_)) => "whoever has seen a plain digest can extend what it covers",
        _ if scheme.covers(&Value::BodyCrc32) => "anybody can make another body with the same CRC-32",
        _ => "SHA-1 is not to be relied on",
    }
}

/// A timestamp that the signature does not cover can be set to any time by whoever replays the request, so a scheme
/// that checks one has to sign it.
fn timestamp_problem(scheme: &Scheme) -> Option<&'static str> {
    let TimestampRule { source, .. } = scheme.timestamp.as_ref()?;
    let canonical = |canonical: Canonical| scheme.covers(&Value::Canonical(canonical));
    let pairs = matches!(scheme.signature.as_ref()?.grammar, Grammar::Pairs(_));
    let signed = scheme.covers(&Value::Timestamp);
    match source {
        TimestampSource::Field(_) if !pairs && !canonical(Canonical::Rfc9421) => {
            Some("the `field` of a timestamp needs the grammar `pairs` or `dictionary` in the signature")
        }
        TimestampSource::Header(_) if signed || canonical(Canonical::Contentful) => None,
        TimestampSource::Field(_) if signed || canonical(Canonical::Rfc9421) => None,
        TimestampSource::Json(path) => {
            let covered = signed
                || scheme.covers(&Value::Body)
                || scheme.covers(&Value::Json(path.clone()))
                || canonical(Canonical::Sns);
            (!covered).then_some("the timestamp is checked, so the signature has to cover it")
        }
        TimestampSource::Claim(_) if is_json_web_token(scheme) => None,
        TimestampSource::Claim(_) => Some("the `claim` of a timestamp needs an algorithm of JSON Web Tokens"),
        TimestampSource::Header(_) | TimestampSource::Field(_) => {
            Some("the timestamp is checked, so {timestamp} is in `content`")
        }
    }
}

fn claims_problem(scheme: &Scheme) -> Option<Misfit> {
    let digest = scheme.body_digest.as_ref();
    let claimed = matches!(digest, Some(BodyDigest { source: BodyDigestSource::Claim(_), .. }));
    let in_query = matches!(digest, Some(BodyDigest { source: BodyDigestSource::Query(_), .. }));
    match is_json_web_token(scheme) {
        false if claimed => Some(Misfit::new("body-digest", "claims need an algorithm of JSON Web Tokens")),
        false if !scheme.claims.is_empty() => {
            Some(Misfit::new("claims", "claims need an algorithm of JSON Web Tokens"))
        }
        _ if in_query && !scheme.covers(&Value::Url) => {
            Some(Misfit::new("body-digest", "a digest in the query is signed with {url}"))
        }
        _ => None,
    }
}

/// What is fetched is a public key: a key for a MAC that anybody can get lets anybody sign.
fn key_source_problem(scheme: &Scheme) -> Option<Misfit> {
    let certified = matches!(
        scheme.algorithm,
        AlgorithmRule::Json { .. }
            | AlgorithmRule::Fixed(
                Algorithm::RsaPkcs1(_)
                    | Algorithm::EcdsaP256Der
                    | Algorithm::Ed25519
                    | Algorithm::Jwt(JwtAlgorithm::Rs256 | JwtAlgorithm::Es256)
            )
    );
    let key = if scheme.key_set.is_some() { "key-set" } else { "key-url" };
    let problem = match (&scheme.key_url, &scheme.key_set) {
        (Some(_), Some(_)) => "the key is either at a `key-url` or in a `key-set`",
        (None, None) => return None,
        _ if !certified => "only a public key can be fetched, so the algorithm has to be one of these",
        (_, Some(KeySet::Api(_))) if !is_json_web_token(scheme) => {
            "the `api` of a `key-set` is asked for the key that a token names, so it needs one"
        }
        _ => return None,
    };
    Some(Misfit::new(key, problem))
}

fn is_json_web_token(scheme: &Scheme) -> bool {
    matches!(scheme.algorithm(), Some(Algorithm::Jwt(_)))
}

/// What a verification by the scheme does not prove.
pub(super) fn flags(scheme: &Scheme) -> Flags {
    let body_covered = scheme.covers(&Value::Body)
        || scheme.covers(&Value::BodySha256)
        || scheme.covers(&Value::BodyCrc32)
        || scheme.covers(&Value::SortedForm)
        || scheme.covers(&Value::Canonical(Canonical::Contentful))
        || scheme.covers(&Value::Canonical(Canonical::Sns))
        || scheme.body_digest.is_some();
    let weak_algorithm = matches!(
        scheme.algorithm(),
        Some(Algorithm::Hash(_) | Algorithm::Hmac(DigestKind::Sha1) | Algorithm::RsaPkcs1(DigestKind::Sha1))
    );
    Flags {
        body_malleable: scheme.readings.strict.iter().any(|reading| *reading != BodyReading::Raw),
        body_unsigned: !body_covered,
        weak: weak_algorithm || scheme.covers(&Value::BodyCrc32),
        replayable: !ends_by_itself(scheme),
        ambiguous_boundary: super::boundary::ambiguous_item(scheme).is_some(),
    }
}

/// Whether a request is refused some time after it was signed: by its timestamp, or by the end of its token.
fn ends_by_itself(scheme: &Scheme) -> bool {
    let bounded = scheme.timestamp.as_ref().is_some_and(|rule| rule.past.is_some());
    let expires = scheme.claims.iter().any(|rule| rule.name == "exp");
    bounded || expires && is_json_web_token(scheme)
}
