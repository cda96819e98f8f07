//! Whether the parts of a scheme fit each other, and what it does not prove.

use crate::body::BodyReading;
use crate::key_source::KeySet;
use crate::scheme::{
    Algorithm, AlgorithmRule, BodyDigest, BodyDigestSource, Canonical, DigestKind, Flags, Grammar,
    JwtAlgorithm, Pairs, Piece, Scheme, TimestampRule, TimestampSource, Value,
};

/// What does not fit, each as one clause.
pub(super) fn problems(scheme: &Scheme) -> impl Iterator<Item = &'static str> {
    let fixed = scheme.algorithm();
    let signs_content = fixed.is_none_or(Algorithm::signs_content);
    let is_hash = matches!(fixed, Some(Algorithm::Hash(_)));
    let grammar = scheme.signature.as_ref().map(|rule| &rule.grammar);
    let is_dictionary = matches!(grammar, Some(Grammar::Dictionary));
    let lists_names = matches!(grammar, Some(Grammar::Pairs(Pairs { names: Some(_), .. })));
    let named = matches!(scheme.algorithm, AlgorithmRule::Named(_));
    let names_covered = scheme.covers(&Value::SignedHeaderNames) && scheme.covers(&Value::SignedHeaderValues);
    let names_used = scheme.covers(&Value::SignedHeaderNames) || scheme.covers(&Value::SignedHeaderValues);
    [
        (signs_content && scheme.content.is_empty(), "`content` is missing, such as [\"{body}\"]"),
        (!signs_content && !scheme.content.is_empty(), "this algorithm signs no `content`"),
        (
            scheme.covers(&Value::Timestamp) && scheme.timestamp.is_none(),
            "{timestamp} is signed, so the table `timestamp` is needed",
        ),
        (scheme.covers(&Value::Id) && scheme.id.is_none(), "{id} is signed, so the table `id` is needed"),
        (
            is_hash != scheme.covers(&Value::Secret),
            "a plain digest has {secret} in `content`, and no other algorithm has",
        ),
        (
            named != matches!(grammar, Some(Grammar::AlgorithmPrefix)),
            "the allow-list `algorithms` and the grammar `algorithm-prefix` go together",
        ),
        (
            is_dictionary != scheme.covers(&Value::Canonical(Canonical::Rfc9421)),
            "the grammar `dictionary` goes with {canonical:rfc9421}",
        ),
        (
            lists_names != names_covered || lists_names != names_used,
            "`names` in the signature goes with {signed-header-names} and {signed-header-values}",
        ),
    ]
    .into_iter()
    .filter_map(|(wrong, problem)| wrong.then_some(problem))
    .chain(timestamp_problem(scheme))
    .chain(claims_problem(scheme))
    .chain(key_source_problem(scheme))
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

fn claims_problem(scheme: &Scheme) -> Option<&'static str> {
    let digest = scheme.body_digest.as_ref();
    let claimed = matches!(digest, Some(BodyDigest { source: BodyDigestSource::Claim(_), .. }));
    let in_query = matches!(digest, Some(BodyDigest { source: BodyDigestSource::Query(_), .. }));
    match is_json_web_token(scheme) {
        false if claimed || !scheme.claims.is_empty() => Some("claims need an algorithm of JSON Web Tokens"),
        _ if in_query && !scheme.covers(&Value::Url) => Some("a digest in the query is signed with {url}"),
        _ => None,
    }
}

/// What is fetched is a public key: a key for a MAC that anybody can get lets anybody sign.
fn key_source_problem(scheme: &Scheme) -> Option<&'static str> {
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
    match (&scheme.key_url, &scheme.key_set) {
        (Some(_), Some(_)) => Some("the key is either at a `key-url` or in a `key-set`"),
        (None, None) => None,
        _ if !certified => Some("only a public key can be fetched, so the algorithm has to be one of these"),
        (_, Some(KeySet::Api(_))) if !is_json_web_token(scheme) => {
            Some("the `api` of a `key-set` is asked for the key that a token names, so it needs one")
        }
        _ => None,
    }
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
    let adjacent = scheme.content.windows(2).any(|pair| matches!(pair, [Piece::Value(_), Piece::Value(_)]));
    Flags {
        body_malleable: scheme.readings.strict.iter().any(|reading| *reading != BodyReading::Raw),
        body_unsigned: !body_covered,
        weak: weak_algorithm || scheme.covers(&Value::BodyCrc32),
        replayable: scheme.timestamp.is_none(),
        ambiguous_boundary: adjacent,
    }
}
