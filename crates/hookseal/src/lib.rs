//! Sign and verify webhooks of any format, from profiles written as data.
//!
//! A [`Profile`] is a wire format and policy as a TOML document. From it and the secrets come a [`Signer`] and a
//! [`Verifier`], which are made once and used for every message. There is no clock, no I/O and no async here: `now` is
//! an argument, and bodies are bytes. Nor is there randomness, with one exception: a signature by ECDSA needs a nonce, and
//! `ring` takes it from the operating system alone.
//!
//! ```
//! use hookseal::{Message, Params, Part, Profile, Request, SignedHeaders, Signer, Timestamp, Verifier, VerifyOptions};
//!
//! let profile = Profile::builtin("harbor-node").expect("built in");
//! let secrets = [profile.delivery().new_secret(&[7; 32])];
//! let now = Timestamp::parse_rfc3339("2025-04-01T16:12:57.521Z")?;
//! let body = br#"{"event":"execution.finished"}"#;
//!
//! let signer = Signer::new(profile, Part::Delivery, &secrets, &Params::new())?;
//! let mut headers = SignedHeaders::new();
//! signer.sign(&Message::new(now, "dlv_01h455vb4pex5vsknk084sn02q", body), &mut headers)?;
//!
//! let lines: Vec<(&str, &str)> = headers.iter().collect();
//! let request = Request { method: "POST", url: "https://app.example/hooks", headers: &lines, body };
//! let verifier = Verifier::new(profile, Part::Delivery, &secrets, VerifyOptions::default())?;
//! let verified = verifier.verify(&request, now)?;
//! assert_eq!(verified.timestamp(), Some(now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Words
//!
//! * **profile**: a wire format and policy as data. **Scheme**: the part of it that signs and verifies.
//! * **part**: which scheme of a profile, the one for deliveries or the one for its challenge.
//! * **secret**: key material in the vendor's own notation. Several are active during a rotation. Where receivers verify
//!   with a public key, the one that signs is private, and [`Profile::verifying_secret`] has the other.
//! * **tolerance**: how far a timestamp may lie in the past and, separately, in the future.
//! * **strict, compat**: whether only what the vendor documents is taken, or also the deviations that the profile lists.
//! * **reading**: which bytes of the body are signed.
//!
//! # What a verification proves
//!
//! That somebody who has the secret made this signature over what the scheme covers, within the tolerance. It does not
//! prove that the request is new: remember the delivery id, where it is signed, or a digest of the body, for as long as
//! the tolerance and the sender's retries last. What else is not proved is in [`Verified::flags`].

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod body;
mod der;
mod document;
mod error;
#[cfg(feature = "explain")]
pub mod explain;
mod few;
#[cfg(feature = "guide")]
pub mod guide;
mod handshake;
#[cfg(feature = "infer")]
pub mod infer;
mod jwt;
mod key;
mod key_source;
pub mod limits;
mod message;
mod params;
pub mod profile;
mod request;
#[cfg(feature = "samples")]
pub mod samples;
mod scheme;
mod secret;
mod signature_input;
mod signed_headers;
mod signer;
mod time;
mod type_id;
mod values;
#[cfg(feature = "vectors")]
pub mod vectors;
mod verified;
mod verifier;

pub use body::BodyReading;
pub use error::{ErrorKind, SecretError, SignError, VerifyError};
pub use handshake::{Action, Answer, Handshake, HandshakeRefusal, Handshakes};
pub use key_source::{CertificateUrl, KeyOfApi, KeyOfSet, KeyReference};
pub use message::Message;
pub use params::{ParamValue, Params};
pub use profile::{
    Challenge, ChallengeRefusal, ChallengeReply, DeliveryPolicy, Part, Profile, ProfileErrors,
    ProfileProblem, StatusSet, StatusSetError,
};
pub use request::{Headers, Request};
pub use scheme::{Algorithm, DigestKind, Flags, JwtAlgorithm, Scheme, Tolerance};
pub use secret::{Fingerprint, Secret};
pub use signed_headers::SignedHeaders;
pub use signer::{Sealed, Signer};
pub use time::{Timestamp, TimestampError};
#[cfg(feature = "bytes")]
pub use verified::VerifiedOwned;
pub use verified::{Unauthenticated, Verified};
pub use verifier::{Mode, ToleranceOverride, Verifier, VerifyOptions};
