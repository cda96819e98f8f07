//! Finding the scheme of a captured request: the layout of what it signs, from the request and its secret alone.
//!
//! The axes of the schemes are searched, the plausible layouts first: which values of the request are signed, in which
//! order, with what between them, by which algorithm and key. Contents that begin alike are hashed once up to where they
//! differ. What fits is written as a profile, and counts if the verifier takes the requests by it.
//!
//! A tool for developers: it takes seconds where nothing fits, and belongs in no path of a request.

mod captured;
mod fields;
mod keys;
mod layout;
mod messages;
mod prove;
mod search;
mod shapes;
mod stages;
mod tokens;
mod trials;
mod values;
mod words;
mod write;

pub use captured::Captured;

use fields::{Field, fields};
use layout::Layout;
use search::Budget;
use stages::STAGES;
use trials::trials;

use crate::limits::{
    MAX_INFER_CANDIDATES, MAX_INFER_HASHED_BYTES, MAX_INFER_LAYOUTS, MAX_INFER_REQUESTS,
    MAX_VERIFYING_SECRETS,
};
use crate::profile::Profile;
use crate::secret::Secret;

/// The choices of an inference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InferOptions {
    /// The name of the profiles that are written: 1 to 64 lower-case letters, digits and hyphens.
    pub name: String,
    /// Most layouts that are tried.
    pub max_layouts: u64,
    /// Most bytes that are hashed.
    pub max_hashed_bytes: u64,
}

/// What came of an inference.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inference {
    /// The schemes that verify every request, the simplest first.
    pub found: Vec<Candidate>,
    /// The places that were taken for signatures, in words.
    pub looked_at: Vec<String>,
    /// How many layouts were tried.
    pub tried: u64,
    /// Whether the bounds ended it before all was tried.
    pub cut: bool,
    /// What to do next, in sentences: where several fit, what a further request would settle, and where none does,
    /// what may be wrong.
    pub advice: Vec<String>,
}

/// A scheme that verifies every request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The profile. [`Profile::source`] is its document, to be kept as a file.
    pub profile: Profile,
    /// What it is, in one line.
    pub description: String,
    /// What these requests cannot say about it, in sentences.
    pub open: Vec<String>,
}

/// Why nothing was looked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// No request was given.
    #[error("no request is given")]
    NoRequest,
    /// More requests than the bound allows.
    #[error("there are more than {limit} requests")]
    TooManyRequests {
        /// The bound.
        limit: usize,
    },
    /// No secret was given, or only empty ones.
    #[error("no secret is given")]
    NoSecret,
    /// More secrets than the bound allows.
    #[error("there are more than {limit} secrets")]
    TooManySecrets {
        /// The bound.
        limit: usize,
    },
    /// The name is none that a profile can have.
    #[error("the name of a profile is 1 to 64 lower-case letters, digits and hyphens")]
    Name,
}

/// Finds the schemes by which `requests` are signed with one of `secrets`.
///
/// Every candidate was read by [`Profile::parse`] and has verified every request in strict mode. The built-in profiles
/// play no part. The same arguments have the same outcome, and no bytes make it panic.
///
/// ```
/// use hookseal::Secret;
/// use hookseal::infer::{Captured, InferOptions, infer};
///
/// let signature = "154790b4c527ca72f4bf349f2fb7a7babdd32b282a42291538283b8ad18b4a20";
/// let captured = Captured {
///     method: "POST".to_owned(),
///     url: "https://app.example/hooks".to_owned(),
///     headers: vec![("X-Signature".to_owned(), signature.into())],
///     body: Vec::new(),
/// };
/// let secrets = [Secret::new("harvestr-secret-token-fake")];
///
/// let inference = infer(&[captured], &secrets, &InferOptions::default())?;
/// assert_eq!(inference.found[0].description, "hmac-sha256 over {body} in x-signature, key: utf8");
/// assert!(inference.found[0].toml().contains(r#"header = "x-signature""#));
/// # Ok::<(), hookseal::infer::InferError>(())
/// ```
///
/// # Errors
/// Always about the arguments: no or too many requests or secrets, or a name that no profile can have.
pub fn infer(
    requests: &[Captured],
    secrets: &[Secret],
    options: &InferOptions,
) -> Result<Inference, InferError> {
    check(requests, secrets, options)?;
    let search = Search { requests, secrets, options };
    Ok(search.run())
}

impl Default for InferOptions {
    fn default() -> Self {
        Self {
            name: "inferred".to_owned(),
            max_layouts: MAX_INFER_LAYOUTS,
            max_hashed_bytes: MAX_INFER_HASHED_BYTES,
        }
    }
}

impl Candidate {
    /// The document of the profile, with comments on what could not be known.
    pub fn toml(&self) -> &str {
        self.profile.source()
    }
}

fn check(requests: &[Captured], secrets: &[Secret], options: &InferOptions) -> Result<(), InferError> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let name = options.name.as_bytes();
    let named = name.first().is_some_and(|first| letter(*first))
        && name.len() <= 64
        && name.iter().all(|byte| letter(*byte) || *byte == b'-');
    match () {
        () if requests.is_empty() => Err(InferError::NoRequest),
        () if requests.len() > MAX_INFER_REQUESTS => {
            Err(InferError::TooManyRequests { limit: MAX_INFER_REQUESTS })
        }
        () if secrets.iter().all(|secret| secret.expose().is_empty()) => Err(InferError::NoSecret),
        () if secrets.len() > MAX_VERIFYING_SECRETS => {
            Err(InferError::TooManySecrets { limit: MAX_VERIFYING_SECRETS })
        }
        () if !named => Err(InferError::Name),
        () => Ok(()),
    }
}

