//! `hookseal vectors`: runs a file of known answers.

use std::{collections::BTreeMap, ffi::OsString, sync::Arc};

use hookseal::{
    Mode, Part, Profile,
    vectors::{
        Challenge, ChallengeResult, VectorFile, VectorFileError, VectorResult, run_challenge, run_one,
    },
};
use serde::Serialize;

use crate::{
    cli::VectorsArgs,
    error::{CommandError, Status},
    inputs::{self, InputError},
    limits, output,
};

/// Why no vectors were run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VectorsError {
    /// An argument is not right.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is not one of vectors.
    #[error("{file} cannot be run")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: VectorFileError,
    },
    /// The file has nothing for what was asked.
    #[error("the file has no vector for `{}`", .name.display())]
    NoneFor {
        /// The profile.
        name: OsString,
    },
}

pub(crate) fn run(arguments: &VectorsArgs) -> Result<Status, CommandError> {
    let tally = tally(arguments)?;
    match arguments.json {
        true => output::json(&tally)?,
        false => tally.print()?,
    }
    Ok(if tally.failed == 0 && tally.unknown == 0 { Status::Good } else { Status::Bad })
}

/// What came of the vectors. What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Tally {
    passed: usize,
    failed: usize,
    unknown: usize,
    profiles: BTreeMap<String, Counts>,
    failures: Vec<FailedVector>,
    /// The ids of those that no profile is there for.
    unknown_ids: Vec<String>,
}

/// What came of the vectors of one profile.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    unknown: usize,
}

/// A vector that did not come out as expected.
#[derive(Debug, Serialize)]
struct FailedVector {
    id: String,
    profile: String,
    mode: &'static str,
    expected: String,
    got: String,
    why: String,
}

/// The outcome of one vector or handshake.
enum Outcome {
    Passed,
    Failed(Box<FailedVector>),
}

fn tally(arguments: &VectorsArgs) -> Result<Tally, VectorsError> {
    let bytes = inputs::read_file(&arguments.file, limits::VECTOR_FILE_BYTES_MAX)?;
    let file = VectorFile::parse(&bytes)
        .map_err(|source| VectorsError::File { file: arguments.file.display().to_string(), source })?;
    let asked = arguments
        .profiles
        .iter()
        .map(|name| Asked::new(name, &file))
        .collect::<Result<Vec<_>, VectorsError>>()?;
    let mut tally = Tally::default();
    for vector in file.vectors() {
        match find(&asked, &vector.scheme) {
            Found::NotAsked => {}
            Found::NoProfile => tally.count_unknown(&vector.scheme, &vector.id),
            Found::Profile(profile, part) => {
                let outcome = match run_one(vector, &profile, part) {
                    None => Outcome::Passed,
                    Some(result) => {
                        Outcome::Failed(Box::new(FailedVector::new(result, &profile, &vector.why)))
                    }
                };
                tally.count(profile.name(), outcome);
            }
        }
    }
    for challenge in file.challenges() {
        match find(&asked, &challenge.profile) {
            Found::NotAsked => {}
            Found::NoProfile => tally.count_unknown(&challenge.profile, &challenge.id),
            Found::Profile(profile, _) => {
                let outcome = match run_challenge(&file, challenge, &profile) {
                    None => Outcome::Passed,
                    Some(result) => {
                        Outcome::Failed(Box::new(FailedVector::of_challenge(result, &profile, challenge)))
                    }
                };
                tally.count(profile.name(), outcome);
            }
        }
    }
    Ok(tally)
}

/// A profile that was asked for by name.
struct Asked {
    name: String,
    profile: Option<Arc<Profile>>,
}

impl Asked {
    /// A name that stands in the file and that no profile has is asked for all the same: its vectors are unknown.
    fn new(name: &OsString, file: &VectorFile) -> Result<Self, VectorsError> {
        let text = name.to_string_lossy().into_owned();
        let schemes = || {
            let of_vectors = file.vectors().iter().map(|vector| &vector.scheme);
            of_vectors.chain(file.challenges().iter().map(|challenge| &challenge.profile))
        };
        let in_file = schemes().any(|scheme| *scheme == text);
        let asked = match inputs::profile(name) {
            Ok(profile) => Self { name: text, profile: Some(profile) },
            Err(InputError::UnknownProfile { .. }) if in_file => Self { name: text, profile: None },
            Err(error) => return Err(error.into()),
        };
        match schemes().any(|scheme| asked.covers(scheme)) {
            true => Ok(asked),
            false => Err(VectorsError::NoneFor { name: name.clone() }),
        }
    }

