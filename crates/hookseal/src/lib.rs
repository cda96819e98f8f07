//! Sign and verify webhooks of any format, from profiles written as data.

mod body;
mod der;
mod error;
mod key;
pub mod limits;
mod message;
mod params;
pub mod profile;
mod request;
mod scheme;
mod secret;
mod signed_headers;
mod signer;
mod time;
mod type_id;
mod verified;
mod verifier;

pub use body::BodyReading;
pub use error::{ErrorKind, SecretError, SignError, VerifyError};
pub use message::Message;
pub use params::{ParamValue, Params};
pub use profile::{Challenge, DeliveryPolicy, Part, Profile, ProfileErrors, ProfileProblem, StatusSet};
pub use request::{Headers, Request};
pub use scheme::{Algorithm, DigestKind, Flags, Scheme};
pub use secret::{Fingerprint, Secret};
pub use signed_headers::SignedHeaders;
pub use signer::Signer;
pub use time::{Timestamp, TimestampError};
pub use verified::{Unauthenticated, Verified};
pub use verifier::{Mode, ToleranceOverride, Verifier, VerifyOptions};
