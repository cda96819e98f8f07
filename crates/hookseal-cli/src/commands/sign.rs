//! `hookseal sign`: the headers that sign a body.

use hookseal::{Message, SecretError, SignError, SignedHeaders, Signer, Timestamp};
use hookseal_engine::{
    DeliveryId, IdSource,
    ports::{Clock, Entropy},
};
use serde::Serialize;

use crate::{
    cli::SignArgs,
    error::{CommandError, Status},
    inputs::{self, Chosen, InputError},
    output,
    ports::{EntropyError, OsEntropy, ProcessEnvironment, SystemClock},
};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SignCommandError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A secret is not right.
    #[error("invalid_secret")]
    Secret(#[from] SecretError),
    /// The message cannot be signed.
    #[error("the message cannot be signed")]
    Sign(#[source] SignError),
    /// No id can be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Why a message is not signed at the time that was given.
#[derive(Debug)]
pub(crate) enum SignAtError {
    /// The time is none.
    Time(InputError),
    /// The message cannot be signed.
    Sign(SignError),
}

impl From<SignAtError> for SignCommandError {
    fn from(error: SignAtError) -> Self {
        match error {
            SignAtError::Time(error) => Self::Input(error),
            SignAtError::Sign(error) => Self::Sign(error),
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Signed<'a> {
    headers: Vec<(&'a str, &'a str)>,
}

/// What `--json` prints where a secret is not right.
#[derive(Serialize)]
struct Refused {
    headers: [(); 0],
    error: &'static str,
    detail: String,
}

pub(crate) fn run(arguments: &SignArgs) -> Result<Status, CommandError> {
    match sign(arguments) {
        Ok(headers) => {
            print(&headers, arguments.json)?;
            Ok(Status::Good)
        }
        Err(SignCommandError::Secret(error)) if arguments.json => {
            let refused = Refused { headers: [], error: error.kind().as_str(), detail: error.to_string() };
            output::json(&refused)?;
            Ok(Status::Usage)
        }
        Err(error) => Err(error.into()),
    }
}

fn print(headers: &SignedHeaders, json: bool) -> Result<(), output::OutputError> {
    if json {
        return output::json(&Signed { headers: headers.iter().collect() });
    }
    headers.iter().try_for_each(|(name, value)| output::line(format_args!("{name}: {value}")))
}

fn sign(arguments: &SignArgs) -> Result<SignedHeaders, SignCommandError> {
    let Chosen { profile, part } =
        inputs::profile_part(&arguments.scheme.profile, arguments.scheme.challenge)?;
    let params = inputs::params(&arguments.scheme.params)?;
    let secrets = inputs::secrets(&arguments.scheme.secrets, &ProcessEnvironment)?;
    inputs::headers(&arguments.headers.lines)?;
    inputs::tolerance(arguments.judge.tolerance.as_deref())?;
    let body = inputs::body(arguments.request.body.as_deref())?;
    let signer = Signer::new(&profile, part, &secrets, &params)?;
    let now = SystemClock.now();
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => fresh_id(now)?,
    };
    let message =
        Message::new(now, &id, &body).with_method(&arguments.request.method).with_url(&arguments.request.url);
    Ok(sign_at(&signer, message, arguments.timestamp.as_deref())?)
}

/// Signs at the time that was given: as it is written where the profile has that format, and otherwise as the same
/// moment in the profile's format.
pub(crate) fn sign_at(
    signer: &Signer,
    mut message: Message<'_>,
    time: Option<&str>,
) -> Result<SignedHeaders, SignAtError> {
    let mut headers = SignedHeaders::new();
    let Some(text) = time else {
        signer.sign(&message, &mut headers).map_err(SignAtError::Sign)?;
        return Ok(headers);
    };
    match signer.sign(&message.with_timestamp_text(text), &mut headers) {
        Err(SignError::Timestamp(_)) => {
            message.now = inputs::time(text).map_err(SignAtError::Time)?;
            signer.sign(&message, &mut headers).map_err(SignAtError::Sign)?;
        }
        signed => signed.map_err(SignAtError::Sign)?,
    }
    Ok(headers)
}

/// A delivery's id that was never used.
pub(crate) fn fresh_id(now: Timestamp) -> Result<String, EntropyError> {
    let nonce = OsEntropy::new()?.next_u64();
    Ok(DeliveryId::from_parts(IdSource::new(0).reserve(now, 1), nonce).to_string())
}
