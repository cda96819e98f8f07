//! `hookseal sign`: the headers that sign a body.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
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
    /// A time was chosen for a scheme that writes none.
    #[error(
        "the profile has no timestamp that signing writes: leave --timestamp out (one that stands in the body is set there)"
    )]
    NoTimestamp,
    /// Nobody would see the body that has to be sent.
    #[error(
        "the signature stands in the body: say with --body-out FILE where to write it, or print it with --json"
    )]
    InBody,
    /// Nobody would see the URL that has to be used.
    #[error("the signature covers a digest in the URL, which is not there yet: --json prints the URL to use")]
    InUrl,
    /// The body cannot be written.
    #[error("{} cannot be written", .path.display())]
    BodyOut {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
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
            SignAtError::Sign(SignError::NoTimestamp) => Self::NoTimestamp,
            SignAtError::Sign(error) => Self::Sign(error),
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    headers: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

/// What signing made.
pub(crate) struct Signed {
    pub(crate) headers: SignedHeaders,
    /// The body, where it is another one than before.
    pub(crate) body: Option<Vec<u8>>,
    /// The URL, where it is another one than before.
    pub(crate) url: Option<String>,
}

/// What `--json` prints where a secret is not right.
#[derive(Serialize)]
struct Refused {
    headers: [(); 0],
    error: &'static str,
    detail: String,
}

pub(crate) fn run(arguments: &SignArgs) -> Result<Status, CommandError> {
    match sign(arguments).and_then(|signed| deliver(signed, arguments)) {
        Ok(signed) => {
            print(&signed, arguments.json)?;
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

/// Writes the body to the file that was asked for, and sees to it that nothing that has to be sent gets lost.
fn deliver(signed: Signed, arguments: &SignArgs) -> Result<Signed, SignCommandError> {
    if let Some(path) = &arguments.body_out {
        let given;
        let body = match &signed.body {
            Some(body) => body,
            None => {
                given = inputs::body(arguments.request.body.as_deref())?;
                &given
            }
        };
        std::fs::write(path, body)
            .map_err(|source| SignCommandError::BodyOut { path: path.clone(), source })?;
    }
    match (&signed.body, &signed.url) {
        _ if arguments.json => Ok(signed),
        (Some(_), _) if arguments.body_out.is_none() => Err(SignCommandError::InBody),
        (_, Some(_)) => Err(SignCommandError::InUrl),
        _ => Ok(signed),
    }
}

fn print(signed: &Signed, json: bool) -> Result<(), output::OutputError> {
    if json {
        return output::json(&Shown {
            headers: signed.headers.iter().collect(),
            body_base64: signed.body.as_ref().map(|body| STANDARD.encode(body)),
            url: signed.url.as_deref(),
        });
    }
    signed.headers.iter().try_for_each(|(name, value)| output::line(format_args!("{name}: {value}")))
}

fn sign(arguments: &SignArgs) -> Result<Signed, SignCommandError> {
    let Chosen { profile, part } =
        inputs::profile_part(&arguments.scheme.profile, arguments.scheme.challenge)?;
    let params = inputs::params(&arguments.scheme.params)?;
    let secrets = inputs::secrets(&arguments.scheme.secrets, &ProcessEnvironment)?;
    let headers = inputs::headers(&arguments.headers.lines)?;
    inputs::tolerance(arguments.judge.tolerance.as_deref())?;
    let body = inputs::body(arguments.request.body.as_deref())?;
    let signer = Signer::new(&profile, part, &secrets, &params)?;
    let now = SystemClock.now();
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => fresh_id(now)?,
    };
    // A value that is not text can be covered by no signature, and is only for `verify`.
    let texts =
        |(name, value): &'_ (String, Vec<u8>)| Some((name.clone(), str::from_utf8(value).ok()?.to_owned()));
    let own: Vec<(String, String)> = headers.iter().filter_map(texts).collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let message = Message::new(now, &id, &body)
        .with_method(&arguments.request.method)
        .with_url(&arguments.request.url)
        .with_headers(&own);
    Ok(seal_at(&signer, message, arguments.timestamp.as_deref())?)
}

/// Signs at the time that was given: as it is written where the profile has that format, and otherwise as the same
/// moment in the profile's format.
pub(crate) fn seal_at(
    signer: &Signer,
    mut message: Message<'_>,
    time: Option<&str>,
) -> Result<Signed, SignAtError> {
    let Some(text) = time else { return seal(signer, &message).map_err(SignAtError::Sign) };
    match seal(signer, &message.with_timestamp_text(text)) {
        Err(SignError::Timestamp(_)) => {
            message.now = inputs::time(text).map_err(SignAtError::Time)?;
            seal(signer, &message).map_err(SignAtError::Sign)
        }
        signed => signed.map_err(SignAtError::Sign),
    }
}

fn seal(signer: &Signer, message: &Message<'_>) -> Result<Signed, SignError> {
    let mut headers = SignedHeaders::new();
    let sealed = signer.seal(message, &mut headers)?;
    let changed_body = (*sealed.body != *message.body).then(|| sealed.body.into_owned());
    let changed_url = (sealed.url != message.url).then(|| sealed.url.into_owned());
    Ok(Signed { headers, body: changed_body, url: changed_url })
}

/// A delivery's id that was never used.
pub(crate) fn fresh_id(now: Timestamp) -> Result<String, EntropyError> {
    let nonce = OsEntropy::new()?.next_u64();
    Ok(DeliveryId::from_parts(IdSource::new(0).reserve(now, 1), nonce).to_string())
}
