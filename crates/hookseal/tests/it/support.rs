//! Signing and verifying in a line.

use hookseal::{
    ErrorKind, Message, Mode, Params, Part, Profile, Request, Secret, SignError, SignedHeaders, Signer,
    Timestamp, Verifier, VerifyOptions,
};

pub(crate) type Lines = Vec<(String, Vec<u8>)>;

/// A time that the tests happen at.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

pub(crate) const ID: &str = "dlv_01h455vb4pex5vsknk084sn02q";

pub(crate) fn builtin(name: &str) -> &'static Profile {
    Profile::builtin(name).unwrap()
}

/// Where the requests of the tests go. Its query has what Twilio's JSON scheme wants there.
pub(crate) const URL: &str = "https://hooks.example.test/in?a=1";

/// The profiles that can sign.
pub(crate) fn signing() -> impl Iterator<Item = &'static Profile> + Clone {
    Profile::builtins().map(|profile| &**profile).filter(|profile| profile.signs(Part::Delivery))
}

/// What any of the profiles may ask of its owner.
pub(crate) fn params() -> Params {
    Params::new().with("public_key", "public").with("webhook_id", "wh_1")
}

/// A secret in the notation of a profile.
pub(crate) fn secret(profile: &Profile, seed: u8) -> Secret {
    profile.delivery().new_secret(&[seed; 32])
}

pub(crate) fn signer(profile: &Profile, secrets: &[Secret]) -> Signer {
    Signer::new(profile, Part::Delivery, secrets, &params()).unwrap()
}

pub(crate) fn sign(profile: &Profile, secrets: &[Secret], message: &Message<'_>) -> Result<Lines, SignError> {
    let mut headers = SignedHeaders::new();
    signer(profile, secrets).sign(&message.with_url(URL), &mut headers)?;
    Ok(headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect())
}

/// Which secret matched, or why none did.
pub(crate) fn verify(
    profile: &Profile,
    secrets: &[Secret],
    mode: Mode,
    headers: &Lines,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, ErrorKind> {
    let options = VerifyOptions { mode, params: params(), ..VerifyOptions::default() };
    let verifier = Verifier::new(profile, Part::Delivery, secrets, options).map_err(|error| error.kind())?;
    let request = Request { method: "POST", url: URL, headers, body };
    verifier.verify(&request, now).map(|verified| verified.matched_secret()).map_err(|error| error.kind())
}
