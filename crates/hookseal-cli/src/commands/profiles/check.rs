//! Whether profiles of one's own are right: every problem, with its place.

use std::path::Path;

use hookseal::{Profile, ProfileErrors, ProfileProblem};
use serde::Serialize;

use super::ProfilesError;
use crate::{
    cli::ProfilesCheckArgs,
    error::{CommandError, Status},
    inputs::{self, InputError},
    limits, output,
};

pub(super) fn run(arguments: &ProfilesCheckArgs) -> Result<Status, CommandError> {
    let read = arguments.files.iter().map(|file| Checked::read(file)).collect::<Result<Vec<_>, _>>();
    let checked = read.map_err(ProfilesError::Input)?;
    match arguments.json {
        true => output::json(&checked)?,
        false => checked.iter().flat_map(Checked::lines).try_for_each(output::line)?,
    }
    Ok(if checked.iter().all(|file| file.valid) { Status::Good } else { Status::Bad })
}

/// A file and what came of it. What `--json` prints, one for each file.
#[derive(Serialize)]
struct Checked {
    file: String,
    name: Option<String>,
    valid: bool,
    /// What the profile admits or does not check. Nothing that would have to be changed.
    not_proven: Vec<&'static str>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Problem {
    line: usize,
    column: usize,
    /// The path of the key.
    key: String,
    problem: String,
}

impl Checked {
    fn read(path: &Path) -> Result<Self, InputError> {
        let bytes = inputs::read_file(path, limits::PROFILE_FILE_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| InputError::NotText { path: path.to_owned() })?;
        let file = path.display().to_string();
        Ok(match Profile::parse(&text) {
            Ok(profile) => Self {
                file,
                name: Some(profile.name().to_owned()),
                valid: true,
                not_proven: profile.scheme().flags().names().collect(),
                problems: Vec::new(),
            },
            Err(errors) => {
                Self { file, name: None, valid: false, not_proven: Vec::new(), problems: problems(&errors) }
            }
        })
    }

    /// As compilers write them, so that editors find the place.
    fn lines(&self) -> Vec<String> {
        if let Some(name) = &self.name {
            let flags = match self.not_proven.as_slice() {
                [] => String::new(),
                flags => format!("; not proven: {}", flags.join(", ")),
            };
            return vec![format!("{}: `{name}` is right{flags}", self.file)];
        }
        let line = |problem: &Problem| {
            let key = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
            format!("{}:{}:{}: {key}{}", self.file, problem.line, problem.column, problem.problem)
        };
        self.problems.iter().map(line).collect()
    }
}

fn problems(errors: &ProfileErrors) -> Vec<Problem> {
    let problem = |problem: &ProfileProblem| Problem {
        line: problem.line(),
        column: problem.column(),
        key: problem.path().to_owned(),
        problem: problem.message().to_owned(),
    };
    errors.problems().iter().map(problem).collect()
}
