//! JSON Web Keys (RFC 7517) as the public keys of the schemes that have them.

use serde_json::Value as Json;

use crate::scheme::{Algorithm, DigestKind, Encoding, JwtAlgorithm};

/// What such a key has to be, for messages.
pub(super) const EXPECTED: &str = "a JSON Web Key for the profile's algorithm";

/// The most bytes of an RSA modulus: 8192 bits, the longest that is verified with.
const MAX_MODULUS: usize = 1024;

/// Whether a secret is written as a JSON object. No other notation of a public key begins like that.
pub(super) fn is_object(text: &[u8]) -> bool {
    text.trim_ascii_start().first() == Some(&b'{')
}

/// The public key as the algorithm takes it, of a key that is for this algorithm and for signatures.
///
/// `alg` and `use` need not be there (RFC 7517 sections 4.2 and 4.4); where they are, they bind the key to what it was
/// made for (RFC 8725 section 3.1).
pub(super) fn public_key(algorithm: Algorithm, json: &[u8]) -> Option<Vec<u8>> {
    let key: Json = serde_json::from_slice(json).ok()?;
    let says = |name: &str, expected: &str| key.get(name).and_then(Json::as_str) == Some(expected);
    let may_say = |name: &str, expected: &str| key.get(name).is_none() || says(name, expected);
    let (name, kind) = match algorithm {
        Algorithm::Jwt(JwtAlgorithm::Rs256) | Algorithm::RsaPkcs1(DigestKind::Sha256) => ("RS256", "RSA"),
        Algorithm::Jwt(JwtAlgorithm::Es256) | Algorithm::EcdsaP256Der => ("ES256", "EC"),
        Algorithm::Ed25519 => ("EdDSA", "OKP"),
        _ => return None,
    };
    let for_algorithm = may_say("alg", name) || kind == "OKP" && says("alg", "Ed25519");
    if !says("kty", kind) || !for_algorithm || !may_say("use", "sig") {
        return None;
    }
    match kind {
        "RSA" => rsa(&number(&key, "n", MAX_MODULUS)?, &number(&key, "e", 8)?),
        "EC" => super::jwk_point(json),
        _ if says("crv", "Ed25519") => number(&key, "x", 32).filter(|public| public.len() == 32),
        _ => None,
    }
}

/// A member in base64url (RFC 7518 section 2) of at most `most` bytes.
fn number(key: &Json, name: &str, most: usize) -> Option<Vec<u8>> {
    let bytes = super::decode(Encoding::Base64Url, key.get(name)?.as_str()?.as_bytes())?;
    (1..=most).contains(&bytes.len()).then(|| bytes.to_vec())
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 appendix A.1.1).
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    Some(element(0x30, &[integer(modulus)?, integer(exponent)?].concat()))
}

/// A positive integer: without leading zeros, but for the one that keeps the highest bit from being a sign.
fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let sign: &[u8] = if bytes[start] >= 0x80 { &[0] } else { &[] };
    Some(element(0x02, &[sign, &bytes[start..]].concat()))
}

/// An element of DER whose content has less than 65,536 bytes, as all of these have.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [header, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: Algorithm = Algorithm::Ed25519;
    const RS256: Algorithm = Algorithm::Jwt(JwtAlgorithm::Rs256);
    const ES256: Algorithm = Algorithm::Jwt(JwtAlgorithm::Es256);
    /// RFC 8037 appendix A.2.
    const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 7517 appendix A.1, the first key.
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","alg":"ES256"}"#;

    fn key(algorithm: Algorithm, json: &str) -> Option<Vec<u8>> {
        public_key(algorithm, json.as_bytes())
    }

    #[test]
    fn reads_each_kind_for_its_algorithm_alone() {
        assert_eq!(key(ED25519, OKP).map(|key| key.len()), Some(32));
        assert_eq!(key(ES256, EC).map(|key| (key.len(), key[0])), Some((65, 4)));
        let rsa = r#"{"kty":"RSA","n":"gAE","e":"AQAB"}"#;
        let der = [0x30, 10, 0x02, 3, 0, 0x80, 1, 0x02, 3, 1, 0, 1];
        assert_eq!(key(RS256, rsa).as_deref(), Some(&der[..]));
        for (algorithm, json) in
            [(RS256, OKP), (RS256, EC), (ES256, OKP), (ES256, rsa), (ED25519, EC), (ED25519, rsa)]
        {
            assert_eq!(key(algorithm, json), None);
        }
    }

    #[test]
    fn a_key_for_something_else_is_none() {
        let with = |member: &str| OKP.replacen('{', &format!("{{{member},"), 1);
        for member in [r#""alg":"EdDSA""#, r#""alg":"Ed25519""#, r#""use":"sig""#, r#""kid":"k""#] {
            assert!(key(ED25519, &with(member)).is_some(), "{member}");
        }
        for member in [r#""alg":"RS256""#, r#""use":"enc""#, r#""alg":1"#, r#""use":null"#] {
            assert_eq!(key(ED25519, &with(member)), None, "{member}");
        }
        let rsa_for = |alg: &str| format!(r#"{{"kty":"RSA","n":"gAE","e":"AQAB","alg":"{alg}"}}"#);
        assert!(key(RS256, &rsa_for("RS256")).is_some());
        assert_eq!(key(RS256, &rsa_for("PS256")), None);
    }

    #[test]
    fn what_is_malformed_is_none() {
        let long = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "A".repeat(4 * MAX_MODULUS));
        for json in [
            "{}",
            "{",
            r#"{"kty":"RSA","n":"","e":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AAAA","e":"AQAB"}"#,
            r#"{"kty":"RSA","n":"gA==","e":"AQAB"}"#,
            r#"{"kty":"RSA","n":"gAE"}"#,
            &long,
        ] {
            assert_eq!(key(RS256, json), None, "{json}");
        }
        assert_eq!(key(ED25519, r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#), None);
        assert_eq!(key(ED25519, &OKP.replace("Ed25519", "X25519")), None);
    }

    #[test]
    fn lengths_are_as_der_writes_them() {
        assert_eq!(element(2, &[1; 0x7f])[..2], [2, 0x7f]);
        assert_eq!(element(2, &[1; 0x80])[..3], [2, 0x81, 0x80]);
        assert_eq!(element(2, &[1; 0x100])[..4], [2, 0x82, 1, 0]);
    }
}
