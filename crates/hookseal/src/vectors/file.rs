//! The format of a vector file.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::params::{ParamValue, Params};

/// The only format that is read.
const FORMAT: &str = "webhook-kat/1";

/// A file of known answers.
#[derive(Debug, Deserialize)]
pub struct VectorFile {
    format: String,
    vectors: Vec<Vector>,
    #[serde(default)]
    challenges: Vec<Challenge>,
}

/// A request, what it is verified with, and what has to come of it.
#[derive(Debug, Deserialize)]
pub struct Vector {
    /// Its name, unique in the file.
    pub id: String,
    /// The scheme that it is for, as [`Profile::scheme_for`](crate::Profile::scheme_for) knows it.
    pub scheme: String,
    /// The secret in the vendor's notation.
    pub secret: String,
    /// Several active secrets, in place of the one.
    pub secrets: Option<Vec<String>>,
    /// The private key that made the signature, where the secret is the public one and the private one is known.
    pub sign_key: Option<String>,
    /// The request.
    pub request: VectorRequest,
    /// The receiver's time, in seconds since the Unix epoch.
    pub now_unix: i64,
    /// `valid`, or the name of an [`ErrorKind`](crate::ErrorKind).
    pub expect: Expectation,
    /// The mode that it is about; absent where both agree.
    pub mode: Option<String>,
    /// The tolerance in seconds in both directions: absent is the profile's, `null` is none.
    #[serde(default, deserialize_with = "present")]
    pub tolerance_s: Option<Option<u64>>,
    /// Why the vector is there.
    #[serde(default)]
    pub why: String,
    /// Configuration values.
    #[serde(default)]
    params: Map<String, Json>,
}

/// The expected outcome by its name.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Expectation(pub String);

/// The request of a vector.
#[derive(Debug, Deserialize)]
pub struct VectorRequest {
    /// The method.
    pub method: String,
    /// The URL.
    #[serde(default)]
    pub url: String,
    /// The header lines.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    body_utf8: Option<String>,
    body_base64: Option<String>,
}

/// A handshake: a request, and the answer that a receiver gives to it.
#[derive(Debug, Deserialize)]
pub struct Challenge {
    /// Its name, unique in the file.
    pub id: String,
    /// The profile that it is for.
    pub profile: String,
    /// The secret in the vendor's notation.
    pub secret: Option<String>,
    /// Whether the signature check is taken as passed.
    pub authenticated: bool,
    /// The request.
    pub request: VectorRequest,
    /// The expected answer.
    pub response: Json,
    /// Why it is answered like that.
    #[serde(default)]
    pub note: String,
    /// Configuration values.
    #[serde(default)]
    params: Map<String, Json>,
}

/// Why a vector file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorFileError {
    /// It is not JSON of this shape.
    #[error("the file does not have the form of vectors")]
    Shape(#[source] serde_json::Error),
    /// It is of another format.
    #[error("the format is not `webhook-kat/1`")]
    Format,
    /// A body is not base64.
    #[error("the body of `{id}` is not base64")]
    Body {
        /// The vector.
        id: String,
    },
}

impl VectorFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It is not JSON of this shape, is of another format, or a body cannot be decoded.
    pub fn parse(json: &[u8]) -> Result<Self, VectorFileError> {
        let file: Self = serde_json::from_slice(json).map_err(VectorFileError::Shape)?;
        if file.format != FORMAT {
            return Err(VectorFileError::Format);
        }
        let of_vectors = file.vectors.iter().map(|vector| (&vector.id, &vector.request));
        let of_challenges = file.challenges.iter().map(|challenge| (&challenge.id, &challenge.request));
        match of_vectors.chain(of_challenges).find(|(_, request)| request.decode_body().is_none()) {
            Some((id, _)) => Err(VectorFileError::Body { id: id.clone() }),
            None => Ok(file),
        }
    }

    /// The vectors.
    pub fn vectors(&self) -> &[Vector] {
        &self.vectors
    }

    /// The handshakes.
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// The configuration values of a handshake: its own, or those of the first vector of the same name, which is for
    /// the same receiver.
    pub(super) fn challenge_params(&self, challenge: &Challenge) -> Params {
        if !challenge.params.is_empty() {
            return read_params(&challenge.params);
        }
        let same = |vector: &&Vector| vector.scheme == challenge.profile;
        self.vectors.iter().find(same).map_or_else(Params::new, Vector::params)
    }
}

impl Vector {
    /// The configuration values.
    pub fn params(&self) -> Params {
        read_params(&self.params)
    }

    /// The active secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let several = self.secrets.as_deref().unwrap_or(std::slice::from_ref(&self.secret));
        several.iter().map(String::as_str)
    }
}

impl VectorRequest {
    /// The bytes of the body.
    pub fn body(&self) -> Cow<'_, [u8]> {
        self.decode_body().unwrap_or_default()
    }

    fn decode_body(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.body_utf8, &self.body_base64) {
            (_, Some(text)) => STANDARD.decode(text).ok().map(Cow::Owned),
            (Some(text), None) => Some(Cow::Borrowed(text.as_bytes())),
            (None, None) => Some(Cow::Borrowed(&[])),
        }
    }
}

fn read_params(values: &Map<String, Json>) -> Params {
    let mut params = Params::new();
    for (name, value) in values {
        let value = match value {
            Json::String(text) => ParamValue::from(text.as_str()),
            other => ParamValue::from_argument(&other.to_string()),
        };
        params.insert(name.as_str(), value);
    }
    params
}

/// Tells a `null` from an absent key.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
