//! `hookseal infer`: by which scheme captured requests are signed.

use hookseal::infer::{Candidate, Captured, InferError, InferOptions, Inference, infer};
use serde::Serialize;

use crate::{
    cli::InferArgs,
    error::{CommandError, Status},
    inputs::{self, InputError},
    output,
    ports::ProcessEnvironment,
};

/// Why nothing was looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InferCommandError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The arguments do not make an inference.
    #[error(transparent)]
    Infer(#[from] InferError),
}

pub(crate) fn run(arguments: &InferArgs) -> Result<Status, CommandError> {
    let inference = search(arguments)?;
    match arguments.json {
        true => output::json(&Report::new(&inference))?,
        false => output::line(describe(&inference))?,
    }
    Ok(if inference.found.len() == 1 { Status::Good } else { Status::Bad })
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'i> {
    found: Vec<Found<'i>>,
    looked_at: &'i [String],
    tried: u64,
    cut: bool,
    advice: &'i [String],
}

#[derive(Serialize)]
struct Found<'i> {
    description: &'i str,
    open: &'i [String],
    toml: &'i str,
}

fn search(arguments: &InferArgs) -> Result<Inference, InferCommandError> {
    let secrets = inputs::secrets(&arguments.secrets, &ProcessEnvironment)?;
    let options = InferOptions { name: arguments.name.clone(), ..InferOptions::default() };
    Ok(infer(&requests(arguments)?, &secrets, &options)?)
}

/// The captured requests, or the one that the other arguments make.
fn requests(arguments: &InferArgs) -> Result<Vec<Captured>, InputError> {
    let url = &arguments.request.url;
    if arguments.requests.is_empty() {
        return Ok(vec![Captured {
            method: arguments.request.method.clone(),
            url: url.clone(),
            headers: inputs::headers(&arguments.headers.lines)?,
            body: inputs::body(arguments.request.body.as_deref())?,
        }]);
    }
    let read = |path| {
        let captured = inputs::Captured::read(path)?;
        let url = if url.is_empty() { captured.url() } else { url.clone() };
        Ok(Captured { method: captured.method, url, headers: captured.headers, body: captured.body })
    };
    arguments.requests.iter().map(|path| read(path.as_path())).collect()
}

/// What is printed for people: always a profile's document where something was found. What else there is to say
/// stands in comments, so that it can be kept as a file.
fn describe(inference: &Inference) -> String {
    match &*inference.found {
        [] => none(inference),
        [only] => format!("# {}\n{}", only.description, only.toml().trim_end()),
        [first, others @ ..] => several(inference, first, others),
    }
}

fn several(inference: &Inference, first: &Candidate, others: &[Candidate]) -> String {
    let mut lines = vec![format!("# {} schemes fit. The first is the simplest:", inference.found.len())];
    lines.extend(inference.found.iter().map(|candidate| format!("# - {}", candidate.description)));
    lines.extend(inference.advice.iter().map(|sentence| format!("# {sentence}")));
    lines.push(first.toml().trim_end().to_owned());
    for other in others {
        lines.push(format!("\n# Or: {}", other.description));
        // Its comments are those of the first.
        let document = other.toml().lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.extend(document.map(|line| format!("# {line}")));
    }
    lines.join("\n")
}

fn none(inference: &Inference) -> String {
    let mut lines = vec![format!("no scheme fits: {} layouts were tried", inference.tried)];
    if !inference.looked_at.is_empty() {
        lines.push(format!("  for the signature in {}", inference.looked_at.join(", ")));
    }
    lines.extend(inference.advice.iter().map(|sentence| format!("  {sentence}")));
    lines.join("\n")
}

impl<'i> Report<'i> {
    fn new(inference: &'i Inference) -> Self {
        let found = |candidate: &'i Candidate| Found {
            description: &candidate.description,
            open: &candidate.open,
            toml: candidate.toml(),
        };
        Self {
            found: inference.found.iter().map(found).collect(),
            looked_at: &inference.looked_at,
            tried: inference.tried,
            cut: inference.cut,
            advice: &inference.advice,
        }
    }
}