struct Search<'s> {
    requests: &'s [Captured],
    secrets: &'s [Secret],
    options: &'s InferOptions,
}

/// What came of a request.
#[derive(Default)]
struct Outcome {
    found: Vec<Candidate>,
    advice: Vec<String>,
    /// Whether something fits this request, also where it does not fit the others.
    fits_sample: bool,
}

impl Search<'_> {
    fn run(&self) -> Inference {
        let mut budget = Budget {
            layouts: self.options.max_layouts,
            bytes: self.options.max_hashed_bytes,
            tried: 0,
            hashed: 0,
        };
        // The shortest body is hashed most cheaply, and the others only judge what is found. What fits that one and
        // not the others may have been read too simply there, as a list of one, so that another is looked at.
        let mut samples: Vec<&Captured> = self.requests.iter().collect();
        samples.sort_by_key(|request| request.body.len());
        let mut outcome = Outcome::default();
        let mut split = false;
        for sample in &samples {
            outcome = self.try_sample(sample, &mut budget);
            if !outcome.found.is_empty() || !outcome.fits_sample {
                break;
            }
            split = samples.len() > 1;
        }
        let fields = samples.first().map_or(Vec::new(), |sample| fields(sample));
        if outcome.found.is_empty() {
            outcome = Outcome { found: self.unsigned(&samples), ..Outcome::default() };
            if outcome.found.is_empty() {
                outcome.advice = words::nothing_fits(&fields, &samples, budget.is_spent(), split);
            }
        }
        if outcome.found.len() > 1 && outcome.advice.is_empty() {
            outcome.advice.push(words::ANOTHER_REQUEST.to_owned());
        }
        Inference::of(outcome, &fields, budget)
    }

    /// What needs no search: components that the request lists, and secrets that it holds.
    fn unsigned(&self, samples: &[&Captured]) -> Vec<Candidate> {
        let Some(sample) = samples.first() else { return Vec::new() };
        match messages::candidate(sample, self.requests, self.secrets, &self.options.name) {
            Some(found) => vec![found],
            None => tokens::candidates(sample, self.requests, self.secrets, &self.options.name),
        }
    }

    fn try_sample(&self, sample: &Captured, budget: &mut Budget) -> Outcome {
        let fields = fields(sample);
        let (likely, unlikely): (Vec<&Field>, Vec<&Field>) =
            fields.iter().partition(|field| field.place.sounds_like_a_signature());
        let outcome = self.try_fields(sample, &likely, budget);
        match outcome.found.is_empty() {
            true => {
                let second = self.try_fields(sample, &unlikely, budget);
                Outcome { fits_sample: outcome.fits_sample || second.fits_sample, ..second }
            }
            false => outcome,
        }
    }

    /// Tries stage after stage, and ends with the first in which something fits.
    fn try_fields(&self, sample: &Captured, fields: &[&Field], budget: &mut Budget) -> Outcome {
        let trials = trials(sample, fields, self.secrets);
        let mut fits_sample = false;
        for stage in STAGES {
            let mut layouts: Vec<Layout<'_>> = Vec::new();
            for trial in trials.iter().filter(|trial| trial.family == stage.family) {
                layouts.extend(trial.layouts(*stage, budget));
            }
            fits_sample |= !layouts.is_empty();
            let (found, proven) = self.prove(&layouts);
            if !found.is_empty() {
                return Outcome { found, advice: words::what_would_settle(&proven), fits_sample };
            }
        }
        Outcome { fits_sample, ..Outcome::default() }
    }

    /// The layouts that verify every request, each once.
    fn prove<'l>(&self, layouts: &[Layout<'l>]) -> (Vec<Candidate>, Vec<Layout<'l>>) {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut proven = Vec::new();
        for layout in layouts.iter().flat_map(Layout::by_source) {
            if candidates.len() == MAX_INFER_CANDIDATES {
                break;
            }
            let Some(candidate) = self.prove_layout(&layout) else { continue };
            if candidates.iter().all(|known| known.description != candidate.description) {
                candidates.push(candidate);
                proven.push(layout);
            }
        }
        (candidates, proven)
    }

    /// The simplest variant of a layout that verifies every request.
    fn prove_layout(&self, layout: &Layout<'_>) -> Option<Candidate> {
        layout.variants().into_iter().find_map(|variant| {
            let open = words::open(layout, variant, self.requests);
            let document = |admitted: &[&'static str]| {
                let heading = write::Heading { name: &self.options.name, open: &open, admitted };
                write::document(layout, variant, self.requests, heading)
            };
            let profile = prove::prove(document, self.requests, self.secrets)?;
            Some(Candidate { profile, description: layout.describe(variant), open })
        })
    }
}

impl Inference {
    fn of(outcome: Outcome, fields: &[Field], budget: Budget) -> Self {
        let mut looked_at: Vec<String> = fields.iter().map(|field| field.place.describe()).collect();
        looked_at.dedup();
        Self {
            found: outcome.found,
            looked_at,
            tried: budget.tried,
            cut: budget.is_spent(),
            advice: outcome.advice,
        }
    }
}
