//! The algorithms that make a signature or stand in for one.

use super::JsonPath;

/// How a signature is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC (RFC 2104) with this digest.
    Hmac(DigestKind),
    /// A plain digest of a content that holds the secret. Open to length extension, so it is marked as weak.
    Hash(DigestKind),
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256, the signature in ASN.1 DER.
    EcdsaP256Der,
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) with this digest, and a key of 2048 bits or more.
    RsaPkcs1(DigestKind),
    /// A JSON Web Token (RFC 7519) with this one algorithm.
    Jwt(JwtAlgorithm),
    /// A secret that is sent along and compared.
    Token,
    /// A user name and password by HTTP basic authentication (RFC 7617), compared.
    Basic,
    /// Nothing at all: the vendor sends no proof.
    None,
}

/// The algorithm of a JSON Web Token (RFC 7518 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// A digest of the SHA family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DigestKind {
    /// SHA-1, 20 bytes. As an HMAC it still holds; it is marked as weak all the same.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

/// How the algorithm of a scheme is settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AlgorithmRule {
    /// By the profile.
    Fixed(Algorithm),
    /// By the signature field, which names one of these HMAC digests.
    Named(Vec<DigestKind>),
    /// By a value of the body, which stands for one of these RSA digests.
    Json { path: JsonPath, choices: Vec<(String, DigestKind)> },
}

impl Algorithm {
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("hmac-sha1", Self::Hmac(DigestKind::Sha1)),
        ("hmac-sha256", Self::Hmac(DigestKind::Sha256)),
        ("hmac-sha384", Self::Hmac(DigestKind::Sha384)),
        ("hmac-sha512", Self::Hmac(DigestKind::Sha512)),
        ("sha256", Self::Hash(DigestKind::Sha256)),
        ("ed25519", Self::Ed25519),
        ("ecdsa-p256-sha256-der", Self::EcdsaP256Der),
        ("rsa-pkcs1-sha1", Self::RsaPkcs1(DigestKind::Sha1)),
        ("rsa-pkcs1-sha256", Self::RsaPkcs1(DigestKind::Sha256)),
        ("jwt-hs256", Self::Jwt(JwtAlgorithm::Hs256)),
        ("jwt-rs256", Self::Jwt(JwtAlgorithm::Rs256)),
        ("jwt-es256", Self::Jwt(JwtAlgorithm::Es256)),
        ("token", Self::Token),
        ("basic", Self::Basic),
        ("none", Self::None),
    ];

    /// The name in profiles, such as `hmac-sha256`.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, algorithm)| *algorithm == self).map_or("unnamed", |(name, _)| name)
    }

    /// Whether one key signs and another, which is public, verifies.
    pub(crate) fn has_public_key(self) -> bool {
        match self {
            Self::Ed25519
            | Self::EcdsaP256Der
            | Self::RsaPkcs1(_)
            | Self::Jwt(JwtAlgorithm::Rs256 | JwtAlgorithm::Es256) => true,
            Self::Hmac(_)
            | Self::Hash(_)
            | Self::Jwt(JwtAlgorithm::Hs256)
            | Self::Token
            | Self::Basic
            | Self::None => false,
        }
    }

    /// The name in the registry of HTTP Message Signatures (RFC 9421 section 6.2.2).
    pub(crate) fn registered_name(self) -> Option<&'static str> {
        match self {
            Self::Hmac(DigestKind::Sha256) => Some("hmac-sha256"),
            Self::Ed25519 => Some("ed25519"),
            Self::RsaPkcs1(DigestKind::Sha256) => Some("rsa-v1_5-sha256"),
            _ => None,
        }
    }

    /// Whether the secret itself is sent along in the place of a signature, so that whoever sees the header has it.
    pub fn is_shared_token(self) -> bool {
        matches!(self, Self::Token | Self::Basic)
    }

    /// Whether there is a signed content that the profile describes: a token brings its own.
    pub(crate) fn signs_content(self) -> bool {
        !self.is_shared_token() && !matches!(self, Self::Jwt(_) | Self::None)
    }

    /// The length of every signature in bytes, where there is one.
    pub(crate) fn signature_length(self) -> Option<usize> {
        match self {
            Self::Hmac(digest) | Self::Hash(digest) => Some(digest.length()),
            Self::Ed25519 => Some(64),
            Self::EcdsaP256Der
            | Self::RsaPkcs1(_)
            | Self::Jwt(_)
            | Self::Token
            | Self::Basic
            | Self::None => None,
        }
    }
}

impl AlgorithmRule {
    /// Whether what verifies cannot sign.
    #[cfg(feature = "explain")]
    pub(crate) fn has_public_key(&self) -> bool {
        match self {
            Self::Fixed(algorithm) => !matches!(
                algorithm,
                Algorithm::Hmac(_)
                    | Algorithm::Hash(_)
                    | Algorithm::Token
                    | Algorithm::Basic
                    | Algorithm::None
                    | Algorithm::Jwt(JwtAlgorithm::Hs256)
            ),
            Self::Named(_) => false,
            Self::Json { .. } => true,
        }
    }
}

impl JwtAlgorithm {
    /// The name in the header of a token.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl DigestKind {
    /// The names by which messages choose a digest (W3C WebSub section 8).
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("sha1", Self::Sha1), ("sha256", Self::Sha256), ("sha384", Self::Sha384), ("sha512", Self::Sha512)];

    /// The name by which a message chooses it, such as `sha256`.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, digest)| *digest == self).map_or("", |(name, _)| name)
    }

    /// The length of the digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