    /// Whether a scheme of a file is meant. `harvestr` means both of its schemes, `harvestr-challenge` that one.
    fn covers(&self, scheme: &str) -> bool {
        let of_profile = |profile: &Arc<Profile>| {
            let names_one_scheme = profile.name() != self.name && profile.scheme_for(&self.name).is_some();
            !names_one_scheme && profile.scheme_for(scheme).is_some()
        };
        scheme == self.name || self.profile.as_ref().is_some_and(of_profile)
    }
}

/// What is there for a scheme of the file.
enum Found {
    /// It was not asked for.
    NotAsked,
    /// It was asked for, and no profile knows it.
    NoProfile,
    /// This scheme of this profile.
    Profile(Arc<Profile>, Part),
}

fn find(asked: &[Asked], scheme: &str) -> Found {
    let with_part = |profile: &Arc<Profile>| Some((Arc::clone(profile), profile.scheme_for(scheme)?));
    let found = match asked.iter().find(|asked| asked.covers(scheme)) {
        Some(asked) => asked.profile.as_ref().and_then(with_part),
        None if asked.is_empty() => Profile::builtins().find_map(with_part),
        None => return Found::NotAsked,
    };
    found.map_or(Found::NoProfile, |(profile, part)| Found::Profile(profile, part))
}

impl Tally {
    fn count(&mut self, profile: &str, outcome: Outcome) {
        let counts = self.profiles.entry(profile.to_owned()).or_default();
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                counts.passed += 1;
            }
            Outcome::Failed(vector) => {
                self.failed += 1;
                counts.failed += 1;
                self.failures.push(*vector);
            }
        }
    }

    fn count_unknown(&mut self, scheme: &str, id: &str) {
        self.unknown += 1;
        self.profiles.entry(scheme.to_owned()).or_default().unknown += 1;
        self.unknown_ids.push(id.to_owned());
    }

    fn print(&self) -> Result<(), output::OutputError> {
        let width = self.profiles.keys().map(String::len).max().unwrap_or(0).max("profile".len());
        let row = |name: &str, counts: [&dyn std::fmt::Display; 3]| {
            output::line(format_args!("{name:<width$}  {:>6}  {:>6}  {:>7}", counts[0], counts[1], counts[2]))
        };
        row("profile", [&"passed", &"failed", &"unknown"])?;
        for (profile, counts) in &self.profiles {
            row(profile, [&counts.passed, &counts.failed, &counts.unknown])?;
        }
        for failure in &self.failures {
            let FailedVector { id, mode, expected, got, why, .. } = failure;
            output::line(format_args!("failed: {id} ({mode}): expected {expected}, got {got} [{why}]"))?;
        }
        for id in &self.unknown_ids {
            output::line(format_args!("unknown: {id}"))?;
        }
        output::line(format_args!("{} passed, {} failed, {} unknown", self.passed, self.failed, self.unknown))
    }
}

impl FailedVector {
    fn new(result: VectorResult, profile: &Profile, why: &str) -> Self {
        Self {
            id: result.id,
            profile: profile.name().to_owned(),
            mode: match result.mode {
                Mode::Strict => "strict",
                Mode::Compat => "compat",
            },
            expected: result.expected,
            got: result.got.as_str().to_owned(),
            why: why.to_owned(),
        }
    }

    /// Handshakes are answered alike in both modes.
    fn of_challenge(result: ChallengeResult, profile: &Profile, challenge: &Challenge) -> Self {
        Self {
            id: result.id,
            profile: profile.name().to_owned(),
            mode: "handshake",
            expected: result.expected,
            got: result.got,
            why: challenge.note.clone(),
        }
    }
}
